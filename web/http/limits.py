"""What every request has in common: a bound on its size, headers that protect readers, an end without a traceback."""

import re
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.shared.documents.evidence import LARGEST_FORM, MEGABYTE
from domain.shared.traces import locate_error
from templates.catalogs import LANGUAGES
from web.http.defence.security_log import REFUSED, hash_caller, log_security
from web.http.problems import build_problem

log = structlog.get_logger(__name__)
# A request with every field at its longest has some 20 KiB.
MAX_BODY = 256 * 1024
# A file of earlier years, and the form around it.
IMPORTS = re.compile(r"/staff/imports|/api/imports")
MAX_IMPORT = 3 * MEGABYTE + 16 * 1024
# Files for an appeal, or with an answer. More is read than is kept (`LARGEST_FORM`), so that who has sent too much is
# told so on the page, with what they typed.
UPLOADS = re.compile(r".*/appeal/evidence|/staff/appeals/[^/]+/evidence|/me/[^/]+/information/documents")
MAX_UPLOAD = 4 * LARGEST_FORM
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LANGUAGE_COOKIE = "lang"
# Under TLS browsers see to it that no other host sets such a cookie.
SECURE_PREFIX = "__Host-"


def choose_cookie(name: str, path: str, *, is_secure: bool) -> tuple[str, str]:
    """A cookie's name and path: under TLS browsers see to it that no other host sets one of the whole site."""
    return (SECURE_PREFIX + name, "/") if is_secure else (name, path)


def build_content_security_policy(*form_targets: str) -> str:
    """What a page may load, and the origins its forms may lead to besides our own."""
    targets = " ".join(("'self'", *form_targets))
    return (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
        f"form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


# What an answer says that doesn't say otherwise.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": build_content_security_policy(),
    # Whatever is the same for everybody says so itself: the rest may be about one person.
    "Cache-Control": "no-store",
}
# Whoever speaks xAPI expects it of every answer, refusals too (P8).
XAPI_VERSION = "1.0.3"
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
_REFUSALS = {
    400: "The address contains a NUL character.",
    403: "This was sent from a page of another site: open the page here, then send it again.",
    413: f"The body is larger than {MAX_BODY} bytes, a file of earlier years than {MAX_IMPORT}, or other files than "
    f"{MAX_UPLOAD} together; send less.",
    500: "Something went wrong on our side; please try again later.",
}


class _TooLarge(Exception):
    pass


class Limits:
    """Middleware: bodies over 256 KiB, NUL characters in addresses and forms of other sites are refused.

    A file of earlier years has 3 MiB, and of a form with other files 128 are read.

    Answers carry security headers, and remember the language that was asked for by the address. What nobody foresaw
    ends here as a 500, logged by its places: the server's own traceback quotes what was sent. It is plain ASGI:
    with Starlette's `BaseHTTPMiddleware` a body can't be counted as it arrives.
    """

    def __init__(self, app: ASGIApp, own_url: str, key: bytes) -> None:
        self._app = app
        self._key = key
        self._own = urlsplit(own_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False
        received, most = 0, find_largest_body(scope["path"])

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _TooLarge
            return message

        async def send_guarded(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                self._log_refusal(scope, message["status"])
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        if status := self._find_refusal(scope):
            await _refuse_request(status, scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive_bounded, send_guarded)
        except _TooLarge:
            if began:
                raise
            await _refuse_request(413, scope, receive, send_guarded)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:
            endpoint = getattr(scope.get("endpoint"), "__name__", None)
            log.error("request failed", endpoint=endpoint, error=type(error).__name__, where=locate_error(error))
            if not began:
                await _refuse_request(500, scope, receive, send_guarded)

    def _log_refusal(self, scope: Scope, status: int) -> None:
        """Whoever is refused is in the security log; the address isn't, since it may hold a secret."""
        if status in REFUSED:
            endpoint = getattr(scope.get("endpoint"), "__name__", None)
            caller = hash_caller(self._key, (scope.get("client") or ("",))[0])
            log_security("refused", status=status, method=scope["method"], endpoint=endpoint, caller=caller)

    def _find_refusal(self, scope: Scope) -> int | None:
        """The status of a request that is refused by its first line and headers alone."""
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # PostgreSQL takes none in a text
            return 400
        if scope["method"] not in SAFE_METHODS and not self._is_from_own_page(scope):
            return 403
        return 413 if _read_content_length(scope) > find_largest_body(scope["path"]) else None

    def _is_from_own_page(self, scope: Scope) -> bool:
        """Whether a form was sent from a page of ours, as far as the browser says; programs say nothing.

        An e-mailed link's page has no session whose token could be checked: without this, any site could send its form.
        """
        headers = Headers(scope=scope)
        if site := headers.get("sec-fetch-site"):
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        hosts = (self._own.netloc, headers.get("host", ""))
        return not origin or origin in {f"{self._own.scheme}://{host}" for host in hosts}

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        """Adds what an answer doesn't say itself, and the cookie of the language its address asked for."""
        is_secure = self._own.scheme == "https"
        for name, text in (SECURITY_HEADERS | HTTPS_ONLY if is_secure else SECURITY_HEADERS).items():
            headers.setdefault(name, text)
        if scope["path"].startswith("/xapi/"):
            headers.setdefault("X-Experience-API-Version", XAPI_VERSION)
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("lang")
        if scope["method"] == "GET" and asked in LANGUAGES:
            secure, prefix = ("; Secure", SECURE_PREFIX) if is_secure else ("", "")
            cookie = f"{prefix}{LANGUAGE_COOKIE}={asked}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}"
            headers.append("Set-Cookie", cookie)


def find_largest_body(path: str) -> int:
    """How many bytes a body may have that is sent to this address; who sends it is looked at before it is read."""
    if UPLOADS.fullmatch(path):
        return MAX_UPLOAD
    return MAX_IMPORT if IMPORTS.fullmatch(path) else MAX_BODY


def _read_content_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


async def _refuse_request(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without asking the application, and ends the connection: what else was sent on it isn't read."""
    await build_problem(status, _REFUSALS[status], headers={"Connection": "close"})(scope, receive, send)
