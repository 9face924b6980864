"""Public pages anybody may read: the way in, verification of a certificate (A24), resources by kind (A6, A32)."""

import re
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from db.reads.cases import read_certificate
from domain.programs.policies import find_policy
from domain.shared.assister import Kind
from domain.shared.cases.notices import Topic
from domain.shared.ids import parse_certificate_number
from domain.shared.policy import (
    ProgramPolicy,
    describe_contact,
    find_current_policy,
    find_local_date,
    find_plan_year_end,
    list_open_policies,
)
from domain.state.policies import POLICIES
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.addresses import set_language
from web.http.auth import PUBLIC, find_way_back
from web.http.negotiation import choose_language, prefers_json
from web.http.pages import OPEN, PRIVATE, render_page
from web.http.problem_pages import ProblemText, render_problem
from web.http.problems import build_problem
from web.http.rate_limits import limit_rate
from web.services import ServicesDep

router = APIRouter(dependencies=[PUBLIC])

_LONGEST = 100
_NUMBER = re.compile(r"[A-Z0-9-]{1,60}", re.ASCII | re.IGNORECASE)
_NEGOTIATED = {**PRIVATE, "Vary": "Accept, Accept-Language"}
_PAGE: dict[str, Any] = {"include_in_schema": False, "response_class": HTMLResponse}

UNKNOWN_KIND = ProblemText(
    N_("Page not found"),
    N_("There are resources for agents, brokers and enrollment counselors."),
)
NO_NUMBER = N_("Enter the number of the certificate.")
NOT_A_NUMBER = N_("The number of a certificate has only letters, digits and dashes.")


@router.get("/", **_PAGE)
async def show_home(request: Request, services: ServicesDep) -> HTMLResponse:
    """Where everybody goes on from."""
    language, policy = choose_language(request), find_current_policy(POLICIES.values(), now())
    return render_page(
        services,
        "home.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here="/",
        headers=OPEN,
        plan_year=policy.plan_year,
        is_open=bool(list_open_policies(POLICIES.values(), now())),
        kinds=_list_resources(list(Kind), language),
        values={},
        errors=[],
    )


@router.get("/certificates", dependencies=[limit_rate("look_up")], **_PAGE)
async def ask_for_certificate(request: Request, services: ServicesDep, number: str | None = None) -> Response:
    """Asks for a certificate's number, and leads to its page however the number is written."""
    language = choose_language(request)
    written = parse_certificate_number(number[:_LONGEST]) if number else ""
    if _NUMBER.fullmatch(written):
        return RedirectResponse(set_language(f"/certificates/{written}", language), 303, OPEN)
    fault = None if number is None else NO_NUMBER if not written else NOT_A_NUMBER
    return render_page(
        services,
        "verify.html",
        language,
        services.describe_general_contact(language),
        here="/certificates",
        status=422 if fault else 200,
        headers=OPEN,
        values={"number": (number or "")[:_LONGEST]},
        errors=[{"field": "number", "message": translate(fault, language)}] if fault else [],
    )


@router.get(
    "/certificates/{number}",
    tags=["certificates"],
    dependencies=[limit_rate("look_up")],
    response_class=JSONResponse,
    responses={
        200: {"content": {"text/html": {}}, "description": "What the public may know; JSON where that is preferred."},
        404: {"description": "No certificate has this number."},
    },
)
async def show_certificate(number: str, request: Request, services: ServicesDep) -> Response:
    """What a certificate is worth: valid, superseded, withdrawn, revoked, expired or unproven."""
    written = parse_certificate_number(number[:_LONGEST])
    found = None
    if _NUMBER.fullmatch(written):
        found = await services.database.read(read_certificate, written, now())
    awaits_portal = found.pop("awaits_portal", False) if found else False  # of the page alone
    if prefers_json(request):
        if found is None:
            return build_problem(404, "There is no certificate with this number.", headers=_NEGOTIATED)
        return JSONResponse(found, headers=_NEGOTIATED)
    language = choose_language(request)
    policy = find_policy(found["program"], found["plan_year"]) if found else None
    return render_page(
        services,
        "certificate.html",
        language,
        describe_contact(policy or find_current_policy(POLICIES.values(), now()), Topic.GENERAL, language),
        here=f"/certificates/{number}" if _NUMBER.fullmatch(number) else None,
        status=200 if found else 404,
        headers=_NEGOTIATED,
        number=found["number"] if found else number[:_LONGEST],
        certificate=_parse_dates(found) if found else None,
        awaits_portal=awaits_portal,
        back_url=await find_way_back(request, services, language),
        share_url=f"{services.settings.web_url.rstrip('/')}/certificates/{found['number']}" if found else None,
        plan_year_ended=_has_plan_year_ended(found, policy) if found and policy else False,
    )


@router.get("/resources/{kind}", include_in_schema=False, response_class=HTMLResponse)
async def show_resources(kind: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """The resources of a kind of assister, and a counselor's referrals."""
    language, policy = choose_language(request), find_current_policy(POLICIES.values(), now())
    contact = describe_contact(policy, Topic.GENERAL, language)
    if kind not in list(Kind):
        return render_problem(services, UNKNOWN_KIND, 404, language, contact)
    return render_page(
        services,
        "resources.html",
        language,
        contact,
        here=f"/resources/{kind}",
        kind=kind,
        kinds=_list_resources([other for other in Kind if other != kind], language),
        resources=[{"label": link.label[language], "url": link.url} for link in policy.resources[Kind(kind)]],
        referrals=policy.referrals[language],
    )


def _list_resources(kinds: list[Kind], language: str) -> list[dict[str, str]]:
    return [{"kind": kind.value, "url": f"/resources/{kind}?lang={language}"} for kind in kinds]


def _has_plan_year_ended(document: dict[str, Any], policy: ProgramPolicy) -> bool:
    return find_local_date(policy, now()) > find_plan_year_end(document["plan_year"])


def _parse_dates(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its dates as dates, for the page."""
    until = document["valid_until"]
    return {
        **document,
        "issued_at": datetime.fromisoformat(document["issued_at"]),
        "valid_until": date.fromisoformat(until) if until else None,
    }
