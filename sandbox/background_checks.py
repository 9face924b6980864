"""Stands in for the background check vendor (Checkr's API shapes). It checks nobody: outcomes are told to it."""

import json
import time
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import respond
from sandbox.http.requests import Problem, demand_basic, read
from sandbox.http.webhooks import Deliveries
from sandbox.seeds import OUTCOMES
from sandbox.store import Document, Shelf

OUTCOME, KEY = "outcome", "background_checks:key"
CANDIDATE, INVITATION, REPORT = "candidate", "invitation", "report"
EMAIL = r"^[^@\s]+@[^@\s]+$"
AT_ONCE_SECONDS = 0.2


class Outcome(BaseModel):
    """What the check of the person with this e-mail shall find, and when."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(pattern=EMAIL, max_length=254)
    result: Literal["clear", "consider"]
    after_seconds: float = Field(AT_ONCE_SECONDS, ge=0, le=86_400)


class Candidate(BaseModel):
    """The part of a candidate this vendor reads; the real one takes more."""

    first_name: str = Field(min_length=1, max_length=100)
    last_name: str = Field(min_length=1, max_length=100)
    email: str = Field(pattern=EMAIL, max_length=254)
    custom_id: str | None = Field(None, max_length=100)


class WorkLocation(BaseModel):
    """Where the candidate will work."""

    country: str = Field(pattern=r"^[A-Z]{2}$")
    state: str | None = None
    city: str | None = None


class Invitation(BaseModel):
    """An order for a check."""

    candidate_id: str
    package: str = Field(min_length=1, max_length=100)
    work_locations: list[WorkLocation] = Field(min_length=1, max_length=10)


class BackgroundChecks:
    """The vendor: candidates, invitations and reports, and its webhooks."""

    def __init__(self, api_key: str, shelf: Shelf, deliveries: Deliveries) -> None:
        self._api_key = api_key
        self._shelf = shelf
        self.deliveries = deliveries
        self.controls = Controls()
        for outcome in OUTCOMES:
            if shelf.get(OUTCOME, outcome["email"]) is None:
                shelf.put(OUTCOME, outcome["email"], outcome)

    def app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/v1/candidates", self.create_candidate, methods=["POST"]),
            Route("/v1/candidates/{id}", self.candidate),
            Route("/v1/invitations", self.create_invitation, methods=["POST"]),
            Route("/v1/reports/{id}", self.report),
            Route("/invitations/{id}", self.invitation_page),
            Route("/outcomes", self.outcomes),
            Route("/outcomes", self.tell_outcome, methods=["POST"]),
            self.deliveries.route(),
        ]
        return application(self.controls, routes, "/v1/", "application/json")

    async def create_candidate(self, request: Request) -> Response:
        """A new candidate; the same Idempotency-Key again gives the same one."""
        demand_basic(request, self._api_key, "")
        given = await read(request, Candidate)
        if known := self._known(request, CANDIDATE):
            return JSONResponse(known, status_code=201)
        candidate = {"object": CANDIDATE, "created_at": _iso(time.time()), **given.model_dump()}
        return JSONResponse(self._create(request, CANDIDATE, candidate), status_code=201)

    async def candidate(self, request: Request) -> Response:
        """One candidate."""
        demand_basic(request, self._api_key, "")
        return JSONResponse(self._find(CANDIDATE, request.path_params["id"]))

    async def create_invitation(self, request: Request) -> Response:
        """Orders a check: the report is decided now, by the candidate's e-mail, and told by webhook when it is due."""
        demand_basic(request, self._api_key, "")
        given = await read(request, Invitation)
        if known := self._known(request, INVITATION):
            return JSONResponse(known, status_code=201)
        candidate = self._shelf.get(CANDIDATE, given.candidate_id)
        if candidate is None:
            raise Problem(422, "There is no such candidate", fault="candidate_id")
        report = self._open_report(candidate, given.package)
        invitation = {
            "object": INVITATION,
            "candidate_id": given.candidate_id,
            "report_id": report["id"],
            "package": given.package,
            "status": "pending",
            "created_at": _iso(time.time()),
        }
        document = self._create(request, INVITATION, invitation)
        return JSONResponse(document, status_code=201)

    async def report(self, request: Request) -> Response:
        """One report: pending until it is due, then complete."""
        demand_basic(request, self._api_key, "")
        report = self._find(REPORT, request.path_params["id"])
        return JSONResponse(_completed(report) if time.time() >= report["due"] else _pending(report))

    async def invitation_page(self, request: Request) -> Response:
        """Where the vendor would ask the candidate for consent and data."""
        self._find(INVITATION, request.path_params["id"])
        text = "<p>Here a candidate would consent and fill in. This stand-in completes the check by itself.</p>"
        return respond("Background check", text)

    async def outcomes(self, _request: Request) -> Response:
        """What was told so far."""
        return JSONResponse(self._shelf.all(OUTCOME))

    async def tell_outcome(self, request: Request) -> Response:
        """Decides later checks of one e-mail."""
        outcome = (await read(request, Outcome)).model_dump()
        self._shelf.put(OUTCOME, outcome["email"].lower(), outcome)
        return JSONResponse(outcome, status_code=201)

    def _known(self, request: Request, kind: str) -> Document | None:
        key = request.headers.get("idempotency-key")
        pointer = self._shelf.get(KEY, f"{kind}:{key}") if key else None
        return self._shelf.get(kind, pointer["id"]) if pointer else None

    def _create(self, request: Request, kind: str, document: Document) -> Document:
        document = {"id": uuid4().hex, **document}
        if kind == INVITATION:
            document["invitation_url"] = str(request.base_url.replace(path=f"/invitations/{document['id']}"))
        self._shelf.put(kind, document["id"], document)
        if key := request.headers.get("idempotency-key"):
            self._shelf.put(KEY, f"{kind}:{key}", {"id": document["id"]})
        return document

    def _find(self, kind: str, key: str) -> Document:
        document = self._shelf.get(kind, key)
        if document is None:
            raise Problem(404, f"There is no such {kind}")
        return document

    def _open_report(self, candidate: Document, package: str) -> Document:
        told = self._shelf.get(OUTCOME, candidate["email"].lower())
        outcome = told or {"result": "clear", "after_seconds": AT_ONCE_SECONDS}
        now = time.time()
        report = {
            "id": uuid4().hex,
            "candidate_id": candidate["id"],
            "custom_id": candidate["custom_id"],
            "package": package,
            "result": outcome["result"],
            "created": now,
            "due": now + outcome["after_seconds"],
        }
        self._shelf.put(REPORT, report["id"], report)
        case = candidate["custom_id"] or candidate["id"]
        self._announce(case, "report.created", _pending(report), now)
        self._announce(case, "report.completed", _completed(report), report["due"])
        return report

    def _announce(self, case: str, event: str, report: Document, due: float) -> None:
        event_id = uuid4().hex
        body = {"id": event_id, "object": "event", "type": event, "created_at": _iso(due), "data": {"object": report}}
        self.deliveries.send(case, event_id, event, json.dumps(body), due)


def _pending(report: Document) -> Document:
    return {
        "id": report["id"],
        "object": "report",
        "uri": f"/v1/reports/{report['id']}",
        "status": "pending",
        "result": None,
        "candidate_id": report["candidate_id"],
        "custom_id": report["custom_id"],
        "package": report["package"],
        "created_at": _iso(report["created"]),
        "completed_at": None,
    }


def _completed(report: Document) -> Document:
    completed = {"status": "complete", "result": report["result"], "completed_at": _iso(report["due"])}
    return {**_pending(report), **completed}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
