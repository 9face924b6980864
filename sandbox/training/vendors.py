"""Stands in for training vendors: one site each, which only a launch ticket of the exchange opens (B13–B15).

Which of them HHS approved is none of its business: that is for the exchange to say.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import button, chosen, definitions, respond
from sandbox.http.requests import Problem, is_form, read
from sandbox.http.webhooks import Deliveries, client, standard
from sandbox.store import Document, Shelf
from sandbox.training.courses import COURSES, WORDS, Curriculum

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response as Answer

COURSE = "vendor:course"
COMPLETED = "training.completed"

COME_THROUGH_THE_PORTAL = {
    "en": "This training is reached through the CMS Enterprise Portal only. Log in there, open the tab "
    "“Marketplace Training – Agent Broker” and choose “Access Training”.",
    "es": "A esta capacitación se llega solo a través del Portal de Empresas de los CMS. Inicie sesión allí, abra la "
    "ficha “Marketplace Training – Agent Broker” (Capacitación en el Mercado: Agente/corredor) y elija “Access "
    "Training” (Acceder a capacitación).",
}
REFUSED = "Access refused / Acceso denegado"
TRAINING = {"en": "training", "es": "capacitación"}
NO_ANSWER = "The exchange could not be asked; try again later"


class Ticket(BaseModel):
    """What a browser or a script brings: a launch ticket."""

    model_config = ConfigDict(extra="forbid")

    ticket: Annotated[str, Field(pattern=r"^[!-~]+$", max_length=500)]


class Redeemed(BaseModel):
    """What the exchange gives for a ticket."""

    curriculum: Curriculum
    language: str
    plan_year: int
    return_url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?$", max_length=2000)]
    learner: Annotated[str, Field(min_length=1, max_length=200)]


class Vendors:
    """The vendors' sites, one beside the other at /{vendor}."""

    def __init__(
        self, web_url: str, secrets: Mapping[str, str], shelf: Shelf, deliveries: Mapping[str, Deliveries]
    ) -> None:
        self._sites = {
            vendor: Site(vendor, web_url, secret, shelf, deliveries[vendor]) for vendor, secret in secrets.items()
        }
        self.controls = Controls()

    def app(self) -> Starlette:
        """Their web application."""
        sites = [route for site in self._sites.values() for route in site.routes()]
        routes = [*sites, Route("/deliveries", self.deliveries), Route("/", self.front)]
        return application(self.controls, routes, tuple(f"/{vendor}" for vendor in self._sites), "text/html")

    async def stop(self) -> None:
        """Lets go of the connections to the exchange."""
        for site in self._sites.values():
            await site.stop()

    async def deliveries(self, _request: Request) -> Response:
        """Every completion reported, with its outcome."""
        return JSONResponse([sent for site in self._sites.values() for sent in site.deliveries.sent()])

    async def front(self, _request: Request) -> Response:
        """The sites, as a page."""
        items = "".join(f'<li><a href="/{vendor}/">{escape(vendor)}</a></li>' for vendor in self._sites)
        return respond("Training vendors", f'<ul class="plain">{items}</ul>')


