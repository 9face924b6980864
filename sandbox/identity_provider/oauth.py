"""How an OAuth 2.0 request is read, proved and refused (RFC 6749, RFC 7636); not what is granted to whom."""

import base64
import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.http.requests import Problem, is_form
from sandbox.store import Document

VALUE_LIMIT = 4000
PARAMETERS = 50
HANDLES_KEPT = 1000
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Refused(Problem):
    """A refusal as OAuth writes it: an error code and a description for developers, in ASCII."""

    def __init__(self, error: str, description: str, status: int = 400, challenge: str = "") -> None:
        super().__init__(status, description, code=error)
        self.error = error
        self._headers = {**NO_STORE, **({"WWW-Authenticate": challenge} if challenge else {})}

    def response(self) -> Response:
        """The error as an answer to a client; one for a browser goes back in an address instead."""
        document = {"error": self.error, "error_description": self.detail}
        return JSONResponse(document, status_code=self.status, headers=self._headers)


@dataclass(frozen=True)
class Parameters:
    """The parameters given once and not overlong; `spoiled` when there were others."""

    values: dict[str, str]
    spoiled: bool

    @classmethod
    async def of(cls, request: Request) -> "Parameters":
        """Those of the address, or of the form that was posted; an empty one counts as left out."""
        if request.method != "POST":
            text = request.url.query
        else:
            text = (await request.body()).decode("utf-8", "replace") if is_form(request) else ""
        try:
            pairs = parse_qsl(text, max_num_fields=PARAMETERS)
        except ValueError:
            return cls({}, True)
        often = Counter(name for name, _ in pairs)
        values = {name: value for name, value in pairs if often[name] == 1 and len(value) <= VALUE_LIMIT}
        return cls(values, len(values) < len(pairs))

    def get(self, name: str) -> str:
        """One of them; empty when it is not there."""
        return self.values.get(name, "")

    def demand(self, name: str) -> str:
        """One of them; refused when it is not there."""
        if name not in self.values:
            raise Refused("invalid_request", f"The parameter {name} is missing")
        return self.values[name]

    def demand_unspoiled(self) -> None:
        """Refused when any was repeated or overlong."""
        if self.spoiled:
            raise Refused("invalid_request", "A parameter is repeated or too long")


class Handles:
    """Documents kept in memory for some seconds under names nobody can guess; the oldest give way to too many."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[bytes, tuple[float, Document]] = {}

    def give(self, document: Document) -> str:
        """A new name for a document."""
        for old in [name for name, (ends, _) in self._kept.items() if ends <= self._clock()]:
            del self._kept[old]
        while len(self._kept) >= HANDLES_KEPT:
            del self._kept[next(iter(self._kept))]
        handle = secrets.token_urlsafe(32)
        self._kept[_digest(handle)] = (self._clock() + self._seconds, document)
        return handle

    def find(self, handle: str) -> Document | None:
        """The document of this name, while it is kept."""
        ends, document = self._kept.get(_digest(handle), (0.0, None))
        return document if ends > self._clock() else None

    def drop(self, handle: str) -> None:
        """Forgets the document of this name."""
        self._kept.pop(_digest(handle), None)


def demand_client(request: Request, asked: Parameters, client_id: str, secret: str) -> None:
    """Refused unless the client proves itself, by Basic credentials or in the form, and by one of the two only."""
    basic = request.headers.get("authorization")
    if basic is not None and "client_secret" in asked.values:
        raise Refused("invalid_request", "The client has to prove itself in one way only")
    given = (asked.get("client_id"), asked.get("client_secret")) if basic is None else _basic(basic)
    if not (_same(given[0], client_id) & _same(given[1], secret)):
        raise Refused("invalid_client", "The client is unknown or its secret is wrong", 401, 'Basic realm="token"')


def verifies(verifier: str, challenge: str) -> bool:
    """Whether a code verifier is the one of this S256 challenge."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return VERIFIER.fullmatch(verifier) is not None and _same(digest, challenge)


def bearer(request: Request) -> str:
    """The bearer token of a call; empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        given = ""
    user, _, password = given.partition(":")
    return unquote_plus(user), unquote_plus(password)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _digest(handle: str) -> bytes:
    """What a name is looked up by: how long that takes then tells nothing of the names."""
    return hashlib.sha256(handle.encode()).digest()
