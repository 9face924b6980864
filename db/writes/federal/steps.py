"""What a federal registration's steps share: the open case, locked, and a step's fact (B7–B16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.case_state import snapshot_case
from db.tables import Case, FactRow, InboxRow
from db.writes.facts import append_facts, lock_case, queue_fact, record_audit
from domain.federal.registration import RegistrationState
from domain.shared.cases.authors import StepAuthor
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import Fact
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.programs import FEDERAL_PROGRAM


@dataclass(frozen=True)
class RecordedStep:
    """What an assister's step led to: where the registration stands, and what its workflow is to be told."""

    state: RegistrationState
    to_deliver: Sequence[InboxRow] = ()


def lock_open_registration(session: Session, case_id: str) -> tuple[Case, RegistrationState]:
    """The registration, locked. Raises `UnknownCase`, and `Refusal` when it has ended or is no federal one."""
    case = lock_case(session, case_id)
    if case.program != FEDERAL_PROGRAM:
        raise Refusal(Reason("not_in_program"))
    if case.stage in ENDED:
        raise Refusal(Reason("case_ended", {"stage": case.stage}))
    return case, snapshot_case(session, case).registration


def require_step(why_not: Reason | None) -> None:
    """Raises `Refusal` with the reason that a rule of `domain.federal.steps` gives, if any."""
    if why_not is not None:
        raise Refusal(why_not)


def append_fact(session: Session, case: Case, fact: Fact, now: datetime) -> RegistrationState:
    """Appends a fact to a federal registration; where it stands then."""
    state = append_facts(session, case, [fact], now)
    assert isinstance(state, RegistrationState), "a federal case folds to a registration"
    return state


def record_step(
    session: Session, /, case: Case, fact: Fact, author: StepAuthor, action: str, now: datetime, **details: Any
) -> RecordedStep:
    """Appends a step's fact with its audit row, to be told to the workflow; a repeat changes nothing."""
    if session.get(FactRow, fact.id) is not None:
        return RecordedStep(snapshot_case(session, case).registration)
    state = append_fact(session, case, fact, now)
    row = queue_fact(session, case, fact, EventSource.ASSISTER, now)
    record_audit(session, now, author.actor, action, case, author.reason, **details, **author.list_details())
    return RecordedStep(state, [row])
