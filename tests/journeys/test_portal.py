"""The portal comes after the certificate: brokers register, counselors activate what we set up (A24–A29)."""

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def register(world: World, email: str, number: str = "") -> httpx2.Response:
    """Somebody registers on the portal's own form."""
    body = {"email": email, "certificate_number": number}
    return await world.http.post(f"{world.stack['sandbox']['portal']}/register", json=body)


async def number_of(world: World, opened: dict[str, Any]) -> str:
    return str((await world.status(opened))["certificate"]["number"])


async def accounts(world: World, opened: dict[str, Any]) -> list[dict[str, Any]]:
    """What the portal lists under this case, over SCIM."""
    wanted = {"filter": f'externalId eq "{opened["case_id"]}"'}
    answer = await world.http.get(_users(world), params=wanted, headers=_portal_token(world))
    found: list[dict[str, Any]] = answer.json().get("Resources", [])
    return found


def _users(world: World) -> str:
    return f"{world.stack['sandbox']['portal']}/scim/v2/Users"


def _portal_token(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.stack['settings']['CERTIFY_PORTAL_TOKEN']}"}


async def creations(world: World, email: str) -> int:
    """How often we told the portal to create an account for this address."""
    calls = await world.calls("portal")
    return sum(call["method"] == "POST" and call["body"].get("userName") == email for call in calls)


async def activation_link(world: World, email: str, but: str = "") -> str:
    """The link in a counselor's letter, other than one known before."""

    def link_in(letter: dict[str, Any]) -> str:
        found = re.search(r"\S+/activate/\S+", letter["text"])
        return found.group() if found and found.group() != but else ""

    return link_in(await world.letter(email, link_in))


# before the certificate


async def test_a24_the_portal_refuses_who_has_no_valid_number_of_their_own_and_says_why(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    another = await world.certified(documents.broker())
    reasons = {
        "": "certificate_missing",
        "NM24-00000-00000-00000-00000": "certificate_not_valid",
        await number_of(world, another): "certificate_of_another",
    }
    for number, code in reasons.items():
        answer = await register(world, request["email"], number)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert "certificate" in answer.json()["detail"]
    assert (await register(world, "nobody@example.com")).json()["code"] == "unknown_applicant"
    assert await accounts(world, opened) == []
    await _audited(world, opened, "webhook.registration.refused", 3)
    assert (await world.status(opened))["portal"]["account"] == "none"


@pytest.mark.parametrize("event", ["account.registered", "account.activated", "profile.completed"])
async def test_a24_a_premature_report_is_stored_without_effect_and_flagged(world: World, event: str) -> None:
    opened = await world.opened(documents.broker())
    sent = {"webhook_id": f"early-{opened['case_id']}"}
    assert (await world.portal(opened, event, **sent)).status_code == 202
    assert (await world.status(opened))["flag"] == "premature_report"
    (entry,) = await _audited(world, opened, f"webhook.{event}", 1)
    assert entry["actor"] == "sender:portal"
    assert "before the certificate" in entry["details"]["note"]
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "course", "0.9")
    status = await world.until(opened, "certified")
    assert status["waiting_for"] == "portal_registration"
    assert status["portal"] == {
        "portal": "broker",
        "account": "none",
        "profile": "incomplete",
        "scheduling_tool": "not_ready",
    }


