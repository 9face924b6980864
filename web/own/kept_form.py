"""A form that was sent after its session had ended: kept, and offered to be sent again after the next sign-in.

It is kept as a draft, for two hours at most, and shown to nobody but the owner of the session it was begun in.
"""

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.writes.drafts import Answers, begin_draft, find_draft
from db.writes.own.sessions import find_former_address
from domain.shared.links import OWN_PATH
from starter.cases import now
from web.http.addresses import build_query
from web.http.auth import NotOnOwnPages, OwnPages, choose_own_cookie, describe_session
from web.http.forms import MEDIA_TYPE, read_form, read_media_type
from web.http.limits import choose_cookie
from web.http.negotiation import choose_language, expects_page
from web.http.pages import PRIVATE, build_page_router, render_page
from web.http.problems import build_problem
from web.services import Services, ServicesDep

router = build_page_router()

COOKIE = "kept_form"
# Beside the form's own fields, whose names begin with this.
FIELD, ACTION, OWNER = "field:", "action", "owner"


@router.get("/me/kept")
async def show_kept_form(request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """What was typed before the session ended, to be sent now; shown once."""
    language, kept = choose_language(request), await _load_kept_form(request, services, visitor.email)
    if kept is None:
        return RedirectResponse(OWN_PATH, 303, PRIVATE)
    fields = [(name.removeprefix(FIELD), text) for name, text in kept.items() if name.startswith(FIELD)]
    page = render_page(
        services,
        "own_kept.html",
        language,
        services.describe_general_contact(language),
        own=describe_session(visitor),
        action=kept[ACTION],
        fields=fields,
        texts=[text for name, text in fields if name == "message"],
        own_url=f"{OWN_PATH}{build_query(lang=language)}",
    )
    drop_kept_form(page, services)
    return page


async def has_kept_form(request: Request, services: Services, email: str) -> bool:
    """Whether this browser has a form of this person's that is still to be sent."""
    return await _load_kept_form(request, services, email) is not None


def drop_kept_form(response: Response, services: Services) -> None:
    """Forgets in the browser by what the form is found."""
    name, path = _choose_cookie(services)
    response.delete_cookie(name, path=path, secure=services.settings.is_secure, httponly=True, samesite="lax")


def install_handlers(app: FastAPI) -> None:
    """Answers `NotOnOwnPages`: the sign-in that leads back to the page, or to the form that was sent too late."""

    @app.exception_handler(NotOnOwnPages)
    async def lead_to_sign_in(request: Request, error: NotOnOwnPages) -> Response:
        if not expects_page(request) and read_media_type(request) != MEDIA_TYPE:
            return build_problem(401, str(error.detail), headers=PRIVATE)
        services: Services = request.app.state.services
        token = request.cookies.get(choose_own_cookie(services), "")
        owner = await services.database.read(find_former_address, token) if token else None
        onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        told = "ended" if owner else None
        if request.method == "GET":
            return RedirectResponse(f"{OWN_PATH}{build_query(next=onward, told=told)}", 303, PRIVATE)
        answer = RedirectResponse(f"{OWN_PATH}{build_query(told=told, lang=choose_language(request))}", 303, PRIVATE)
        if owner:
            await _keep_form(request, services, answer, onward, owner)
        return answer


def _choose_cookie(services: Services) -> tuple[str, str]:
    return choose_cookie(COOKIE, OWN_PATH, is_secure=services.settings.is_secure)


async def _keep_form(request: Request, services: Services, answer: Response, action: str, owner: str) -> None:
    try:
        values = await read_form(request)
    except HTTPException:
        return
    kept = {ACTION: action, OWNER: owner, **{f"{FIELD}{name}": text for name, text in values.items()}}
    token = await services.database.write(begin_draft, kept, now(), request.cookies.get(_choose_cookie(services)[0]))
    name, path = _choose_cookie(services)
    answer.set_cookie(name, token, path=path, secure=services.settings.is_secure, httponly=True, samesite="lax")


async def _load_kept_form(request: Request, services: Services, email: str) -> Answers | None:
    token = request.cookies.get(_choose_cookie(services)[0], "")
    kept = await services.database.read(find_draft, token, now()) if token else None
    return kept if kept is not None and kept.get(OWNER) == email and ACTION in kept else None
