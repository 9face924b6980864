"""Public pages anybody may read: verification of a certificate (A24), resources by kind (A6, A32)."""

import re
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from domain.assister import Kind
from domain.notices import Topic
from domain.policies import any_policy_for
from starter.cases import now
from web.auth import Parts
from web.pages import PRIVATE, contact_of, current_policy, language_of, problem_page, render, wants_json
from web.problems import problem

router = APIRouter()

_NUMBER = re.compile(r"[A-Z0-9-]{1,60}", re.ASCII | re.IGNORECASE)
_NEGOTIATED = {**PRIVATE, "Vary": "Accept, Accept-Language"}


@router.get(
    "/certificates/{number}",
    tags=["certificates"],
    response_class=JSONResponse,
    responses={
        200: {"content": {"text/html": {}}, "description": "What the public may know; JSON where that is preferred."},
        404: {"description": "No certificate has this number."},
    },
)
async def certificate(number: str, request: Request, parts: Parts) -> Response:
    """Whether a certificate is valid, superseded, revoked or expired; upper and lower case are the same."""
    found = await parts.views.certificate(number, now()) if _NUMBER.fullmatch(number) else None
    if wants_json(request):
        if found is None:
            return problem(404, "There is no certificate with this number.", headers=_NEGOTIATED)
        return JSONResponse(found, headers=_NEGOTIATED)
    language = language_of(request)
    policy = any_policy_for(found["program"], found["plan_year"]) if found else None
    return render(
        parts,
        "certificate.html",
        language,
        contact_of(policy or current_policy(now()), Topic.GENERAL, language),
        here=f"/certificates/{number}" if _NUMBER.fullmatch(number) else None,
        status=200 if found else 404,
        headers=_NEGOTIATED,
        number=found["number"] if found else number[:100],
        certificate=_with_dates(found) if found else None,
    )


@router.get("/resources/{kind}", include_in_schema=False, response_class=HTMLResponse)
async def resources(kind: str, request: Request, parts: Parts) -> HTMLResponse:
    """The resources of a kind of assister, and a counselor's referrals."""
    language, policy = language_of(request), current_policy(now())
    contact = contact_of(policy, Topic.GENERAL, language)
    if kind not in list(Kind):
        return problem_page(parts, "unknown_kind", 404, language, contact)
    return render(
        parts,
        "resources.html",
        language,
        contact,
        here=f"/resources/{kind}",
        kind=kind,
        kinds=[{"kind": other.value, "url": f"/resources/{other}?lang={language}"} for other in Kind if other != kind],
        resources=[{"label": link.label[language], "url": link.url} for link in policy.resources[Kind(kind)]],
        referrals=policy.referrals[language],
    )


def _with_dates(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its dates as dates, for the page."""
    until = document["valid_until"]
    return {
        **document,
        "issued_at": datetime.fromisoformat(document["issued_at"]),
        "valid_until": date.fromisoformat(until) if until else None,
    }
