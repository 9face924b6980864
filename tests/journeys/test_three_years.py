"""Three plan years of one person, with time skipped: what happens to a certification that lives for years."""

import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from starter.policies import SHIPPED
from tests.support import documents, evidence, years as support
from tests.support.temporal import client_of, failed_tasks
from tests.support.world import FORM, Document, World
from tests.support.years import Years

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow, pytest.mark.timeout(400)]

# Mondays in November; far from the years whose policies are shipped.
BEGINS = date(2030, 11, 4)
PLAN_YEARS = (2031, 2032, 2033, 2034)


def write_policies(folder: Path) -> Path:
    """The policies shipped, and for trying those of the years to come."""
    policies = Path(shutil.copytree(SHIPPED, folder))
    for program in ("bewellnm", "ffm"):
        newest = (policies / program / "2027.toml").read_text("utf-8")
        for year in PLAN_YEARS:
            text = newest.replace("2026", str(year - 1)).replace("2027", str(year))
            (policies / program / f"{year}.toml").write_text(text, "utf-8")
    return policies


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def years(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Years]:
    folder = tmp_path_factory.mktemp("years")
    async with support.running(folder / "data", BEGINS, write_policies(folder / "policies")) as running:
        yield running
        client = await client_of(running.world.stack)
        assert await failed_tasks(client, datetime(2020, 1, 1, tzinfo=UTC)) == []


@pytest.fixture(scope="module")
def stack(years: Years) -> dict[str, Any]:
    return years.world.stack


@pytest.fixture(scope="module")
def world(years: Years) -> World:
    return years.world


async def register(world: World, opened: Document, request: Document, number: str) -> None:
    """A broker registers at their portal, sets their profile up and the tool by which consumers find them."""
    portal = world.stack["sandbox"]["portal"]
    answer = await world.http.post(f"{portal}/register", json={"email": request["email"], "certificate_number": number})
    assert answer.status_code == 201, answer.text
    await world.until(opened, lambda status: status["portal"]["account"] == "registered")
    await world.reported_by_portal(opened, "profile.completed", "scheduling_tool.ready")


async def accept_agreement(world: World, opened: Document, request: Document) -> None:
    """Somebody who returns accepts the year's agreement on their own page."""
    page = await world.own_page(opened, request["email"])
    text = (await world.http.get(page, headers=FORM)).text
    shown = {
        name: re.findall(rf'name="{name}" value="([^"]+)"', text)[0]
        for name in ("agreement_version", "agreement_language")
    }
    answer = await world.http.post(f"{page}/agreement", data={**shown, "agreement_accepted": "true"}, headers=FORM)
    assert answer.status_code == 303, answer.text


async def appeal(world: World, opened: Document, request: Document, grounds: str) -> None:
    """Somebody appeals on their own page, and adds a file."""
    page = f"{await world.own_page(opened, request['email'])}/appeal"
    answer = await world.http.post(page, data={"grounds": grounds}, headers=FORM)
    assert answer.status_code == 303, answer.text
    file = {"file": ("letter.pdf", evidence.pdf(), "application/pdf")}
    answer = await world.http.post(f"{page}/evidence", files=file, headers=FORM)
    assert answer.status_code == 303, answer.text


async def open_season(world: World, plan_year: int) -> Document:
    """Staff open a season and wait for its end; how it went."""
    season = f"{world.web}/api/seasons/bewellnm/{plan_year}"
    answer = await world.http.post(f"{season}/open", json={"reason": "It is time."}, headers=world.staff)
    assert answer.status_code == 201, answer.text

    async def read() -> Document:
        found: Document = (await world.get(f"/api/seasons/bewellnm/{plan_year}/status")).json()
        return found

    return await world.changes.poll(read, lambda status: status["state"] == "finished")


async def find_case(world: World, assister_id: str, plan_year: int) -> Document:
    """Somebody's case of a plan year."""
    found = (await world.get("/api/cases", params={"plan_year": plan_year})).json()
    (case,) = [one for one in found if one["assister_id"] == assister_id]
    return await world.status(case)


