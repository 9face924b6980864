"""Lists of cases for staff: the queue of those that wait for a person, and all of them; read from covering indexes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col

from db.cursors import PLACES, Cursor, Page, page_of
from db.tables import Assister, Case, Utc

Place = tuple[datetime, str]


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed down to; ``attention`` is "decision" or a flag."""

    program: str | None = None
    plan_year: int | None = None
    kind: str | None = None
    stage: str | None = None
    attention: str | None = None

    def wanted(self) -> dict[str, str | int]:
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


QueuePage = Page[ListedCase]
_OF_PERSON = ("first_name", "last_name", "email", "npn", "language")


def page_of_cases(session: Session, view: View, filters: Filters, after: Cursor | None, limit: int) -> QueuePage:
    """One page of a list. Raises `Invalid` for a cursor that is none."""

    def fetch(place: Place | None, back: bool, most: int) -> Sequence[ListedCase]:
        return cases_from(session, view, filters, place, most, back=back)

    return page_of(PLACES, lambda case: place_of(case, view), fetch, after, limit)


def place_of(case: ListedCase, view: View) -> Place:
    """Where a case stands in a list."""
    at = case.attention_since if view is View.QUEUE else case.opened_at
    assert at is not None, "a case in the queue has waited since some time"
    return at, case.case_id


def cases_from(
    session: Session, view: View, filters: Filters, place: Place | None, limit: int, *, back: bool = False
) -> list[ListedCase]:
    """So many cases after a place of the list, or looking back before it; from the beginning where there is none."""
    query = _cases_from(ListedCase, view, filters, place, limit, back)
    return [ListedCase(*row) for row in session.execute(query)]


def exported_from(
    session: Session, view: View, filters: Filters, place: Place | None, limit: int
) -> list[ExportedCase]:
    """The same for a file."""
    query = _cases_from(ExportedCase, view, filters, place, limit, False)
    return [ExportedCase(*row) for row in session.execute(query)]


def _cases_from(
    shown: type[ListedCase], view: View, filters: Filters, place: Place | None, limit: int, back: bool
) -> Any:
    """The index alone says which cases they are, and only theirs are read from the tables."""
    at = col(Case.attention_since) if view is View.QUEUE else col(Case.opened_at)
    key = tuple_(at, col(Case.case_id))
    down = (view is View.ALL) != back
    which: Any = select(at.label("at"), col(Case.case_id)).where(*_conditions(view, filters))
    if place is not None:
        known = tuple_(literal(place[0], Utc), literal(place[1]))
        which = which.where(key < known if down else key > known)
    ordered = (at.desc(), col(Case.case_id).desc()) if down else (at, col(Case.case_id))
    these = which.order_by(*ordered).limit(limit).subquery("these")
    order = (these.c.at.desc(), these.c.case_id.desc()) if down else (these.c.at, these.c.case_id)
    return _columns(shown).join(these, these.c.case_id == col(Case.case_id)).order_by(*order)


def listed(session: Session, *conditions: Any, limit: int) -> list[ListedCase]:
    """Cases that some index finds, newest first."""
    query = _columns(ListedCase).where(*conditions).order_by(col(Case.opened_at).desc(), col(Case.case_id)).limit(limit)
    return [ListedCase(*row) for row in session.execute(query)]


def _conditions(view: View, filters: Filters) -> Iterable[Any]:
    if view is View.QUEUE:
        yield col(Case.attention_since).is_not(None)
    for name, value in filters.wanted().items():
        yield getattr(Case, name) == value


def _columns(shown: type[ListedCase]) -> Any:
    names = [one.name for one in fields(shown)]
    columns = [getattr(Assister if name in _OF_PERSON else Case, name) for name in names]
    return select(*columns).join(Assister, col(Assister.assister_id) == col(Case.assister_id))
