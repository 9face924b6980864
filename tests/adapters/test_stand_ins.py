"""The adapters and the stand-ins of the sandbox, which never see each other's code, agree on what is spoken."""

import json
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
from pytest_httpserver import HTTPServer

from adapters.background_checks import BackgroundChecks
from adapters.http import Refused, Unavailable, client
from adapters.lists import FederalLists
from adapters.lms import Learner, Lms
from adapters.mail import Letter, Mailer
from adapters.mlms import Enrollment, Mlms
from adapters.portal import Account, Portal
from adapters.registry import Registry
from domain.federal.lists import COLUMNS, PublishedList
from domain.federal.markets import Market

NAMES = ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "PORTAL", "MAILBOX", "SMTP", "MLMS", "VENDORS", "LISTS")
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
ENROLLMENT = {
    **{name: LEARNER[name] for name in ("registration", "assister_id", "email", "first_name", "last_name", "language")},
    "home_page": "https://mlms.example.org",
    "curriculum": "shop",
    "course_id": "https://mlms.example.org/courses/shop",
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
def sandbox(tmp_path_factory: pytest.TempPathFactory, make_httpserver: HTTPServer) -> Iterator[Sandbox]:
    """The stand-ins; where the exchange would be there is `httpserver`, which takes no notice of webhooks."""
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    environment = {f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()} | {
        "SANDBOX_HOST": "127.0.0.1",
        "SANDBOX_MAILBOX_DIR": str(tmp_path_factory.mktemp("mailbox")),
        "SANDBOX_WEB_URL": make_httpserver.url_for("").rstrip("/"),
        "CERTIFY_REGISTRY_USER": "exchange",
        "CERTIFY_REGISTRY_PASSWORD": "password",
        "CERTIFY_BACKGROUND_CHECKS_API_KEY": "api-key",
        "CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET": "secret",
        "CERTIFY_LMS_TOKEN": "lms-token",
        "CERTIFY_LMS_WEBHOOK_SECRET": SECRET,
        "CERTIFY_PORTAL_TOKEN": "portal-token",
        "CERTIFY_PORTAL_WEBHOOK_SECRET": SECRET,
        "CERTIFY_MLMS_TOKEN": "mlms-token",
        "CERTIFY_VENDORS": json.dumps({"vendor-a": {"url": "http://127.0.0.1:9", "secret": SECRET}}),
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


async def test_mlms(http: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    mlms = Mlms(http, sandbox.url("MLMS"), "mlms-token")
    shop = Enrollment(**ENROLLMENT)  # type: ignore[arg-type]
    place = await mlms.enroll(shop, "enroll-shop")
    assert place == await mlms.enroll(shop, "enroll-shop")
    full = Enrollment(**ENROLLMENT | {"curriculum": "individual_full"})  # type: ignore[arg-type]
    assert (await mlms.enroll(full, "enroll-full")).url != place.url
    with pytest.raises(Refused, match="mlms_refused"):
        await mlms.enroll(shop, "another-key")


async def test_lists(http: httpx2.AsyncClient, sandbox: Sandbox, httpserver: HTTPServer) -> None:
    npn, whose = "9000000777", ("Testa", "Broker", "505-555-0177")
    publish(httpserver, PublishedList.RCL, {"npn": npn, "applicable_plan_year": 2024, "status": ""})
    publish(
        httpserver, PublishedList.FIND_LOCAL_HELP, dict(zip(("first_name", "last_name", "phone"), whose, strict=True))
    )
    row = {"npn": npn, "plan_year": "2024", "individual_completed_on": "11/03/2023", "shop_completed_on": ""}
    httpserver.expect_request(f"/registry/tracker/{npn}").respond_with_json({"npn": npn, "rows": [row]})
    lists = FederalLists(http, sandbox.url("LISTS"))
    assert await lists.rcl(npn, 2024)
    assert await lists.find_local_help(*whose)
    tracked = await lists.tracker(npn, 2024)
    assert tracked is not None
    assert tracked.completed(Market.INDIVIDUAL)
    for named in (
        {"list": "rcl", "npn": npn},
        {"list": "tracker", "npn": npn},
        {"list": "find_local_help", "name": "Testa Broker"},
    ):
        await post(f"{sandbox.url('LISTS')}/alterations", {**named, "how": "omit"})
    assert await lists.rcl(npn, 2024) is None
    assert not await lists.find_local_help(*whose)
    assert await lists.tracker(npn, 2024) is None
    await http.delete(f"{sandbox.url('LISTS')}/alterations")
    assert await lists.rcl(npn, 2024)
    lists.close()


def publish(httpserver: HTTPServer, name: PublishedList, cells: dict[str, Any]) -> None:
    """A list of one line, at its address."""
    head, line = COLUMNS[name], (str(cells.get(column, "")) for column in COLUMNS[name])
    body = f"{','.join(head)}\r\n{','.join(line)}\r\n"
    path = f"/registry/{name.replace('_', '-')}.csv"
    httpserver.expect_request(path).respond_with_data(body, content_type="text/csv", headers={"ETag": '"1"'})


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
        "MLMS": lambda url: Mlms(http, url, "mlms-token").enroll(Enrollment(**ENROLLMENT), "enroll-2"),  # type: ignore[arg-type]
        "LISTS": lambda url: FederalLists(http, url).rcl("9000000779", 2024),
        "PORTAL": lambda url: Portal(http, url, "portal-token").find("nobody"),
        "BACKGROUND_CHECKS": lambda url: BackgroundChecks(http, url, "api-key", "basic").order(
            "case", "Ejemplo", "Consejera", "consejera@example.org", "check-2"
        ),
    }
    if mode["mode"] == "hang":
        http.timeout = httpx2.Timeout(0.5)
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
