"""What every request has in common: a bound on its size, headers that protect readers, an end without a traceback."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.shared.traces import locate_error
from templates.catalogs import LANGUAGES

log = structlog.get_logger(__name__)
MAX_BODY = 256 * 1024
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LANGUAGE_COOKIE = "lang"


def build_content_security_policy(*form_targets: str) -> str:
    """What a page may load, and the origins its forms may lead to besides our own."""
    targets = " ".join(("'self'", *form_targets))
    return (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
        f"form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", build_content_security_policy().encode()),
]
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_REFUSALS = {
    400: ("Bad Request", "The address contains a NUL character."),
    403: ("Forbidden", "This was sent from a page of another site: open the page here, then send it again."),
    413: ("Content Too Large", f"The body is larger than {MAX_BODY} bytes; send less."),
    500: ("Internal Server Error", "Something went wrong on our side; please try again later."),
}


class _TooLarge(Exception):
    pass


class Limits:
    """Middleware: bodies over 256 KiB, NUL characters in addresses and forms of other sites are refused.

    Answers carry security headers, and remember the language that was asked for by the address. What nobody foresaw
    ends here as a 500, logged by its places: the server's own traceback quotes what was sent.
    """

    def __init__(self, app: ASGIApp, own_url: str) -> None:
        self._app = app
        self._own = urlsplit(own_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY:
                raise _TooLarge
            return message

        async def dressed(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                present = {name.lower() for name, _ in message["headers"]}
                added = [pair for pair in self._headers if pair[0] not in present]
                message["headers"] = [*message["headers"], *added, *self._build_language_cookie(scope)]
            await send(message)

        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await _refuse(dressed, 400)
            return
        if scope["method"] not in SAFE_METHODS and not self._is_from_own_page(scope):
            await _refuse(dressed, 403)
            return
        if _read_content_length(scope) > MAX_BODY:
            await _refuse(dressed, 413)
            return
        try:
            await self._app(scope, bounded, dressed)
        except _TooLarge:
            if began:
                raise
            await _refuse(dressed, 413)
        except Exception as error:
            endpoint = getattr(scope.get("endpoint"), "__name__", None)
            log.error("request failed", endpoint=endpoint, error=type(error).__name__, where=locate_error(error))
            if not began:
                await _refuse(dressed, 500)

    def _is_from_own_page(self, scope: Scope) -> bool:
        """Whether a form was sent from a page of ours, as far as the browser says; programs say nothing."""
        headers = dict(scope["headers"])
        if site := headers.get(b"sec-fetch-site", b"").decode("latin-1"):
            return site in ("same-origin", "none")
        origin = headers.get(b"origin", b"").decode("latin-1")
        hosts = (self._own.netloc, headers.get(b"host", b"").decode("latin-1"))
        return not origin or origin in {f"{self._own.scheme}://{host}" for host in hosts}

    @property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [*SECURITY_HEADERS, HTTPS_ONLY] if self._own.scheme == "https" else SECURITY_HEADERS

    def _build_language_cookie(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The cookie of the language that was chosen by the address; it holds nothing else."""
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("lang")
        if scope["method"] != "GET" or asked not in LANGUAGES:
            return []
        secure = "; Secure" if self._own.scheme == "https" else ""
        cookie = f"{LANGUAGE_COOKIE}={asked}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}"
        return [(b"set-cookie", cookie.encode())]


def _read_content_length(scope: Scope) -> int:
    headers: dict[bytes, Any] = dict(scope["headers"])
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


async def _refuse(send: Send, status: int) -> None:
    title, detail = _REFUSALS[status]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
