"""How a stand-in says what is wrong with a request: problem documents (RFC 9457)."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Problem(Exception):
    """A refusal with an HTTP status; `fault` names the one field at fault, `faults` several as (field, message)."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        code: str | None = None,
        fault: str | None = None,
        faults: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(title)
        self.status = status
        self.detail = detail or title
        named = [(fault, self.detail)] if fault else faults
        errors = [{"field": field, "message": message} for field, message in named]
        self.document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": self.detail}
        if code:
            self.document["code"] = code
        if errors:
            self.document["errors"] = errors

    def build_response(self) -> Response:
        """The problem document as an answer."""
        return JSONResponse(self.document, status_code=self.status, media_type="application/problem+json")


async def respond_to_problem(_request: Request, error: Exception) -> Response:
    """Starlette's handler for `Problem`."""
    assert isinstance(error, Problem)
    return error.build_response()
