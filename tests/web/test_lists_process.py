"""The federal lists from a real web process: long ones in pieces, readers who stop reading, and nothing in its log."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db.engine import Database
from db.tables import PublishedRow
from db.writes.federal.publications import make_current, open_publication
from starter.stack.processes import choose_ports
from tests.fixtures.migrated import migrate_sqlite
from tests.support.documents import new_npn
from tests.support.patience import PATIENCE
from tests.web.lists import LISTS, NOW, Site, rcl, rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
# More than the system keeps on its way to a reader who doesn't read.
MANY = 100_000
READERS = 20
SOCKETS = Path("/proc/net/tcp")


@dataclass(frozen=True)
class Process(Site):
    """The same with a web process of its own, and the RCL's rows written past everybody."""

    log: Path

    async def publish_rows(self, cells: list[str] | None, npns: list[str]) -> None:
        """Publishes the RCL with these NPNs' rows changed to these cells; without any they are taken out."""
        number = await self.database.write(open_publication, NOW.date(), NOW, forced=True)
        lines: list[dict[str, Any]] = [
            {
                "list_name": "rcl",
                "key": f"2024:{npn}",
                "publication": number,
                "owner": f"ast_{npn}:2024",
                "cells": cells and [npn, *cells],
            }
            for npn in npns
        ]
        await self.database.write(Session.execute, insert(PublishedRow), lines)
        await self.database.write(make_current, number, NOW)


CELLS = ["2024", "10/03/2023", "", "10/04/2023", "", "Y", ""]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    """One that all tests here share, with an empty publication at first."""
    folder = tmp_path_factory.mktemp("site")
    url = f"sqlite+aiosqlite:///{migrate_sqlite(folder)}"
    database = Database(url)
    with served(url, folder) as address:
        async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE, trust_env=False) as http:
            found = Process(http, database, folder / "web.log")
            await found.publish()
            yield found
    await database.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def npns(site: Process) -> list[str]:
    """The NPNs of an RCL that is long."""
    found = [str(2_000_000_000 + number) for number in range(MANY)]
    await site.publish_rows(CELLS, found)
    return found


@contextmanager
def served(database: str, folder: Path) -> Iterator[str]:
    """`python -m web`, as it is started everywhere; nobody answers as Temporal."""
    ports = choose_ports(("web", "temporal"), {})
    urls = {
        f"CERTIFY_{name}_URL": "http://127.0.0.1:9"
        for name in ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "MLMS", "PORTAL")
    }
    told = {
        "CERTIFY_DATABASE_URL": database,
        "CERTIFY_IDENTITY_KEY": "5a" * 32,
        "CERTIFY_WEB_PORT": str(ports["web"]),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{ports['temporal']}",
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    ours = ("CERTIFY_", "TEMPORAL_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command, address = (sys.executable, "-m", "web"), f"http://127.0.0.1:{ports['web']}"
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**environment, **urls, **told}, stdout=log, stderr=log)
    try:
        wait_for(f"{address}/healthz")
        yield address
    finally:
        process.kill()
        process.wait()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the web did not come up")


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_is_a_file_by_name_and_head_tells_of_it(site: Process, name: str) -> None:
    for file, named in ((f"{name}.csv", f"{name}.csv"), (f"{name}.json?plan_year=2024", f"{name}-2024.json")):
        got, head = await site.get(file), await site.http.head(f"/registry/{file}")
        assert got.headers["content-disposition"] == f'attachment; filename="{named}"'
        assert (head.status_code, head.content) == (200, b"")
        for header in ("etag", "last-modified", "content-type", "content-disposition"):
            assert head.headers[header] == got.headers[header]


@pytest.mark.parametrize(
    "file", ["tracker.csv", "find_local_help.csv", "nothing.json", "rcl.xml", "rcl", "..%2Frcl.csv"]
)
async def test_there_is_no_other_list(site: Process, file: str) -> None:
    answer = await site.get(file)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_no_npn_reaches_the_log_not_even_when_everything_fails(site: Process) -> None:
    npn = new_npn()
    for path in (npn, f"{npn}.csv", f"{npn}0", f"{npn}?plan_year=2024&npn={npn}"):
        await site.get(f"tracker/{path}")
    await site.database.write(Session.execute, text("ALTER TABLE published_row RENAME TO elsewhere"))
    try:
        assert (await site.get(f"tracker/{npn}")).status_code == 500
    finally:
        await site.database.write(Session.execute, text("ALTER TABLE elsewhere RENAME TO published_row"))
    log = site.log.read_text()
    assert "request failed" in log
    assert npn not in log


async def test_b19_a_long_list_comes_whole_in_pieces(site: Process, npns: list[str]) -> None:
    async with site.http.stream("GET", "/registry/rcl.csv") as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert "content-length" not in answer.headers
    assert len(pieces) > 3
    assert [one.npn for one in rcl(b"".join(pieces))] == npns
    assert [row["npn"] for row in (await site.get("rcl.json?plan_year=2024")).json()["rows"]] == npns


async def test_readers_who_stop_reading_keep_nobody_waiting(site: Process, npns: list[str]) -> None:
    """More of them than there are connections to the database; who waited for them would wait for ever."""
    limits = httpx2.Limits(max_connections=100)
    async with (
        AsyncExitStack() as stack,
        httpx2.AsyncClient(base_url=site.http.base_url, limits=limits, timeout=PATIENCE) as crowd,
    ):
        for _ in range(READERS):
            answer = await stack.enter_async_context(crowd.stream("GET", "/registry/rcl.csv"))
            assert answer.status_code == 200
        async with asyncio.timeout(PATIENCE):
            while stuck(site.http.base_url.port or 0) < READERS:
                await asyncio.sleep(0.05)
        async with asyncio.timeout(PATIENCE):
            assert (await site.get("tracker/1234567")).status_code == 404
            assert len((await site.get("terminations.csv")).content.splitlines()) == 1


def stuck(port: int) -> int:
    """The connections of a server that hold something its readers don't take; all, where the system doesn't tell."""
    if not SOCKETS.exists():
        return READERS
    lines = [line.split() for line in SOCKETS.read_text().splitlines()[1:]]
    return sum(one[1].endswith(f":{port:04X}") and int(one[4].partition(":")[0], 16) > 0 for one in lines)


async def test_b19_a_reader_gets_the_list_it_began_or_is_cut_off_and_never_told_a_mixture(
    site: Process, npns: list[str]
) -> None:
    """One publication meanwhile does no harm; after two, what was said at first can't be told to its end."""
    async with (
        site.http.stream("GET", "/registry/rcl.csv") as slow,
        site.http.stream("GET", "/registry/rcl.csv") as slower,
    ):
        read, unread = slow.aiter_raw(), slower.aiter_raw()
        pieces = [await anext(read)]
        await anext(unread)
        await site.publish_rows(None, npns[-1:])
        pieces += [piece async for piece in read]
        assert len(rcl(b"".join(pieces))) == MANY
        assert len(rows((await site.get("rcl.csv")).content)) == MANY - 1
        await site.publish_rows(CELLS, npns[-1:])
        with pytest.raises(httpx2.RemoteProtocolError):
            _ = [piece async for piece in unread]
    assert "Superseded" in site.log.read_text()
