"""The published lists: what completed registrations, changed profiles and endings make of them (B8, B9, B18–B21)."""

import csv
import io
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support import documents
from tests.support.marketplace import Marketplace

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
LISTINGS = ("find-local-help", "help-on-demand")
HELP_DESK = "FFMProducer-AssisterHelpDesk@cms.hhs.gov"


def eastern(instant: str) -> str:
    """The day of an instant as the lists write it."""
    return datetime.fromisoformat(instant).astimezone(ZoneInfo("America/New_York")).strftime("%m/%d/%Y")


async def listings(market: Marketplace, request: Document) -> dict[str, list[dict[str, str]]]:
    """Where consumers look for help, by the person's name."""
    who = {"first_name": request["first_name"], "last_name": request["last_name"]}
    return {name: await market.rows(name, **who) for name in LISTINGS}


def unique(**changes: Any) -> Document:
    """A registration whose name is nobody else's in this run."""
    npn = documents.new_npn()
    letters = "".join(chr(ord("a") + int(digit)) for digit in npn)
    return documents.registration(npn, last_name=f"Sample{letters}", **changes)


async def test_b18_b19_b20_a_completed_registration_is_in_every_list_from_the_next_publication_on(
    market: Marketplace,
) -> None:
    request = unique(markets=["individual", "shop"])
    npn = request["npn"]
    opened = await market.profiled(request)
    await market.completed(opened, "individual")
    assert (await market.rows("rcl", npn=npn), await market.tracked(npn)) == ([], [])
    assert (await listings(market, request)) == {name: [] for name in LISTINGS}
    await market.publish()
    completed = {one["market"]: one["completed_at"] for one in (await market.status(opened))["markets"]}
    (line,) = await market.rows("rcl", npn=npn)
    assert line == {
        "npn": npn,
        "applicable_plan_year": "2024",
        "individual_registration_completion_date": eastern(completed["individual"]),
        "individual_marketplace_end_date": "",
        "shop_registration_completion_date": "",
        "shop_end_date": "",
        "npn_valid_current_plan_year_only": "Y",
        "status": "",
    }
    (tracked,) = await market.tracked(npn)
    assert {name: tracked[name] for name in ("profile", "npn_status", "individual_training", "shop_training")} == {
        "profile": "complete",
        "npn_status": "verified",
        "individual_training": "complete",
        "shop_training": "incomplete",
    }
    assert (tracked["individual_completed_on"], tracked["shop_completed_on"], tracked["status"]) == (
        eastern(completed["individual"]),
        "",
        "in_progress",
    )
    found = await listings(market, request)
    assert [len(rows) for rows in found.values()] == [1, 1]
    assert (found["find-local-help"][0]["helps"], found["help-on-demand"][0]["available_for"]) == (
        "consumers",
        "consumers",
    )
    status = await market.completed(opened, "shop")
    await market.publish()
    completed = {one["market"]: one["completed_at"] for one in status["markets"]}
    (line,) = await market.rows("rcl", npn=npn)
    assert line["shop_registration_completion_date"] == eastern(completed["shop"])
    (tracked,) = await market.tracked(npn)
    assert (tracked["shop_completed_on"], tracked["status"]) == (eastern(completed["shop"]), "complete")
    assert (await listings(market, request))["find-local-help"][0]["helps"] == (
        "consumers; small employers and their employees"
    )


async def test_b18_the_tracker_shows_the_steps_as_they_are_done(market: Marketplace) -> None:
    request = unique()
    opened = await market.opened(request)
    await market.publish()
    assert await market.tracked(request["npn"]) == []
    await market.done(opened, "profile", {})
    await market.publish()
    (tracked,) = await market.tracked(request["npn"])
    assert (tracked["profile"], tracked["npn_status"], tracked["status"]) == ("incomplete", "verified", "in_progress")
    assert (tracked["shop_training"], tracked["shop_agreements"]) == ("not_applicable", "not_applicable")
    await market.done(opened, "profile/next")
    await market.publish()
    assert [one["profile"] for one in await market.tracked(request["npn"])] == ["complete"]
    await market.trained(opened, "individual_full")
    await market.publish()
    (tracked,) = await market.tracked(request["npn"])
    assert (tracked["individual_training"], tracked["individual_agreements"]) == ("complete", "incomplete")
    assert await market.rows("rcl", npn=request["npn"]) == []


