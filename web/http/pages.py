"""Pages for a browser: templates in the reader's language, e-mails, certificates; which of a page's steps is next."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.params import Depends
from fastapi.responses import FileResponse, HTMLResponse

from templates.catalogs import name_voice
from web.http.addresses import set_language
from web.services import Services

# A page may be about one person, and its address a secret.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex"}

# What a browser forgets when somebody signs out, besides the cookie that the answer takes back.
FORGET = {"Clear-Site-Data": '"storage"'}

# A page that is the same for everybody who reads its language; the cookie may have chosen the language.
OPEN = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"}

# An e-mail may style itself, and nothing else: no script, no image, no form, no link that leads the window elsewhere.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def build_page_router(*access: Depends, prefix: str = "") -> APIRouter:
    """A router of pages, which the API's description leaves out; ``access`` is who may call all of them."""
    return APIRouter(prefix=prefix, dependencies=access, include_in_schema=False, default_response_class=HTMLResponse)


def render_page(
    services: Services,
    template: str,
    language: str,
    contact: Mapping[str, str | None],
    *,
    here: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] = PRIVATE,
    addressed_as: str = "",
    **values: Any,
) -> HTMLResponse:
    """A page; ``here`` is the address to open it again in the other language, None where it can't be opened again.

    ``addressed_as``: how Spanish speaks of its reader, where that is known.
    """
    other = "es" if language == "en" else "en"
    switch_url = set_language(here, other) if here else None
    page = services.pages[name_voice(language, addressed_as)].get_template(template)
    text = page.render(contact=contact, switch_url=switch_url, **values)
    return HTMLResponse(text, status, {"Content-Language": language, **headers})


def render_mail(html: str, language: str) -> HTMLResponse:
    """The HTML part of an e-mail as a document of its own, for a frame on a page; who may see it is decided there."""
    headers = {"Content-Security-Policy": _MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN", "Content-Language": language}
    return HTMLResponse(html, headers={**PRIVATE, **headers})


def find_certificate_file(services: Services, uri: str, number: str) -> FileResponse | None:
    """A certificate to be saved under its number; None where its file isn't there now."""
    path = services.settings.certificates_dir / Path(uri).name
    if not path.is_file():
        return None
    return FileResponse(path, headers=PRIVATE, media_type="application/pdf", filename=f"certificate-{number}.pdf")


def mark_steps(done: Mapping[str, bool], is_over: bool, *, others: Collection[str] = ()) -> list[dict[str, str]]:
    """Steps in their order: done, next (the first that isn't, unless it is over) or later.

    The next one is in_progress where it is one of ``others``: the steps that wait for somebody else than the reader.
    """
    first = None if is_over else next((key for key, is_done in done.items() if not is_done), None)
    state = "in_progress" if first in others else "next"
    return [
        {"key": key, "state": "done" if is_done else state if key == first else "later"}
        for key, is_done in done.items()
    ]
