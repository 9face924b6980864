"""Stands in for the background check vendor, in Checkr's API shapes. It checks nobody: scripts set the outcomes."""

import json
import time
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.fields import EmailAddress
from sandbox.http.pages import respond_with_page
from sandbox.http.problems import Problem
from sandbox.http.requests import read_body, require_basic_credentials
from sandbox.http.webhooks import WebhookSender
from sandbox.seeds import CHECK_OUTCOMES
from sandbox.store import Document, DocumentStore
from sandbox.timestamps import format_timestamp

OUTCOME, KEY = "outcome", "background_checks:key"
CANDIDATE, INVITATION, REPORT = "candidate", "invitation", "report"
AT_ONCE_SECONDS = 0.2
USUAL_OUTCOME: Document = {"result": "clear", "after_seconds": AT_ONCE_SECONDS}


class CheckOutcome(BaseModel):
    """What the check of the person with this e-mail finds, and after how long."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    result: Literal["clear", "consider", "canceled", "expired", "suspended", "includes_canceled"]
    after_seconds: float = Field(AT_ONCE_SECONDS, ge=0, le=86_400)
    resumed_after_seconds: float | None = Field(None, ge=0, le=86_400, description="of a suspended one, which is clear")


class CandidateRequest(BaseModel):
    """The part of a candidate this vendor reads; the real one takes more."""

    first_name: str = Field(min_length=1, max_length=100)
    last_name: str = Field(min_length=1, max_length=100)
    email: EmailAddress
    custom_id: str | None = Field(None, max_length=100)


class WorkLocation(BaseModel):
    """Where the candidate will work."""

    country: str = Field(pattern=r"^[A-Z]{2}$")
    state: str | None = None
    city: str | None = None


class InvitationRequest(BaseModel):
    """An order for a check."""

    candidate_id: str
    package: str = Field(min_length=1, max_length=100)
    work_locations: list[WorkLocation] = Field(min_length=1, max_length=10)


class BackgroundCheckStandIn:
    """The vendor: candidates, invitations and reports, and its webhooks."""

    def __init__(self, api_key: str, store: DocumentStore, sender: WebhookSender) -> None:
        self._api_key = api_key
        self._store = store
        self.sender = sender
        self.controls = Controls()
        for outcome in CHECK_OUTCOMES:
            if store.find_document(OUTCOME, outcome["email"]) is None:
                store.save_document(OUTCOME, outcome["email"], outcome)

    def build_app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/v1/candidates", self.create_candidate, methods=["POST"]),
            Route("/v1/candidates/{id}", self.show_candidate),
            Route("/v1/invitations", self.create_invitation, methods=["POST"]),
            Route("/v1/reports/{id}", self.show_report),
            Route("/invitations/{id}", self.show_invitation_page),
            Route("/outcomes", self.list_outcomes),
            Route("/outcomes", self.set_outcome, methods=["POST"]),
            self.sender.build_resend_route(),
            self.sender.build_route(),
        ]
        return build_application(self.controls, routes, "/v1/", "application/json")

    async def create_candidate(self, request: Request) -> Response:
        """A new candidate; the same Idempotency-Key again gives the same one."""
        self._require_api_key(request)
        given = await read_body(request, CandidateRequest)
        if earlier := self._find_by_key(request, CANDIDATE):
            return JSONResponse(earlier, status_code=201)
        candidate = {"object": CANDIDATE, "created_at": format_timestamp(time.time()), **given.model_dump()}
        return JSONResponse(self._save_new(request, CANDIDATE, candidate), status_code=201)

    async def show_candidate(self, request: Request) -> Response:
        """One candidate."""
        self._require_api_key(request)
        return JSONResponse(self._find_or_404(CANDIDATE, request.path_params["id"]))

    async def create_invitation(self, request: Request) -> Response:
        """Orders a check: its outcome is decided now, by the candidate's e-mail, and reported when it is due."""
        self._require_api_key(request)
        given = await read_body(request, InvitationRequest)
        if earlier := self._find_by_key(request, INVITATION):
            return JSONResponse(earlier, status_code=201)
        candidate = self._store.find_document(CANDIDATE, given.candidate_id)
        if candidate is None:
            raise Problem(422, "There is no such candidate", fault="candidate_id")
        outcome = self._store.find_document(OUTCOME, candidate["email"].lower()) or USUAL_OUTCOME
        report = None if outcome["result"] == "expired" else self._open_report(candidate, given.package, outcome)
        invitation = {
            "object": INVITATION,
            "candidate_id": given.candidate_id,
            "report_id": report["id"] if report else None,
            "package": given.package,
            "status": "pending",
            "created_at": format_timestamp(time.time()),
        }
        document = self._save_new(request, INVITATION, invitation)
        if report is None:
            expired = {**document, "status": "expired", "custom_id": candidate["custom_id"]}
            case, due = candidate["custom_id"] or candidate["id"], time.time() + outcome["after_seconds"]
            self._send_event(case, "invitation.expired", expired, due)
        return JSONResponse(document, status_code=201)

    async def show_report(self, request: Request) -> Response:
        """One report as it is by now: pending, and then what its events say."""
        self._require_api_key(request)
        report = self._find_or_404(REPORT, request.path_params["id"])
        told = [document for _, document, due in _list_events(report) if time.time() >= due]
        return JSONResponse(told[-1])

    async def show_invitation_page(self, request: Request) -> Response:
        """Where the vendor would ask the candidate for consent and data."""
        self._find_or_404(INVITATION, request.path_params["id"])
        text = "<p>Here a candidate would consent and fill in. This stand-in completes the check by itself.</p>"
        return respond_with_page("Background check", text)

    async def list_outcomes(self, _request: Request) -> Response:
        """Every outcome that is set."""
        return JSONResponse(self._store.list_documents(OUTCOME))

    async def set_outcome(self, request: Request) -> Response:
        """Sets the outcome of later checks of one e-mail."""
        outcome = (await read_body(request, CheckOutcome)).model_dump()
        self._store.save_document(OUTCOME, outcome["email"].lower(), outcome)
        return JSONResponse(outcome, status_code=201)

    def _require_api_key(self, request: Request) -> None:
        # The key is the user name of Basic credentials without a password, as Checkr has it.
        require_basic_credentials(request, self._api_key, "")

    def _find_by_key(self, request: Request, kind: str) -> Document | None:
        key = request.headers.get("idempotency-key")
        pointer = self._store.find_document(KEY, f"{kind}:{key}") if key else None
        return self._store.find_document(kind, pointer["id"]) if pointer else None

    def _save_new(self, request: Request, kind: str, document: Document) -> Document:
        document = {"id": uuid4().hex, **document}
        if kind == INVITATION:
            document["invitation_url"] = str(request.base_url.replace(path=f"/invitations/{document['id']}"))
        self._store.save_document(kind, document["id"], document)
        if key := request.headers.get("idempotency-key"):
            self._store.save_document(KEY, f"{kind}:{key}", {"id": document["id"]})
        return document

    def _find_or_404(self, kind: str, key: str) -> Document:
        document = self._store.find_document(kind, key)
        if document is None:
            raise Problem(404, f"There is no such {kind}")
        return document

    def _open_report(self, candidate: Document, package: str, outcome: Document) -> Document:
        now = time.time()
        report = {
            "id": uuid4().hex,
            "candidate_id": candidate["id"],
            "custom_id": candidate["custom_id"],
            "package": package,
            "result": outcome["result"],
            "created": now,
            "due": now + outcome["after_seconds"],
            "resumed": outcome.get("resumed_after_seconds"),
        }
        self._store.save_document(REPORT, report["id"], report)
        case = candidate["custom_id"] or candidate["id"]
        for event, document, due in _list_events(report):
            self._send_event(case, event, document, due)
        return report

    def _send_event(self, case: str, event: str, report: Document, due: float) -> None:
        event_id = uuid4().hex
        body = {
            "id": event_id,
            "object": "event",
            "type": event,
            "created_at": format_timestamp(due),
            "data": {"object": report},
        }
        self.sender.queue_event(case, event_id, event, json.dumps(body), due)


