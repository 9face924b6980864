"""One client can't hurt the rest: what is sent is bounded, what is answered too, and who is refused is written down."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from db.engine import Database
from db.writes.house.call_counts import Grant, grant_calls, purge_counts
from settings import Settings
from starter.client import connect_client
from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.sending import build_basic, build_credential
from tests.web.conftest import settings_of
from web.app import build_services, create_app
from web.http.defence import protocol
from web.http.defence.protocol import BoundedProtocol
from web.http.defence.security_log import find_network, hash_caller
from web.http.limits import SECURITY_HEADERS
from web.http.rate_limits import RateLimiter

# A moment after a window of ten minutes has begun, and one as long after the next has.
NOW = datetime(2026, 3, 2, 9, 30, 1, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
TOKEN = "f3c1a9d27be846050b8e2d6f9a174c53"


# what is sent


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads all of a body before it answers."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(connections: int = 50, *, app: Any = echo, is_proxied: bool = True) -> AsyncIterator[int]:
    """The application as the web process serves its own; its port. ``is_proxied``: this machine is a trusted proxy."""
    config = uvicorn.Config(
        app,
        port=0,
        http=BoundedProtocol,
        limit_concurrency=connections,
        log_level="critical",
        lifespan="off",
        proxy_headers=is_proxied,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task


async def ask(port: int, *parts: bytes, wait: float = 0) -> bytes:
    """What is answered to these bytes until the connection is closed, or nothing comes any more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(wait)
        return await asyncio.wait_for(reader.readline(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


FIRST = b"GET / HTTP/1.1\r\nHost: example.org\r\n"
FILES = b"POST /me/a/information/documents?lang=es HTTP/1.1\r\nHost: example.org\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (FIRST + b"X-A: 1\r\n" * 90 + b"\r\n", b"200"),
        (FIRST + b"X-A: 1\r\n" * 100 + b"\r\n", b"431"),
        (FIRST + b"X-A: 1\r\n" * 100_000 + b"\r\n", b"431"),
        (FIRST + b"X-A: " + b"a" * 30_000 + b"\r\n\r\n", b"200"),
        (FIRST + b"X-A: " + b"a" * 33_000 + b"\r\n\r\n", b"431"),
        (FIRST + b"X-A: " + b"a" * 200_000, b"431"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 60000\r\n\r\n" + b"a" * 60_000, b"200"),
        (b"POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 9000000\r\n\r\n" + b"a" * 9_000_000, b"413"),
        (FILES + b"Content-Length: 9000000\r\n\r\n" + b"a" * 9_000_000, b"200"),
    ],
    ids=[
        "ninety",
        "a hundred and one",
        "a flood",
        "long",
        "too long",
        "endless",
        "address",
        "body",
        "large body",
        "files",
    ],
)
async def test_a_flood_of_headers_is_refused(head: bytes, status: bytes) -> None:
    async with served() as port:
        line = await ask(port, head)
        # Whoever is refused while they still send may see the connection go instead of the answer.
        assert status in line or (status != b"200" and line == b"")
        assert b"200" in await ask(port, FIRST + b"\r\n")


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"NONSENSE\r\n\r\n", 400, "no HTTP"),
        (FIRST + b"X-A: 1\r\n" * 100 + b"\r\n", 431, "100 headers"),
        (FIRST, 408, "took too long"),
    ],
    ids=["no HTTP", "many headers", "slow"],
)
async def test_what_never_became_a_request_is_answered_like_one(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, status: int, said: str
) -> None:
    async with served() as port:
        if status == 408:  # nobody else is to be late on a slow machine
            monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE)).partition(b"\r\n\r\n")
        writer.close()
    told = dict(line.lower().split(": ", 1) for line in head.decode().splitlines()[1:])
    problem = json.loads(body)
    assert problem["status"] == status
    assert said in problem["detail"]
    assert told["content-type"] == "application/problem+json"
    assert int(told["content-length"]) == len(body)
    assert {name.lower() for name in SECURITY_HEADERS} <= set(told)


async def test_who_sends_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\n\r\n"
    async with served() as port:
        with monkeypatch.context() as short:
            short.setattr(protocol, "HEAD_SECONDS", 0.3)
            short.setattr(protocol, "BODY_SECONDS", 0.3)
            floods = [ask(port, FIRST) for _ in range(10)]
            slow = (*floods, ask(port), ask(port, body + b"a"), ask(port, body, *[b"a"] * 5))
            answers = await asyncio.gather(*slow)
        assert all(b"408" in line for line in answers), answers
        assert b"200" in await ask(port, body + b"a" * 10)


