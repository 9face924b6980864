"""SCIM 2.0 itself (RFC 7643, 7644): resources, errors, filters, patches, discovery. It keeps no accounts."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from sandbox.http.problems import Problem
from sandbox.store import Document

CORE = "urn:ietf:params:scim:schemas:core:2.0"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
USER = f"{CORE}:User"
MEDIA_TYPE = "application/scim+json"
ALWAYS_SHOWN = {"id", "schemas"}
PATH = re.compile(rf"(?:{re.escape(USER)}:)?(\w+)(?:\.(\w+))?", re.IGNORECASE)
FILTER = re.compile(r'\s*(userName|externalId)\s+eq\s+("(?:[^"\\]|\\.)*")\s*', re.IGNORECASE)


class ScimProblem(Problem):
    """A refusal in SCIM's own error format."""

    def __init__(self, status: int, detail: str, kind: str | None = None) -> None:
        super().__init__(status, detail)
        self.document = {"schemas": [f"{MESSAGES}:Error"], "status": str(status), "detail": detail}
        if kind:
            self.document["scimType"] = kind

    def build_response(self) -> Response:
        """The error document."""
        return respond_with_scim(self.document, self.status)


def build_scim_application(routes: Sequence[BaseRoute]) -> Starlette:
    """A web application whose every error is in SCIM's format, for a path or a method it doesn't have too."""
    return Starlette(routes=routes, exception_handlers={Problem: _respond_to_error, HTTPException: _respond_to_error})


async def _respond_to_error(_request: Request, error: Exception) -> Response:
    if isinstance(error, ScimProblem):
        return error.build_response()
    if isinstance(error, HTTPException):
        response = ScimProblem(error.status_code, error.detail).build_response()
        response.headers.update(error.headers or {})
        return response
    assert isinstance(error, Problem)
    return ScimProblem(error.status, error.detail).build_response()


def respond_with_scim(document: Document, status: int = 200) -> Response:
    """A document under SCIM's media type."""
    return JSONResponse(document, status_code=status, media_type=MEDIA_TYPE)


def build_list(resources: list[Document], start: int = 1, count: int | None = None) -> Document:
    """A page of a list; `start` counts from 1."""
    first = max(start, 1) - 1
    page = resources[first : None if count is None else first + max(count, 0)]
    return {
        "schemas": [f"{MESSAGES}:ListResponse"],
        "totalResults": len(resources),
        "startIndex": first + 1,
        "itemsPerPage": len(page),
        "Resources": page,
    }


def parse_filter(expression: str) -> Callable[[Document], bool]:
    """The test a filter stands for: `userName eq "…"` in any case, or `externalId eq "…"` exactly."""
    parsed = FILTER.fullmatch(expression)
    if parsed is None:
        raise ScimProblem(400, 'Only userName eq "…" and externalId eq "…" are understood', "invalidFilter")
    try:
        wanted = json.loads(parsed[2])
    except ValueError:
        raise ScimProblem(400, "The filter's value is not a JSON string", "invalidFilter") from None
    if parsed[1].lower() == "username":
        return lambda user: bool(user["userName"].casefold() == wanted.casefold())
    return lambda user: bool(user.get("externalId") == wanted)


def select_attributes(resource: Document, wanted: Iterable[str], unwanted: Iterable[str]) -> Document:
    """The wanted attributes of a resource (all, if none is named) without the unwanted ones; id and schemas always."""
    kept, dropped = (
        {name.strip().lower().removeprefix(f"{USER.lower()}:") for name in each} for each in (wanted, unwanted)
    )

    def is_shown(path: str) -> bool:
        whole = path.partition(".")[0]
        if whole in ALWAYS_SHOWN or {path, whole} & dropped:
            return whole in ALWAYS_SHOWN
        return not kept or bool({path, whole} & kept) or any(name.startswith(f"{path}.") for name in kept)

    def prune_value(value: Any, path: str = "") -> Any:
        if isinstance(value, list):
            return [prune_value(each, path) for each in value]
        if isinstance(value, dict):
            named = {name: f"{path}.{name}".lstrip(".").lower() for name in value}
            return {name: prune_value(value[name], dotted) for name, dotted in named.items() if is_shown(dotted)}
        return value

    found: Document = prune_value(resource)
    return found


def select_writable(document: Any) -> Document:
    """Those attributes of a user that can be set, under their exact names; the others are ignored, as SCIM asks."""
    if not isinstance(document, dict):
        raise ScimProblem(400, "A user is an object", "invalidSyntax")
    return _select_writable_of(document, ATTRIBUTES)


def _select_writable_of(document: Document, attributes: list[Document]) -> Document:
    known = {name: _find_attribute(attributes, name) for name in document}
    return {
        attribute["name"]: _select_writable_of(document[name], attribute["subAttributes"])
        if isinstance(document[name], dict) and "subAttributes" in attribute
        else document[name]
        for name, attribute in known.items()
        if attribute and attribute["mutability"] != "readOnly"
    }


