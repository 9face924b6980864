"""Forms that were sent after their session had ended: kept for their owner until the next sign-in; no routes.

Each is kept as a draft, for two hours at most, by the hash of a cookie's secret, and given to nobody but the owner of
the session it was begun in. It stands beside the rooms because own pages and those of staff keep them.
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from db.writes.drafts import begin_draft
from domain.shared.documents.faults import Invalid
from starter.cases import now
from web.form_drafts import DraftCookie
from web.http.addresses import strip_origin
from web.http.forms import Values, read_form
from web.http.uploads import MOST_PARTS, Upload, is_upload, read_upload
from web.services import Services

# Beside the form's own fields, whose names begin with this.
_FIELD, _ACTION, _OWNER, _FILES = "field:", "action", "owner", "files"
# Of what a file was called; more says nothing to who chose it.
_LONGEST_NAME = 100


@dataclass(frozen=True)
class KeptForm:
    """A form that is kept: where it is sent, its fields, and what its files were called, which are not kept."""

    action: str
    values: Values
    files: tuple[str, ...] = ()

    @property
    def is_filled(self) -> bool:
        """Whether there is anything in it."""
        return any(self.values.values()) or bool(self.files)


async def read_sent_form(request: Request, left_out: Collection[str] = ()) -> KeptForm | None:
    """The form that was sent, but for the fields ``left_out``; None where it can't be read."""
    try:
        sent = await read_upload(request, MOST_PARTS) if is_upload(request) else Upload(await read_form(request))
    except (HTTPException, Invalid):
        return None
    values = {name: text for name, text in sent.values.items() if name not in left_out}
    action = strip_origin(request.url)
    return KeptForm(action, values, tuple(_name_file(name) for name, _ in sent.files))


@dataclass(frozen=True)
class FormKeeper:
    """Keeps the forms of the pages under the path of a cookie, each found by it.

    Files aren't kept: whose they are isn't known before the sign-in.
    """

    cookie: DraftCookie

    async def keep_form(
        self, request: Request, services: Services, answer: Response, form: KeptForm, owner: str
    ) -> None:
        """Keeps what was sent, and gives the answer the cookie."""
        fields = {f"{_FIELD}{name}": text for name, text in form.values.items()}
        files = {_FILES: "\n".join(form.files)} if form.files else {}
        kept = {_ACTION: form.action, _OWNER: owner, **files, **fields}
        before = self.cookie.read_token(request, services) or None
        token = await services.database.write(begin_draft, kept, now(), before)
        self.cookie.hand_out(answer, services, token)

    async def find_form(self, request: Request, services: Services, owner: str) -> KeptForm | None:
        """The form of this owner's that the browser has a cookie of; None where there is none any more."""
        draft = await self.cookie.load_draft(request, services)
        kept = draft.answers if draft is not None else {}
        if kept.get(_OWNER) != owner or _ACTION not in kept:
            return None
        values = {name.removeprefix(_FIELD): text for name, text in kept.items() if name.startswith(_FIELD)}
        return KeptForm(kept[_ACTION], values, tuple(kept.get(_FILES, "").splitlines()))

    def drop_form(self, answer: Response, services: Services) -> None:
        """Forgets in the browser by what the form is found."""
        self.cookie.take_back(answer, services)


def _name_file(name: str) -> str:
    return " ".join(name.split())[:_LONGEST_NAME] or "?"
