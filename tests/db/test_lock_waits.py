"""A unit doesn't wait for a lock for ever: its caller has given up, and others need its connection."""

import asyncio
import threading
from collections.abc import AsyncIterator
from time import monotonic

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.case_state import load_snapshot
from db.engine import Database
from db.writes.cases import flag_case
from db.writes.facts import lock_case
from tests.support import documents
from tests.support.office import KEY, NOW
from tests.support.opening import open_case

PATIENCE = 0.5


@pytest_asyncio.fixture
async def two(migrated_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """The databases of two processes, the second with one connection and little patience."""
    databases = Database(migrated_url), Database(migrated_url, pool_size=1, lock_seconds=PATIENCE)
    yield databases
    for database in databases:
        await database.close()


async def test_a_unit_that_waits_for_a_case_gives_up_and_its_connection_is_free_again(
    two: tuple[Database, Database],
) -> None:
    one, other = two
    case_id = (await open_case(one, KEY, documents.broker(), NOW)).case_id
    locked, done = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        lock_case(session, case_id)
        locked.set()
        done.wait(90)

    holding = asyncio.create_task(one.write(hold))
    assert await asyncio.to_thread(locked.wait, 60)
    began = monotonic()
    with pytest.raises(DBAPIError):
        await asyncio.wait_for(other.write(flag_case, case_id, "mail_refused", NOW), 60)
    assert PATIENCE * 0.9 <= monotonic() - began < 60
    # The only connection is free for others, though the case is still held.
    await asyncio.wait_for(other.read(load_snapshot, case_id), 60)
    done.set()
    await holding
    await other.write(flag_case, case_id, "mail_refused", NOW)
    assert (await other.read(load_snapshot, case_id)).case.flag == "mail_refused"
