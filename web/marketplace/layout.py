"""What the portal's pages share: the registration a link leads to, open plan years, what went wrong; no routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from db.reads.links import LinkedRegistration, follow_link
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.shared.faults import Fault
from domain.shared.notices import Topic
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.pages import PRIVATE, PROBLEMS, contact_of, current_of, language_of, render
from web.http.text import in_language, told
from web.services import Services

# Title and detail of what the portal can't show or do, beside `PROBLEMS`.
FEDERAL_PROBLEMS: dict[str, tuple[str, str]] = {
    **PROBLEMS,
    "second_account": (
        N_("You already have an account"),
        N_(
            "There is an account with this National Producer Number (NPN) or e-mail address, and every person has only "
            "one. Nothing was changed. Please recover its user ID and its link instead of opening a second account."
        ),
    ),
    "registration_ended": (
        N_("Your registration has ended"),
        N_("Nothing can be changed in it any more. Your page of the portal says why."),
    ),
    "refused": (N_("This can't be done now"), N_("Please do the step before it first.")),
    "no_such_step": (N_("Page not found"), N_("Your registration has no such step.")),
}


@dataclass(frozen=True)
class Visit:
    """Somebody with the link of a federal registration: where it leads, and in which language they read."""

    token: str
    place: LinkedRegistration
    language: str

    @property
    def home(self) -> str:
        """The address of the registration's own page."""
        return f"/status/{self.token}"

    def url(self, path: str = "", **query: str) -> str:
        """An address under the registration's own page, in the language it is read in."""
        asked = "".join(f"{name}={value}&" for name, value in query.items())
        return f"{self.home}{path}?{asked}lang={self.language}"


async def visit_of(request: Request, services: Services, token: str) -> Visit | None:
    """The visit a token stands for; None where it is unknown, has expired, or is of another program."""
    place = await services.database.read(follow_link, token, now())
    if not isinstance(place, LinkedRegistration):
        return None
    return Visit(token, place, language_of(request, place.case.request.get("language")))


def back(visit: Visit, path: str = "", **query: str) -> RedirectResponse:
    """To a page of the registration after a form post, in the language it was read in."""
    return RedirectResponse(visit.url(path, **query), 303, PRIVATE)


def current_year(at: datetime) -> FederalPolicy:
    """The newest federal policy that is open; where none is, the newest of all."""
    return current_of(FEDERAL_POLICIES.values(), at)


def portal_problem(
    services: Services,
    what: str,
    status: int,
    language: str,
    policy: FederalPolicy,
    *,
    detail: str | None = None,
    link: tuple[str, str] | None = None,
    here: str | None = None,
) -> HTMLResponse:
    """What went wrong, for people: one of `FEDERAL_PROBLEMS`, perhaps with a ``detail`` of its own, and where to go on.

    ``link`` is a label, as in `portal_problem.html`, and an address.
    """
    title, usual = FEDERAL_PROBLEMS[what]
    return render(
        services,
        "portal_problem.html",
        language,
        contact_of(policy, Topic.TRAINING, language),
        here=here,
        status=status,
        title=translate(title, language),
        detail=detail or translate(usual, language),
        link={"to": link[0], "url": link[1]} if link else None,
    )


def unknown_link(request: Request, services: Services) -> HTMLResponse:
    """The page of a link that leads to no registration."""
    language = language_of(request)
    to = ("portal", in_language("/portal", language))
    return portal_problem(services, "unknown_link", 404, language, current_year(now()), link=to)


def refused(services: Services, visit: Visit, what: str, status: int, detail: str | None = None) -> HTMLResponse:
    """The page of a step that can't be taken; ``detail`` says why, in the reader's language."""
    return portal_problem(
        services,
        what,
        status,
        visit.language,
        visit.place.policy,
        detail=detail,
        link=("home", visit.url()),
    )


def ended(services: Services, visit: Visit) -> HTMLResponse:
    """The page for whoever would change a registration that is over."""
    return refused(services, visit, "registration_ended", 409)


def sentences_of(faults: Sequence[Fault], language: str) -> str:
    """Faults as running text, for a page without their fields."""
    return " ".join(told(fault, language) for fault in faults)
