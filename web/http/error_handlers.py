"""What the layers below raise, as answers: here alone, so that routes only say what they do.

Programs get a problem document, somebody with a browser a page. What only the federal program raises is translated in
web/api/federal.py; who isn't signed in is answered in web/staff/desk/kept_form.py and web/own/kept_form.py.
"""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from db.case_state import UnknownCase
from db.writes.opening import UnknownAssister
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.senders import ForbiddenReport
from web.http.auth import NotAllowed
from web.http.defence.senders import log_forbidden
from web.http.negotiation import expects_page
from web.http.problem_pages import NO_PAGE, TOO_MANY, UNREADABLE, render_error
from web.http.problems import MOST_FAULTS, build_problem, join_faults

# What somebody with a browser is told, by status.
_TEXT_OF_STATUS = {404: NO_PAGE, 429: TOO_MANY}
# What the framework says in its own words, as the sentence that everybody else gets.
_SENTENCES = {
    HTTPStatus.NOT_FOUND.phrase: "There is nothing under this address.",
    HTTPStatus.METHOD_NOT_ALLOWED.phrase: "This can't be done at this address; what can be is in the header Allow.",
}


def install_handlers(app: FastAPI) -> None:
    """Translates what the layers below raise into problem documents."""

    @app.exception_handler(Invalid)
    async def invalid(_: Request, error: Invalid) -> JSONResponse:
        return build_problem(422, join_faults(error.faults), error.faults)

    @app.exception_handler(Refusal)
    async def conflict(_: Request, error: Exception) -> JSONResponse:
        return build_problem(409, str(error))

    @app.exception_handler(ForbiddenReport)
    async def forbidden_report(request: Request, error: ForbiddenReport) -> JSONResponse:
        log_forbidden(request, error.sender)
        return build_problem(403, str(error))

    @app.exception_handler(UnknownCase)
    async def no_case(request: Request, _: Exception) -> Response:
        if expects_page(request):
            return render_error(request, NO_PAGE, 404, {})
        return build_problem(404, "There is no case with this id.")

    @app.exception_handler(UnknownAssister)
    async def no_assister(_: Request, __: Exception) -> JSONResponse:
        return build_problem(404, "There is no assister with this id.")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if not expects_page(request):
            detail = _SENTENCES.get(str(error.detail), str(error.detail))
            return build_problem(error.status_code, detail, headers=headers)
        text = error.text if isinstance(error, NotAllowed) else _TEXT_OF_STATUS.get(error.status_code, UNREADABLE)
        return render_error(request, text, error.status_code, headers)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        if expects_page(request):
            if any(one["loc"][0] == "path" for one in error.errors()):
                return render_error(request, NO_PAGE, 404, {})
            return render_error(request, UNREADABLE, 422, {})
        faults = [
            Fault(".".join(str(step) for step in one["loc"][1:]) or "body", "invalid")
            for one in error.errors()[:MOST_FAULTS]
        ]
        return build_problem(422, join_faults(faults), faults)
