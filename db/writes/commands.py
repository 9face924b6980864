"""Commands people give a case: kept under the caller's id unless it refuses them, and applied once by its workflow."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import any_policy_of, applicant_of, load_case, request_of, snapshot_case, state_of
from db.reads.npn.claims import has_proven
from db.tables import Assister, Case, CommandRow
from db.writes.background_checks import show_check
from db.writes.cases import measure_waits
from db.writes.corrections import correct_name, is_printed
from db.writes.effects import stuck_flag
from db.writes.facts import append_facts, lock_case, record_audit, unflag_locked_case
from db.writes.links import void_activation_links
from db.writes.npn.claims import claim_changed_npn
from db.writes.own.addresses import keep_former_address
from db.writes.persons import find_by_key, has_claimant, remember_words, rename_person
from db.writes.recovery.restarts import want_report
from db.writes.suspensions import settle_rebuttals
from domain.programs.commands import find_refusal, parse_command, plan_facts
from domain.programs.state import CaseState
from domain.shared.applicant import Applicant
from domain.shared.assister import Kind
from domain.shared.cases.authority_commands import find_term_faults
from domain.shared.cases.commands import (
    COMPARED,
    ENDING_FACTS,
    OWN_REASONS,
    CommandData,
    CommandKind,
    CommandOrigin,
    CommandState,
    CorrectName,
    MoveRules,
    SaveProfile,
    Suspend,
    list_shown_data,
    make_fact_id,
)
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import Applied
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Fault, Invalid, dump_faults
from domain.shared.policy import find_local_date
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.commands import (
    AnswerQuestion,
    Decide,
    ReorderCheck,
    RepeatChecks,
    TakeQuestionBack,
    find_decision_faults,
    moves_person,
    settles_identity,
)
from domain.state.eligibility import CheckSource
from domain.state.facts import AnsweredData
from domain.state.finding_inputs import ChangedInputs, digest_check_inputs, find_changed_inputs
from domain.state.opening import IDENTITY_CONFLICT
from domain.state.request import FORM, StoredRequest, amend_request, list_changed

IDENTITY_TAKEN = "identity_taken"
CONSENT = "background_check_consent"
# How long after checks of a case were to be made again they may be again.
BETWEEN_REPEATS = timedelta(minutes=1)
LOOK_UP_STUCK = stuck_flag("licensing.look_up")

# A termination at once is an end of the case, as a revocation is.
_ABOUT_AUTHORITY = frozenset({CommandKind.SUSPEND, CommandKind.LIFT, CommandKind.GIVE_NOTICE})

_AUDITED_AS = {
    CommandKind.DECIDE: "decided",
    CommandKind.ANSWER: "answered",
    CommandKind.TAKE_QUESTION_BACK: "question_taken_back",
    CommandKind.WITHDRAW: "withdrawn",
    CommandKind.REVOKE: "revoked",
    CommandKind.RESEND: "notice_resent",
    CommandKind.ACTIVATE: "portal_activation_asked",
    CommandKind.SAVE_PROFILE: "profile_saved",
    CommandKind.REORDER_CHECK: "check_reordered",
    CommandKind.SUSPEND: "suspended",
    CommandKind.LIFT: "lifted",
    CommandKind.GIVE_NOTICE: "termination_noticed",
    CommandKind.TERMINATE: "terminated",
    CommandKind.MOVE_RULES: "rules_moved",
    CommandKind.BEGIN_ADVERSE_ACTION: "adverse_action_begun",
    CommandKind.DISPUTE_CHECK: "check_disputed",
    CommandKind.END_DISPUTE: "dispute_ended",
    CommandKind.CORRECT: "name_corrected",
    CommandKind.REPEAT_CHECKS: "checks_repeated",
}


def keep_command(
    session: Session, identity_key: bytes, command: CommandData, origin: CommandOrigin
) -> CommandRow | Reason:
    """Keeps a command before it is sent; a repeat of its id finds the first. Or why not, which is audited (C9).

    Raises `UnknownCase`, `Invalid` for an answer that the request form would not take, and `Refusal` when the id was
    used for something else.
    """
    case = lock_case(session, origin.case_id)
    row = session.get(CommandRow, origin.command_id)
    if row is not None:
        if _is_another(row, command, origin):
            raise Refusal(Reason("id_used"))
        return row
    if (why := _find_obstacle(session, identity_key, case, command, origin)) is not None:
        reason, said = _tell_word(origin.reason, command.to_json().get("on_behalf"))
        record_audit(session, origin.at, origin.actor, f"{command.kind}.refused", case, reason, answer=why, **said)
        return why
    row = CommandRow(
        id=origin.command_id,
        case_id=origin.case_id,
        kind=command.kind,
        actor=origin.actor,
        reason=origin.reason,
        data=command.to_json(),
        created_at=origin.at,
    )
    session.add(row)
    return row


def check_command(session: Session, identity_key: bytes, command: CommandData, origin: CommandOrigin) -> None:
    """Finds what would be wrong with a command if it were given now; nothing is kept.

    Raises `UnknownCase`, `Refusal` with why it can't be done, and `Invalid` with the fields at fault.
    """
    case = load_case(session, origin.case_id)
    if (why := _find_obstacle(session, identity_key, case, command, origin)) is not None:
        raise Refusal(why)


def _find_obstacle(
    session: Session, identity_key: bytes, case: Case, command: CommandData, origin: CommandOrigin
) -> Reason | None:
    """Why a command isn't taken from this person now. Raises `Invalid` as `_judge` does."""
    if why := _judge(session, identity_key, case, state_of(session, case), command, origin.at):
        return why
    if isinstance(command, RepeatChecks) and _was_asked_lately(session, origin):
        return Reason("asked_lately")
    return None


