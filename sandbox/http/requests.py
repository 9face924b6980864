"""How a stand-in reads a body and says what is wrong with it (RFC 9457); not what any of them does."""

import base64
import hmac
import json
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Model = TypeVar("Model", bound=BaseModel)

BODY_LIMIT = 256 * 1024
FORM = "application/x-www-form-urlencoded"


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

    def response(self) -> Response:
        """The problem document; a 401 says which credentials are meant in its detail."""
        return JSONResponse(self.document, status_code=self.status, media_type="application/problem+json")


async def on_problem(_request: Request, error: Exception) -> Response:
    """Starlette's handler for `Problem`."""
    assert isinstance(error, Problem)
    return error.response()


def is_form(request: Request) -> bool:
    """Whether a page's form was posted, not a script's JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


async def read_json(request: Request) -> Any:
    """The body as JSON; 400 when it is something else."""
    raw = await request.body()
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is not JSON", fault="body") from error


async def read(request: Request, model: type[Model]) -> Model:
    """The body, JSON or a form, as `model`; 422 naming every field at fault, never repeating its value."""
    if is_form(request):
        document: Any = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    else:
        document = await read_json(request)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = [(".".join(map(str, fault["loc"])) or "body", fault["msg"]) for fault in error.errors()]
        raise Problem(422, "The body is not understood", faults=faults) from error


def demand_basic(request: Request, user: str, password: str) -> None:
    """401 unless the request carries these Basic credentials."""
    expected = base64.b64encode(f"{user}:{password}".encode()).decode()
    _demand(request, "basic", expected)


def demand_bearer(request: Request, token: str) -> None:
    """401 unless the request carries this bearer token."""
    _demand(request, "bearer", token)


def _demand(request: Request, scheme: str, expected: str) -> None:
    given, _, credentials = request.headers.get("authorization", "").partition(" ")
    if given.lower() != scheme or not hmac.compare_digest(credentials.strip().encode(), expected.encode()):
        raise Problem(401, "The credentials are missing or wrong")


def demand_key(request: Request) -> str:
    """The Idempotency-Key header; 400 without one."""
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= 255:
        raise Problem(400, "An Idempotency-Key of 1 to 255 characters is required", fault="Idempotency-Key")
    return key