async def test_files_that_arrive_slowly_are_waited_for_and_a_sender_who_stops_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 5 * 2**20
    head = FILES + b"Content-Length: %d\r\n\r\n" % size
    deadlines: list[float] = []
    set_deadline = BoundedProtocol._set_deadline

    def note_deadline(self: BoundedProtocol, seconds: float) -> None:
        deadlines.append(seconds)
        set_deadline(self, seconds)

    async with served() as port:
        monkeypatch.setattr(BoundedProtocol, "_set_deadline", note_deadline)
        assert b"200" in await ask(port, head, b"a" * size)
        assert deadlines.count(protocol.BODY_SECONDS) > 3, "each megabyte has its own time"
        monkeypatch.setattr(protocol, "BODY_SECONDS", 0.3)
        assert b"408" in await ask(port, head, b"a")


async def test_an_empty_line_after_an_answer_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as port, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(FIRST + b"\r\n")
        assert b"200" in await reader.readuntil(b"ok")
        monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
        writer.write(b"\r\n")
        assert b"408" in await reader.read()
        writer.close()


async def hold_forth(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with more than a connection holds."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a" * 2**25})


async def test_who_does_not_take_an_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "TAKE_SECONDS", 0.3)
    # The server takes one request fewer than connections: with three held there is no place for another.
    async with served(connections=4, app=hold_forth) as port, asyncio.timeout(PATIENCE):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in held:
            writer.write(FIRST + b"\r\n")
        # Whoever is refused may see the connection go instead of the answer.
        while b"200" not in await ask(port, FIRST + b"\r\n"):
            await asyncio.sleep(0.05)
        for _, writer in held:
            writer.close()


async def test_one_network_has_a_share_of_all_connections_and_a_proxy_all() -> None:
    async with served(connections=8, is_proxied=False) as port, asyncio.timeout(PATIENCE):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        while b"503" not in await ask(port, FIRST + b"\r\n"):
            await asyncio.sleep(0.01)
        for _, writer in held:
            writer.close()
        while b"200" not in await ask(port, FIRST + b"\r\n"):
            await asyncio.sleep(0.01)
    async with served(connections=8) as port, asyncio.timeout(PATIENCE):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
        assert b"200" in await ask(port, FIRST + b"\r\n")
        for _, writer in held:
            writer.close()


async def test_connections_beyond_the_bound_are_refused_and_come_back() -> None:
    async with served(connections=5) as port, asyncio.timeout(PATIENCE):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        # The server itself refuses requests that are too many, but no connection on which nothing comes.
        assert b"503" in await ask(port)
        for _, writer in held:
            writer.close()
        while b"200" not in await ask(port, FIRST + b"\r\n"):
            await asyncio.sleep(0.01)


# what is counted


