"""What staff do with a case from its page: decide, send again, end it, take a flag down, begin it again (A12)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from db.case_state import load_snapshot
from db.reads.queue import find_next_in_queue
from db.writes.cases import clear_flag
from db.writes.suspensions import file_rebuttal
from domain.programs.state import CaseState
from domain.shared.cases.authority import SuspensionKind
from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
from domain.shared.cases.commands import (
    IN_ENGLISH,
    CommandData,
    CommandKind,
    CommandState,
    GiveNotice,
    Lift,
    Revoke,
    Suspend,
    Terminate,
    ToldCommand,
    Withdraw,
)
from domain.shared.cases.corrections import parse_correction
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.claims import NpnProof
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.texts import find_text_faults
from domain.state.certification import CertificationState
from domain.state.commands import BeginAdverseAction, Decide
from domain.state.eligibility import CheckSource, Verdict
from domain.state.request import list_askable_fields
from starter.cases import CommandOutcome, now
from starter.temporal import Unreachable
from web.http.forms import Values, read_form
from web.http.pages import PRIVATE, build_page_router
from web.staff.case_page import FormAttempt, render_case
from web.staff.claims import find_document_faults, find_method_faults
from web.staff.filters import ALL, build_address, read_filters
from web.staff.layout import StaffVisit, require_visit
from web.staff.panel import FORMS, list_overridden
from web.staff.reasons import (
    TypedReason,
    find_reason_faults,
    is_licensed,
    list_usual_fields,
    list_usual_reasons,
    read_reason,
)

router = build_page_router(prefix="/staff/cases/{case_id}")

# The letter by which a verdict's reason is told; an approval is told by the training that it opens, without a reason.
_TOLD_BY = {Verdict.DENY: Notice.DENIED, Verdict.ASK: Notice.INFORMATION_NEEDED}

# The box of a field that a question is about; ticked for another decision it says nothing.
ASKED = "fields."


@dataclass(frozen=True)
class PostedDecision:
    """What a form decides."""

    verdict: Verdict
    said: TypedReason
    override: str | None
    fields: tuple[str, ...] = ()

    def build_command(self) -> Decide:
        """The command it comes to."""
        wording = self.said.wording.list_given()
        return Decide(verdict=self.verdict, override=self.override or None, fields=self.fields, **wording)


@dataclass(frozen=True)
class PostedForm:
    """A form of a case's page that somebody of staff sent: who, about which case, which form, and what is in it."""

    visit: StaffVisit
    case_id: str
    name: str
    values: Values

    @property
    def reason(self) -> str:
        """Why they do it; checked by `find_reason_faults`."""
        return self.values.get("reason", "")

    @property
    def command_id(self) -> str | None:
        """The command's id, made when the form was shown: sent twice, it is carried out once."""
        return self.values.get("command_id", "")[:64] or None

    def find_reason_faults(self) -> list[Fault]:
        """What is wrong with the reason: none is given, or it is too long or no text."""
        return find_text_faults("reason", self.reason)

    async def read_told(self, step: CommandKind, faults: Sequence[Fault] = ()) -> TypedReason:
        """Why they do it, as the assister is told; these are the faults of other fields.

        Raises `Invalid` with every fault, and `UnknownCase`.
        """
        snapshot = await self.visit.services.database.read(load_snapshot, self.case_id)
        offered = list_usual_reasons(step, is_licensed(snapshot.state))
        if faults := [*faults, *find_reason_faults(self.values, offered)]:
            raise Invalid(faults)
        return read_reason(self.values, self.visit.language, snapshot.applicant.language)

    async def show_faults(self, faults: Sequence[Fault]) -> Response:
        """The case's page with the form as it was sent, and what is wrong with it. Raises `UnknownCase`."""
        return await self._show_again(FormAttempt(self.name, self.values, faults), 422)

    async def show_refusal(self, reason: Reason) -> Response:
        """The case's page with the form as it was sent, and why it can't be done now. Raises `UnknownCase`."""
        return await self._show_again(FormAttempt(self.name, self.values, refused=reason), 409)

    @property
    def is_preview(self) -> bool:
        """Whether the letter is asked for that would be sent, and nothing else."""
        return bool(self.values.get("preview"))

    async def show_letter(self, notice: Notice | None, command: CommandData, said: TypedReason) -> Response:
        """The case's page with the form as it was sent, and the letter by which the assister would be told.

        What sending it would find wrong is found here, too.
        """
        previews, actor, letter = self.visit.services.previews, self.visit.me.actor, None
        try:
            if notice is None:
                await previews.check_command(self.case_id, command, said.reason, actor)
            else:
                letter = await previews.preview_letter(self.case_id, notice, command, said.reason, actor)
        except Refusal as refusal:
            return await self.show_refusal(refusal.reason)
        except Invalid as invalid:
            return await self.show_faults(invalid.faults)
        return await self._show_again(FormAttempt(self.name, self.values, previewed=True, letter=letter), 200)

    def lead_back(self) -> Response:
        """To the case's page, which says that it is done."""
        return _redirect_to_case(self.visit.request, self.case_id, done=self.name, of=self.case_id)

    async def _show_again(self, attempt: FormAttempt, status: int) -> Response:
        return await render_case(self.visit, self.case_id, attempt, status)


