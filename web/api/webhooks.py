"""Webhooks: verified, stored, acknowledged with 202, then delivered; an altered repeat is a 409 (C3–C5)."""

import asyncio
import hmac
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.exceptions import HTTPException

from db.writes.webhooks.inbox import Received, accept_background_report, accept_portal_report, accept_statements
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import parse_statements
from domain.state.background_reports import parse_background_report
from domain.state.portal_reports import parse_portal_report
from starter.cases import now
from web.http.auth import SIGNED, RecordStore
from web.http.problems import build_problem
from web.services import Services, ServicesDep

router = APIRouter(tags=["webhooks"])
ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"description": "Stored; a repeat is answered the same way."},
    401: {"description": "Unsigned, forged or stale."},
    409: {"description": "The same event id came before with another body."},
    413: {"description": "Too large."},
    422: {"description": "Not understood: the fields at fault are named."},
}
MAX_STATEMENTS = 500


async def verify_webhook(request: Request, secrets: SecretStr) -> tuple[str, bytes]:
    """The id and body of a webhook signed by the Standard Webhooks scheme; 401 otherwise."""
    body = await request.body()
    headers = {name: request.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    if not all(headers.values()):
        raise HTTPException(401, "Sign the webhook: webhook-id, webhook-timestamp and webhook-signature are needed.")
    # While a secret is replaced, the old and the new one stand here.
    for secret in secrets.get_secret_value().split():
        try:
            Webhook(secret).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: no base64, no UTF-8, a malformed header
            continue
        return headers["webhook-id"], body
    raise HTTPException(401, "The signature is wrong, or older than five minutes.")


def acknowledge_event(services: Services, received: Received) -> JSONResponse:
    """The answer to what is stored, which is delivered beside it; what can't be delivered now is delivered later."""
    if received.altered:
        return build_problem(409, "This event id came before with another body; it is kept aside for staff.")
    if received.to_deliver:
        _run_beside(services.cases.deliver_received(received))
    return JSONResponse({"status": "repeated" if received.repeated else "stored"}, 202)


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


@router.post("/webhooks/lms", dependencies=[SIGNED], status_code=202, responses=ANSWERS)
async def receive_lms_webhook(request: Request, services: ServicesDep) -> JSONResponse:
    """One xAPI statement or a list of them, all or nothing."""
    _, body = await verify_webhook(request, services.settings.lms_webhook_secret)
    return await _accept_statements(services, read_json(body))


async def _accept_statements(services: Services, document: Any) -> JSONResponse:
    statements = parse_statements(document)
    if len(statements) > MAX_STATEMENTS:
        raise Invalid([Fault("body", "too_long", {"limit": str(MAX_STATEMENTS)})])
    documents = [document] if isinstance(document, dict) else document
    return acknowledge_event(services, await services.database.write(accept_statements, statements, documents, now()))


@router.post("/xapi/statements", responses=ANSWERS)
async def receive_statements(request: Request, services: ServicesDep, _: RecordStore) -> JSONResponse:
    """A learning record store forwards statements, with Basic credentials; answers their ids."""
    document = read_json(await request.body())
    answer = await _accept_statements(services, document)
    if answer.status_code != 202:
        return answer
    documents = [document] if isinstance(document, dict) else document
    return JSONResponse([one["id"] for one in documents], 200)


@router.put("/xapi/statements", responses=ANSWERS)
async def receive_statement(
    request: Request,
    services: ServicesDep,
    _: RecordStore,
    statement_id: Annotated[str | None, Query(alias="statementId")] = None,
) -> Response:
    """A learning record store forwards one statement under its id."""
    document = read_json(await request.body())
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "object")])
    if statement_id is not None and str(document.setdefault("id", statement_id)).lower() != statement_id.lower():
        raise Invalid([Fault("statementId", "mismatch")])
    answer = await _accept_statements(services, document)
    return answer if answer.status_code != 202 else Response(status_code=204)


@router.post("/webhooks/portal", dependencies=[SIGNED], status_code=202, responses=ANSWERS)
async def receive_portal_webhook(request: Request, services: ServicesDep) -> JSONResponse:
    """The portal reports account, profile, Scheduling Tool, or a refused registration."""
    event_id, body = await verify_webhook(request, services.settings.portal_webhook_secret)
    if len(event_id) > 200:
        raise Invalid([Fault("webhook-id", "too_long", {"limit": "200"})])
    document = read_json(body)
    report, digest = parse_portal_report(document)
    received = await services.database.write(accept_portal_report, event_id, report, digest, document, now())
    return acknowledge_event(services, received)


@router.post("/webhooks/background-checks", dependencies=[SIGNED], status_code=202, responses=ANSWERS)
async def receive_background_check_webhook(request: Request, services: ServicesDep) -> JSONResponse:
    """The background-check vendor reports; signed by X-Checkr-Signature, hex HMAC-SHA256 of the raw body."""
    body = await request.body()
    # No time is signed, so that an old event can't be told from a new one here: what came before is known by its id.
    key = services.settings.background_checks_webhook_secret.get_secret_value().encode()
    wanted = hmac.new(key, body, sha256).hexdigest()
    given = request.headers.get("x-checkr-signature", "")
    if not hmac.compare_digest(wanted.encode(), given.strip().lower().encode()):
        raise HTTPException(401, "The signature is missing or wrong.")
    report = parse_background_report(read_json(body))
    return acknowledge_event(services, await services.database.write(accept_background_report, report, now()))
