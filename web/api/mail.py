"""Where the mail server, or whoever takes mail for us, hands over reports of letters that came back (P24)."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from domain.shared.senders import ReportKind
from web.http.auth import SIGNED
from web.http.defence.senders import identify_sender
from web.services import ServicesDep

router = APIRouter(tags=["webhooks"])
ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Stored, or nothing to store: a repeat, no report of trouble, or about no letter of ours; "
        "`status` says which."
    },
    401: {"description": "Unsigned, forged or stale."},
    403: {"description": "The credential is another kind's; it says what it is for."},
    413: {"description": "Too large; what counts stands at the beginning of a message."},
    422: {"description": "No report of a letter that came back."},
}
MESSAGE = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}}}
WANTED = "Send the bearer token or the Basic credentials that you were given as the sender of reports about mail."


@router.post("/webhooks/mail", dependencies=[SIGNED], status_code=202, responses=ANSWERS, openapi_extra=MESSAGE)
async def receive_mail_report(request: Request, services: ServicesDep) -> JSONResponse:
    """One message as it came, headers first: a report that a letter came back or is late."""
    call = await identify_sender(request, services, [ReportKind.BOUNCES], wanted=WANTED)
    return JSONResponse({"status": await services.bounces.take_report(call.body, call.sender.actor)}, 202)
