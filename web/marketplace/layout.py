"""What the portal's pages share in looks: the page of what went wrong, faults as running text; no routes."""

from collections.abc import Sequence

from fastapi.responses import HTMLResponse

from domain.federal.policy import FederalPolicy
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault
from domain.shared.policy import describe_contact
from templates.catalogs import translate
from web.field_words import word_faults
from web.http.pages import render_page
from web.http.problem_pages import ProblemText
from web.services import Services


def render_portal_problem(
    services: Services,
    problem: ProblemText,
    status: int,
    language: str,
    policy: FederalPolicy,
    *,
    detail: str | None = None,
    link: tuple[str, str] | None = None,
) -> HTMLResponse:
    """What went wrong, for people: perhaps with a ``detail`` of its own, and where to go on.

    ``link`` is a label, as in `portal_problem.html`, and an address.
    """
    return render_page(
        services,
        "portal_problem.html",
        language,
        describe_contact(policy, Topic.TRAINING, language),
        here=None,
        status=status,
        title=translate(problem.title, language),
        detail=detail or translate(problem.detail, language),
        link={"to": link[0], "url": link[1]} if link else None,
    )


def explain_faults(faults: Sequence[Fault], language: str) -> str:
    """Faults as running text, for a page without their fields."""
    return " ".join(fault["message"] for fault in word_faults(faults, language))