async def test_b19_csv_says_what_json_says(market: Marketplace) -> None:
    request = unique()
    await market.certified(request)
    await market.publish()
    for name in ("rcl", "terminations", *LISTINGS):
        answer = await market.http.get(f"{market.web}/registry/{name}.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert list(csv.DictReader(io.StringIO(answer.text))) == await market.rows(name)
    assert len(await market.rows("rcl", npn=request["npn"])) == 1


async def test_b19_operators_publish_and_read_the_list_by_hand(market: Marketplace) -> None:
    request = unique()
    await market.certified(request)
    status, _ = await market.certify("ffm", "rcl", request["npn"])
    assert status == 1
    status, published = await market.certify("ffm", "publish", "--force")
    assert (status, published["number"] > 0, published["rows"] > 0) == (0, True, True)
    status, found = await market.certify("ffm", "rcl", request["npn"])
    assert (status, found) == (0, await market.rows("rcl", npn=request["npn"]))


async def test_b8_a_change_of_profile_reaches_both_listings_with_the_next_publication(market: Marketplace) -> None:
    request = unique()
    opened = await market.certified(request)
    await market.publish()
    before = await listings(market, request)
    for name, (row,) in before.items():
        assert (row["business_name"], row["state"], row["zip"]) == ("Sample Insurance", "TX", "79901"), name
        assert (row["phone"], row["email"]) == ("915-555-0100", f"help.{request['npn']}@example.org")
        assert row["languages"] == "English; Spanish"
    business = {**request["business_contact"], "name": "Another Sample Agency", "address": documents.address("AZ")}
    professional = {
        "email": f"new.{request['npn']}@example.org",
        "phone": "505-555-0188",
        "languages": ["Spanish", "Navajo"],
    }
    await market.done(opened, "profile", {"business_contact": business, "professional_contact": professional})
    assert await listings(market, request) == before
    await market.publish()
    for name, (row,) in (await listings(market, request)).items():
        assert (row["business_name"], row["state"]) == ("Another Sample Agency", "AZ"), name
        assert (row["phone"], row["email"]) == ("505-555-0188", professional["email"])
        assert row["languages"] == "Spanish; Navajo; English"


async def test_b8_a_change_of_name_moves_the_listing_and_leaves_no_second_one(market: Marketplace) -> None:
    request, other = unique(), unique()
    opened = await market.certified(request)
    await market.publish()
    renamed = {**request, "last_name": other["last_name"]}
    await market.know(documents.individual(renamed))
    await market.done(opened, "profile", {"last_name": renamed["last_name"]})
    await market.publish()
    assert await listings(market, request) == {name: [] for name in LISTINGS}
    assert [len(rows) for rows in (await listings(market, renamed)).values()] == [1, 1]


async def test_b8_b9_a_profile_that_was_refused_reaches_nobody(market: Marketplace) -> None:
    request = unique()
    opened = await market.certified(request)
    await market.publish()
    before = await listings(market, request)
    contact = {**request["professional_contact"], "phone": "505-555-0144"}
    answer = await market.save(opened, npn=documents.new_npn(), professional_contact=contact)
    assert answer.status_code == 422
    await market.publish()
    assert await listings(market, request) == before


async def test_b8_which_markets_they_help_in_is_said_to_those_who_look(market: Marketplace) -> None:
    request = unique(markets=["shop"])
    await market.certified(request)
    await market.publish()
    found = await listings(market, request)
    (local,), (on_demand,) = found.values()
    assert (local["markets"], local["helps"]) == ("shop", "small employers and their employees")
    assert on_demand["available_for"] == "small employers and their employees"


async def test_b9_who_is_not_an_agent_broker_is_on_no_list(market: Marketplace) -> None:
    request = unique(role="not_an_agent_broker", markets=["individual", "shop"])
    await market.certified(request)
    nameless = documents.trainee(last_name=unique()["last_name"])
    await market.certified(nameless)
    await market.publish()
    assert (await market.rows("rcl", npn=request["npn"]), await market.tracked(request["npn"])) == ([], [])
    for one in (request, nameless):
        assert await listings(market, one) == {name: [] for name in LISTINGS}


async def test_b9_who_becomes_an_agent_or_broker_is_listed_and_watched(market: Marketplace) -> None:
    request = unique()
    trainee = {**request, "role": "not_an_agent_broker"}
    opened = await market.certified(trainee)
    assert (await market.status(opened))["stage"] == "active"
    status = await market.done(opened, "profile", {"role": "marketplace_agent_broker"})
    assert (status["stage"], status["waiting_for"]) == ("certified", "publication")
    status = await market.until(opened, lambda status: status["publication"]["lists"])
    assert {one["list"] for one in status["publication"]["lists"]} == {"tracker", "rcl", "find_local_help"}
    await market.publish()
    assert len(await market.rows("rcl", npn=request["npn"])) == 1
    assert [len(rows) for rows in (await listings(market, request)).values()] == [1, 1]


async def test_b9_who_stops_being_one_leaves_the_lists_and_is_waited_for_in_none(market: Marketplace) -> None:
    request = unique()
    opened = await market.certified(request)
    await market.publish()
    status = await market.done(opened, "profile", {"role": "not_an_agent_broker"})
    assert status["stage"] == "active"
    await market.publish()
    assert (await market.rows("rcl", npn=request["npn"]), await market.tracked(request["npn"])) == ([], [])
    assert await listings(market, request) == {name: [] for name in LISTINGS}


@pytest.mark.parametrize("how", ["revoke", "withdraw"])
async def test_b19_b20_an_ended_registration_is_on_the_termination_list_and_helps_nobody(
    market: Marketplace, how: str
) -> None:
    request = unique(markets=["individual", "shop"])
    opened = await market.profiled(request)
    await market.completed(opened, "individual")
    await market.publish()
    assert await market.rows("terminations", npn=request["npn"]) == []
    assert (await market.command(opened, how, reason="a sample reason")).status_code == 200
    assert await market.rows("terminations", npn=request["npn"]) == []
    await market.publish()
    (line,) = await market.rows("terminations", npn=request["npn"])
    completed = next(one["completed_at"] for one in (await market.status(opened))["markets"] if one["completed_at"])
    assert (line["marketplaces"], line["effective_plan_year"]) == ("INDIVIDUAL", "2024")
    assert line["registration_completion_date"] == eastern(completed)
    assert line["termination_or_suspension_date"] == eastern(datetime.now().astimezone().isoformat())
    assert line["status"].startswith("T") is (how == "revoke")
    assert await listings(market, request) == {name: [] for name in LISTINGS}
    (tracked,) = await market.tracked(request["npn"])
    assert tracked["status"] == {"revoke": "revoked", "withdraw": "withdrawn"}[how]


async def test_b19_a_registration_ended_before_it_was_complete_is_on_neither_list(market: Marketplace) -> None:
    request = unique()
    opened = await market.profiled(request)
    assert (await market.command(opened, "withdraw", reason="a sample reason")).status_code == 200
    await market.publish()
    for name in ("rcl", "terminations"):
        assert await market.rows(name, npn=request["npn"]) == []


async def test_b19_the_list_can_be_asked_for_one_plan_year(market: Marketplace) -> None:
    request = unique(plan_year=await market.later_year())
    await market.certified(request)
    await market.publish()
    for year, count in ((request["plan_year"], 1), (2024, 0)):
        answer = await market.http.get(f"{market.web}/registry/rcl.json?plan_year={year}")
        assert [row["npn"] for row in answer.json()["rows"]].count(request["npn"]) == count


async def test_b21_nobody_is_asked_before_the_lag_is_over(market: Marketplace) -> None:
    request = unique()
    lists = market.stack["sandbox"]["lists"]
    omitted = {"list": "rcl", "npn": request["npn"], "how": "omit"}
    assert (await market.http.post(f"{lists}/alterations", json=omitted)).status_code == 201
    try:
        opened = await market.certified(request)
        await market.publish()
        assert len(await market.rows("rcl", npn=request["npn"])) == 1
        seen = (await market.http.get(f"{lists}/registry/rcl.json")).json()["rows"]
        assert request["npn"] not in [row["npn"] for row in seen]
        status = await market.until(opened, lambda status: status["publication"]["lists"])
        assert not any(one["late"] or one["listed_at"] for one in status["publication"]["lists"])
        assert (status["publication"]["help_desk_told_at"], status["flag"]) == (None, None)
        assert not [one for one in await market.letters(HELP_DESK) if request["npn"] in one["text"]]
    finally:
        await market.http.delete(f"{lists}/alterations")