def _was_asked_lately(session: Session, origin: CommandOrigin) -> bool:
    """Whether checks of the case were to be made again a moment ago: look-ups are billed, and answers take a while."""
    lately = select(col(CommandRow.id)).where(
        col(CommandRow.case_id) == origin.case_id,
        col(CommandRow.kind) == CommandKind.REPEAT_CHECKS,
        col(CommandRow.state) != CommandState.REFUSED,
        col(CommandRow.created_at) > origin.at - BETWEEN_REPEATS,
    )
    return session.execute(lately.limit(1)).first() is not None


def _is_another(row: CommandRow, command: CommandData, origin: CommandOrigin) -> bool:
    given = (origin.case_id, command.kind, origin.actor, origin.reason)
    # What was stored is read first: an earlier release's lacks what is said by nothing.
    return (row.case_id, row.kind, row.actor, row.reason) != given or parse_command(row.kind, row.data) != command


def load_command(session: Session, command_id: str) -> CommandRow:
    """A stored command as it stands now."""
    return session.get_one(CommandRow, command_id)


def refuse_command(session: Session, command_id: str, why: Reason, now: datetime) -> None:
    """Keeps why the workflow refused a command."""
    row = session.get_one(CommandRow, command_id)
    case = lock_case(session, row.case_id)
    session.refresh(row)
    if row.state == CommandState.PENDING:
        _refuse(session, case, row, why, now)


def apply_command(session: Session, identity_key: bytes, command_id: str, now: datetime) -> Applied:
    """Applies a stored command, once: facts, the request's changes, links voided; a repeat finds it done.

    It is judged again: what it was judged by when it was kept may have changed while it waited.
    """
    row = session.get(CommandRow, command_id)
    if row is None:
        return Applied(applied=False, is_known=False)
    case = lock_case(session, row.case_id)
    session.refresh(row)  # somebody else may have applied it before the case was ours
    if row.state == CommandState.PENDING:
        command, state = parse_command(row.kind, row.data), state_of(session, case)
        why = _judge_again(session, identity_key, case, state, command, row, now)
        if why is None:
            _carry_out(session, identity_key, case, state, command, row, now)
        else:
            _refuse(session, case, row, why, now)
    applied = Applied(applied=row.state == CommandState.APPLIED, verdict=str(row.data.get("verdict") or ""))
    if not applied.applied:
        return applied
    told = _describe_check(session, case, row) | _describe_authority(session, case, row)
    told["adverse_action"] = snapshot_case(session, case).take_adverse_snapshot()
    return applied.model_copy(update=told | _describe_rules(session, case, row))


def _describe_rules(session: Session, case: Case, row: CommandRow) -> dict[str, Any]:
    """What its workflow sleeps by where the case was moved to other rules."""
    if row.kind != CommandKind.MOVE_RULES:
        return {}
    return {"moves_rules": True, **measure_waits(any_policy_of(session, case), case.case_id)}


def _describe_authority(session: Session, case: Case, row: CommandRow) -> dict[str, Any]:
    """What a command about the authority has made of it, for its workflow."""
    if row.kind == CommandKind.CORRECT:
        return {"standing": snapshot_case(session, case).take_registration_snapshot()}
    if row.kind not in _ABOUT_AUTHORITY:
        return {}
    snapshot = snapshot_case(session, case)
    return {"authority": snapshot.take_authority_snapshot(), "standing": snapshot.take_registration_snapshot()}


