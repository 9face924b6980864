"""What somebody of staff can do with a case now, and why not the rest; it does nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from db.reads.case_file import CaseFile, GivenCommand
from db.writes.desk.notes import BY_STAFF
from domain.federal.registration import RegistrationState
from domain.programs.commands import find_refusal
from domain.programs.state import CaseState
from domain.shared.cases.authority import SuspensionKind
from domain.shared.cases.authority_commands import find_rebuttal_refusal
from domain.shared.cases.commands import (
    CommandKind,
    CommandState,
    GiveNotice,
    Lift,
    ResendNotice,
    Suspend,
    Terminate,
    Withdraw,
)
from domain.shared.cases.notices import Notice
from domain.shared.staff_names import name_people
from domain.state.certification import CertificationState, EligibilityStatus
from domain.state.commands import (
    AnswerQuestion,
    BeginAdverseAction,
    Decide,
    DisputeCheck,
    EndDispute,
    ReorderCheck,
    RepeatChecks,
    TakeQuestionBack,
    list_check_sources,
)
from domain.state.eligibility import Check, CheckSource, Verdict, find_open_checks
from domain.state.policy import Policy
from domain.state.questions import list_asked_fields
from domain.state.request import list_askable_fields
from web.http.auth import StaffMember
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.staff.reasons import USUAL, is_licensed, list_usual_fields, translate_usual_reasons

# The forms of a case's page, each with the permission it needs and the command it gives; what is no command gives none.
FORMS: dict[str, tuple[Permission, CommandKind | None]] = {
    "decision": (Permission.DECIDE, CommandKind.DECIDE),
    "question": (Permission.DECIDE, CommandKind.TAKE_QUESTION_BACK),
    "resend": (Permission.RESEND, CommandKind.RESEND),
    "withdraw": (Permission.WITHDRAW, CommandKind.WITHDRAW),
    "revoke": (Permission.REVOKE, CommandKind.REVOKE),
    "flag": (Permission.CLEAR_FLAG, None),
    "raise_flag": (Permission.RAISE_FLAG, None),
    "note": (Permission.ADD_NOTE, None),
    "release": (Permission.DECIDE, None),
    "assign": (Permission.DECIDE, None),
    "restart": (Permission.RESTART, None),
    "identity": (Permission.PROVE_IDENTITY, None),
    "check": (Permission.REORDER_CHECK, CommandKind.REORDER_CHECK),
    "repeat": (Permission.REPEAT_CHECKS, CommandKind.REPEAT_CHECKS),
    "adverse": (Permission.DECIDE, CommandKind.BEGIN_ADVERSE_ACTION),
    "answer": (Permission.ACT_FOR_ASSISTER, CommandKind.ANSWER),
    "dispute": (Permission.ACT_FOR_ASSISTER, CommandKind.DISPUTE_CHECK),
    "end_dispute": (Permission.DECIDE, CommandKind.END_DISPUTE),
    "correct": (Permission.CORRECT_NAME, CommandKind.CORRECT),
    "suspend": (Permission.SUSPEND, CommandKind.SUSPEND),
    "lift": (Permission.LIFT, CommandKind.LIFT),
    "take_back": (Permission.LIFT, CommandKind.LIFT),
    "give_notice": (Permission.TERMINATE, CommandKind.GIVE_NOTICE),
    "terminate": (Permission.TERMINATE, CommandKind.TERMINATE),
    "rebut": (Permission.ACT_FOR_ASSISTER, None),
}


_SOME = "some override"  # whether it is asked for is seen before it is typed


@dataclass(frozen=True)
class VerdictChoice:
    """A verdict: ``why_not`` is a sentence where it can't be given now; ``reasons`` are the usual ones."""

    verdict: Verdict
    why_not: str | None
    reasons: dict[str, str]


@dataclass(frozen=True)
class Panel:
    """What can be done: ``ids`` are the commands' own, one for each form of a page, so that none is done twice.

    ``decides`` and ``acts`` say whether this person ever may, whatever the case; ``overrides`` are the checks that an
    approval goes over; ``suspension_kinds`` are what can be suspended; ``ended`` is why nothing can be done any more;
    ``usual`` are the usual reasons of other forms than a decision's, by form and code; ``kept`` are commands not
    carried out yet; ``repeats`` are who can be asked anew about the case; ``askable`` are the fields that a question
    may name, ``usual_fields`` those of each usual one, by its code, ``answered_fields`` those that an answer given by
    word is written down in.
    """

    ids: dict[str, str]
    decides: bool
    choices: list[VerdictChoice]
    usual: dict[str, dict[str, str]]
    overrides: list[Check]
    notices: list[Notice]
    withdraws: bool
    revokes: bool
    clears: bool
    notes: bool
    flags_by_hand: bool
    restarts: bool
    acts: bool
    proves: bool
    reorders: bool
    repeats: list[CheckSource]
    begins_adverse: bool
    disputes: bool
    ends_dispute: bool
    adverse_days: int
    corrects: bool
    has_authority: bool
    suspension_kinds: list[SuspensionKind]
    lifts: bool
    takes_back: bool
    gives_notice: bool
    terminates: bool
    notice_days: int
    rebuts: bool
    ended: str | None
    kept: list[GivenCommand]
    askable: tuple[str, ...]
    usual_fields: dict[str, tuple[str, ...]]
    answers: bool
    takes_question_back: bool
    answered_fields: frozenset[str]

    @property
    def may_decide(self) -> bool:
        """Whether at least one verdict can be given."""
        return any(choice.why_not is None for choice in self.choices)

    @property
    def offers(self) -> bool:
        """Whether a decision can be given on the page: by this reader, now, and with none pending."""
        return self.decides and self.may_decide and not any(one.kind == CommandKind.DECIDE for one in self.kept)

    @property
    def first(self) -> str:
        """The verdict that is offered first."""
        return next((choice.verdict.value for choice in self.choices if choice.why_not is None), "")

    @property
    def why_not(self) -> str | None:
        """The one sentence why no verdict can be given, where it is the same for all."""
        sentences = {choice.why_not for choice in self.choices}
        return next(iter(sentences)) if len(sentences) == 1 else None


