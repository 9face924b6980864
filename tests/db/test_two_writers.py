"""Two processes that write at once lose nothing."""

import subprocess
import sys

from db.engine import Database
from tests.db.increment import make_counter, read_counter
from tests.support.patience import PATIENCE

TIMES = 200


async def test_two_processes_incrementing_one_counter_lose_nothing(url: str) -> None:
    database = Database(url)
    try:
        await database.write(make_counter)
        processes = [_writer(url), _writer(url)]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate(timeout=PATIENCE)
            assert (process.returncode, errors) == (0, "")
        assert await database.read(read_counter) == 2 * TIMES
    finally:
        await database.close()


def _writer(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.db.increment", url, str(TIMES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
