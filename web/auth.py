"""Who calls: staff and the portal by bearer token, record stores by Basic credentials; compared in constant time."""

import base64
import binascii
import hmac
from typing import Annotated

from fastapi import Depends, Request
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from web.door import Door, door


def _equal(given: str, secret: SecretStr) -> bool:
    kept = secret.get_secret_value()
    return bool(kept) and hmac.compare_digest(given.encode(), kept.encode())


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def staff(request: Request, parts: Annotated[Door, Depends(door)]) -> str:
    """The actor a staff token belongs to; 401 without one. Every token is compared, so that time tells nothing."""
    token = _bearer(request)
    found = [actor for actor, secret in parts.settings.staff_tokens.items() if _equal(token, secret)]
    if not found:
        raise HTTPException(401, "Staff only: send a valid bearer token.", {"WWW-Authenticate": "Bearer"})
    return found[0]


def portal(request: Request, parts: Annotated[Door, Depends(door)]) -> str:
    """The portal, by its token; 401 otherwise."""
    if not _equal(_bearer(request), parts.settings.portal_token):
        raise HTTPException(401, "The portal only: send its bearer token.", {"WWW-Authenticate": "Bearer"})
    return "portal"


def registrant(request: Request, parts: Annotated[Door, Depends(door)]) -> str:
    """Who acts on a federal registration: the assister, through the portal, or staff in their name; 401 otherwise."""
    if _equal(_bearer(request), parts.settings.portal_token):
        return "assister"
    return staff(request, parts)


def record_store(request: Request, parts: Annotated[Door, Depends(door)]) -> str:
    """A learning record store, by Basic credentials; 401 otherwise."""
    user, password = _basic(request)
    same_user = hmac.compare_digest(user.encode(), parts.settings.xapi_user.encode())
    if not (_equal(password, parts.settings.xapi_password) and same_user):
        raise HTTPException(401, "Send the record store's credentials.", {"WWW-Authenticate": 'Basic realm="xapi"'})
    return "record-store"


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


Staff = Annotated[str, Depends(staff)]
Portal = Annotated[str, Depends(portal)]
Registrant = Annotated[str, Depends(registrant)]
RecordStore = Annotated[str, Depends(record_store)]
Parts = Annotated[Door, Depends(door)]
