"""The state program's commands: when each may be carried out, and what it comes to (A12–A14, A28)."""

from datetime import date
from typing import Any

from domain.shared.assister import Kind
from domain.shared.cases.authors import OnBehalf
from domain.shared.cases.commands import (
    CommandData,
    CommandKind,
    CommandOrigin,
    ResendNotice,
    SaveProfile,
    ToldCommand,
    build_fact,
    make_fact_id,
)
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.documents.faults import Fault
from domain.state.adverse_actions import (
    AdverseActionBegunData,
    AdverseActionDisputedData,
    AdverseActionDisputeEndedData,
    find_beginning_refusal,
    find_denial_refusal,
    find_dispute_end_refusal,
    find_dispute_refusal,
)
from domain.state.agreements import build_acceptance_fact, describe_consent
from domain.state.background_reports import find_reorder_refusal
from domain.state.certification import CertificationState, Completeness, EligibilityStatus, LmsAccount, PortalAccount
from domain.state.eligibility import Check, CheckSource, Result, Verdict, find_open_checks, find_override_refusal
from domain.state.facts import AnsweredData, BackgroundReorderedData, DecidedData, QuestionTakenBackData
from domain.state.finding_inputs import ChangedInputs
from domain.state.request import find_question_faults


class Decide(ToldCommand):
    """Staff decide; ``override`` is why over checks that did not pass, ``fields`` what a question is about (A12).

    ``in_bulk``: along with others, from a list, the case itself unopened; it is refused where `is_for_bulk` is false.
    """

    kind = CommandKind.DECIDE
    verdict: Verdict
    override: str | None = None
    in_bulk: bool = False
    fields: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is stored; one that isn't in bulk and names no fields as it always was."""
        unsaid = {name for name in ("in_bulk", "fields") if not getattr(self, name)}
        return {name: value for name, value in super().to_json().items() if name not in unsaid}


class AnswerQuestion(CommandData):
    """The assister answers what staff asked: fields of the request changed, by name (A12).

    ``language`` is the one in which the agreement was shown that is accepted along with it, where it isn't the
    request's; ``on_behalf`` is the word that staff have who answer for the assister.
    """

    kind = CommandKind.ANSWER
    changes: dict[str, Any]
    language: str | None = None
    on_behalf: OnBehalf | None = None


class TakeQuestionBack(CommandData):
    """Staff take the open question back: no answer is needed any more (A12)."""

    kind = CommandKind.TAKE_QUESTION_BACK


class ReorderCheck(CommandData):
    """Staff have a background check ordered anew of which nothing comes any more (E8).

    ``consent`` says how the assister agreed to it, where they have not by their request. ``inputs`` is a digest of whom
    it is to be made on.
    """

    kind = CommandKind.REORDER_CHECK
    consent: str | None = None
    inputs: str | None = None


class RepeatChecks(CommandData):
    """Staff have checks of an undecided case made again (A13): of one source, or where it is None of every one."""

    kind = CommandKind.REPEAT_CHECKS
    source: CheckSource | None = None


class BeginAdverseAction(ToldCommand):
    """Staff give notice that a background report may lead to a denial (E8)."""

    kind = CommandKind.BEGIN_ADVERSE_ACTION


class DisputeCheck(CommandData):
    """The assister disputes the report by which they may be denied, or staff for them (E8)."""

    kind = CommandKind.DISPUTE_CHECK
    on_behalf: OnBehalf | None = None


class EndDispute(CommandData):
    """Staff say that a dispute is over, where the vendor doesn't report it (E8)."""

    kind = CommandKind.END_DISPUTE


AdverseCommand = BeginAdverseAction | DisputeCheck | EndDispute


