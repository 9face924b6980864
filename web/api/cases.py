"""The HTTP API for scripts and staff: requests, cases, decisions and other commands, policies, the portal's look-up."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from db.reads.cases import find_applicant, read_audit, read_case_list
from db.reads.queue import Filters
from db.reads.status import read_status
from db.writes.access_log import record_access
from db.writes.opening import Opened
from domain.federal.markets import Role
from domain.federal.policies import find_federal_policy
from domain.federal.policy import FederalPolicy
from domain.programs.opening import AnyRequest, parse_vouched_request
from domain.shared.assister import Kind
from domain.shared.cases.commands import CommandState
from domain.shared.cases.stages import Stage
from domain.shared.claims import NpnProof
from domain.shared.documents.faults import Fault
from domain.shared.documents.parsing import read_json
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.vouching import ShownProof, Voucher
from domain.state.policies import find_state_policy
from domain.state.policy import Policy
from starter.cases import CommandOutcome, now
from web.api.bodies import describe_body, read_body
from web.api.case_bodies import (
    ApplicantBody,
    BeginBody,
    CorrectionBody,
    DecisionBody,
    IdentityBody,
    LiftBody,
    ReasonBody,
    ReorderBody,
    RepeatBody,
    ResendBody,
    SuspendBody,
    TerminateBody,
    ToldBody,
    WithdrawalBody,
)
from web.http.auth import PUBLIC, Intake, Portal, StaffMember, require_permission
from web.http.defence.file_access import check_file_access, require_file
from web.http.permissions import Permission
from web.http.problems import build_problem
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

router = APIRouter(prefix="/api")

Reader = Annotated[StaffMember, require_permission(Permission.READ_CASES)]
CommandId = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="the caller's id: the same command again is done once"),
]
FAULTS: dict[int | str, dict[str, Any]] = {422: {"description": "Every field at fault is named."}}
STAFF: dict[int | str, dict[str, Any]] = {
    401: {"description": "Staff only."},
    404: {"description": "There is no such case."},
}
COMMANDS: dict[int | str, dict[str, Any]] = {
    **STAFF,
    **FAULTS,
    403: {"description": "The roles of who asks don't allow it."},
    202: {"description": "Kept; no worker answered yet. It is carried out under the same id when one does."},
    409: {"description": "It can't be done now; the reason is given."},
}


@router.post(
    "/requests",
    dependencies=[limit_rate("api")],
    status_code=201,
    tags=["requests"],
    responses={
        **FAULTS,
        401: {"description": "Neither an intake partner's token nor staff's."},
        403: {"description": "The credential is not for this, or doesn't vouch for an NPN."},
        409: {"description": "The NPN or e-mail address is another person's."},
    },
    openapi_extra=describe_body(AnyRequest, proof=ShownProof),
)
async def submit_request(request: Request, services: ServicesDep, sender: Intake) -> JSONResponse:
    """A request of either program, by who vouches for its e-mail address: 201 with the case it opens, 200 for a repeat.

    Staff who may prove identity vouch for the NPN too, where `proof`, `{method, document}`, says what they have seen.
    422 with every fault named. The public's way in is the form.
    """
    wanted, proof = parse_vouched_request(read_json(await request.body()))
    if proof is not None and not sender.may_prove:
        raise HTTPException(403, sender.refusal)
    return _answer_opened(await services.cases.submit_request(wanted, Voucher(sender.actor, proof)))


def _answer_opened(opened: Opened) -> JSONResponse:
    return JSONResponse(opened.document(), 201 if opened.created else 200)


@router.get("/cases", tags=["cases"], responses=STAFF)
async def list_cases(
    services: ServicesDep,
    me: Reader,
    program: Annotated[str | None, Query(max_length=40)] = None,
    plan_year: Annotated[int | None, Query(ge=0, le=9999)] = None,
    stage: Stage | None = None,
    kind: Kind | Role | None = None,
    desk: Annotated[
        str | None,
        Query(
            max_length=250, description="what waits on this desk: mine, nobody, or who, as the answer's `desk` has it"
        ),
    ] = None,
    after: Annotated[str | None, Query(max_length=64, description="the last case_id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> JSONResponse:
    """Cases, newest first, each with on whose desk it is: `desk`, and `desk_name`, what they are called."""
    filters = Filters(program, plan_year, kind, stage, desk=me.actor if desk == "mine" else desk, at=now())
    found = await services.database.read(read_case_list, filters, after, limit)
    return JSONResponse(found)


@router.get("/cases/{case_id}", tags=["cases"], responses=STAFF)
async def show_case(services: ServicesDep, me: Reader, case_id: str, history: bool = False) -> JSONResponse:
    """The status document of a case; with ``history=true``, its facts and notices too, which may name somebody."""
    document = await services.database.read(read_status, case_id, now(), history)
    if history:
        await check_file_access(services, me, case_id)
        await services.database.write(record_access, me.actor, "history", [case_id], now())
    return JSONResponse(document)


@router.get("/cases/{case_id}/audit", tags=["cases"], responses=STAFF)
async def show_audit(
    services: ServicesDep, me: Annotated[StaffMember, require_file(Permission.READ_CASES)], case_id: str
) -> JSONResponse:
    """Every write about a case: who, when, what, why (C9)."""
    found = await services.database.read(read_audit, case_id)
    await services.database.write(record_access, me.actor, "audit", [case_id], now())
    return JSONResponse(found)


@router.post("/cases/{case_id}/decision", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(DecisionBody))
async def decide_case(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.DECIDE)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Approves, denies or asks for information; answered at once, 409 with the reason where it can't be done."""
    body = await read_body(request, DecisionBody)
    decide, actor = services.cases.decide_eligibility, me.actor
    answer = await decide(
        case_id, body.decision, body.reason, actor, body.override, key, fields=body.fields, wording=body.wording
    )
    return await answer_command(services, case_id, answer)


