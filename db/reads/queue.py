"""Lists of cases for staff: the queue of those that wait for a person, and all of them; read from covering indexes."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col

from db.cursors import PLACES, Cursor, Page, page_of
from db.engine import Database
from db.tables import Assister, Case, FactRow, Utc
from domain.shared.cases.facts import FactKind

LONGEST_PAGE = 200
ROWS_AT_ONCE = 1000  # of a file

# Where a list goes on: since when the case it stands at waits, or when it was opened; and its case_id.
Position = tuple[datetime, str]


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed down to; ``attention`` is "decision" or a flag."""

    program: str | None = None
    plan_year: int | None = None
    kind: str | None = None
    stage: str | None = None
    attention: str | None = None

    def list_wanted(self) -> dict[str, str | int]:
        """What is asked for, by the names of the columns."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


class View(StrEnum):
    """Which list: the queue, oldest first; or every case, newest first."""

    QUEUE = "queue"
    ALL = "all"


@dataclass(frozen=True)
class ListedCase:
    """A case in a list, and whose it is."""

    case_id: str
    assister_id: str
    first_name: str
    last_name: str
    program: str
    plan_year: int
    attempt: int
    kind: str
    assister_type: str
    stage: str
    waiting_for: str | None
    waiting_since: datetime | None
    attention: str | None
    attention_since: datetime | None
    flag: str | None
    opened_at: datetime


@dataclass(frozen=True)
class ExportedCase(ListedCase):
    """A case in a file: what a list shows, and how to reach the person."""

    email: str
    npn: str | None
    language: str


_OF_PERSON = ("first_name", "last_name", "email", "npn", "language")


def read_case_page(
    session: Session, view: View, filters: Filters, after: Cursor | None = None, limit: int = 25
) -> Page[ListedCase]:
    """One page of a list. Raises `Invalid` for an invalid cursor."""

    def fetch(position: Position | None, back: bool, most: int) -> Sequence[ListedCase]:
        return list_cases_from(session, view, filters, position, most, back=back)

    return page_of(PLACES, lambda case: find_position(case, view), fetch, after, min(limit, LONGEST_PAGE))


def find_position(case: ListedCase, view: View) -> Position:
    """Where a case stands in a list, for the next page to begin after it."""
    at = case.attention_since if view is View.QUEUE else case.opened_at
    assert at is not None, "a case in the queue has waited since some time"
    return at, case.case_id


def list_cases_from(
    session: Session, view: View, filters: Filters, position: Position | None, limit: int, *, back: bool = False
) -> list[ListedCase]:
    """So many cases after a position in the list, or looking back before it; from the beginning where there is none."""
    query = _select_from(ListedCase, view, filters, position, limit, back)
    return [ListedCase(*row) for row in session.execute(query)]


def list_exported_from(
    session: Session, view: View, filters: Filters, position: Position | None, limit: int
) -> list[ExportedCase]:
    """So many cases after a position for a file, which also says how to reach the person."""
    query = _select_from(ExportedCase, view, filters, position, limit, False)
    return [ExportedCase(*row) for row in session.execute(query)]


def _select_from(
    shown: type[ListedCase], view: View, filters: Filters, position: Position | None, limit: int, back: bool
) -> Any:
    """The index alone says which cases they are, and only theirs are read from the tables."""
    at = col(Case.attention_since) if view is View.QUEUE else col(Case.opened_at)
    key = tuple_(at, col(Case.case_id))
    down = (view is View.ALL) != back
    which: Any = select(at.label("at"), col(Case.case_id)).where(*_list_conditions(view, filters))
    if position is not None:
        known = tuple_(literal(position[0], Utc), literal(position[1]))
        which = which.where(key < known if down else key > known)
    ordered = (at.desc(), col(Case.case_id).desc()) if down else (at, col(Case.case_id))
    these = which.order_by(*ordered).limit(limit).subquery("these")
    order = (these.c.at.desc(), these.c.case_id.desc()) if down else (these.c.at, these.c.case_id)
    return _select_columns(shown).join(these, these.c.case_id == col(Case.case_id)).order_by(*order)


async def stream_cases(database: Database, view: View, filters: Filters) -> AsyncIterator[list[ExportedCase]]:
    """A whole list in its order, a page at a time; no connection is held between two, so a slow reader costs none."""
    position: Position | None = None
    while page := await database.read(list_exported_from, view, filters, position, ROWS_AT_ONCE):
        yield page
        if len(page) < ROWS_AT_ONCE:
            return
        position = find_position(page[-1], view)


def find_next_in_queue(session: Session, filters: Filters, after_case_id: str) -> str | None:
    """The case to look at after this one, which may have left the queue meanwhile; None when there is none.

    After the last one comes the first.
    """
    since = _find_since(session, after_case_id)
    for position in (None,) if since is None else ((since, after_case_id), None):
        found = list_cases_from(session, View.QUEUE, filters, position, 2)
        others = [one.case_id for one in found if one.case_id != after_case_id]
        if others:
            return others[0]
    return None


def _find_since(session: Session, case_id: str) -> datetime | None:
    """Since when a case has its place in the queue; one that was decided had it since it could be decided."""
    case = session.get(Case, case_id)
    if case is not None and case.attention_since is not None:
        return case.attention_since
    kinds = (FactKind.SCREENED.value, FactKind.BACKGROUND_REPORTED.value)
    ready = select(func.max(col(FactRow.at))).where(col(FactRow.case_id) == case_id, col(FactRow.kind).in_(kinds))
    return session.execute(ready).scalar_one()


def list_matching(session: Session, *conditions: Any, limit: int) -> list[ListedCase]:
    """Cases that some index finds, newest first."""
    query = (
        _select_columns(ListedCase)
        .where(*conditions)
        .order_by(col(Case.opened_at).desc(), col(Case.case_id))
        .limit(limit)
    )
    return [ListedCase(*row) for row in session.execute(query)]


def _list_conditions(view: View, filters: Filters) -> Iterable[Any]:
    if view is View.QUEUE:
        yield col(Case.attention_since).is_not(None)
    for name, value in filters.list_wanted().items():
        yield getattr(Case, name) == value


def _select_columns(shown: type[ListedCase]) -> Any:
    names = [one.name for one in fields(shown)]
    columns = [getattr(Assister if name in _OF_PERSON else Case, name) for name in names]
    return select(*columns).join(Assister, col(Assister.assister_id) == col(Case.assister_id))