def require_form(name: str) -> Any:
    """Declares that a route is sent this form, by staff with its permission; it is handed the `PostedForm`."""
    permission, _ = FORMS[name]

    async def read_posted(visit: Annotated[StaffVisit, require_visit(permission)], case_id: str) -> PostedForm:
        return PostedForm(visit, case_id, name, await read_form(visit.request))

    return Depends(read_posted)


@router.post("/decision")
async def decide_case(form: Annotated[PostedForm, require_form("decision")]) -> Response:
    """Approves, denies or asks for information; then the next case of the queue, which says what was done."""
    services, actor = form.visit.services, form.visit.me.actor
    snapshot = await services.database.read(load_snapshot, form.case_id)
    try:
        decided = read_decision(form.values, snapshot.state, form.visit.language, snapshot.applicant.language)
    except Invalid as invalid:
        return await form.show_faults(invalid.faults)
    verdict, said = decided.verdict, decided.said
    if form.is_preview:
        ticked = {f"{ASKED}{name}": "true" for name in decided.fields}
        shown = replace(form, values={**form.values, **ticked})
        return await shown.show_letter(_TOLD_BY.get(verdict), decided.build_command(), said)
    command = services.cases.decide_eligibility(
        form.case_id,
        verdict,
        said.reason,
        actor,
        decided.override,
        form.command_id,
        fields=decided.fields,
        wording=said.wording,
    )
    return await give_command(form, command, verdict)


@router.post("/question")
async def take_question_back(form: Annotated[PostedForm, require_form("question")]) -> Response:
    """Takes the open question back: nothing is needed from the assister any more (A12)."""
    return await _give_with_reason(form, form.visit.services.cases.take_question_back)


@router.post("/resend")
async def resend_notice(form: Annotated[PostedForm, require_form("resend")]) -> Response:
    """Sends a notice again."""
    notice = form.values.get("notice", "")
    faults = [] if notice in list(Notice) else [Fault("notice", "required")]
    if faults := [*faults, *form.find_reason_faults()]:
        return await form.show_faults(faults)
    cases, actor = form.visit.services.cases, form.visit.me.actor
    command = cases.resend_notice(form.case_id, Notice(notice), form.reason, actor, form.command_id)
    return await give_command(form, command)


@router.post("/check")
async def reorder_check(form: Annotated[PostedForm, require_form("check")]) -> Response:
    """Has the background check ordered anew (E8)."""
    consent = form.values.get("consent", "")
    faults = find_text_faults("consent", consent) if consent.strip() else []
    if faults := [*faults, *form.find_reason_faults()]:
        return await form.show_faults(faults)
    cases, actor = form.visit.services.cases, form.visit.me.actor
    return await give_command(form, cases.reorder_check(form.case_id, form.reason, actor, consent, form.command_id))


