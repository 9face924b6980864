"""What a reconciliation reads: open cases page by page, what is recorded of one, what the last one came to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import CaseSnapshot, facts_of, list_rows, load_snapshot
from db.reads.recovery.progress import read_progress
from db.recovery_tables import ReconciliationRow
from db.tables import Case, FactRow, InboxRow
from domain.programs.progress import compare_progress
from domain.shared.cases.events import EventState
from domain.shared.cases.messages import Progress, RegistrationProgress
from domain.shared.cases.reconciliation import Difference
from domain.shared.cases.stages import ENDED


@dataclass(frozen=True)
class Comparison:
    """A case as it is recorded, and how its workflow's progress differs; ``is_settled``: nothing of it is new."""

    snapshot: CaseSnapshot
    difference: Difference
    is_settled: bool


def list_open_cases(session: Session, after: str, limit: int) -> list[Case]:
    """A page of open cases, by their ids, from the one after this id on."""
    query = select(Case).where(col(Case.case_id) > after, col(Case.stage).not_in(ENDED))
    return list_rows(session, query.order_by(col(Case.case_id)).limit(limit))


def list_known_cases(session: Session, case_ids: Iterable[str]) -> set[str]:
    """Which of these ids are cases."""
    return set(list_rows(session, select(col(Case.case_id)).where(col(Case.case_id).in_(list(case_ids)))))


def compare_case(
    session: Session, case_id: str, progress: Progress | RegistrationProgress, before: datetime
) -> Comparison:
    """Holds what a case's workflow knows against what is recorded; new is what was recorded since ``before``."""
    snapshot = load_snapshot(session, case_id)
    rebuilt = read_progress(session, snapshot, facts_of(session, case_id))
    difference = compare_progress(progress, rebuilt, snapshot.take_registration_snapshot())
    pending = select(col(InboxRow.id)).where(
        col(InboxRow.case_id) == case_id, col(InboxRow.state) == EventState.PENDING
    )
    newest: Any = select(func.max(FactRow.recorded_at)).where(col(FactRow.case_id) == case_id)
    at: datetime | None = session.execute(newest).scalar_one()
    is_new = at is not None and at > before
    return Comparison(snapshot, difference, not is_new and session.execute(pending.limit(1)).first() is None)


def read_last_reconciliation(session: Session) -> ReconciliationRow | None:
    """What the last reconciliation came to; None before the first one."""
    newest = select(ReconciliationRow).order_by(col(ReconciliationRow.number).desc()).limit(1)
    return next(iter(list_rows(session, newest)), None)
