"""Errors as RFC 9457 problem documents, one place for the whole of HTTP: every field at fault is named."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.case_state import UnknownCase
from db.writes.launch_tickets import UnusableTicket
from db.writes.opening import Conflict, SecondAccount, UnknownAssister
from domain.shared.faults import Fault, Invalid
from starter.cases import NotNow
from web.http.auth import NotAllowed, NotSignedIn
from web.http.pages import PRIVATE, error_page, is_page
from web.http.text import told
from web.staff.sign_in import sign_in_url

# Why a launch ticket can't be used, as a status.
_OF_TICKET = {"ticket_unknown": 404, "ticket_used": 409, "ticket_expired": 410}

# And what a page of `web.http.pages.PROBLEMS` it is for somebody with a browser.
_PAGE_OF_STATUS = {404: "no_page", 429: "too_many"}

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, faults: Sequence[Fault] = (), language: str = "en", headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem document: what is wrong in one sentence, and the fields at fault."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if faults:
        document["errors"] = [
            {"field": fault.field, "code": fault.code, "message": told(fault, language)} for fault in faults
        ]
    return JSONResponse(document, status, headers, MEDIA_TYPE)


def sentence_of(faults: Sequence[Fault], language: str = "en") -> str:
    """The faults in one sentence, each field named."""
    return " ".join(f"{fault.field}: {told(fault, language)}" for fault in faults)


def install(app: FastAPI) -> None:
    """Translates what the layers below raise into problem documents."""

    @app.exception_handler(Invalid)
    async def invalid(_: Request, error: Invalid) -> JSONResponse:
        return problem(422, sentence_of(error.faults), error.faults)

    @app.exception_handler(UnusableTicket)
    async def ticket(_: Request, error: UnusableTicket) -> JSONResponse:
        return problem(_OF_TICKET[error.fault.code], told(error.fault, "en"), [error.fault])

    @app.exception_handler(NotNow)
    @app.exception_handler(Conflict)
    async def conflict(_: Request, error: Exception) -> JSONResponse:
        return problem(409, str(error))

    @app.exception_handler(SecondAccount)
    async def second_account(request: Request, error: Exception) -> JSONResponse:
        url = f"{request.app.state.services.settings.web_url}/portal"
        return problem(409, f"{error} {url}", [Fault("email", "second_account")])

    @app.exception_handler(UnknownCase)
    async def no_case(request: Request, _: Exception) -> Response:
        if is_page(request):
            return error_page(request, "no_page", 404, {})
        return problem(404, "There is no case with this id.")

    @app.exception_handler(UnknownAssister)
    async def no_assister(_: Request, __: Exception) -> JSONResponse:
        return problem(404, "There is no assister with this id.")

    @app.exception_handler(NotSignedIn)
    async def not_signed_in(request: Request, error: NotSignedIn) -> Response:
        if not is_page(request):
            return problem(401, str(error.detail), headers=dict(error.headers or {}))
        url = sign_in_url(request, request.app.state.services)
        if "hx-request" in request.headers:  # its answer would be put into the page that is open
            return Response(status_code=401, headers={"HX-Redirect": url})
        return RedirectResponse(url, 303, PRIVATE)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if not is_page(request):
            return problem(error.status_code, str(error.detail), headers=headers)
        what = error.what if isinstance(error, NotAllowed) else _PAGE_OF_STATUS.get(error.status_code, "unreadable")
        return error_page(request, what, error.status_code, headers)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        if is_page(request):
            if any(one["loc"][0] == "path" for one in error.errors()):
                return error_page(request, "no_page", 404, {})
            return error_page(request, "unreadable", 422, {})
        faults = [Fault(".".join(str(step) for step in one["loc"][1:]) or "body", "invalid") for one in error.errors()]
        return problem(422, sentence_of(faults), faults)