@router.post("/repeat")
async def repeat_checks(form: Annotated[PostedForm, require_form("repeat")]) -> Response:
    """Has checks made again before the decision (A13)."""
    named = form.values.get("source", "")
    faults = [] if named in ("", *CheckSource) else [Fault("source", "required")]
    if faults := [*faults, *form.find_reason_faults()]:
        return await form.show_faults(faults)
    cases, actor = form.visit.services.cases, form.visit.me.actor
    source = CheckSource(named) if named else None
    return await give_command(form, cases.repeat_checks(form.case_id, form.reason, actor, source, form.command_id))


@router.post("/withdraw")
async def withdraw_request(form: Annotated[PostedForm, require_form("withdraw")]) -> Response:
    """Withdraws the request: at the assister's wish, where it is said how staff have it, or as staff (D6)."""
    method = form.values.get("method", "")
    faults, wish = (
        find_method_faults(method, WordMethod, may_lack=True),
        WordMethod(method) if method in list(WordMethod) else None,
    )
    if form.values.get("usual") == "asked_to" and not method:  # who has asked for it has said so somehow
        faults = [Fault("method", "required")]
    give = partial(form.visit.services.cases.withdraw_request, method=wish)
    return await _give_told(form, Notice.WITHDRAWN, Withdraw(), give, faults)


@router.post("/revoke")
async def revoke_certification(form: Annotated[PostedForm, require_form("revoke")]) -> Response:
    """Revokes the certification."""
    return await _give_told(form, Notice.REVOKED, Revoke(), form.visit.services.cases.revoke_certification)


@router.post("/suspend")
async def suspend_authority(form: Annotated[PostedForm, require_form("suspend")]) -> Response:
    """Suspends the authority to assist (E4)."""
    kind, written = form.values.get("suspension", ""), form.values.get("until", "")
    faults = [] if kind in list(SuspensionKind) else [Fault("suspension", "required")]
    until = None
    if written:
        try:
            until = date.fromisoformat(written)
        except ValueError:
            faults.append(Fault("until", "day"))
    what = SuspensionKind.AGREEMENT if faults else SuspensionKind(kind)
    order = Suspend(suspension=what, until=until, at_once=bool(form.values.get("at_once")))
    suspend = form.visit.services.cases.suspend_authority
    give = partial(suspend, kind=what, until=until, at_once=order.at_once)
    return await _give_told(form, Notice.AUTHORITY_SUSPENDED, order, give, faults)


@router.post("/lift")
async def lift_suspension(form: Annotated[PostedForm, require_form("lift")]) -> Response:
    """Lifts a suspension, or every one that staff ordered (E4)."""
    named = form.values.get("suspension_id", "") or None
    give = partial(form.visit.services.cases.lift_suspension, suspension_id=named)
    return await _give_told(form, Notice.AUTHORITY_RESTORED, Lift(suspension_id=named), give)


@router.post("/take_back")
async def take_termination_back(form: Annotated[PostedForm, require_form("take_back")]) -> Response:
    """Takes back a termination of which notice was given (E4)."""
    give = partial(form.visit.services.cases.lift_suspension, termination=True)
    return await _give_told(form, Notice.TERMINATION_TAKEN_BACK, Lift(termination=True), give)


@router.post("/give_notice")
async def give_notice(form: Annotated[PostedForm, require_form("give_notice")]) -> Response:
    """Gives notice of a termination (E4)."""
    give = form.visit.services.cases.terminate_authority
    return await _give_told(form, Notice.TERMINATION_NOTICED, GiveNotice(), give)


@router.post("/terminate")
async def terminate_authority(form: Annotated[PostedForm, require_form("terminate")]) -> Response:
    """Terminates at once (E4)."""
    give = partial(form.visit.services.cases.terminate_authority, at_once=True)
    return await _give_told(form, Notice.TERMINATED, Terminate(), give)


