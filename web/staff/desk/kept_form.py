"""A form of staff that was sent after their session had ended: kept, and offered to be sent after the next sign-in.

Whose it is its session's cookie says, or the token in the form itself, where the browser has lost the cookie or has one
of a newer session: then it is offered at once.
"""

from contextlib import suppress

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.writes.sessions import find_former_session, find_session_of_form
from domain.shared.reference_numbers import make_reference_number
from templates.catalogs import N_, translate
from templates.labels import FILTERS
from web.form_drafts import DraftCookie
from web.http.auth import (
    CSRF_FIELD,
    STAFF_HOME,
    NotSignedIn,
    StalePage,
    choose_session_cookie,
    find_sign_in_address,
    find_staff_member,
    has_csrf,
    read_csrf,
)
from web.http.forms import MEDIA_TYPE, read_media_type
from web.http.negotiation import expects_page
from web.http.pages import PRIVATE, build_page_router
from web.http.problem_pages import render_error
from web.http.problems import build_problem
from web.http.sentences import name_code
from web.kept_forms import FormKeeper, KeptForm, read_sent_form
from web.services import Services
from web.staff.layout import NAVIGATION, ReaderVisit
from web.staff.panel import FORMS
from web.staff.reasons import USUAL

router = build_page_router(prefix=STAFF_HOME)

KEPT = f"{STAFF_HOME}/kept"
# What is no loss: leaving.
_NEVER_KEPT = (f"{STAFF_HOME}/sign-out",)
# Fields that say nothing to who typed the rest.
_UNSHOWN = frozenset({"command_id", "batch"})
_BOX, _CHOSEN = "fields.", "case."
# Where in an address of a case's its id stands.
_OF_CASE = 3
_LABELS = {
    "verdict": N_("Decision"),
    "usual": N_("A usual reason"),
    "reason": N_("Your reason"),
    "override": N_("Override, only to approve"),
    "note": N_("Note"),
    "words": N_("Find a case"),
}
_KEEPER = FormKeeper(DraftCookie("kept_staff_form", STAFF_HOME))


@router.get("/kept")
async def show_kept_form(visit: ReaderVisit) -> Response:
    """What was typed before the session ended, to be sent now: to who had that session, and to nobody else."""
    kept = await _KEEPER.find_form(visit.request, visit.services, visit.me.actor)
    if kept is None:
        return RedirectResponse(STAFF_HOME, 303, PRIVATE)
    return visit.render_page(
        "staff/kept.html",
        action=kept.action,
        fields=[*kept.values.items()],
        shown=_describe_form(kept, visit.language),
        back_url=_find_page_of(kept.action),
    )


def drop_kept_form(answer: Response, services: Services) -> None:
    """Forgets in the browser by what the form is found."""
    _KEEPER.drop_form(answer, services)


def install_handlers(app: FastAPI) -> None:
    """Answers `NotSignedIn` by the log-in that leads back to the page, or to the form that was sent too late.

    And `StalePage` by that form, where it was begun in a session of who is signed in by now.
    """

    @app.exception_handler(NotSignedIn)
    async def lead_to_sign_in(request: Request, error: NotSignedIn) -> Response:
        if not expects_page(request):
            return build_problem(401, str(error.detail), headers=dict(error.headers or {}))
        services: Services = request.app.state.services
        owner = await _find_owner(request, services)
        url = find_sign_in_address(request, services, KEPT if owner else STAFF_HOME, had_session=owner is not None)
        answer = _lead_to(request, url, 401)
        if owner:
            await _keep_form(request, services, answer, owner)
        return answer

    @app.exception_handler(StalePage)
    async def lead_to_kept_form(request: Request, error: StalePage) -> Response:
        if not expects_page(request):
            return build_problem(403, str(error.detail))
        services: Services = request.app.state.services
        member, owner = await find_staff_member(request, services), await _find_owner(request, services)
        if member is None or member.actor != owner:
            return render_error(request, error.text, 403, {})
        answer = _lead_to(request, KEPT, 403)
        await _keep_form(request, services, answer, owner)
        return answer


def _lead_to(request: Request, url: str, status: int) -> Response:
    """Leads on to a page: by ``status`` and a header where a script has asked, which would put it into its own page."""
    if "hx-request" in request.headers:
        return Response(status_code=status, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303, PRIVATE)


async def _keep_form(request: Request, services: Services, answer: Response, owner: str) -> None:
    sent = await read_sent_form(request, (CSRF_FIELD,))
    if sent is not None:
        await _KEEPER.keep_form(request, services, answer, sent, owner)


async def _find_owner(request: Request, services: Services) -> str | None:
    """Whose form this is, by the cookie and the form's token of the session it was begun in; None for no such form.

    By the token alone where the cookie is another session's, or there is none.
    """
    path, token = request.url.path, request.cookies.get(choose_session_cookie(services), "")
    is_form = request.method == "POST" and read_media_type(request) == MEDIA_TYPE
    if not is_form or not path.startswith(f"{STAFF_HOME}/") or path in _NEVER_KEPT:
        return None
    row = await services.database.read(find_former_session, token) if token else None
    try:
        if row is None or not await has_csrf(request, row.csrf):
            row = await services.database.read(find_session_of_form, await read_csrf(request))
    except HTTPException:  # it can't be read
        return None
    return row.actor if row is not None else None


def _describe_form(kept: KeptForm, language: str) -> list[tuple[str, str]]:
    """Which form it is, about which case, and what was typed and chosen, each with what it is called on its page."""
    path = kept.action.partition("?")[0].split("/")
    _, kind = FORMS.get(path[-1], (None, None))
    shown = [(translate(N_("Form"), language), name_code("command", kind, language))] if kind else []
    if path[2] == "cases" and len(path) > _OF_CASE:
        with suppress(ValueError):  # no case's id
            shown.append((translate(N_("Reference number"), language), make_reference_number(path[_OF_CASE])))
    if chosen := sum(name.startswith(_CHOSEN) for name in kept.values):
        shown.append((translate(N_("Cases"), language), str(chosen)))
    typed = [(name, text) for name, text in kept.values.items() if text and name not in _UNSHOWN]
    return [*shown, *(_describe_field(name, text, language) for name, text in typed if not name.startswith(_CHOSEN))]


def _describe_field(name: str, text: str, language: str) -> tuple[str, str]:
    if name.startswith(_BOX):
        return translate(N_("What do you ask about?"), language), name_code("field", name.removeprefix(_BOX), language)
    called = translate(_LABELS[name], language) if name in _LABELS else name_code("field", name, language)
    if name == "verdict" and text in FILTERS["verdict"]:
        return called, name_code("verdict", text, language)
    return called, translate(USUAL[text].sentence, language) if name == "usual" and text in USUAL else text


def _find_page_of(action: str) -> str:
    """The page whose form is sent to this address: a case's or an appeal's own, else the list it is under."""
    path, _, query = action.partition("?")
    steps = path.split("/")
    page = "/".join(steps[: _OF_CASE + 1 if steps[2] in ("cases", "appeals") else _OF_CASE])
    if len(steps) <= _OF_CASE + 1 and page not in [url for url, _, _ in NAVIGATION]:
        return STAFF_HOME
    return f"{page}?{query}" if query else page
