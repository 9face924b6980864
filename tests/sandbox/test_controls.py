"""Stand-ins that fail as ordered, and the calls they record."""

import asyncio
import time
from xml.etree import ElementTree as Xml

import httpx2
import pytest

from tests.sandbox.conftest import order_fault
from tests.support.sandbox_process import WEB_STAND_INS, RunningSandbox

AUTH = ("registry-user", "registry-password")


async def look_up_producer(http: httpx2.AsyncClient, sandbox: RunningSandbox, timeout: float = 10) -> httpx2.Response:
    url = f"{sandbox.registry}/pdb-xml-reports/entityinfo_xml.cgi?id_entity=9000000101"
    return await http.get(url, auth=AUTH, timeout=timeout)


async def collect_statuses(http: httpx2.AsyncClient, sandbox: RunningSandbox, count: int) -> list[int]:
    return [(await look_up_producer(http, sandbox)).status_code for _ in range(count)]


async def test_down_is_503_until_changed(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.registry, mode="down")
    assert await collect_statuses(http, sandbox, 3) == [503] * 3
    assert (await http.get(f"{sandbox.registry}/producers")).status_code == 200
    assert (await http.get(f"{sandbox.registry}/healthz")).status_code == 200
    assert (await http.get(f"{sandbox.registry}/controls")).json() == {"mode": "down"}
    await order_fault(http, sandbox.registry, mode="ok")
    assert await collect_statuses(http, sandbox, 1) == [200]
    assert [call["status"] for call in (await http.get(f"{sandbox.registry}/calls")).json()] == [503, 503, 503, 200]


async def test_times_counts_calls(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.registry, mode="error", status=429, times=2)
    assert await collect_statuses(http, sandbox, 3) == [429, 429, 200]
    await order_fault(http, sandbox.registry, mode="error", times=1)
    assert await collect_statuses(http, sandbox, 2) == [500, 200]


async def test_seconds_ends_the_order(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.registry, mode="down", seconds=0.5)
    assert await collect_statuses(http, sandbox, 1) == [503]
    await asyncio.sleep(0.6)
    assert await collect_statuses(http, sandbox, 1) == [200]


async def test_hang_answers_late_or_never(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.registry, mode="hang", times=1)
    with pytest.raises(httpx2.ReadTimeout):
        await look_up_producer(http, sandbox, timeout=0.3)
    assert await collect_statuses(http, sandbox, 1) == [200]
    await order_fault(http, sandbox.registry, mode="hang", seconds=0.3, times=1)
    begun = time.monotonic()
    assert await collect_statuses(http, sandbox, 1) == [503]
    assert time.monotonic() - begun >= 0.3


async def test_garbage_is_a_200_nobody_can_read(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.registry, mode="garbage", times=1)
    answer = await look_up_producer(http, sandbox)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    with pytest.raises(Xml.ParseError):
        Xml.fromstring(answer.content)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mode": "sleepy"}, "mode"),
        ({}, "mode"),
        ({"mode": "down", "often": 2}, "often"),
        ({"mode": "error", "status": 200}, "status"),
        ({"mode": "down", "times": 0}, "times"),
        ({"mode": "hang", "seconds": -1}, "seconds"),
    ],
)
@pytest.mark.parametrize("name", WEB_STAND_INS)
async def test_an_order_not_understood_changes_nothing(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, name: str, wrong: dict[str, object], field: str
) -> None:
    answer = await http.post(f"{sandbox.url(name)}/controls", json=wrong)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])
    assert (await http.get(f"{sandbox.url(name)}/controls")).json() == {"mode": "ok"}


async def test_calls_are_noted_in_order_without_credentials(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await look_up_producer(http, sandbox)
    (call,) = (await http.get(f"{sandbox.registry}/calls")).json()
    at = call.pop("at")
    assert at.endswith("+00:00")
    assert call == {
        "method": "GET",
        "path": "/pdb-xml-reports/entityinfo_xml.cgi",
        "query": {"id_entity": "9000000101"},
        "status": 200,
        "body": None,
        "idempotency_key": None,
    }
    assert (await http.delete(f"{sandbox.registry}/calls")).status_code == 204
    assert (await http.get(f"{sandbox.registry}/calls")).json() == []


@pytest.mark.parametrize("name", WEB_STAND_INS)
async def test_each_has_the_common_routes(http: httpx2.AsyncClient, sandbox: RunningSandbox, name: str) -> None:
    assert (await http.get(f"{sandbox.url(name)}/healthz")).json() == {"status": "ok"}
    assert (await http.get(f"{sandbox.url(name)}/calls")).json() == []