async def test_e2_e3_e5_e6_e9_e11_three_years_of_a_broker(years: Years, world: World) -> None:
    request = documents.broker(plan_year=2031)
    first = await world.opened(request)
    assister = first["assister_id"]
    await world.approved(first)
    await world.reported(first, "account", "profile", "started", "course", "0.9", plan_year=2031)
    number = (await world.until(first, lambda status: status["certificate"]))["certificate"]["number"]
    await register(world, first, request, number)
    assert (await world.until(first, "active"))["may_assist"]
    assert await years.public(number) == ("valid", True, "Testa Broker")
    letters = ["request_received", "lms_invitation", "certificate_issued", "active"]
    await years.noticed(first, *letters)

    # The licence lapses, and comes back after two weeks.
    await years.pass_until(date(2031, 3, 3))
    await world.know(documents.producer(request, license={"active": False}))
    assert (await years.ask_registry())["suspended"] == 1
    status = await world.until(first, "suspended")
    assert (status["may_assist"], status["may_assist_reasons"]) == (False, ["license_lapsed"])
    assert [one["notice_date"] for one in status["suspensions"]] == ["2031-03-03"]
    assert (await years.public(number), await years.counts(number)) == (("valid", False, "Testa Broker"), True)
    await years.noticed(first, *letters, "authority_suspended")
    await years.rest()
    assert not (await world.portal_account(request["email"]))["active"]
    await years.pass_until(date(2031, 3, 17))
    await world.know(documents.producer(request))
    assert (await years.ask_registry())["restored"] == 1
    assert (await world.until(first, "active"))["may_assist"]
    letters += ["authority_suspended", "authority_restored"]
    await years.noticed(first, *letters)
    await years.rest()
    assert (await world.portal_account(request["email"]))["active"]
    assert await years.public(number) == ("valid", True, "Testa Broker")

    # The name is corrected: another certificate supersedes the first one.
    await years.pass_until(date(2031, 6, 2))
    seen = {"last_name": "Broker-Example", "method": "in_person", "document": "a passport", "reason": "married"}
    answer = await world.command(first, "correct", first_name="Testa", **seen)
    assert answer.status_code == 200, answer.text
    status = await world.until(first, lambda status: status["certificate"]["number"] != number)
    corrected = status["certificate"]["number"]
    assert status["certificate"]["supersedes"] == number
    assert (await years.public(number))[:2] == ("superseded", False)
    assert await years.public(corrected) == ("valid", True, "Testa Broker-Example")
    assert (await years.counts(number), await years.counts(corrected)) == (False, True)
    letters += ["certificate_corrected"]
    await years.noticed(first, *letters)
    assert await years.audited(first, "authority.") == [
        ("authority.suspended", "system", "2031-03-03"),
        ("authority.restored", "system", "2031-03-17"),
    ]

    # The second year is opened by the season and denied, since the registry has the name of before; an appeal with a
    # file isn't answered in its first phase, goes on by itself, and is reversed in the second.
    await years.pass_until(date(2031, 11, 3))
    season = await open_season(world, 2032)
    assert (season["opened"], season["left_out"]) == (1, 0)
    second = await find_case(world, assister, 2032)
    assert second["assister_type"] == "returning"
    await accept_agreement(world, second, request)
    await world.until(second, "awaiting_decision")
    assert (await world.decide(second, "deny", reason="The registry has another name.")).status_code == 200
    assert (await world.until(second, "denied"))["may_assist_reasons"][0] == "denied"
    await years.pass_until(date(2031, 11, 17))
    await appeal(world, second, request, "I have married, as the letter says.")
    status = await world.until(second, "under_appeal")
    assert (status["appeal"]["phase"], status["appeal"]["due_on"]) == (1, "2032-01-01")
    assert status["appeal"]["last_day"] == "2032-01-02"
    assert (await world.status(first))["may_assist"], "what was denied is another year's"
    await years.pass_until(date(2032, 1, 5))
    status = await world.status(second)
    assert (status["appeal"]["phase"], status["appeal"]["due_on"]) == (2, "2032-03-02")
    assert (await world.status(first))["may_assist_reasons"] == ["closed", "certificate_expired"]
    assert (await years.public(corrected))[:2] == ("expired", False)
    await years.noticed(first, *letters, "closed")
    assert (await years.decide_appeal(second, "second", "reversed")).status_code == 200
    assert (await world.until(second, "in_training"))["appeal"]["outcome"] == "reversed"
    await world.reported(second, "started", "course", "0.85", plan_year=2032)
    status = await world.until(second, "active")
    assert status["may_assist"]
    renewed = status["certificate"]["number"]
    assert await years.public(renewed) == ("valid", True, "Testa Broker-Example")
    letters = ["lms_enrolled", "denied", "appeal_filed", "appeal_escalated", "appeal_decided"]
    letters += ["certificate_issued", "active"]
    await years.noticed(second, *letters)
    assert await years.audited(second, "appeal.") == [
        ("appeal.filed", "assister", "2031-11-17"),
        ("appeal.evidence", "assister", "2031-11-17"),
        ("appeal.escalated", "system", "2032-01-02"),
        ("appeal.decided", "staff:second", "2032-01-05"),
    ]

    # The third year is revoked; the appeal, by a letter, is upheld in both phases, by two who didn't decide before.
    await years.pass_until(date(2032, 11, 8))
    await world.know(documents.producer({**request, "last_name": "Broker-Example"}))
    third = await world.begun(assister, 2033)
    await accept_agreement(world, third, request)
    await world.approved(third)
    await world.until(third, "in_training")
    await world.reported(third, "started", "course", "0.85", plan_year=2033)
    last = (await world.until(third, "active"))["certificate"]["number"]
    assert (await years.public(renewed), await years.public(last)) == (
        ("valid", True, "Testa Broker-Example"),
        ("valid", True, "Testa Broker-Example"),
    )
    await years.pass_until(date(2033, 5, 2))
    await years.noticed(second, *letters, "closed")
    await years.certify("revoke", third["case_id"], "--reason", "a sample reason", "--as", "reviewer")
    assert (await world.until(third, "revoked"))["may_assist_reasons"] == ["revoked"]
    assert ((await years.public(last))[:2], await years.counts(last)) == (("revoked", False), False)
    filing = {"grounds": "Sample grounds.", "method": "letter", "reason": "It came by post."}
    await years.pass_until(date(2033, 6, 1))
    answer = await world.command(third, "appeal", **filing)
    assert (answer.status_code, answer.json()["appeal"]["due_on"]) == (201, "2033-07-16")
    await years.pass_until(date(2033, 6, 15))
    assert (await years.decide_appeal(third, "first", "upheld")).json()["stage"] == "under_appeal"
    await years.pass_until(date(2033, 7, 15))
    again = await years.decide_appeal(third, "first", "upheld")
    assert (again.status_code, "decided" in again.json()["detail"]) == (409, True)
    assert (await years.decide_appeal(third, "second", "upheld")).json()["stage"] == "revoked"
    assert (await world.command(third, "appeal", **filing)).status_code == 409
    letters = ["lms_enrolled", "certificate_issued", "active", "revoked"]
    await years.noticed(third, *letters, "appeal_filed", "appeal_escalated", "appeal_decided")
    assert await years.audited(third, "appeal.decided") == [
        ("appeal.decided", "staff:first", "2033-06-15"),
        ("appeal.decided.refused", "staff:first", "2033-07-15"),
        ("appeal.decided", "staff:second", "2033-07-15"),
    ]
    assert await years.cases(assister) == {
        2031: ("new", "closed"),
        2032: ("returning", "closed"),
        2033: ("returning", "revoked"),
    }
    assert not (await world.portal_account(request["email"]))["active"]

    # Who was revoked is left out of the fourth year's season.
    await years.pass_until(date(2033, 11, 7))
    answer = await world.http.post(f"{world.web}/api/seasons/bewellnm/2034/rehearse", headers=world.staff)
    assert (answer.json()["opened"], answer.json()["reasons"]) == (0, {"revoked_before": 1})
