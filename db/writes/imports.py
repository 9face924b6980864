"""What earlier systems knew of people: their earlier years and accounts, brought in (A8, A9, B1, D8)."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from db.reads.npn.claims import find_claim
from db.tables import Assister, EarlierYear
from db.writes.facts import flag_locked_case, record_person_audit
from db.writes.persons import add_person, find_by_key, find_claimant, identity_of, remember_words
from db.writes.webhooks.uncounted import IMPORTED, find_newest_case, keep_conflict
from domain.programs.imports import ImportedPerson, find_import_conflict, find_year_conflict
from domain.programs.opening import OPENING_RULES
from domain.shared.claims import ClaimState
from domain.shared.documents.faults import Fault
from domain.shared.programs import STATE_PROGRAM

ACCOUNTS = ("lms_account", "portal_account")


class ImportOutcome(NamedTuple):
    """Whose a record is and whether they are new; ``conflict`` is why nothing of it was taken, for staff to look at.

    ``added`` names what somebody known before has by it that they hadn't: fields, and accounts.
    """

    assister_id: str
    created: bool = False
    conflict: Fault | None = None
    added: dict[str, Any] | None = None


def import_person(
    session: Session,
    identity_key: bytes,
    imported: ImportedPerson,
    actor: str,
    now: datetime,
    import_id: str | None = None,
) -> ImportOutcome:
    """Stores what an import knows of one person's earlier years, audited.

    What is known of somebody already is not overwritten. A record of a known NPN or address under another name or
    address is kept for staff, and nothing of it is taken: whose account it is isn't told by a number (D8). So is
    one that tells a known year otherwise. Who has only claimed an NPN keeps nobody's record out: it is joined to
    another claimant, whom the owner is found as, and staff look at the case (D3). ``import_id`` is the import as a
    whole, by which what is new of it is found again to be undone (E10).
    """
    who = imported.person
    person = find_by_key(session, identity_key, who.npn, who.email)
    if person is not None and _has_claimed_alone(session, person, imported):
        assert who.npn is not None, "only an NPN is claimed"
        claimant = find_claimant(session, identity_key, who.npn, who.email)
        if claimant is None:
            _flag_rival(session, person, now)
        person = claimant
    if person is None:
        person = add_person(session, identity_key, imported.describe_person(), now)
        person.import_id = import_id
        remember_words(session, person.assister_id)
        join_record(session, person, imported, actor, now, import_id)
        return ImportOutcome(person.assister_id, created=True)
    session.refresh(person, with_for_update=True)
    conflict = find_import_conflict(identity_of(person), imported) or find_known_year_conflict(
        session, person, imported
    )
    if conflict is not None:
        case = find_newest_case(session, person)
        if not keep_conflict(session, IMPORTED, imported.describe(), conflict, person, case, actor, now):
            return ImportOutcome(person.assister_id, conflict=conflict)
    added = join_record(session, person, imported, actor, now, import_id)
    return ImportOutcome(person.assister_id, added=added)


def _has_claimed_alone(session: Session, known: Assister, imported: ImportedPerson) -> bool:
    """Whether somebody known by the record's NPN, under another address, has claimed it here and proven nothing."""
    npn = imported.person.npn
    if npn is None or known.email.lower() == imported.person.email.lower():
        return False
    claim = find_claim(session, known.assister_id, npn)
    return claim is not None and claim.state == ClaimState.CLAIMED


def _flag_rival(session: Session, known: Assister, now: datetime) -> None:
    case = find_newest_case(session, known)
    if case is not None:
        flag_locked_case(session, case, OPENING_RULES[case.program].conflict, now)


def find_known_year_conflict(session: Session, person: Assister, imported: ImportedPerson) -> Fault | None:
    """Where a record tells a year otherwise than it is known."""
    known = (session.get(EarlierYear, (person.assister_id, imported.program, one.plan_year)) for one in imported.years)
    return find_year_conflict({row.plan_year: row.model_dump() for row in known if row is not None}, imported)


def join_record(
    session: Session,
    person: Assister,
    imported: ImportedPerson,
    actor: str,
    now: datetime,
    import_id: str | None = None,
) -> dict[str, Any] | None:
    """Gives a person the earlier years and accounts of a record; what is known of them already stays.

    A year is as the record tells it: where it was told otherwise, staff have looked at it. Answers which fields and
    accounts they hadn't, `{"fields": […], "accounts": […]}`, if any.
    """
    before = {name: getattr(person, name) for name in ACCOUNTS}
    fields = sorted(imported.describe_person().keys() - person.details.keys())
    person.details = imported.describe_person() | person.details
    if imported.program == STATE_PROGRAM:  # accounts elsewhere are none in the exchange's LMS and portal
        person.lms_account = person.lms_account or imported.find_account_name(imported.lms_account, person.assister_id)
        person.portal_account = person.portal_account or imported.find_account_name(
            imported.portal_account, person.assister_id
        )
    session.add(person)
    session.flush()
    for year in imported.years:
        known = session.get(EarlierYear, (person.assister_id, imported.program, year.plan_year))
        if known is None:
            known = EarlierYear(
                assister_id=person.assister_id, program=imported.program, import_id=import_id, **year.model_dump()
            )
        known.sqlmodel_update(year.model_dump(exclude_unset=True))
        session.add(known)
    years = [year.plan_year for year in imported.years]
    record_person_audit(
        session, now, actor, "assister.imported", person.assister_id, program=imported.program, years=years
    )
    accounts = [name for name, had in before.items() if had is None and getattr(person, name) is not None]
    return {"fields": fields, "accounts": accounts} if fields or accounts else None
