"""Stands in for training vendors: one site each, which only a launch ticket of the exchange opens (B13–B15).

Which of them HHS approved is for the exchange to say: a vendor that is not approved has a site here as well.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.exchange import ExchangeClient, ExchangeUnreachable
from sandbox.http.fields import ShortText
from sandbox.http.pages import (
    choose_language,
    find_origin,
    render_button,
    render_definitions,
    render_list,
    render_message,
    respond_with_page,
)
from sandbox.http.problems import Problem
from sandbox.http.requests import is_form, read_body
from sandbox.http.webhooks import Signer, WebhookSender, build_standard_signer
from sandbox.store import Document, DocumentStore
from sandbox.timestamps import format_now
from sandbox.training.courses import COURSE_TITLES, PAGE_WORDS, CurriculumId

if TYPE_CHECKING:
    from httpx2 import Response as Answer

COURSE = "vendor:course"
COMPLETED = "training.completed"

COME_THROUGH_THE_PORTAL = {
    "en": "This training is reached through the CMS Enterprise Portal only. Log in there, open the tab "
    "“Marketplace Training – Agent Broker” and choose “Access Training”.",
    "es": "A esta capacitación se llega solo a través del Portal de Empresas de los CMS. Inicie sesión allí, abra la "
    "ficha “Marketplace Training – Agent Broker” (Capacitación en el Mercado: Agente/corredor) y elija “Access "
    "Training” (Acceder a capacitación).",
}
REFUSED_TITLE = "Access refused / Acceso denegado"
TRAINING = {"en": "training", "es": "capacitación"}


class VendorTicketBody(BaseModel):
    """What a browser or a script brings: a launch ticket."""

    model_config = ConfigDict(extra="forbid")

    ticket: Annotated[str, Field(pattern=r"^[!-~]+$", max_length=500)]


class CourseAccess(BaseModel):
    """What the exchange gives for a ticket."""

    curriculum: CurriculumId
    language: str
    plan_year: int
    return_url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?$", max_length=2000)]
    learner: ShortText


class VendorsStandIn:
    """The vendors' sites, one beside the other at /{vendor}."""

    def __init__(
        self, web_url: str, secrets: Mapping[str, str], store: DocumentStore, senders: Mapping[str, WebhookSender]
    ) -> None:
        self._exchange = ExchangeClient()
        self._sites = {
            vendor: VendorSite(
                vendor,
                self._exchange,
                f"{web_url}/api/vendors/{vendor}/tickets",
                build_standard_signer(secret),
                store,
                senders[vendor],
            )
            for vendor, secret in secrets.items()
        }
        self.controls = Controls()

    def build_app(self) -> Starlette:
        """Their web application."""
        sites = [route for site in self._sites.values() for route in site.build_routes()]
        routes = [*sites, Route("/deliveries", self.list_deliveries), Route("/", self.show_front_page)]
        return build_application(self.controls, routes, tuple(f"/{vendor}" for vendor in self._sites), "text/html")

    async def close(self) -> None:
        """Closes the connections to the exchange."""
        await self._exchange.close()

    async def list_deliveries(self, _request: Request) -> Response:
        """Every completion reported, with its outcome."""
        return JSONResponse([event for site in self._sites.values() for event in site.sender.list_deliveries()])

    async def show_front_page(self, _request: Request) -> Response:
        """The sites, as a page."""
        links = (f'<a href="/{vendor}/">{escape(vendor)}</a>' for vendor in self._sites)
        return respond_with_page("Training vendors", render_list(links, "No vendors."))


