"""What the days of a training deadline make due of a case: one transaction with its audit (E14)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot, snapshot_case
from db.tables import SYSTEM, Case
from db.writes.cases import end_case
from db.writes.facts import append_facts, lock_case, record_audit
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import DeadlineStanding
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage
from domain.shared.spreading import spread_moment
from domain.state.lapses import ReactivationCause, build_lapse_fact, build_reactivation_fact
from domain.state.training_deadline import find_due_fact, find_next_turn, find_training_clock, list_due_letters


def follow_deadline(session: Session, case_id: str, now: datetime) -> DeadlineStanding:
    """Records what the days have made due, and answers where the deadline stands; may be asked any number of times.

    A case lapses when its last day is over, and is closed when that of its reactivation is. Rules it was moved to may
    take a lapse back. Raises `UnknownCase`.
    """
    case = lock_case(session, case_id)
    before = snapshot_case(session, case)
    due = find_due_fact(before.certification, before.state_policy, now)
    if due is FactKind.TRAINING_LAPSED:
        _lapse(session, case, before, now)
    elif due is FactKind.TRAINING_REACTIVATED:
        _reactivate(session, case, before, now)
    elif due is FactKind.CLOSED:
        end_case(session, case_id, due.value, now, Reason("reactivation_over"))
    snapshot = snapshot_case(session, case)
    state, policy = snapshot.certification, snapshot.state_policy
    turn = find_next_turn(state, policy, now)
    return DeadlineStanding(
        lapsed=state.is_lapsed,
        ended=state.stage is Stage.CLOSED,
        due_at=spread_moment(turn, case_id) if turn else None,
        letters=[] if state.ended else list_due_letters(state, policy, now),
    )


def _lapse(session: Session, case: Case, snapshot: CaseSnapshot, now: datetime) -> None:
    state = snapshot.certification
    clock = find_training_clock(state, snapshot.state_policy)
    assert clock is not None, "nobody lapses without a deadline"
    fact = build_lapse_fact(case.case_id, state.lapse, clock.last_day, clock.reactivate_until, now)
    append_facts(session, case, [fact], now)
    record_audit(session, now, SYSTEM, "training.lapsed", case, Reason("training_lapsed"), **fact.data)


def _reactivate(session: Session, case: Case, snapshot: CaseSnapshot, now: datetime) -> None:
    lapse = snapshot.certification.lapse
    assert lapse is not None, "only what has lapsed is reactivated"
    fact = build_reactivation_fact(case.case_id, lapse, ReactivationCause.RULES, now)
    append_facts(session, case, [fact], now)
    record_audit(session, now, SYSTEM, "training.reactivated", case, **fact.data)
