"""Commands people give a case: kept under the caller's id, and carried out once; whether they may be, is a rule."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.case_state import state_of
from db.tables import SYSTEM, Assister, Case, CommandRow
from db.writes.facts import append, audit, locked, lower_flag
from db.writes.links import void_activation_links
from db.writes.persons import find_by_key, remember_words, rename_person
from domain.programs.commands import find_refusal
from domain.programs.state import CaseState
from domain.shared.commands import OWN_REASONS, CommandKind
from domain.shared.facts import Fact, FactKind
from domain.shared.faults import Fault, Invalid, dump_faults
from domain.shared.messages import Applied
from domain.shared.notices import Notice
from domain.shared.reasons import Reason, Refusal
from domain.state.agreements import build_acceptance_fact
from domain.state.certification import CertificationState
from domain.state.eligibility import Check, Verdict
from domain.state.opening import IDENTITY_CONFLICT
from domain.state.request import FORM, amend_request


def store_command(
    session: Session,
    command_id: str,
    case_id: str,
    kind: CommandKind,
    actor: str,
    reason: str,
    data: dict[str, Any],
    now: datetime,
) -> CommandRow:
    """Keeps a command under the caller's id before it is sent; a repeat of the id finds the first.

    Raises `Refusal` when the id was used for something else.
    """
    row = session.get(CommandRow, command_id)
    if row is None:
        row = CommandRow(
            id=command_id, case_id=case_id, kind=kind, actor=actor, reason=reason, data=data, created_at=now
        )
        session.add(row)
    elif (row.case_id, row.kind, row.actor, row.reason, row.data) != (case_id, kind, actor, reason, data):
        raise Refusal(Reason("id_used"))
    return row


def find_command_state(session: Session, command_id: str) -> str | None:
    """pending, applied or refused; None for an id never seen."""
    row = session.get(CommandRow, command_id)
    return row.state if row else None


def load_command(session: Session, command_id: str) -> CommandRow:
    """A stored command as it stands now."""
    return session.get_one(CommandRow, command_id)


def note_refusal(
    session: Session, case_id: str, kind: CommandKind, actor: str, reason: str, why: Reason, now: datetime
) -> None:
    """Audits a command that was refused before it was kept (C9)."""
    case = locked(session, case_id)
    audit(session, now, actor, f"{kind}.refused", case, reason, answer=why)


def refuse_command(session: Session, command_id: str, why: Reason, now: datetime) -> None:
    """Keeps why the workflow refused a command."""
    row = session.get_one(CommandRow, command_id)
    case = locked(session, row.case_id)
    session.refresh(row)
    if row.state == "pending":
        _refuse(session, case, row, why, now)


def apply_command(session: Session, identity_key: bytes, command_id: str, now: datetime) -> Applied:
    """Carries out a stored command, once: facts, the request's changes, links voided; a repeat finds it done."""
    row = session.get(CommandRow, command_id)
    if row is None or row.state != "pending":
        return _applied(row)
    case = locked(session, row.case_id)
    session.refresh(row)
    if row.state == "pending":
        why = _carry_out(session, identity_key, case, row, now)
        if why is None:
            row.state = "applied"
            session.add(row)
            audit(
                session,
                now,
                row.actor,
                f"case.{_past(row)}",
                case,
                OWN_REASONS.get(CommandKind(row.kind), row.reason),
                **_told(row),
            )
        else:
            _refuse(session, case, row, why, now)
    return _applied(row)


def _carry_out(session: Session, identity_key: bytes, case: Case, row: CommandRow, now: datetime) -> Reason | None:
    """Does what the command says; answers why not when the case doesn't allow it."""
    kind, data = CommandKind(row.kind), row.data
    state = state_of(session, case)
    verdict = Verdict(data["verdict"]) if data.get("verdict") else None
    notice = Notice(data["notice"]) if data.get("notice") else None
    why = find_refusal(kind, state, verdict, data.get("override"), notice)
    if why:
        return why
    if kind is CommandKind.SAVE_PROFILE:
        return Reason("not_in_program")  # its workflow asks the registry first
    if kind is CommandKind.ANSWER:
        why = _answer(session, identity_key, case, row)
    elif verdict is Verdict.APPROVE and not case.identity_matches:
        # Staff have looked at who this is: from now on the person goes by this name and e-mail.
        why = _rename(session, identity_key, case, case.request)
    if why:
        return why
    decided = verdict in (Verdict.APPROVE, Verdict.DENY) and not case.identity_matches
    if decided and lower_flag(case, IDENTITY_CONFLICT):  # which is what they looked at
        audit(session, now, SYSTEM, f"case.unflagged.{IDENTITY_CONFLICT}", case)
    append(session, case, _facts_of(case, row, state), now)
    if kind in (CommandKind.WITHDRAW, CommandKind.REVOKE):
        void_activation_links(session, case.case_id, now)
    return None


