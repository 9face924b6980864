"""Public pages anybody may read: the way in, verification of a certificate (A24), resources by kind (A6, A32)."""

import re
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from db.reads.cases import read_certificate
from domain.programs.policies import any_policy_for
from domain.shared.assister import Kind
from domain.shared.ids import certificate_number
from domain.shared.notices import Topic
from domain.state.policies import POLICIES
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.auth import PUBLIC
from web.http.pages import (
    OPEN,
    PRIVATE,
    contact_of,
    current_policy,
    general_contact,
    language_of,
    open_of,
    problem_page,
    render,
    wants_json,
)
from web.http.problems import problem
from web.http.rate_limits import limited
from web.http.text import in_language
from web.services import ServicesDep

router = APIRouter(dependencies=[PUBLIC])

_LONGEST = 100
_NUMBER = re.compile(r"[A-Z0-9-]{1,60}", re.ASCII | re.IGNORECASE)
_NEGOTIATED = {**PRIVATE, "Vary": "Accept, Accept-Language"}
_PAGE: dict[str, Any] = {"include_in_schema": False, "response_class": HTMLResponse}

NO_NUMBER = N_("Enter the number of the certificate.")
NOT_A_NUMBER = N_("The number of a certificate has only letters, digits and dashes.")


@router.get("/", **_PAGE)
async def home(request: Request, services: ServicesDep) -> HTMLResponse:
    """Where everybody goes on from."""
    language, policy = language_of(request), current_policy(now())
    return render(
        services,
        "home.html",
        language,
        contact_of(policy, Topic.GENERAL, language),
        here="/",
        headers=OPEN,
        plan_year=policy.plan_year,
        is_open=bool(open_of(POLICIES.values(), now())),
        kinds=_resources_of(list(Kind), language),
        values={},
        errors=[],
    )


@router.get("/certificates", dependencies=[limited("look_up")], **_PAGE)
async def verify(request: Request, services: ServicesDep, number: str | None = None) -> Response:
    """Asks for a certificate's number, and leads to its page however the number is written."""
    language = language_of(request)
    written = certificate_number(number[:_LONGEST]) if number else ""
    if _NUMBER.fullmatch(written):
        return RedirectResponse(in_language(f"/certificates/{written}", language), 303, OPEN)
    fault = None if number is None else NO_NUMBER if not written else NOT_A_NUMBER
    return render(
        services,
        "verify.html",
        language,
        general_contact(language),
        here="/certificates",
        status=422 if fault else 200,
        headers=OPEN,
        values={"number": (number or "")[:_LONGEST]},
        errors=[{"field": "number", "message": translate(fault, language)}] if fault else [],
    )


@router.get(
    "/certificates/{number}",
    tags=["certificates"],
    dependencies=[limited("look_up")],
    response_class=JSONResponse,
    responses={
        200: {"content": {"text/html": {}}, "description": "What the public may know; JSON where that is preferred."},
        404: {"description": "No certificate has this number."},
    },
)
async def certificate(number: str, request: Request, services: ServicesDep) -> Response:
    """Whether a certificate is valid, superseded, revoked or expired, however its number is written."""
    written = certificate_number(number[:_LONGEST])
    found = None
    if _NUMBER.fullmatch(written):
        found = await services.database.read(read_certificate, written, now())
    if wants_json(request):
        if found is None:
            return problem(404, "There is no certificate with this number.", headers=_NEGOTIATED)
        return JSONResponse(found, headers=_NEGOTIATED)
    language = language_of(request)
    policy = any_policy_for(found["program"], found["plan_year"]) if found else None
    return render(
        services,
        "certificate.html",
        language,
        contact_of(policy or current_policy(now()), Topic.GENERAL, language),
        here=f"/certificates/{number}" if _NUMBER.fullmatch(number) else None,
        status=200 if found else 404,
        headers=_NEGOTIATED,
        number=found["number"] if found else number[:_LONGEST],
        certificate=_with_dates(found) if found else None,
    )


@router.get("/resources/{kind}", include_in_schema=False, response_class=HTMLResponse)
async def resources(kind: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """The resources of a kind of assister, and a counselor's referrals."""
    language, policy = language_of(request), current_policy(now())
    contact = contact_of(policy, Topic.GENERAL, language)
    if kind not in list(Kind):
        return problem_page(services, "unknown_kind", 404, language, contact)
    return render(
        services,
        "resources.html",
        language,
        contact,
        here=f"/resources/{kind}",
        kind=kind,
        kinds=_resources_of([other for other in Kind if other != kind], language),
        resources=[{"label": link.label[language], "url": link.url} for link in policy.resources[Kind(kind)]],
        referrals=policy.referrals[language],
    )


def _resources_of(kinds: list[Kind], language: str) -> list[dict[str, str]]:
    return [{"kind": kind.value, "url": f"/resources/{kind}?lang={language}"} for kind in kinds]


def _with_dates(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its dates as dates, for the page."""
    until = document["valid_until"]
    return {
        **document,
        "issued_at": datetime.fromisoformat(document["issued_at"]),
        "valid_until": date.fromisoformat(until) if until else None,
    }
