"""What is known of a person from earlier plan years of a program: our own records, and imported ones (A8, A9, B1)."""

from collections.abc import Callable

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.tables import Assister, Case, CertificateRow, EarlierYear, FactRow
from domain.federal.markets import Market
from domain.shared.assister import AssisterHistory, YearRecord
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import Stage
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM

_TAKEN_BACK = (Stage.REVOKED.value, Stage.TERMINATED.value, Stage.WITHDRAWN.value)


def read_history(session: Session, person: Assister | None, program: str) -> AssisterHistory:
    """What earlier years left of a person in a program; empty for somebody not known yet."""
    if person is None:
        return AssisterHistory()
    imported = list_rows(
        session,
        select(EarlierYear).where(
            col(EarlierYear.assister_id) == person.assister_id, col(EarlierYear.program) == program
        ),
    )
    reported = _list_portal_reports(session, person) if program == STATE_PROGRAM else []
    return AssisterHistory(
        years=(
            *_READ_OWN_YEARS[program](session, person),
            *(YearRecord.model_validate(year, from_attributes=True) for year in imported),
        ),
        has_lms_account=person.lms_account is not None,
        has_portal_account=person.portal_account is not None,
        has_portal_profile=FactKind.PORTAL_PROFILE_COMPLETED in reported,
        has_scheduling_tool=FactKind.SCHEDULING_TOOL_READY in reported,
    )


def _read_certified_years(session: Session, person: Assister) -> list[YearRecord]:
    """The years in which we issued a certificate of the state program."""
    certified = list_rows(
        session,
        select(col(Case.plan_year))
        .join(CertificateRow, col(CertificateRow.case_id) == col(Case.case_id))
        .where(col(Case.assister_id) == person.assister_id, col(Case.program) == STATE_PROGRAM),
    )
    return [YearRecord(plan_year=year, certified=True) for year in certified]


def _read_completed_registrations(session: Session, person: Assister) -> list[YearRecord]:
    """The years and markets whose registration was completed here, unless it was taken back."""
    completed = session.execute(
        select(col(Case.plan_year), col(FactRow.data))
        .join(FactRow, col(FactRow.case_id) == col(Case.case_id))
        .where(
            col(Case.assister_id) == person.assister_id,
            col(Case.program) == FEDERAL_PROGRAM,
            col(Case.stage).not_in(_TAKEN_BACK),
            col(FactRow.kind) == FactKind.MARKET_COMPLETED.value,
        )
    )
    return [
        YearRecord(plan_year=year, registered=True, trained=True, individual_market=data["market"] == Market.INDIVIDUAL)
        for year, data in completed
    ]


def _list_portal_reports(session: Session, person: Assister) -> list[str]:
    """What the portal reported of this person's accounts in any year."""
    kinds = (FactKind.PORTAL_PROFILE_COMPLETED.value, FactKind.SCHEDULING_TOOL_READY.value)
    return list_rows(
        session,
        select(col(FactRow.kind))
        .join(Case, col(Case.case_id) == col(FactRow.case_id))
        .where(col(Case.assister_id) == person.assister_id, col(FactRow.kind).in_(kinds)),
    )


_READ_OWN_YEARS: dict[str, Callable[[Session, Assister], list[YearRecord]]] = {
    STATE_PROGRAM: _read_certified_years,
    FEDERAL_PROGRAM: _read_completed_registrations,
}
