"""The HTTP API of the federal program: profile, enrolments, launches, agreements, and what vendors report (B3–B16)."""

from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints, ValidationError
from starlette.exceptions import HTTPException

from db.case_state import applicant_of, load_case, load_snapshot
from db.reads.status import read_status
from db.writes.federal.launch_tickets import UnusableTicket
from db.writes.opening import SecondAccount
from db.writes.webhooks.inbox import accept_vendor_report
from domain.federal.markets import Curriculum, MarketplaceAgreement
from domain.federal.vendor_reports import parse_vendor_report
from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod, find_word_faults
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.parsing import read_json
from domain.shared.documents.texts import Text
from domain.shared.ids import is_sender_actor
from domain.shared.senders import ForbiddenReport, ReportKind
from starter.cases import now
from web.api.bodies import StrictBody, describe_body, read_body
from web.api.cases import COMMANDS, CommandId, answer_command
from web.api.webhooks import ANSWERS, REPORT, SIGN_IT, acknowledge_event
from web.http.auth import SIGNED, Registrant, StaffMember, StepCaller, find_address_faults, require_permission
from web.http.defence.senders import SenderCall, identify_sender, require_event_id
from web.http.permissions import Permission
from web.http.problems import build_problem
from web.http.sentences import explain_reason
from web.services import Services, ServicesDep

router = APIRouter(tags=["federal"])

MAY: dict[int | str, dict[str, Any]] = {
    **COMMANDS,
    401: {"description": "Staff, or a portal with a pass, only."},
    403: {"description": "The credential is not for this, or the portal has no pass for this case."},
}
# Agreements are legal acts: the person's in their own session, or staff's, never a third party's (D6).
ForAssister = Annotated[StaffMember, require_permission(Permission.ACT_FOR_ASSISTER)]
Channel = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class StepBody(StrictBody):
    """Of staff, who take a step for the assister: how they have the assister's word, and why (D6); both are audited.

    A portal says neither: it has a pass, and no word that the audit would give as staff's.
    """

    method: WordMethod | None = None
    reason: Text | None = None


class EnrollmentBody(StepBody):
    """Which course, and where: in the MLMS, or at a vendor by its id (B11, B13)."""

    curriculum: Curriculum
    channel: Channel


class OpenBody(StepBody):
    """In which language an agreement is opened; by default the registration's."""

    language: Literal["en", "es"] | None = None


class AcceptBody(StepBody):
    """The reader's word that the text was read to its end, and the hash of the text they had before them (B16)."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    read_to_end: bool = True


class TicketBody(StrictBody):
    """The launch ticket a vendor was given."""

    ticket: Annotated[str, Field(min_length=1, max_length=200)]


Step = TypeVar("Step", bound=StepBody)


async def read_step(request: Request, caller: StepCaller, model: type[Step]) -> tuple[Step, StepAuthor]:
    """A step's body, which may be empty, and who takes it. Raises `Invalid` naming every field at fault."""
    return parse_step(read_json(await request.body() or b"{}"), caller, model)


def parse_step(document: object, caller: StepCaller, model: type[Step]) -> tuple[Step, StepAuthor]:
    """The same, of parsed JSON."""
    said = find_word_faults(caller.actor, document) if isinstance(document, dict) else []
    try:
        body = model.model_validate(document)
    except ValidationError as error:
        raise Invalid([*list_faults(error), *said]) from None
    if said:
        raise Invalid(said)
    word = OnBehalf(method=body.method, reason=body.reason) if body.method and body.reason else None
    return body, StepAuthor(caller.actor, word, caller.portal_pass)


@router.post("/api/cases/{case_id}/profile", responses=MAY, openapi_extra=describe_body(dict[str, Any]))
async def save_profile(
    request: Request, services: ServicesDep, caller: Registrant, case_id: str, key: CommandId = None
) -> JSONResponse:
    """Save/Update: changed fields of the profile; the registry is asked about its NPNs, 422 with every fault named.

    Staff say `method` and `reason` beside them, as for every step they take for the assister (D6). A portal moves
    nobody's letters: an e-mail address is the person's to change, by a code to it, or staff's.
    """
    document = read_json(await request.body())
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "object")])
    said = {name: document.pop(name) for name in StepBody.model_fields if name in document}
    _, author = parse_step(said, caller, StepBody)
    if "email" in document and is_sender_actor(caller.actor):
        case = await services.database.read(load_case, case_id)
        if faults := find_address_faults(document, {applicant_of(case).email}):
            raise Invalid(faults)
    answer = await services.registrations.save_profile(case_id, document, author, key)
    return await answer_command(services, case_id, answer)


@router.post("/api/cases/{case_id}/profile/next", responses=MAY, openapi_extra=describe_body(StepBody))
async def complete_profile(request: Request, services: ServicesDep, caller: Registrant, case_id: str) -> JSONResponse:
    """Next, after Save/Update; 409 before a valid save (B7)."""
    _, author = await read_step(request, caller, StepBody)
    await services.registrations.complete_profile(case_id, author)
    return await _answer_status(services, case_id)


@router.post(
    "/api/cases/{case_id}/enrollments", status_code=201, responses=MAY, openapi_extra=describe_body(EnrollmentBody)
)
async def enroll_in_course(request: Request, services: ServicesDep, caller: Registrant, case_id: str) -> JSONResponse:
    """Enrols in a course; once each, a repeat changes nothing (B11)."""
    body, author = await read_step(request, caller, EnrollmentBody)
    await services.registrations.enroll_in_course(case_id, body.curriculum, body.channel, author)
    return await _answer_status(services, case_id, 201)


