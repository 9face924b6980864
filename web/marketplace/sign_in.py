"""The marketplace's log-in, its recovery, and the request to register (B3); the rules are domain/federal/profile.py."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.writes.opening import SecondAccount
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.federal.profile import parse_registration
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import choose_policy, describe_contact, find_current_policy, list_open_policies
from domain.shared.programs import FEDERAL_PROGRAM
from starter.cases import now
from templates.catalogs import N_
from web.http.addresses import set_language
from web.http.auth import PUBLIC
from web.http.forms import Values, describe_faults, read_form
from web.http.negotiation import choose_language
from web.http.pages import build_page_router, render_page
from web.http.problem_pages import ProblemText
from web.http.rate_limits import limit_rate
from web.marketplace.form import SHAPE, sort_faults
from web.marketplace.layout import render_portal_problem
from web.services import Services, ServicesDep

SECOND_ACCOUNT = ProblemText(
    N_("You already have an account"),
    N_(
        "There is an account with this National Producer Number (NPN) or e-mail address, and every person has only "
        "one. Nothing was changed. Please recover its user ID and its link instead of opening a second account."
    ),
)

router = build_page_router(PUBLIC, prefix="/portal")

# log-in


@router.get("")
@router.get("/recovery")
async def show_sign_in(request: Request, services: ServicesDep) -> HTMLResponse:
    """How one logs in, by a code as on /me, and what to do when a user ID is forgotten: no second account (B3)."""
    return _render_sign_in(request, services)


def _render_sign_in(request: Request, services: Services) -> HTMLResponse:
    language, policy = choose_language(request), find_current_policy(FEDERAL_POLICIES.values(), now())
    portal = policy.links["cms_portal"]
    return render_page(
        services,
        "portal.html",
        language,
        describe_contact(policy, Topic.PORTALS, language),
        here="/portal",
        action=f"/me/code?lang={language}",
        register_url=set_language("/portal/register", language),
        cms_portal={"label": portal.label[language], "url": portal.url},
        values={},
        errors=[],
    )


# the request to register


@router.get("/register")
async def show_registration_form(request: Request, services: ServicesDep) -> HTMLResponse:
    """The empty form, for the newest plan year that is open or the one asked for."""
    policy, faults = choose_policy(FEDERAL_POLICIES.values(), request.query_params.get("plan_year"), now())
    return _render_registration_form(services, choose_language(request), policy, {}, faults)


@router.post("/register", dependencies=[limit_rate("request")])
async def open_registration(request: Request, services: ServicesDep) -> HTMLResponse:
    """Opens the registration, or finds the one this repeats; faults are shown at their fields, the answers kept."""
    language, values = choose_language(request), await read_form(request)
    policy, _ = choose_policy(FEDERAL_POLICIES.values(), values.get("plan_year"), now())
    try:
        wanted = parse_registration(SHAPE.read_document(values))
        opened = await services.cases.submit_request(wanted)
    except Invalid as invalid:
        return _render_registration_form(services, language, policy, values, sort_faults(invalid.faults), 422)
    except SecondAccount:
        to = ("recovery", set_language("/portal/recovery", language))
        return render_portal_problem(services, SECOND_ACCOUNT, 409, language, policy, link=to)
    return render_page(
        services,
        "portal_registered.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        status=201 if opened.created else 200,
        plan_year=wanted.plan_year,
        created=opened.created,
        email=wanted.email,
        recovery_url=set_language("/portal/recovery", language),
    )


def _render_registration_form(
    services: Services, language: str, policy: FederalPolicy, values: Values, faults: Sequence[Fault], status: int = 200
) -> HTMLResponse:
    years: list[dict[str, Any]] = [
        {"year": other.plan_year, "url": f"/portal/register?plan_year={other.plan_year}&lang={language}"}
        for other in list_open_policies(FEDERAL_POLICIES.values(), now())
        if other.plan_year != policy.plan_year
    ]
    return render_page(
        services,
        "portal_register.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=f"/portal/register?plan_year={policy.plan_year}",
        status=status,
        action=f"/portal/register?lang={language}",
        portal_url=set_language("/portal", language),
        program=FEDERAL_PROGRAM,
        plan_year=policy.plan_year,
        years=years,
        values=values,
        errors=describe_faults(faults, language),
    )
