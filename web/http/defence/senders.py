"""Which sender calls, by its own credential; what that is not for is refused by what it is for (D7)."""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.exceptions import HTTPException

from domain.shared.documents.faults import Fault, Invalid
from domain.shared.senders import ForbiddenReport, ReportKind, Sender
from web.http.defence.security_log import log_security
from web.http.rate_limits import check_rate
from web.services import Services

# The names of the scheme's headers, and those it had before (P11).
_SIGNED_BY = ("webhook-", "svix-")
_PARTS = ("id", "timestamp", "signature")


@dataclass(frozen=True)
class SenderCredential:
    """How a sender shows who it is, in one of four ways; two secrets with a space between while one is replaced."""

    secret: str = ""
    """Of the Standard Webhooks scheme."""
    check_key: str = ""
    """Of X-Checkr-Signature."""
    token: str = ""
    user: str = ""
    password: str = ""


@dataclass(frozen=True)
class KnownSenders:
    """The senders of the settings, and how each shows who it is, by their ids."""

    senders: Mapping[str, Sender]
    credentials: Mapping[str, SenderCredential]

    def find_token_holder(self, token: str) -> Sender | None:
        """The sender whose bearer token this is."""
        return self._find_holder(lambda one: _is_one_of(token, one.token))

    def find_by_password(self, user: str, password: str) -> Sender | None:
        """The sender with these Basic credentials."""
        return self._find_holder(lambda one: _is_one_of(password, one.password) & _is_one_of(user, one.user))

    def find_by_check_signature(self, signature: str, body: bytes) -> Sender | None:
        """The sender that signed a body as the background-check vendor does: hex HMAC-SHA256 of it.

        No time is signed, so that an old event can't be told from a new one here: what came before is known by its id.
        """

        def has_signed(one: SenderCredential) -> bool:
            keys = one.check_key.split()
            signatures = [hmac.new(key.encode(), body, sha256).hexdigest() for key in keys]
            return _is_one_of(signature.strip().lower(), " ".join(signatures))

        return self._find_holder(has_signed)

    def find_by_signature(self, headers: Mapping[str, str], body: bytes) -> Sender | None:
        """The sender that signed a body by the Standard Webhooks scheme."""

        def has_signed(one: SenderCredential) -> bool:
            checked = [_has_signed(key, headers, body) for key in one.secret.split()]
            return any(checked)

        return self._find_holder(has_signed)

    def _find_holder(self, accepts: Callable[[SenderCredential], bool]) -> Sender | None:
        """Whose credential is accepted; every one is tried, so that time tells nothing."""
        found = [name for name, credential in self.credentials.items() if accepts(credential)]
        return self.senders[found[0]] if found else None


@dataclass(frozen=True)
class SenderCall:
    """Who called: the sender, what it sent, and the event's id where its signature has one."""

    sender: Sender
    body: bytes
    event_id: str = ""


async def identify_sender(
    request: Request, services: Services, kinds: Iterable[ReportKind], *, wanted: str
) -> SenderCall:
    """Who calls, by signature, Basic credentials or bearer token: 401 for nobody's, 403 for one that is for others.

    ``kinds`` are what the route takes, ``wanted`` is the sentence that says what to send. Raises `Invalid` where a
    signed body can't be text, so that its signature can't be checked either.
    """
    body = await request.body()
    headers = _read_signature(request)
    sender = _find_sender(request, services.senders, headers, body)
    if sender is None:
        if headers and not _is_text(body):
            raise Invalid([Fault("body", "json")])
        if request.headers.get("authorization"):
            await check_rate(services, "wrong_credential", request)
        raise HTTPException(401, wanted, {"WWW-Authenticate": 'Basic realm="reports"'})
    if not sender.kinds & frozenset(kinds):
        raise ForbiddenReport(sender)
    return SenderCall(sender, body, headers.get("webhook-id", ""))


def log_forbidden(request: Request, sender: Sender) -> None:
    """Notes that a credential was used for what it is not for."""
    log_security("sender.forbidden", sender=sender.id, path=_find_path(request))


def _find_path(request: Request) -> str:
    """The route's path, which holds nobody's id."""
    return str(getattr(request.scope.get("route"), "path", ""))


def _find_sender(request: Request, known: KnownSenders, headers: Mapping[str, str], body: bytes) -> Sender | None:
    """Who calls; who shows it in several ways is judged by the first of them."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return known.find_token_holder(given.strip())
    if scheme.lower() == "basic":
        return known.find_by_password(*_read_basic_credentials(given))
    if signature := request.headers.get("x-checkr-signature", ""):
        return known.find_by_check_signature(signature, body)
    return known.find_by_signature(headers, body) if headers else None


def _is_one_of(given: str, kept: str) -> bool:
    compared = [hmac.compare_digest(given.encode(), one.encode()) for one in kept.split()]
    return any(compared)


def _has_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: no base64, no UTF-8, a malformed header
        return False
    return True


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_signature(request: Request) -> dict[str, str]:
    """The scheme's headers under the names that the library knows; empty where one is missing."""
    for prefix in _SIGNED_BY:
        headers = {f"webhook-{part}": request.headers.get(f"{prefix}{part}", "") for part in _PARTS}
        if all(headers.values()):
            return headers
    return {}


def _read_basic_credentials(encoded: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def require_event_id(call: SenderCall, longest: int) -> str:
    """The id a signed event has. Raises `Invalid` where it has none, or one that is too long."""
    if not call.event_id:
        raise Invalid([Fault("webhook-id", "required")])
    if len(call.event_id) > longest:
        raise Invalid([Fault("webhook-id", "too_long", {"limit": str(longest)})])
    return call.event_id