def _answer(session: Session, identity_key: bytes, case: Case, row: CommandRow) -> Reason | None:
    """Lays the answer's changes over the request; why not, where they can't be taken any more."""
    try:
        request = amend_request(case.request, row.data["changes"])
    except Invalid as invalid:
        row.data = {**row.data, "faults": dump_faults(invalid.faults)}
        return Reason("fields_at_fault")
    # Whose NPN it really is, is for staff to say first: nobody's record changes by a stranger's answer.
    why = _rename(session, identity_key, case, request) if case.identity_matches else None
    if why is None:
        case.request = request
        session.add(case)
        remember_words(session, case.assister_id)
    return why


def _rename(session: Session, identity_key: bytes, case: Case, request: dict[str, Any]) -> Reason | None:
    """Moves the person along with a request; why not, where its NPN or e-mail is another person's."""
    if _other(session, identity_key, case, request) is not None:
        return Reason("identity_taken")
    person = session.get_one(Assister, case.assister_id)
    rename_person(session, identity_key, person, request.get("npn"), request, FORM)
    remember_words(session, person.assister_id)
    return None


def _other(session: Session, identity_key: bytes, case: Case, request: dict[str, Any]) -> Fault | None:
    """The field by which a request is another person's, if it is."""
    person = find_by_key(session, identity_key, request.get("npn"), request["email"])
    if person is None or person.assister_id == case.assister_id:
        return None
    return Fault("npn" if request.get("npn") else "email", "identity_taken")


def check_answer(session: Session, identity_key: bytes, case_id: str, changes: dict[str, Any]) -> None:
    """Raises `Invalid` for changes the request form would not take; nothing is stored."""
    case = session.get_one(Case, case_id)
    other = _other(session, identity_key, case, amend_request(case.request, changes))
    if other is not None:
        raise Invalid([other])


def _facts_of(case: Case, row: CommandRow, state: CaseState) -> list[Fact]:
    """The facts a command comes to; its id is theirs."""
    kind, at = CommandKind(row.kind), row.created_at
    if kind is CommandKind.DECIDE and isinstance(state, CertificationState):
        override = row.data.get("override")
        decided = {
            "verdict": row.data["verdict"],
            "by": row.actor,
            "reason": row.reason,
            "override": override,
            "round": state.round,
        }
        facts = [Fact(id=f"command:{row.id}", kind=FactKind.DECIDED, at=at, data=decided)]
        missing = any(one.check is Check.AGREEMENT_ACCEPTED and one.result != "pass" for one in state.findings)
        if missing and override and row.data["verdict"] == Verdict.APPROVE:
            language = case.request.get("language", "en")
            facts.append(build_acceptance_fact(case.case_id, language, at, "staff", by=row.actor, evidence=override))
        return facts
    if kind is CommandKind.ANSWER and isinstance(state, CertificationState):
        answered = Fact(id=f"command:{row.id}", kind=FactKind.ANSWERED, at=at, data={"round": state.round + 1})
        if row.data["changes"].get("agreement_accepted") is not True:
            return [answered]
        language = row.data.get("language") or case.request.get("language", "en")
        return [answered, build_acceptance_fact(case.case_id, language, at, "page")]
    if kind in (CommandKind.WITHDRAW, CommandKind.REVOKE):
        ending = FactKind.WITHDRAWN if kind is CommandKind.WITHDRAW else FactKind.REVOKED
        return [Fact(id=f"command:{row.id}", kind=ending, at=at, data={"by": row.actor, "reason": row.reason})]
    return []


_PAST = {
    CommandKind.DECIDE: "decided",
    CommandKind.ANSWER: "answered",
    CommandKind.WITHDRAW: "withdrawn",
    CommandKind.REVOKE: "revoked",
    CommandKind.RESEND: "notice_resent",
    CommandKind.ACTIVATE: "portal_activation_asked",
    CommandKind.SAVE_PROFILE: "profile_saved",
}


def _past(row: CommandRow) -> str:
    return _PAST[CommandKind(row.kind)]


def _told(row: CommandRow) -> dict[str, Any]:
    """What the audit keeps of a command besides its reason."""
    kept = {name: row.data[name] for name in ("verdict", "override", "notice", "faults") if row.data.get(name)}
    return {
        **kept,
        "command_id": row.id,
        **({"changed": sorted(row.data["changes"])} if row.data.get("changes") else {}),
    }


def _applied(row: CommandRow | None) -> Applied:
    if row is None:
        return Applied(applied=False)
    return Applied(applied=row.state == "applied", verdict=str(row.data.get("verdict") or ""))


def keep_answer(row: CommandRow, why: Reason) -> None:
    """Why it was refused, in words for who reads the database and in codes for every page."""
    row.answer, row.answer_code, row.answer_details = why.sentence(), why.code, dict(why.details)


def _refuse(session: Session, case: Case, row: CommandRow, why: Reason, now: datetime) -> None:
    row.state = "refused"
    keep_answer(row, why)
    row.data = {name: value for name, value in row.data.items() if name != "profile"}  # nothing of it is kept
    session.add(row)
    audit(session, now, row.actor, f"{row.kind}.refused", case, row.reason, answer=why, **_told(row))