def find_refusal(command: CommandData, state: CertificationState) -> Reason | None:
    """Why a certification can't do this now; None when it can."""
    match command:
        case SaveProfile():
            return Reason("not_in_program")
        case Decide():
            why = _find_decision_refusal(state, command.verdict, command.override)
            return why or (Reason("not_for_bulk") if command.in_bulk and not is_for_bulk(state) else None)
        case AnswerQuestion() if not state.is_asked:
            return Reason("question_taken_back" if state.taken_back else "not_asked")
        case TakeQuestionBack() if not state.is_asked:
            return Reason("no_open_question")
        case ReorderCheck():
            return _find_reorder_refusal(state)
        case RepeatChecks():
            return _find_repeat_refusal(command.source, state)
        case BeginAdverseAction() | DisputeCheck() | EndDispute():
            return _find_adverse_refusal(command, state)
        case ResendNotice() if not is_sendable(command.notice, state):
            return Reason("notice_not_sendable")
    return None


def _find_decision_refusal(state: CertificationState, verdict: Verdict, override: str | None) -> Reason | None:
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) and state.decision:
        return Reason("already_decided", {"by": state.decision.by})
    if state.stage in (Stage.REQUESTED, Stage.SCREENING):
        return Reason("still_screening")
    if state.stage is Stage.AWAITING_INFORMATION and verdict is not Verdict.DENY:
        return Reason("awaiting_information")
    if verdict is Verdict.DENY:
        return find_denial_refusal(state.check, state.adverse_action)
    return find_override_refusal(verdict, state.findings, override)


def is_for_bulk(state: CertificationState) -> bool:
    """Whether a case can be approved along with others, unopened: it waits for a decision, with nothing to be read.

    Every check has passed: to be considered, unknown and pending are no pass. The assister has answered nothing, since
    an answer is read by somebody; nobody was asked anything, whether it was taken back or not. No report is, or was,
    contested.
    """
    is_waiting = state.waiting_for is WaitingFor.DECISION
    has_passed = bool(state.findings) and not find_open_checks(state.findings)
    return is_waiting and has_passed and state.decision is None and state.adverse_action is None


def find_decision_faults(command: Decide, kind: Kind) -> list[Fault]:
    """What is wrong with the fields that a decision names: only a question names any, and those of the form (A12)."""
    if command.fields and command.verdict is not Verdict.ASK:
        return [Fault("fields", "fields_without_question")]
    return find_question_faults(kind, command.fields)


def find_reversal_refusal(state: CertificationState, reason: str) -> Reason | None:
    """Why a denial can't be turned into an approval by an appeal: what an override doesn't reach is for others (E6)."""
    is_open = find_override_refusal(Verdict.APPROVE, state.findings, reason) is not None
    return Reason("reversal_by_first_reviewers") if is_open else None


def _find_adverse_refusal(command: AdverseCommand, state: CertificationState) -> Reason | None:
    if state.opening.kind.is_licensed:
        return Reason("no_check")
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) and state.decision:
        return Reason("already_decided", {"by": state.decision.by})
    match command:
        case BeginAdverseAction():
            return find_beginning_refusal(state.check, state.adverse_action)
        case DisputeCheck():
            return find_dispute_refusal(state.adverse_action)
    return find_dispute_end_refusal(state.adverse_action)


def _find_reorder_refusal(state: CertificationState) -> Reason | None:
    if state.opening.kind.is_licensed:
        return Reason("no_check")
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) and state.decision:
        return Reason("already_decided", {"by": state.decision.by})
    if state.stage is Stage.AWAITING_INFORMATION:
        return Reason("awaiting_information")
    return find_reorder_refusal(state.check)


def list_check_sources(kind: Kind) -> list[CheckSource]:
    """Who can be asked anew about somebody: the registry about a licence, the vendor about a counselor."""
    asked = CheckSource.REGISTRY if kind.is_licensed else CheckSource.BACKGROUND_CHECK
    return [asked, CheckSource.RECORDS]


