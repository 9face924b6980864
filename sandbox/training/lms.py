"""Stands in for the LMS: places, a learner's pages and API, signed xAPI statements. It certifies nobody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.fields import ShortText
from sandbox.http.pages import (
    render_button,
    render_definitions,
    render_link,
    render_list,
    render_message,
    respond_with_page,
)
from sandbox.http.problems import Problem
from sandbox.http.requests import (
    is_form,
    prefers_json,
    read_body,
    require_bearer_token,
    require_idempotency_key,
)
from sandbox.http.webhooks import WebhookSender
from sandbox.store import Document, DocumentStore
from sandbox.training.places import Iri, PlaceRequest, TrainingPlaces
from sandbox.training.statements import build_statement

# The LMS has a pass mark of its own, which the exchange must not rely on: it judges by the score (A21).
LMS_PASS_MARK = Decimal("0.80")
SCALED = r"^(0(\.\d{1,50})?|1(\.0{1,50})?)$"
POINTS = r"^\d{1,9}(\.\d{1,9})?$"


class LmsPlaceRequest(PlaceRequest):
    """Who learns what; an `account` is named when the learner has one from an earlier year."""

    account: ShortText | None = None
    account_id: Iri
    profile_id: Iri
    exam_id: Iri


def _read_number(value: Any) -> Any:
    """A JSON number is as good as a string of its digits."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class ExamResult(BaseModel):
    """A result chosen by whoever sits the exam: a scaled score, or raw points and their maximum."""

    model_config = ConfigDict(extra="forbid")

    score: Annotated[str, BeforeValidator(_read_number), Field(pattern=SCALED)] | None = None
    raw: Annotated[str, BeforeValidator(_read_number), Field(pattern=POINTS)] | None = None
    max: Annotated[str, BeforeValidator(_read_number), Field(pattern=POINTS)] | None = None
    verb: Literal["passed", "failed", "scored"] | None = None

    @model_validator(mode="after")
    def _require_one_result(self) -> "ExamResult":
        scaled, points = self.score is not None, self.raw is not None and self.max is not None
        if scaled == points or (scaled and (self.raw or self.max)):
            raise ValueError("give either score, or raw and max")
        if points and not Decimal(self.raw or 0) <= Decimal(self.max or 0) != 0:
            raise ValueError("raw is at most max, and max is not 0")
        return self

    @property
    def share(self) -> Decimal:
        """The share of the points, 0 to 1."""
        return Decimal(self.score) if self.score is not None else Decimal(self.raw or 0) / Decimal(self.max or 1)

    @property
    def reported_verb(self) -> str:
        """The verb asked for, or the one of the LMS's own verdict."""
        return self.verb or ("passed" if self.share >= LMS_PASS_MARK else "failed")

    def describe_result(self) -> Document:
        """xAPI's result, with the digits as given and the LMS's own verdict."""
        scaled = {"scaled": Decimal(self.score)} if self.score is not None else None
        points = {"raw": Decimal(self.raw or 0), "min": 0, "max": Decimal(self.max or 0)}
        return {"score": scaled or points, "success": self.share >= LMS_PASS_MARK}


@dataclass(frozen=True)
class LearnerStep:
    """A step that needs no answer of the learner: its button, its statement, and the progress after it."""

    label: str
    verb: str
    activity: str
    progress: Mapping[str, str]


# By the path below the learner's own.
STEPS = {
    "account": LearnerStep("Set up my account", "registered", "account_id", {"account": "ready"}),
    "profile": LearnerStep("Complete my profile", "completed", "profile_id", {"profile": "complete"}),
    "course/start": LearnerStep("Start the course", "initialized", "course_id", {"course": "started"}),
    "course/complete": LearnerStep("Complete the course", "completed", "course_id", {"course": "completed"}),
}