def apply_patch(user: Document, message: Any) -> Document:
    """The user after a PATCH: its operations add, replace or remove an attribute or a part of one, in their order."""
    operations = _read_member(message, "operations")
    if not isinstance(operations, list) or not operations:
        raise ScimProblem(400, "Operations is a list of at least one", "invalidSyntax")
    user = deepcopy(user)
    for operation in operations:
        _apply_operation(user, operation)
    return user


def _apply_operation(user: Document, operation: Any) -> None:
    what, path, value = (_read_member(operation, name) for name in ("op", "path", "value"))
    what = str(what).lower()
    if what not in {"add", "replace", "remove"}:
        raise ScimProblem(400, "op is add, replace or remove", "invalidSyntax")
    if what == "remove":
        if path is None:
            raise ScimProblem(400, "What is removed is named by a path", "noTarget")
        _set_attribute(user, path, None)
    elif path is not None:
        _set_attribute(user, path, value)
    elif isinstance(value, dict):
        for name, part in value.items():
            _set_attribute(user, name, part)
    else:
        raise ScimProblem(400, "Without a path, value is an object", "invalidValue")


def _set_attribute(user: Document, path: Any, value: Any) -> None:
    """Sets what a path names; None takes its value away."""
    parsed = PATH.fullmatch(path) if isinstance(path, str) else None
    attribute = _find_attribute(ATTRIBUTES, parsed[1]) if parsed else None
    if parsed is None or attribute is None:
        raise ScimProblem(400, "The path names no attribute of a user", "invalidPath")
    if attribute["mutability"] == "readOnly":
        raise ScimProblem(400, f"{attribute['name']} can't be changed", "mutability")
    name, parts, held = attribute["name"], attribute.get("subAttributes", []), user.get(attribute["name"])
    if parsed[2]:
        if _find_attribute(parts, parsed[2]) is None:
            raise ScimProblem(400, f"{name} has no such part", "invalidPath")
        value = {parsed[2]: value}
    if parts and isinstance(value, dict):
        user[name] = {**(held if isinstance(held, dict) else {}), **_select_writable_of(value, parts)}
    else:
        user[name] = value


def _find_attribute(attributes: list[Document], name: str) -> Document | None:
    """An attribute's definition, by its name in any case."""
    return next((each for each in attributes if each["name"].lower() == name.lower()), None)


def _read_member(document: Any, name: str) -> Any:
    """A member by its name in any case: SCIM's names are case-insensitive."""
    if not isinstance(document, dict):
        return None
    return next((value for key, value in document.items() if key.lower() == name), None)


def _build_attribute(name: str, kind: str = "string", parts: list[Document] | None = None, **other: Any) -> Document:
    attribute = {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": name,
        "required": False,
        "mutability": "readWrite",
        "returned": "default",
        **other,
    }
    if kind == "string":
        attribute = {"caseExact": False, "uniqueness": "none", **attribute}
    return {**attribute, "subAttributes": parts} if parts else attribute


SERVICE_PROVIDER_CONFIG: Document = {
    "schemas": [f"{CORE}:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": 1000},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": False},
    "authenticationSchemes": [
        {"type": "oauthbearertoken", "name": "Bearer token", "description": "A fixed bearer token", "primary": True}
    ],
    "meta": {"resourceType": "ServiceProviderConfig"},
}
RESOURCE_TYPE: Document = {
    "schemas": [f"{CORE}:ResourceType"],
    "id": "User",
    "name": "User",
    "description": "A portal account",
    "endpoint": "/Users",
    "schema": USER,
    "meta": {"resourceType": "ResourceType"},
}
SCHEMA: Document = {
    "schemas": [f"{CORE}:Schema"],
    "id": USER,
    "name": "User",
    "description": "A portal account",
    "attributes": [
        _build_attribute("userName", required=True, uniqueness="server"),
        _build_attribute("name", "complex", [_build_attribute("givenName"), _build_attribute("familyName")]),
        # The user name is the only address, so it can be changed there and nowhere else.
        _build_attribute(
            "emails",
            "complex",
            [
                _build_attribute("value", mutability="readOnly"),
                _build_attribute("type", mutability="readOnly"),
                _build_attribute("primary", "boolean", mutability="readOnly"),
            ],
            multiValued=True,
            mutability="readOnly",
        ),
        _build_attribute("active", "boolean"),
    ],
    "meta": {"resourceType": "Schema"},
}
# What a user may have, externalId included, which every resource may have and no schema lists (RFC 7643, 3.1).
ATTRIBUTES: list[Document] = [_build_attribute("externalId", caseExact=True), *SCHEMA["attributes"]]