@router.post(
    "/cases/{case_id}/question/take-back", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(ReasonBody)
)
async def take_question_back(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.DECIDE)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Takes the open question back: the case goes on where it was; 409 where nothing is asked, or it was answered."""
    body = await read_body(request, ReasonBody)
    return await answer_command(
        services, case_id, await services.cases.take_question_back(case_id, body.reason, me.actor, key)
    )


@router.post(
    "/cases/{case_id}/withdraw", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(WithdrawalBody)
)
async def withdraw_case(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.WITHDRAW)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Withdraws a request: at the assister's wish, where `method` says how staff have it, or as staff."""
    body = await read_body(request, WithdrawalBody)
    withdraw = services.cases.withdraw_request
    answer = await withdraw(case_id, body.reason, me.actor, key, body.method, wording=body.wording)
    return await answer_command(services, case_id, answer)


@router.post("/cases/{case_id}/revoke", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(ToldBody))
async def revoke_case(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_file(Permission.REVOKE)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Revokes a certification."""
    body = await read_body(request, ToldBody)
    revoke = services.cases.revoke_certification
    answer = await revoke(case_id, body.reason, me.actor, key, wording=body.wording)
    return await answer_command(services, case_id, answer)


@router.post("/cases/{case_id}/suspend", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(SuspendBody))
async def suspend_case(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_file(Permission.SUSPEND)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Suspends the authority to assist; 422 for a day that is past or later than the policy allows (E4)."""
    body = await read_body(request, SuspendBody)
    answer = await services.cases.suspend_authority(
        case_id, body.kind, body.reason, me.actor, body.until, key, at_once=body.at_once, wording=body.wording
    )
    return await answer_command(services, case_id, answer)


@router.post("/cases/{case_id}/lift", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(LiftBody))
async def lift_suspension(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_file(Permission.LIFT)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Lifts a suspension, or takes back a termination of which notice was given (E4)."""
    body = await read_body(request, LiftBody)
    answer = await services.cases.lift_suspension(
        case_id,
        body.reason,
        me.actor,
        body.suspension_id,
        key,
        termination=body.termination,
        wording=body.wording,
    )
    return await answer_command(services, case_id, answer)


@router.post(
    "/cases/{case_id}/terminate", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(TerminateBody)
)
async def terminate_case(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_file(Permission.TERMINATE)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Terminates the authority to assist: after the policy's days of notice, or at once, which ends the case (E4)."""
    body = await read_body(request, TerminateBody)
    terminate = services.cases.terminate_authority
    answer = await terminate(case_id, body.reason, me.actor, key, at_once=body.at_once, wording=body.wording)
    return await answer_command(services, case_id, answer)


@router.post(
    "/cases/{case_id}/correct", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(CorrectionBody)
)
async def correct_name(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.CORRECT_NAME)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Corrects the name of who is certified: a new certificate supersedes the one before (E11)."""
    body = await read_body(request, CorrectionBody)
    answer = await services.cases.correct_name(case_id, body.build_command(), body.reason, me.actor, key)
    return await answer_command(services, case_id, answer)


@router.post("/cases/{case_id}/resend", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(ResendBody))
async def resend_notice(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.RESEND)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Sends a notice again; a new activation link voids the old one (A28)."""
    body = await read_body(request, ResendBody)
    return await answer_command(
        services, case_id, await services.cases.resend_notice(case_id, body.notice, body.reason, me.actor, key)
    )


@router.post(
    "/cases/{case_id}/check/reorder", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(ReorderBody)
)
async def reorder_check(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.REORDER_CHECK)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Has a background check ordered anew that was canceled, wholly or in part, or has expired (E8)."""
    body = await read_body(request, ReorderBody)
    answer = await services.cases.reorder_check(case_id, body.reason, me.actor, body.consent, key)
    return await answer_command(services, case_id, answer)


@router.post(
    "/cases/{case_id}/check/repeat", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(RepeatBody)
)
async def repeat_checks(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.REPEAT_CHECKS)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Has checks of a case made again before it is decided, once a minute at most (A13)."""
    body = await read_body(request, RepeatBody)
    answer = await services.cases.repeat_checks(case_id, body.reason, me.actor, body.source, key)
    return await answer_command(services, case_id, answer)


@router.post("/cases/{case_id}/identity", tags=["cases"], responses=COMMANDS, openapi_extra=describe_body(IdentityBody))
async def prove_identity(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.PROVE_IDENTITY)],
    case_id: str,
) -> JSONResponse:
    """Staff prove whose the NPN of a case is; 409 where somebody else has proven it. A repeat changes nothing."""
    body = await read_body(request, IdentityBody)
    await services.claims.prove_identity(case_id, NpnProof(body.method, me.actor, body.document, body.reason))
    return JSONResponse(await services.database.read(read_status, case_id, now()))


