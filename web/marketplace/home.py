"""What the portal shows of a registration on its first page (B4, B12, B16–B21): read from its state; no routes."""

from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse

from db.case_state import applicant_of, find_ending
from db.reads.third_parties import read_mlms_urls
from domain.federal.markets import MLMS, Curriculum, FederalList, Market, NpnStatus
from domain.federal.registration import RegistrationState
from domain.shared.cases.commands import ToldEnding
from domain.shared.cases.notices import TOPIC_OF_WAITING, Topic
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import SUSPENDING, WaitingFor
from domain.shared.reference_numbers import make_reference_number
from web.codes import describe_proof
from web.http.appeals import describe_appeal_way
from web.http.limits import build_content_security_policy
from web.http.pages import PRIVATE, mark_steps
from web.http.sentences import explain_reason
from web.marketplace.layout import explain_faults
from web.marketplace.portal_pass import describe_passes
from web.marketplace.visit import Visit

RCL = "/registry/rcl.csv"
LISTED = "/registry/listed"
FIND_LOCAL_HELP = "/registry/find-local-help.csv"
# What a step that was just done is called in the address.
TOLD = ("next", "accepted")


async def render_home(visit: Visit) -> HTMLResponse:
    """The page of a registration: what to do now, the tab with its links, the four steps in each market, the lists."""
    case, state, language = visit.registration.case, visit.registration.state, visit.language
    topic = TOPIC_OF_WAITING[state.waiting_for] if state.waiting_for else Topic.GENERAL
    reasons = visit.registration.may_assist_reasons
    ending = await _find_ending(visit)
    return visit.render_page(
        "portal_home.html",
        topic,
        headers=allow_vendor_sites(visit),
        told=told if (told := visit.request.query_params.get("told")) in TOLD else None,
        name=applicant_of(case).name,
        role=state.profile.role,
        plan_year=case.plan_year,
        reference=make_reference_number(case.case_id),
        stage=state.stage,
        waiting_for=state.waiting_for,
        ended=state.ended,
        reason=ending.reason,
        withdrawn_at=ending.withdrawn_at,
        profile=_describe_profile(visit),
        may_assist=not reasons,
        missing=[explain_reason(Reason(code), language) for code in reasons],
        mlms=await describe_mlms_courses(visit),
        vendors=describe_vendor_courses(visit),
        agreements=_describe_agreements(visit),
        markets=[_describe_market(visit, market) for market in state.markets],
        urls=_build_urls(visit),
        is_listed=state.is_listed_role,
        npn_missing={
            "lag": visit.registration.policy.lags[FederalList.RCL],
            "help_desk": visit.registration.policy.help_desk,
        },
        help_desk_told_at=state.help_desk_told_at,
        resources=[{"label": link.label[language], "url": link.url} for link in visit.registration.policy.resources],
        npn_proof=describe_proof(visit.services, visit.registration.proof, visit.reference, language),
        program=case.program,
        authority=state.authority,
        rebuttal_action=visit.url("/rebuttal"),
        passes=await describe_passes(visit),
        appeal=await describe_appeal_way(visit.services, case.case_id, state.appeals, language),
        withdraw_action=None if state.ended else visit.url("/withdraw"),
    )


def list_steps(state: RegistrationState, market: Market) -> list[dict[str, str]]:
    """The guide's four steps in a market, as `mark_steps` says (B12): that the lists show it is ours, as the NPN is."""
    done = {
        "profile": state.profile.completed_at is not None,
        "training": market in state.trained_at,
        "agreements": market in state.agreed_at,
        "confirm": _is_confirmed(state, market),
    }
    is_checked = state.waiting_for is WaitingFor.NPN_VERIFICATION
    return mark_steps(done, state.ended, others=("profile", "confirm") if is_checked else ("confirm",))


