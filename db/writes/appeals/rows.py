"""What every write about an appeal shares: its row follows from the case's facts, and its workflow is to be told."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.appeal_tables import AppealRow
from db.case_state import CaseSnapshot, snapshot_case
from db.tables import Case
from db.writes.facts import queue_fact, record_audit
from domain.shared.business_days import DaysOff, list_days_off_from
from domain.shared.cases.appeals import Appeal, AppealFiledData
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import Fact, FactLog
from domain.shared.cases.objections import FilingTerms, Resumed, find_filing_terms, put_off_stayed
from domain.shared.cases.reasons import Reason
from domain.shared.policy import AppealRules, find_day_end, find_local_date, find_time_zone

ASSISTER = "assister"
SENT_BACK = "appeal_sent_back"


class CaseInAppeal:
    """A locked case with its facts, its policy's rules of appeal and its calendar, as one unit of work sees it."""

    def __init__(self, session: Session, case: Case, days_off: DaysOff, now: datetime) -> None:
        self.snapshot: CaseSnapshot = snapshot_case(session, case)
        self.case = case
        self.log = FactLog(self.snapshot.facts)
        self.today = find_local_date(self.snapshot.policy, now)
        self.now = now
        self._days_off = days_off

    @property
    def rules(self) -> AppealRules | None:
        """The rules of appeal; None where the policy has none."""
        return self.snapshot.policy.appeal

    def find_days_off(self, year: int) -> frozenset[date]:
        """The days on which offices are closed as far as a clock runs that begins in this year."""
        return list_days_off_from(self._days_off, year)

    def find_terms(self, received_on: date) -> FilingTerms:
        """On which terms an appeal that is received on this day is filed."""
        authority = self.snapshot.state.authority
        return find_filing_terms(self.log, authority, self.snapshot.policy, self._days_off, received_on)

    def put_off_stayed(self, appeal: Appeal) -> Resumed:
        """The new last days of the suspensions that an appeal stays, were it over today without lifting them."""
        stayed_on = find_local_date(self.snapshot.policy, appeal.filed_at)
        return put_off_stayed(self.snapshot.state.authority, appeal, stayed_on, self.today)

    def refuse(self, session: Session, actor: str, what: str, why: Reason, reason: str | None = None) -> Reason:
        """Audits what isn't done, and answers why (C9)."""
        record_audit(session, self.now, actor, f"appeal.{what}.refused", self.case, reason, answer=why)
        return why


def find_row(session: Session, case_id: str, number: int) -> AppealRow:
    """The row of an appeal."""
    query = select(AppealRow).where(col(AppealRow.case_id) == case_id, col(AppealRow.number) == number)
    row: AppealRow = session.execute(query).scalar_one()
    return row


def follow_facts(session: Session, row: AppealRow, view: CaseInAppeal, appeal: Appeal) -> None:
    """Brings a row to what the facts say, and has its workflow told."""
    row.state, row.outcome = appeal.state.value, appeal.outcome.value if appeal.outcome else None
    if row.phase != appeal.phase:
        row.overdue_at = None
    row.phase, row.due_on = appeal.phase, appeal.due_on
    row.due_at = find_day_end(appeal.due_on, find_time_zone(view.snapshot.policy))
    note_change(session, row, view.now)


def tell_case(session: Session, view: CaseInAppeal, filed: AppealFiledData, fact: Fact) -> None:
    """Leaves it to be told to the case's workflow, which still runs, that suspensions count no more, or again (E7)."""
    if filed.suspensions:
        queue_fact(session, view.case, fact, EventSource.AUTHORITY, view.now)


def note_change(session: Session, row: AppealRow, now: datetime) -> None:
    """Its workflow is to look at it again."""
    row.version, row.changed_at = row.version + 1, now
    session.add(row)


def audit_appeal(session: Session, view: CaseInAppeal, actor: str, action: str, why: str, **details: Any) -> None:
    """Who did what about an appeal."""
    record_audit(session, view.now, actor, f"appeal.{action}", view.case, why, **details)
