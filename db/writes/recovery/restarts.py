"""A case's workflow is begun again from what is recorded: the case is freed for it, and said so (decision 24)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from sqlmodel import col

from db.recovery_tables import DeliveryFailure
from db.tables import SYSTEM, Case, InboxRow
from db.writes.facts import WORKFLOW_STUCK, lock_case, raise_flag, record_audit, unflag_locked_case
from db.writes.recovery.deliveries import DeliveryKind, forget_failures, lower_delivery_flag
from domain.shared.assister import Kind
from domain.shared.cases.events import EventSource, EventState
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.reconciliation import ARCHIVES
from domain.shared.cases.stages import ENDED

WORKFLOW_GONE, MAY_REPEAT = "workflow_gone", "may_repeat"
# Restarts longer ago than this don't count: what was mended for a day is not what fails again and again.
COUNTED_FOR = timedelta(days=1)


def free_case(
    session: Session,
    looked_at: Case,
    actor: str,
    why: str | Reason,
    now: datetime,
    may_repeat: list[str] | None = None,
) -> Case:
    """Frees a case for the workflow that is begun next, and counts it where nobody asked for it.

    ``looked_at`` is the case as it was when its workflow was found wanting, open or with closing actions to do: where
    it has ended since, or another one has claimed it, that one is left alone. ``may_repeat`` names what the workflow
    had done and no record of it is left, so that it may be done twice: staff are to look at that. Raises
    `UnknownCase`, `Refusal` where the case has ended or is another workflow's by now.
    """
    case = lock_case(session, looked_at.case_id)
    if case.stage in ENDED and looked_at.stage not in ENDED:
        raise Refusal(Reason("case_ended", {"stage": case.stage}))
    if case.run_id != looked_at.run_id:
        raise Refusal(Reason("workflow_runs"))
    by_itself = actor == SYSTEM
    case.restarts = count_restarts(case, now) + 1 if by_itself else 0
    case.run_id, case.restarted_at = None, now
    if case.stage not in ENDED:
        _want_reports(case)
    session.add(case)
    for kind in (DeliveryKind.START, DeliveryKind.CLAIM):
        forget_failures(session, kind, case.case_id, case.case_id)
    lower_delivery_flag(session, case, now)
    details = {"may_repeat": may_repeat} if may_repeat else {}
    record_audit(session, now, actor, "case.restarted", case, why, **details)
    if may_repeat and raise_flag(case, MAY_REPEAT, now):
        record_audit(session, now, SYSTEM, f"case.flagged.{MAY_REPEAT}", case, why)
    return case


def reopen_case(session: Session, case: Case, actor: str, why: str, now: datetime) -> None:
    """Frees a locked case whose end was set aside for a workflow that is begun anew, where it stood (E6).

    Third parties are asked for what they reported while it was over.
    """
    case.run_id, case.restarts, case.restarted_at = None, 0, now
    _want_reports(case)
    session.add(case)
    record_audit(session, now, actor, "case.reopened", case, why)


def want_reports(session: Session, case_ids: Iterable[str]) -> None:
    """From now on the third parties of these cases are to be asked for their reports again, once it is their turn."""
    for case_id in sorted(case_ids):
        case = lock_case(session, case_id)
        _want_reports(case)
        session.add(case)


def want_report(case: Case, source: EventSource) -> None:
    """From the next reconciliation on one third party is asked for its reports again, where it may report at all."""
    if _may_report(case, source) and source.value not in (case.reports_wanted or ()):
        case.reports_wanted = [*(case.reports_wanted or ()), source.value]


def _want_reports(case: Case) -> None:
    sources = [source for source in ARCHIVES[case.program] if _may_report(case, source)]
    case.reports_wanted = [source.value for source in sources]


def _may_report(case: Case, source: EventSource) -> bool:
    """Background checks are of counselors alone: nothing would ever be due of anybody else's."""
    return source is not EventSource.BACKGROUND_CHECKS or case.kind == Kind.ENROLLMENT_COUNSELOR


def settle_reports(session: Session, case_id: str, sources: Collection[str]) -> None:
    """These third parties have been asked."""
    case = lock_case(session, case_id)
    case.reports_wanted = [one for one in case.reports_wanted or () if one not in sources] or None
    session.add(case)


def count_restarts(case: Case, now: datetime) -> int:
    """How often the case was begun again by itself of late."""
    return case.restarts if case.restarted_at and now - case.restarted_at < COUNTED_FOR else 0


def settle_restart(session: Session, case: Case, fact_ids: set[str], now: datetime) -> None:
    """Once the new workflow has claimed the case: the facts it was handed it need not be told again."""
    told = update(InboxRow).where(
        col(InboxRow.case_id) == case.case_id,
        col(InboxRow.state) == EventState.PENDING,
        col(InboxRow.fact_id).in_(fact_ids),
    )
    session.execute(told.values(state=EventState.DELIVERED))
    session.execute(delete(DeliveryFailure).where(col(DeliveryFailure.case_id) == case.case_id))
    for flag in (WORKFLOW_GONE, WORKFLOW_STUCK):
        unflag_locked_case(session, case, flag, now)
    lower_delivery_flag(session, case, now)
    session.add(case)
