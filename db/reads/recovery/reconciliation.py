"""What a reconciliation reads: cases to look after page by page, what is recorded of one, what the last came to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.appeal_tables import AppealRow
from db.case_state import CaseSnapshot, facts_of, list_rows, load_snapshot
from db.reads.recovery.progress import read_progress
from db.recovery_tables import ReconciliationRow
from db.tables import Case, CertificateRow, EffectRow, FactRow, InboxRow, StageEntry
from domain.programs.progress import compare_progress, find_repeats
from domain.shared.cases.appeals import REOPENING, AppealState
from domain.shared.cases.events import EventState
from domain.shared.cases.messages import Progress, RegistrationProgress
from domain.shared.cases.reconciliation import Difference
from domain.shared.cases.stages import ENDED, SUSPENDING, Stage
from domain.shared.programs import STATE_PROGRAM


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


def list_wanting_cases(session: Session, after: str, limit: int) -> list[Case]:
    """A page of open cases whose third parties are to be asked for their reports again, by their ids."""
    wanting = (col(Case.reports_wanted).is_not(None), col(Case.stage).not_in(ENDED))
    query = select(Case).where(col(Case.case_id) > after, *wanting)
    return list_rows(session, query.order_by(col(Case.case_id)).limit(limit))


def list_unclosed_cases(session: Session, after: str, since: datetime, before: datetime, limit: int) -> list[Case]:
    """A page of cases that ended between these instants and whose closing actions aren't all recorded, by their ids."""
    query = _select_ended(before).where(col(StageEntry.entered_at) > since, _is_unclosed(), col(Case.case_id) > after)
    return list_rows(session, query.order_by(col(Case.case_id)).limit(limit))


def is_unclosed(session: Session, case_id: str) -> bool:
    """Whether closing actions of a case that has ended aren't recorded."""
    return bool(list_rows(session, select(Case).where(col(Case.case_id) == case_id, _is_unclosed())))


def list_ended_cases(session: Session, case_ids: Iterable[str], before: datetime) -> list[Case]:
    """Those of these cases that ended before this instant."""
    return list_rows(session, _select_ended(before).where(col(Case.case_id).in_(list(case_ids))))


def _select_ended(before: datetime) -> Any:
    last = (col(StageEntry.stage).in_(ENDED), col(StageEntry.left_at).is_(None), col(StageEntry.entered_at) < before)
    return select(Case).join(StageEntry, col(StageEntry.case_id) == col(Case.case_id)).where(*last)


def _is_unclosed() -> Any:
    """What the workflows do once a case has ended: a notice named like its stage; an account must not stay open.

    Each end has its own, numbered by how often an appeal had opened the case again by then.
    """
    case_id, stage = col(Case.case_id), col(Case.stage)
    of_case = col(AppealRow.case_id) == case_id
    # One against suspensions opens nothing again: the case had not ended.
    opened_again = col(AppealRow.outcome).in_(REOPENING), col(AppealRow.appealed) != Stage.SUSPENDED
    often: Any = select(func.count()).where(of_case, *opened_again).scalar_subquery()
    number = cast(often, String)

    def is_recorded(key: Any) -> Any:
        return exists().where(col(EffectRow.key) == key, col(EffectRow.result).is_not(None))

    certified = exists().where(col(CertificateRow.case_id) == case_id)
    appealed = exists().where(
        of_case, col(AppealRow.state) == AppealState.OPEN, col(AppealRow.appealed).in_(SUSPENDING)
    )
    has_account = and_(col(Case.program) == STATE_PROGRAM, or_(stage.in_(SUSPENDING), appealed), certified)
    return or_(
        # Of what is appealed the end was told: that is what is appealed.
        and_(stage.in_(ENDED - {Stage.UNDER_APPEAL}), ~is_recorded(case_id + ":notice:" + stage + ":" + number + ":")),
        and_(has_account, ~is_recorded(case_id + ":portal.suspended:" + number)),
    )


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


def list_repeats(session: Session, case_id: str, progress: Progress | RegistrationProgress) -> list[str]:
    """The steps that a workflow which has stopped had done, and of which no record is left: they may be done again."""
    rebuilt = read_progress(session, load_snapshot(session, case_id), facts_of(session, case_id))
    return sorted(find_repeats(progress, rebuilt))


def read_last_reconciliation(session: Session) -> ReconciliationRow | None:
    """What the last reconciliation came to; None before the first one."""
    newest = select(ReconciliationRow).order_by(col(ReconciliationRow.number).desc()).limit(1)
    return next(iter(list_rows(session, newest)), None)