def build_panel(file: CaseFile, me: StaffMember, names: Mapping[str, str], language: str) -> Panel:
    """What this person can do with the case as it stands; ``names`` is what staff are called."""
    state = file.state
    may = {form: me.may(permission) for form, (permission, _) in FORMS.items()}
    why_ended = find_refusal(Withdraw(), state)  # which nothing but an end refuses
    certification = state if isinstance(state, CertificationState) else None
    askable = list_askable_fields(certification.opening.kind) if certification else ()
    return Panel(
        ids={form: uuid4().hex for form in FORMS},
        decides=may["decision"] and certification is not None,
        choices=_list_choices(certification, names, language) if certification else [],
        usual=_list_usual(state, language),
        overrides=list_overridden(state),
        notices=[one for one in Notice if may["resend"] and not find_refusal(ResendNotice(notice=one), state)],
        withdraws=may["withdraw"] and why_ended is None,
        revokes=may["revoke"] and why_ended is None and _has_what_is_revoked(state),
        clears=may["flag"],
        notes=may["note"],
        flags_by_hand=may["raise_flag"] and all(one.what != BY_STAFF for one in file.flags),
        restarts=may["restart"],
        proves=may["identity"] and file.proof is not None and not file.proof.is_taken,
        reorders=may["check"] and not find_refusal(ReorderCheck(), state),
        repeats=_list_repeats(certification) if may["repeat"] and certification else [],
        begins_adverse=may["adverse"] and not find_refusal(BeginAdverseAction(), state),
        disputes=may["dispute"] and not find_refusal(DisputeCheck(), state),
        ends_dispute=may["end_dispute"] and not find_refusal(EndDispute(), state),
        adverse_days=file.policy.adverse_action.pre_notice_business_days if isinstance(file.policy, Policy) else 0,
        corrects=may["correct"] and state.has_authority and not state.ended,
        has_authority=state.has_authority and not state.ended,
        suspension_kinds=[
            kind for kind in SuspensionKind if may["suspend"] and not find_refusal(Suspend(suspension=kind), state)
        ],
        lifts=may["lift"] and any(not find_refusal(command, state) for command in _list_lifts(state)),
        takes_back=may["take_back"] and not find_refusal(Lift(termination=True), state),
        gives_notice=may["give_notice"] and not find_refusal(GiveNotice(), state),
        terminates=may["terminate"] and not find_refusal(Terminate(), state),
        notice_days=file.policy.suspension.termination_notice_days,
        rebuts=may["rebut"] and find_rebuttal_refusal(state.authority) is None,
        acts=any(may[form] for form in ("resend", "withdraw", "revoke", "identity", "check", "correct")),
        ended=explain_reason(why_ended, language) if why_ended else None,
        kept=[one for one in file.commands if one.state == CommandState.PENDING],
        askable=askable,
        usual_fields={code: fields for code in USUAL if (fields := list_usual_fields(code, askable))},
        answers=may["answer"] and not find_refusal(AnswerQuestion(changes={}), state),
        takes_question_back=may["question"] and not find_refusal(TakeQuestionBack(), state),
        answered_fields=list_asked_fields(certification) - {"email"} if certification else frozenset(),
    )


def _list_repeats(state: CertificationState) -> list[CheckSource]:
    """Who can be asked anew about the case now."""
    return [] if find_refusal(RepeatChecks(), state) else list_check_sources(state.opening.kind)


def _has_what_is_revoked(state: CaseState) -> bool:
    """Whether there is something to revoke: an approval, or the authority to assist; else a case is withdrawn."""
    is_approved = isinstance(state, CertificationState) and state.eligibility is EligibilityStatus.APPROVED
    return is_approved or state.has_authority


def _list_lifts(state: CaseState) -> list[Lift]:
    """Each suspension that is open, which a staff member may lift by naming it."""
    return [Lift(suspension_id=one.suspension_id) for one in state.authority.suspensions]


def list_overridden(state: CaseState) -> list[Check]:
    """The checks over which an approval would go: those that did not pass; none where it can't be given at all."""
    if isinstance(state, RegistrationState) or find_refusal(Decide(verdict=Verdict.APPROVE, override=_SOME), state):
        return []
    return find_open_checks(state.findings)


def _list_usual(state: CaseState, language: str) -> dict[str, dict[str, str]]:
    steps = {form: step for form, (_, step) in FORMS.items() if step and step is not CommandKind.DECIDE}
    found = translate_usual_reasons(steps.values(), is_licensed(state), language)
    return {form: found[step] for form, step in steps.items()}


def _list_choices(state: CertificationState, names: Mapping[str, str], language: str) -> list[VerdictChoice]:
    found = []
    usual = translate_usual_reasons(Verdict, is_licensed(state), language)
    for verdict in Verdict:
        why = find_refusal(Decide(verdict=verdict, override=_SOME), state)
        why_not = explain_reason(name_people(why, names), language) if why else None
        found.append(VerdictChoice(verdict, why_not, usual[verdict]))
    return found
