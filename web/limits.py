"""What every request has in common: a bound on its size, headers that protect readers, an end without a traceback."""

import json
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.traces import where

log = structlog.get_logger(__name__)
MAX_BODY = 256 * 1024


def content_security_policy(*form_targets: str) -> str:
    """What a page may load, and the origins its forms may lead to besides our own."""
    targets = " ".join(("'self'", *form_targets))
    return (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
        f"form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", content_security_policy().encode()),
]
_REFUSALS = {
    400: ("Bad Request", "The address contains a NUL character."),
    413: ("Content Too Large", f"The body is larger than {MAX_BODY} bytes; send less."),
    500: ("Internal Server Error", "Something went wrong on our side; please try again later."),
}


class _TooLarge(Exception):
    pass


class Limits:
    """Middleware: bodies over 256 KiB and NUL characters in addresses are refused; answers carry security headers.

    What nobody foresaw ends here as a 500, logged by its places: the server's own traceback quotes what was sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
                message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in present)]
            await send(message)

        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await _refuse(dressed, 400)
            return
        if _declared(scope) > MAX_BODY:
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
            log.error("request failed", endpoint=endpoint, error=type(error).__name__, where=where(error))
            if not began:
                await _refuse(dressed, 500)


def _declared(scope: Scope) -> int:
    headers: dict[bytes, Any] = dict(scope["headers"])
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


async def _refuse(send: Send, status: int) -> None:
    title, detail = _REFUSALS[status]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
