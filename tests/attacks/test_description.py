"""The whole OpenAPI description, called by everybody with what its schemas allow and what they don't: never a 5xx.

`make test` makes 2,000 calls, the same each time; more are made by
``.venv/bin/python -m pytest tests/attacks/test_description.py --calls 20000``, others each time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import httpx2
import pytest
import schemathesis
import structlog
from fastapi import FastAPI
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from tests.attacks.callers import CALLERS, Headers, OpenHouse, furnish
from tests.attacks.drawing import draw_some
from tests.attacks.refusals import find_fault
from tests.web.house import House

# A message is sent as the text that it is.
schemathesis.serializer.alias("message/rfc822", "text/plain")
DEFAULT_CALLS = 2_000
# What an address may name that is there; a word stands for an id that only a house knows.
NAMED: dict[str, tuple[Any, ...]] = {
    "case_id": ("known-case", "known-certified", "known-registration"),
    "reference": ("known-case", "known-certified", "known-registration"),
    "assister_id": ("known-assister",),
    "number": ("known-number",),
    "npn": ("1234567890",),
    "agreement": ("individual_general", "shop"),
    "vendor": ("vendor-a",),
    "program": ("bewellnm", "ffm"),
    "plan_year": (2024,),
    "name": ("rcl", "tracker"),
}


@dataclass(frozen=True)
class Call:
    """One call of an operation."""

    operation: str
    method: str
    url: str
    what: dict[str, Any]
    """Query, headers and body, as the client takes them."""


@pytest.fixture(scope="module")
def wanted_calls(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--calls"))


@pytest.fixture(scope="module")
def calls(app: FastAPI, wanted_calls: int) -> list[Call]:
    """As many calls as are wanted, as many of each operation, those of one after the other."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 30
    each = -(-wanted_calls // len(operations))
    made = [call for operation in operations for call in islice(cycle(make_calls(operation, each)), each)]
    return made[:wanted_calls]


def make_calls(operation: Any, number: int) -> list[Call]:
    """Calls of an operation by its schemas: some that fit, some that don't, and of either some of what is there."""
    there = {one.name: NAMED[one.name] for one in operation.path_parameters if one.name in NAMED}
    paths = [{name: names[place % len(names)] for name, names in there.items()} for place in range(3 if there else 0)]
    strategies = [
        operation.as_strategy(mode, path_parameters=path or None)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for path in ({}, *paths)
    ]
    drawn = draw_some(st.one_of(strategies), number, same=number <= DEFAULT_CALLS // 30)
    return [write_call(case) for case in drawn]


def write_call(case: Case[Any]) -> Call:
    kwargs = case.as_transport_kwargs(base_url="http://certify.example.org")
    what = {name: kwargs[name] for name in ("params", "json") if kwargs.get(name) is not None}
    what["headers"] = [(name, value.encode("latin-1")) for name, value in kwargs["headers"].items()]
    if (data := kwargs.get("data")) is not None:
        what["content" if isinstance(data, str | bytes) else "data"] = data
    return Call(f"{case.method} {case.path}", kwargs["method"], kwargs["url"], what)


@pytest.fixture
async def open_house(house: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> OpenHouse:
    return await furnish(house, app, monkeypatch)


def build_request(open_house: OpenHouse, call: Call, show: Callable[[bytes], Headers]) -> httpx2.Request:
    request = open_house.house.browser.build_request(call.method, open_house.fill_in(call.url), **call.what)
    for name, value in show(request.read()).items():
        request.headers.setdefault(name, value)
    return request


def choose_calls(calls: list[Call], caller: str) -> Iterator[Call]:
    """Every caller's share: of each operation as many as the others have."""
    return islice(calls, CALLERS.index(caller), None, len(CALLERS))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("caller", CALLERS)
async def test_no_call_is_answered_with_a_fault_of_ours(open_house: OpenHouse, calls: list[Call], caller: str) -> None:
    show = await open_house.admit(caller)
    for call in choose_calls(calls, caller):
        request = build_request(open_house, call, show)
        with structlog.testing.capture_logs() as logs:
            answer = await open_house.house.browser.send(request)
        assert not find_fault(answer), (find_fault(answer), call, answer.status_code, answer.text[:500], logs[-1:])


def test_everybody_makes_as_many_calls_as_were_asked_for(calls: list[Call], wanted_calls: int) -> None:
    assert sum(len(list(choose_calls(calls, caller))) for caller in CALLERS) == wanted_calls
    assert len({call.operation for call in calls}) >= 30
