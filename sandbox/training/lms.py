"""Stands in for the LMS: places, a learner's pages and API, signed xAPI statements. It judges no case."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import button, definitions, respond
from sandbox.http.requests import Problem, demand_bearer, demand_key, is_form, read
from sandbox.http.webhooks import Deliveries
from sandbox.store import Document, Shelf

LEARNER, STATEMENT, KEY = "learner", "statement", "lms:key"
VERBS = "http://adlnet.gov/expapi/verbs/"
OWN_PASS_MARK = Decimal("0.80")
SCALED = r"^(0(\.\d{1,50})?|1(\.0{1,50})?)$"
REASONABLE = r"^\d{1,9}(\.\d{1,9})?$"

Name = Annotated[str, Field(min_length=1, max_length=200)]
Iri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$", max_length=500)]


class Learner(BaseModel):
    """Who learns what, as the exchange tells it."""

    model_config = ConfigDict(extra="forbid")

    registration: UUID
    assister_id: Name
    account: Name | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    first_name: Name
    last_name: Name
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    home_page: Iri
    account_id: Iri
    profile_id: Iri
    course_id: Iri
    exam_id: Iri


def _digits(value: Any) -> Any:
    """A JSON number is as good as a string of its digits."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Exam(BaseModel):
    """A result chosen by whoever sits the exam: a scaled score, or raw points and their maximum."""

    model_config = ConfigDict(extra="forbid")

    score: Annotated[str, BeforeValidator(_digits), Field(pattern=SCALED)] | None = None
    raw: Annotated[str, BeforeValidator(_digits), Field(pattern=REASONABLE)] | None = None
    max: Annotated[str, BeforeValidator(_digits), Field(pattern=REASONABLE)] | None = None
    verb: Literal["passed", "failed", "scored"] | None = None

    @model_validator(mode="after")
    def _one_result(self) -> "Exam":
        scaled, points = self.score is not None, self.raw is not None and self.max is not None
        if scaled == points or (scaled and (self.raw or self.max)):
            raise ValueError("give either score, or raw and max")
        if points and not Decimal(self.raw or 0) <= Decimal(self.max or 0) != 0:
            raise ValueError("raw is at most max, and max is not 0")
        return self

    def share(self) -> Decimal:
        """The share of the points, 0 to 1."""
        return Decimal(self.score) if self.score is not None else Decimal(self.raw or 0) / Decimal(self.max or 1)

    def result(self) -> Document:
        """xAPI's result, with the digits as given and this LMS's own verdict."""
        scaled = {"scaled": Decimal(self.score)} if self.score is not None else None
        points = {"raw": Decimal(self.raw or 0), "min": 0, "max": Decimal(self.max or 0)}
        return {"score": scaled or points, "success": self.share() >= OWN_PASS_MARK}

    def verb_told(self) -> str:
        """The verb asked for, or the verdict's."""
        return self.verb or ("passed" if self.share() >= OWN_PASS_MARK else "failed")


class Resend(BaseModel):
    """What to send again: all of a learner's statements, or one."""

    model_config = ConfigDict(extra="forbid")

    registration: UUID | None = None
    statement_id: UUID | None = None

    @model_validator(mode="after")
    def _one(self) -> "Resend":
        if (self.registration is None) == (self.statement_id is None):
            raise ValueError("give either registration or statement_id")
        return self


Step = Callable[[Document], Document]


def _step(verb: str, activity: str, **progress: str) -> Step:
    """A step of the way that needs nothing said: its verb, its activity, and the learner's progress after it."""

    def take(learner: Document) -> Document:
        learner["progress"].update(progress)
        return statement(learner, verb, learner[activity])

    return take


STEPS: dict[str, Step] = {
    "account": _step("registered", "account_id", account="ready"),
    "profile": _step("completed", "profile_id", profile="complete"),
    "course/start": _step("initialized", "course_id", course="started"),
    "course/complete": _step("completed", "course_id", course="completed"),
}
LABELS = {
    "account": "Set up my account",
    "profile": "Complete my profile",
    "course/start": "Start the course",
    "course/complete": "Complete the course",
}


