"""One sandbox process for all tests of the sandbox, and a real receiver in the exchange's place."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from tests.support.patience import PATIENCE
from tests.support.sandbox_process import SECRETS, SENDERS, WEB_STAND_INS, RunningSandbox, start_sandbox


@pytest.fixture(scope="session")
def sandbox(make_httpserver: HTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """The process; `httpserver` is the exchange that it calls."""
    running = start_sandbox(tmp_path_factory.mktemp("mailbox"), make_httpserver.url_for("").rstrip("/"))
    yield running
    running.stop_process()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture(autouse=True)
async def reset_stand_ins(sandbox: RunningSandbox, http: httpx2.AsyncClient) -> None:
    """Every test finds stand-ins that work, and no record of earlier calls."""
    for name in WEB_STAND_INS:
        await http.post(f"{sandbox.url(name)}/controls", json={"mode": "ok"})
        await http.delete(f"{sandbox.url(name)}/calls")
    await http.delete(f"{sandbox.mailbox}/messages")
    await http.delete(f"{sandbox.lists}/alterations")


@dataclass
class ReceivedEvent:
    """A webhook as it arrived."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.raw)
        return document


@dataclass
class WebhookReceiver:
    """What the exchange received at one address; it answers a case with the statuses given for it, then with 202."""

    case_of: Callable[[dict[str, Any]], str]
    statuses: dict[str, list[int]] = field(default_factory=dict)
    received: list[ReceivedEvent] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        received = ReceivedEvent(dict(request.headers.items()), request.get_data())
        self.received.append(received)
        # An earlier test's events may still be on their way: they are another case's.
        statuses = self.statuses.get(self.case_of(received.body))
        return Response(status=statuses.pop(0) if statuses else 202)

    async def wait_for_events(self, case: str, count: int) -> list[ReceivedEvent]:
        """The first events about a case, waited for."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            found = [each for each in self.received if self.case_of(each.body) == case]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{count} events about {case} were expected")


@pytest.fixture
def lms_receiver(httpserver: HTTPServer) -> WebhookReceiver:
    receiver = WebhookReceiver(lambda body: str(body["context"]["registration"]))
    httpserver.expect_request("/webhooks/lms", method="POST").respond_with_handler(receiver)
    return receiver


@pytest.fixture
def portal_receiver(httpserver: HTTPServer) -> WebhookReceiver:
    receiver = WebhookReceiver(lambda body: str(body["case_id"]))
    httpserver.expect_request("/webhooks/portal", method="POST").respond_with_handler(receiver)
    return receiver


@pytest.fixture
def background_check_receiver(httpserver: HTTPServer) -> WebhookReceiver:
    receiver = WebhookReceiver(lambda body: str(body["data"]["object"]["custom_id"]))
    httpserver.expect_request("/webhooks/background-checks", method="POST").respond_with_handler(receiver)
    return receiver


@pytest.fixture
def case_id() -> str:
    return str(uuid4())


def build_bearer_header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS[token]}"}


async def order_fault(http: httpx2.AsyncClient, stand_in: str, **order: Any) -> None:
    """Orders the stand-in at this address to fail."""
    answer = await http.post(f"{stand_in}/controls", json=order)
    assert answer.status_code == 200, answer.text


def verify_statement(event: ReceivedEvent, sender: str = "lms") -> dict[str, Any]:
    """The xAPI statement of an event of the LMS or the MLMS, whose signature and id are right."""
    statement: dict[str, Any] = Webhook(SENDERS[sender]["secret"]).verify(event.raw, event.headers)
    assert event.headers["Webhook-Id"] == statement["id"]
    return statement


def build_learner(registration: str, **other: Any) -> dict[str, Any]:
    """What the exchange sends to the LMS about a learner."""
    learner = {
        "registration": registration,
        "assister_id": "assister-1",
        "account": None,
        "email": "learner@example.com",
        "first_name": "Testa",
        "last_name": "Learner",
        "language": "en",
        "home_page": "https://lms.example.test",
        "account_id": "https://lms.example.test/account",
        "profile_id": "https://lms.example.test/profile",
        "course_id": "https://lms.example.test/course/2024",
        "exam_id": "https://lms.example.test/exam/2024",
    }
    return {**learner, **other}


async def invite_learner(http: httpx2.AsyncClient, sandbox: RunningSandbox, registration: str) -> str:
    """A learner with an invitation; gives the learner's address."""
    headers = {**build_bearer_header("CERTIFY_LMS_TOKEN"), "Idempotency-Key": f"invite-{registration}"}
    answer = await http.post(f"{sandbox.lms}/api/v1/invitations", json=build_learner(registration), headers=headers)
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return url