def _describe_check(session: Session, case: Case, row: CommandRow) -> dict[str, bool | int]:
    """Whether a background check is to be ordered, under which number, and whether one was made on them already.

    It is where an answer changed on whom it is made, or staff have it ordered anew.
    """
    if row.kind not in (CommandKind.ANSWER, CommandKind.REORDER_CHECK):
        return {}
    snapshot = snapshot_case(session, case)
    check, renews = snapshot.certification.check, True
    if row.kind == CommandKind.ANSWER:
        answer = next(fact for fact in snapshot.facts if fact.id == make_fact_id(row.id))
        renews = answer.read_as(AnsweredData).check_inputs is not None
    return {"renews_check": renews, "is_checked": check.report is not None, "check_round": check.number}


def check_answer(session: Session, identity_key: bytes, case_id: str, changes: dict[str, Any]) -> None:
    """Raises `Invalid` for changes the request form would not take; nothing is stored."""
    _check_changes(session, identity_key, session.get_one(Case, case_id), changes)


def _judge(
    session: Session, identity_key: bytes, case: Case, state: CaseState, command: CommandData, now: datetime
) -> Reason | None:
    """Why the case can't do this now.

    Raises `Invalid` for an answer that the request form would not take, and for a day that the policy doesn't allow.
    """
    why = find_refusal(command, state)
    if why is not None:
        return why
    if isinstance(command, Decide) and command.in_bulk and case.flag is not None:  # somebody is to look at it
        return Reason("not_for_bulk")
    if isinstance(command, Decide) and (faults := find_decision_faults(command, Kind(case.kind))):
        raise Invalid(faults)
    if isinstance(command, Suspend):
        policy = any_policy_of(session, case)
        if faults := find_term_faults(command, policy.suspension, find_local_date(policy, now)):
            raise Invalid(faults)
    if isinstance(command, TakeQuestionBack):  # an answer that is kept is carried out, whichever comes first
        return Reason("answer_on_its_way") if _has_kept_answer(session, case) else None
    if isinstance(command, ReorderCheck):
        has_agreed = request_of(case).background_check_consent or command.consent
        return None if has_agreed else Reason("consent_needed")
    if isinstance(command, MoveRules):
        return None if case.rules_hash == command.former_hash else Reason("rules_moved_already")
    if isinstance(command, CorrectName):
        return Reason("name_as_printed") if is_printed(session, case, command) else None
    if isinstance(command, AnswerQuestion):
        _check_changes(session, identity_key, case, command.changes)
    elif moves_person(command, case.identity_matches) and _find_taken(session, identity_key, case, applicant_of(case)):
        return Reason(IDENTITY_TAKEN)
    return None


def _has_kept_answer(session: Session, case: Case) -> bool:
    """Whether the assister has answered, and it isn't carried out yet: they were told that it would be."""
    of_case = (col(CommandRow.case_id) == case.case_id, col(CommandRow.state) == CommandState.PENDING)
    kept = exists().where(*of_case, col(CommandRow.kind) == CommandKind.ANSWER)
    return bool(session.execute(select(kept)).scalar_one())


def _check_changes(session: Session, identity_key: bytes, case: Case, changes: dict[str, Any]) -> None:
    amended = StoredRequest.model_validate(amend_request(case.request, changes))
    if _find_changed(identity_key, case, amended).background_check and changes.get(CONSENT) is not True:
        raise Invalid([Fault(CONSENT, "consent_anew")])  # theirs was to a check of who they were before (D5)
    taken = _find_taken(session, identity_key, case, amended)
    if taken is not None:
        raise Invalid([Fault(taken, IDENTITY_TAKEN)])


def _find_changed(identity_key: bytes, case: Case, amended: StoredRequest) -> ChangedInputs:
    return find_changed_inputs(identity_key, Kind(case.kind), request_of(case), amended)


def _find_taken(session: Session, identity_key: bytes, case: Case, asked: Applicant) -> str | None:
    """The field by which a request is another person's, if it is; an NPN that nobody has proven is nobody's (D3)."""
    person = find_by_key(session, identity_key, asked.npn, asked.email)
    if person is None or person.assister_id == case.assister_id:
        return None
    if asked.npn is None:
        return "email"
    if has_proven(session, person.assister_id, asked.npn):
        return "npn"
    return "email" if has_claimant(session, identity_key, asked.npn, asked.email, case.assister_id) else None


def _judge_again(
    session: Session,
    identity_key: bytes,
    case: Case,
    state: CaseState,
    command: CommandData,
    row: CommandRow,
    now: datetime,
) -> Reason | None:
    if isinstance(command, SaveProfile):
        return Reason("not_in_program")  # its workflow asks the registry first
    try:
        return _judge(session, identity_key, case, state, command, now)
    except Invalid as invalid:
        if any(fault.code == IDENTITY_TAKEN for fault in invalid.faults):
            return Reason(IDENTITY_TAKEN)
        row.data = {**row.data, "faults": dump_faults(invalid.faults)}
        return Reason("fields_at_fault")