class VendorSite:
    """One vendor: the tickets it redeemed, and the courses completed with them."""

    def __init__(
        self,
        vendor: str,
        exchange: ExchangeClient,
        tickets_url: str,
        sign: Signer,
        store: DocumentStore,
        sender: WebhookSender,
    ) -> None:
        self._vendor = vendor
        self._exchange = exchange
        self._tickets_url = tickets_url
        self._sign = sign
        self._store = store
        self.sender = sender

    def build_routes(self) -> list[BaseRoute]:
        """Its part of the web application."""
        here = f"/{self._vendor}"
        return [
            Route(here, self.refuse_direct_access),
            Route(f"{here}/", self.refuse_direct_access),
            Route(f"{here}/training", self.show_course),
            Route(f"{here}/redeem", self.redeem_ticket, methods=["POST"]),
            Route(f"{here}/complete", self.complete_course, methods=["POST"]),
            Route(f"{here}/resend", self.resend_completions, methods=["POST"]),
        ]

    async def refuse_direct_access(self, _request: Request) -> Response:
        """The site's own address: nobody comes in there (B14)."""
        body = "".join(f'<p lang="{language}">{text}</p>' for language, text in COME_THROUGH_THE_PORTAL.items())
        return respond_with_page(REFUSED_TITLE, body, 403)

    async def show_course(self, request: Request) -> Response:
        """The course, for a browser that the portal sent here with a ticket."""
        if "ticket" not in request.query_params:
            return await self.refuse_direct_access(request)
        try:
            course = await self._open_course(request.query_params["ticket"], request)
        except Problem as problem:
            return respond_with_page(REFUSED_TITLE, render_message(problem.detail), problem.status)
        return self._respond_with_course(course)

    async def redeem_ticket(self, request: Request) -> Response:
        """The same for a script: what the exchange gives for the ticket."""
        wanted = await read_body(request, VendorTicketBody)
        course = await self._open_course(wanted.ticket, request)
        return JSONResponse({name: course[name] for name in CourseAccess.model_fields})

    async def complete_course(self, request: Request) -> Response:
        """The learner completes the course: it is reported to the exchange, and the browser sent back to it."""
        course = await self._find_course(request)
        event_id = str(uuid4())
        body = {
            "type": COMPLETED,
            "ticket": course["ticket"],
            "curriculum": course["curriculum"],
            "occurred_at": format_now(),
        }
        event = {"id": event_id, "body": json.dumps(body)}
        course["events"].append(event)
        self._save_course(course)
        self._send_event(event, course)
        if is_form(request):
            return RedirectResponse(course["return_url"], status_code=303)
        return JSONResponse({**body, "event_id": event_id, "return_url": course["return_url"]})

    async def resend_completions(self, request: Request) -> Response:
        """Sends again what was reported of a ticket: the same event ids, signed anew."""
        course = await self._find_course(request)
        if not course["events"]:
            raise Problem(404, "Nothing of that was sent before")
        for event in course["events"]:
            self._send_event(event, course)
        return JSONResponse({"event_ids": [event["id"] for event in course["events"]]}, status_code=202)

    async def _open_course(self, ticket: str, request: Request) -> Document:
        """Redeems a ticket for its course; the exchange's refusal, with its own sentence, where it opens none."""
        answer = await self._ask_exchange(json.dumps({"ticket": ticket}), request.headers.get("accept-language", ""))
        if 400 <= answer.status_code < 500:
            raise Problem(answer.status_code, "The ticket was refused", _read_refusal(answer), fault="ticket")
        try:
            access = CourseAccess.model_validate_json(answer.content if answer.status_code == 200 else b"")
        except ValueError as error:
            raise ExchangeUnreachable from error
        course = {"vendor": self._vendor, "ticket": ticket, **access.model_dump(mode="json"), "events": []}
        self._save_course(course)
        return course

    async def _ask_exchange(self, body: str, languages: str) -> "Answer":
        """The exchange's answer to a signed question; it refuses in the first of `languages` that it speaks."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Language": languages,
            **self._sign(str(uuid4()), body),
        }
        return await self._exchange.send_request("POST", self._tickets_url, content=body.encode(), headers=headers)

    async def _find_course(self, request: Request) -> Document:
        wanted = await read_body(request, VendorTicketBody)
        course = self._store.find_document(COURSE, f"{self._vendor}:{wanted.ticket}")
        if course is None:
            raise Problem(404, "No course was opened here with this ticket", fault="ticket")
        return course

    def _save_course(self, course: Document) -> None:
        self._store.save_document(COURSE, f"{self._vendor}:{course['ticket']}", course)

    def _send_event(self, event: Document, course: Document) -> None:
        self.sender.queue_event(course["ticket"], event["id"], COMPLETED, event["body"])

    def _respond_with_course(self, course: Document) -> Response:
        language = choose_language(course["language"])
        words = PAGE_WORDS[language]
        facts: dict[str, object] = {
            words["course"]: COURSE_TITLES[language][course["curriculum"]],
            words["plan_year"]: course["plan_year"],
        }
        ticket = f'<input type="hidden" name="ticket" value="{escape(course["ticket"])}">'
        body = render_definitions(facts) + render_button(f"/{self._vendor}/complete", words["complete"], ticket)
        title = f"{self._vendor}: {TRAINING[language]}"
        return respond_with_page(title, body, language=language, redirects_to=find_origin(course["return_url"]))


def _read_refusal(answer: "Answer") -> str:
    """The sentence with which the exchange refused."""
    try:
        problem: Any = answer.json()
    except ValueError:
        problem = None
    sentence = (problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else None
    return sentence if isinstance(sentence, str) else "The exchange refused the ticket"