def _find_repeat_refusal(source: CheckSource | None, state: CertificationState) -> Reason | None:
    """Checks are made again for who decides on them: neither before they were made nor after the decision."""
    if source not in (None, *list_check_sources(state.opening.kind)):
        return Reason("no_check" if source is CheckSource.BACKGROUND_CHECK else "no_license_to_look_up")
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) and state.decision:
        return Reason("already_decided", {"by": state.decision.by})
    if state.stage in (Stage.REQUESTED, Stage.SCREENING):
        return Reason("still_screening")
    return None


def build_approval_on_appeal(origin: CommandOrigin, state: CertificationState, language: str) -> list[Fact]:
    """A denial that is reversed is an approval, by who decided the appeal, over the checks that did not pass (E6)."""
    override = origin.reason if find_open_checks(state.findings) else None
    return build_decision_facts(Decide(verdict=Verdict.APPROVE, override=override), origin, state, language)


def is_sendable(notice: Notice, state: CertificationState) -> bool:
    """Whether a notice may be sent again at this point: what it says must be true now."""
    # An account may be reported before we have opened the LMS for it, which follows the approval.
    opened = state.eligibility is EligibilityStatus.APPROVED and state.lms_account is not LmsAccount.NONE
    enrolled = state.lms_profile is Completeness.COMPLETE
    existing_account = state.opening.has_lms_account
    allowed = {
        Notice.REQUEST_RECEIVED: True,
        Notice.INFORMATION_NEEDED: state.stage is Stage.AWAITING_INFORMATION,
        Notice.QUESTION_TAKEN_BACK: state.taken_back is not None,
        Notice.LMS_INVITATION: opened and not existing_account and state.certificate is None,
        Notice.LMS_ENROLLED: enrolled and existing_account and state.certificate is None,
        Notice.CERTIFICATE_ISSUED: state.certificate is not None,
        Notice.PORTAL_ACTIVATION: state.portal_account is PortalAccount.CREATED,
        Notice.TRAINING_LAPSED: state.is_lapsed,
        Notice.ACTIVE: state.stage is Stage.ACTIVE,
        Notice.AUTHORITY_SUSPENDED: state.authority.is_suspended,
        Notice.TERMINATION_NOTICED: state.authority.termination is not None,
        Notice.ADVERSE_ACTION_BEGUN: state.adverse_action is not None and state.adverse_action.is_open,
    }
    return allowed.get(notice, False)


def moves_person(command: CommandData, identity_matches: bool) -> bool:
    """Whether the person goes by the request's name and e-mail from this command on (A10).

    Of a request under another name or e-mail than the person's (``identity_matches`` is false), staff say whose it
    is by approving it; until then nobody's record changes by a stranger's answer.
    """
    if identity_matches:
        return isinstance(command, AnswerQuestion)
    return isinstance(command, Decide) and command.verdict is Verdict.APPROVE


def settles_identity(command: CommandData) -> bool:
    """Whether by this command staff have decided whose request it is."""
    return isinstance(command, Decide) and command.verdict in (Verdict.APPROVE, Verdict.DENY)


def build_decision_facts(
    command: Decide, origin: CommandOrigin, state: CertificationState, language: str
) -> list[Fact]:
    """A decision as a fact; approving over a missing agreement records it, in the language of the request."""
    override = command.override
    named: dict[str, Any] = {"fields": command.fields} if command.fields else {}
    told = {} if command.verdict is Verdict.APPROVE else command.wording.describe_to(language)
    decided = DecidedData(
        verdict=command.verdict,
        by=origin.actor,
        reason=origin.reason,
        override=override,
        round=state.round,
        **named,
        **told,
    )
    facts = [build_fact(FactKind.DECIDED, origin, decided)]
    lacks_agreement = any(
        one.check is Check.AGREEMENT_ACCEPTED and one.result is not Result.PASS for one in state.findings
    )
    if command.verdict is Verdict.APPROVE and override and lacks_agreement:
        evidence = {"by": origin.actor, "evidence": override}
        facts.append(build_acceptance_fact(origin.case_id, language, origin.at, "staff", **evidence))
    return facts


