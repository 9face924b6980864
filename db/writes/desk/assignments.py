"""Who has a case on their desk: whoever opens it while it waits for a decision, or is given it, until they are done."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.case_state import load_case
from db.desk_tables import CaseAssignment
from db.reads.desk.assignments import find_assignment
from db.writes.facts import lock_case, record_audit
from domain.shared.cases.stages import WaitingFor


def assign_case(session: Session, case_id: str, actor: str, now: datetime, lasts: timedelta) -> CaseAssignment | None:
    """Gives a case that waits for a decision to who opens it, unless somebody has it; who has it now.

    None where it waits for no decision. The access log says who opened it, so that the audit need not. Raises
    `UnknownCase`.
    """
    if load_case(session, case_id).waiting_for != WaitingFor.DECISION:
        return None
    if (held := find_assignment(session, case_id, now)) is not None:
        return held
    lock_case(session, case_id)
    # Somebody else may have opened it before the case was ours.
    return find_assignment(session, case_id, now) or _put_on_desk(session, case_id, actor, now, lasts)


def release_case(session: Session, case_id: str, actor: str, now: datetime) -> str | None:
    """Takes a case off a desk, by hand; whose it was, None where nobody had it. Raises `UnknownCase`."""
    case = lock_case(session, case_id)
    row = session.get(CaseAssignment, case_id, populate_existing=True)
    if row is None:
        return None
    session.delete(row)
    record_audit(session, now, actor, "case.released", case, had=row.actor)
    return row.actor


def hand_over_case(session: Session, case_id: str, to: str, actor: str, now: datetime, lasts: timedelta) -> bool:
    """Puts a case on a colleague's desk, whoever has it; whether it waits for a decision. Raises `UnknownCase`."""
    case = lock_case(session, case_id)
    if case.waiting_for != WaitingFor.DECISION:
        return False
    _put_on_desk(session, case_id, to, now, lasts)
    record_audit(session, now, actor, "case.assigned", case, to=to)
    return True


def _put_on_desk(session: Session, case_id: str, actor: str, now: datetime, lasts: timedelta) -> CaseAssignment:
    row = session.get(CaseAssignment, case_id, populate_existing=True) or CaseAssignment(
        case_id=case_id, actor=actor, since=now
    )
    row.actor, row.since, row.until = actor, now, now + lasts
    session.add(row)
    return row
