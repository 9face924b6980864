"""Errors as RFC 9457 problem documents, one place for the whole of HTTP: every field at fault is named."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from db.people import Conflict, UnknownAssister
from db.registrations import NoTicket, SecondAccount
from db.states import UnknownCase
from domain.faults import Fault, Invalid
from starter.cases import NotNow
from web.text import told

# Why a launch ticket can't be used, as a status.
_OF_TICKET = {"ticket_unknown": 404, "ticket_used": 409, "ticket_expired": 410}

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

    @app.exception_handler(NoTicket)
    async def ticket(_: Request, error: NoTicket) -> JSONResponse:
        return problem(_OF_TICKET[error.fault.code], told(error.fault, "en"), [error.fault])

    @app.exception_handler(NotNow)
    @app.exception_handler(Conflict)
    async def conflict(_: Request, error: Exception) -> JSONResponse:
        return problem(409, str(error))

    @app.exception_handler(SecondAccount)
    async def second_account(request: Request, error: Exception) -> JSONResponse:
        url = f"{request.app.state.door.settings.web_url}/portal"
        return problem(409, f"{error} {url}", [Fault("email", "second_account")])

    @app.exception_handler(UnknownCase)
    async def no_case(_: Request, __: Exception) -> JSONResponse:
        return problem(404, "There is no case with this id.")

    @app.exception_handler(UnknownAssister)
    async def no_assister(_: Request, __: Exception) -> JSONResponse:
        return problem(404, "There is no assister with this id.")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [Fault(".".join(str(step) for step in one["loc"][1:]) or "body", "invalid") for one in error.errors()]
        return problem(422, sentence_of(faults), faults)
