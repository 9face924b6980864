"""Effects made outside: intended before they are made, their results recorded once; and evidence of what was said."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import CaseSnapshot, one_or_none, snapshot_case
from db.reads.npn.holders import name_holder
from db.tables import SYSTEM, CertificateRow, EffectRow, EvidenceRow, SentMail
from db.writes.facts import STUCK, append_facts, audit_adverse_facts, lock_case, record_audit, unflag_locked_case
from db.writes.house.returned_letters import settle_early_return
from domain.federal.registration import RegistrationState
from domain.programs.certificates import may_issue_certificate
from domain.shared.cases.facts import Fact
from domain.shared.cases.messages import Effect
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED, CertificateToIssue
from domain.shared.ids import make_certificate_number
from domain.shared.policy import find_local_date

# The kind of the effect by which a certificate is issued.
CERTIFICATE = "certificate.issued"

_EFFECT = select(EffectRow).where(col(EffectRow.key) == bindparam("key"))


@dataclass(frozen=True)
class Intent:
    """An effect about to be made: ``result`` is there when it was made already; ``ended`` when it must not be."""

    snapshot: CaseSnapshot
    data: dict[str, Any]
    result: dict[str, Any] | None
    ended: bool


@dataclass(frozen=True)
class EffectResult:
    """What making an effect came to: its result, and what is kept with it."""

    result: dict[str, Any] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    external_id: str | None = None
    certificate: CertificateRow | None = None
    mail: SentMail | None = None


def refusal_flag(kind: str) -> str:
    """The flag of a case one of whose effects a third party refuses."""
    return f"{kind}.refused"


def stuck_flag(activity_type: str) -> str:
    """The flag of a case one of whose activities keeps failing."""
    return f"{activity_type}{STUCK}"


def intend_effect(
    session: Session,
    key: str,
    case_id: str,
    kind: str,
    data: dict[str, Any],
    now: datetime,
    *,
    after_end: bool = False,
) -> Intent:
    """Writes down an effect before it is made. The first intent's data stands, and its result where it has one."""
    case = lock_case(session, case_id)
    view = snapshot_case(session, case)
    ended = case.stage in ENDED and not after_end
    row = one_or_none(session, _EFFECT, key=key)
    if row is None:
        if ended:
            return Intent(view, data, None, ended=True)
        row = EffectRow(key=key, case_id=case_id, kind=kind, data=data, intended_at=now)
        session.add(row)
    return Intent(view, row.data, row.result, ended=ended)


def complete_effect(
    session: Session,
    key: str,
    case_id: str,
    made: EffectResult,
    now: datetime,
    *,
    activity_type: str = "",
    after_end: bool = False,
) -> Effect:
    """Stores an effect's result with its facts; ``ended`` when the case ended meanwhile, and the caller takes it back.

    The first result stands: a repeat changes nothing. Flags about trouble with the effect, or with the activity that
    made it, go down: it healed.
    """
    case = lock_case(session, case_id)
    row = session.execute(_EFFECT, {"key": key}).scalar_one()
    ended = case.stage in ENDED and not after_end
    if row.result is not None:  # an attempt that was given up has recorded it meanwhile
        return Effect(ended=ended, standing=snapshot_case(session, case).take_registration_snapshot())
    row.result, row.done_at, row.external_id = made.result, now, made.external_id
    session.add(row)
    if made.mail is not None:  # it went out, whatever became of the case meanwhile
        session.add(made.mail)
        settle_early_return(session, case, made.mail.message_id, now)
    for flag in (refusal_flag(row.kind), stuck_flag(activity_type)):
        unflag_locked_case(session, case, flag, now)
    about = {name: row.data[name] for name in ("number", "market", "supersedes") if row.data.get(name)}
    record_audit(session, now, SYSTEM, f"{row.kind}.after_end" if ended else row.kind, case, **about)
    if ended:
        return Effect(ended=True)
    if made.certificate is not None:
        session.add(made.certificate)
        session.flush()
    state = append_facts(session, case, made.facts, now) if made.facts else None
    audit_adverse_facts(session, case, made.facts, now)
    return Effect(standing=state.take_snapshot() if isinstance(state, RegistrationState) else None)


def fix_certificate(
    session: Session, view: CaseSnapshot, now: datetime, market: str, supersedes: str = ""
) -> CertificateToIssue:
    """What is fixed of a certificate before it is printed; ``supersedes`` is the number in whose place it is (E11)."""
    return CertificateToIssue(
        number=make_certificate_number(view.case.program, view.case.plan_year),
        holder=name_holder(session, view),
        kind=view.case.kind,
        issued_at=now,
        issued_on=find_local_date(view.policy, now),
        valid_until=view.policy.windows.closes_on,
        **({"market": market} if market else {}),
        **({"supersedes": supersedes} if supersedes else {}),
    )


def intend_certificate(session: Session, key: str, case_id: str, now: datetime, market: str = "") -> Intent:
    """The certificate's intent: number, name, kind and time of issue are fixed before it is printed (A23, B17).

    Raises `Refusal` when none is due (not eligible, trained and passed; the market not complete).
    """
    view = snapshot_case(session, lock_case(session, case_id))
    if not view.state.ended and not may_issue_certificate(view.state, market):
        raise Refusal(Reason("certificate_not_due"))
    fixed = fix_certificate(session, view, now, market)
    return intend_effect(session, key, case_id, CERTIFICATE, fixed.to_json(), now)


def intend_enrollment(session: Session, key: str, case_id: str, now: datetime) -> Intent | None:
    """The intent to enrol an LMS account of earlier years; None while whose the NPN is has to be proven (D2).

    What was made before proofs were asked for stands.
    """
    case = lock_case(session, case_id)
    row = one_or_none(session, _EFFECT, key=key)
    if case.npn_unproven and case.stage not in ENDED and (row is None or row.result is None):
        return None
    return intend_effect(session, key, case_id, "training.enrolled", {}, now)


def keep_evidence(
    session: Session, key: str, case_id: str, source: str, raw: bytes, sha256: str, now: datetime
) -> None:
    """Keeps a third party's raw answer with its hash; the first one under a key stands."""
    if session.get(EvidenceRow, key) is None:
        session.add(EvidenceRow(key=key, case_id=case_id, source=source, raw=raw, sha256=sha256, at=now))
