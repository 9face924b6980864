"""Reads what a request brings: its body, its credentials, its Idempotency-Key. What is wrong is a `Problem`."""

import base64
import hmac
import json
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from sandbox.http.problems import Problem

Model = TypeVar("Model", bound=BaseModel)

FORM = "application/x-www-form-urlencoded"


def is_form(request: Request) -> bool:
    """Whether a page's form was posted, not a script's JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def prefers_json(request: Request) -> bool:
    """Whether a script asks, which wants JSON where a browser gets a page."""
    return "application/json" in request.headers.get("accept", "")


async def read_json(request: Request) -> Any:
    """The body as JSON; 400 when it is something else."""
    raw = await request.body()
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is not JSON", fault="body") from error


async def read_body(request: Request, model: type[Model]) -> Model:
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


def require_basic_credentials(request: Request, user: str, password: str) -> None:
    """401 unless the request carries these Basic credentials."""
    _require_credentials(request, "basic", base64.b64encode(f"{user}:{password}".encode()).decode())


def require_bearer_token(request: Request, token: str) -> None:
    """401 unless the request carries this bearer token."""
    _require_credentials(request, "bearer", token)


def _require_credentials(request: Request, scheme: str, expected: str) -> None:
    given, credentials = split_authorization(request)
    if given != scheme or not is_same_secret(credentials, expected):
        raise Problem(401, "The credentials are missing or wrong")


def split_authorization(request: Request) -> tuple[str, str]:
    """The Authorization header's scheme in lower case and its credentials; both are empty without one."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()


def is_same_secret(given: str, expected: str) -> bool:
    """Compares in a time that does not depend on where the two differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def require_idempotency_key(request: Request) -> str:
    """The Idempotency-Key header; 400 without one."""
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= 255:
        raise Problem(400, "An Idempotency-Key of 1 to 255 characters is required", fault="Idempotency-Key")
    return key
