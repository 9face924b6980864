"""A screening's findings, recorded in one transaction with the registry's answer they rest on (A13)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot, load_snapshot, policy_of, request_of
from db.reads.third_parties import find_evidence
from db.tables import Case
from db.writes.cases import record_facts
from db.writes.effects import keep_evidence
from db.writes.facts import lock_case
from db.writes.npn.claims import take_registry_answer
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef
from domain.shared.cases.stages import ENDED
from domain.shared.claims import RegisteredOwner
from domain.state.eligibility import Check, Finding, make_finding
from domain.state.facts import ScreenedData

SOURCE = "registry"


def load_screening(session: Session, order: CaseRef) -> tuple[CaseSnapshot, bytes | None]:
    """The case to screen, and the registry's answer that this round has kept before: look-ups are billed."""
    return load_snapshot(session, order.case_id), find_evidence(session, _make_key(order))


def record_screening(
    session: Session,
    identity_key: bytes,
    order: CaseRef,
    findings: Sequence[Finding],
    how: str,
    now: datetime,
    answers: Mapping[str, bytes] | None = None,
    inputs: str | None = None,
    owner: RegisteredOwner | None = None,
) -> None:
    """Records this round's findings with those that our own records make, unless the case has ended.

    ``how`` is "answered" or "unknown"; ``answers`` are the registry's, raw, by their SHA-256; ``inputs`` is a digest of
    what it was asked about, ``owner`` is whom it has for the NPN (D2), None where it did not answer.
    """
    case = lock_case(session, order.case_id)
    for digest, raw in (answers or {}).items():
        keep_evidence(session, _make_key(order), order.case_id, SOURCE, raw, digest, now)
    found = (*findings, *_list_own_findings(session, case))
    data = ScreenedData(round=order.occurrence, findings=found, **({"inputs": inputs} if inputs else {}))
    fact = Fact(
        id=f"{order.case_id}:screened:{order.occurrence}:{how}", kind=FactKind.SCREENED, at=now, data=data.to_json()
    )
    record_facts(session, order.case_id, [fact], now, "case.screened", round=order.occurrence, how=how)
    if case.stage not in ENDED:
        take_registry_answer(session, identity_key, case, owner, now)


def _make_key(order: CaseRef) -> str:
    return f"{order.case_id}:{SOURCE}:{order.occurrence}"


def _list_own_findings(session: Session, case: Case) -> list[Finding]:
    """What speaks against a case by our own records."""
    identity = [] if case.identity_matches else [make_finding(Check.IDENTITY_MATCHES, False)]
    return identity if _is_in_scope(session, case) else [*identity, make_finding(Check.INTAKE_SCOPE, False)]


def _is_in_scope(session: Session, case: Case) -> bool:
    """Whether the addresses are still within the intake scope: the door saw to it, an answer may have changed them."""
    request = request_of(case)
    return policy_of(session, case).intake.admits(
        Kind(case.kind),
        AssisterType(case.assister_type),
        request.physical_address.state,
        request.business_address.state,
    )
