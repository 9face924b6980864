"""The public Certification Request Form and what answers it (A10); its rules are domain/request.py."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from db.people import Conflict
from domain.agreements import agreement
from domain.faults import Fault, Invalid
from domain.notices import Topic
from domain.policies import POLICIES
from domain.policy import Policy
from domain.request import parse_request
from starter.cases import now
from web.auth import Parts
from web.door import Door
from web.forms import Values, errors_of, posted, request_document
from web.pages import chosen, contact_of, language_of, open_of, problem_page, render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
async def home() -> RedirectResponse:
    """The form is the front page."""
    return RedirectResponse("/request", 303)


@router.get("/request")
async def form(request: Request, parts: Parts) -> HTMLResponse:
    """The empty form, for the newest plan year that is open or the one asked for."""
    policy, faults = chosen(POLICIES.values(), request.query_params.get("plan_year"), now())
    return _form(parts, language_of(request), policy, {}, faults)


@router.post("/request")
async def submit(request: Request, parts: Parts) -> HTMLResponse:
    """Opens the case, or finds the one this repeats; faults are shown at their fields, with the answers kept."""
    language, values = language_of(request), await posted(request)
    policy, _ = chosen(POLICIES.values(), values.get("plan_year"), now())
    contact = contact_of(policy, Topic.GENERAL, language)
    try:
        wanted = parse_request(request_document(values))
        opened = await parts.cases.submit(wanted, values.get("agreement_language"))
    except Invalid as invalid:
        return _form(parts, language, policy, values, invalid.faults, 422)
    except Conflict:
        return problem_page(parts, "identity_conflict", 409, language, contact)
    return render(
        parts,
        "request_done.html",
        language,
        contact,
        status=201 if opened.created else 200,
        kind=wanted.kind,
        plan_year=wanted.plan_year,
        created=opened.created,
        email=wanted.email,
        status_url=None,
    )


def _form(
    parts: Door, language: str, policy: Policy, values: Values, faults: Sequence[Fault], status: int = 200
) -> HTMLResponse:
    years: list[dict[str, Any]] = [
        {"year": other.plan_year, "url": f"/request?plan_year={other.plan_year}&lang={language}"}
        for other in open_of(POLICIES.values(), now())
        if other.plan_year != policy.plan_year
    ]
    return render(
        parts,
        "request.html",
        language,
        contact_of(policy, Topic.GENERAL, language),
        here=f"/request?plan_year={policy.plan_year}",
        status=status,
        action=f"/request?lang={language}",
        program=policy.program,
        plan_year=policy.plan_year,
        years=years,
        values=values,
        errors=errors_of(faults, language),
        intake_states=policy.intake.neighbour_states,
        agreement=agreement(policy.program, language),
    )
