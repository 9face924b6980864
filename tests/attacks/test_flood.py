"""A real web process under a flood: its memory and how soon it answers others, as ratios to what they were before."""

import asyncio
import json
from pathlib import Path
from statistics import median
from time import monotonic
from urllib.parse import urlencode, urlsplit

import httpx2

from tests.attacks.test_client import FIRST, TOKEN
from tests.fixtures.migrated import migrate_sqlite
from tests.support.patience import PATIENCE
from tests.web.test_lists_process import served

ATTACKERS, ROUNDS = 24, 2
PIECE = b"a" * 65_536
PIECES = 128  # 8 MiB of one header, which never ends


def read_memory(port: int) -> int:
    """The most memory, in KiB, that the process which was told this port has had."""
    told = f"CERTIFY_WEB_PORT={port}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if told in (folder / "environ").read_bytes().split(b"\0"):
                lines = (folder / "status").read_text().splitlines()
                return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
        except (OSError, StopIteration):
            continue
    raise AssertionError("there is no such process")


async def flood(port: int) -> None:
    """Sends one header without an end, until the connection is closed."""
    for _ in range(ROUNDS):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(FIRST + b"X-A: ")
            for _ in range(PIECES):
                writer.write(PIECE)
                await writer.drain()
        except ConnectionError:
            continue
        finally:
            writer.close()


# A body as large as may be, each of its fields at fault, and each of its values a nest.
FAULTY = json.dumps({f"f{number}": [[[["x"]]]] for number in range(10_000)}).encode()
assert len(FAULTY) < 256 * 1024


# What amplifiers send all in all: three bodies of that size and two forms, each so often.
SENT = (ATTACKERS // 3) * ROUNDS * (3 * len(FAULTY) + 2 * 199_000)


async def amplify(http: httpx2.AsyncClient) -> int:
    """Sends what could be answered by much more; how many bytes come back for those that were sent, all in all."""
    form = urlencode({f"f{number}": "x" * 1000 for number in range(199)})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    calls: list[tuple[str, bytes, dict[str, str]]] = [
        ("/webhooks/lms", FAULTY, {}),
        ("/xapi/statements", FAULTY, {}),
        ("/api/requests", FAULTY, {"Authorization": f"Bearer {TOKEN}"}),
        ("/portal/register", form.encode(), kind),
        ("/me/code", form.encode(), kind),
    ]
    answers = [await http.post(path, content=body, headers=headers) for path, body, headers in calls * ROUNDS]
    assert all(answer.status_code < 500 for answer in answers), [answer.status_code for answer in answers]
    return sum(len(answer.content) for answer in answers)


async def time_answers(http: httpx2.AsyncClient, number: int) -> float:
    """How long an answer takes, in seconds: the median of several."""
    taken = []
    for _ in range(number):
        began = monotonic()
        assert (await http.get("/healthz")).status_code == 200
        taken.append(monotonic() - began)
    return median(taken)


async def test_a_flood_takes_no_memory_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    with served(f"sqlite+aiosqlite:///{migrate_sqlite(tmp_path)}", tmp_path) as address:
        port = urlsplit(address).port
        assert port is not None
        async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE, trust_env=False) as http:
            alone = await time_answers(http, 20)
            before = read_memory(port)
            attack = asyncio.gather(*(flood(port) for _ in range(ATTACKERS)))
            meanwhile = await time_answers(http, 20)
            await attack
            flooded = read_memory(port)
            amplifiers = asyncio.gather(*(amplify(http) for _ in range(ATTACKERS // 3)))
            amplified = await time_answers(http, 20)
            told = sum(await amplifiers)
            after = read_memory(port)
            alone = max(alone, await time_answers(http, 20))  # others may have begun to keep the machine busy
    # All of it kept would be nearly 200 MiB; a busy machine alone makes answers several times as slow.
    assert flooded < 1.15 * before, (before, flooded)
    assert after < 1.5 * before, (before, after)
    assert max(meanwhile, amplified) < 50 * alone + 1, (alone, meanwhile, amplified)
    # What is sent back is less than what was sent, and far less than what one could hope for.
    assert told < SENT / 4, (told, SENT)
