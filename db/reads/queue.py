"""Lists of cases for staff: the queue of those that wait for a person, and all of them; read from covering indexes."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import literal, null, select, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import certification_of
from db.cursors import CASES, PLACES, VALUED_PLACES, Cursor, Page, page_of
from db.desk_tables import CaseAssignment
from db.engine import Database
from db.planning import Unindexed
from db.reads.desk.assignments import find_assignment
from db.tables import Assister, Case, FactRow, Utc
from domain.shared.cases.stages import WaitingFor
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.certification import READY_FACTS
from domain.state.eligibility import judge_checks

LONGEST_PAGE = 200
ROWS_AT_ONCE = 1000  # of a file

# On whose desk a case is that nobody has; no actor is called so.
NOBODY = "nobody"

# Where a list goes on: what it is in the order of, of the case it stands at.
Position = tuple[Any, ...]


class SortedBy(StrEnum):
    """By what the queue is put in order; by each but the name, who has waited longest comes first among equals."""

    SINCE = "since"
    NAME = "name"
    REASON = "reason"
    CHECKS = "checks"
    KIND = "kind"
    PROGRAM = "program"
    DESK = "desk"


# The column of each order; an index of the cases in the queue has it, and is read instead of the queue being sorted.
# By the desk, the few that somebody has come first, and then the others by how long they wait.
_COLUMNS: dict[SortedBy, str] = {
    SortedBy.SINCE: "attention_since",
    SortedBy.NAME: "sort_name",
    SortedBy.REASON: "attention",
    SortedBy.CHECKS: "finding",
    SortedBy.KIND: "kind",
    SortedBy.PROGRAM: "program",
    SortedBy.DESK: "desk",
}


@dataclass(frozen=True)
class Sorting:
    """An order of the queue; ``is_down`` turns it round."""

    by: SortedBy = SortedBy.SINCE
    is_down: bool = False


OLDEST_FIRST = Sorting()


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed down to; ``attention`` is "decision" or a flag, ``finding`` what the checks come to.

    ``desk`` is the actor who has the case, or `NOBODY`; in the queue alone, as is its order, ``sorting``: every case
    stands newest first. ``at`` is when desks are looked at; without it nobody's is shown.
    """

    program: str | None = None
    plan_year: int | None = None
    kind: str | None = None
    stage: str | None = None
    attention: str | None = None
    finding: str | None = None
    desk: str | None = None
    sorting: Sorting = OLDEST_FIRST
    at: datetime | None = None

    def list_wanted(self) -> dict[str, str | int]:
        """What is asked for, by the names of the columns."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("sorting", "at")}
        return {name: value for name, value in given.items() if value is not None}


class View(StrEnum):
    """Which list: the queue, oldest first unless it is sorted otherwise; or every case, newest first."""

    QUEUE = "queue"
    ALL = "all"


@dataclass(frozen=True)
class ShownCase:
    """A case in a list or a file, and whose it is; ``finding`` is a `ChecksOutcome`."""

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
    finding: str


@dataclass(frozen=True)
class ListedCase(ShownCase):
    """A case in a list; ``checks`` is a `ChecksSummary` as JSON while it waits for a decision, ``desk`` who has it."""

    checks: dict[str, Any] | None
    desk: str | None


@dataclass(frozen=True)
class ExportedCase(ShownCase):
    """A case in a file: what a list shows, and how to reach the person."""

    email: str
    npn: str | None
    language: str


_OF_PERSON = ("first_name", "last_name", "email", "npn", "language")


def read_case_page(
    session: Session, view: View, filters: Filters, after: Cursor | None = None, limit: int = 25
) -> Page[ListedCase]:
    """One page of a list. Raises `Invalid` for an invalid cursor."""
    limit, sorting = min(limit, LONGEST_PAGE), _find_sorting(view, filters)

    def fetch(position: Position | None, back: bool, most: int) -> Sequence[ListedCase]:
        return list_cases_from(session, view, filters, position, most, back=back)

    if sorting.by is SortedBy.SINCE:
        return page_of(PLACES, lambda case: find_position(case, view), fetch, after, limit)
    if sorting.by is SortedBy.NAME:  # names never stand in an address: the case's is looked up
        return page_of(CASES, lambda case: case.case_id, _fetch_by_name(session, fetch), after, limit)
    column = _COLUMNS[sorting.by]
    return page_of(
        VALUED_PLACES, lambda case: (getattr(case, column) or "", *find_position(case, view)), fetch, after, limit
    )


def _fetch_by_name(
    session: Session, fetch: Callable[[Position | None, bool, int], Sequence[ListedCase]]
) -> Callable[[str | None, bool, int], Sequence[ListedCase]]:
    def fetch_from(case_id: str | None, back: bool, most: int) -> Sequence[ListedCase]:
        case = session.get(Case, case_id) if case_id else None
        return fetch((case.sort_name, case.case_id) if case else None, back, most)

    return fetch_from


def _find_sorting(view: View, filters: Filters) -> Sorting:
    """The order that a list has; all on one desk are in the order of time."""
    if view is View.QUEUE and filters.sorting.by is SortedBy.DESK and filters.desk is not None:
        return Sorting(SortedBy.SINCE, filters.sorting.is_down)
    return filters.sorting if view is View.QUEUE else OLDEST_FIRST


def find_position(case: ShownCase, view: View) -> tuple[datetime, str]:
    """Where a case stands in a list that is in the order of time, for the next page to begin after it."""
    at = case.attention_since if view is View.QUEUE else case.opened_at
    assert at is not None, "a case in the queue has waited since some time"
    return at, case.case_id


def list_cases_from(
    session: Session, view: View, filters: Filters, position: Position | None, limit: int, *, back: bool = False
) -> list[ListedCase]:
    """So many cases after a position in the list, or looking back before it; from the beginning where there is none."""
    if _find_sorting(view, filters).by is SortedBy.DESK:
        return _list_by_desk(session, filters, position, limit, back)
    query = _select_from(ListedCase, view, filters, position, limit, back)
    return [ListedCase(*row) for row in session.execute(query)]


def _list_by_desk(
    session: Session, filters: Filters, position: Position | None, limit: int, back: bool
) -> list[ListedCase]:
    """Cases on desks by whose they are, then those on nobody's; each from an index of its own."""
    free = replace(filters, desk=NOBODY)
    parts = [free, filters] if filters.sorting.is_down != back else [filters, free]
    if position is not None:
        whose, *place = position
        parts = parts[parts.index(filters if whose else free) :]
    found: list[ListedCase] = []
    for part in parts:
        begins = position if part is filters or position is None else tuple(place)
        if len(found) < limit:
            query = _select_from(ListedCase, View.QUEUE, part, begins, limit - len(found), back)
            found += [ListedCase(*row) for row in session.execute(query)]
        position = None
    return found


