"""What is left to do beside requests and workflows: deliveries, letters, files of imports, digests, what expired.

One worker at a time does it, elected by a lease in the database with a time limit, which it renews while it works; the
others stand by. One that dies leaves the lease behind until it expires; then the next one takes it. For a moment two
may work (a process that was stopped for a while, clocks that differ): no harm, since all of it may be done twice.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.engine import Database
from db.reads.house.audit_chain import digest_due_day
from db.reads.house.operations import BACKGROUND
from db.writes.drafts import purge_drafts
from db.writes.house.audit_digests import keep_digest
from db.writes.house.call_counts import purge_counts
from db.writes.leases import give_back_lease, take_lease
from db.writes.own.codes import purge_codes
from domain.shared.traces import locate_error
from starter.appeals import Appeals
from starter.cases import Cases, now
from starter.delivery import keep_delivering
from starter.imports import Imports
from starter.letters import LetterSender
from starter.lookups import RegistryLookups

log = structlog.get_logger(__name__)

# When a worker is killed nobody does its work for a term at most; three renewals in a row may fail before it is lost.
TERM = timedelta(seconds=12)
RENEWED_EVERY = 3.0
PURGED_EVERY = 300.0
DIGESTED_EVERY = 300.0


async def run_background(
    database: Database,
    cases: Cases,
    letters: LetterSender,
    lookups: RegistryLookups,
    appeals: Appeals,
    imports: Imports,
    term: timedelta = TERM,
    every: float = RENEWED_EVERY,
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
                others = (letters.keep_sending, lookups.keep_asking, appeals.keep_telling, imports.keep_taking)
                await _work_while_leased(database, cases, others, holder, term, every, began)
                log.warning("background work ends: the lease could not be renewed")
            await asyncio.sleep(every)
    finally:
        with suppress(SQLAlchemyError):  # it runs out by itself
            await database.write(give_back_lease, BACKGROUND, holder, now())


async def _work_while_leased(
    database: Database,
    cases: Cases,
    others: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    holder: str,
    term: timedelta,
    every: float,
    began: float,
) -> None:
    """Works until the lease is somebody else's, or could not be renewed for as long as it lasts."""
    beside = (
        keep_delivering(database, cases),
        *(keep_working() for keep_working in others),
        keep_purging(database),
        keep_digesting(database),
    )
    work = [asyncio.create_task(one) for one in beside]
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
        return await database.write(take_lease, BACKGROUND, holder, now(), term)
    except Exception as error:  # tried again while the last term lasts
        log.warning("lease not renewed", error=type(error).__name__, where=locate_error(error))
        return None


async def keep_purging(database: Database, every: float = PURGED_EVERY) -> None:
    """Deletes expired drafts, codes and counts of calls until cancelled; a failed round is logged, and tried again."""
    while True:
        try:
            await database.write(purge_drafts, now())
            await database.write(purge_codes, now())
            await database.write(purge_counts, now())
        except Exception as error:  # the next round tries again
            log.warning("not purged", error=type(error).__name__, where=locate_error(error))
        await asyncio.sleep(every)


async def keep_digesting(database: Database, every: float = DIGESTED_EVERY) -> None:
    """Digests each day of the audit that is over, until cancelled; the log keeps the digest outside the database."""
    while True:
        try:
            while made := await database.read(digest_due_day, now()):
                # Read first, since a long day would keep everybody else from writing; nothing of it changes any more.
                await database.write(keep_digest, made, now())
                log.info("audit digested", day=made.day.isoformat(), rows=made.rows, digest=made.digest)
        except Exception as error:  # the next round tries again
            log.warning("audit not digested", error=type(error).__name__, where=locate_error(error))
        await asyncio.sleep(every)
