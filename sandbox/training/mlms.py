"""Stands in for the Marketplace's learning management system (MLMS): places, a learner's pages, signed statements.

It speaks as the LMS does, but knows neither accounts nor exams: a course that is completed is passed (B12).
"""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.pages import (
    choose_language,
    render_button,
    render_definitions,
    render_link,
    render_list,
    respond_with_page,
)
from sandbox.http.problems import Problem
from sandbox.http.requests import prefers_json, read_body, require_bearer_token, require_idempotency_key
from sandbox.http.webhooks import WebhookSender
from sandbox.store import Document, DocumentStore
from sandbox.training.courses import COURSE_TITLES, PAGE_WORDS, CurriculumId
from sandbox.training.places import PlaceRequest, TrainingPlaces
from sandbox.training.statements import build_statement

TITLE = {"en": "MLMS training", "es": "Capacitación de MLMS"}
# The step a learner takes, the verb that reports it, the progress after it.
STEPS = {"start": ("initialized", "started"), "complete": ("completed", "completed")}


class MlmsPlaceRequest(PlaceRequest):
    """Who learns which curriculum."""

    curriculum: CurriculumId


class MlmsStandIn:
    """The MLMS: one place for each curriculum of a registration, and what its learner did there."""

    def __init__(self, token: str, store: DocumentStore, sender: WebhookSender) -> None:
        self._token = token
        self._places = TrainingPlaces(
            store, sender, place_kind="mlms:place", statement_kind="mlms:statement", key_kind="mlms:key"
        )
        self.sender = sender
        self.controls = Controls()

    def build_app(self) -> Starlette:
        """Its web application."""
        here = "/learners/{registration}/{curriculum}"
        routes = [
            Route("/api/v1/enrollments", self.enroll_learner, methods=["POST"]),
            *(Route(f"{here}/{step}", self._build_step_handler(step), methods=["POST"]) for step in STEPS),
            Route(here, self.show_place),
            Route("/learners/{registration}", self.show_learner),
            Route("/learners", self.list_learners),
            Route("/webhooks/resend", self._places.resend_statements, methods=["POST"]),
            Route("/", self.show_front_page),
            self.sender.build_route(),
        ]
        return build_application(self.controls, routes, "/api/", "application/json")

    async def enroll_learner(self, request: Request) -> Response:
        """A place in one curriculum."""
        require_bearer_token(request, self._token)
        key = require_idempotency_key(request)
        wanted = await read_body(request, MlmsPlaceRequest)
        place_id = f"{wanted.registration}/{wanted.curriculum}"
        place = {**wanted.model_dump(mode="json"), "id": place_id, "progress": "not_started"}
        return self._places.give_place(request, key, place_id, place, "curriculum")

    async def list_learners(self, _request: Request) -> Response:
        """Every place."""
        return JSONResponse(self._places.list_places())

    async def show_learner(self, request: Request) -> Response:
        """A learner's places: a page, or JSON for those who ask for it."""
        places = self._places.list_of_registration(request.path_params["registration"])
        if not places:
            raise Problem(404, "There is no such learner")
        if prefers_json(request):
            return JSONResponse(places)
        language = choose_language(places[0]["language"])
        return respond_with_page(TITLE[language], _render_places(places), language=language)

    async def show_place(self, request: Request) -> Response:
        """One place: a page with its steps as buttons, or JSON for those who ask for it."""
        place = self._find_place(request)
        return JSONResponse(place) if prefers_json(request) else _respond_with_place(place)

    async def show_front_page(self, _request: Request) -> Response:
        """The places, as a page."""
        return respond_with_page(TITLE["en"], _render_places(self._places.list_places()))

    def _build_step_handler(self, step: str) -> Callable[[Request], Any]:
        verb, progress = STEPS[step]

        async def take_step(request: Request) -> Response:
            place = self._find_place(request)
            place["progress"] = progress
            statement = build_statement(place, verb, place["course_id"])
            return self._places.report_statement(request, place["id"], place, statement)

        return take_step

    def _find_place(self, request: Request) -> Document:
        registration, curriculum = request.path_params["registration"].lower(), request.path_params["curriculum"]
        return self._places.find_place(f"{registration}/{curriculum}")


def _render_places(places: list[Document]) -> str:
    items = (
        render_link(
            f"/learners/{place['id']}",
            f"{place['first_name']} {place['last_name']}",
            COURSE_TITLES[choose_language(place["language"])][place["curriculum"]],
        )
        for place in places
    )
    return render_list(items, "No learners yet.")


def _respond_with_place(place: Document) -> Response:
    language = choose_language(place["language"])
    words = PAGE_WORDS[language]
    facts: dict[str, object] = {
        words["course"]: COURSE_TITLES[language][place["curriculum"]],
        words["progress"]: words[place["progress"]],
    }
    buttons = "".join(render_button(f"/learners/{place['id']}/{step}", words[step]) for step in STEPS)
    title = f"{place['first_name']} {place['last_name']}: {TITLE[language]}"
    return respond_with_page(title, render_definitions(facts) + buttons, language=language)
