"""Effects made outside: intended before they are made, their results recorded once; and evidence of what was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot, facts_of, holder_of
from db.tables import SYSTEM, CertificateRow, EffectRow, EvidenceRow, SentMail
from db.writes.facts import append, audit, locked, lower_flag
from db.writes.opening import Conflict
from domain.federal.markets import Market
from domain.shared.facts import Fact
from domain.shared.ids import new_certificate_number
from domain.shared.policy import local_date
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.stages import ENDED
from domain.state.may_assist import certificate_due


@dataclass(frozen=True)
class Intent:
    """An effect about to be made: ``result`` is there when it was made already; ``ended`` when it must not be."""

    view: CaseSnapshot
    data: dict[str, Any]
    result: dict[str, Any] | None
    ended: bool


def refused(kind: str) -> str:
    """The flag of a case one of whose effects a third party refuses."""
    return f"{kind}.refused"


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
    case = locked(session, case_id)
    view = CaseSnapshot(case, facts_of(session, case_id))
    ended = case.stage in ENDED and not after_end
    row = session.get(EffectRow, key)
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
    result: dict[str, Any],
    facts: Sequence[Fact],
    now: datetime,
    *,
    external_id: str | None = None,
    certificate: CertificateRow | None = None,
    mail: SentMail | None = None,
    after_end: bool = False,
) -> bool:
    """Stores an effect's result with its facts; True when the case ended meanwhile, and the caller compensates.

    The first result stands: a repeat changes nothing.
    """
    case = locked(session, case_id)
    row = session.get_one(EffectRow, key)
    ended = case.stage in ENDED and not after_end
    if row.result is not None:
        return ended
    row.result, row.done_at, row.external_id = result, now, external_id
    session.add(row)
    if mail is not None:  # it went out, whatever became of the case meanwhile
        session.add(mail)
    if lower_flag(case, refused(row.kind)):  # it healed
        session.add(case)
        audit(session, now, SYSTEM, f"case.unflagged.{refused(row.kind)}", case)
    if ended:
        audit(session, now, SYSTEM, f"{row.kind}.after_end", case)
        return True
    if certificate is not None:
        session.add(certificate)
        session.flush()
    if facts:
        append(session, case, facts, now)
    audit(session, now, SYSTEM, row.kind, case)
    return False


def intend_certificate(session: Session, key: str, case_id: str, now: datetime, market: str = "") -> Intent:
    """The certificate's intent: number, name and time of issue are fixed before it is printed (A23, B17).

    Raises `Conflict` when none is due (not eligible, trained and passed; the market not complete).
    """
    view = CaseSnapshot(locked(session, case_id), facts_of(session, case_id))
    until = view.rules.windows.closes_on
    if not view.stands.ended and not _certificate_due(view, market):
        raise Conflict("The certificate is not due.")
    data = {
        "number": new_certificate_number(view.case.program, view.case.plan_year),
        "holder": holder_of(view.case),
        "issued_at": now.isoformat(),
        "issued_on": local_date(view.rules, now).isoformat(),
        "valid_until": until.isoformat() if until else None,
        **({"market": market} if market else {}),
    }
    return intend_effect(session, key, case_id, "certificate.issued", data, now)


def _certificate_due(view: CaseSnapshot, market: str) -> bool:
    if view.case.program == FEDERAL_PROGRAM:
        return Market(market) in view.registration.completed_at
    return view.state.certificate is not None or certificate_due(view.state)


def keep_evidence(
    session: Session, key: str, case_id: str, source: str, raw: bytes, sha256: str, now: datetime
) -> None:
    """Keeps a third party's raw answer with its hash; the first one under a key stands."""
    if session.get(EvidenceRow, key) is None:
        session.add(EvidenceRow(key=key, case_id=case_id, source=source, raw=raw, sha256=sha256, at=now))
