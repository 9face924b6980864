"""Three plan years of a broker, a counselor and a federal agent, with time skipped: what happens over the years."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from starter.policies import SHIPPED
from tests.support import documents, years as support
from tests.support.lifetimes import (
    accept_agreement,
    dispute_check,
    file_appeal,
    file_rebuttal,
    find_case,
    open_season,
    register_broker,
    report_clear,
    return_to_market,
    set_check,
)
from tests.support.lives import Life
from tests.support.marketplace import markets_of
from tests.support.temporal import client_of, failed_tasks
from tests.support.world import World
from tests.support.years import Years

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow, pytest.mark.timeout(1800)]

# Mondays in November; far from the years whose policies are shipped.
BEGINS = date(2030, 11, 4)
PLAN_YEARS = range(2031, 2038)
# The letters of a registration until its holder may assist.
BEGUN = ("marketplace_welcome", "marketplace_enrolled", "marketplace_certificate", "marketplace_active")
LICENSE = {"state": "TX", "number": "TX-1", "line": "Health", "expires": "2099-12-31"}
DEADLINE = "\n[training_deadline]\ndays = 60\n"


def write_policies(folder: Path) -> Path:
    """The policies shipped, and for trying those of the years to come."""
    policies = Path(shutil.copytree(SHIPPED, folder))
    for program in ("bewellnm", "ffm"):
        newest = (policies / program / "2027.toml").read_text("utf-8")
        for year in PLAN_YEARS:
            text = newest.replace("2026", str(year - 1)).replace("2027", str(year))
            (policies / program / f"{year}.toml").write_text(text, "utf-8")
    with (policies / "bewellnm" / "2036.toml").open("a", encoding="utf-8") as file:
        file.write(DEADLINE)
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


async def test_e2_e3_e5_e6_e9_e11_three_years_of_a_broker(years: Years, world: World) -> None:
    await years.begin_on(BEGINS)
    request = documents.broker(plan_year=2031)
    first = await world.opened(request)
    assister = first["assister_id"]
    await world.approved(first)
    await world.reported(first, "account", "profile", "started", "course", "0.9", plan_year=2031)
    number = (await world.until(first, lambda status: status["certificate"]))["certificate"]["number"]
    await register_broker(world, first, request, number)
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
    assert (await years.public(number), await years.badge(number)) == (("valid", False, "Testa Broker"), [])
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
    assert (await years.badge(number), await years.badge(corrected)) == (["suspension"], [])
    letters += ["certificate_corrected"]
    await years.noticed(first, *letters)
    assert await years.audited(first, "authority.") == [
        ("authority.suspended", "system", "2031-03-03"),
        ("authority.restored", "system", "2031-03-17"),
    ]

    # The second year is opened by the season and denied, since the registry has the name of before; an appeal with a
    # file isn't answered in its first phase, goes on by itself, and is reversed in the second.
    await years.pass_until(date(2031, 11, 3))
    assert await open_season(world, "bewellnm", 2032) == 1
    second = await find_case(world, assister, 2032)
    assert second["assister_type"] == "returning"
    await accept_agreement(world, second, request)
    await world.until(second, "awaiting_decision")
    assert (await world.decide(second, "deny", reason="The registry has another name.")).status_code == 200
    assert (await world.until(second, "denied"))["may_assist_reasons"][0] == "denied"
    await years.pass_until(date(2031, 11, 17))
    await file_appeal(world, second, request, "I have married, as the letter says.")
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
    assert ((await years.public(last))[:2], await years.badge(last)) == (("revoked", False), ["revocation"])
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


async def test_e4_e8_e9_e14_three_years_of_a_counselor(years: Years, world: World) -> None:
    await years.begin_on(date(2034, 11, 6))
    request = documents.counselor(plan_year=2035, language="en")
    await set_check(world, request, "consider")
    first = await world.opened(request)
    assister = first["assister_id"]

    # The report counts against her: five business days from the notice, which a dispute stops until it is clear.
    await world.until(first, "awaiting_decision")
    assert (await world.decide(first, "deny")).status_code == 409
    assert (await world.command(first, "check/adverse", reason="An entry of 2032.")).status_code == 200
    status = await world.until(first, lambda status: (status["adverse_action"] or {}).get("status") == "waiting")
    days = status["adverse_action"]["notice_date"], status["adverse_action"]["last_day"]
    assert days == ("2034-11-06", "2034-11-14"), "a weekend, and Veterans Day on the Friday before"
    await years.pass_until(date(2034, 11, 9))
    await dispute_check(world, first, request, "That is somebody else.")
    await world.until(first, lambda status: status["adverse_action"]["status"] == "disputed")
    await years.pass_until(date(2034, 12, 11))
    assert (await world.status(first))["adverse_action"]["status"] == "disputed"
    assert (await world.decide(first, "deny")).status_code == 409
    await report_clear(world, first)
    await world.until(first, lambda status: status["adverse_action"]["status"] == "canceled")
    letters = ["request_received", "adverse_action_begun", "adverse_action_canceled"]
    await years.noticed(first, *letters)
    await world.approved(first)
    status = await Life(world, request, first).until("next_plan_year")
    assert (status["may_assist"], status["certificate"]["issued_at"][:10]) == (True, "2034-12-11")
    letters += ["lms_invitation", "certificate_issued", "portal_activation", "active"]
    await years.noticed(first, *letters)
    assert [one for one in await years.audited(first) if "check" in one[0] or "adverse_action" in one[0]] == [
        ("case.adverse_action_begun", "staff:staff", "2034-11-06"),
        ("notice.adverse_action_begun", "system", "2034-11-06"),
        ("adverse_action.noticed", "system", "2034-11-06"),
        ("case.check_disputed", "assister", "2034-11-09"),
        ("adverse_action.ended", "system", "2034-12-11"),
        ("notice.adverse_action_canceled", "system", "2034-12-11"),
    ]

    # The second year, by the season: the training isn't complete by its deadline, and is two months later.
    await years.pass_until(date(2035, 11, 5))
    await set_check(world, request, "clear")
    assert await open_season(world, "bewellnm", 2036) == 1
    second = await find_case(world, assister, 2036)
    assert second["assister_type"] == "returning"
    await world.approved(second)
    status = await world.until(second, "in_training")
    days = status["training"]["deadline"]["last_day"], status["training"]["deadline"]["reactivate_until"]
    assert days == ("2036-01-04", "2036-12-31")
    await years.pass_until(date(2036, 1, 7))
    await years.noticed(first, *letters, "closed")
    assert (await world.until(second, "lapsed"))["may_assist_reasons"][0] == "training_lapsed"
    letters = ["lms_enrolled", "training_due", "training_due", "training_due", "training_lapsed"]
    await years.noticed(second, *letters)
    await years.pass_until(date(2036, 3, 3))
    status = await Life(world, request, second).until("next_plan_year")
    assert (status["stage"], status["may_assist"]) == ("active", True)
    assert await years.public(status["certificate"]["number"]) == ("valid", True, "Ejemplo Consejera")
    await years.noticed(second, *letters, "training_reactivated", "certificate_issued", "active")
    assert await years.audited(second, "training.") == [
        ("training.enrolled", "system", "2035-11-05"),
        ("training.lapsed", "system", "2036-01-05"),
        ("training.reactivated", "system", "2036-03-03"),
    ]

    # The third year: suspended by staff until a day, which a rebuttal ends before; then terminated after a notice.
    await years.pass_until(date(2036, 11, 3))
    assert await open_season(world, "bewellnm", 2037) == 1
    third = await find_case(world, assister, 2037)
    await world.approved(third)
    status = await Life(world, request, third).until("next_plan_year")
    number = status["certificate"]["number"]
    await years.pass_until(date(2037, 2, 2))
    answer = await world.command(third, "suspend", reason="a sample reason", until="2037-04-30")
    assert answer.json()["may_assist_reasons"] == ["suspended_by_staff"]
    assert [one["until"] for one in answer.json()["suspensions"]] == ["2037-04-30"]
    assert (await years.public(number))[:2] == ("valid", False)
    await years.pass_until(date(2037, 2, 9))
    await file_rebuttal(world, third, request, "It was not me.")
    assert [one["answer_by"] for one in (await world.status(third))["rebuttals"]] == ["2037-03-26"]
    await years.pass_until(date(2037, 3, 2))
    assert (await world.command(third, "lift", reason="a sample reason")).json()["may_assist"]
    assert (await years.public(number))[:2] == ("valid", True)
    await years.pass_until(date(2037, 5, 4))
    noticed = (await world.command(third, "terminate", reason="a sample reason")).json()
    assert (noticed["may_assist"], noticed["termination"]["last_day"]) == (True, "2037-06-03")
    await years.pass_until(date(2037, 6, 3))
    assert (await world.status(third))["may_assist"], "to the last day"
    await years.pass_until(date(2037, 6, 5))
    assert (await world.until(third, "terminated"))["may_assist_reasons"] == ["terminated"]
    assert ((await years.public(number))[:2], await years.badge(number)) == (("revoked", False), ["revocation"])
    ordered = ["authority_suspended", "authority_restored", "termination_noticed", "terminated"]
    await years.noticed(third, "lms_enrolled", "certificate_issued", "active", *ordered)
    assert (await years.audited(third, "case."))[-5:] == [
        ("case.suspended", "staff:staff", "2037-02-02"),
        ("case.unflagged.rebuttal_filed", "system", "2037-03-02"),
        ("case.lifted", "staff:staff", "2037-03-02"),
        ("case.termination_noticed", "staff:staff", "2037-05-04"),
        ("case.terminated", "system", "2037-06-04"),
    ]
    assert await years.cases(assister) == {
        2035: ("new", "closed"),
        2036: ("returning", "closed"),
        2037: ("returning", "terminated"),
    }
    await years.rest()
    assert not (await world.portal_account(request["email"]))["active"]


async def test_b11_e2_e4_e5_e6_e9_three_years_of_a_federal_agent(years: Years) -> None:
    market = years.market
    await years.begin_on(BEGINS)
    request = documents.registration(plan_year=2031)
    npn = request["npn"]
    first = await market.certified(request, licenses=[LICENSE])
    number = markets_of(await market.status(first))["individual"]["number"]
    await years.publish()
    await years.pass_until(date(2030, 11, 8))
    status = await market.until(first, "active")
    assert status["may_assist"]
    letters = [*BEGUN]
    await years.noticed(first, *letters)
    assert await years.list_codes(npn) == {"rcl": [""], "terminations": [], "tracker": ["complete"]}
    assert await years.public(number) == ("valid", True, "Testa Marketagent")
    assert await market.rows("find-local-help", email=request["professional_contact"]["email"]) != []

    # The licence lapses, and comes back: the lists and the tracker say both.
    await years.pass_until(date(2031, 3, 10))
    await market.know(documents.individual(request, licenses=[{**LICENSE, "active": False}]))
    assert (await years.ask_registry())["suspended"] == 1
    assert (await market.until(first, "suspended"))["may_assist_reasons"] == ["license_lapsed"]
    await years.publish()
    assert await years.list_codes(npn) == {"rcl": ["T1"], "terminations": ["T1"], "tracker": ["suspended"]}
    assert await years.public(number) == ("valid", False, "Testa Marketagent")
    await years.noticed(first, *letters, "authority_suspended")
    await years.pass_until(date(2031, 3, 24))
    await market.know(documents.individual(request, licenses=[LICENSE]))
    assert (await years.ask_registry())["restored"] == 1
    assert (await market.until(first, "active"))["may_assist"]
    await years.publish()
    assert await years.list_codes(npn) == {"rcl": [""], "terminations": [], "tracker": ["complete"]}
    letters += ["authority_suspended", "authority_restored"]
    await years.noticed(first, *letters)

    # The second year: returning by the season, with the short course; access to systems is suspended without a term.
    await years.pass_until(date(2031, 11, 3))
    assert await open_season(market, "ffm", 2032) == 1
    second = await find_case(market, first["assister_id"], 2032)
    assert (second["assister_type"], second["waiting_for"]) == ("returning", "marketplace_profile")
    await return_to_market(market, second)
    await years.publish()
    await years.pass_until(date(2031, 11, 7))
    assert (await market.until(second, "active"))["may_assist"]
    assert await years.list_codes(npn) == {"rcl": ["", ""], "terminations": [], "tracker": ["complete", "complete"]}
    await years.pass_until(date(2032, 2, 2))
    await years.noticed(first, *letters, "closed")
    assert (await years.public(number))[:2] == ("expired", False)
    answer = await market.command(second, "suspend", kind="system", reason="a sample reason")
    assert answer.json()["may_assist_reasons"] == ["system_suspension"]
    assert [one["until"] for one in answer.json()["suspensions"]] == [None]
    await years.publish()
    assert await years.list_codes(npn) == {
        "rcl": ["", "T4"],
        "terminations": ["T4"],
        "tracker": ["closed", "suspended"],
    }
    assert await market.rows("find-local-help", email=request["professional_contact"]["email"]) == []
    await years.pass_until(date(2032, 8, 2))
    assert (await market.status(second))["stage"] == "suspended", "it has no term"
    assert (await market.command(second, "lift", reason="a sample reason")).json()["may_assist"]
    await market.until(second, "active")
    await years.publish()
    assert await years.list_codes(npn) == {"rcl": ["", ""], "terminations": [], "tracker": ["closed", "complete"]}
    assert (await years.audited(second, "case."))[-2:] == [
        ("case.suspended", "staff:staff", "2032-02-02"),
        ("case.lifted", "staff:staff", "2032-08-02"),
    ]
    await years.noticed(second, *BEGUN, "authority_suspended", "authority_restored")

    # The third year: terminated after thirty days of notice; the reconsideration takes it back.
    await years.pass_until(date(2032, 11, 8))
    assert await open_season(market, "ffm", 2033) == 1
    third = await find_case(market, first["assister_id"], 2033)
    await return_to_market(market, third)
    await years.publish()
    await years.pass_until(date(2032, 11, 12))
    number = markets_of(await market.until(third, "active"))["individual"]["number"]
    await years.pass_until(date(2033, 4, 4))
    noticed = (await market.command(third, "terminate", reason="a sample reason")).json()
    assert (noticed["may_assist"], noticed["termination"]["last_day"]) == (True, "2033-05-04")
    await years.pass_until(date(2033, 5, 6))
    assert (await market.until(third, "terminated"))["may_assist_reasons"] == ["terminated"]
    await years.publish()
    ended = {"rcl": ["", "", "T4"], "terminations": ["T4"], "tracker": ["closed", "closed", "terminated"]}
    assert await years.list_codes(npn) == ended
    assert ((await years.public(number))[:2], await years.badge(number)) == (("revoked", False), ["revocation"])
    await file_appeal(market, third, request, "It was remedied in time.")
    status = await market.until(third, "under_appeal")
    assert (status["appeal"]["last_day"], status["appeal"]["due_on"]) == ("2033-06-04", "2033-07-05")
    await years.publish()
    assert await years.list_codes(npn) == ended | {"tracker": ["closed", "closed", "under_appeal"]}
    assert (await years.public(number))[:2] == ("revoked", False)
    await years.pass_until(date(2033, 6, 13))
    assert (await years.decide_appeal(third, "first", "reversed")).json()["stage"] == "active"
    assert (await market.until(third, "active"))["may_assist"]
    await years.publish()
    over = {"rcl": ["", "", ""], "terminations": [], "tracker": ["closed", "closed", "complete"]}
    assert await years.list_codes(npn) == over
    assert ((await years.public(number))[:2], await years.badge(number)) == (("valid", True), [])
    letters = [*BEGUN, "termination_noticed", "terminated", "appeal_filed", "appeal_decided"]
    await years.noticed(third, *letters)
    assert await years.audited(third, "case.") == [
        ("case.opened", "staff:staff", "2032-11-08"),
        ("case.begun", "system", "2032-11-08"),
        ("case.termination_noticed", "staff:staff", "2033-04-04"),
        ("case.terminated", "system", "2033-05-05"),
        ("case.reopened", "staff:first", "2033-06-13"),
        ("case.begun", "system", "2033-06-13"),
    ]
    await years.pass_until(date(2034, 1, 4))
    await years.noticed(third, *letters, "closed")
    assert await years.cases(first["assister_id"]) == {
        2031: ("new", "closed"),
        2032: ("returning", "closed"),
        2033: ("returning", "closed"),
    }
    await years.publish()
    assert await years.list_codes(npn) == over | {"tracker": ["closed", "closed", "closed"]}
    assert (await years.public(number))[:2] == ("expired", False)
