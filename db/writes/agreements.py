"""The agreement with the exchange, accepted in a case of the state program after the case was opened (A3)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import request_of
from db.tables import Case
from db.writes.facts import append_facts, lock_case, record_audit
from domain.shared.cases.stages import ENDED
from domain.state.agreements import build_acceptance_fact


def record_acceptance(
    session: Session, case: Case, language: str | None, source: str, actor: str, now: datetime
) -> None:
    """Records in a locked case that the agreement was accepted, once; by default in the request's language."""
    request = request_of(case)
    if request.agreement_accepted:
        return
    append_facts(session, case, [build_acceptance_fact(case.case_id, language or request.language, now, source)], now)
    case.request = {**case.request, "agreement_accepted": True}
    session.add(case)
    record_audit(session, now, actor, "agreement.accepted", case, source=source)


def accept_agreement(session: Session, case_id: str, language: str, now: datetime) -> bool:
    """The agreement is accepted on the assister's page; False when the case has ended."""
    case = lock_case(session, case_id)
    if case.stage in ENDED:
        return False
    record_acceptance(session, case, language, "page", "assister", now)
    return True
