"""Webhooks: verified, stored, acknowledged with 202, then delivered; an altered repeat is a 409 (C3–C5)."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from db.writes.webhooks.inbox import Received, accept_background_report, accept_portal_report, accept_statements
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.shared.senders import STATEMENTS, ReportKind, Sender
from domain.state.background_reports import parse_background_report
from domain.state.portal_reports import parse_portal_report
from starter.cases import now
from web.api.bodies import describe_body
from web.api.report_bodies import read_report
from web.http.auth import PUBLIC, SIGNED
from web.http.defence.senders import identify_sender, require_event_id
from web.http.problems import build_problem, describe_faults, join_faults
from web.services import Services, ServicesDep

router = APIRouter(tags=["webhooks"])
ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"description": "Stored; a repeat is answered the same way."},
    401: {"description": "Unsigned, forged or stale."},
    403: {"description": "The credential is another sender's, program's or kind's; it says what it is for."},
    409: {"description": "The same event id came before with another body."},
    413: {"description": "Too large."},
    422: {"description": "Not understood: the fields at fault are named."},
}
MAX_STATEMENTS = 500
# What senders put into it is their own.
REPORT = describe_body(dict[str, Any])
REPORTS = describe_body(dict[str, Any] | list[dict[str, Any]])


def acknowledge_event(services: Services, received: Received) -> JSONResponse:
    """The answer to what is stored, which is delivered beside it; what can't be delivered now is delivered later."""
    if received.to_deliver:
        _run_beside(services.cases.deliver_received(received))
    if received.altered:
        return build_problem(409, "This event id came before with another body; it is kept aside for staff.")
    if received.faults and not received.taken:
        told = f"{join_faults(received.faults)} It is kept aside for staff." if received.kept else None
        return build_problem(422, told or join_faults(received.faults), received.faults)
    document: dict[str, Any] = {"status": "repeated" if received.repeated else "stored"}
    if received.faults:
        document |= {"not_counted": describe_faults(received.faults), "kept_aside": received.kept}
    return JSONResponse(document, 202)


# The event loop holds its tasks weakly: without this set one may vanish before it is done.
_under_way: set[asyncio.Task[None]] = set()


def _run_beside(work: Any) -> None:
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_forget_task)


def _forget_task(task: asyncio.Task[None]) -> None:
    """What failed here is tried again by the delivery in the background."""
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()


SIGN_IT = "Sign the webhook with your own secret: webhook-id, webhook-timestamp and webhook-signature are needed, and \
a signature of the last five minutes."
STATEMENTS_WANTED = "Sign the webhook, or send the Basic credentials or bearer token that you were given as a sender."
CHECKS_WANTED = "Sign the webhook with your own key, as X-Checkr-Signature."


@router.post("/webhooks/lms", dependencies=[SIGNED], status_code=202, responses=ANSWERS, openapi_extra=REPORTS)
async def receive_lms_webhook(request: Request, services: ServicesDep) -> JSONResponse:
    """One report of an LMS or a list of them, in its sender's dialect; each is taken for itself."""
    call = await identify_sender(request, services, STATEMENTS, wanted=STATEMENTS_WANTED)
    return await _accept_statements(services, call.sender, read_report(request, call.body))


async def _accept_statements(services: Services, sender: Sender, document: Any) -> JSONResponse:
    read = read_statements(document, sender.dialect, sender.zone)
    if len(read) > MAX_STATEMENTS:
        raise Invalid([Fault("body", "too_long", {"limit": str(MAX_STATEMENTS)})])
    return acknowledge_event(services, await services.database.write(accept_statements, sender, read, now()))


@router.get("/xapi/about", dependencies=[PUBLIC])
async def show_xapi_versions() -> JSONResponse:
    """The versions of xAPI that are understood (P8)."""
    return JSONResponse({"version": ["1.0.3", "2.0.0"]})


@router.post("/xapi/statements", dependencies=[SIGNED], responses=ANSWERS, openapi_extra=REPORTS)
async def receive_statements(request: Request, services: ServicesDep) -> JSONResponse:
    """A learning record store forwards statements, with Basic credentials; answers their ids."""
    call = await identify_sender(request, services, STATEMENTS, wanted=STATEMENTS_WANTED)
    document = read_report(request, call.body)
    answer = await _accept_statements(services, call.sender, document)
    if answer.status_code != 202:
        return answer
    documents = document if isinstance(document, list) else [document]
    return JSONResponse([one.get("id") for one in documents if isinstance(one, dict)], 200)


@router.put("/xapi/statements", dependencies=[SIGNED], responses=ANSWERS, openapi_extra=REPORT)
async def receive_statement(
    request: Request,
    services: ServicesDep,
    statement_id: Annotated[str | None, Query(alias="statementId")] = None,
) -> Response:
    """A learning record store forwards one statement under its id."""
    call = await identify_sender(request, services, STATEMENTS, wanted=STATEMENTS_WANTED)
    document = read_report(request, call.body)
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "object")])
    if statement_id is not None and str(document.setdefault("id", statement_id)).lower() != statement_id.lower():
        raise Invalid([Fault("statementId", "mismatch")])
    answer = await _accept_statements(services, call.sender, document)
    return answer if answer.status_code != 202 else Response(status_code=204)


@router.post("/webhooks/portal", dependencies=[SIGNED], status_code=202, responses=ANSWERS, openapi_extra=REPORT)
async def receive_portal_webhook(request: Request, services: ServicesDep) -> JSONResponse:
    """The portal reports account, profile, Scheduling Tool, or a refused registration."""
    call = await identify_sender(request, services, [ReportKind.PORTAL], wanted=SIGN_IT)
    event_id = require_event_id(call, 200)
    document = read_json(call.body)
    report, digest = parse_portal_report(document, call.sender.zone)
    received = await services.database.write(
        accept_portal_report, call.sender, event_id, report, digest, document, now()
    )
    return acknowledge_event(services, received)


@router.post(
    "/webhooks/background-checks", dependencies=[SIGNED], status_code=202, responses=ANSWERS, openapi_extra=REPORT
)
async def receive_background_check_webhook(request: Request, services: ServicesDep) -> JSONResponse:
    """The background-check vendor reports; signed by X-Checkr-Signature, hex HMAC-SHA256 of the raw body."""
    call = await identify_sender(request, services, [ReportKind.BACKGROUND_CHECKS], wanted=CHECKS_WANTED)
    report = parse_background_report(read_json(call.body))
    received = await services.database.write(accept_background_report, call.sender, report, now())
    return acknowledge_event(services, received)