@router.post(
    "/api/cases/{case_id}/launches", status_code=201, responses=MAY, openapi_extra=describe_body(EnrollmentBody)
)
async def issue_launch_ticket(
    request: Request, services: ServicesDep, caller: Registrant, case_id: str
) -> JSONResponse:
    """A launch ticket for a vendor's site: single use, expiring; its address leads there (B14)."""
    body, author = await read_step(request, caller, EnrollmentBody)
    ticket = await services.registrations.issue_launch_ticket(case_id, body.curriculum, body.channel, author)
    document = {"ticket": ticket.ticket, "url": ticket.url, "expires_at": ticket.expires_at.isoformat()}
    return JSONResponse(document, 201, {"Cache-Control": "no-store"})


@router.post("/api/cases/{case_id}/agreements/{agreement}/open", responses=MAY, openapi_extra=describe_body(OpenBody))
async def open_agreement(
    request: Request, services: ServicesDep, me: ForAssister, case_id: str, agreement: MarketplaceAgreement
) -> JSONResponse:
    """The text in force, to be read to its end; that it was opened is recorded (B16).

    Staff on behalf of the assister, who has the pages under `/me`; a portal's credential agrees for nobody (D6).
    """
    body, author = await read_step(request, StepCaller(me.actor), OpenBody)
    snapshot = await services.database.read(load_snapshot, case_id)
    language = body.language or snapshot.applicant.language
    text = await services.registrations.open_agreement(case_id, agreement, language, author)
    document = {
        "agreement": agreement,
        "market": agreement.market,
        "version": text.version,
        "language": text.language,
        "sha256": text.sha256,
        "text": text.text,
    }
    return JSONResponse(document)


@router.post(
    "/api/cases/{case_id}/agreements/{agreement}/accept", responses=MAY, openapi_extra=describe_body(AcceptBody)
)
async def accept_agreement(
    request: Request, services: ServicesDep, me: ForAssister, case_id: str, agreement: MarketplaceAgreement
) -> JSONResponse:
    """Accepts the text, by "I Agree"; 409 when it was not opened, or profile or training is not complete (B16).

    Staff on behalf of the assister, as for opening it.
    """
    body, author = await read_step(request, StepCaller(me.actor), AcceptBody)
    if not body.read_to_end:
        raise Invalid([Fault("read_to_end", "read_to_the_end")])
    await services.registrations.accept_agreement(case_id, agreement, body.sha256, author)
    return await _answer_status(services, case_id)


async def _answer_status(services: Services, case_id: str, status: int = 200) -> JSONResponse:
    return JSONResponse(await services.database.read(read_status, case_id, now()), status)


# vendors


async def _identify_vendor(request: Request, services: Services, vendor: str) -> SenderCall:
    """The call of this vendor, by its own signature; 404 for a vendor nobody knows here, 403 for another's."""
    if vendor not in services.settings.vendors:
        raise HTTPException(404, "There is no such vendor.")
    call = await identify_sender(request, services, [ReportKind.VENDOR], wanted=SIGN_IT)
    if call.sender.id != vendor:
        raise ForbiddenReport(call.sender)
    return call


@router.post(
    "/api/vendors/{vendor}/tickets",
    dependencies=[SIGNED],
    responses={
        401: {"description": "Unsigned, forged or stale."},
        403: {"description": "The credential is another sender's, program's or kind's; it says what it is for."},
        404: {"description": "The vendor or its ticket is not known."},
        409: {"description": "The ticket was used already."},
        410: {"description": "The ticket has expired."},
    },
    openapi_extra=describe_body(TicketBody),
)
async def redeem_ticket(request: Request, services: ServicesDep, vendor: str) -> JSONResponse:
    """A vendor uses up the ticket its site was opened with; it learns the course and no personal data (B14)."""
    await _identify_vendor(request, services, vendor)
    body = await read_body(request, TicketBody)
    redeemed = await services.registrations.redeem_launch_ticket(vendor, body.ticket)
    document = {
        "learner": redeemed.learner,
        "curriculum": redeemed.curriculum,
        "language": redeemed.language,
        "plan_year": redeemed.plan_year,
        "return_url": f"{services.settings.web_url}/portal/return/{redeemed.learner}?lang={redeemed.language}",
    }
    return JSONResponse(document)


@router.post(
    "/webhooks/vendors/{vendor}", dependencies=[SIGNED], status_code=202, responses=ANSWERS, openapi_extra=REPORT
)
async def receive_vendor_webhook(request: Request, services: ServicesDep, vendor: str) -> JSONResponse:
    """A vendor reports a completed course; the person comes back to the portal to finish (B15)."""
    call = await _identify_vendor(request, services, vendor)
    event_id = require_event_id(call, 100)
    document = read_json(call.body)
    completed, digest = parse_vendor_report(document, call.sender.zone)
    received = await services.database.write(
        accept_vendor_report, call.sender, event_id, completed, digest, document, now()
    )
    return acknowledge_event(services, received)


# problems


# Why a launch ticket can't be used, as a status.
_OF_TICKET = {"ticket_unknown": 404, "ticket_used": 409, "ticket_expired": 410}


def install_handlers(app: FastAPI) -> None:
    """Translates what only this program raises into problem documents; the rest is in web/http/problems.py."""

    @app.exception_handler(UnusableTicket)
    async def unusable_ticket(_: Request, error: UnusableTicket) -> JSONResponse:
        return build_problem(_OF_TICKET[error.fault.code], explain_reason(error.fault, "en"), [error.fault])

    @app.exception_handler(SecondAccount)
    async def second_account(request: Request, error: SecondAccount) -> JSONResponse:
        url = f"{request.app.state.services.settings.web_url}/portal"
        return build_problem(409, f"{error} {url}", [Fault("email", "second_account")])
