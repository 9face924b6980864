"""What earlier systems knew of people: their earlier years and accounts, brought in (A8, A9, B1)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.tables import AuditRow, EarlierYear
from db.writes.persons import add_person, find_by_key, remember_words
from domain.programs.imports import ImportedPerson
from domain.shared.programs import STATE_PROGRAM


def import_person(
    session: Session, identity_key: bytes, imported: ImportedPerson, actor: str, now: datetime
) -> tuple[str, bool]:
    """Stores what an import knows of one person's earlier years, audited; answers the id and whether it is new.

    What is known of somebody already is not overwritten.
    """
    who = imported.person
    person = find_by_key(session, identity_key, who.npn, who.email)
    created = person is None
    if person is None:
        person = add_person(session, identity_key, imported.describe_person(), now)
    else:
        session.refresh(person, with_for_update=True)
        person.details = imported.describe_person() | person.details
    if imported.program == STATE_PROGRAM:  # accounts elsewhere are none in the exchange's LMS and portal
        person.lms_account = person.lms_account or imported.find_account_name(imported.lms_account, person.assister_id)
        person.portal_account = person.portal_account or imported.find_account_name(
            imported.portal_account, person.assister_id
        )
    session.add(person)
    session.flush()
    if created:
        remember_words(session, person.assister_id)
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
    return person.assister_id, created
