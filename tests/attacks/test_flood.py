"""A real web process under a flood: its memory and how soon it answers others, as ratios to what they were before."""

import asyncio
from pathlib import Path
from statistics import median
from time import monotonic
from urllib.parse import urlsplit

import httpx2

from tests.attacks.test_client import FIRST
from tests.fixtures.migrated import migrate_sqlite
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
        async with httpx2.AsyncClient(base_url=address, timeout=60, trust_env=False) as http:
            alone = await time_answers(http, 20)
            before = read_memory(port)
            attack = asyncio.gather(*(flood(port) for _ in range(ATTACKERS)))
            meanwhile = await time_answers(http, 20)
            await attack
            after = read_memory(port)
    # All of it kept would be nearly 200 MiB; a busy machine alone makes answers several times as slow.
    assert after < 1.15 * before, (before, after)
    assert meanwhile < 50 * alone + 0.5, (alone, meanwhile)