def list_exported_from(
    session: Session, view: View, filters: Filters, position: Position | None, limit: int
) -> list[ExportedCase]:
    """So many cases after a position for a file, which also says how to reach the person."""
    query = _select_from(ExportedCase, view, filters, position, limit, False)
    return [ExportedCase(*row) for row in session.execute(query)]


def _select_from(
    shown: type[ShownCase], view: View, filters: Filters, position: Position | None, limit: int, back: bool
) -> Any:
    """The index alone says which cases they are, and only theirs are read from the tables."""
    sorting = _find_sorting(view, filters)
    order = _list_order(view, sorting.by)
    down = (view is View.ALL or sorting.is_down) != back
    which: Any = select(*(one.label(f"key_{place}") for place, one in enumerate(order)))
    which = which.where(*_list_conditions(view, filters, sorting.by))
    if position is not None:
        known = tuple_(*(literal(value, Utc) if isinstance(value, datetime) else literal(value) for value in position))
        key = tuple_(*order)
        which = which.where(key < known if down else key > known)
    these = which.order_by(*(one.desc() if down else one for one in order)).limit(limit).subquery("these")
    outer = [these.c[f"key_{place}"] for place in range(len(order))]
    found = _select_columns(shown, filters.at).join(these, outer[-1] == col(Case.case_id))
    return found.order_by(*(one.desc() if down else one for one in outer))


def _list_order(view: View, by: SortedBy) -> list[Any]:
    """The columns by which a list is in order, the case last."""
    if view is View.ALL:
        return [col(Case.opened_at), col(Case.case_id)]
    if by is SortedBy.DESK:
        return [col(CaseAssignment.actor), col(Case.attention_since), col(Case.case_id)]
    column = getattr(Case, _COLUMNS[by])
    between = [] if by in (SortedBy.SINCE, SortedBy.NAME) else [col(Case.attention_since)]
    return [column, *between, col(Case.case_id)]


async def stream_cases(database: Database, view: View, filters: Filters) -> AsyncIterator[list[ExportedCase]]:
    """A whole list in the order of time, a page at a time; none holds a connection, so a slow reader costs nothing."""
    position: Position | None = None
    filters = replace(filters, sorting=OLDEST_FIRST)
    while page := await database.read(list_exported_from, view, filters, position, ROWS_AT_ONCE):
        yield page
        if len(page) < ROWS_AT_ONCE:
            return
        position = find_position(page[-1], view)


