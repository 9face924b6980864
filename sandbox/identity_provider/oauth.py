"""Reads, authenticates and refuses OAuth 2.0 requests (RFC 6749, RFC 7636); it does not know what is granted."""

import base64
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.http.problems import Problem
from sandbox.http.requests import is_form, is_same_secret, split_authorization
from sandbox.store import Document

LONGEST_VALUE = 4000
MOST_PARAMETERS = 50
MOST_TOKENS = 1000
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthProblem(Problem):
    """A refusal in OAuth's format: an error code and a description for developers, in ASCII (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400, challenge: str = "") -> None:
        super().__init__(status, description, code=error)
        self.error = error
        self._headers = {**NO_STORE, **({"WWW-Authenticate": challenge} if challenge else {})}

    def build_response(self) -> Response:
        """The error as an answer to a client; a browser is sent back with it in the address instead."""
        document = {"error": self.error, "error_description": self.detail}
        return JSONResponse(document, status_code=self.status, headers=self._headers)


@dataclass(frozen=True)
class OAuthParameters:
    """The parameters that were given once and are not too long; without any others they are `well_formed`."""

    values: dict[str, str]
    well_formed: bool

    @classmethod
    async def read_from(cls, request: Request) -> "OAuthParameters":
        """Those of the address, or of the form that was posted; an empty one counts as left out."""
        if request.method != "POST":
            text = request.url.query
        else:
            text = (await request.body()).decode("utf-8", "replace") if is_form(request) else ""
        try:
            pairs = parse_qsl(text, max_num_fields=MOST_PARAMETERS)
        except ValueError:
            return cls({}, False)
        counts = Counter(name for name, _ in pairs)
        values = {name: value for name, value in pairs if counts[name] == 1 and len(value) <= LONGEST_VALUE}
        return cls(values, len(values) == len(pairs))

    def get(self, name: str) -> str:
        """One parameter; empty when it is not there."""
        return self.values.get(name, "")

    def require_value(self, name: str) -> str:
        """One parameter; refused when it is not there."""
        if name not in self.values:
            raise OAuthProblem("invalid_request", f"The parameter {name} is missing")
        return self.values[name]

    def require_well_formed(self) -> None:
        """Refused when a parameter was repeated or is too long."""
        if not self.well_formed:
            raise OAuthProblem("invalid_request", "A parameter is repeated or too long")


class TokenStore:
    """What codes and access tokens stand for, in memory and for some seconds; beyond `MOST_TOKENS` the oldest go."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._documents: dict[bytes, tuple[float, Document]] = {}

    def issue_token(self, document: Document) -> str:
        """A new token that stands for a document."""
        for digest in [digest for digest, (ends, _) in self._documents.items() if ends <= self._clock()]:
            del self._documents[digest]
        while len(self._documents) >= MOST_TOKENS:
            del self._documents[next(iter(self._documents))]
        token = secrets.token_urlsafe(32)
        self._documents[_digest_token(token)] = (self._clock() + self._seconds, document)
        return token

    def find_document(self, token: str) -> Document | None:
        """What a token stands for; None when it is unknown or has expired."""
        ends, document = self._documents.get(_digest_token(token), (0.0, None))
        return document if ends > self._clock() else None

    def revoke_token(self, token: str) -> None:
        """Ends a token before its time."""
        self._documents.pop(_digest_token(token), None)


def require_client(request: Request, parameters: OAuthParameters, known: Collection[str], secret: str) -> str:
    """Which client it is; refused unless it proves itself, by Basic credentials or in the form, by one of the two."""
    has_header = "authorization" in request.headers
    if has_header and "client_secret" in parameters.values:
        raise OAuthProblem("invalid_request", "The client has to prove itself in one way only")
    given_id, given_secret = (
        _read_basic_credentials(request)
        if has_header
        else (parameters.get("client_id"), parameters.get("client_secret"))
    )
    # Both are looked at in any case (`&`): how long that takes does not tell which of them is wrong.
    if not ((given_id in known) & is_same_secret(given_secret, secret)):
        raise OAuthProblem("invalid_client", "The client is unknown or its secret is wrong", 401, 'Basic realm="token"')
    return given_id


def is_verifier_of(verifier: str, challenge: str) -> bool:
    """Whether a code verifier is the one of this S256 challenge."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return VERIFIER.fullmatch(verifier) is not None and is_same_secret(digest, challenge)


def read_bearer_token(request: Request) -> str:
    """The bearer token of a call; empty without one."""
    scheme, token = split_authorization(request)
    return token if scheme == "bearer" else ""


def _read_basic_credentials(request: Request) -> tuple[str, str]:
    """Client id and secret, which OAuth has form-encoded within Basic credentials (RFC 6749, 2.3.1)."""
    scheme, encoded = split_authorization(request)
    try:
        given = base64.b64decode(encoded, validate=True).decode() if scheme == "basic" else ""
    except ValueError:
        given = ""
    user, _, password = given.partition(":")
    return unquote_plus(user), unquote_plus(password)


def _digest_token(token: str) -> bytes:
    """What a token is looked up by: how long that takes then tells nothing about the tokens there are."""
    return hashlib.sha256(token.encode()).digest()
