"""What the portal's pages share: the registration a link leads to, open plan years, what went wrong; no routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from db.reads.links import LinkedRegistration, follow_link
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.shared.faults import Fault
from domain.shared.links import STATUS_PATH
from domain.shared.notices import Topic
from domain.shared.policy import describe_contact, find_current_policy
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.addresses import set_language
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, render_page
from web.http.problem_pages import UNKNOWN_LINK, ProblemText
from web.http.sentences import explain
from web.services import Services

SECOND_ACCOUNT = ProblemText(
    N_("You already have an account"),
    N_(
        "There is an account with this National Producer Number (NPN) or e-mail address, and every person has only "
        "one. Nothing was changed. Please recover its user ID and its link instead of opening a second account."
    ),
)
REGISTRATION_ENDED = ProblemText(
    N_("Your registration has ended"),
    N_("Nothing can be changed in it any more. Your page of the portal says why."),
)
REFUSED = ProblemText(N_("This can't be done now"), N_("Please do the step before it first."))
NO_SUCH_STEP = ProblemText(N_("Page not found"), N_("Your registration has no such step."))


@dataclass(frozen=True)
class Visit:
    """Somebody with the link of a federal registration: where it leads, and in which language they read."""

    token: str
    place: LinkedRegistration
    language: str

    @property
    def home(self) -> str:
        """The address of the registration's own page."""
        return STATUS_PATH.format(token=self.token)

    def url(self, path: str = "", **query: str) -> str:
        """An address under the registration's own page, in the language it is read in."""
        asked = "".join(f"{name}={value}&" for name, value in query.items())
        return f"{self.home}{path}?{asked}lang={self.language}"


async def visit_of(request: Request, services: Services, token: str) -> Visit | None:
    """The visit a token stands for; None where it is unknown, has expired, or is of another program."""
    place = await services.database.read(follow_link, token, now())
    if not isinstance(place, LinkedRegistration):
        return None
    return Visit(token, place, choose_language(request, place.case.request.get("language")))


def back(visit: Visit, path: str = "", **query: str) -> RedirectResponse:
    """To a page of the registration after a form post, in the language it was read in."""
    return RedirectResponse(visit.url(path, **query), 303, PRIVATE)


def portal_problem(
    services: Services,
    problem: ProblemText,
    status: int,
    language: str,
    policy: FederalPolicy,
    *,
    detail: str | None = None,
    link: tuple[str, str] | None = None,
    here: str | None = None,
) -> HTMLResponse:
    """What went wrong, for people: perhaps with a ``detail`` of its own, and where to go on.

    ``link`` is a label, as in `portal_problem.html`, and an address.
    """
    return render_page(
        services,
        "portal_problem.html",
        language,
        describe_contact(policy, Topic.TRAINING, language),
        here=here,
        status=status,
        title=translate(problem.title, language),
        detail=detail or translate(problem.detail, language),
        link={"to": link[0], "url": link[1]} if link else None,
    )


def unknown_link(request: Request, services: Services) -> HTMLResponse:
    """The page of a link that leads to no registration."""
    language = choose_language(request)
    to = ("portal", set_language("/portal", language))
    return portal_problem(
        services, UNKNOWN_LINK, 404, language, find_current_policy(FEDERAL_POLICIES.values(), now()), link=to
    )


def refused(
    services: Services, visit: Visit, problem: ProblemText, status: int, detail: str | None = None
) -> HTMLResponse:
    """The page of a step that can't be taken; ``detail`` says why, in the reader's language."""
    return portal_problem(
        services,
        problem,
        status,
        visit.language,
        visit.place.policy,
        detail=detail,
        link=("home", visit.url()),
    )


def ended(services: Services, visit: Visit) -> HTMLResponse:
    """The page for whoever would change a registration that is over."""
    return refused(services, visit, REGISTRATION_ENDED, 409)


def sentences_of(faults: Sequence[Fault], language: str) -> str:
    """Faults as running text, for a page without their fields."""
    return " ".join(explain(fault, language) for fault in faults)