@router.post("/rebut")
async def file_staff_rebuttal(form: Annotated[PostedForm, require_form("rebut")]) -> Response:
    """Writes down what the assister says against a suspension or a termination (E4)."""
    text, method = form.values.get("text", ""), form.values.get("method", "")
    if faults := [*find_text_faults("text", text), *find_method_faults(method, WordMethod), *form.find_reason_faults()]:
        return await form.show_faults(faults)
    visit, services = form.visit, form.visit.services
    author = StepAuthor(visit.me.actor, OnBehalf(method=WordMethod(method), reason=form.reason.strip()))
    try:
        await services.database.write(file_rebuttal, form.case_id, text.strip(), author, now())
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    services.numbers.forget()
    return form.lead_back()


@router.post("/adverse")
async def begin_adverse_action(form: Annotated[PostedForm, require_form("adverse")]) -> Response:
    """Gives notice that the background report may lead to a denial (E8)."""
    give = form.visit.services.cases.begin_adverse_action
    return await _give_told(form, Notice.ADVERSE_ACTION_BEGUN, BeginAdverseAction(), give)


@router.post("/dispute")
async def dispute_check(form: Annotated[PostedForm, require_form("dispute")]) -> Response:
    """Disputes the background report for the assister (E8)."""
    method = form.values.get("method", "")
    if faults := [*find_method_faults(method, WordMethod), *form.find_reason_faults()]:
        return await form.show_faults(faults)
    author = StepAuthor(form.visit.me.actor, OnBehalf(method=WordMethod(method), reason=form.reason))
    command = form.visit.services.cases.dispute_check(form.case_id, form.reason, author, form.command_id)
    return await give_command(form, command)


@router.post("/end_dispute")
async def end_dispute(form: Annotated[PostedForm, require_form("end_dispute")]) -> Response:
    """Says that the dispute of the background report is over (E8)."""
    return await _give_with_reason(form, form.visit.services.cases.end_dispute)


@router.post("/flag")
async def take_flag_down(form: Annotated[PostedForm, require_form("flag")]) -> Response:
    """Takes a flag down that staff have attended to."""
    if faults := form.find_reason_faults():
        return await form.show_faults(faults)
    visit, services, flag = form.visit, form.visit.services, form.values.get("flag", "")
    try:
        await services.database.write(clear_flag, form.case_id, flag, visit.me.actor, form.reason, now())
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    services.numbers.forget()
    return form.lead_back()


@router.post("/identity")
async def prove_identity(form: Annotated[PostedForm, require_form("identity")]) -> Response:
    """Proves whose the case's NPN is, by what staff have seen (D2)."""
    method, document = form.values.get("method", ""), form.values.get("document", "")
    if faults := [*find_method_faults(method), *find_document_faults(document), *form.find_reason_faults()]:
        return await form.show_faults(faults)
    visit, services = form.visit, form.visit.services
    proof = NpnProof(method, visit.me.actor, document.strip(), form.reason.strip())
    try:
        await services.claims.prove_identity(form.case_id, proof)
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    services.numbers.forget()
    return form.lead_back()


@router.post("/correct")
async def correct_name(form: Annotated[PostedForm, require_form("correct")]) -> Response:
    """Corrects the name of who is certified (E11)."""
    named = ("first_name", "last_name", "method", "document")
    given = {name: value for name in named if (value := form.values.get(name, "").strip())}
    try:
        command, faults = parse_correction(given), form.find_reason_faults()
    except Invalid as invalid:
        return await form.show_faults([*invalid.faults, *form.find_reason_faults()])
    if faults:
        return await form.show_faults(faults)
    cases, actor = form.visit.services.cases, form.visit.me.actor
    return await give_command(form, cases.correct_name(form.case_id, command, form.reason, actor, form.command_id))


@router.post("/restart")
async def restart_case(form: Annotated[PostedForm, require_form("restart")]) -> Response:
    """Begins the case's workflow again, which isn't running."""
    if faults := form.find_reason_faults():
        return await form.show_faults(faults)
    visit, cases = form.visit, form.visit.services.cases
    try:
        await cases.restart_case(form.case_id, form.reason, visit.me.actor)
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    except Unreachable:
        return await form.show_refusal(Reason("temporal_unreachable"))
    visit.services.numbers.forget()
    return form.lead_back()


