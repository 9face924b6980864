"""Forms that were sent after their session had ended: kept for their owner until the next sign-in; no routes.

Each is kept as a draft, for two hours at most, by the hash of a cookie's secret, and given to nobody but the owner of
the session it was begun in.
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from db.writes.drafts import begin_draft, find_draft
from domain.shared.documents.faults import Invalid
from starter.cases import now
from web.http.forms import Values, read_form
from web.http.limits import choose_cookie
from web.http.uploads import MOST_PARTS, Upload, is_upload, read_upload
from web.services import Services

# Beside the form's own fields, whose names begin with this.
_FIELD, _ACTION, _OWNER, _FILES = "field:", "action", "owner", "files"


@dataclass(frozen=True)
class KeptForm:
    """A form that is kept: where it is sent, and its fields; ``lacks_files``: it had files, which are not kept."""

    action: str
    values: Values
    lacks_files: bool = False


@dataclass(frozen=True)
class FormKeeper:
    """Keeps the forms of the pages under ``path``, each found by the cookie of this name.

    ``takes_uploads``: forms with files too, without their files, since whose they are isn't known before the sign-in.
    """

    cookie: str
    path: str
    takes_uploads: bool = False

    async def keep_form(
        self,
        request: Request,
        services: Services,
        answer: Response,
        action: str,
        owner: str,
        left_out: Collection[str] = (),
    ) -> None:
        """Keeps what was sent, but for the fields ``left_out``, and gives the answer the cookie; files are not kept."""
        try:
            if self.takes_uploads and is_upload(request):
                sent = await read_upload(request, MOST_PARTS)
            else:
                sent = Upload(await read_form(request))
        except (HTTPException, Invalid):
            return
        fields = {f"{_FIELD}{name}": text for name, text in sent.values.items() if name not in left_out}
        said = {_ACTION: action, _OWNER: owner, **({_FILES: "true"} if sent.files else {})}
        kept, (name, path) = {**said, **fields}, self._choose_cookie(services)
        token = await services.database.write(begin_draft, kept, now(), request.cookies.get(name))
        answer.set_cookie(name, token, path=path, secure=services.settings.is_secure, httponly=True, samesite="lax")

    async def find_form(self, request: Request, services: Services, owner: str) -> KeptForm | None:
        """The form of this owner's that the browser has a cookie of; None where there is none any more."""
        token = request.cookies.get(self._choose_cookie(services)[0], "")
        kept = await services.database.read(find_draft, token, now()) if token else None
        if kept is None or kept.get(_OWNER) != owner or _ACTION not in kept:
            return None
        values = {name.removeprefix(_FIELD): text for name, text in kept.items() if name.startswith(_FIELD)}
        return KeptForm(kept[_ACTION], values, _FILES in kept)

    def drop_form(self, answer: Response, services: Services) -> None:
        """Forgets in the browser by what the form is found."""
        name, path = self._choose_cookie(services)
        answer.delete_cookie(name, path=path, secure=services.settings.is_secure, httponly=True, samesite="lax")

    def _choose_cookie(self, services: Services) -> tuple[str, str]:
        return choose_cookie(self.cookie, self.path, is_secure=services.settings.is_secure)
