"""What the staff console reads: lists of cases, counts, search, a case's file, webhooks, numbers; it writes nothing."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.cursors import Cursor, Page
from db.engine import Database
from db.reads import pending as outstanding
from db.reads.case_file import CaseFile, case_file
from db.reads.counts import Counter, Counts
from db.reads.dashboard import Dashboard, dashboard
from db.reads.pending import HELD, Altered, Held
from db.reads.queue import (
    ExportedCase,
    Filters,
    ListedCase,
    Place,
    QueuePage,
    View,
    cases_from,
    exported_from,
    page_of_cases,
    place_of,
)
from db.reads.search import found_cases
from db.tables import Case, EvidenceRow, FactRow, SentMail
from domain.shared.facts import FactKind

MOST = 200
EXPORTED = 1000
NUMBERS_STAND = timedelta(seconds=30)
Kept = TypeVar("Kept", EvidenceRow, SentMail)


class Console:
    """Reads for staff; each page is a few dozen rows by an index, however many cases there are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counter = Counter(database)
        self._dashboard: Dashboard | None = None

    # lists

    async def queue(self, filters: Filters, after: Cursor | None = None, limit: int = 25) -> QueuePage:
        """Cases that staff should look at, oldest first. Raises `Invalid` for a cursor that is none."""
        async with self._database.open_reader() as session:
            return await session.run_sync(page_of_cases, View.QUEUE, filters, after, min(limit, MOST))

    async def all_cases(self, filters: Filters, after: Cursor | None = None, limit: int = 25) -> QueuePage:
        """Every case, newest first. Raises `Invalid` for a cursor that is none."""
        async with self._database.open_reader() as session:
            return await session.run_sync(page_of_cases, View.ALL, filters, after, min(limit, MOST))

    async def counts(self, filters: Filters, view: str = View.QUEUE) -> Counts:
        """How many cases a list has ("queue" or "all"), and of each facet; a few seconds old."""
        return await self._counter.counts(filters, View(view))

    def counts_changed(self) -> None:
        """What this process just wrote is in the next counts, the dashboard's too."""
        self._counter.changed()
        self._dashboard = None

    async def next_in_queue(self, filters: Filters, after_case_id: str) -> str | None:
        """The case to look at after this one, which may have left the queue meanwhile; None when there is none.

        After the last one comes the first.
        """
        async with self._database.open_reader() as session:
            since = await session.run_sync(_since, after_case_id)
            for place in (None,) if since is None else ((since, after_case_id), None):
                found = await session.run_sync(cases_from, View.QUEUE, filters, place, 2)
                others = [one.case_id for one in found if one.case_id != after_case_id]
                if others:
                    return others[0]
        return None

    async def search(self, words: str, limit: int = 50) -> list[ListedCase]:
        """Cases by name, NPN or e-mail, each word the beginning of one; or by the number of a certificate.

        Raises `Invalid` for more words than can be looked for.
        """
        async with self._database.open_reader() as session:
            return await session.run_sync(found_cases, words, min(limit, MOST))

    async def export(self, filters: Filters, view: str = View.QUEUE) -> AsyncIterator[list[ExportedCase]]:
        """A whole list in its order, a page at a time; nothing is held between two pages."""
        which = View(view)
        place: Place | None = None
        while True:
            async with self._database.open_reader() as session:
                page = await session.run_sync(exported_from, which, filters, place, EXPORTED)
            if page:
                yield page
            if len(page) < EXPORTED:
                return
            place = place_of(page[-1], which)

    # one case

    async def case_file(self, case_id: str, now: datetime) -> CaseFile:
        """Everything about a case. Raises `UnknownCase`."""
        async with self._database.open_reader() as session:
            return await session.run_sync(case_file, case_id, now)

    async def evidence(self, case_id: str, key: str) -> EvidenceRow | None:
        """A third party's raw answer about this case."""
        return await self._kept(EvidenceRow, case_id, key)

    async def mail(self, case_id: str, key: str) -> SentMail | None:
        """An e-mail about this case as it was sent, without the secrets of its links."""
        return await self._kept(SentMail, case_id, key)

    async def _kept(self, table: type[Kept], case_id: str, key: str) -> Kept | None:
        async with self._database.open_reader() as session:
            row = await session.get(table, key)
        return row if row is not None and row.case_id == case_id else None

    # webhooks

    async def held_webhooks(
        self, after: Cursor | None = None, limit: int = 25, states: Sequence[str] = HELD
    ) -> Page[Held]:
        """Events that were not delivered: pending, or without effect; newest first. Raises `Invalid`."""
        async with self._database.open_reader() as session:
            return await session.run_sync(outstanding.held_page, after, min(limit, MOST), states)

    async def quarantined(self, after: Cursor | None = None, limit: int = 25) -> Page[Altered]:
        """Events kept aside, since their id came before with another body; newest first. Raises `Invalid`."""
        async with self._database.open_reader() as session:
            return await session.run_sync(outstanding.altered_page, after, min(limit, MOST))

    async def altered_event(self, number: int) -> Altered | None:
        """One event kept aside; None where there is none of this number."""
        async with self._database.open_reader() as session:
            return await session.run_sync(outstanding.altered_event, number)

    # numbers

    async def dashboard(self, now: datetime) -> Dashboard:
        """How the work goes; half a minute old at most."""
        kept = self._dashboard
        if kept is None or not timedelta() <= now - kept.at < NUMBERS_STAND:
            groups = await self._counter.groups()
            async with self._database.open_reader() as session:
                kept = self._dashboard = await session.run_sync(dashboard, groups, now)
        return kept


def _since(session: Session, case_id: str) -> datetime | None:
    """Since when a case has its place in the queue; one that was decided had it since it could be decided."""
    case = session.get(Case, case_id)
    if case is not None and case.attention_since is not None:
        return case.attention_since
    kinds = (FactKind.SCREENED.value, FactKind.BACKGROUND_REPORTED.value)
    ready = select(func.max(col(FactRow.at))).where(col(FactRow.case_id) == case_id, col(FactRow.kind).in_(kinds))
    return (session.execute(ready)).scalar_one()
