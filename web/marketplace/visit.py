"""A federal registration on one's own pages, and what keeps its owner from a page or a step; no routes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.case_state import applicant_of
from db.reads.own_pages import OwnRegistration, find_own_case
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.links import OWN_CASE_PATH
from domain.shared.policy import describe_contact, find_current_policy
from starter.cases import now
from templates.catalogs import N_
from web.http.addresses import set_language
from web.http.auth import OwnPages, OwnVisitor, describe_session
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, render_page
from web.http.problem_pages import NO_OWN_CASE, ProblemText
from web.http.sentences import explain_reason
from web.marketplace.layout import explain_faults, render_portal_problem
from web.services import Services, ServicesDep

REGISTRATION_ENDED = ProblemText(
    N_("Your registration has ended"),
    N_("Nothing can be changed in it any more. Your own pages say why."),
)
REFUSED = ProblemText(N_("This can't be done now"), N_("Please do the step before it first."))
NO_SUCH_STEP = ProblemText(N_("Page not found"), N_("Your registration has no such step."))


@dataclass(frozen=True)
class Visit:
    """A registration that its owner has come to: what is asked for, and what it is answered with."""

    request: Request
    services: Services
    reference: str
    visitor: OwnVisitor
    registration: OwnRegistration

    @cached_property
    def language(self) -> str:
        """The language that is chosen, or else the registration's own."""
        return choose_language(self.request, applicant_of(self.registration.case).language)

    @property
    def case_id(self) -> str:
        """The registration's case."""
        return self.registration.case.case_id

    @property
    def home(self) -> str:
        """The address of the registration's own page."""
        return OWN_CASE_PATH.format(reference=self.reference)

    def url(self, path: str = "", **query: str) -> str:
        """An address under the registration's own page, in the language it is read in."""
        asked = "".join(f"{name}={value}&" for name, value in query.items())
        return f"{self.home}{path}?{asked}lang={self.language}"

    def render_page(
        self,
        template: str,
        topic: Topic,
        path: str = "",
        *,
        status: int = 200,
        headers: Mapping[str, str] = PRIVATE,
        **values: Any,
    ) -> HTMLResponse:
        """A page at this path under the registration's own, with the contact of a topic."""
        contact, here = describe_contact(self.registration.policy, topic, self.language), f"{self.home}{path}"
        return render_page(
            self.services,
            template,
            self.language,
            contact,
            here=here,
            status=status,
            headers=headers,
            addressed_as=applicant_of(self.registration.case).addressed_as,
            own=describe_session(self.visitor),
            **values,
        )


class VisitRefused(Exception):
    """A page that can't be shown or a step that can't be taken: answered by the page that says what went wrong.

    Without a ``visit`` there is no such registration of theirs; ``detail`` says why, in the reader's language.
    """

    def __init__(
        self, problem: ProblemText, status: int, visit: Visit | None = None, detail: str | None = None
    ) -> None:
        super().__init__(problem.title)
        self.problem, self.status, self.visit, self.detail = problem, status, visit, detail


async def find_visit(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Visit:
    """The visit to the visitor's own registration of this reference, its case's id. Raises `VisitRefused`."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if not isinstance(found, OwnRegistration):
        raise VisitRefused(NO_OWN_CASE, 404)
    return Visit(request, services, reference, visitor, found)


CurrentVisit = Annotated[Visit, Depends(find_visit)]


async def find_open_visit(visit: CurrentVisit) -> Visit:
    """The visit of somebody who would change the registration. Raises `VisitRefused` where it is over."""
    if visit.registration.state.ended:
        raise VisitRefused(REGISTRATION_ENDED, 409, visit)
    return visit


OpenVisit = Annotated[Visit, Depends(find_open_visit)]


def install_handlers(app: FastAPI) -> None:
    """Answers `VisitRefused` with its page."""

    @app.exception_handler(VisitRefused)
    async def render_refused(request: Request, refused: VisitRefused) -> Response:
        services, visit = request.app.state.services, refused.visit
        if visit is None:
            language, policy = choose_language(request), find_current_policy(FEDERAL_POLICIES.values(), now())
            link = ("portal", set_language("/portal", language))
        else:
            language, policy = visit.language, visit.registration.policy
            link = ("home", visit.url())
        return render_portal_problem(
            services, refused.problem, refused.status, language, policy, detail=refused.detail, link=link
        )


@contextmanager
def explain_refusals(visit: Visit) -> Iterator[None]:
    """Raises `VisitRefused` with the reason for a step that the rules refuse, or with the faults found in it."""
    try:
        yield
    except Invalid as invalid:
        detail = explain_faults(name_vendors(visit, invalid.faults), visit.language)
        raise VisitRefused(REFUSED, 422, visit, detail) from None
    except Refusal as refusal:
        raise VisitRefused(REFUSED, 409, visit, explain_reason(refusal.reason, visit.language)) from None


def name_vendors(visit: Visit, faults: Sequence[Fault]) -> list[Fault]:
    """Faults that list vendors name them as the pages do, not by their ids."""
    vendors = visit.registration.policy.vendors

    def name(ids: str) -> str:
        return ", ".join(vendors[one].name if one in vendors else one.upper() for one in ids.split(", "))

    return [
        Fault(one.field, one.code, {**one.details, "channels": name(one.details["channels"])})
        if "channels" in one.details
        else one
        for one in faults
    ]


def redirect_back(visit: Visit, path: str = "", **query: str) -> RedirectResponse:
    """To a page of the registration after a form post, in the language it was read in."""
    return RedirectResponse(visit.url(path, **query), 303, PRIVATE)
