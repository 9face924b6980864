"""Stands in for the Marketplace's learning management system (MLMS): places, a learner's pages, signed statements.

It speaks as the LMS does, but knows neither accounts nor exams: a course that is completed is passed (B12).
"""

import json
from collections.abc import Callable
from html import escape
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import button, chosen, definitions, respond
from sandbox.http.requests import Problem, demand_bearer, demand_key, is_form, read
from sandbox.http.webhooks import Deliveries
from sandbox.store import Document, Shelf
from sandbox.training.courses import COURSES, WORDS, Curriculum
from sandbox.training.lms import Iri, Name, Resend, statement

PLACE, STATEMENT, KEY = "mlms:place", "mlms:statement", "mlms:key"
TITLE = {"en": "MLMS training", "es": "Capacitación de MLMS"}
# The step a learner takes, the verb that tells of it, the progress after it.
STEPS = {"start": ("initialized", "started"), "complete": ("completed", "completed")}


class Enrollment(BaseModel):
    """Who learns which curriculum, as the exchange tells it."""

    model_config = ConfigDict(extra="forbid")

    registration: UUID
    assister_id: Name
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    first_name: Name
    last_name: Name
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    home_page: Iri
    curriculum: Curriculum
    course_id: Iri


class Mlms:
    """The MLMS: places by registration and curriculum, and what each learner did there."""

    def __init__(self, token: str, shelf: Shelf, deliveries: Deliveries) -> None:
        self._token = token
        self._shelf = shelf
        self.deliveries = deliveries
        self.controls = Controls()

    def app(self) -> Starlette:
        """Its web application."""
        here = "/learners/{registration}/{curriculum}"
        routes = [
            Route("/api/v1/enrollments", self.enroll, methods=["POST"]),
            *(Route(f"{here}/{step}", self._taking(step), methods=["POST"]) for step in STEPS),
            Route(here, self.place),
            Route("/learners/{registration}", self.learner),
            Route("/learners", self.learners),
            Route("/webhooks/resend", self.resend, methods=["POST"]),
            Route("/", self.front),
            self.deliveries.route(),
        ]
        return application(self.controls, routes, "/api/", "application/json")

    async def enroll(self, request: Request) -> Response:
        """A place in one curriculum."""
        demand_bearer(request, self._token)
        key = demand_key(request)
        given = await read(request, Enrollment)
        place_id = f"{given.registration}/{given.curriculum}"
        known = self._shelf.get(KEY, key)
        if known is not None:
            if known["id"] != place_id:
                raise Problem(409, "This Idempotency-Key was used for another place", fault="Idempotency-Key")
            return JSONResponse(known)
        if self._shelf.get(PLACE, place_id) is not None:
            raise Problem(409, "This registration has a place in this curriculum already", fault="curriculum")
        answer = {"id": place_id, "url": str(request.base_url.replace(path=f"/learners/{place_id}"))}
        place = {**given.model_dump(mode="json"), **answer, "progress": "not_started", "statement_ids": []}
        self._shelf.put(PLACE, place_id, place)
        self._shelf.put(KEY, key, answer)
        return JSONResponse(answer, status_code=201)

    async def learners(self, _request: Request) -> Response:
        """Every place."""
        return JSONResponse(self._shelf.all(PLACE))

    async def learner(self, request: Request) -> Response:
        """A learner's places: a page, or JSON for those who ask for it."""
        places = self._places_of(request.path_params["registration"])
        if not places:
            raise Problem(404, "There is no such learner")
        if _wants_json(request):
            return JSONResponse(places)
        language = chosen(places[0]["language"])
        return respond(TITLE[language], _listed(places), language=language)

    async def place(self, request: Request) -> Response:
        """One place: a page with its steps as buttons, or JSON for those who ask for it."""
        place = self._find(request)
        return JSONResponse(place) if _wants_json(request) else _page(place)

    async def resend(self, request: Request) -> Response:
        """Sends again what was sent before: the same statement ids, signed anew."""
        wanted = await read(request, Resend)
        places = self._places_of(str(wanted.registration)) if wanted.registration else []
        ids = (
            [str(wanted.statement_id)]
            if wanted.statement_id
            else [id_ for one in places for id_ in one["statement_ids"]]
        )
        sent = [known for known in (self._shelf.get(STATEMENT, id_) for id_ in ids) if known]
        if not sent:
            raise Problem(404, "Nothing of that was sent before")
        for known in sent:
            self._send(known)
        return JSONResponse({"statement_ids": ids}, status_code=202)

    async def front(self, _request: Request) -> Response:
        """The places, as a page."""
        return respond(TITLE["en"], _listed(self._shelf.all(PLACE)))

    def _taking(self, step: str) -> Callable[[Request], Any]:
        verb, progress = STEPS[step]

        async def take(request: Request) -> Response:
            place = self._find(request)
            told = statement(place, verb, place["course_id"])
            place["progress"] = progress
            place["statement_ids"].append(told["id"])
            self._shelf.put(PLACE, place["id"], place)
            sent = {"id": told["id"], "registration": place["registration"], "verb": verb, "body": json.dumps(told)}
            self._shelf.put(STATEMENT, told["id"], sent)
            self._send(sent)
            if is_form(request):
                return RedirectResponse(f"/learners/{place['id']}", status_code=303)
            return JSONResponse({"statement_ids": [told["id"]]})

        return take

    def _places_of(self, registration: str) -> list[Document]:
        return [place for place in self._shelf.all(PLACE) if place["registration"] == registration.lower()]

    def _find(self, request: Request) -> Document:
        registration, curriculum = request.path_params["registration"].lower(), request.path_params["curriculum"]
        place = self._shelf.get(PLACE, f"{registration}/{curriculum}")
        if place is None:
            raise Problem(404, "There is no such place")
        return place

    def _send(self, sent: Document) -> None:
        self.deliveries.send(sent["registration"], sent["id"], sent["verb"], sent["body"])


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _listed(places: list[Document]) -> str:
    items = "".join(
        f'<li><strong><a href="/learners/{place["id"]}">{escape(place["first_name"])} {escape(place["last_name"])}</a>'
        f"</strong><small>{escape(COURSES[chosen(place['language'])][place['curriculum']])}</small></li>"
        for place in places
    )
    return f'<ul class="plain">{items or "<li>No learners yet.</li>"}</ul>'


def _page(place: Document) -> Response:
    language = chosen(place["language"])
    words = WORDS[language]
    facts: dict[str, object] = {
        words["course"]: COURSES[language][place["curriculum"]],
        words["progress"]: words[place["progress"]],
    }
    buttons = "".join(button(f"/learners/{place['id']}/{step}", words[step]) for step in STEPS)
    return respond(
        f"{place['first_name']} {place['last_name']}: {TITLE[language]}",
        definitions(facts) + buttons,
        language=language,
    )
