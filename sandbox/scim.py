"""SCIM 2.0's words (RFC 7643, 7644): resources, errors, filters, patches, discovery. It keeps no accounts."""

import json
import re
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.replies import Problem

CORE = "urn:ietf:params:scim:schemas:core:2.0"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
USER = f"{CORE}:User"
MEDIA_TYPE = "application/scim+json"
FILTER = re.compile(r'\s*(userName|externalId)\s+eq\s+("(?:[^"\\]|\\.)*")\s*', re.IGNORECASE)

Document = dict[str, Any]


class ScimProblem(Problem):
    """A refusal in SCIM's own error format."""

    def __init__(self, status: int, detail: str, kind: str | None = None) -> None:
        super().__init__(status, detail)
        self.document = {"schemas": [f"{MESSAGES}:Error"], "status": str(status), "detail": detail}
        if kind:
            self.document["scimType"] = kind

    def response(self) -> Response:
        """The error document."""
        return answer(self.document, self.status)


def answer(document: Document, status: int = 200) -> Response:
    """A document under SCIM's media type."""
    return JSONResponse(document, status_code=status, media_type=MEDIA_TYPE)


def listing(resources: list[Document], start: int = 1, count: int | None = None) -> Document:
    """A page of a list; `start` counts from 1."""
    first = max(start, 1) - 1
    shown = resources[first : None if count is None else first + max(count, 0)]
    return {
        "schemas": [f"{MESSAGES}:ListResponse"],
        "totalResults": len(resources),
        "startIndex": first + 1,
        "itemsPerPage": len(shown),
        "Resources": shown,
    }


def matching(expression: str) -> Callable[[Document], bool]:
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
    return lambda user: bool(user["externalId"] == wanted)


def patched(message: Any) -> Document:
    """What a PATCH sets: `active`, `externalId` or both; nothing else can be patched here."""
    operations = _member(message, "operations")
    if not isinstance(operations, list) or not operations:
        raise ScimProblem(400, "Operations is a list of at least one", "invalidSyntax")
    changes: Document = {}
    for operation in operations:
        changes |= _set(operation)
    return changes


def _set(operation: Any) -> Document:
    path, value = _member(operation, "path"), _member(operation, "value")
    if str(_member(operation, "op")).lower() not in {"replace", "add"}:
        raise ScimProblem(400, "op is replace or add", "invalidSyntax")
    if path is None:
        path, value = "active", _member(value, "active")
    name = str(path).removeprefix(f"{USER}:").lower()
    if name == "active" and isinstance(value, bool):
        return {"active": value}
    if name == "externalid" and isinstance(value, str) and 0 < len(value) <= 100:
        return {"externalId": value}
    if name not in {"active", "externalid"}:
        raise ScimProblem(400, "Only active and externalId can be changed", "invalidPath")
    raise ScimProblem(400, f"{path} can't be set to that", "invalidValue")


def _member(document: Any, name: str) -> Any:
    """An attribute by its name in any case, as SCIM has it."""
    if not isinstance(document, dict):
        return None
    return next((value for key, value in document.items() if key.lower() == name), None)


def _attribute(name: str, kind: str = "string", parts: list[Document] | None = None, **other: Any) -> Document:
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
        _attribute("userName", required=True, uniqueness="server"),
        _attribute("name", "complex", [_attribute("givenName"), _attribute("familyName")]),
        _attribute(
            "emails",
            "complex",
            [_attribute("value"), _attribute("type"), _attribute("primary", "boolean")],
            multiValued=True,
        ),
        _attribute("active", "boolean"),
    ],
    "meta": {"resourceType": "Schema"},
}
