"""Cases opened from a request's document as the door opens them, without Temporal."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows
from db.claim_tables import NpnClaim
from db.engine import Database
from db.reads.npn.claims import find_claim
from db.tables import Case
from db.writes.opening import Opened, open_requested_case
from domain.programs.opening import parse_any_request
from domain.shared.cases.reasons import Refusal
from domain.shared.claims import ClaimState


async def open_case(
    database: Database, identity_key: bytes, document: dict[str, Any], at: datetime, *, proven: bool = True
) -> Opened:
    """The case of a request of either program. Raises the `Refusal` that was answered.

    Whose its NPN is counts as proven, without a trace of it, unless it is said not to be.
    """
    opened = await database.write(open_requested_case, identity_key, parse_any_request(document), at)
    if isinstance(opened, Refusal):
        raise opened
    if proven and opened.created:
        await database.write(_prove_quietly, opened.case_id)
    return opened


def _prove_quietly(session: Session, case_id: str) -> None:
    case = session.get_one(Case, case_id)
    npn = applicant_of(case).npn
    taken = select(NpnClaim).where(col(NpnClaim.npn) == npn, col(NpnClaim.state) == ClaimState.PROVEN)
    claim = find_claim(session, case.assister_id, npn) if npn else None
    if claim is None or list_rows(session, taken):
        return
    claim.state, case.npn_unproven = ClaimState.PROVEN, False
    session.add_all([claim, case])
