"""What staff do with a case from its page: decide, send again, withdraw, revoke, take a flag down (A12)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.case_state import load_snapshot
from db.reads.queue import find_next_in_queue
from db.writes.cases import clear_flag
from domain.programs.state import CaseState
from domain.shared.faults import Fault, Invalid
from domain.shared.notices import Notice
from domain.shared.reasons import Refusal
from domain.state.certification import CertificationState
from domain.state.eligibility import Verdict
from starter.cases import APPLIED, Answer, now
from templates.catalogs import translate
from web.http.auth import StaffMember, require_permission
from web.http.forms import Values, find_text_faults, read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE
from web.http.permissions import Permission
from web.services import Services, ServicesDep
from web.staff.case_page import Attempt, case_page
from web.staff.filters import ALL, build_address, read_filters
from web.staff.panel import overridden
from web.staff.reasons import USUAL, list_usual_reasons

router = APIRouter(prefix="/staff/cases/{case_id}", include_in_schema=False, default_response_class=HTMLResponse)


@dataclass(frozen=True)
class Decision:
    """What a form decides."""

    verdict: Verdict
    reason: str
    override: str | None


@router.post("/decision")
async def decide(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.DECIDE)],
    case_id: str,
) -> Response:
    """Approves, denies or asks for information; then the next case of the queue, with a word of what was done."""
    values = await read_form(request)
    view = await services.database.read(load_snapshot, case_id)
    said = decision_of(values, view.state, choose_language(request), view.case.request["language"])
    if not isinstance(said, Decision):
        return await case_page(request, services, me, case_id, Attempt("decision", values, said), 422)
    command = services.cases.decide(case_id, said.verdict, said.reason, me.actor, said.override, _id(values))
    answer = await _given(request, services, me, case_id, "decision", values, command)
    if isinstance(answer, Response):
        return answer
    return await _onward(request, services, case_id, said.verdict if answer.state == APPLIED else None)


@router.post("/resend")
async def resend(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.RESEND)],
    case_id: str,
) -> Response:
    """Sends a notice again."""
    values = await read_form(request)
    notice = values.get("notice", "")
    faults = [] if notice in list(Notice) else [Fault("notice", "required")]
    if faults := [*faults, *find_text_faults("reason", values.get("reason", ""))]:
        return await case_page(request, services, me, case_id, Attempt("resend", values, faults), 422)
    command = services.cases.resend(case_id, Notice(notice), values["reason"], me.actor, _id(values))
    return await _done(request, services, me, case_id, "resend", values, command)


@router.post("/withdraw")
async def withdraw(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.WITHDRAW)],
    case_id: str,
) -> Response:
    """Withdraws the request in the assister's name."""
    return await _end(request, services, me, case_id, "withdraw", services.cases.withdraw)


@router.post("/revoke")
async def revoke(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.REVOKE)],
    case_id: str,
) -> Response:
    """Revokes the certification."""
    return await _end(request, services, me, case_id, "revoke", services.cases.revoke)


@router.post("/flag")
async def attend(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.CLEAR_FLAG)],
    case_id: str,
) -> Response:
    """Takes a flag down that staff have attended to."""
    values = await read_form(request)
    await services.database.read(load_snapshot, case_id)  # there is such a case
    if faults := find_text_faults("reason", values.get("reason", "")):
        return await case_page(request, services, me, case_id, Attempt("flag", values, faults), 422)
    try:
        await services.database.write(clear_flag, case_id, values.get("flag", ""), me.actor, values["reason"], now())
    except Refusal as refusal:
        return await case_page(request, services, me, case_id, Attempt("flag", values, refused=refusal.reason), 409)
    services.numbers.forget()
    return _to(request, case_id, done="flag", of=case_id)


def decision_of(values: Values, state: CaseState, language: str, theirs: str) -> Decision | Sequence[Fault]:
    """What a form decides, or every fault in it. A usual reason goes before the words that were typed.

    ``language`` is the reader's; what the assister is told stands in ``theirs``.
    """
    chosen, usual, written = values.get("verdict", ""), values.get("usual", ""), values.get("reason", "")
    verdict = Verdict(chosen) if chosen in list(Verdict) else None
    faults = [] if verdict else [Fault("verdict", "required")]
    if usual and not (verdict and usual in list_usual_reasons(verdict, _is_licensed(state))):
        faults.append(Fault("usual", "required"))
    faults += find_text_faults("reason", written) if written or not usual else []
    override = values.get("override", "") if verdict is Verdict.APPROVE and overridden(state) else None
    if override is not None:
        faults += find_text_faults("override", override)
    if verdict is None or faults:
        return faults
    said = translate(USUAL[usual].sentence, language if verdict is Verdict.APPROVE else theirs) if usual else ""
    return Decision(verdict, "\n\n".join(part for part in (said, written) if part), override)


def _is_licensed(state: CaseState) -> bool:
    return isinstance(state, CertificationState) and state.opening.kind.is_licensed


def _id(values: Mapping[str, str]) -> str | None:
    """The command's id, made when the form was shown: sent twice, it is carried out once."""
    return values.get("command_id", "")[:64] or None


async def _given(
    request: Request,
    services: Services,
    me: StaffMember,
    case_id: str,
    form: str,
    values: Values,
    command: Awaitable[Answer],
) -> Answer | Response:
    """What became of a command; the page that says why it can't be carried out now, or what is wrong with it."""
    try:
        answer = await command
    except Refusal as refused:
        return await case_page(request, services, me, case_id, Attempt(form, values, refused=refused.reason), 409)
    except Invalid as invalid:
        return await case_page(request, services, me, case_id, Attempt(form, values, invalid.faults), 422)
    services.numbers.forget()
    return answer


async def _end(
    request: Request,
    services: Services,
    me: StaffMember,
    case_id: str,
    form: str,
    end: Callable[..., Awaitable[Answer]],
) -> Response:
    """Ends a case with a reason."""
    values = await read_form(request)
    if faults := find_text_faults("reason", values.get("reason", "")):
        return await case_page(request, services, me, case_id, Attempt(form, values, faults), 422)
    command = end(case_id, values["reason"], me.actor, _id(values))
    return await _done(request, services, me, case_id, form, values, command)


async def _done(
    request: Request,
    services: Services,
    me: StaffMember,
    case_id: str,
    form: str,
    values: Values,
    command: Awaitable[Answer],
) -> Response:
    """Gives a command and goes back to the case."""
    answer = await _given(request, services, me, case_id, form, values, command)
    if isinstance(answer, Response):
        return answer
    return _to(request, case_id, **({"done": form, "of": case_id} if answer.state == APPLIED else {}))


async def _onward(request: Request, services: Services, case_id: str, verdict: Verdict | None) -> Response:
    """To the case that comes next where one came from; to the same one if there is none, or nothing is done yet."""
    if verdict is None:
        return _to(request, case_id)
    filters = read_filters(request.query_params)
    following = None
    if request.query_params.get("view") != "all":
        following = await services.database.read(find_next_in_queue, filters, case_id)
    return _to(request, following or case_id, done=verdict.value, of=case_id)


def _to(request: Request, case_id: str, **told: str) -> RedirectResponse:
    """A case's page, read from its heading on."""
    asked: Any = request.query_params
    url = build_address(f"{ALL}/{case_id}", read_filters(asked), view=asked.get("view"), lang=asked.get("lang"), **told)
    return RedirectResponse(f"{url}#case", 303, PRIVATE)
