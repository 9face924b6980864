"""The training vendors' stand-in: nobody comes in without a ticket of the exchange, and completions are signed."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError
from werkzeug import Request, Response

from tests.sandbox.conftest import WebhookReceiver
from tests.support.sandbox_process import SECRETS, SENDERS, RunningSandbox

VENDORS = {vendor: SENDERS[vendor]["secret"] for vendor in json.loads(SECRETS["CERTIFY_VENDORS"])}
PORTAL = "https://exchange.example.test/portal"


class ExchangeTickets:
    """The exchange's part: tickets of one vendor each, redeemed once, with a signature only."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], dict[str, Any]] = {}
        self._used: set[tuple[str, str]] = set()
        self.languages: list[str] = []

    def issue_ticket(self, vendor: str = "vendor-a", **other: Any) -> str:
        ticket = uuid4().hex
        self._open[vendor, ticket] = {
            "curriculum": "individual_full",
            "language": "en",
            "plan_year": 2024,
            "return_url": f"{PORTAL}/return",
            "learner": "lrn_1",
            **other,
        }
        return ticket

    def __call__(self, request: Request) -> Response:
        vendor = request.path.split("/")[3]
        self.languages.append(request.headers.get("Accept-Language", ""))
        try:
            body = Webhook(VENDORS[vendor]).verify(request.get_data(), dict(request.headers))
        except WebhookVerificationError:
            return self._build_problem(401, "Not signed by this vendor.")
        assert set(body) == {"ticket"}
        key = vendor, body["ticket"]
        if key in self._used:
            return self._build_problem(409, "This ticket was used already. <Ask> for a new one in the portal.")
        if key not in self._open:
            return self._build_problem(404, "There is no such ticket for this vendor.")
        if self._open[key].get("expired"):
            return self._build_problem(410, "This ticket expired; ask for a new one in the portal.")
        self._used.add(key)
        return Response(json.dumps(self._open[key]), content_type="application/json")

    @staticmethod
    def _build_problem(status: int, detail: str) -> Response:
        document = json.dumps({"title": "Refused", "status": status, "detail": detail})
        return Response(document, status, content_type="application/problem+json")


@pytest.fixture
def tickets(httpserver: HTTPServer) -> ExchangeTickets:
    known = ExchangeTickets()
    for vendor in VENDORS:
        httpserver.expect_request(f"/api/vendors/{vendor}/tickets", "POST").respond_with_handler(known)
    return known


@pytest.fixture
def vendor_receiver(httpserver: HTTPServer) -> WebhookReceiver:
    receiver = WebhookReceiver(lambda body: str(body["ticket"]))
    for vendor in VENDORS:
        httpserver.expect_request(f"/webhooks/vendors/{vendor}", method="POST").respond_with_handler(receiver)
    return receiver


async def open_training(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, ticket: str, vendor: str = "vendor-a"
) -> httpx2.Response:
    return await http.get(f"{sandbox.vendors}/{vendor}/training", params={"ticket": ticket})


@pytest.mark.parametrize("path", ["vendor-a", "vendor-a/", "vendor-b/", "vendor-a/training"])
async def test_b14_the_direct_address_is_refused(http: httpx2.AsyncClient, sandbox: RunningSandbox, path: str) -> None:
    answer = await http.get(f"{sandbox.vendors}/{path}")
    assert answer.status_code == 403
    assert "CMS Enterprise Portal only" in answer.text
    assert "Portal de Empresas de los CMS" in answer.text
    assert "Access Training" in answer.text
    assert "<form" not in answer.text


async def test_b15_a_browser_goes_there_and_back(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets, vendor_receiver: WebhookReceiver
) -> None:
    ticket = tickets.issue_ticket(curriculum="shop")
    page = await open_training(http, sandbox, ticket)
    assert page.status_code == 200
    assert "SHOP training" in page.text
    assert "Complete the course" in page.text
    assert "<script" not in page.text
    assert "form-action 'self' https://exchange.example.test;" in page.headers["content-security-policy"]
    posted = await http.post(f"{sandbox.vendors}/vendor-a/complete", data={"ticket": ticket})
    assert (posted.status_code, posted.headers["location"]) == (303, f"{PORTAL}/return")
    (event,) = await vendor_receiver.wait_for_events(ticket, 1)
    body = Webhook(VENDORS["vendor-a"]).verify(event.raw, event.headers)
    assert body == {**body, "type": "training.completed", "ticket": ticket, "curriculum": "shop"}
    assert set(body) == {"type", "ticket", "curriculum", "occurred_at"}
    with pytest.raises(WebhookVerificationError):
        Webhook(VENDORS["vendor-b"]).verify(event.raw, event.headers)


async def test_b2_the_course_speaks_the_language_of_the_ticket(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets
) -> None:
    page = (await open_training(http, sandbox, tickets.issue_ticket(language="es"))).text
    assert '<html lang="es">' in page
    assert "Capacitación completa en el Mercado Individual" in page
    assert "Completar el curso" in page
    assert not [word for word in ("Complete ", "training", "Plan year", "Course") if f">{word}" in page]