def _carry_out(
    session: Session,
    identity_key: bytes,
    case: Case,
    state: CaseState,
    command: CommandData,
    row: CommandRow,
    now: datetime,
) -> None:
    changed, was_accepted, before = ChangedInputs(), False, {applicant_of(case).email}
    if isinstance(command, AnswerQuestion):
        was_accepted = request_of(case).agreement_accepted
        amended, npn_before = amend_request(case.request, command.changes), applicant_of(case).npn
        changed = _find_changed(identity_key, case, StoredRequest.model_validate(amended))
        row.data = {**row.data, COMPARED: list_changed(case.request, amended)}
        case.request = amended
        claim_changed_npn(session, case, npn_before, now)
        session.add(case)
        remember_words(session, case.assister_id)
    if moves_person(command, case.identity_matches):
        person = session.get_one(Assister, case.assister_id)
        before.add(person.email)
        rename_person(session, identity_key, person, applicant_of(case).npn, case.request, FORM)
        remember_words(session, case.assister_id)
    if isinstance(command, RepeatChecks) and command.source in (None, CheckSource.BACKGROUND_CHECK):
        want_report(case, EventSource.BACKGROUND_CHECKS)
    if isinstance(command, CorrectName):
        correct_name(session, case, command, CommandOrigin(row.id, case.case_id, row.actor, row.reason, now))
    keep_former_address(session, case, before, now)
    if settles_identity(command) and not case.identity_matches:
        unflag_locked_case(session, case, IDENTITY_CONFLICT, now)
    if command.kind == CommandKind.DECIDE:  # nobody looks it up any more
        unflag_locked_case(session, case, LOOK_UP_STUCK, now)
    origin = CommandOrigin(row.id, case.case_id, row.actor, row.reason, row.created_at)
    if isinstance(command, ReorderCheck):
        command = command.model_copy(update={"inputs": digest_check_inputs(identity_key, applicant_of(case))})
    policy, language = any_policy_of(session, case), applicant_of(case).language
    facts = plan_facts(command, origin, state, language, policy, now, changed)
    append_facts(session, case, facts, now)
    if isinstance(command, MoveRules):
        case.rules_hash = command.rules_hash
        case.unpublished = case.unpublished or case.program == FEDERAL_PROGRAM  # the lists end with the window
        session.add(case)
    if isinstance(command, ReorderCheck):
        show_check(session, case, snapshot_case(session, case).certification.check, now)
    if command.kind in {*_ABOUT_AUTHORITY, *ENDING_FACTS}:
        settle_rebuttals(session, case, now)
    if command.kind in ENDING_FACTS:
        void_activation_links(session, case.case_id, now)
    row.state = CommandState.APPLIED
    session.add(row)
    told, details = _describe_command(row)
    reason = OWN_REASONS.get(command.kind, told)
    record_audit(session, now, row.actor, f"case.{_AUDITED_AS[command.kind]}", case, reason, **details)
    for fact in facts:
        if fact.kind is FactKind.AGREEMENT_ACCEPTED and not was_accepted:
            word, method = fact.data.get("evidence"), {name: details[name] for name in ("method",) if name in details}
            record_audit(
                session, now, row.actor, "agreement.accepted", case, word, source=fact.data["source"], **method
            )


def _refuse(session: Session, case: Case, row: CommandRow, why: Reason, now: datetime) -> None:
    row.state = CommandState.REFUSED
    keep_refusal(row, why)
    row.data = {name: value for name, value in row.data.items() if name != "profile"}  # nothing of it is kept
    session.add(row)
    reason, details = _describe_command(row)
    record_audit(session, now, row.actor, f"{row.kind}.refused", case, reason, answer=why, **details)


def keep_refusal(row: CommandRow, why: Reason) -> None:
    """Why it was refused, in words for who reads the database and in codes for every page."""
    row.answer, row.answer_code, row.answer_details = why.sentence(), why.code, dict(why.details)


def _describe_command(row: CommandRow) -> tuple[str, dict[str, Any]]:
    """What the audit keeps of a command: its reason, and what is said besides."""
    shown = list_shown_data(row.data)
    reason, said = _tell_word(row.reason, shown.pop("on_behalf", None))
    return reason, {**shown, **said, "command_id": row.id}


def _tell_word(reason: str, word: Mapping[str, str] | None) -> tuple[str, dict[str, str]]:
    """Why a command was given, and how staff have the word of the assister for whom they gave it (D6).

    The words of an answer are the assister's; the reason is then why staff bring it, with the message beside.
    """
    if not word:
        return reason, {}
    message = {"message": reason} if word["reason"] != reason else {}
    return word["reason"], {"method": word["method"], **message}
