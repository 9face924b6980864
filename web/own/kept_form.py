"""A form that was sent after its session had ended: kept, and offered to be sent again after the next sign-in.

Where nothing says whose session that was, the answer itself carries what was typed, to be sent once one is signed in.
"""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.writes.own.sessions import find_former_address
from domain.shared.links import OWN_PATH
from templates.catalogs import translate
from templates.labels import FIELDS
from web.form_drafts import DraftCookie
from web.http.addresses import build_query, strip_origin
from web.http.auth import NotOnOwnPages, OwnPages, OwnVisitor, choose_own_cookie, describe_session
from web.http.forms import MEDIA_TYPE, Values, read_media_type
from web.http.negotiation import choose_language, expects_page
from web.http.pages import PRIVATE, build_page_router, render_page
from web.http.problems import build_problem
from web.kept_forms import FormKeeper, KeptForm, read_sent_form
from web.services import Services, ServicesDep

router = build_page_router()

_KEEPER = FormKeeper(DraftCookie("kept_form", OWN_PATH))
# Fields in which one writes in words of one's own.
_WRITTEN = ("message", "grounds", "reason", "text")
# What is chosen or ticked; the value that is sent says nothing to who did so.
_CHOSEN = frozenset(
    ("language", "addressed_as", "role", "markets", "agreement_accepted", "background_check_consent", "license_state")
)


@router.get("/me/kept")
async def show_kept_form(request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """What was typed before the session ended, to be sent now; shown once."""
    kept = await _KEEPER.find_form(request, services, visitor.email)
    if kept is None:
        return RedirectResponse(OWN_PATH, 303, PRIVATE)
    page = _render_form(request, services, kept, visitor)
    drop_kept_form(page, services)
    return page


async def has_kept_form(request: Request, services: Services, email: str) -> bool:
    """Whether this browser has a form of this person's that is still to be sent."""
    return await _KEEPER.find_form(request, services, email) is not None


def drop_kept_form(response: Response, services: Services) -> None:
    """Forgets in the browser by what the form is found."""
    _KEEPER.drop_form(response, services)


def install_handlers(app: FastAPI) -> None:
    """Answers `NotOnOwnPages`: the sign-in that leads back to the page, or to the form that was sent too late."""

    @app.exception_handler(NotOnOwnPages)
    async def lead_to_sign_in(request: Request, error: NotOnOwnPages) -> Response:
        if not expects_page(request) and read_media_type(request) != MEDIA_TYPE:
            return build_problem(401, str(error.detail), headers=PRIVATE)
        services: Services = request.app.state.services
        token = request.cookies.get(choose_own_cookie(services), "")
        owner = await services.database.read(find_former_address, token) if token else None
        told = "ended" if owner else None
        if request.method == "GET":
            onward = strip_origin(request.url)
            return RedirectResponse(f"{OWN_PATH}{build_query(next=onward, told=told)}", 303, PRIVATE)
        sent = await read_sent_form(request)
        if owner is None and sent is not None and sent.is_filled:
            return _render_form(request, services, sent)
        answer = RedirectResponse(f"{OWN_PATH}{build_query(told=told, lang=choose_language(request))}", 303, PRIVATE)
        if owner and sent is not None:
            await _KEEPER.keep_form(request, services, answer, sent, owner)
        return answer


def _render_form(
    request: Request, services: Services, form: KeptForm, visitor: OwnVisitor | None = None
) -> HTMLResponse:
    """What was typed, to be sent now; to nobody who is signed in, with what to do before: then it is in the page alone.

    A form of another site isn't shown so: who sends one is refused before anything looks at it.
    """
    language = choose_language(request)
    return render_page(
        services,
        "own_kept.html",
        language,
        services.describe_general_contact(language),
        status=200 if visitor else 401,
        own=describe_session(visitor) if visitor else None,
        action=form.action,
        fields=[*form.values.items()],
        shown=_list_typed(form.values, language),
        texts=[text for name, text in form.values.items() if name in _WRITTEN],
        files=form.files,
        own_url=f"{OWN_PATH}{build_query(lang=language)}",
    )


def _list_typed(values: Values, language: str) -> list[tuple[str, str]]:
    """What was typed into fields, as [(label, text)]; the parts of an address or of a contact as one."""
    typed: dict[str, list[str]] = {}
    for name, text in values.items():
        field = name.partition(".")[0]
        if text and field in FIELDS and field not in _CHOSEN:
            typed.setdefault(field, []).extend(text.splitlines())
    return [(translate(FIELDS[field], language), ", ".join(texts)) for field, texts in typed.items()]
