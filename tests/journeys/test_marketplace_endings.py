"""How registrations end, what staff see of them, and that every write is audited (C6, C8, C9)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support import documents
from tests.support.marketplace import AGREEMENTS, Marketplace
from tests.support.temporal import client_of, history_of
from tests.support.world import fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
COMMAND = {"withdrawn": "withdraw", "revoked": "revoke"}
FULL = "individual_full"


async def nothing(_market: Marketplace, _opened: Document) -> None:
    """Not even begun."""


async def profile(market: Marketplace, opened: Document) -> None:
    await market.done(opened, "profile", {})


async def training(market: Marketplace, opened: Document) -> None:
    await profile(market, opened)
    await market.done(opened, "profile/next")


async def agreements(market: Marketplace, opened: Document) -> None:
    await training(market, opened)
    await market.trained(opened, FULL)


async def certificate(market: Marketplace, opened: Document) -> None:
    await training(market, opened)
    await market.completed(opened, "individual")


REACHED: dict[str, Callable[[Marketplace, Document], Awaitable[None]]] = {
    "requested": nothing,
    "awaiting_profile": profile,
    "in_training": training,
    "awaiting_agreements": agreements,
    "certified": certificate,
}
STEPS: dict[str, Any] = {
    "profile": {},
    "profile/next": None,
    "enrollments": {"curriculum": "shop", "channel": "mlms"},
    "launches": {"curriculum": FULL, "channel": "vendor-a"},
    "agreements/individual_general/open": None,
    "agreements/individual_general/accept": None,
}


async def told_once(market: Marketplace, opened: Document, request: Document, how: str) -> None:
    """One notice of the end, with its reason."""
    letter = await market.letter(request["email"], lambda letter: f"has been {how}" in letter["subject"])
    assert "not this time" in letter["text"]
    await market.wait_until_idle(opened)
    assert len([one for one in await market.letters(request["email"]) if "has been" in one["subject"]]) == 1


@pytest.mark.parametrize("how", COMMAND)
@pytest.mark.parametrize("stage", REACHED)
async def test_c8_a_registration_can_be_ended_at_every_stage_and_nothing_follows(
    market: Marketplace, stage: str, how: str
) -> None:
    request = documents.registration()
    opened = await market.opened(request)
    await REACHED[stage](market, opened)
    if stage != "requested":
        await market.until(opened, stage)
    answer = await market.command(opened, COMMAND[how], reason="not this time")
    assert answer.status_code == 200, answer.text
    ended = answer.json()
    assert (ended["stage"], ended["waiting_for"], ended["may_assist"]) == (how, None, False)
    assert how in ended["may_assist_reasons"]
    await told_once(market, opened, request, how)
    before = await market.recorded(opened)
    for step, body in STEPS.items():
        answer = await market.act(opened, step, body)
        assert (answer.status_code, how in answer.json()["detail"]) == (409, True), step
    for command in COMMAND.values():
        assert (await market.command(opened, command, reason="again")).status_code == 409
    assert (await market.lms(documents.course(await market.policy(), opened, FULL))).status_code == 202
    await market.wait_until_idle(opened)
    assert await market.recorded(opened) == before
    late = [one for one in await market.audit(opened) if "note" in one["details"]]
    assert [one["details"]["note"] for one in late] == [f"The case has ended: {how}."]


@pytest.mark.parametrize("how", COMMAND)
async def test_c8_a_certificate_ends_with_its_registration(market: Marketplace, how: str) -> None:
    opened = await market.certified(documents.registration(markets=["individual", "shop"]))
    certificates = (await market.status(opened))["certificates"]

    async def statuses() -> set[str]:
        addresses = [f"{market.web}/certificates/{one['number']}" for one in certificates]
        found = [await market.http.get(address, headers={"Accept": "application/json"}) for address in addresses]
        return {answer.json()["status"] for answer in found}

    assert (len(certificates), await statuses()) == (2, {"valid"})
    assert (await market.command(opened, COMMAND[how], reason="not this time")).status_code == 200
    assert await statuses() == {how}


async def test_c8_a_vendors_report_and_ticket_come_too_late(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    used = await market.launched(opened, FULL, "vendor-a")
    assert (await market.at_vendor("vendor-a", "redeem", used)).status_code == 200
    unused = await market.launched(opened, FULL, "vendor-a")
    assert (await market.command(opened, "withdraw", reason="not this time")).status_code == 200
    before = await market.status(opened)
    assert (await market.at_vendor("vendor-a", "redeem", unused)).status_code == 404
    assert (await market.vendor("vendor-a", documents.vendor_report(used, FULL))).status_code == 202
    assert await market.status(opened) == before
    assert await market.facts(opened, "course_completed") == []


async def test_c8_after_an_end_the_same_person_may_register_again_under_the_same_account(market: Marketplace) -> None:
    request = documents.registration()
    first = await market.profiled(request)
    await market.command(first, "withdraw", reason="not this time")
    second = await market.opened(request)
    assert (second["assister_id"], second["case_id"] != first["case_id"]) == (first["assister_id"], True)
    status = await market.status(second)
    assert (status["profile"]["version"], status["enrollments"]) == (0, [])
    await market.done(second, "profile", {})
    await market.done(second, "profile/next")
    await market.completed(second, "individual")
    assert (await market.status(first))["stage"] == "withdrawn"


async def test_the_state_programs_decisions_are_none_of_this_program(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    answer = await market.decide(opened)
    assert (answer.status_code, "no such step in this program" in answer.json()["detail"]) == (409, True)
    broker = documents.broker()
    await market.know(documents.producer(broker))
    state = (await market.submit(broker)).json()
    for step, body in STEPS.items():
        assert (await market.act(state, step, body)).status_code in (409, 422), step
    assert (await market.status(state))["program"] == "bewellnm"


async def test_c8_while_the_mlms_is_down_a_registration_can_be_ended(market: Marketplace) -> None:
    request = documents.registration()
    await market.control("mlms", mode="down")
    try:
        opened = await market.profiled(request)
        await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "mlms"})
        await market.wait_for_retry(opened)
        assert (await market.command(opened, "revoke", reason="not this time")).status_code == 200
        await told_once(market, opened, request, "revoked")
    finally:
        await market.control("mlms", mode="ok")


async def test_c6_a_window_that_is_closed_or_not_open_takes_no_registration(market: Marketplace) -> None:
    request = documents.registration()
    for year in (2023, 2025):
        answer = await market.submit({**request, "plan_year": year})
        assert (answer.status_code, fields(answer)) == (422, ["plan_year"])
    for wrong in (1999, 2100, "2024", None):
        assert (await market.submit({**request, "plan_year": wrong})).status_code == 422
    assert (await market.submit(request)).status_code == 201


async def test_c6_the_state_programs_case_of_the_same_person_is_another_one(market: Marketplace) -> None:
    broker = documents.broker()
    await market.know(documents.producer(broker))
    state = (await market.submit(broker)).json()
    same = {name: broker[name] for name in ("email", "first_name", "last_name")}
    federal = await market.opened(documents.registration(broker["npn"], **same), known=False)
    assert federal["assister_id"] == state["assister_id"]
    assert federal["case_id"] != state["case_id"]
    assert (await market.command(federal, "withdraw", reason="not this time")).status_code == 200
    assert (await market.status(state))["stage"] != "withdrawn"
    await market.approved(state)


# what staff see


async def test_c2_staff_list_registrations_by_program_role_year_and_stage(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    trainee = await market.opened(documents.trainee())
    for query, inside, outside in (
        ("program=ffm", opened, None),
        ("program=ffm&stage=in_training&kind=marketplace_agent_broker&plan_year=2024", opened, trainee),
        ("program=ffm&kind=not_an_agent_broker", trainee, opened),
        ("program=ffm&plan_year=2026", None, opened),
        ("program=bewellnm", None, opened),
    ):
        found = {one["case_id"]: one for one in (await market.get(f"/api/cases?{query}")).json()}
        assert inside is None or inside["case_id"] in found, query
        assert outside is None or outside["case_id"] not in found, query
    (listed,) = [
        one for one in (await market.get("/api/cases?program=ffm")).json() if one["case_id"] == opened["case_id"]
    ]
    assert (listed["kind"], listed["waiting_for"]) == ("marketplace_agent_broker", "marketplace_training")
    assert (await market.http.get(f"{market.web}/api/cases?program=ffm")).status_code == 401


async def test_nothing_personal_is_in_temporal(market: Marketplace) -> None:
    contact = {"email": "oficina.inventada@example.org", "phone": "505-555-0123"}
    request = documents.registration(
        first_name="Inventada",
        last_name="Persona-Sintética",
        business_contact={**contact, "name": "Agencia Inventada", "address": documents.address("TX")},
    )
    opened = await market.certified(request)
    history = await history_of(await client_of(market.stack), opened["workflow_id"])
    assert opened["case_id"] in history
    for private in (
        "Inventada",
        "Persona",
        "oficina",
        request["npn"],
        request["email"],
        request["phone"],
        "Sampletown",
    ):
        assert private not in history


async def test_c9_every_write_of_a_whole_life_is_audited(market: Marketplace) -> None:
    request = documents.registration(markets=["individual", "shop"])
    opened = await market.profiled(request)
    await market.save(opened, npn=documents.new_npn())
    await market.save(opened, phone="505-555-0133")
    await market.trained(opened, "shop")
    await market.trained(opened, FULL, "vendor-a")
    await market.agreed(opened, "individual")
    await market.agreed(opened, "shop")
    await market.until(opened, lambda status: len(status["certificates"]) == 2)
    await market.until(opened, lambda status: len(status["publication"]["lists"]) == 6)
    await market.command(opened, "revoke", reason="not this time")
    audit = await market.audit(opened)
    did = [(entry["actor"], entry["action"]) for entry in audit]
    once = [
        ("sender:intake", "case.opened"),
        ("staff:staff", "profile.completed"),
        ("staff:staff", "profile.refused"),
        ("staff:staff", "training.launched"),
        ("sender:vendor-a", "training.ticket_redeemed"),
        ("sender:vendor-a", "webhook.training.completed"),
        ("sender:mlms", "webhook.initialized"),
        ("sender:mlms", "webhook.completed"),
    ]
    assert {one: did.count(one) for one in once} == dict.fromkeys(once, 1)
    times = {"profile.saved": 2, "training.enrolled": 2}
    assert {action: did.count(("staff:staff", action)) for action in times} == times
    times = {"agreement.opened": 3, "agreement.accepted": 3}
    assert {action: did.count(("staff:staff", action)) for action in times} == times
    assert did.count(("system", "market.completed")) == 2
    (ended,) = [entry for entry in audit if entry["reason"] == "not this time"]
    assert ended["actor"] == "staff:staff"
    assert all(entry["at"] for entry in audit)
    (changed,) = [entry["details"]["changed"] for entry in audit if "phone" in entry["details"].get("changed", ())]
    assert changed == ["phone"]
    for private in (request["npn"], request["email"], "505-555-0133", request["last_name"]):
        assert private not in str(audit)
    for agreement in (*AGREEMENTS["individual"], *AGREEMENTS["shop"]):
        assert sum(entry["details"].get("agreement") == agreement for entry in audit) == 2
