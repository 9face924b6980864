"""Denied, withdrawn, revoked: each an explicit end with one notice, and what is reported late changes nothing (C8)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
STAND_INS = ("registry", "background_checks", "lms", "portal", "mailbox")
SUBJECT = {
    "denied": "Our decision on your certification request",
    "withdrawn": "has been withdrawn",
    "revoked": "has been revoked",
}
SECONDS = 60  # what waits for a third party that is away waits until it is back
COMMAND = {"withdrawn": "withdraw", "revoked": "revoke"}


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def everything_heals(world: World) -> AsyncIterator[None]:
    yield
    for name in STAND_INS:
        await world.control(name, mode="ok")


async def end(world: World, opened: Document, how: str) -> Document:
    """Ends a case; the answer comes within seconds whatever is down."""
    began = time.monotonic()
    if how == "denied":
        answer = await world.decide(opened, "deny", reason="not this time")
    else:
        answer = await world.command(opened, COMMAND[how], reason="not this time")
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - began < SECONDS
    status: Document = answer.json()
    assert (status["stage"], status["waiting_for"], status["may_assist"]) == (how, None, False)
    assert how in status["may_assist_reasons"]
    return status


async def told_once(world: World, opened: Document, request: Document, how: str) -> None:
    """One notice of the end, with its reason, and no other end's."""

    def of(letter: Document) -> list[str]:
        return [ending for ending, subject in SUBJECT.items() if subject in letter["subject"]]

    letter = await world.letter(request["email"], of)
    assert "not this time" in letter["text"]
    await world.wait_until_idle(opened)
    assert [ending for letter in await world.letters(request["email"]) for ending in of(letter)] == [how]


# at every stage


async def requested(world: World, opened: Document) -> None:
    """Not even begun."""


async def to_stage(world: World, opened: Document, stage: str) -> None:
    await world.until(opened, stage)


async def asked(world: World, opened: Document) -> None:
    await world.approved(opened, decision="ask")
    await world.until(opened, "awaiting_information")


def approved(*steps: str) -> Callable[[World, Document], Awaitable[None]]:
    async def reach(world: World, opened: Document) -> None:
        await world.approved(opened)
        await world.reported(opened, *steps)

    return reach


def certified(*events: str) -> Callable[[World, Document], Awaitable[None]]:
    async def reach(world: World, opened: Document) -> None:
        await approved("account", "profile", "course", "0.9")(world, opened)
        await world.until(opened, "certified")
        await world.reported_by_portal(opened, *events)

    return reach


REACHED = {
    "requested": requested,
    "awaiting_decision": lambda world, opened: to_stage(world, opened, "awaiting_decision"),
    "awaiting_information": asked,
    "invited": approved(),
    "in_training": approved("account", "profile"),
    "awaiting_exam_pass": approved("account", "profile", "course"),
    "certified": certified(),
    "portal_setup": certified("account.registered"),
    "active": certified("account.registered", "profile.completed", "scheduling_tool.ready"),
}


@pytest.mark.parametrize("how", ["withdrawn", "revoked"])
@pytest.mark.parametrize("stage", REACHED)
async def test_c8_a_case_can_be_ended_at_every_stage_with_one_notice(world: World, stage: str, how: str) -> None:
    request = documents.broker(language="en")
    opened = await world.opened(request)
    await REACHED[stage](world, opened)
    if stage != "requested":
        await world.until(opened, stage)
    await end(world, opened, how)
    await told_once(world, opened, request, how)
    for command in COMMAND.values():
        answer = await world.command(opened, command, reason="again")
        assert answer.status_code == 409
        assert how in answer.json()["detail"]
    assert (await world.decide(opened)).status_code == 409


@pytest.mark.parametrize("how", ["withdrawn", "revoked"])
@pytest.mark.parametrize("stage", ["awaiting_background_check", "awaiting_decision", "portal_setup"])
async def test_c8_so_can_a_counselors(world: World, stage: str, how: str) -> None:
    request = documents.counselor(language="en")
    if stage == "awaiting_background_check":
        slow = {"email": request["email"], "result": "clear", "after_seconds": 3600}
        await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=slow)
    opened = await world.opened(request)
    if stage == "portal_setup":
        await approved("account", "profile", "course", "0.9")(world, opened)
    await world.until(opened, stage)
    await end(world, opened, how)
    await told_once(world, opened, request, how)


@pytest.mark.parametrize("while_asked", [False, True])
async def test_c8_staff_deny_with_one_notice(world: World, while_asked: bool) -> None:
    request = documents.agent()
    opened = await world.opened(request)
    await (asked(world, opened) if while_asked else to_stage(world, opened, "awaiting_decision"))
    status = await end(world, opened, "denied")
    assert (status["eligibility"]["status"], status["eligibility"]["reason"]) == ("denied", "not this time")
    await told_once(world, opened, request, "denied")
    assert not [call for call in await world.calls("lms") if call["body"]["registration"] == opened["case_id"]]


