"""What the public may know of a certificate."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.case_state import any_policy_of, holder_of, load_case, state_of
from db.tables import CertificateRow
from domain.programs.certificates import find_certificate_status
from domain.shared.ids import certificate_number
from domain.shared.instants import format_instant
from domain.shared.policy import local_date


def read_certificate(session: Session, number: str, now: datetime) -> dict[str, Any] | None:
    """What the public may know of a certificate, as JSON; None where there is no such number.

    Its holder is named as on the day it was issued; the market is there in the federal program only.
    """
    row = session.get(CertificateRow, certificate_number(number))
    if row is None:
        return None
    case = load_case(session, row.case_id)
    state, today = state_of(session, case), local_date(any_policy_of(case), now)
    return {
        "number": row.number,
        "status": find_certificate_status(state, row.number, row.market, row.valid_until, today),
        "holder": row.holder or holder_of(case),
        "kind": case.kind,
        "program": case.program,
        "plan_year": case.plan_year,
        "issued_at": format_instant(row.issued_at),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "sha256": row.sha256,
        **({"market": row.market} if row.market else {}),
    }