class Lms:
    """The learning management system: learners by registration, and what each of them did."""

    def __init__(self, token: str, shelf: Shelf, deliveries: Deliveries) -> None:
        self._token = token
        self._shelf = shelf
        self.deliveries = deliveries
        self.controls = Controls()

    def app(self) -> Starlette:
        """Its web application."""
        steps = [Route(f"/learners/{{registration}}/{path}", self._taking(path), methods=["POST"]) for path in STEPS]
        routes = [
            Route("/api/v1/invitations", self.invite, methods=["POST"]),
            Route("/api/v1/enrollments", self.enroll, methods=["POST"]),
            *steps,
            Route("/learners/{registration}/exam", self.exam, methods=["POST"]),
            Route("/learners/{registration}", self.learner),
            Route("/learners", self.learners),
            Route("/webhooks/resend", self.resend, methods=["POST"]),
            Route("/", self.front),
            self.deliveries.route(),
        ]
        return application(self.controls, routes, "/api/", "application/json")

    async def invite(self, request: Request) -> Response:
        """A place for somebody who has yet to set up account and profile."""
        demand_bearer(request, self._token)
        key = demand_key(request)
        learner = await read(request, Learner)
        if learner.account is not None:
            raise Problem(422, "An invitation is for those without an account", fault="account")
        return self._admit(request, f"invitation:{key}", learner, account="none", profile="incomplete")

    async def enroll(self, request: Request) -> Response:
        """A place for somebody whose account and profile are there already."""
        demand_bearer(request, self._token)
        key = demand_key(request)
        learner = await read(request, Learner)
        return self._admit(request, f"enrollment:{key}", learner, account="ready", profile="complete")

    async def learners(self, _request: Request) -> Response:
        """Every learner."""
        return JSONResponse(self._shelf.all(LEARNER))

    async def learner(self, request: Request) -> Response:
        """One learner: a page with every step as a button, or JSON for those who ask for it."""
        learner = self._find(request)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(learner)
        return self._page(learner)

    async def exam(self, request: Request) -> Response:
        """Sits the exam, with the result the body gives; any number of times."""
        learner = self._find(request)
        try:
            attempt = await read(request, Exam)
        except Problem as problem:
            if is_form(request):
                return self._page(learner, "A score is a decimal from 0 to 1, such as 0.85.", problem.status)
            raise
        learner["progress"]["attempts"] += 1
        return self._done(
            request, learner, statement(learner, attempt.verb_told(), learner["exam_id"], attempt.result())
        )

    async def resend(self, request: Request) -> Response:
        """Sends again what was sent before: the same statement ids, signed anew."""
        wanted = await read(request, Resend)
        if wanted.statement_id:
            ids = [str(wanted.statement_id)]
        else:
            learner = self._shelf.get(LEARNER, str(wanted.registration))
            ids = learner["statement_ids"] if learner else []
        sent = [known for known in (self._shelf.get(STATEMENT, key) for key in ids) if known]
        if not sent:
            raise Problem(404, "Nothing of that was sent before")
        for known in sent:
            self._send(known)
        return JSONResponse({"statement_ids": ids}, status_code=202)

    async def front(self, _request: Request) -> Response:
        """The learners, as a page."""
        items = "".join(
            f'<li><strong><a href="/learners/{learner["registration"]}">{escape(learner["first_name"])} '
            f"{escape(learner['last_name'])}</a></strong><small>{escape(learner['course_id'])}</small></li>"
            for learner in self._shelf.all(LEARNER)
        )
        return respond("Learning management system", f'<ul class="plain">{items or "<li>No learners yet.</li>"}</ul>')

    def _taking(self, path: str) -> Callable[[Request], Any]:
        async def take(request: Request) -> Response:
            learner = self._find(request)
            return self._done(request, learner, STEPS[path](learner))

        return take

    def _admit(self, request: Request, key: str, given: Learner, **progress: str) -> Response:
        registration = str(given.registration)
        place = {"id": registration, "url": str(request.base_url.replace(path=f"/learners/{registration}"))}
        known = self._shelf.get(KEY, key)
        if known is not None:
            if known["id"] != registration:
                raise Problem(409, "This Idempotency-Key was used for another learner", fault="Idempotency-Key")
            return JSONResponse(known)
        if self._shelf.get(LEARNER, registration) is not None:
            raise Problem(409, "This registration has a place already", fault="registration")
        learner = {
            **given.model_dump(mode="json"),
            "admitted_by": key.partition(":")[0],
            "url": place["url"],
            "progress": {**progress, "course": "not_started", "attempts": 0},
            "statement_ids": [],
        }
        self._shelf.put(LEARNER, registration, learner)
        self._shelf.put(KEY, key, place)
        return JSONResponse(place, status_code=201)

    def _find(self, request: Request) -> Document:
        learner = self._shelf.get(LEARNER, request.path_params["registration"].lower())
        if learner is None:
            raise Problem(404, "There is no such learner")
        return learner

    def _done(self, request: Request, learner: Document, told: Document) -> Response:
        """Keeps the progress and tells the exchange; answers a script with the id, a person with the page."""
        learner["statement_ids"].append(told["id"])
        self._shelf.put(LEARNER, learner["registration"], learner)
        sent = {
            "id": told["id"],
            "registration": learner["registration"],
            "verb": told["verb"]["display"]["en-US"],
            "body": exact_json(told),
        }
        self._shelf.put(STATEMENT, told["id"], sent)
        self._send(sent)
        if is_form(request):
            return RedirectResponse(f"/learners/{learner['registration']}", status_code=303)
        return JSONResponse({"statement_ids": [told["id"]]})

    def _send(self, sent: Document) -> None:
        self.deliveries.send(sent["registration"], sent["id"], sent["verb"], sent["body"])

    def _page(self, learner: Document, message: str = "", status: int = 200) -> Response:
        here = f"/learners/{learner['registration']}"
        progress = learner["progress"]
        facts = {
            "Course": learner["course_id"],
            "Account": progress["account"],
            "Profile": progress["profile"],
            "Progress": progress["course"].replace("_", " "),
            "Exam attempts": progress["attempts"],
        }
        score = '<label>Score, 0 to 1 <input name="score" value="0.85" inputmode="decimal" required></label>'
        body = (
            (f'<p class="message">{escape(message)}</p>' if message else "")
            + definitions(facts)
            + "".join(button(f"{here}/{path}", LABELS[path]) for path in STEPS)
            + button(f"{here}/exam", "Sit the exam", score)
        )
        return respond(f"{learner['first_name']} {learner['last_name']}: training", body, status)


def statement(learner: Document, verb: str, activity: str, result: Document | None = None) -> Document:
    """An xAPI statement about this learner, as of now; scores in it are decimals."""
    return {
        "id": str(uuid4()),
        "actor": {
            "objectType": "Agent",
            "account": {"homePage": learner["home_page"], "name": learner["assister_id"]},
        },
        "verb": {"id": f"{VERBS}{verb}", "display": {"en-US": verb}},
        "object": {"objectType": "Activity", "id": activity},
        **({"result": result} if result else {}),
        "context": {"registration": learner["registration"], "language": learner["language"]},
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def exact_json(value: Any) -> str:
    """JSON in which a decimal is a number with exactly its digits: 0.79999999999999999999 must not become 0.8."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{exact_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(exact_json(item) for item in value) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)
