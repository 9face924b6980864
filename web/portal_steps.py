"""The steps of a federal registration as pages: profile, training, agreements, certificates (B5–B17)."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from db.people import Conflict
from db.tables import CommandRow
from domain.agreements import marketplace_agreement
from domain.faults import Fault, Invalid
from domain.marketplace import MLMS, Curriculum, Market, MarketplaceAgreement, Role
from domain.notices import Topic
from domain.profile import REQUIRED
from domain.reasons import SENTENCES
from domain.registration import NpnStatus, why_not_accept
from starter.cases import PENDING, NotNow
from templates.catalogs import translated
from web.auth import Parts
from web.door import Door
from web.forms import Values, errors_of, posted
from web.limits import content_security_policy
from web.pages import PRIVATE, contact_of, render
from web.portal_form import in_order, is_changed, profile_changes, role_of, values_of
from web.portal_frame import Visit, back, ended, refused, sentences_of, unknown_link, visit_of
from web.portal_home import curricula_of, mlms_of, vendor_sites, vendors_of

router = APIRouter(prefix="/status/{token}", include_in_schema=False, default_response_class=HTMLResponse)

# What the buttons of the profile are called when they are pressed.
SHOW_FIELDS, SAVE, NEXT = "role", "save", "next"


# the MLMS profile


@router.get("/profile")
async def profile(token: str, request: Request, parts: Parts) -> Response:
    """The MLMS profile, its fields by the role (B5)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    if visit.place.state.ended:
        return back(visit)
    return await _profile(request, parts, visit)


@router.post("/profile")
async def save(token: str, request: Request, parts: Parts) -> Response:
    """Save/Update, Next, or the fields of another role, by the button that was pressed (B5, B7)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    if visit.place.state.ended:
        return ended(parts, visit)
    values = await posted(request)
    step = values.pop("step", SAVE)
    if step == SHOW_FIELDS:
        return await _profile(request, parts, visit, values)
    if step == NEXT:
        return await _next(request, parts, visit, values)
    try:
        await parts.marketplace.save_profile(
            visit.place.case.case_id, profile_changes(values, role_of(values, visit.place.state.profile.role))
        )
    except Invalid as invalid:
        return await _profile(request, parts, visit, values, in_order(invalid.faults))
    except NotNow:
        return ended(parts, visit)
    return back(visit, "/profile", saved="1")


async def _next(request: Request, parts: Door, visit: Visit, values: Values) -> Response:
    """Next, refused before a valid save, and while the form holds something that isn't saved (B7)."""
    last = await parts.views.last_save(visit.place.case.case_id)
    if is_changed(values, _known(visit, last), role_of(values, visit.place.state.profile.role)):
        return await _profile(request, parts, visit, values, stopped=SENTENCES["profile_not_saved"])
    try:
        await parts.marketplace.next(visit.place.case.case_id)
    except Conflict as conflict:
        return await _profile(request, parts, visit, values, stopped=str(conflict))
    return back(visit, told="next")


async def _profile(
    request: Request,
    parts: Door,
    visit: Visit,
    values: Values | None = None,
    faults: Sequence[Fault] = (),
    stopped: str | None = None,
) -> HTMLResponse:
    """The profile's page; ``values`` as posted, with their ``faults``; ``stopped`` says why Next was refused."""
    case, state, language = visit.place.case, visit.place.state, visit.language
    last = await parts.views.last_save(case.case_id)
    waits = last is not None and last.state == PENDING
    known = _known(visit, last)
    shown = known if values is None else {**known, **values}
    role = role_of(shown, state.profile.role)
    return render(
        parts,
        "portal_profile.html",
        language,
        contact_of(visit.place.policy, Topic.TRAINING, language),
        here=f"{visit.home}/profile",
        status=409 if stopped else 422 if faults else 200,
        home_url=visit.url(),
        action=visit.url("/profile"),
        plan_year=case.plan_year,
        roles=list(Role),
        role=role,
        required=REQUIRED[role],
        is_saved=state.profile.version > 0,
        is_complete=state.profile.completed_at is not None,
        npn=state.profile.npn,
        waits=waits,
        saved=request.query_params.get("saved") == "1" and not waits and values is None,
        refused=_refused(visit, last) if values is None else None,
        stopped=translated(stopped, language) if stopped else None,
        values=shown,
        errors=errors_of(faults, language),
    )


