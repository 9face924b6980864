"""The adapters and the stand-ins of the sandbox, which never see each other's code, agree on what is spoken."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.background_checks import BackgroundChecks
from adapters.http import Refused, Unavailable, client
from adapters.lms import Learner, Lms
from adapters.mail import Letter, Mailer
from adapters.portal import Account, Portal
from adapters.registry import Registry

NAMES = ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "PORTAL", "MAILBOX", "SMTP")
SECRET = "whsec_c2FtcGxlLXNlY3JldC1mb3ItdGVzdHM="
LEARNER = {
    "registration": "00000000-0000-4000-8000-000000000010",
    "assister_id": "ast_10",
    "account": None,
    "email": "testa.broker@example.com",
    "first_name": "Testa",
    "last_name": "Broker",
    "language": "en",
    "home_page": "https://lms.example.org",
    "account_id": "https://lms.example.org/account",
    "profile_id": "https://lms.example.org/profile",
    "course_id": "https://lms.example.org/course",
    "exam_id": "https://lms.example.org/exam",
}


@dataclass(frozen=True)
class Sandbox:
    ports: dict[str, int]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    # Nobody listens on port 9: the stand-ins' webhooks are not what is tried here.
    environment = {f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()} | {
        "SANDBOX_HOST": "127.0.0.1",
        "SANDBOX_MAILBOX_DIR": str(tmp_path_factory.mktemp("mailbox")),
        "SANDBOX_WEB_URL": "http://127.0.0.1:9",
        "CERTIFY_REGISTRY_USER": "exchange",
        "CERTIFY_REGISTRY_PASSWORD": "password",
        "CERTIFY_BACKGROUND_CHECKS_API_KEY": "api-key",
        "CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET": "secret",
        "CERTIFY_LMS_TOKEN": "lms-token",
        "CERTIFY_LMS_WEBHOOK_SECRET": SECRET,
        "CERTIFY_PORTAL_TOKEN": "portal-token",
        "CERTIFY_PORTAL_WEBHOOK_SECRET": SECRET,
    }
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-m", "sandbox"], env=os.environ | environment, cwd=root)
    try:
        for port in ports.values():
            wait_for(port, process)
        yield Sandbox(ports)
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the sandbox ended before it listened"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nobody listens on {port}")


async def post(url: str, body: dict[str, Any]) -> None:
    async with client() as opened:
        (await opened.post(url, json=body)).raise_for_status()


async def test_registry(http: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    url = sandbox.url("REGISTRY")
    license_ = {"state": "NM", "number": "NM-1", "residency": "nonresident", "active": True, "line": "Health"}
    body = {"npn": "9000000777", "entity": "individual", "first_name": "Testa", "last_name": "Broker", "company": ""}
    held = [license_ | {"expires": "2030-01-31"}, license_ | {"number": "NM-2", "active": False}]
    await post(f"{url}/producers", body | {"licenses": held})
    registry = Registry(http, url, "exchange", "password")
    producer = (await registry.look_up("9000000777")).producer
    assert producer is not None
    assert (producer.entity, producer.first_name, producer.last_name) == ("individual", "Testa", "Broker")
    assert [(x.state, x.number, x.residency, x.active, str(x.expires), x.lines) for x in producer.licenses] == [
        ("NM", "NM-1", "nonresident", True, "2030-01-31", ("Health",)),
        ("NM", "NM-2", "nonresident", False, "None", ()),
    ]
    assert (await registry.look_up("9000000778")).producer is None
    with pytest.raises(Refused, match="registry_refused"):
        await Registry(http, url, "exchange", "wrong").look_up("9000000777")


async def test_background_checks(http: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    vendor = BackgroundChecks(http, sandbox.url("BACKGROUND_CHECKS"), "api-key", "basic")
    case_id = "00000000-0000-4000-8000-000000000011"
    order = await vendor.order(case_id, "Ejemplo", "Consejera", "consejera@example.org", "check-1")
    assert order == await vendor.order(case_id, "Ejemplo", "Consejera", "consejera@example.org", "check-1")


async def test_lms(http: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    lms = Lms(http, sandbox.url("LMS"), "lms-token")
    learner = Learner(**LEARNER)  # type: ignore[arg-type]
    place = await lms.invite(learner, "invite-1")
    assert place == await lms.invite(learner, "invite-1")
    returning = Learner(**LEARNER | {"registration": "00000000-0000-4000-8000-000000000012", "account": "testa"})  # type: ignore[arg-type]
    assert (await lms.enroll(returning, "enroll-1")).url != place.url


async def test_portal(http: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    portal = Portal(http, sandbox.url("PORTAL"), "portal-token")
    case_id = "00000000-0000-4000-8000-000000000013"
    person = (case_id, "otra.consejera@example.org", "Otra", "Consejera")
    scim_id = await portal.create(*person)
    assert await portal.create(*person) == scim_id
    assert await portal.find(case_id) == Account(id=scim_id, active=False)
    await portal.set_active(scim_id, True)
    assert await portal.find(case_id) == Account(id=scim_id, active=True)
    assert await portal.find("00000000-0000-4000-8000-000000000014") is None


async def test_mailbox(sandbox: Sandbox) -> None:
    letter = Letter(
        "testa.broker@example.com", "Año nuevo", "Hola", "<p>Hola</p>", "es", "<m-1@example.org>", None,
        (("certificate.pdf", "application/pdf", b"%PDF"),),
    )  # fmt: skip
    await Mailer("127.0.0.1", sandbox.ports["SMTP"], None, None, False, "certification@example.org").send(letter)
    async with client() as opened:
        (message,) = (await opened.get(f"{sandbox.url('MAILBOX')}/messages")).json()
    assert (message["to"], message["subject"], message["language"]) == ([letter.to], letter.subject, "es")
    assert message["attachments"] == ["certificate.pdf"]


MODES: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"mode": "down"}, Unavailable),
    ({"mode": "hang", "seconds": 2}, Unavailable),
    ({"mode": "error", "status": 500}, Unavailable),
    ({"mode": "error", "status": 429}, Unavailable),
    ({"mode": "error", "status": 400}, Refused),
    ({"mode": "garbage"}, Refused),
]


@pytest.mark.parametrize(("mode", "expected"), MODES, ids=[str(mode) for mode, _ in MODES])
async def test_trouble_is_translated(
    http: httpx2.AsyncClient, sandbox: Sandbox, mode: dict[str, Any], expected: type[Exception]
) -> None:
    troubled: dict[str, Callable[[str], Awaitable[object]]] = {
        "REGISTRY": lambda url: Registry(http, url, "exchange", "password").look_up("9000000779"),
        "LMS": lambda url: Lms(http, url, "lms-token").invite(Learner(**LEARNER), "invite-2"),  # type: ignore[arg-type]
        "PORTAL": lambda url: Portal(http, url, "portal-token").find("nobody"),
        "BACKGROUND_CHECKS": lambda url: BackgroundChecks(http, url, "api-key", "basic").order(
            "case", "Ejemplo", "Consejera", "consejera@example.org", "check-2"
        ),
    }
    for name, attempt in troubled.items():
        await post(f"{sandbox.url(name)}/controls", mode | {"times": 1})
        with pytest.raises(expected):
            await attempt(sandbox.url(name))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({"mode": "down"}, Unavailable),
        ({"mode": "error"}, Unavailable),
        ({"mode": "error", "status": 550}, Refused),
        ({"mode": "garbage"}, Unavailable),
    ],
)
async def test_trouble_with_the_mail(sandbox: Sandbox, mode: dict[str, Any], expected: type[Exception]) -> None:
    mailer = Mailer("127.0.0.1", sandbox.ports["SMTP"], None, None, False, "certification@example.org", 3.0)
    await post(f"{sandbox.url('MAILBOX')}/controls", mode | {"times": 1})
    with pytest.raises(expected):
        await mailer.send(Letter("a@example.com", "Hi", "Hi", "<p>Hi</p>", "en", "<m-2@example.org>"))
