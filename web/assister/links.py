"""A certification on one's own pages, and what keeps its owner from a page or a step; no routes."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from db.case_state import applicant_of
from db.reads.own_pages import OwnCertification, find_own_case
from domain.shared.cases.notices import Topic
from domain.shared.links import OWN_CASE_PATH
from domain.shared.policy import describe_contact, find_current_policy
from domain.state.policies import POLICIES
from starter.cases import now
from web.http.auth import OwnPages
from web.http.forms import read_media_type
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE
from web.http.problem_pages import NO_OWN_CASE, ProblemText, render_problem
from web.http.problems import build_problem
from web.services import ServicesDep


class LinkRefused(Exception):
    """What a page can't show or do: answered by the page that says so, or a problem document for a program.

    Without a ``certification`` there is none: the address is unknown or another person's, or the link has expired.
    """

    def __init__(
        self,
        problem: ProblemText = NO_OWN_CASE,
        status: int = 404,
        certification: OwnCertification | None = None,
        topic: Topic = Topic.GENERAL,
    ) -> None:
        super().__init__(problem.title)
        self.problem, self.status, self.certification, self.topic = problem, status, certification, topic


async def find_certification(reference: str, services: ServicesDep, visitor: OwnPages) -> OwnCertification:
    """The visitor's own certification of this reference, its case's id. Raises `LinkRefused`."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if not isinstance(found, OwnCertification):
        raise LinkRefused
    return found


CurrentCertification = Annotated[OwnCertification, Depends(find_certification)]


def install_handlers(app: FastAPI) -> None:
    """Answers `LinkRefused`."""

    @app.exception_handler(LinkRefused)
    async def answer_refused(request: Request, refused: LinkRefused) -> Response:
        if read_media_type(request) == "application/json":
            return build_problem(refused.status, "You have no such certification.", headers=PRIVATE)
        found = refused.certification
        language = choose_language(request, applicant_of(found.case).language if found else None)
        policy = found.policy if found else find_current_policy(POLICIES.values(), now())
        contact = describe_contact(policy, refused.topic, language)
        # A link's page can be opened again in the other language, what was posted to it can't.
        here = quote(request.url.path) if request.method == "GET" and found is None else None
        return render_problem(request.app.state.services, refused.problem, refused.status, language, contact, here)


def redirect_back(request: Request, reference: str, told: str) -> RedirectResponse:
    """To the status page, in the language it was read in; ``told`` has it say what was received."""
    lang = request.query_params.get("lang")
    suffix = f"&lang={lang}" if lang in ("en", "es") else ""
    return RedirectResponse(f"{OWN_CASE_PATH.format(reference=reference)}?{told}{suffix}", 303, PRIVATE)