def _known(visit: Visit, last: CommandRow | None) -> Values:
    """What the profile holds: as it was sent last, where that waits for a worker; else as it is saved."""
    waiting = last.data["profile"] if last is not None and last.state == PENDING else visit.place.case.request
    return values_of(waiting)


def _refused(visit: Visit, last: CommandRow | None) -> str | None:
    """What is wrong with the profile: with the one refused last, or with the NPNs of the one saved."""
    saved_at = visit.place.state.profile.saved_at
    if last is not None and last.state == "refused" and (saved_at is None or saved_at < last.created_at):
        faults = [Fault(field, code) for field, code in last.data.get("faults", ())]
        return sentences_of(faults, visit.language) or None
    if visit.place.state.profile.npn is NpnStatus.REFUSED:
        return sentences_of(visit.place.npn_faults, visit.language)
    return None


# the training


@router.get("/training")
async def training(token: str, request: Request, parts: Parts) -> Response:
    """The courses one is enrolled in, and those that can be added (B11)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    return back(visit) if visit.place.state.ended else await _training(request, parts, visit)


@router.post("/training")
async def enroll(token: str, request: Request, parts: Parts) -> Response:
    """Enrols in a course, in the MLMS or at an approved vendor (B11–B13)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    if visit.place.state.ended:
        return ended(parts, visit)
    values = await posted(request)
    curriculum, channel = _course(values), values.get("channel")
    if curriculum is None or not channel:
        missing = {"curriculum": curriculum, "channel": channel}
        faults = [Fault(name, "required") for name, value in missing.items() if not value]
        return await _training(request, parts, visit, values, faults)
    try:
        await parts.marketplace.enroll(visit.place.case.case_id, curriculum, channel)
    except Invalid as invalid:
        return await _training(request, parts, visit, values, _by_name(visit, invalid.faults))
    except Conflict as conflict:
        return refused(parts, visit, "refused", 409, translated(str(conflict), visit.language))
    return back(visit, "/training", enrolled="1")


@router.post("/launches")
async def launch(token: str, request: Request, parts: Parts) -> Response:
    """Access Training: a ticket of single use, and on to the vendor's site with it (B14)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    if visit.place.state.ended:
        return ended(parts, visit)
    values = await posted(request)
    curriculum = _course(values)
    if curriculum is None:
        return refused(parts, visit, "no_such_step", 422)
    try:
        ticket = await parts.marketplace.launch(visit.place.case.case_id, curriculum, values.get("channel", ""))
    except Invalid as invalid:
        return refused(parts, visit, "refused", 422, sentences_of(_by_name(visit, invalid.faults), visit.language))
    except Conflict as conflict:
        return refused(parts, visit, "refused", 409, translated(str(conflict), visit.language))
    return RedirectResponse(ticket.url, 303, PRIVATE)


async def _training(
    request: Request, parts: Door, visit: Visit, values: Values | None = None, faults: Sequence[Fault] = ()
) -> HTMLResponse:
    case, policy, state = visit.place.case, visit.place.policy, visit.place.state
    return render(
        parts,
        "portal_training.html",
        visit.language,
        contact_of(policy, Topic.TRAINING, visit.language),
        here=f"{visit.home}/training",
        status=422 if faults else 200,
        headers={**PRIVATE, "Content-Security-Policy": content_security_policy(*vendor_sites(parts, visit))},
        home_url=visit.url(),
        plan_year=case.plan_year,
        enrolled=request.query_params.get("enrolled") == "1",
        mlms=await mlms_of(parts, visit),
        vendors=vendors_of(visit),
        action=visit.url("/training"),
        curricula=curricula_of(state),
        channels=[
            {"channel": MLMS, "name": None, "curricula": list(Curriculum)},
            *({"channel": key, **vendor.model_dump()} for key, vendor in policy.vendors.items()),
        ],
        values=values or {},
        errors=errors_of(faults, visit.language),
    )


def _course(values: Values) -> Curriculum | None:
    return next((one for one in Curriculum if one == values.get("curriculum")), None)


def _by_name(visit: Visit, faults: Sequence[Fault]) -> list[Fault]:
    """Faults that list vendors name them as the page does, not by their ids."""
    vendors = visit.place.policy.vendors

    def named(ids: str) -> str:
        return ", ".join(vendors[one].name if one in vendors else one for one in ids.split(", "))

    return [
        Fault(one.field, one.code, tuple((key, named(text) if key == "vendors" else text) for key, text in one.details))
        for one in faults
    ]


# the agreements


@router.get("/agreements/{name}")
async def agreement(token: str, name: str, request: Request, parts: Parts) -> Response:
    """An agreement before it is launched; its text once it is accepted (B16)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    return await _agreement(parts, visit, name)