def find_next_in_queue(session: Session, filters: Filters, after_case_id: str) -> str | None:
    """The case to look at after this one, which may have left the queue meanwhile; None when there is none.

    After the last one comes the first.
    """
    place = _find_place(session, after_case_id, _find_sorting(View.QUEUE, filters).by, filters.at)
    for position in (None,) if place is None else (place, None):
        found = list_cases_from(session, View.QUEUE, filters, position, 2)
        others = [one.case_id for one in found if one.case_id != after_case_id]
        if others:
            return others[0]
    return None


def _find_place(session: Session, case_id: str, by: SortedBy, at: datetime | None) -> Position | None:
    """Where a case stands in the queue, or stood before it left: then it had waited for a decision."""
    case = session.get(Case, case_id)
    if case is None:
        return None
    if by is SortedBy.NAME:
        return case.sort_name, case_id
    since = case.attention_since or _find_ready_time(session, case_id)
    if since is None or by is SortedBy.SINCE:
        return None if since is None else (since, case_id)
    if by is SortedBy.DESK:
        return _find_desk(session, case, at) or "", since, case_id
    if by is SortedBy.CHECKS:
        return _find_finding(session, case), since, case_id
    return getattr(case, _COLUMNS[by]) or WaitingFor.DECISION.value, since, case_id


def _find_ready_time(session: Session, case_id: str) -> datetime | None:
    """Since when a case that was decided had its place in the queue: since it could be decided.

    Checks that staff had made again have moved it nowhere.
    """
    kinds = tuple(one.value for one in READY_FACTS)
    ready = select(col(FactRow.at), col(FactRow.data))
    found = session.execute(ready.where(col(FactRow.case_id) == case_id, col(FactRow.kind).in_(kinds)))
    return max((at for at, data in found if not data.get("asked_by")), default=None)


def _find_desk(session: Session, case: Case, at: datetime | None) -> str | None:
    """Who has a case; of one that was decided, who decided it."""
    if case.attention_since is None and case.program != FEDERAL_PROGRAM:
        decision = certification_of(session, case).decision
        return decision.by if decision else None
    held = find_assignment(session, case.case_id, at) if at else None
    return held.actor if held else None


def _find_finding(session: Session, case: Case) -> str:
    """What the checks of a case come to; of one that was decided, what they came to before."""
    if case.attention_since is not None or case.program == FEDERAL_PROGRAM:
        return case.finding
    state = certification_of(session, case)
    return judge_checks(state.findings, state.round).value


def list_matching(session: Session, *conditions: Any, limit: int) -> list[ListedCase]:
    """Cases that some index finds, newest first."""
    query = (
        _select_columns(ListedCase, None)
        .where(*conditions)
        .order_by(col(Case.opened_at).desc(), col(Case.case_id))
        .limit(limit)
    )
    return [ListedCase(*row) for row in session.execute(query)]


def _list_conditions(view: View, filters: Filters, by: SortedBy) -> Iterable[Any]:
    """A filter is looked up in an index in the order of time alone, where what it leaves is in order there too."""
    wanted = filters.list_wanted()
    desk = wanted.pop("desk", None)
    if view is View.QUEUE:
        yield from list_desk_conditions(desk, filters.at, by)
    is_ordered = view is View.ALL or by is SortedBy.SINCE
    for name, value in wanted.items():
        column = getattr(Case, name)
        yield (column if is_ordered else Unindexed(column)) == value


def list_desk_conditions(desk: Any, at: datetime | None, by: SortedBy = SortedBy.SINCE) -> Iterable[Any]:
    """That a case is in the queue, and on this desk. Cases of a desk are few: they are looked up one by one."""
    by_desk = by is SortedBy.DESK
    if not by_desk and desk in (None, NOBODY):
        yield col(Case.attention_since).is_not(None)
    else:  # the same, though no index of the queue serves it
        yield col(Case.attention).is_not(None)
    if by_desk:
        yield col(CaseAssignment.case_id) == col(Case.case_id)
        yield col(CaseAssignment.until) > at
    elif desk is not None:
        held = select(col(CaseAssignment.case_id)).where(col(CaseAssignment.until) > at)
        if desk == NOBODY:
            yield ~held.where(col(CaseAssignment.case_id) == col(Case.case_id)).exists()
        else:
            yield col(Case.case_id).in_(held.where(col(CaseAssignment.actor) == desk))


def _select_columns(shown: type[ShownCase], at: datetime | None) -> Any:
    """What is shown of cases; on whose desk they are at a time, if one is given."""
    names = [one.name for one in fields(shown) if one.name != "desk"]
    columns = [getattr(Assister if name in _OF_PERSON else Case, name) for name in names]
    if shown is ListedCase:
        whose = select(col(CaseAssignment.actor)).where(col(CaseAssignment.case_id) == col(Case.case_id))
        columns.append(whose.where(col(CaseAssignment.until) > at).scalar_subquery() if at else null())
    return select(*columns).join(Assister, col(Assister.assister_id) == col(Case.assister_id))
