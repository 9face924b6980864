"""Is my NPN on the list? A page for everybody, asked of the published Registration Completion List (B19, B21).

The number is sent in the body and stands in no address.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.reads.federal.published_lists import Edition, find_current, find_registered
from domain.federal.listed_years import ListedYear, read_listed_years
from domain.federal.markets import FederalList
from domain.federal.policies import FEDERAL_POLICIES, find_federal_policy
from domain.federal.policy import FederalPolicy
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault
from domain.shared.documents.fields import parse_npn
from domain.shared.links import OWN_PATH
from domain.shared.policy import describe_contact, find_current_policy, find_local_date
from starter.cases import now
from web.field_words import word_faults
from web.http.addresses import build_query, set_language
from web.http.auth import PUBLIC
from web.http.forms import Values, parse_number, read_form
from web.http.negotiation import choose_language
from web.http.pages import build_page_router, render_page
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

router = build_page_router(PUBLIC, prefix="/registry")

HERE = "/registry/listed"
_LONGEST = 40


@router.get("/listed")
async def show_question(request: Request, services: ServicesDep, plan_year: str = "") -> HTMLResponse:
    """Asks for the NPN and the plan year."""
    edition = await services.database.read(find_current)
    return _render_listed(request, services, _choose_policy(plan_year), edition)


@router.post("/listed", dependencies=[limit_rate("look_up")])
async def look_npn_up(request: Request, services: ServicesDep) -> HTMLResponse:
    """Says whether the NPN is on the list, whether its registration stands, and what to do where it isn't there."""
    values = await read_form(request)
    policy, typed = _choose_policy(values.get("plan_year", "")), values.get("npn", "")[:_LONGEST]
    npn = parse_npn(typed)
    if npn is None:
        faults = [Fault("npn", "npn" if typed else "required")]
        edition = await services.database.read(find_current)
        return _render_listed(request, services, policy, edition, {"npn": typed}, faults)
    edition, lines = await services.database.read(find_registered, npn)
    years = read_listed_years(lines, find_local_date(policy, now()))
    return _render_listed(request, services, policy, edition, {"npn": npn}, answer=_describe_answer(npn, policy, years))


def _choose_policy(plan_year: str) -> FederalPolicy:
    """The policy of the plan year that is asked about; the current one for a year without any."""
    year = parse_number(plan_year, 4)
    asked = find_federal_policy(year) if year is not None else None
    return asked or find_current_policy(FEDERAL_POLICIES.values(), now())


def _describe_answer(npn: str, policy: FederalPolicy, years: Mapping[int, ListedYear]) -> dict[str, Any]:
    asked = years.get(policy.plan_year)
    return {
        "npn": npn,
        "is_listed": asked is not None,
        "stands": asked is not None and asked.stands,
        "markets": asked.markets if asked else (),
        "other_years": sorted((year for year in years if year != policy.plan_year), reverse=True),
    }


def _render_listed(
    request: Request,
    services: Services,
    policy: FederalPolicy,
    edition: Edition,
    values: Values | None = None,
    faults: Sequence[Fault] = (),
    answer: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    language = choose_language(request)
    return render_page(
        services,
        "registry_listed.html",
        language,
        describe_contact(policy, Topic.TRAINING, language),
        here=f"{HERE}{build_query(plan_year=str(policy.plan_year))}",
        status=422 if faults else 200,
        action=set_language(HERE, language),
        plan_year=policy.plan_year,
        plan_years=sorted(FEDERAL_POLICIES, reverse=True),
        published_at=edition.published_at,
        answer=answer,
        lag=policy.lags[FederalList.RCL],
        help_desk=policy.help_desk,
        tracker_url=set_language(f"/registry/tracker/{answer['npn']}", language) if answer else None,
        own_url=set_language(OWN_PATH, language),
        find_local_help={
            "label": policy.links["find_local_help"].label[language],
            "url": policy.links["find_local_help"].find_url(language),
        },
        values=values or {},
        errors=word_faults(faults, language),
    )
