"""A screening's findings, recorded in one transaction with the registry's answer they rest on (A13).

A screening is a step of the journey, or made again because staff have asked for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot, load_snapshot, policy_of, request_of, snapshot_case
from db.reads.third_parties import find_evidence
from db.tables import Case, CommandRow
from db.writes.cases import record_facts
from db.writes.effects import keep_evidence, stuck_flag
from db.writes.facts import lock_case, unflag_locked_case
from db.writes.npn.claims import take_registry_answer
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, ChecksOrder
from domain.shared.cases.stages import ENDED
from domain.shared.claims import RegisteredOwner
from domain.state.eligibility import LICENSING, Check, CheckSource, Finding, make_finding
from domain.state.facts import ScreenedData, is_of_command

SOURCE = "registry"
REPEAT_STUCK = stuck_flag("licensing.repeat_checks")


@dataclass(frozen=True)
class RepeatedChecks:
    """What is to be made again: ``source`` is who is asked, None for every one; ``kept`` is an answer had before."""

    snapshot: CaseSnapshot
    source: CheckSource | None
    kept: bytes | None

    @property
    def asks_registry(self) -> bool:
        """Whether the registry is asked, and not our own records alone."""
        return Kind(self.snapshot.case.kind).is_licensed and self.source in (None, CheckSource.REGISTRY)

    @property
    def known(self) -> list[Finding]:
        """What the registry has said, where it isn't asked again."""
        return [one for one in self.snapshot.certification.findings if one.check in LICENSING]


def load_screening(session: Session, order: CaseRef) -> tuple[CaseSnapshot, bytes | None]:
    """The case to screen, and the registry's answer that this round has kept before: look-ups are billed."""
    return load_snapshot(session, order.case_id), find_evidence(session, _make_key(order))


def load_repeat(session: Session, order: ChecksOrder) -> RepeatedChecks | None:
    """The checks that staff have made again; None where they are overtaken by a decision, or made already."""
    snapshot = load_snapshot(session, order.case_id)
    is_made = any(is_of_command(fact.id, order.command_id) for fact in snapshot.facts)
    if is_made or not snapshot.certification.is_undecided:
        return None
    source = session.get_one(CommandRow, order.command_id).data.get("source")
    kept = find_evidence(session, _make_key(order))
    return RepeatedChecks(snapshot, CheckSource(source) if source else None, kept)


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

    ``how`` is "answered", "unknown", or "records" where the registry wasn't to be asked; ``answers`` are the
    registry's, raw, by their SHA-256; ``inputs`` is a digest of what it was asked about, ``owner`` is whom it has for
    the NPN (D2), None where it did not answer.
    """
    case, name = lock_case(session, order.case_id), how
    asked: dict[str, str] = {}
    for digest, raw in (answers or {}).items():
        keep_evidence(session, _make_key(order), order.case_id, SOURCE, raw, digest, now)
    if isinstance(order, ChecksOrder):
        # What was decided was decided by the findings of then.
        if not snapshot_case(session, case).certification.is_undecided:
            return
        name, asked = f"{order.command_id}:{how}", {"asked_by": session.get_one(CommandRow, order.command_id).actor}
        # Whether they came to something or were given up: nothing is tried any more.
        unflag_locked_case(session, case, REPEAT_STUCK, now)
    found = (*findings, *_list_own_findings(session, case))
    data = ScreenedData(round=order.occurrence, findings=found, **({"inputs": inputs} if inputs else {}), **asked)
    fact = Fact(
        id=f"{order.case_id}:screened:{order.occurrence}:{name}", kind=FactKind.SCREENED, at=now, data=data.to_json()
    )
    record_facts(session, order.case_id, [fact], now, "case.screened", round=order.occurrence, how=how)
    if case.stage not in ENDED:
        take_registry_answer(session, identity_key, case, owner, now)


def _make_key(order: CaseRef) -> str:
    """Ends with the round; what staff had asked again is kept beside the answer of before."""
    asked = f"{order.command_id}:" if isinstance(order, ChecksOrder) else ""
    return f"{order.case_id}:{SOURCE}:{asked}{order.occurrence}"


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
