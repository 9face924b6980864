"""A licence lapses at the registry and comes back: what its holder, the portal and the public see (C7, E1–E3)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client

from domain.federal.lists import EASTERN
from domain.shared.round_messages import LicenseRoundCounts, LicenseRoundOrder
from tests.support import documents
from tests.support.marketplace import Marketplace, markets_of
from tests.support.temporal import client_of
from tests.support.world import Document, World
from workflows import messages as names

pytestmark = pytest.mark.asyncio(loop_scope="session")

LICENSE = {"state": "TX", "number": "TX-1", "line": "Health", "expires": "2099-12-31"}


def find_working_day(at: datetime) -> datetime:
    """That moment, or the same of the next working day, on which a weekend's alerts are told."""
    weekday = at.astimezone(EASTERN).weekday()
    return at + timedelta(days=7 - weekday if weekday > 4 else 0)


async def run_round(client: Client, at: datetime) -> dict[str, int]:
    """The round of a day, as the schedule begins it."""
    handle = await client.start_workflow(
        names.LICENSE_ROUND,
        LicenseRoundOrder(at=at),
        id=f"license-round-{uuid4()}",
        task_queue="certification",
        result_type=LicenseRoundCounts,
    )
    counts: dict[str, int] = (await handle.result()).counts
    return counts


async def set_licenses(world: World, broker: Document, agent: Document, **changes: object) -> None:
    """Both people's licences, as the registry has them from now on; its alerts tell of it."""
    await world.know(documents.producer(broker, license=changes))
    await world.know(documents.individual(agent, licenses=[{**LICENSE, **changes}]))


async def is_shown_able(world: World, number: str) -> bool:
    """Whether a certificate's public page lets its holder assist at present; it is valid as a record either way."""
    answer = await world.http.get(f"{world.web}/certificates/{number}", headers={"Accept": "application/json"})
    assert answer.json()["status"] == "valid"
    return bool(answer.json()["may_assist"])


async def register(world: World, request: Document) -> Document:
    """An active broker who has registered at the Broker Portal."""
    opened = await world.certified(request)
    number = (await world.status(opened))["certificate"]["number"]
    portal = world.stack["sandbox"]["portal"]
    answer = await world.http.post(f"{portal}/register", json={"email": request["email"], "certificate_number": number})
    assert answer.status_code == 201, answer.text
    await world.until(opened, lambda status: status["portal"]["account"] == "registered")
    await world.reported_by_portal(opened, "profile.completed", "scheduling_tool.ready")
    await world.until(opened, "active")
    return opened


def about(*words: str) -> Callable[[Document], bool]:
    return lambda letter: all(word in letter["subject"] for word in words)


async def test_c7_e1_e2_e3_a_license_lapses_and_comes_back(world: World, market: Marketplace) -> None:
    client = await client_of(world.stack)
    request, registration = documents.broker(), documents.registration(language="es")
    broker = await register(world, request)
    agent = await market.certified(registration, licenses=[LICENSE])
    numbers = [
        (await world.status(broker))["certificate"]["number"],
        markets_of(await market.status(agent))["individual"]["number"],
    ]
    await market.publish()
    assert (await market.rows("find-local-help", last_name=registration["last_name"])) != []
    await set_licenses(world, request, registration, active=False)

    today = find_working_day(datetime.now(UTC))
    assert (await run_round(client, today))["suspended"] == 2
    for opened in (broker, agent):
        status = await world.until(opened, "suspended")
        assert (status["may_assist"], status["may_assist_reasons"]) == (False, ["license_lapsed"])
        assert [one["note"] for one in status["suspensions"]] == ["license_inactive"]
    letter = await world.letter(request["email"], about("authority", "suspended"))
    assert "The license registry shows the license as not active." in letter["text"]
    letter = await world.letter(registration["email"], about("suspendi"))
    assert "la licencia no está activa" in letter["text"]
    assert [await is_shown_able(world, number) for number in numbers] == [False, False]
    await world.wait_until_idle(broker)
    assert not (await world.portal_account(request["email"]))["active"]
    await market.publish()
    (tracked,) = await market.tracked(registration["npn"])
    assert tracked["status"] == "suspended"
    (listed,) = await market.rows("rcl", npn=registration["npn"])
    assert (listed["npn_valid_current_plan_year_only"], listed["status"][:1]) == ("", "T")
    assert (await market.rows("terminations", npn=registration["npn"])) != []

    tomorrow = find_working_day(today + timedelta(days=1))
    last_day = (tomorrow + timedelta(days=20)).date()
    await set_licenses(world, request, registration, active=True, expires=last_day.isoformat())
    assert (await run_round(client, tomorrow))["restored"] == 2
    assert (await world.until(broker, "active"))["may_assist"]
    status = await market.until(agent, lambda status: status["stage"] != "suspended")
    assert "license_lapsed" not in status["may_assist_reasons"]
    await world.letter(request["email"], about("suspension", "over"))
    await world.letter(request["email"], about("license expires on", str(last_day.year)))
    await world.letter(registration["email"], about("licencia vence el", str(last_day.year)))
    assert await is_shown_able(world, numbers[0])
    await world.wait_until_idle(broker)
    assert (await world.portal_account(request["email"]))["active"]
    await market.publish()
    (tracked,) = await market.tracked(registration["npn"])
    assert tracked["status"] == "complete"
    left, shown = await market.certify("licenses")
    assert (left, shown["restored"]) == (0, 2)
    left, shown = await market.certify("licenses", "round")
    assert (left, shown["suspended"]) == (0, 2), "a second round of that day counts it together with the first"