# what must not stay open


async def certificate_status(world: World, opened: Document) -> str:
    number = (await world.status(opened))["certificate"]["number"]
    address = f"{world.web}/certificates/{number}"
    return str((await world.http.get(address, headers={"Accept": "application/json"})).json()["status"])


async def account(world: World, opened: Document) -> Document:
    answer = await world.http.get(f"{world.stack['sandbox']['portal']}/accounts/{opened['case_id']}")
    found: Document = answer.json()
    return found


async def helping(world: World, request: Document) -> Document:
    """Active by the portal's own doing, so that there is an account to suspend."""
    opened = await world.certified(request)
    portal = world.stack["sandbox"]["portal"]
    number = (await world.status(opened))["certificate"]["number"]
    registration = {"email": request["email"], "certificate_number": number}
    assert (await world.http.post(f"{portal}/register", json=registration)).status_code == 201
    for step in ("profile", "scheduling-tool"):
        await world.http.post(f"{portal}/accounts/{opened['case_id']}/{step}")
    await world.until(opened, "active")
    return opened


@pytest.mark.parametrize("how", ["withdrawn", "revoked"])
async def test_c8_certificate_and_account_end_with_an_active_case(world: World, how: str) -> None:
    opened = await helping(world, documents.broker())
    assert await certificate_status(world, opened) == "valid"
    assert (await account(world, opened))["active"]
    await end(world, opened, how)
    assert await certificate_status(world, opened) == how
    async with asyncio.timeout(PATIENCE):
        while (await account(world, opened))["active"]:
            await asyncio.sleep(0.1)


async def test_e2_e4_certificate_and_account_follow_a_suspension(world: World) -> None:
    """By the API: a day that isn't allowed, the suspension, its end; the certificate stays as a record."""
    request = documents.broker()
    opened = await helping(world, request)
    for until, named in (("2001-01-01", "is past"), ("2099-01-01", "no later day than"), ("soon", "date")):
        refused = await world.command(opened, "suspend", reason="a complaint", until=until)
        assert refused.status_code == 422
        assert named in refused.text
    assert (await world.command(opened, "lift", reason="nothing")).status_code == 409
    against = {"text": "Against nothing.", "reason": "by letter", "method": "paper"}
    assert (await world.command(opened, "rebut", **against)).status_code == 409
    suspended = await world.command(opened, "suspend", reason="a complaint")
    assert (suspended.status_code, suspended.json()["stage"]) == (200, "suspended")
    assert (await world.command(opened, "suspend", reason="again")).status_code == 409
    said = {"text": "It was somebody else.", "reason": "by letter"}
    assert (await world.command(opened, "rebut", **said)).status_code == 422, "how they have the word, is needed"
    for _ in range(2):
        told = await world.command(opened, "rebut", **said, method="paper")
        assert (told.status_code, told.json()["flag"], len(told.json()["rebuttals"])) == (200, "rebuttal_filed", 1)
    number = suspended.json()["certificate"]["number"]
    public = f"{world.web}/certificates/{number}"
    shown = (await world.http.get(public, headers={"Accept": "application/json"})).json()
    assert (shown["status"], shown["may_assist"]) == ("valid", False)
    assert "may not assist at present" in (await world.http.get(public)).text
    letter = await world.letter(request["email"], lambda letter: "suspended" in letter["subject"])
    assert "a complaint" in letter["text"]
    own = await world.http.get(await world.own_page(opened, request["email"]))
    assert "The last day of the suspension is" in own.text
    await account_becomes(world, opened, active=False)

    lifted = await world.command(opened, "lift", reason="it was unfounded")
    assert (lifted.status_code, lifted.json()["stage"], lifted.json()["may_assist"]) == (200, "active", True)
    await world.letter(request["email"], lambda letter: "is over" in letter["subject"])
    await account_becomes(world, opened, active=True)
    shown = (await world.http.get(public, headers={"Accept": "application/json"})).json()
    assert shown["may_assist"]

    noticed = await world.command(opened, "terminate", reason="unresolved")
    assert (noticed.status_code, bool(noticed.json()["termination"])) == (200, True)
    ended = await world.command(opened, "terminate", reason="unresolved", at_once=True)
    assert (ended.status_code, ended.json()["stage"]) == (200, "terminated")
    assert (await world.command(opened, "terminate", reason="again", at_once=True)).status_code == 409
    assert await certificate_status(world, opened) == "revoked"
    await account_becomes(world, opened, active=False)


async def account_becomes(world: World, opened: Document, *, active: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await account(world, opened))["active"] is not active:
            await asyncio.sleep(0.1)