async def _audited(world: World, opened: dict[str, Any], action: str, times: int) -> list[dict[str, Any]]:
    """The audit's entries of this action, once there are so many."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [entry for entry in await world.audit(opened) if entry["action"] == action]
            if len(found) >= times:
                assert len(found) == times
                return found
            await asyncio.sleep(0.1)
    raise AssertionError


# agents and brokers


@pytest.mark.parametrize("make", [documents.agent, documents.broker])
async def test_a25_they_register_by_the_link_in_the_letter_and_the_report_moves_the_case_on(
    world: World, make: Any
) -> None:
    request = make()
    opened = await world.certified(request)
    letter = await world.letter(request["email"], lambda letter: letter["attachments"])
    link = f"{world.stack['sandbox']['portal']}/register"
    number = await number_of(world, opened)
    assert link in letter["text"]
    assert link in letter["html"]
    assert number in letter["text"]
    answer = await world.http.post(link, json={"email": request["email"], "certificate_number": number})
    assert answer.status_code == 201
    status = await world.until(opened, "portal_setup")
    assert (status["portal"]["account"], status["waiting_for"]) == ("registered", "portal_profile")
    assert (await register(world, request["email"], number)).status_code == 409
    assert await creations(world, request["email"]) == 0


# counselors


async def test_a26_the_exchange_creates_the_counselors_account_once_after_the_certificate(world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "course", "0.7")
    await world.until(opened, "awaiting_exam_pass")
    await world.wait_until_idle(opened)
    assert await creations(world, request["email"]) == 0, "trained, but not passed"
    await world.reported(opened, "0.8")
    await world.until(opened, lambda status: status["waiting_for"] == "portal_activation")
    await world.reported(opened, "0.9", "course", "profile")
    await world.wait_until_idle(opened)
    assert await creations(world, request["email"]) == 1
    (account,) = await accounts(world, opened)
    assert (account["userName"], account["active"]) == (request["email"], False)
    order = await world.history(opened)
    assert order.index("certificate_issued") < order.index("portal_account_created")


async def test_a26_an_account_that_is_there_already_is_found_and_not_made_again(world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    # As if an earlier call had been carried out and its answer lost.
    user = {"userName": request["email"], "externalId": opened["case_id"], "active": False}
    assert (await world.http.post(_users(world), json=user, headers=_portal_token(world))).status_code == 201
    (before,) = await accounts(world, opened)
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "course", "0.9")
    await world.until(opened, lambda status: status["waiting_for"] == "portal_activation")
    assert [account["id"] for account in await accounts(world, opened)] == [before["id"]]
    assert (await world.http.post(await activation_link(world, request["email"]))).status_code == 200
    await world.until(opened, lambda status: status["portal"]["account"] == "active")


@pytest.mark.parametrize("certified", [False, True], ids=["uncertified", "certified"])
async def test_a27_a_counselor_who_registers_alone_is_refused_told_why_and_audited(
    world: World, certified: bool
) -> None:
    request = documents.counselor()
    opened = await world.certified(request) if certified else await world.opened(request)
    number = await number_of(world, opened) if certified else ""
    answer = await register(world, request["email"], number)
    assert (answer.status_code, answer.json()["code"]) == (403, "set_up_by_exchange")
    assert "The exchange sets up Assister Portal accounts itself" in answer.json()["detail"]
    (entry,) = await _audited(world, opened, "webhook.registration.refused", 1)
    assert (entry["actor"], entry["reason"]) == ("sender:portal", answer.json()["detail"])
    assert (await world.status(opened))["portal"]["account"] in ("none", "created")
    assert not any(account["active"] for account in await accounts(world, opened))


async def test_a27_a_counselors_letter_says_not_to_register(world: World) -> None:
    request = documents.counselor(language="en")
    await world.certified(request)
    letter = await world.letter(request["email"], lambda letter: letter["attachments"])
    assert "do not register yourself" in " ".join(letter["text"].split())
    assert "/register" not in letter["text"] + letter["html"]


async def test_a28_the_link_is_used_up_by_confirming_not_by_opening(world: World) -> None:
    request = documents.counselor()
    opened = await world.certified(request)
    link = await activation_link(world, request["email"])
    for _ in range(3):
        assert (await world.http.get(link)).status_code == 200
    assert [account["active"] for account in await accounts(world, opened)] == [False]
    assert (await world.http.post(link)).status_code == 200
    status = await world.until(opened, lambda status: status["waiting_for"] == "portal_profile")
    assert status["portal"]["account"] == "active"
    assert [account["active"] for account in await accounts(world, opened)] == [True]
    assert (await world.http.post(link)).status_code == 410
    assert (await world.http.get(link)).status_code == 410
    assert len(await _audited(world, opened, "portal.activation_link_used", 1)) == 1


async def test_a28_a_link_confirmed_twice_at_once_activates_once(world: World) -> None:
    request = documents.counselor()
    opened = await world.certified(request)
    link = await activation_link(world, request["email"])
    answers = await asyncio.gather(*(world.http.post(link) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410, 410]
    await world.until(opened, lambda status: status["portal"]["account"] == "active")
    assert (await world.history(opened)).count("portal_activated") == 1


async def test_a28_a_link_sent_again_voids_the_one_before(world: World) -> None:
    request = documents.counselor()
    opened = await world.certified(request)
    old = await activation_link(world, request["email"])
    answer = await world.command(opened, "resend", notice="portal_activation", reason="the letter was lost")
    assert answer.status_code == 200
    new = await activation_link(world, request["email"], but=old)
    assert (await world.http.get(old)).status_code == 410
    assert (await world.http.post(old)).status_code == 410
    assert (await world.status(opened))["portal"]["account"] == "created"
    assert (await world.http.post(new)).status_code == 200
    await world.until(opened, lambda status: status["portal"]["account"] == "active")


async def test_a28_a_link_expires_after_seven_days_and_a_new_one_can_be_had(world: World) -> None:
    request = documents.counselor()
    opened = await world.certified(request)
    old = await activation_link(world, request["email"])
    lives, kept = await asyncio.to_thread(_grow_old, world, opened["case_id"])
    assert lives == "7 days"
    assert kept == 1
    assert (await world.http.get(old)).status_code == 410
    assert (await world.http.post(old)).status_code == 410
    await world.command(opened, "resend", notice="portal_activation", reason="it had expired")
    assert (await world.http.post(await activation_link(world, request["email"], but=old))).status_code == 200
    await world.until(opened, lambda status: status["portal"]["account"] == "active")


def _grow_old(world: World, case_id: str) -> tuple[str, int]:
    """Lets a case's activation link expire, since days can't be skipped here; its life, and how many there were."""
    where = "WHERE case_id = ? AND purpose = 'activation'"
    with sqlite3.connect(Path(world.stack["data"]) / "app.sqlite", timeout=PATIENCE) as database:
        life = "CAST(julianday(expires_at) - julianday(created_at) AS INTEGER) || ' days'"
        (lives,) = database.execute(f"SELECT {life} FROM link {where}", [case_id]).fetchone()
        changed = database.execute(
            f"UPDATE link SET expires_at = datetime('now', '-1 second') || '.000000' {where}", [case_id]
        )
        count = changed.rowcount
    database.close()
    return lives, count


async def test_a28_an_unknown_link_leads_nowhere(world: World) -> None:
    assert (await world.http.get(f"{world.web}/activate/nothing")).status_code == 404
    assert (await world.http.post(f"{world.web}/activate/nothing")).status_code == 404


@pytest.mark.parametrize("event", ["account.registered", "account.activated"])
async def test_a26_a27_an_account_that_we_did_not_set_up_does_not_count(world: World, event: str) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    await world.approved(opened)
    await world.control("portal", mode="down")
    try:
        await world.reported(opened, "account", "profile", "course", "0.9")
        await world.until(opened, lambda status: status["waiting_for"] == "portal_account")
        assert (await world.portal(opened, event)).status_code == 202
        status = await world.status(opened)
        assert (status["portal"]["account"], status["flag"]) == ("none", "premature_report")
    finally:
        await world.control("portal", mode="ok")
    await world.until(opened, lambda status: status["waiting_for"] == "portal_activation")


# profile and Scheduling Tool

STEPS = {"profile": "profile.completed", "scheduling-tool": "scheduling_tool.ready"}


@pytest.mark.parametrize("kind", ["broker", "counselor"])
@pytest.mark.parametrize("order", [("profile", "scheduling-tool"), ("scheduling-tool", "profile")], ids="-".join)
async def test_a29_profile_and_scheduling_tool_are_tracked_in_any_order(
    world: World, kind: str, order: tuple[str, str]
) -> None:
    request = documents.broker() if kind == "broker" else documents.counselor()
    opened = await world.certified(request)
    if kind == "broker":
        await register(world, request["email"], await number_of(world, opened))
    else:
        await world.http.post(await activation_link(world, request["email"]))
    await world.until(opened, lambda status: status["waiting_for"] == "portal_profile")
    account = f"{world.stack['sandbox']['portal']}/accounts/{opened['case_id']}"
    assert (await world.http.post(f"{account}/{order[0]}")).status_code == 200
    first = "profile" if order[0] == "profile" else "scheduling_tool"
    status = await world.until(opened, lambda status: status["portal"][first] in ("complete", "ready"))
    assert (status["stage"], status["may_assist"]) == ("portal_setup", False)
    assert (await world.http.post(f"{account}/{order[1]}")).status_code == 200
    status = await world.until(opened, "active")
    assert (status["portal"]["profile"], status["portal"]["scheduling_tool"]) == ("complete", "ready")


@pytest.mark.parametrize("events", [("profile.completed", "scheduling_tool.ready", "account.registered")])
async def test_a29_they_may_even_precede_the_report_of_the_account(world: World, events: tuple[str, ...]) -> None:
    opened = await world.certified(documents.broker())
    await world.reported_by_portal(opened, *events)
    assert (await world.until(opened, "active"))["may_assist"]
