"""What is left to do beside requests and workflows: delivery of what waits, and drafts that have expired.

One worker at a time does it, elected by a lease in the database with a time limit, which it renews while it works; the
others stand by. One that dies leaves the lease behind until it expires; then the next one takes it. For a moment two
may work (a process that was stopped for a while, clocks that differ): no harm, since all of it may be done twice.
"""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.engine import Database
from db.writes.drafts import purge_drafts
from db.writes.leases import give_back_lease, take_lease
from domain.shared.traces import locate_error
from starter.cases import Cases, now
from starter.delivery import keep_delivering

log = structlog.get_logger(__name__)

LEASE = "background"
# When a worker is killed nobody does its work for a term at most; three renewals in a row may fail before it is lost.
TERM = timedelta(seconds=12)
RENEWED_EVERY = 3.0
PURGED_EVERY = 300.0


async def run_background(
    database: Database, cases: Cases, term: timedelta = TERM, every: float = RENEWED_EVERY
) -> None:
    """Works whenever it holds the lease, until cancelled; then the lease is given back.

    A lease is a row and no lock of the database: that ends with its connection, which a pool may keep after the
    process stood still, and SQLite has none (docs/decisions/0020).
    """
    holder = uuid4().hex
    try:
        while True:
            # The term counts from before the question: its answer may take a while.
            began = time.monotonic()
            if await _try_lease(database, holder, term):
                log.info("background work begins")
                await _work_while_leased(database, cases, holder, term, every, began)
                log.warning("background work ends: the lease could not be renewed")
            await asyncio.sleep(every)
    finally:
        with suppress(SQLAlchemyError):  # it runs out by itself
            await database.write(give_back_lease, LEASE, holder, now())


async def _work_while_leased(
    database: Database, cases: Cases, holder: str, term: timedelta, every: float, began: float
) -> None:
    """Works until the lease is somebody else's, or could not be renewed for as long as it lasts."""
    work = [asyncio.create_task(one) for one in (keep_delivering(database, cases), keep_purging(database))]
    try:
        is_renewed: bool | None = True
        while is_renewed is not False and time.monotonic() < began + term.total_seconds():
            await asyncio.sleep(every)
            tried = time.monotonic()
            is_renewed = await _try_lease(database, holder, term)
            began = tried if is_renewed else began
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _try_lease(database: Database, holder: str, term: timedelta) -> bool | None:
    """Whether the lease is this holder's for another term; None where the database could not say."""
    try:
        return await database.write(take_lease, LEASE, holder, now(), term)
    except Exception as error:  # tried again while the last term lasts
        log.warning("lease not renewed", error=type(error).__name__, where=locate_error(error))
        return None


async def keep_purging(database: Database, every: float = PURGED_EVERY) -> None:
    """Deletes expired drafts until cancelled; a failed round is logged by its kind, and tried again."""
    while True:
        try:
            await database.write(purge_drafts, now())
        except Exception as error:  # the next round tries again
            log.warning("drafts not purged", error=type(error).__name__, where=locate_error(error))
        await asyncio.sleep(every)
