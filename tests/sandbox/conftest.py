"""One sandbox process for all tests of the sandbox, and a real receiver in the exchange's place."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

ROOT = Path(__file__).parents[2]
SECRETS = {
    "CERTIFY_REGISTRY_USER": "registry-user",
    "CERTIFY_REGISTRY_PASSWORD": "registry-password",
    "CERTIFY_BACKGROUND_CHECKS_API_KEY": "an-api-key",
    "CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET": "a-checkr-secret",
    "CERTIFY_LMS_TOKEN": "an-lms-token",
    "CERTIFY_LMS_WEBHOOK_SECRET": "whsec_bG1zLXNlY3JldC1sbXMtc2VjcmV0LWxtcw==",
    "CERTIFY_PORTAL_TOKEN": "a-portal-token",
    "CERTIFY_PORTAL_WEBHOOK_SECRET": "whsec_cG9ydGFsLXNlY3JldC1wb3J0YWwtc2VjcmV0",
    "CERTIFY_MLMS_TOKEN": "an-mlms-token",
    "CERTIFY_VENDORS": json.dumps(
        {
            "vendor-a": {"url": "http://127.0.0.1:9/vendor-a", "secret": "whsec_dmVuZG9yLWEtc2VjcmV0LXZlbmRvci1h"},
            "vendor-b": {"url": "http://127.0.0.1:9/vendor-b", "secret": "whsec_dmVuZG9yLWItc2VjcmV0LXZlbmRvci1i"},
        }
    ),
}
WEB_STAND_INS = ("registry", "background_checks", "lms", "portal", "mailbox", "mlms", "vendors", "lists", "identity")
PORTS = (*map(str.upper, WEB_STAND_INS), "SMTP")
IDENTITY_SECRET = "an-identity-secret"
PATIENCE = 15.0


@dataclass
class RunningSandbox:
    """A sandbox process and its addresses."""

    process: subprocess.Popen[str]
    ports: dict[str, int]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def registry(self) -> str:
        return self.url("registry")

    @property
    def background_checks(self) -> str:
        return self.url("background_checks")

    @property
    def lms(self) -> str:
        return self.url("lms")

    @property
    def portal(self) -> str:
        return self.url("portal")

    @property
    def mailbox(self) -> str:
        return self.url("mailbox")

    @property
    def mlms(self) -> str:
        return self.url("mlms")

    @property
    def vendors(self) -> str:
        return self.url("vendors")

    @property
    def lists(self) -> str:
        return self.url("lists")

    @property
    def identity(self) -> str:
        return self.url("identity")

    @property
    def smtp_port(self) -> int:
        return self.ports["smtp"]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(PATIENCE)
            raise


def build_environment(mailbox_dir: Path, web_url: str) -> dict[str, str]:
    ports = {f"SANDBOX_{name}_PORT": "0" for name in PORTS}
    own = {
        "SANDBOX_MAILBOX_DIR": str(mailbox_dir),
        "SANDBOX_WEB_URL": web_url,
        "SANDBOX_IDENTITY_CLIENT_SECRET": IDENTITY_SECRET,
        "PYTHONPATH": str(ROOT),
    }
    return {**os.environ, **SECRETS, **ports, **own}


def launch_sandbox(settings: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        cwd=ROOT,
        env=settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def start_sandbox(mailbox_dir: Path, web_url: str) -> RunningSandbox:
    process = launch_sandbox(build_environment(mailbox_dir, web_url))
    assert process.stdout is not None
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    assert line.startswith("sandbox listens: "), line
    named = (each.split(" on port ") for each in line.removeprefix("sandbox listens: ").strip().split(", "))
    return RunningSandbox(process, {name: int(port) for name, port in named})


@pytest.fixture(scope="session")
def sandbox(make_httpserver: HTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """The process; the exchange it tells is `httpserver`."""
    running = start_sandbox(tmp_path_factory.mktemp("mailbox"), make_httpserver.url_for("").rstrip("/"))
    yield running
    running.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture(autouse=True)
async def reset_stand_ins(sandbox: RunningSandbox, http: httpx2.AsyncClient) -> None:
    """Every test finds stand-ins that work, and nothing noted of earlier calls."""
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


def verify_statement(event: ReceivedEvent) -> dict[str, Any]:
    """The xAPI statement of an event of the LMS or the MLMS, whose signature and id are right."""
    statement: dict[str, Any] = Webhook(SECRETS["CERTIFY_LMS_WEBHOOK_SECRET"]).verify(event.raw, event.headers)
    assert event.headers["Webhook-Id"] == statement["id"]
    return statement


def build_learner(registration: str, **other: Any) -> dict[str, Any]:
    """What the exchange tells the LMS about a learner."""
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
