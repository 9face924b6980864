"""The draft behind a form: the cookie it is found by, what proves that a form is its own; no routes.

It stands beside the rooms because the forms of both programs keep one, and those of both kinds of sessions.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request, Response

from db.writes.drafts import SENT, find_draft
from starter.cases import now
from web.http.forms import Values
from web.http.limits import choose_cookie
from web.services import Services

FORM_TOKEN = "form_token"


@dataclass(frozen=True)
class Draft:
    """Answers on their way to a request, and the secret they are kept under."""

    token: str
    answers: Values

    @property
    def form_token(self) -> str:
        """The hidden field of this draft's own forms: another site, which doesn't know the cookie, can't make it up."""
        return hmac.new(self.token.encode(), b"request form", sha256).hexdigest()

    def is_own(self, values: Mapping[str, str]) -> bool:
        """Whether a form that was posted is one of this draft's."""
        return hmac.compare_digest(values.get(FORM_TOKEN, "").encode(), self.form_token.encode())

    @property
    def is_sent(self) -> bool:
        """Whether it was sent: then little more is left of it than whom we write to."""
        return SENT in self.answers


@dataclass(frozen=True)
class DraftCookie:
    """The cookie by which the draft of one form is found: its name, and the address it is sent to."""

    name: str
    path: str

    def read_token(self, request: Request, services: Services) -> str:
        """The secret of the draft that this browser has; empty where it has none."""
        return request.cookies.get(self._choose(services)[0], "")

    async def load_draft(self, request: Request, services: Services) -> Draft | None:
        """The draft of whoever asks; None without a cookie, and where it is unknown or has expired."""
        token = self.read_token(request, services)
        answers = await services.database.read(find_draft, token, now()) if token else None
        return None if answers is None else Draft(token, answers)

    def hand_out(self, response: Response, services: Services, token: str) -> None:
        """Sets the cookie: it lasts until the browser is closed, and no script reads it."""
        name, path = self._choose(services)
        secure = services.settings.is_secure
        response.set_cookie(name, token, path=path, secure=secure, httponly=True, samesite="lax")

    def take_back(self, response: Response, services: Services) -> None:
        """Has the browser forget the cookie."""
        name, path = self._choose(services)
        secure = services.settings.is_secure
        response.delete_cookie(name, path=path, secure=secure, httponly=True, samesite="lax")

    def _choose(self, services: Services) -> tuple[str, str]:
        return choose_cookie(self.name, self.path, is_secure=services.settings.is_secure)