class Site:
    """One vendor: the tickets it redeemed, and the courses completed with them."""

    def __init__(self, vendor: str, web_url: str, secret: str, shelf: Shelf, deliveries: Deliveries) -> None:
        self._vendor = vendor
        self._tickets_url = f"{web_url}/api/vendors/{vendor}/tickets"
        self._sign = standard(secret)
        self._shelf = shelf
        self._client: AsyncClient | None = None
        self.deliveries = deliveries

    def routes(self) -> list[BaseRoute]:
        """Its part of the web application."""
        here = f"/{self._vendor}"
        return [
            Route(here, self.direct),
            Route(f"{here}/", self.direct),
            Route(f"{here}/training", self.training),
            Route(f"{here}/redeem", self.redeem, methods=["POST"]),
            Route(f"{here}/complete", self.complete, methods=["POST"]),
            Route(f"{here}/resend", self.resend, methods=["POST"]),
        ]

    async def stop(self) -> None:
        """Lets go of the connection to the exchange."""
        if self._client:
            await self._client.aclose()

    async def direct(self, _request: Request) -> Response:
        """The site's own address: nobody comes in there (B14)."""
        body = "".join(f'<p lang="{language}">{text}</p>' for language, text in COME_THROUGH_THE_PORTAL.items())
        return respond(REFUSED, body, 403)

    async def training(self, request: Request) -> Response:
        """The course, for a browser the portal sent here with a ticket."""
        if "ticket" not in request.query_params:
            return await self.direct(request)
        try:
            course = await self._redeemed(request.query_params["ticket"], request)
        except Problem as problem:
            return respond(REFUSED, f'<p class="message" role="alert">{escape(problem.detail)}</p>', problem.status)
        return self._page(course)

    async def redeem(self, request: Request) -> Response:
        """The same for a script: what the exchange gives for the ticket."""
        wanted = await read(request, Ticket)
        course = await self._redeemed(wanted.ticket, request)
        return JSONResponse({name: course[name] for name in Redeemed.model_fields})

    async def complete(self, request: Request) -> Response:
        """The learner completes the course: the exchange is told, and the browser sent back to it."""
        course = await self._opened(request)
        event_id = str(uuid4())
        body = {
            "type": COMPLETED,
            "ticket": course["ticket"],
            "curriculum": course["curriculum"],
            "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        course["events"].append({"id": event_id, "body": json.dumps(body)})
        self._keep(course)
        self._send(course["events"][-1], course)
        if is_form(request):
            return RedirectResponse(course["return_url"], status_code=303)
        return JSONResponse({**body, "event_id": event_id, "return_url": course["return_url"]})

    async def resend(self, request: Request) -> Response:
        """Sends again what was told of a ticket: the same event ids, signed anew."""
        course = await self._opened(request)
        if not course["events"]:
            raise Problem(404, "Nothing of that was sent before")
        for event in course["events"]:
            self._send(event, course)
        return JSONResponse({"event_ids": [event["id"] for event in course["events"]]}, status_code=202)

    async def _redeemed(self, ticket: str, request: Request) -> Document:
        """The course a ticket opens; the exchange's refusal, with its own sentence, where it opens none."""
        answer = await self._ask(json.dumps({"ticket": ticket}), request.headers.get("accept-language", ""))
        if 400 <= answer.status_code < 500:
            raise Problem(answer.status_code, "The ticket was refused", _sentence(answer), fault="ticket")
        try:
            redeemed = Redeemed.model_validate_json(answer.content if answer.status_code == 200 else b"")
        except ValueError as error:
            raise Problem(503, NO_ANSWER) from error
        course = {"vendor": self._vendor, "ticket": ticket, **redeemed.model_dump(mode="json"), "events": []}
        self._keep(course)
        return course

    async def _ask(self, body: str, languages: str) -> "Answer":
        """The exchange's answer to a signed question; 503 when there is none."""
        import httpx2

        self._client = self._client or client()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Language": languages,
            **self._sign(str(uuid4()), body),
        }
        try:
            return await self._client.post(self._tickets_url, content=body.encode(), headers=headers)
        except httpx2.HTTPError as error:
            raise Problem(503, NO_ANSWER) from error

    async def _opened(self, request: Request) -> Document:
        wanted = await read(request, Ticket)
        course = self._shelf.get(COURSE, f"{self._vendor}:{wanted.ticket}")
        if course is None:
            raise Problem(404, "No course was opened here with this ticket", fault="ticket")
        return course

    def _keep(self, course: Document) -> None:
        self._shelf.put(COURSE, f"{self._vendor}:{course['ticket']}", course)

    def _send(self, event: Document, course: Document) -> None:
        self.deliveries.send(course["ticket"], event["id"], COMPLETED, event["body"])

    def _page(self, course: Document) -> Response:
        language = chosen(course["language"])
        words = WORDS[language]
        facts: dict[str, object] = {
            words["course"]: COURSES[language][course["curriculum"]],
            words["plan_year"]: course["plan_year"],
        }
        ticket = f'<input type="hidden" name="ticket" value="{escape(course["ticket"])}">'
        finish = button(f"/{self._vendor}/complete", words["complete"], ticket)
        title = f"{self._vendor}: {TRAINING[language]}"
        # Completing leads back to the exchange, which the page's policy has to allow.
        return respond(title, definitions(facts) + finish, language=language, leads_to=_origin(course["return_url"]))


def _sentence(answer: "Answer") -> str:
    """What the exchange said about its refusal."""
    try:
        said: Any = answer.json()
    except ValueError:
        said = None
    sentence = (said.get("detail") or said.get("title")) if isinstance(said, dict) else None
    return sentence if isinstance(sentence, str) else "The exchange refused the ticket"


def _origin(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"
