"""An adverse action as its workflow follows it: its days begin, go on after a dispute, and are over (E8)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot, snapshot_case
from db.writes.facts import append_to_case, audit_adverse_facts, lock_case, record_audit
from domain.shared.business_days import DaysOff
from domain.shared.cases.messages import AdverseActionStanding, CaseRef
from domain.shared.cases.reasons import Reason
from domain.shared.policy import find_day_end, find_local_date, find_time_zone
from domain.state.adverse_actions import AdverseAction, AdverseStatus, build_clock_facts, list_due_letters


def follow_adverse_action(session: Session, order: CaseRef, days_off: DaysOff, now: datetime) -> AdverseActionStanding:
    """Records what is due of an adverse action, whose number is the order's ``occurrence``; where it stands then.

    Its days begin when its notice is sent, and are recorded with that (`activities.notices`). It may be asked any
    number of times: each step is a fact whose id follows from the facts before it.
    """
    case = lock_case(session, order.case_id)
    snapshot = snapshot_case(session, case)
    while (action := _find_action(snapshot, order)) is not None and action.is_open:
        today = find_local_date(snapshot.policy, now)
        due = build_clock_facts(
            order.case_id,
            action,
            snapshot.state_policy.adverse_action,
            days_off(range(action.since.year, today.year + 2)),  # days left are counted from a dispute of before, too
            _find_due_time(snapshot, action),
            today,
            now,
        )
        if not due:
            break
        snapshot = append_to_case(session, case, due, now)
        audit_adverse_facts(session, case, due, now)
    if action is None:
        return AdverseActionStanding()
    return AdverseActionStanding(
        version=action.version,
        is_open=action.is_open,
        status=action.status.value,
        due_at=_find_due_time(snapshot, action) if action.status is AdverseStatus.WAITING else None,
        letters=list_due_letters(order, action, has_ended=snapshot.state.ended),
    )


def _find_action(snapshot: CaseSnapshot, order: CaseRef) -> AdverseAction | None:
    """The adverse action that is asked for; a later one of the case has its own workflow."""
    action = snapshot.certification.adverse_action
    return action if action is not None and action.number == order.occurrence else None


def _find_due_time(snapshot: CaseSnapshot, action: AdverseAction) -> datetime | None:
    return find_day_end(action.last_day, find_time_zone(snapshot.policy)) if action.last_day else None


def note_restart(session: Session, case_id: str, actor: str, why: str | Reason, now: datetime) -> None:
    """The workflow of an adverse action was lost, and is begun again."""
    record_audit(session, now, actor, "adverse_action.restarted", lock_case(session, case_id), why)
