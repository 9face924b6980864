"""A corrected name: given to the case and its person, and what is to be printed anew under it (E11)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, snapshot_case
from db.reads.npn.claims import find_claim
from db.reads.npn.holders import name_holder
from db.tables import Assister, Case, CertificateRow, EffectRow
from db.writes.effects import CERTIFICATE, Intent, fix_certificate, intend_effect
from db.writes.facts import lock_case
from db.writes.persons import remember_words
from domain.shared.cases.commands import CorrectName
from domain.shared.claims import BY_REGISTRY


def is_printed(session: Session, case: Case, command: CorrectName) -> bool:
    """Whether this is the name that every certificate of the case has."""
    asked = applicant_of(case).model_copy(update=_list_names(command))
    return all(row.holder == asked.name for row in _list_newest(session, case.case_id).values())


def correct_name(session: Session, case: Case, command: CorrectName) -> None:
    """Gives a case and its person the corrected name; who saw the registry's name go by it follow.

    Other cases of the person keep the name they were asked for with, as the certificates of other years do.
    """
    names = _list_names(command)
    case.request = {**case.request, **names}
    session.add(case)
    person = session.get_one(Assister, case.assister_id)
    person.first_name, person.last_name = command.first_name, command.last_name
    session.add(person)
    npn = applicant_of(case).npn
    claim = find_claim(session, case.assister_id, npn) if npn else None
    if claim is not None and claim.method in BY_REGISTRY:  # by whose name certificates are printed from now on
        claim.registered_name = [command.first_name, command.last_name]
        session.add(claim)
    session.flush()
    remember_words(session, case.assister_id)


def intend_corrected_certificates(session: Session, case_id: str, command_id: str, now: datetime) -> dict[str, Intent]:
    """The certificates to be printed anew since a name was corrected: intents by the key of each.

    Those under another name than the corrected one are, once; what was intended by an attempt of before stays so.
    """
    view = snapshot_case(session, lock_case(session, case_id))
    intents = {}
    for market, row in _list_newest(session, case_id).items():
        key = f"{case_id}:{CERTIFICATE}:{command_id}:{market or '-'}"
        if session.get(EffectRow, key) is None and (view.state.ended or row.holder == name_holder(session, view)):
            continue
        fixed = fix_certificate(session, view, now, market, supersedes=row.number)
        intents[key] = intend_effect(session, key, case_id, CERTIFICATE, fixed.to_json(), now)
    return intents


def _list_names(command: CorrectName) -> dict[str, str]:
    return {"first_name": command.first_name, "last_name": command.last_name}


def _list_newest(session: Session, case_id: str) -> dict[str, CertificateRow]:
    """The newest certificate of each market, which is empty in the state program."""
    query = select(CertificateRow).where(col(CertificateRow.case_id) == case_id)
    return {row.market: row for row in list_rows(session, query.order_by(col(CertificateRow.issued_at)))}