async def test_a_script_redeems_and_completes(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets, vendor_receiver: WebhookReceiver
) -> None:
    ticket = tickets.issue_ticket("vendor-b")
    site = f"{sandbox.vendors}/vendor-b"
    assert (await http.post(f"{site}/complete", json={"ticket": ticket})).status_code == 404
    redeemed = await http.post(f"{site}/redeem", json={"ticket": ticket})
    assert redeemed.json() == {
        "curriculum": "individual_full",
        "language": "en",
        "plan_year": 2024,
        "return_url": f"{PORTAL}/return",
        "learner": "lrn_1",
    }
    completed = (await http.post(f"{site}/complete", json={"ticket": ticket})).json()
    (event,) = await vendor_receiver.wait_for_events(ticket, 1)
    assert event.headers["Webhook-Id"] == completed["event_id"]
    assert completed["return_url"] == f"{PORTAL}/return"
    Webhook(VENDORS["vendor-b"]).verify(event.raw, event.headers)


@pytest.mark.parametrize(
    ("how", "status", "sentence"),
    [
        ("used", 409, "This ticket was used already. <Ask> for a new one in the portal."),
        ("expired", 410, "This ticket expired; ask for a new one in the portal."),
        ("of another vendor", 404, "There is no such ticket for this vendor."),
        ("invented", 404, "There is no such ticket for this vendor."),
    ],
)
async def test_b14_a_ticket_that_does_not_open_is_refused_in_the_exchanges_words(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets, how: str, status: int, sentence: str
) -> None:
    kinds: dict[str, Callable[[], str]] = {
        "used": tickets.issue_ticket,
        "expired": lambda: tickets.issue_ticket(expired=True),
        "of another vendor": lambda: tickets.issue_ticket("vendor-b"),
        "invented": lambda: uuid4().hex,
    }
    ticket = kinds[how]()
    if how == "used":
        assert (await open_training(http, sandbox, ticket)).status_code == 200
    page = await open_training(http, sandbox, ticket)
    assert page.status_code == status
    assert sentence.replace("<", "&lt;").replace(">", "&gt;") in page.text
    assert "<form" not in page.text
    script = await http.post(f"{sandbox.vendors}/vendor-a/redeem", json={"ticket": ticket})
    assert (script.status_code, script.json()["detail"]) == (status, sentence)
    assert script.json()["errors"] == [{"field": "ticket", "message": sentence}]
    if how != "used":
        assert (await http.post(f"{sandbox.vendors}/vendor-a/complete", json={"ticket": ticket})).status_code == 404


async def test_the_exchange_hears_which_languages_the_browser_wants(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets
) -> None:
    wanted = {"Accept-Language": "es-MX,es;q=0.9"}
    await http.get(f"{sandbox.vendors}/vendor-a/training", params={"ticket": "none"}, headers=wanted)
    assert tickets.languages == ["es-MX,es;q=0.9"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "broken"),
        (200, "broken"),
        (200, "{}"),
        (200, json.dumps({"curriculum": "exam", "language": "en", "plan_year": 2024, "return_url": "", "learner": ""})),
        (302, ""),
    ],
)
async def test_an_exchange_that_does_not_answer_opens_nothing(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer, status: int, body: str
) -> None:
    httpserver.expect_request("/api/vendors/vendor-a/tickets").respond_with_data(body, status=status)
    assert (await open_training(http, sandbox, "t")).status_code == 503
    assert (await http.post(f"{sandbox.vendors}/vendor-a/complete", json={"ticket": "t"})).status_code == 404


async def test_a_completion_is_told_again_under_its_own_id(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets, vendor_receiver: WebhookReceiver
) -> None:
    ticket = tickets.issue_ticket()
    await open_training(http, sandbox, ticket)
    site = f"{sandbox.vendors}/vendor-a"
    assert (await http.post(f"{site}/resend", json={"ticket": ticket})).status_code == 404
    sent = (await http.post(f"{site}/complete", json={"ticket": ticket})).json()["event_id"]
    again = await http.post(f"{site}/resend", json={"ticket": ticket})
    assert (again.status_code, again.json()) == (202, {"event_ids": [sent]})
    first, second = await vendor_receiver.wait_for_events(ticket, 2)
    assert first.raw == second.raw
    assert first.headers["Webhook-Id"] == second.headers["Webhook-Id"] == sent
    told = [one for one in (await http.get(f"{sandbox.vendors}/deliveries")).json() if one["case"] == ticket]
    assert [one["event_id"] for one in told] == [sent, sent]


async def test_what_is_wrong_is_named(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    for body in ({}, {"ticket": ""}, {"ticket": "a b"}, {"ticket": "x" * 501}, {"ticket": 7}):
        answer = await http.post(f"{sandbox.vendors}/vendor-a/redeem", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ticket")
    assert (await http.get(f"{sandbox.vendors}/vendor-x/")).status_code == 404


async def test_orders_concern_the_sites_alone(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, tickets: ExchangeTickets
) -> None:
    await http.post(f"{sandbox.vendors}/controls", json={"mode": "down", "times": 1})
    assert (await http.get(f"{sandbox.vendors}/")).status_code == 200
    ticket = tickets.issue_ticket()
    assert (await open_training(http, sandbox, ticket)).status_code == 503
    assert (await open_training(http, sandbox, ticket)).status_code == 200
    calls = (await http.get(f"{sandbox.vendors}/calls")).json()
    assert [(call["path"], call["status"]) for call in calls] == [
        ("/vendor-a/training", 503),
        ("/vendor-a/training", 200),
    ]