def _list_events(report: Document) -> list[tuple[str, Document, float]]:
    """What is said of a report from its beginning to its end, and when."""
    pending, due, result = _describe_pending(report), report["due"], report["result"]
    begun = [("report.created", pending, report["created"])]
    if result == "canceled":
        return [*begun, ("report.canceled", {**pending, "status": "canceled"}, due)]
    if result != "suspended":
        partial = result == "includes_canceled"
        return [*begun, ("report.completed", _describe_completed(report, "clear" if partial else result, partial), due)]
    begun.append(("report.suspended", {**pending, "status": "suspended"}, due))
    if report.get("resumed") is None:
        return begun
    again = due + report["resumed"]
    # The vendor's own times tell what came after what.
    completed = _describe_completed(report, "clear", False)
    return [*begun, ("report.resumed", pending, again), ("report.completed", completed, again + 0.1)]


def _describe_pending(report: Document) -> Document:
    return {
        "id": report["id"],
        "object": "report",
        "uri": f"/v1/reports/{report['id']}",
        "status": "pending",
        "result": None,
        "candidate_id": report["candidate_id"],
        "custom_id": report["custom_id"],
        "package": report["package"],
        "created_at": format_timestamp(report["created"]),
        "completed_at": None,
    }


def _describe_completed(report: Document, result: str, includes_canceled: bool) -> Document:
    completed: Document = {"status": "complete", "result": result, "completed_at": format_timestamp(report["due"])}
    completed["includes_canceled"] = includes_canceled
    return {**_describe_pending(report), **completed}