async def describe_mlms_courses(visit: Visit) -> list[dict[str, Any]]:
    """The courses taken in the MLMS, those to be done first; without an address while the MLMS has yet to say where."""
    urls = await visit.services.database.read(read_mlms_urls, visit.case_id)
    ours = [one for one in visit.registration.state.enrollments if one.channel == MLMS]
    ours.sort(key=lambda one: one.completed_at is not None)
    return [{**one.model_dump(), "url": urls.get(one.curriculum)} for one in ours]


def describe_vendor_courses(visit: Visit) -> list[dict[str, Any]]:
    """The courses taken at vendors, each with what launches it there (B14)."""
    vendors = visit.registration.policy.vendors
    return [
        {**one.model_dump(), "name": vendors[one.channel].name, "action": visit.url("/launches")}
        for one in visit.registration.state.enrollments
        if one.channel in vendors
    ]


def _is_confirmed(state: RegistrationState, market: Market) -> bool:
    """Whether the certificate is there, and the market seen in every list it belongs on."""
    lists = [one for one in state.publication if one.market is market]
    listed = bool(lists) and all(one.listed_at for one in lists)
    return market in state.certificates and (listed or not state.is_listed_role)


def allow_vendor_sites(visit: Visit) -> dict[str, str]:
    """The headers of a page whose form "Access Training" leads to the approved vendors' sites, named by origin."""
    approved = visit.registration.policy.vendors
    known = [urlsplit(vendor.url) for name, vendor in visit.services.settings.vendors.items() if name in approved]
    origins = sorted({f"{url.scheme}://{url.netloc}" for url in known})
    return {**PRIVATE, "Content-Security-Policy": build_content_security_policy(*origins)}


async def _find_ending(visit: Visit) -> ToldEnding:
    if visit.registration.state.stage in SUSPENDING:
        return await visit.services.database.read(find_ending, visit.case_id)
    return ToldEnding()


def _describe_profile(visit: Visit) -> dict[str, Any]:
    """How the MLMS profile stands, and what the registry says against its NPNs."""
    profile = visit.registration.state.profile
    faults = visit.registration.npn_faults if profile.npn is NpnStatus.REFUSED else []
    return {
        "status": profile.status,
        "saved": profile.version > 0,
        "npn": profile.npn,
        "problem": explain_faults(faults, visit.language),
    }


def _describe_agreements(visit: Visit) -> list[dict[str, Any]]:
    return [
        {
            "agreement": one.agreement,
            "market": one.market,
            "url": visit.url(f"/agreements/{one.agreement}"),
            "accepted_at": one.accepted_at,
        }
        for one in visit.registration.state.agreements
    ]


def _describe_market(visit: Visit, market: Market) -> dict[str, Any]:
    state = visit.registration.state
    certificate = state.certificates.get(market)
    return {
        "market": market,
        "steps": list_steps(state, market),
        "lists": [one.model_dump(exclude={"market"}) for one in state.publication if one.market is market],
        "complete": market in state.completed_at,
        "certificate": certificate
        and {
            "number": certificate.number,
            "url": f"/certificates/{certificate.number}?lang={visit.language}",
            "file_url": f"{visit.home}/certificates/{market}",
        },
    }


def _build_urls(visit: Visit) -> dict[str, str | None]:
    """Where the links of the tab lead (B4, B18–B20)."""
    case, links = visit.registration.case, visit.registration.policy.links
    npn = applicant_of(case).npn
    return {
        "profile": visit.url("/profile"),
        "training": visit.url("/training"),
        "tracker": f"/registry/tracker/{npn}?plan_year={case.plan_year}" if npn else None,
        "listed": f"{LISTED}?plan_year={case.plan_year}&lang={visit.language}",
        "rcl": f"{RCL}?plan_year={case.plan_year}",
        "find_local_help": links["find_local_help"].find_url(visit.language),
        "find_local_help_list": FIND_LOCAL_HELP,
    }


def list_curricula(state: RegistrationState) -> list[Curriculum]:
    """The courses somebody may choose: the short one is for those who return (B1, B11)."""
    return [one for one in Curriculum if state.opening.returning or one is not Curriculum.INDIVIDUAL_RETURNING]