async def test_c8_a24_nobody_registers_with_a_revoked_certificate(world: World) -> None:
    request = documents.broker()
    opened = await world.certified(request)
    number = (await world.status(opened))["certificate"]["number"]
    await end(world, opened, "revoked")
    registration = {"email": request["email"], "certificate_number": number}
    answer = await world.http.post(f"{world.stack['sandbox']['portal']}/register", json=registration)
    assert (answer.status_code, answer.json()["code"]) == (422, "certificate_not_valid")


async def test_c8_a_counselors_activation_link_dies_with_the_case(world: World) -> None:
    request = documents.counselor(language="en")
    opened = await world.certified(request)
    letter = await world.letter(request["email"], lambda letter: "/activate/" in letter["text"])
    link = next(word for word in letter["text"].split() if "/activate/" in word)
    await end(world, opened, "withdrawn")
    assert (await world.http.post(link)).status_code == 410
    assert not (await account(world, opened))["active"]


# while third parties are down


@pytest.mark.parametrize("how", ["withdrawn", "revoked"])
@pytest.mark.parametrize(
    ("down", "stage"),
    [
        ("registry", "screening"),
        ("background_checks", "awaiting_background_check"),
        ("lms", "invited"),
        ("portal", "certified"),
    ],
)
async def test_c8_a_case_can_be_ended_while_what_it_waits_for_is_down(
    world: World, down: str, stage: str, how: str
) -> None:
    counselor = down in ("background_checks", "portal")
    request = documents.counselor(language="en") if counselor else documents.broker()
    if stage in ("screening", "awaiting_background_check"):
        await world.control(down, mode="down")
    opened = await world.opened(request)
    if stage in ("invited", "certified"):
        await world.until(opened, "awaiting_decision")
        await world.control(down, mode="down")
        await world.approved(opened)
    if stage == "certified":
        await world.reported(opened, "account", "profile", "course", "0.9")
    await world.until(opened, stage)
    await world.wait_for_retry(opened)
    await end(world, opened, how)
    await world.control(down, mode="ok")
    await told_once(world, opened, request, how)


@pytest.mark.parametrize("how", ["denied", "withdrawn", "revoked"])
async def test_c8_the_notice_arrives_when_mail_is_back(world: World, how: str) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    await world.control("mailbox", mode="down")
    await end(world, opened, how)
    await world.wait_for_retry(opened)
    await world.control("mailbox", mode="ok")
    await told_once(world, opened, request, how)


async def test_c8_the_account_is_suspended_when_the_portal_is_back(world: World) -> None:
    opened = await helping(world, documents.agent())
    await world.control("portal", mode="down")
    await end(world, opened, "revoked")
    assert await certificate_status(world, opened) == "revoked"
    await world.control("portal", mode="ok")
    async with asyncio.timeout(PATIENCE):
        while (await account(world, opened))["active"]:
            await asyncio.sleep(0.1)


# late webhooks


@pytest.mark.parametrize("how", ["denied", "withdrawn", "revoked"])
async def test_c8_late_webhooks_are_stored_without_effect(world: World, how: str) -> None:
    opened = await world.opened(documents.broker())
    await world.until(opened, "awaiting_decision")
    before = await end(world, opened, how)
    await world.reported(opened, "account", "profile", "course", "0.9")
    await world.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    await world.wait_until_idle(opened)
    status = await world.status(opened)
    assert {name: before[name] for name in status} == status
    late = [entry for entry in await world.audit(opened) if entry["action"].startswith("webhook.")]
    assert {entry["details"]["note"] for entry in late} == {f"The case has ended: {how}."}
    assert len(late) == 7


async def test_c8_a_late_background_report_is_stored_without_effect(world: World) -> None:
    request = documents.counselor(language="en")
    slow = {"email": request["email"], "result": "clear", "after_seconds": 2}
    await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=slow)
    opened = await world.opened(request)
    await world.until(opened, lambda status: status["waiting_for"] == "background_check")
    await end(world, opened, "withdrawn")
    async with asyncio.timeout(PATIENCE):
        while not any(one["action"] == "webhook.report.completed" for one in await world.audit(opened)):
            await asyncio.sleep(0.1)
    status = await world.status(opened)
    assert (status["stage"], status["flag"]) == ("withdrawn", None)
    assert "background_reported" not in await world.history(opened)


async def test_c8_after_an_end_the_same_person_may_ask_again(world: World) -> None:
    request = documents.broker()
    first = await world.opened(request)
    await world.until(first, "awaiting_decision")
    await end(world, first, "withdrawn")
    second = await world.opened(request)
    assert second["case_id"] != first["case_id"]
    assert second["assister_id"] == first["assister_id"]
    await world.until(second, "awaiting_decision")
    assert (await world.status(first))["stage"] == "withdrawn"
