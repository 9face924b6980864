"""The access log as auditors read it: who was shown whose personal data, newest first; and why somebody may be."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.appeal_tables import AppealRow
from db.case_state import list_flags, list_rows, load_case
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.tables import AccessLogRow, AuditRow
from domain.shared.cases.appeals import AppealState


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


def read_access_log(
    session: Session, after: Cursor | None = None, limit: int = 50, actor: str = "", case_id: str = ""
) -> Page[AccessLogRow]:
    """One page of the log, of an actor or a case where one is given. Raises `Invalid` for an invalid cursor."""
    number = col(AccessLogRow.id)
    wanted = {col(AccessLogRow.actor): actor, col(AccessLogRow.case_id): case_id}
    conditions = [column == value for column, value in wanted.items() if value]

    def fetch(key: int | None, back: bool, most: int) -> Sequence[AccessLogRow]:
        query = select(AccessLogRow).where(*conditions).order_by(number if back else number.desc()).limit(most)
        if key is not None:
            query = query.where(number > key if back else number < key)
        return list_rows(session, query)

    return page_of(NUMBERS, lambda row: row.id or 0, fetch, after, limit)
