"""What is written about an open case outside commands and effects: its claim, facts, end, and flags for staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import CaseSnapshot, facts_of, snapshot_case
from db.reads.recovery.progress import read_progress
from db.tables import SYSTEM, AuditRow
from db.writes.facts import append_facts, lock_case, lower_flag, raise_flag, record_audit, unflag_locked_case
from db.writes.links import void_activation_links
from db.writes.recovery.deliveries import DeliveryKind, forget_failures
from db.writes.recovery.restarts import settle_restart
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import Claim, Claimed
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import ProgramPolicy, find_time_zone
from domain.shared.spreading import spread_moment
from domain.state.policy import Policy


def claim_case(session: Session, claim: Claim) -> Claimed:
    """Claims the case for the chain of runs that began with ``claim.run_id``.

    Where the case was begun again, the chain is handed what is recorded so far, and is told none of it any more.
    """
    case = lock_case(session, claim.case_id)
    if case.run_id not in (None, claim.run_id):
        return Claimed(mine=False)
    if case.run_id is None:
        case.run_id = claim.run_id
        forget_failures(session, DeliveryKind.CLAIM, case.case_id, case.case_id)
        append_facts(session, case, [Fact(id=f"{case.case_id}:begun", kind=FactKind.BEGUN, at=claim.at)], claim.at)
        record_audit(session, claim.at, SYSTEM, "case.begun", case)
    snapshot = snapshot_case(session, case)
    rebuilt = None
    if case.restarted_at is not None:
        facts = facts_of(session, case.case_id)
        rebuilt = read_progress(session, snapshot, facts)
        settle_restart(session, case, {fact.id for fact in facts}, claim.at)
    return Claimed(
        mine=True,
        kind=case.kind,
        assister_type=case.assister_type,
        has_lms_account=case.has_lms_account,
        has_portal_account=case.has_portal_account,
        identity_matches=case.identity_matches,
        has_portal_profile=case.has_portal_profile,
        has_scheduling_tool=case.has_scheduling_tool,
        **measure_waits(snapshot.policy, case.case_id),
        standing=snapshot.take_registration_snapshot(),
        rebuilt=rebuilt,
        ended=_find_end(snapshot) if case.stage in ENDED else "",
        reopened=snapshot.state.reopened,
    )


def measure_waits(policy: ProgramPolicy, case_id: str) -> dict[str, Any]:
    """What its workflow sleeps by: when the window closes for a case, how long look-ups are retried, deadlines."""
    closes_at = policy.windows.find_closing_time(find_time_zone(policy))
    return {
        "closes_at": spread_moment(closes_at, case_id) if closes_at else None,
        "license_unknown_after_seconds": policy.license_unknown_after_seconds if isinstance(policy, Policy) else 0,
        "has_training_deadline": isinstance(policy, Policy) and policy.training_deadline is not None,
    }


def _find_end(snapshot: CaseSnapshot) -> str:
    """The stage the case has ended in, whose closing actions are left; one that is appealed by now has one too."""
    appeal = snapshot.state.open_appeal
    return appeal.filed.appealed if appeal else snapshot.case.stage


def record_facts(
    session: Session, /, case_id: str, facts: Sequence[Fact], now: datetime, action: str, **details: Any
) -> bool:
    """Appends facts to an open case, with their audit row; False, and nothing written, when the case has ended."""
    case = lock_case(session, case_id)
    if case.stage in ENDED:
        return False
    append_facts(session, case, facts, now)
    record_audit(session, now, SYSTEM, action, case, **details)
    return True


def end_case(session: Session, case_id: str, kind: str, now: datetime, why: Reason | None = None) -> None:
    """Ends a case whose window has closed (C6), or by ``why``; nothing happens to one that has ended already."""
    case = lock_case(session, case_id)
    if case.stage in ENDED:
        return
    append_facts(session, case, [Fact(id=f"{case_id}:{kind}", kind=FactKind(kind), at=now)], now)
    void_activation_links(session, case_id, now)
    record_audit(session, now, SYSTEM, f"case.{kind}", case, why)


def flag_case(
    session: Session,
    case_id: str,
    what: str,
    now: datetime,
    why: str | Reason | None = None,
    *,
    after_end: bool = True,
    explains: bool = False,
) -> None:
    """Puts a case before staff's eyes; said once while the flag is up, however often it is tried again.

    ``after_end`` is false for what isn't tried any more once the case has ended: nothing would take its flag down.
    ``explains``: the reason, a `Reason` then, is said also where the flag went up before it was known.
    """
    case = lock_case(session, case_id)
    if case.stage in ENDED and not after_end:
        return
    action = f"case.flagged.{what}"
    if raise_flag(case, what, now) or (explains and not _was_said(session, case_id, action, why)):
        session.add(case)
        record_audit(session, now, SYSTEM, action, case, why)


def _was_said(session: Session, case_id: str, action: str, why: str | Reason | None) -> bool:
    """Whether the last entry of this action has this reason."""
    of_action = (col(AuditRow.case_id) == case_id, col(AuditRow.action) == action)
    said: Any = select(col(AuditRow.reason_code)).where(*of_action).order_by(col(AuditRow.id).desc()).limit(1)
    code: str | None = session.scalar(said)
    return code == (why.code if isinstance(why, Reason) else None)


def unflag_case(session: Session, case_id: str, what: str, now: datetime) -> None:
    """Takes a flag back once what it was about is put right; another flag stays."""
    unflag_locked_case(session, lock_case(session, case_id), what, now)


def clear_flag(session: Session, case_id: str, what: str, actor: str, reason: str, now: datetime) -> None:
    """Staff take a flag down, having looked at what it is about; others stay.

    Raises `Invalid` without a reason, `Refusal` where the flag isn't up any more.
    """
    if not reason.strip():
        raise Invalid([Fault("reason", "required")])
    case = lock_case(session, case_id)
    if not lower_flag(case, what):
        raise Refusal(Reason("flag_not_up"))
    session.add(case)
    record_audit(session, now, actor, "case.flag_cleared", case, reason.strip(), flag=what)
