"""What went wrong, as a page for people; what a program gets instead is in problems.py."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse

from templates.catalogs import N_, translate
from web.http.negotiation import choose_language
from web.http.pages import render_page
from web.services import Services

_STAFF = "/staff"


class ProblemText(NamedTuple):
    """What can't be shown or done, in English: a heading, and what the reader can do about it."""

    title: str
    detail: str


UNKNOWN_LINK = ProblemText(
    N_("This link does not work"),
    N_(
        "It is not complete, it has expired, or a newer one was sent. Please use the newest one you have from us. "
        "If that one does not work either, contact us and we will send you a new one."
    ),
)
NO_OWN_CASE = ProblemText(
    N_("Page not found"),
    N_(
        "There is nothing of yours under this address. If you gave us another e-mail address, sign in with that one; "
        "your own pages list everything we have of you."
    ),
)
NO_CERTIFICATE = ProblemText(
    N_("There is no certificate yet"),
    N_("You get it once every step before it is done. See your own pages."),
)
NO_FILE = ProblemText(
    N_("We can't show your certificate right now"),
    N_("Please try again later."),
)
NOT_ALLOWED = ProblemText(
    N_("You may not do this"),
    N_("Your role does not include it. Ask somebody whose role does, or sign in with another account."),
)
NOT_NEEDED = ProblemText(
    N_("This file is not for you to read"),
    N_(
        "Operators read the files of cases with a flag, appeals reviewers those of cases that were denied, suspended "
        "or revoked. If you need this one, ask a reviewer."
    ),
)
STALE_PAGE = ProblemText(
    N_("Please send it again"),
    N_("The page you sent this from is out of date: open it again, then send it again. Nothing was changed."),
)
NO_PAGE = ProblemText(
    N_("Page not found"),
    N_("There is nothing under this address. It may be mistyped, or what it led to is gone."),
)
TOO_MANY = ProblemText(
    N_("Too many in a short time"),
    N_("We have had too many of these from your address. Please wait a few minutes, then try again."),
)
UNREADABLE = ProblemText(
    N_("We could not read this"),
    N_("Your browser sent something this page does not understand. Please go back and try again."),
)


def render_problem(
    services: Services,
    problem: ProblemText,
    status: int,
    language: str,
    contact: Mapping[str, str | None],
    here: str | None = None,
    queue_url: str | None = None,
) -> HTMLResponse:
    """The page of a problem; ``here`` as in `render_page`, ``queue_url`` leads staff back to their work queue."""
    title, detail = (translate(sentence, language) for sentence in problem)
    return render_page(
        services,
        "problem.html",
        language,
        contact,
        here=here,
        status=status,
        title=title,
        detail=detail,
        errors=[],
        queue_url=queue_url,
    )


def render_error(request: Request, problem: ProblemText, status: int, headers: Mapping[str, str]) -> HTMLResponse:
    """The page of what went wrong before a page's own code was reached, with the contact of nobody's case."""
    language, services = choose_language(request), request.app.state.services
    contact = services.describe_general_contact(language)
    queue_url = _STAFF if request.url.path.startswith(f"{_STAFF}/") else None
    answer = render_problem(services, problem, status, language, contact, queue_url=queue_url)
    answer.headers.update(headers)
    return answer
