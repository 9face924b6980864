"""A corrected name: given to the case and its person, and what is to be printed anew under it (E11)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, snapshot_case
from db.reads.npn.claims import find_claim, is_settled
from db.reads.npn.holders import name_holder
from db.tables import Assister, Case, CertificateRow, CommandRow, EffectRow
from db.writes.effects import CERTIFICATE, Intent, fix_certificate, intend_effect
from db.writes.facts import lock_case, record_audit
from db.writes.persons import remember_words
from domain.shared.cases.commands import CommandOrigin, CorrectName
from domain.shared.cases.stages import ENDED
from domain.shared.claims import BY_REGISTRY
from domain.shared.ids import make_command_id
from domain.shared.programs import FEDERAL_PROGRAM


def is_printed(session: Session, case: Case, command: CorrectName) -> bool:
    """Whether this is the name that every certificate of the case has; also where there is none."""
    asked = applicant_of(case).model_copy(update=_list_names(command))
    return all(row.holder == asked.name for row in _list_newest(session, case.case_id).values())


def correct_name(session: Session, case: Case, command: CorrectName, origin: CommandOrigin) -> None:
    """Gives a case and its person the corrected name; who saw the registry's name go by it follow.

    The person's other open cases are given it too, each once: those with a certificate by a command of their own, by
    which it is printed anew. Cases that have ended keep the name they had, as their certificates do.
    """
    _rename_case(session, case, command)
    if not command.along and is_settled(session, case):
        rename_person_everywhere(session, session.get_one(Assister, case.assister_id), command, origin)


def rename_person_everywhere(
    session: Session, person: Assister, command: CorrectName, origin: CommandOrigin
) -> list[CommandRow]:
    """Gives a person's open cases this name, but for the one of ``origin``; the commands, which are to be sent.

    Of a case that goes by another address than its person's it is for staff to say first whose it is.
    """
    kept = []
    going = col(Case.assister_id) == person.assister_id, col(Case.stage).not_in(ENDED)
    for case_id in list_rows(session, select(col(Case.case_id)).where(*going).order_by(col(Case.case_id))):
        case = lock_case(session, case_id)
        if case_id == origin.case_id or case.stage in ENDED or not is_settled(session, case):
            continue
        if is_printed(session, case, command):
            _rename_unprinted(session, case, command, origin)
        else:
            kept.append(_keep_command(session, case, command, origin))
    _rename_person(session, person, command)
    return kept


def _rename_case(session: Session, case: Case, command: CorrectName) -> None:
    case.request = {**case.request, **_list_names(command)}
    case.unpublished = case.unpublished or case.program == FEDERAL_PROGRAM
    session.add(case)
    npn = applicant_of(case).npn
    claim = find_claim(session, case.assister_id, npn) if npn else None
    if claim is not None and claim.method in BY_REGISTRY:  # by whose name certificates are printed from now on
        claim.registered_name = [command.first_name, command.last_name]
        session.add(claim)
    _rename_person(session, session.get_one(Assister, case.assister_id), command)


def _rename_person(session: Session, person: Assister, command: CorrectName) -> None:
    person.first_name, person.last_name = command.first_name, command.last_name
    session.add(person)
    session.flush()
    remember_words(session, person.assister_id)


def _rename_unprinted(session: Session, case: Case, command: CorrectName, origin: CommandOrigin) -> None:
    """Gives the name to a case without a certificate, whose first one is printed under it, or with one that has it."""
    names = _list_names(command)
    if names == {name: case.request.get(name) for name in names}:
        return
    _rename_case(session, case, command)
    seen = {"method": command.method.value, "document": command.document}
    record_audit(session, origin.at, origin.actor, "case.name_corrected", case, origin.reason, **seen)


def _keep_command(session: Session, case: Case, command: CorrectName, origin: CommandOrigin) -> CommandRow:
    """The command that corrects another case of the person; sent by who keeps it, else by the next delivery."""
    command_id = make_command_id(f"correct:{origin.command_id}", case.case_id)
    row = session.get(CommandRow, command_id)
    if row is None:
        row = CommandRow(
            id=command_id,
            case_id=case.case_id,
            kind=command.kind,
            actor=origin.actor,
            reason=origin.reason,
            data=command.model_copy(update={"along": True}).to_json(),
            created_at=origin.at,
        )
        session.add(row)
    return row


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
