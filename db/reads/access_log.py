"""The access log as auditors read it: who was shown whose personal data, newest first; and why somebody may be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import or_
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.appeal_tables import AppealRow
from db.case_state import list_flags, list_rows, load_case
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.tables import AccessLogRow, AuditRow, Case
from domain.shared.cases.appeals import AppealState


@dataclass(frozen=True)
class AccessFilter:
    """What the log is narrowed down to: who looked, one of several; whose case; from when, and before when."""

    actors: tuple[str, ...] = ()
    case_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Access:
    """One view of a page that showed somebody personal data; ``case_ids`` are empty of a whole list."""

    at: datetime
    actor: str
    page: str
    case_ids: tuple[str, ...]


class CaseInNeed(NamedTuple):
    """What of a case says whether it needs somebody: its stage, and what is up or was of late: a flag, an appeal."""

    stage: str
    is_flagged: bool
    is_appealed: bool


def read_need(session: Session, case_id: str, since: datetime) -> CaseInNeed:
    """Where a case stands for those who read no file without a need; flags and appeals count that were there since.

    Raises `UnknownCase`.
    """
    case, action = load_case(session, case_id), col(AuditRow.action)
    about_flags = or_(action.like("case.unflagged.%"), action == "case.flag_cleared", action == "case.restarted")
    of_late = select(col(AuditRow.id)).where(col(AuditRow.case_id) == case_id, col(AuditRow.at) >= since, about_flags)
    is_flagged = bool(list_flags(case)) or bool(list_rows(session, of_late.limit(1)))
    fresh = or_(col(AppealRow.state) == AppealState.OPEN, col(AppealRow.changed_at) >= since)
    appeals = select(col(AppealRow.id)).where(col(AppealRow.case_id) == case_id, fresh)
    return CaseInNeed(case.stage, is_flagged, bool(list_rows(session, appeals.limit(1))))


def read_needs(session: Session, case_ids: Iterable[str], since: datetime) -> dict[str, CaseInNeed]:
    """The same of several cases, as far as there are such."""
    known = select(col(Case.case_id)).where(col(Case.case_id).in_(list(case_ids)))
    return {case_id: read_need(session, case_id, since) for case_id in list_rows(session, known)}


def read_access_log(
    session: Session, after: Cursor | None = None, limit: int = 50, wanted: AccessFilter | None = None
) -> Page[Access]:
    """One page of the log, a row a view, the newest first. Raises `Invalid` for an invalid cursor.

    A view is shown with every case that it showed; of a log narrowed down to a case, with that one alone.
    """
    wanted, number = wanted or AccessFilter(), col(AccessLogRow.id)
    conditions = _list_conditions(wanted)

    def fetch(key: int | None, back: bool, most: int) -> Sequence[AccessLogRow]:
        query = select(AccessLogRow).where(*conditions).order_by(number if back else number.desc()).limit(most)
        if key is not None:
            query = query.where(number > key if back else number < key)
        return list_rows(session, query)

    page = page_of(NUMBERS, lambda row: row.id or 0, fetch, after, limit)
    further = {} if wanted.case_id else _find_further_cases(session, page.rows)
    rows = [
        Access(row.at, row.actor, row.page, tuple(one for one in (row.case_id, *further.get(_view_of(row), ())) if one))
        for row in page.rows
    ]
    return Page(rows, page.next, page.previous)


def _list_conditions(wanted: AccessFilter) -> list[Any]:
    at = col(AccessLogRow.at)
    conditions: list[Any] = []
    if wanted.actors:
        conditions.append(col(AccessLogRow.actor).in_(wanted.actors))
    if wanted.since is not None:
        conditions.append(at >= wanted.since)
    if wanted.until is not None:
        conditions.append(at < wanted.until)
    ours = col(AccessLogRow.case_id) == wanted.case_id if wanted.case_id else col(AccessLogRow.is_further).is_(None)
    return [*conditions, ours]


def _view_of(row: AccessLogRow) -> tuple[datetime, str, str]:
    """What the rows of one view have in common: they are written at once."""
    return row.at, row.actor, row.page


def _find_further_cases(
    session: Session, firsts: Iterable[AccessLogRow]
) -> dict[tuple[datetime, str, str], list[str | None]]:
    """The cases of these views besides the first one of each."""
    at, found = col(AccessLogRow.at), dict[tuple[datetime, str, str], list[str | None]]()
    moments = {row.at for row in firsts}
    query = select(AccessLogRow).where(at.in_(moments), col(AccessLogRow.is_further).is_(True))
    for row in list_rows(session, query.order_by(col(AccessLogRow.id))):
        found.setdefault(_view_of(row), []).append(row.case_id)
    return found