async def _give_with_reason(form: PostedForm, give: Callable[..., Awaitable[CommandOutcome]]) -> Response:
    """Gives a command that has a reason, which the assister isn't told, and nothing else."""
    if faults := form.find_reason_faults():
        return await form.show_faults(faults)
    command = give(form.case_id, reason=form.reason, actor=form.visit.me.actor, command_id=form.command_id)
    return await give_command(form, command)


async def _give_told(
    form: PostedForm,
    notice: Notice,
    command: ToldCommand,
    give: Callable[..., Awaitable[CommandOutcome]],
    faults: Sequence[Fault] = (),
) -> Response:
    """Gives a command whose reason the assister is told by this notice, or shows the letter first.

    ``give`` gives it, ``faults`` are those of other fields than the reason's.
    """
    try:
        said = await form.read_told(command.kind, faults)
    except Invalid as invalid:
        return await form.show_faults(invalid.faults)
    if form.is_preview:
        return await form.show_letter(notice, command.model_copy(update=said.wording.list_given()), said)
    given = give(
        case_id=form.case_id,
        reason=said.reason,
        actor=form.visit.me.actor,
        command_id=form.command_id,
        wording=said.wording,
    )
    return await give_command(form, given)


async def give_command(
    form: PostedForm, command: Awaitable[CommandOutcome], verdict: Verdict | None = None
) -> Response:
    """Gives a command and says what became of it, where one goes on: after a verdict at the next case of the queue.

    That is the case itself where there is no next one, or no worker has answered yet; its page says so.
    """
    try:
        answer = await command
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    except Invalid as invalid:
        return await form.show_faults(invalid.faults)
    form.visit.services.numbers.forget()
    if answer.state != CommandState.APPLIED:
        return _redirect_to_case(form.visit.request, form.case_id)
    onward = await _find_next_case(form) if verdict else None
    return _redirect_to_case(form.visit.request, onward or form.case_id, done=verdict or form.name, of=form.case_id)


async def _find_next_case(form: PostedForm) -> str | None:
    """The case after this one in the queue, under the same filters; None for who came from another list."""
    asked = form.visit.request.query_params
    if asked.get("view") == "all":
        return None
    return await form.visit.services.database.read(find_next_in_queue, read_filters(asked), form.case_id)


def read_decision(values: Values, state: CaseState, language: str, theirs: str) -> PostedDecision:
    """What a form decides, its reason read by `read_reason`. Raises `Invalid` with every fault.

    The assister is told the reason of a denial or a question, not that of an approval.
    """
    chosen = values.get("verdict", "")
    verdict = Verdict(chosen) if chosen in list(Verdict) else None
    faults = [] if verdict else [Fault("verdict", "required")]
    faults += find_reason_faults(values, list_usual_reasons(verdict, is_licensed(state)) if verdict else {})
    override = values.get("override", "") if verdict is Verdict.APPROVE and list_overridden(state) else None
    if override is not None:
        faults += find_text_faults("override", override)
    if verdict is None or faults:
        raise Invalid(faults)
    said = read_reason(values, language, theirs)
    if verdict is Verdict.APPROVE:
        said = TypedReason(said.reason, IN_ENGLISH)
    return PostedDecision(verdict, said, override, _read_asked(values, state) if verdict is Verdict.ASK else ())


def _read_asked(values: Values, state: CaseState) -> tuple[str, ...]:
    """The fields that a question is about: those that are ticked, else those of the usual question that was picked."""
    ticked = tuple(name.removeprefix(ASKED) for name in values if name.startswith(ASKED))
    if ticked or not isinstance(state, CertificationState):
        return ticked
    return list_usual_fields(values.get("usual", ""), list_askable_fields(state.opening.kind))


def _redirect_to_case(request: Request, case_id: str, **told: str) -> RedirectResponse:
    """A case's page, read from its heading on."""
    asked: Any = request.query_params
    url = build_address(f"{ALL}/{case_id}", read_filters(asked), view=asked.get("view"), lang=asked.get("lang"), **told)
    return RedirectResponse(f"{url}#case", 303, PRIVATE)
