"""Background work is done by one process at a time, and goes on when that one dies, loses its lease, or fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from db import migrate
from db.engine import Database
from db.reads.house.operations import BACKGROUND
from db.tables import LeaseRow
from db.writes.drafts import LIFE, begin_draft, find_draft
from db.writes.leases import take_lease
from starter import background
from starter.background import keep_purging, run_background
from starter.delivery import keep_delivering
from tests.support import documents
from tests.support.opening import open_case
from tests.support.patience import PATIENCE

TERM, EVERY = timedelta(seconds=2), 0.05
KEY = b"a test's key"


class Process:
    """One process's background work; ``is_working`` is whether it does it now."""

    def __init__(self) -> None:
        self.is_working = False
        self.task: asyncio.Task[None]

    async def work(self) -> None:
        self.is_working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_working = False


class NoCodes:
    """Sends no letters, asks no registry, tells of no appeals, and takes no files."""

    async def keep_sending(self) -> None:
        await asyncio.Event().wait()

    async def keep_asking(self) -> None:
        await asyncio.Event().wait()

    async def keep_telling(self) -> None:
        await asyncio.Event().wait()

    async def keep_taking(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _only_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done is whatever the process does: here it is looked at, and not done."""
    monkeypatch.setattr(background, "keep_delivering", lambda _, process: process.work())


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}"


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrate.upgrade, url)
    database = Database(url)
    yield database
    await database.close()


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[Process]:
    process = Process()
    work = run_background(database, process, NoCodes(), NoCodes(), NoCodes(), NoCodes(), TERM, EVERY)  # type: ignore[arg-type]
    process.task = asyncio.create_task(work)
    try:
        yield process
    finally:
        await end(process)


async def end(process: Process) -> None:
    process.task.cancel()
    with suppress(asyncio.CancelledError):
        await process.task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


async def renewals(database: Database, number: int) -> None:
    """Waits until the lease was renewed so often, whoever has it."""
    seen: set[Any] = set()
    async with asyncio.timeout(PATIENCE):
        while len(seen) <= number:
            seen.add(await database.read(Session.scalar, text("SELECT expires_at FROM lease")))
            await asyncio.sleep(0.01)


async def test_one_process_works_and_another_as_soon_as_it_ends(database: Database) -> None:
    async with running(database) as first:
        await until(lambda: first.is_working)
        async with running(database) as second:
            await renewals(database, 5)
            assert (first.is_working, second.is_working) == (True, False)
            await end(first)
            assert not first.is_working
            await until(lambda: second.is_working)


async def test_a_process_that_was_killed_is_followed_once_its_lease_has_expired(database: Database) -> None:
    assert await database.write(take_lease, BACKGROUND, "killed", datetime.now(UTC), TERM)
    async with running(database) as process:
        await until(lambda: process.is_working)
    expired = datetime.now(UTC) - TERM
    assert await database.write(take_lease, BACKGROUND, "next", expired, TERM), "it was given back at the end"


async def test_a_process_whose_lease_is_another_s_stops_until_that_one_has_expired(database: Database) -> None:
    """It stood still for so long that somebody else took over."""
    async with running(database) as process:
        await until(lambda: process.is_working)
        ends = datetime.now(UTC) + timedelta(hours=1)
        await database.write(Session.execute, update(LeaseRow).values(holder="somebody", expires_at=ends))
        await until(lambda: not process.is_working)
        past = datetime.now(UTC) - timedelta(seconds=1)
        await database.write(Session.execute, update(LeaseRow).values(expires_at=past))
        await until(lambda: process.is_working)


async def test_a_process_that_can_t_renew_stops_before_another_may_begin_and_goes_on_later(database: Database) -> None:
    async with running(database) as process:
        await until(lambda: process.is_working)
        await database.write(Session.execute, text("ALTER TABLE lease RENAME TO elsewhere"))
        await until(lambda: not process.is_working)
        assert not process.task.done()
        await database.write(Session.execute, text("ALTER TABLE elsewhere RENAME TO lease"))
        await until(lambda: process.is_working)


async def test_a_database_without_tables_stops_nothing_for_good(url: str) -> None:
    """The worker was started before its database was migrated."""
    database = Database(url)
    async with running(database) as process:
        await asyncio.to_thread(migrate.upgrade, url)
        await until(lambda: process.is_working)
    await database.close()


class Temporal:
    """Cases' workflows at a Temporal server that can't be reached at first."""

    def __init__(self) -> None:
        self.refused = 0
        self.begun: list[str] = []

    async def can_reach_temporal(self) -> bool:
        self.refused += self.refused < 2
        return self.refused == 2

    async def start_workflow(self, case: Any) -> None:
        self.begun.append(case.case_id)


async def test_c1_what_was_stored_is_delivered_once_temporal_is_there(database: Database) -> None:
    opened = await open_case(database, KEY, documents.broker(), datetime.now(UTC) - timedelta(minutes=1))
    temporal = Temporal()
    task = asyncio.create_task(keep_delivering(database, temporal, every=0.01))  # type: ignore[arg-type]
    await until(lambda: bool(temporal.begun))
    assert (temporal.refused, temporal.begun[0]) == (2, opened.case_id)
    task.cancel()
    await asyncio.wait([task])


async def test_expired_drafts_are_deleted_after_a_failed_round_too(url: str) -> None:
    database = Database(url)
    with pytest.MonkeyPatch.context() as patch:
        failed: list[str] = []
        patch.setattr(background.log, "warning", lambda said, **_: failed.append(said))
        work = asyncio.create_task(keep_purging(database, every=0.02))
        await until(lambda: bool(failed))
    await asyncio.to_thread(migrate.upgrade, url)
    now = datetime.now(UTC)
    old = await database.write(begin_draft, {"kind": "agent"}, now - LIFE)
    fresh = await database.write(begin_draft, {"kind": "broker"}, now)
    async with asyncio.timeout(PATIENCE):
        while await database.read(find_draft, old, now - timedelta(seconds=1)):
            await asyncio.sleep(0.02)
    assert await database.read(find_draft, fresh, now) == {"kind": "broker"}
    assert not work.done()
    work.cancel()
    await asyncio.wait([work])
    await database.close()
