"""What is known of people from earlier plan years of a program: our own records, and imported ones (A8, A9, B1)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.tables import Assister, Case, CertificateRow, EarlierYear, FactRow
from domain.federal.markets import Market
from domain.shared.assister import AssisterHistory, YearRecord
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import TAKEN_BACK
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM

_TAKEN_BACK = tuple(stage.value for stage in TAKEN_BACK)
Years = Mapping[str, list[YearRecord]]


def read_history(session: Session, person: Assister | None, program: str) -> AssisterHistory:
    """What earlier years left of a person in a program; empty for somebody not known yet."""
    if person is None:
        return AssisterHistory()
    return read_histories(session, [person], program)[person.assister_id]


def read_histories(session: Session, people: Sequence[Assister], program: str) -> dict[str, AssisterHistory]:
    """What earlier years left of each of these people in a program, by their ids."""
    ids = [person.assister_id for person in people]
    own, imported = _READ_OWN_YEARS[program](session, ids), _read_imported_years(session, ids, program)
    reported = _read_portal_reports(session, ids) if program == STATE_PROGRAM else {}
    return {
        person.assister_id: AssisterHistory(
            years=(*own.get(person.assister_id, ()), *imported.get(person.assister_id, ())),
            has_lms_account=person.lms_account is not None,
            has_portal_account=person.portal_account is not None,
            has_portal_profile=FactKind.PORTAL_PROFILE_COMPLETED in reported.get(person.assister_id, ()),
            has_scheduling_tool=FactKind.SCHEDULING_TOOL_READY in reported.get(person.assister_id, ()),
        )
        for person in people
    }


def _read_imported_years(session: Session, ids: Sequence[str], program: str) -> Years:
    query = select(EarlierYear).where(col(EarlierYear.assister_id).in_(ids), col(EarlierYear.program) == program)
    found: dict[str, list[YearRecord]] = defaultdict(list)
    year: EarlierYear
    for year in list_rows(session, query.order_by(col(EarlierYear.plan_year))):
        found[year.assister_id].append(YearRecord.model_validate(year, from_attributes=True))
    return found


def _read_certified_years(session: Session, ids: Sequence[str]) -> Years:
    """The years in which we issued a certificate of the state program."""
    certified = session.execute(
        select(col(Case.assister_id), col(Case.plan_year))
        .join(CertificateRow, col(CertificateRow.case_id) == col(Case.case_id))
        .where(col(Case.assister_id).in_(ids), col(Case.program) == STATE_PROGRAM)
    )
    found: dict[str, list[YearRecord]] = defaultdict(list)
    for assister_id, year in certified:
        found[assister_id].append(YearRecord(plan_year=year, certified=True))
    return found


def _read_completed_registrations(session: Session, ids: Sequence[str]) -> Years:
    """The years and markets whose registration was completed here, unless it was taken back."""
    completed = session.execute(
        select(col(Case.assister_id), col(Case.plan_year), col(FactRow.data))
        .join(FactRow, col(FactRow.case_id) == col(Case.case_id))
        .where(
            col(Case.assister_id).in_(ids),
            col(Case.program) == FEDERAL_PROGRAM,
            col(Case.stage).not_in(_TAKEN_BACK),
            col(FactRow.kind) == FactKind.MARKET_COMPLETED.value,
        )
    )
    found: dict[str, list[YearRecord]] = defaultdict(list)
    for assister_id, year, data in completed:
        is_individual = data["market"] == Market.INDIVIDUAL
        record = YearRecord(plan_year=year, registered=True, trained=True, individual_market=is_individual)
        found[assister_id].append(record)
    return found


def _read_portal_reports(session: Session, ids: Sequence[str]) -> Mapping[str, set[str]]:
    """What the portal reported of these people's accounts in any year, by person."""
    kinds = (FactKind.PORTAL_PROFILE_COMPLETED.value, FactKind.SCHEDULING_TOOL_READY.value)
    reported = session.execute(
        select(col(Case.assister_id), col(FactRow.kind))
        .join(FactRow, col(FactRow.case_id) == col(Case.case_id))
        .where(col(Case.assister_id).in_(ids), col(FactRow.kind).in_(kinds))
    )
    found: dict[str, set[str]] = defaultdict(set)
    for assister_id, kind in reported:
        found[assister_id].add(kind)
    return found


_READ_OWN_YEARS: dict[str, Callable[[Session, Sequence[str]], Years]] = {
    STATE_PROGRAM: _read_certified_years,
    FEDERAL_PROGRAM: _read_completed_registrations,
}