async def answer_command(services: Services, case_id: str, answer: CommandOutcome) -> JSONResponse:
    """The status document as it stands now, with the command's id and state: 200 applied, 202 pending."""
    status = await services.database.read(read_status, case_id, now())
    return JSONResponse(status | answer.document(), 202 if answer.state == CommandState.PENDING else 200)


@router.post(
    "/assisters/{assister_id}/cases",
    status_code=201,
    tags=["cases"],
    responses={**COMMANDS, 404: {"description": "There is no such assister."}},
    openapi_extra=describe_body(BeginBody),
)
async def begin_case(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.BEGIN)],
    assister_id: str,
) -> JSONResponse:
    """Opens a returning assister's case without a form (A11)."""
    body = await read_body(request, BeginBody)
    return _answer_opened(await services.cases.begin_case(assister_id, body.program, body.plan_year, me.actor))


@router.get("/policies/{program}/{plan_year}", dependencies=[PUBLIC], tags=["policies"])
async def show_policy(program: str, plan_year: int) -> Policy | FederalPolicy:
    """The policy in force."""
    found = find_federal_policy(plan_year) if program == FEDERAL_PROGRAM else find_state_policy(program, plan_year)
    if found is None:
        raise HTTPException(404, "There is no policy for this program and plan year.")
    return found


@router.post("/portal/applicants", tags=["portal"], openapi_extra=describe_body(ApplicantBody))
async def identify_applicant(request: Request, services: ServicesDep, _: Portal) -> JSONResponse:
    """For the portal: whose e-mail this is (case and kind), and whether the certificate number is theirs."""
    body = await read_body(request, ApplicantBody)
    found = await services.database.read(find_applicant, body.email, body.certificate_number, now())
    if found is None:
        return build_problem(404, "There is no case for this e-mail.", [Fault("email", "mismatch")])
    return JSONResponse(found)