class LmsStandIn:
    """The learning management system: one place for each registration, and what its learner did there."""

    def __init__(self, token: str, store: DocumentStore, sender: WebhookSender) -> None:
        self._token = token
        self._places = TrainingPlaces(
            store, sender, place_kind="learner", statement_kind="statement", key_kind="lms:key"
        )
        self.sender = sender
        self.controls = Controls()

    def build_app(self) -> Starlette:
        """Its web application."""
        here = "/learners/{registration}"
        routes = [
            Route("/api/v1/invitations", self.invite_learner, methods=["POST"]),
            Route("/api/v1/enrollments", self.enroll_learner, methods=["POST"]),
            *(Route(f"{here}/{path}", self._build_step_handler(path), methods=["POST"]) for path in STEPS),
            Route(f"{here}/exam", self.take_exam, methods=["POST"]),
            Route(here, self.show_learner),
            Route("/learners", self.list_learners),
            Route("/webhooks/resend", self._places.resend_statements, methods=["POST"]),
            Route("/", self.show_front_page),
            self.sender.build_route(),
        ]
        return build_application(self.controls, routes, "/api/", "application/json")

    async def invite_learner(self, request: Request) -> Response:
        """A place for somebody who has yet to set up account and profile."""
        require_bearer_token(request, self._token)
        key = require_idempotency_key(request)
        wanted = await read_body(request, LmsPlaceRequest)
        if wanted.account is not None:
            raise Problem(422, "An invitation is for those without an account", fault="account")
        return self._give_place(request, key, "invitation", wanted, {"account": "none", "profile": "incomplete"})

    async def enroll_learner(self, request: Request) -> Response:
        """A place for somebody whose account and profile are there already."""
        require_bearer_token(request, self._token)
        key = require_idempotency_key(request)
        wanted = await read_body(request, LmsPlaceRequest)
        return self._give_place(request, key, "enrollment", wanted, {"account": "ready", "profile": "complete"})

    async def list_learners(self, _request: Request) -> Response:
        """Every learner."""
        return JSONResponse(self._places.list_places())

    async def show_learner(self, request: Request) -> Response:
        """One learner: a page with every step as a button, or JSON for those who ask for it."""
        learner = self._find_learner(request)
        return JSONResponse(learner) if prefers_json(request) else _respond_with_learner(learner)

    async def take_exam(self, request: Request) -> Response:
        """Sits the exam, with the result the body gives; any number of times."""
        learner = self._find_learner(request)
        try:
            result = await read_body(request, ExamResult)
        except Problem as problem:
            if is_form(request):
                message = "A score is a decimal from 0 to 1, such as 0.85."
                return _respond_with_learner(learner, message, problem.status)
            raise
        learner["progress"]["attempts"] += 1
        statement = build_statement(learner, result.reported_verb, learner["exam_id"], result.describe_result())
        return self._places.report_statement(request, learner["registration"], learner, statement)

    async def show_front_page(self, _request: Request) -> Response:
        """The learners, as a page."""
        items = (
            render_link(
                f"/learners/{each['registration']}", f"{each['first_name']} {each['last_name']}", each["course_id"]
            )
            for each in self._places.list_places()
        )
        return respond_with_page("Learning management system", render_list(items, "No learners yet."))

    def _build_step_handler(self, path: str) -> Callable[[Request], Any]:
        step = STEPS[path]

        async def take_step(request: Request) -> Response:
            learner = self._find_learner(request)
            learner["progress"].update(step.progress)
            statement = build_statement(learner, step.verb, learner[step.activity])
            return self._places.report_statement(request, learner["registration"], learner, statement)

        return take_step

    def _give_place(
        self, request: Request, key: str, admitted_by: str, wanted: LmsPlaceRequest, progress: Mapping[str, str]
    ) -> Response:
        learner = {
            **wanted.model_dump(mode="json"),
            "admitted_by": admitted_by,
            "progress": {**progress, "course": "not_started", "attempts": 0},
        }
        # Invitations and enrolments each have keys of their own, as two endpoints of a real API would.
        own_key = f"{admitted_by}:{key}"
        return self._places.give_place(request, own_key, str(wanted.registration), learner, "registration")

    def _find_learner(self, request: Request) -> Document:
        return self._places.find_place(request.path_params["registration"].lower())


def _respond_with_learner(learner: Document, message: str = "", status: int = 200) -> Response:
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
        (render_message(message) if message else "")
        + render_definitions(facts)
        + "".join(render_button(f"{here}/{path}", step.label) for path, step in STEPS.items())
        + render_button(f"{here}/exam", "Sit the exam", score)
    )
    return respond_with_page(f"{learner['first_name']} {learner['last_name']}: training", body, status)
