"""What earlier systems knew of people: their earlier years and accounts, brought in (A8, A9, B1, D8)."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from db.tables import Assister, AuditRow, EarlierYear
from db.writes.persons import add_person, find_by_key, identity_of, remember_words
from db.writes.webhooks.uncounted import IMPORTED, find_newest_case, keep_conflict
from domain.programs.imports import ImportedPerson, find_import_conflict
from domain.shared.documents.faults import Fault
from domain.shared.programs import STATE_PROGRAM


class ImportOutcome(NamedTuple):
    """Whose a record is and whether they are new; ``conflict`` is why nothing of it was taken, for staff to look at."""

    assister_id: str
    created: bool = False
    conflict: Fault | None = None


def import_person(
    session: Session, identity_key: bytes, imported: ImportedPerson, actor: str, now: datetime
) -> ImportOutcome:
    """Stores what an import knows of one person's earlier years, audited.

    What is known of somebody already is not overwritten. A record of a known NPN or address under another name or
    address is kept for staff, and nothing of it is taken: whose account it is isn't told by a number (D8).
    """
    who = imported.person
    person = find_by_key(session, identity_key, who.npn, who.email)
    if person is None:
        person = add_person(session, identity_key, imported.describe_person(), now)
        remember_words(session, person.assister_id)
        join_record(session, person, imported, actor, now)
        return ImportOutcome(person.assister_id, created=True)
    session.refresh(person, with_for_update=True)
    conflict = find_import_conflict(identity_of(person), imported)
    if conflict is not None:
        case = find_newest_case(session, person)
        if not keep_conflict(session, IMPORTED, imported.describe(), conflict, person, case, actor, now):
            return ImportOutcome(person.assister_id, conflict=conflict)
    join_record(session, person, imported, actor, now)
    return ImportOutcome(person.assister_id)


def join_record(session: Session, person: Assister, imported: ImportedPerson, actor: str, now: datetime) -> None:
    """Gives a person the earlier years and accounts of a record; what is known of them already stays."""
    person.details = imported.describe_person() | person.details
    if imported.program == STATE_PROGRAM:  # accounts elsewhere are none in the exchange's LMS and portal
        person.lms_account = person.lms_account or imported.find_account_name(imported.lms_account, person.assister_id)
        person.portal_account = person.portal_account or imported.find_account_name(
            imported.portal_account, person.assister_id
        )
    session.add(person)
    session.flush()
    for year in imported.years:
        session.merge(EarlierYear(assister_id=person.assister_id, program=imported.program, **year.model_dump()))
    session.add(
        AuditRow(
            at=now,
            actor=actor,
            action="assister.imported",
            assister_id=person.assister_id,
            details={"program": imported.program, "years": [year.plan_year for year in imported.years]},
        )
    )
