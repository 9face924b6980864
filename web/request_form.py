"""The request form of either program: begun, answered by steps, looked over, sent, confirmed by a code (A10, B3, D1).

It stands beside the rooms because both programs ask so. What a program's form asks, what is right in it and how its
pages look is its `RequestForm`; the answers so far are kept as a draft in the database.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from db.writes.drafts import begin_draft, close_draft, save_draft
from domain.programs.opening import AnyRequest
from domain.shared.codes import CodeAnswer
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import ProgramPolicy, choose_policy
from starter.cases import now
from web.codes import (
    TOO_OFTEN,
    CodeForm,
    ask_for_code,
    find_sent_code,
    keep_owner_signed_in,
    prepare_taking,
    render_code_form,
    use_typed_code,
)
from web.form_drafts import FORM_TOKEN, Draft, DraftCookie
from web.form_steps import FormAddresses, FormPart, FormWalk, is_too_long, read_change
from web.http.auth import LINK, PUBLIC, find_own_visitor
from web.http.forms import Values, read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

# What is left of a draft that was sent, for its confirmation.
LEFT = ("email", "kind", "plan_year")

Part = TypeVar("Part", bound=FormPart)
Wanted = TypeVar("Wanted", bound=AnyRequest)
Rules = TypeVar("Rules", bound=ProgramPolicy)


def _stay_here(_: Mapping[str, str]) -> str:
    """Of a form that leads nobody elsewhere."""
    return ""


def _list_no_texts(_: Mapping[str, str]) -> dict[str, str]:
    """Of a form that shows no text to be accepted."""
    return {}


@dataclass(frozen=True, eq=False)
class RequestForm(Generic[Part, Wanted, Rules]):
    """One program's request form, and the routes of its pages.

    ``first`` is the step it begins with, ``asks_email`` that of the e-mail address; ``slugs`` are all there are.
    ``read_request`` raises `Invalid`. ``find_elsewhere`` is the page that answers lead to in place of the next step,
    empty where they lead on; ``list_shown`` the languages in which texts were shown, by the texts' names.
    """

    addresses: FormAddresses
    drafts: DraftCookie
    policies: Mapping[Any, Rules]
    slugs: Collection[str]
    first: str
    asks_email: str
    walk: Callable[[Mapping[str, str]], FormWalk[Part]]
    read_request: Callable[[Mapping[str, str]], Wanted]
    render_start: Callable[[Request, Services, Draft | None, Rules, Sequence[Fault], int], HTMLResponse]
    render_question: Callable[[Request, Services, Part, Draft, Sequence[Fault]], HTMLResponse]
    render_check: Callable[[Request, Services, Draft, Wanted, Sequence[Fault]], HTMLResponse]
    render_done: Callable[[Request, Services, Draft], HTMLResponse]
    find_elsewhere: Callable[[Mapping[str, str]], str] = _stay_here
    list_shown: Callable[[Mapping[str, str]], Mapping[str, str]] = _list_no_texts

    def add_routes(self, router: APIRouter) -> None:
        """Adds the pages of the form to a router, on which what else a program has under its address is already."""
        for method, path, endpoint, needs in (
            ("GET", "", self.show_start, [PUBLIC]),
            ("POST", "", self.begin_request, [PUBLIC, limit_rate("request")]),
            ("GET", "/check", self.show_check, [LINK]),
            ("POST", "/check", self.send_request, [LINK, limit_rate("request")]),
            ("GET", "/confirm", self.show_confirmation, [LINK]),
            ("POST", "/confirm", self.confirm_address, [LINK, limit_rate("code")]),
            ("GET", "/done", self.show_done, [LINK]),
            ("GET", "/{slug}", self.show_question, [LINK]),
            ("POST", "/{slug}", self.keep_step, [LINK, limit_rate("api")]),
        ):
            router.add_api_route(path, endpoint, methods=[method], dependencies=needs)

    async def show_start(self, request: Request, services: ServicesDep) -> Response:
        """What the form is for, of the newest plan year that is open, the draft's, or the one asked for."""
        draft = await self.drafts.load_draft(request, services)
        year = draft.answers.get("plan_year") if draft else None
        policy, faults = choose_policy(self.policies.values(), request.query_params.get("plan_year", year), now())
        return self.render_start(request, services, draft, policy, faults, 200)

    async def begin_request(self, request: Request, services: ServicesDep) -> Response:
        """Begins a draft for a plan year, or goes on with the one there is."""
        values, draft = await read_form(request), await self.drafts.load_draft(request, services)
        policy, faults = choose_policy(self.policies.values(), values.get("plan_year", ""), now())
        if faults:
            return self.render_start(request, services, draft, policy, faults, 422)
        year = {"plan_year": str(policy.plan_year)}
        if draft and values.get("do") == "continue":
            if not draft.is_own(values) or not await services.database.write(save_draft, draft.token, year, now()):
                return self.redirect_lost()
            return redirect(self.find_place(draft))
        token = await services.database.write(begin_draft, year, now(), draft.token if draft else None)
        begun = redirect(self.addresses.build_step(self.first, begun="1"))
        self.drafts.hand_out(begun, services, token)
        return begun

    async def show_check(self, request: Request, services: ServicesDep) -> Response:
        """Every answer, to look over before it is sent."""
        draft = await self.find_own_draft(request, services)
        if isinstance(draft, Response):
            return draft
        wanted = self._read_whole(draft)
        if wanted is None:
            return self._redirect_unfinished(draft)
        return self.render_check(request, services, draft, wanted, ())

    async def send_request(self, request: Request, services: ServicesDep) -> Response:
        """Takes the request of who is signed in by its e-mail address; everybody else is sent a code first (D1)."""
        draft = await self.find_own_draft(request, services, await read_form(request))
        if isinstance(draft, Response):
            return draft
        wanted = self._read_whole(draft)
        if wanted is None:
            return self._redirect_unfinished(draft)
        visitor = await find_own_visitor(request, services)
        if visitor is not None and visitor.email == wanted.email.lower():
            return await self._take_request(services, draft, wanted)
        answer = redirect(self.addresses.confirm)
        if not await ask_for_code(request, services, answer, wanted.email):
            return self.render_check(request, services, draft, wanted, [Fault("email", TOO_OFTEN)])
        return answer

    async def show_confirmation(self, request: Request, services: ServicesDep) -> Response:
        """Where the code is typed in that was sent to the address of the request."""
        draft = await self.find_own_draft(request, services)
        return draft if isinstance(draft, Response) else await self._render_confirmation(request, services, draft)

    async def confirm_address(self, request: Request, services: ServicesDep) -> Response:
        """Takes the request once the code is right, which also signs in to one's own pages."""
        values = await read_form(request)
        draft = await self.find_own_draft(request, services, values)
        if isinstance(draft, Response):
            return draft
        wanted = self._read_whole(draft)
        if wanted is None:
            return self._redirect_unfinished(draft)
        take = prepare_taking(request, services, wanted, draft.token, LEFT, self.list_shown(draft.answers))
        tried, taken = await use_typed_code(request, services, values, take)
        if tried.answer is not CodeAnswer.RIGHT:
            return await self._render_confirmation(request, services, draft, tried.answer)
        if taken is None:  # the address was changed meanwhile
            return redirect(self.addresses.check)
        answer = self._answer_taken(services, taken.case_id)
        keep_owner_signed_in(services, answer, taken.token)
        return answer

    async def show_done(self, request: Request, services: ServicesDep) -> Response:
        """What happens next, for whoever has just sent a request, whatever became of it (D4)."""
        draft = await self.drafts.load_draft(request, services)
        if draft is None or not draft.is_sent:
            return redirect(self.addresses.start)
        return self.render_done(request, services, draft)

    async def show_question(self, slug: str, request: Request, services: ServicesDep) -> Response:
        """A step, with what was answered before; one whose turn has not come leads to the first that is open."""
        self._check_slug(slug)
        draft = await self.find_own_draft(request, services)
        if isinstance(draft, Response):
            return draft
        if "begun" in request.query_params:
            return redirect(self.addresses.build_step(slug))
        walk = self.walk(draft.answers)
        step = walk.find_reachable(slug)
        if step is None:
            return redirect(self.find_place(draft))
        return self.render_question(request, services, step, draft, walk.find_faults_to_show(step))

    async def keep_step(self, slug: str, request: Request, services: ServicesDep) -> Response:
        """Keeps the answers of a step and goes on, or to the same step again, which shows what is wrong with them.

        So that whoever goes back in their browser comes to pages alone, and never has to send a form again.
        """
        self._check_slug(slug)
        values = await read_form(request)
        draft = await self.find_own_draft(request, services, values)
        if isinstance(draft, Response):
            return draft
        step = self.walk(draft.answers).find_reachable(slug)
        if step is None:
            return redirect(self.find_place(draft))
        change, changes = read_change(request), step.pick_answers(values)
        draft = Draft(draft.token, {**draft.answers, **changes})
        walk = self.walk(draft.answers)
        if is_too_long(draft.answers):
            return self.render_question(request, services, step, draft, walk.find_faults_at(step))
        if not await services.database.write(save_draft, draft.token, changes, now()):
            return self.redirect_lost()
        return redirect(self._find_onward(walk, step, values, change))

    async def find_own_draft(
        self, request: Request, services: Services, values: Mapping[str, str] | None = None
    ) -> Draft | Response:
        """The draft to go on with, if a form that was posted is its own; else the answer that leads where one can."""
        draft = await self.drafts.load_draft(request, services)
        if draft is None and "begun" in request.query_params:
            return redirect(self.addresses.build_start(why="cookies"))
        if draft is None:
            return self.redirect_lost()
        if draft.is_sent:
            return redirect(self.addresses.done)
        return draft if values is None or draft.is_own(values) else self.redirect_lost()

    def redirect_lost(self) -> RedirectResponse:
        """To the start, which says that the answers are gone, or are another draft's."""
        return redirect(self.addresses.build_start(why="expired"))

    def find_place(self, draft: Draft) -> str:
        """How far a draft has come: where its answers lead elsewhere, its first open step, or the list of them all."""
        if elsewhere := self.find_elsewhere(draft.answers):
            return elsewhere
        first = self.walk(draft.answers).find_first_open()
        return self.addresses.build_step(first.slug) if first else self.addresses.check

    def _check_slug(self, slug: str) -> None:
        """Raises 404 where the form has no such step."""
        if slug not in self.slugs:
            raise HTTPException(404, "The request form has no such page.")

    def _find_onward(self, walk: FormWalk[Part], step: Part, values: Values, change: str) -> str:
        """The page after a step that was kept: itself, where it has faults or other rows were asked for."""
        rows = step.count_rows(values)
        here = self.addresses.build_step(step.slug, change=change, rows=rows)
        if rows:
            return here
        if elsewhere := self.find_elsewhere(walk.answers):  # who is led there need not answer the rest to hear of it
            return elsewhere
        if walk.find_faults_at(step):
            return here
        onward = walk.find_first_open() if change else walk.find_next(step)
        return self.addresses.build_step(onward.slug, change=change) if onward else self.addresses.check

    def _read_whole(self, draft: Draft) -> Wanted | None:
        """The request that a draft has become; None where a step is still open, or the plan year's policy is gone."""
        if self.walk(draft.answers).find_first_open():
            return None
        try:
            return self.read_request(draft.answers)
        except Invalid:
            return None

    def _redirect_unfinished(self, draft: Draft) -> RedirectResponse:
        """To the first open step; to the start where the plan year is at fault, for which no step asks."""
        place = self.find_place(draft)
        return redirect(self.addresses.start if place == self.addresses.check else place)

    async def _take_request(self, services: Services, draft: Draft, wanted: Wanted) -> RedirectResponse:
        """The same answer whatever becomes of the request, in the same time: its workflow is begun after it (D4)."""
        case_id = await services.cases.take_request(wanted, draft.token, self.list_shown(draft.answers))
        await services.database.write(close_draft, draft.token, LEFT, now())
        return self._answer_taken(services, case_id)

    def _answer_taken(self, services: Services, case_id: str | None) -> RedirectResponse:
        answer = redirect(self.addresses.done)
        answer.background = BackgroundTask(services.cases.try_to_start, case_id) if case_id else None
        return answer

    async def _render_confirmation(
        self, request: Request, services: Services, draft: Draft, answer: CodeAnswer | None = None
    ) -> Response:
        """The form for the code; the answers, where this browser asked for none of late for the address among them."""
        asked, language = await find_sent_code(request, services), choose_language(request)
        wanted = self._read_whole(draft)
        if asked is None or wanted is None or asked.address != wanted.email.lower():
            return redirect(self.addresses.check)
        form = CodeForm(
            here=self.addresses.confirm,
            action=self.addresses.build_step("confirm", lang=language),
            again_action=self.addresses.build_step("check", lang=language),
            other_url=self.addresses.build_step(self.asks_email, change="1"),
            hidden={FORM_TOKEN: draft.form_token},
            sends_request=True,
        )
        return render_code_form(request, services, form, asked, answer)


def redirect(url: str) -> RedirectResponse:
    """Leads on after a form, to a page that nobody keeps."""
    return RedirectResponse(url, 303, PRIVATE)