def test_a_network_of_ipv6_is_one_caller() -> None:
    assert find_network("2001:db8:1:2:3:4:5:6") == find_network("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert find_network("2001:db8:1:3::1") != find_network("2001:db8:1:2::1")
    assert find_network("::ffff:192.0.2.7") == find_network("192.0.2.7") == "192.0.2.7"
    assert find_network("fe80::1%eth0") == "fe80::/64"
    assert find_network("testclient") == "testclient"


async def test_a_limit_is_one_for_all_processes(migrated_url: str) -> None:
    databases = [Database(migrated_url) for _ in range(3)]
    webs = [RateLimiter(database, b"key", {"sign_in": "6/minute"}) for database in databases]
    tried = [await webs[number % 3].count_call("sign_in", f"2001:db8::{number}") for number in range(9)]
    assert [wait == 0 for wait in tried] == [True] * 6 + [False] * 3
    assert all(0 < wait <= 70 for wait in tried[6:])
    assert await webs[0].count_call("sign_in", "2001:db8:0:1::1") == 0
    for database in databases:
        await database.close()


async def test_many_calls_at_once_take_no_more_of_a_limit_than_they_are(migrated_url: str) -> None:
    database = Database(migrated_url)
    web = RateLimiter(database, b"key", {"api": "600/minute"})
    assert not any(await asyncio.gather(*(web.count_call("api", "192.0.2.7") for _ in range(100))))
    await database.close()


async def test_who_waits_as_long_as_they_are_told_is_let_in(migrated_url: str) -> None:
    database = Database(migrated_url)

    async def grant(wanted: int, at: datetime) -> Grant:
        return await database.write(grant_calls, "request", "patient", wanted, 60, WINDOW, at)

    at = NOW
    assert (await grant(60, at)).calls == 60
    for _ in range(3):
        refused = await grant(1, at)
        assert refused.calls == 0
        assert (await grant(1, at + timedelta(seconds=refused.retry_after - 2))).calls == 0
        at += timedelta(seconds=refused.retry_after)
        assert (await grant(60, at)).calls == 1
    await database.close()


async def test_a_window_slides_and_is_forgotten(migrated_url: str) -> None:
    database = Database(migrated_url)

    async def grant(wanted: int, at: datetime) -> int:
        return (await database.write(grant_calls, "request", "caller", wanted, 60, WINDOW, at)).calls

    assert [await grant(40, NOW), await grant(40, NOW), await grant(1, NOW)] == [40, 20, 0]
    assert await grant(60, NOW + WINDOW) == 0  # what was called a moment ago still counts
    assert await grant(60, NOW + WINDOW + timedelta(minutes=5)) in (30, 31)
    assert await grant(60, NOW + 3 * WINDOW) == 60
    await database.write(purge_counts, NOW + 9 * WINDOW)
    assert await grant(60, NOW + 3 * WINDOW) == 60
    await database.close()


# what is answered


Visit = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture
async def visit(migrated_sqlite_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Visit]:
    """A browser on the application with these settings, at an address of its own, behind a proxy where one is named."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    database = Database(migrated_sqlite_url)
    made: dict[str, FastAPI] = {}

    async def browse(peer: str = "192.0.2.1", trusted: str = "", **changes: Any) -> httpx2.AsyncClient:
        known = repr(changes)
        if known not in made:
            document = settings_of(tmp_path).model_dump() | changes
            url = document.pop("database_url")
            settings = Settings.model_validate({**document, "CERTIFY_DATABASE_URL": url})
            made[known] = create_app(settings)
            made[known].state.services = build_services(settings, database, await connect_client(lazy=True))
        inner: Any = made[known]
        app: Any = ProxyHeadersMiddleware(inner, trusted) if trusted else inner
        transport = httpx2.ASGITransport(app=app, client=(peer, 4711))
        return httpx2.AsyncClient(transport=transport, base_url=f"{settings_of(tmp_path).web_url}")

    yield browse
    await database.close()


async def test_a_body_full_of_faults_is_answered_with_fifty(visit: Visit) -> None:
    async with await visit(staff_tokens={"clerk": TOKEN}, staff_roles={"clerk": ["reviewer"]}) as http:
        body = documents.broker() | {f"unknown_{number}": "x" for number in range(5000)}
        answer = await http.post("/api/requests", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 50
    assert len(answer.content) < 20_000


async def test_behind_a_proxy_one_person_locks_nobody_else_out(visit: Visit) -> None:
    limits = {"rate_sign_in": "3/minute", "rate_look_up": "3/minute"}

    async def sign_in(forwarded: str, **peer: str) -> int:
        async with await visit(trusted="192.0.2.7", **limits, **peer) as http:
            headers = {"X-Forwarded-For": forwarded}
            return (await http.get("/staff/sign-in/start", headers=headers)).status_code

    statuses = [await sign_in("198.51.100.4", peer="192.0.2.7") for _ in range(4)]
    assert statuses == [503, 503, 503, 429]
    assert await sign_in("198.51.100.5", peer="192.0.2.7") == 503
    # Who is no proxy may say what they want.
    statuses = [await sign_in(f"198.51.100.{number}", peer="203.0.113.9") for number in range(10, 14)]
    assert statuses[-1] == 429


async def test_wrong_tokens_are_put_off_and_the_right_one_is_not(visit: Visit) -> None:
    settings = {
        "staff_tokens": {"clerk": TOKEN},
        "staff_roles": {"clerk": ["auditor"]},
        "rate_wrong_credential": "3/minute",
    }

    async def ask_with(token: str) -> int:
        async with await visit(**settings) as http:
            return (await http.get("/api/cases", headers={"Authorization": f"Bearer {token}"})).status_code

    assert [await ask_with(f"wrong-{number}") for number in range(5)] == [401, 401, 401, 429, 429]
    assert await ask_with(TOKEN) == 200


@pytest.mark.parametrize(
    ("path", "wrong", "right"),
    [
        (
            "/xapi/statements",
            lambda number: build_basic("store", f"wrong-{number}"),
            build_credential("record-store", b""),
        ),
        ("/webhooks/lms", lambda number: f"Bearer wrong-{number}", build_credential("docebo", b"")),
        ("/api/portal/applicants", lambda number: f"Bearer wrong-{number}", build_credential("portal-look-up", b"")),
        ("/api/cases/none/launches", lambda number: f"Bearer wrong-{number}", build_credential("marketplace", b"")),
    ],
)
async def test_wrong_credentials_of_senders_are_put_off_and_the_right_one_is_not(
    visit: Visit, path: str, wrong: Callable[[int], str], right: dict[str, str]
) -> None:
    async def send_with(headers: dict[str, str]) -> int:
        async with await visit(rate_wrong_credential="3/minute") as http:
            return (await http.post(path, json={}, headers=headers)).status_code

    tried = [await send_with({"Authorization": wrong(number)}) for number in range(5)]
    assert tried == [401, 401, 401, 429, 429]
    assert await send_with(right) not in (401, 429)
    # A signature can't be tried out, and who sends an old one is told so.
    signed = {"webhook-id": "1", "webhook-timestamp": "0", "webhook-signature": "v1,AAAA"}
    assert [await send_with(signed) for _ in range(5)] == ([401] * 5)


async def test_wrong_passes_of_a_portal_are_put_off(visit: Visit) -> None:
    """Who has stolen its token can't try passes out either; without one it is only told what the token is for."""

    async def send_with(headers: dict[str, str]) -> int:
        async with await visit(rate_wrong_credential="3/minute") as http:
            return (
                await http.post("/api/cases/none/launches", headers=build_credential("marketplace", b"") | headers)
            ).status_code

    assert [await send_with({"Portal-Pass": f"wrong-{number}"}) for number in range(5)] == [403, 403, 403, 429, 429]
    assert [await send_with({}) for _ in range(2)] == [403, 403]


async def test_who_is_refused_is_written_down_without_who_they_are(visit: Visit) -> None:
    with structlog.testing.capture_logs() as logs:
        async with await visit(peer="203.0.113.77") as http:
            await http.get("/api/cases", params={"email": "testa@example.org"})
            await http.post("/webhooks/lms", json={"name": "Testa"})
            await http.get("/healthz")
    assert [(one["event"], one["status"], one["endpoint"]) for one in logs if one.get("log") == "security"] == [
        ("refused", 401, "list_cases"),
        ("refused", 401, "receive_lms_webhook"),
    ]
    assert logs[0]["caller"] == logs[1]["caller"] == hash_caller(bytes.fromhex("5a" * 32), "203.0.113.77")
    assert not any(word in json.dumps(logs) for word in ("203.0.113", "Testa", "testa"))


async def test_answers_are_kept_by_nobody_and_cookies_are_of_this_host(visit: Visit) -> None:
    async with await visit(web_url="https://certification.example.org") as http:
        answer = await http.get("/api/cases")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        page = await http.get("/staff/sign-in", params={"lang": "es"})
        assert page.headers["set-cookie"].startswith("__Host-lang=es; Path=/;")
        http.cookies.clear()
        spanish = await http.get("/staff/sign-in", headers={"Cookie": "__Host-lang=es"})
        assert spanish.headers["content-language"] == "es"
        asked = [
            await http.post("/request", data={"plan_year": "2024"}),
            await http.post("/me/code", data={"email": "testa@example.com"}),
            await http.post("/portal/register", data={"plan_year": "2024"}),
        ]
        cookies = [one for answer in asked for one in answer.headers.get_list("set-cookie")]
        named = {one.partition("=")[0] for one in cookies}
        assert named >= {"__Host-request_draft", "__Host-registration_draft", "__Host-browser"}, [
            answer.text for answer in asked
        ]
        assert all(one.startswith("__Host-") and "Secure" in one and "Path=/;" in one for one in cookies), cookies


async def test_metrics_and_the_description_can_be_closed(visit: Visit) -> None:
    async with await visit() as http:
        assert [(await http.get(path)).status_code for path in ("/metrics", "/openapi.json")] == [200, 200]
    async with await visit(public_metrics=False, public_openapi=False) as http:
        assert [(await http.get(path)).status_code for path in ("/metrics", "/openapi.json")] == [404, 404]
        assert (await http.get("/healthz")).status_code == 200