def build_answer_facts(
    command: AnswerQuestion, origin: CommandOrigin, state: CertificationState, language: str, changed: ChangedInputs
) -> list[Fact]:
    """An answer as a fact, with what it changed of what findings are made on; and the agreement accepted with it."""
    digests = {"registry_inputs": changed.registry, "check_inputs": changed.background_check}
    told: dict[str, Any] = {name: digest for name, digest in digests.items() if digest is not None}
    answered = AnsweredData(round=state.round + 1, **told)
    if changed.background_check and state.check.reorders:
        answered = AnsweredData(round=state.round + 1, check_number=_count_next_order(state), **told)
    facts = [build_fact(FactKind.ANSWERED, origin, answered), *_build_consent_facts(command, origin, language)]
    if command.changes.get("agreement_accepted") is True:
        said = command.on_behalf
        evidence = {"by": origin.actor, "evidence": said.reason} if said else {}
        source = "staff" if said else "page"
        shown = command.language or language
        facts.append(build_acceptance_fact(origin.case_id, shown, origin.at, source, **evidence))
    return facts


def _build_consent_facts(command: AnswerQuestion, origin: CommandOrigin, language: str) -> list[Fact]:
    """The consent to another background check that was given with an answer, and by whose word."""
    if command.changes.get("background_check_consent") is not True:
        return []
    said = command.on_behalf
    evidence = {"by": origin.actor, "evidence": said.reason} if said else {}
    consent = describe_consent(command.language or language, "staff" if said else "page", **evidence)
    fact_id = f"{make_fact_id(origin.command_id)}:consent"
    return [Fact(id=fact_id, kind=FactKind.BACKGROUND_CONSENTED, at=origin.at, data=consent.to_json())]


def build_taking_back(origin: CommandOrigin) -> list[Fact]:
    """That the open question was taken back, as a fact."""
    data = QuestionTakenBackData(by=origin.actor, reason=origin.reason)
    return [build_fact(FactKind.QUESTION_TAKEN_BACK, origin, data)]


def build_reorder_facts(command: ReorderCheck, origin: CommandOrigin, state: CertificationState) -> list[Fact]:
    """That the check is ordered anew, as a fact, with the number of the new order."""
    given = {name: value for name in ("inputs", "consent") if (value := getattr(command, name))}
    number = _count_next_order(state)
    data = BackgroundReorderedData(by=origin.actor, reason=origin.reason, number=number, **given)
    return [build_fact(FactKind.BACKGROUND_REORDERED, origin, data)]


def build_adverse_facts(
    command: AdverseCommand, origin: CommandOrigin, state: CertificationState, today: date, language: str
) -> list[Fact]:
    """What a command about an adverse action comes to, on the program's date, to an assister of this language."""
    action = state.adverse_action
    number = action.number if action else 0
    match command:
        case BeginAdverseAction():
            told = command.wording.describe_to(language)
            begun = AdverseActionBegunData(number=number + 1, by=origin.actor, reason=origin.reason, **told)
            return [build_fact(FactKind.ADVERSE_ACTION_BEGUN, origin, begun)]
        case DisputeCheck():
            said = {"method": command.on_behalf.method.value} if command.on_behalf else {}
            disputed = AdverseActionDisputedData(
                number=number, by=origin.actor, disputed_on=today, reason=origin.reason, **said
            )
            return [build_fact(FactKind.ADVERSE_ACTION_DISPUTED, origin, disputed)]
    over = AdverseActionDisputeEndedData(number=number, by=origin.actor, reason=origin.reason)
    return [build_fact(FactKind.ADVERSE_ACTION_DISPUTE_ENDED, origin, over)]


def _count_next_order(state: CertificationState) -> int:
    """The number of the next order of a check: higher with each answer and order anew, so that none comes twice."""
    return state.round + state.check.reorders + 1
