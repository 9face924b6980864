"""What a certificate is worth today, as everybody is told: the public, the portal, staff (A24, E11)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_state import any_policy_of
from db.reads.npn.merged import find_merged_number
from db.tables import Case, CertificateRow
from domain.programs.certificates import find_certificate_status, find_newest_number
from domain.programs.policies import find_last_day
from domain.programs.state import CaseState
from domain.shared.policy import find_local_date


@dataclass(frozen=True)
class CertificateWorth:
    """valid, superseded, withdrawn, revoked, expired or unproven; its last day; the number in its place."""

    status: str
    valid_until: date | None
    superseded_by: str | None = None


def judge_certificate(
    session: Session, case: Case, state: CaseState, row: CertificateRow, now: datetime
) -> CertificateWorth:
    """What a certificate of a case is worth.

    One of somebody who turned out to be another person is superseded by that person's, where they have one.
    """
    until = find_last_day(case.program, case.plan_year, row.valid_until)
    if merged := find_merged_number(session, case, row.market):
        return CertificateWorth("superseded", until, merged)
    today = find_local_date(any_policy_of(session, case), now)
    status = find_certificate_status(state, row.number, row.market, until, today, is_unproven=case.npn_unproven)
    newest = find_newest_number(state, row.market) if status == "superseded" else None
    return CertificateWorth(status, until, newest)
