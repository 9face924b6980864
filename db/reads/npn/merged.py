"""The certificate in whose place another person's stands since staff found that both are one (D3, E11)."""

from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.claim_tables import NpnClaim
from db.tables import Case, CertificateRow, CommandRow
from domain.shared.cases.commands import CommandState
from domain.shared.cases.stages import TAKEN_BACK, Stage
from domain.shared.claims import ClaimState
from domain.shared.ids import make_command_id


def name_merging(claim_id: int | None) -> str:
    """What the withdrawal of a claimant's case is known by, who turned out to be somebody who claimed it before."""
    return f"same_person:{claim_id}"


def find_merged_number(session: Session, case: Case, market: str) -> str | None:
    """The number by which who went on is certified in the program and plan year of a case; None where that isn't so."""
    if case.stage != Stage.WITHDRAWN:
        return None
    for claim in list_rows(session, select(NpnClaim).where(col(NpnClaim.assister_id) == case.assister_id)):
        withdrawal = session.get(CommandRow, make_command_id(name_merging(claim.id), case.case_id))
        if withdrawal is not None and withdrawal.state == CommandState.APPLIED:
            return _find_number(session, claim, case, market)
    return None


def _find_number(session: Session, claim: NpnClaim, case: Case, market: str) -> str | None:
    owner: Any = select(col(NpnClaim.assister_id)).where(
        col(NpnClaim.npn) == claim.npn, col(NpnClaim.state) == ClaimState.PROVEN, col(NpnClaim.id) != claim.id
    )
    numbers: Any = (
        select(col(CertificateRow.number))
        .join(Case, col(Case.case_id) == col(CertificateRow.case_id))
        .where(
            col(Case.assister_id).in_(owner),
            col(Case.program) == case.program,
            col(Case.plan_year) == case.plan_year,
            col(Case.stage).not_in(TAKEN_BACK),
            col(CertificateRow.market) == market,
        )
    )
    return session.execute(numbers.order_by(col(CertificateRow.issued_at).desc()).limit(1)).scalar_one_or_none()