@router.get("/agreements/{name}/open")
@router.get("/agreements/{name}/accept")
async def launch_anew(token: str, name: str, request: Request, parts: Parts) -> Response:
    """Where a browser comes back to after a form post: the agreement is launched anew."""
    visit = await visit_of(request, parts, token)
    return back(visit, f"/agreements/{_named(name)}") if visit and _named(name) else unknown_link(request, parts)


@router.post("/agreements/{name}/open")
async def launch_agreement(token: str, name: str, request: Request, parts: Parts) -> Response:
    """Launch: the full text, and "I Agree" after its end; that it was opened is recorded (B16)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    if visit.place.state.ended:
        return ended(parts, visit)
    wanted = _named(name)
    if wanted is None:
        return refused(parts, visit, "no_such_step", 404)
    try:
        await parts.marketplace.open_agreement(visit.place.case.case_id, wanted, visit.language)
    except Conflict as conflict:
        return refused(parts, visit, "refused", 409, translated(str(conflict), visit.language))
    return await _agreement(parts, await _again(request, parts, visit), name, launched=True)


@router.post("/agreements/{name}/accept")
async def accept(token: str, name: str, request: Request, parts: Parts) -> Response:
    """I Agree, to the text whose hash the page holds (B16)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    if visit.place.state.ended:
        return ended(parts, visit)
    wanted, values = _named(name), await posted(request)
    if wanted is None:
        return refused(parts, visit, "no_such_step", 404)
    try:
        await parts.marketplace.accept_agreement(visit.place.case.case_id, wanted, values.get("sha256", ""))
    except Invalid as invalid:
        return refused(parts, visit, "refused", 422, sentences_of(invalid.faults, visit.language))
    except Conflict as conflict:
        return refused(parts, visit, "refused", 409, translated(str(conflict), visit.language))
    return back(visit, told="accepted")


async def _again(request: Request, parts: Door, visit: Visit) -> Visit:
    """The same visit, with the registration as it stands now."""
    return await visit_of(request, parts, visit.token) or visit


async def _agreement(parts: Door, visit: Visit, name: str, launched: bool = False) -> HTMLResponse:
    place, language = visit.place, visit.language
    wanted = _named(name)
    standing = next((one for one in place.state.agreements if one.agreement == wanted), None)
    if wanted is None or standing is None:
        return refused(parts, visit, "no_such_step", 404)
    accepted = standing.accepted_at is not None
    why_not = why_not_accept(place.state, wanted) if launched else None
    read_in = standing.language if accepted and standing.language else language
    here = f"/agreements/{wanted}"
    return render(
        parts,
        "portal_agreement.html",
        language,
        contact_of(place.policy, Topic.TRAINING, language),
        here=f"{visit.home}{here}",
        home_url=visit.url(),
        agreement=wanted,
        market=wanted.market,
        version=standing.version,
        text=marketplace_agreement(wanted, read_in) if launched or accepted else None,
        accepted_at=standing.accepted_at,
        open_action=None if accepted or launched or place.state.ended else visit.url(f"{here}/open"),
        accept_action=visit.url(f"{here}/accept") if launched and not accepted and why_not is None else None,
        why_not=translated(SENTENCES[why_not], language) if why_not else None,
    )


def _named(name: str) -> MarketplaceAgreement | None:
    return next((one for one in MarketplaceAgreement if one == name), None)


# the certificates


@router.get("/certificates/{name}")
async def certificate(token: str, name: str, request: Request, parts: Parts) -> Response:
    """Print Certificate(s): a market's certificate as a file, once its every step is complete (B17)."""
    visit = await visit_of(request, parts, token)
    if visit is None:
        return unknown_link(request, parts)
    market = next((one for one in Market if one == name), None)
    if market is None:
        return refused(parts, visit, "no_such_step", 404)
    issued = visit.place.state.certificates.get(market)
    uri = visit.place.certificate_uris.get(market)
    if issued is None or uri is None:
        why = translated(SENTENCES["certificate_after_all_steps"], visit.language)
        return refused(parts, visit, "no_certificate", 404, why)
    file = parts.settings.certificates_dir / Path(uri).name
    if not file.is_file():
        return refused(parts, visit, "no_file", 503)
    return FileResponse(
        file, headers=PRIVATE, media_type="application/pdf", filename=f"certificate-{issued.number}.pdf"
    )
