"""The verbs on the real stack: what staff and assisters do from the command line, and what they are told."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from starter.plan import Plan
from starter.processes import Child
from starter.stack import children, running
from tests.starter.command import ROOT, Ran, certify, is_one_sentence
from tests.support import documents
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

STAFF = ("--reason", "looked at it", "--as", "ana")


class Clerk:
    """Somebody at the command line of a stack."""

    def __init__(self, folder: Path, data: str) -> None:
        self._run = partial(certify, folder)
        self._data = data

    async def __call__(self, *arguments: str, given: Any = None) -> Ran:
        text = "" if given is None else json.dumps(given)
        return await asyncio.to_thread(self._run, *arguments, "--data", self._data, given=text)

    async def json(self, *arguments: str, given: Any = None) -> Any:
        return (await self(*arguments, "--json", given=given)).document

    async def refused(self, *arguments: str, given: Any = None) -> str:
        """The sentence of a refusal."""
        ran = await self(*arguments, given=given)
        assert (ran.status, ran.out) == (1, ""), ran
        assert is_one_sentence(ran.err), ran.err
        return ran.err

    async def refused_aloud(self, *arguments: str) -> str:
        """The same where something was shown before."""
        ran = await self(*arguments)
        assert (ran.status, is_one_sentence(ran.err)) == (1, True), ran
        return ran.err


@pytest.fixture
def clerk(stack: dict[str, Any], tmp_path: Path) -> Clerk:
    return Clerk(tmp_path, stack["data"])


async def test_a_request_opens_one_case_and_is_seen(clerk: Clerk, world: World) -> None:
    request = documents.broker()
    await world.know(documents.producer(request))
    opened = await clerk.json("request", "-", given=request)
    assert opened["created"] is True
    assert await clerk.json("request", "-", given=request) == {**opened, "created": False}
    await world.until(opened, "awaiting_decision")
    case = opened["case_id"]
    assert await clerk.json("status", case) == await world.status(opened)
    wanted = ("--program", "bewellnm", "--plan-year", "2024", "--stage", "awaiting_decision", "--kind", "broker")
    assert case in [one["case_id"] for one in await clerk.json("list", *wanted)]
    assert case not in [one["case_id"] for one in await clerk.json("list", "--kind", "agent")]


async def test_staff_ask_the_assister_answers_staff_approve(clerk: Clerk, world: World) -> None:
    request = documents.agent()
    opened = await world.opened(request)
    case = opened["case_id"]
    await world.until(opened, "awaiting_decision")
    asked = await clerk.json("decide", case, "ask", "--reason", "Which office?", "--as", "ana")
    assert asked["state"] == "applied"
    said = await clerk.refused("decide", case, "approve", *STAFF)
    assert "has not answered" in said
    assert "phone" in await clerk.refused("answer", case, "-", given={"message": "Santa Fe", "phone": "1"})
    answered = await clerk.json("answer", case, "-", given={"message": "Santa Fe", "phone": "505-555-0199"})
    assert answered["state"] == "applied"
    await world.until(opened, "awaiting_decision")
    command = str(uuid4())
    approve = ("decide", case, "approve", *STAFF, "--id", command)
    assert await clerk.json(*approve) == {"command_id": command, "state": "applied"}
    assert await clerk.json(*approve) == {"command_id": command, "state": "applied"}
    assert "already" in await clerk.refused("decide", case, "deny", *STAFF)
    decided = [one for one in await clerk.json("audit", case) if one["action"] == "case.decided"]
    assert [(one["actor"], one["reason"]) for one in decided] == [("ana", "Which office?"), ("ana", "looked at it")]


async def test_a_failing_check_needs_an_override(clerk: Clerk, world: World) -> None:
    opened = await world.opened(documents.broker(), license={"active": False})
    await world.until(opened, "awaiting_decision")
    approve = ("decide", opened["case_id"], "approve", *STAFF)
    assert "license_active" in await clerk.refused(*approve)
    assert (await clerk.json(*approve, "--override", "renewed today, seen on paper"))["state"] == "applied"
    eligibility = (await clerk.json("status", opened["case_id"]))["eligibility"]
    assert eligibility["override"] == "renewed today, seen on paper"


async def test_notices_are_sent_again_where_they_are_true(clerk: Clerk, world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    case = opened["case_id"]
    await world.letter(request["email"], lambda message: True)
    assert (await clerk.json("resend", case, "request_received", *STAFF))["state"] == "applied"
    async with asyncio.timeout(20):
        while len(await world.letters(request["email"])) < 2:
            await asyncio.sleep(0.1)
    assert "can't be sent" in await clerk.refused("resend", case, "certificate_issued", *STAFF)


async def test_a_case_ends_by_withdrawal_or_revocation(clerk: Clerk, world: World) -> None:
    for verb in ("withdraw", "revoke"):
        opened = await world.opened(documents.agent())
        await world.until(opened, "awaiting_decision")
        assert (await clerk.json(verb, opened["case_id"], *STAFF))["state"] == "applied"
        ended = await clerk.json("status", opened["case_id"], "--history")
        assert ended["stage"] == {"withdraw": "withdrawn", "revoke": "revoked"}[verb]
        assert ended["history"][-1]["kind"].endswith(ended["stage"])
        assert "ended" in await clerk.refused("decide", opened["case_id"], "approve", *STAFF)


async def test_a_returning_assister_needs_no_form(clerk: Clerk) -> None:
    npn = documents.new_npn()
    person = {"kind": "agent", "npn": npn, "first_name": "Testa", "last_name": "Agent"}
    year = {"plan_year": 2023, "registered": True, "trained": True, "certified": True, "individual_market": False}
    known = {
        "person": {**person, "email": f"testa.{npn}@example.com"},
        "program": "bewellnm",
        "years": [year],
        "lms_account": f"lms-{npn}",
        "portal_account": True,
    }
    imported = await clerk.json("import", "-", given=[known])
    assert imported == {
        "imported": 1,
        "assisters": [{"assister_id": imported["assisters"][0]["assister_id"], "created": True, "program": "bewellnm"}],
    }
    begin = ("begin", imported["assisters"][0]["assister_id"], "--plan-year", "2024", "--as", "ana")
    opened = await clerk.json(*begin)
    assert opened["created"] is True
    assert (await clerk.json("status", opened["case_id"]))["assister_type"] == "returning"
    assert await clerk.json(*begin) == {**opened, "created": False}


def registrant(**changes: Any) -> dict[str, Any]:
    """A request to register with the federal marketplace."""
    npn = documents.new_npn()
    who = {"first_name": "Testa", "last_name": "Registrant", "email": f"testa.registrant.{npn}@example.com"}
    common = {"program": "ffm", "plan_year": 2024, "language": "es", "phone": "505-555-0102", "npn": npn}
    return {**common, **who, "role": "marketplace_agent_broker", "markets": ["individual"], **changes}


def contacts(request: dict[str, Any]) -> dict[str, Any]:
    """What the profile asks of an agent or broker besides."""
    reached = {"email": request["email"], "phone": request["phone"]}
    return {
        "business_contact": {**reached, "address": documents.address("NM")},
        "professional_contact": {**reached, "languages": ["Spanish"]},
    }


async def known_registrant(world: World, **changes: Any) -> dict[str, Any]:
    request = registrant(**changes)
    await world.know(documents.producer({**request, "license_number": "NM-1"}))
    return request


async def shown(clerk: Clerk, *arguments: str) -> str:
    """What people are shown: it fits into 80 columns."""
    ran = await clerk(*arguments)
    assert ran.status == 0, ran.err
    assert all(len(line) <= 80 for line in ran.out.splitlines()), ran.out
    return ran.out


async def at_a_terminal(stack: dict[str, Any], answer: bytes, *arguments: str) -> tuple[int, str]:
    """`certify` for somebody who types an answer; its status, and what their screen shows."""
    screen, keyboard = pty.openpty()
    command = [sys.executable, "-m", "starter.cli", *arguments, "--data", stack["data"]]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=keyboard, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    os.write(screen, answer)
    seen, _ = await asyncio.wait_for(process.communicate(), 30)
    os.close(screen)
    os.close(keyboard)
    assert process.returncode is not None
    return process.returncode, seen.decode()


async def test_a_registration_from_request_to_list(clerk: Clerk, world: World, stack: dict[str, Any]) -> None:
    """Both markets, one course in the MLMS and one at a vendor, by nothing but the command line and the stand-ins."""
    request = await known_registrant(world, markets=["individual", "shop"])
    opened = await clerk.json("request", "-", given=request)
    case = opened["case_id"]
    assert await clerk.json("request", "-", given=request) == {**opened, "created": False}
    assert case in [one["case_id"] for one in await clerk.json("list", "--kind", "marketplace_agent_broker")]
    assert case not in [one["case_id"] for one in await clerk.json("list", "--kind", "not_an_agent_broker")]
    assert "needs npn, business contact" in await shown(clerk, "status", case)

    profile = ("ffm", "profile", case, "-", "--next")
    faults = await clerk.refused(*profile, given={**contacts(request), "web_entity_npn": request["npn"]})
    assert faults.startswith("web_entity_npn:")
    assert "deny compensation" in faults
    assert (await clerk.json("status", case))["profile"]["version"] == 0
    saved = await clerk.json(*profile, "--id", "mine", given=contacts(request))
    assert (saved["command_id"], saved["state"]) == ("mine", "applied")
    assert (saved["profile"]["status"], saved["profile"]["npn"]) == ("complete", "verified")

    assert "who return after last year" in await clerk.refused("ffm", "enroll", case, "individual_returning")
    assert "vendor-a, vendor-b" in await clerk.refused("ffm", "enroll", case, "shop", "--channel", "vendor-c")
    assert "Enroll in this course" in await clerk.refused("ffm", "launch", case, "shop", "--channel", "vendor-b")
    await shown(clerk, "ffm", "enroll", case, "individual_full")
    enrolled = await clerk.json("ffm", "enroll", case, "shop", "--channel", "vendor-b")
    assert [one["channel"] for one in enrolled["enrollments"]] == ["mlms", "vendor-b"]

    place = f"{world.stack['sandbox']['mlms']}/learners/{case}/individual_full"
    async with asyncio.timeout(20):
        while (await world.http.get(place, headers={"Accept": "application/json"})).status_code == 404:
            await asyncio.sleep(0.1)
    assert (await world.http.post(f"{place}/complete")).status_code == 200
    ticket = await clerk.json("ffm", "launch", case, "shop", "--channel", "vendor-b")
    assert ticket["url"] == f"{world.stack['sandbox']['vendors']}/vendor-b/training?ticket={ticket['ticket']}"
    assert ticket["expires_at"].endswith("Z")
    assert (await world.http.get(ticket["url"])).status_code == 200
    body = {"ticket": ticket["ticket"]}
    complete = f"{world.stack['sandbox']['vendors']}/vendor-b/complete"
    assert (await world.http.post(complete, json=body)).status_code == 200
    await world.until(opened, lambda status: all(status["training"].values()))

    waiting = await shown(clerk, "status", case)
    assert "needs agreements" in waiting
    status, seen = await at_a_terminal(stack, b"I  agree\n", "ffm", "agree", case, "individual_general")
    assert (status, "Convenio general con el Mercado" in seen, "Accepted." in seen) == (0, True, True)
    accepted = await clerk.json("ffm", "agree", case, "individual_privacy_security", "--yes")
    texts = {one["agreement"]: (one["language"], bool(one["accepted_at"])) for one in accepted["agreements"]}
    assert texts["individual_general"] == ("es", True)
    assert texts["shop_privacy_security"] == (None, False)
    english = await shown(clerk, "ffm", "agree", case, "shop_privacy_security", "--yes", "--language", "en")
    assert "SHOP Privacy and Security Agreement" in english
    done = await world.until(opened, lambda status: len(status["certificates"]) == 2)

    published = await clerk.json("ffm", "publish", "--force")
    assert published["number"] > 0
    (row,) = await clerk.json("ffm", "rcl", request["npn"], "--plan-year", "2024")
    assert row["npn"] == request["npn"]
    assert all(row[f"{market}_registration_completion_date"] for market in ("individual", "shop"))
    assert row in await clerk.json("ffm", "rcl")
    assert "not on the Registration" in await clerk.refused("ffm", "rcl", request["npn"], "--plan-year", "2025")
    assert request["npn"] in await shown(clerk, "ffm", "rcl")

    at_the_end = await shown(clerk, "status", case, "--history")
    for said in (*[one["number"] for one in done["certificates"]], "vendor-b", "find local help", "2024-1 en"):
        assert said in at_the_end
    deeds = [(one["actor"], one["action"]) for one in await clerk.json("audit", case)]
    assert deeds.count(("assister", "agreement.opened")) == deeds.count(("assister", "agreement.accepted")) == 3
    assert "no such step" in await clerk.refused("decide", case, "approve", *STAFF)
    assert (await clerk.json("resend", case, "marketplace_certificate", *STAFF))["state"] == "applied"
    assert (await clerk.json("revoke", case, *STAFF))["state"] == "applied"
    assert (await clerk.json("status", case))["stage"] == "revoked"
    assert "ended" in await clerk.refused("ffm", "enroll", case, "shop")


async def test_a_second_account_is_pointed_at_its_recovery(clerk: Clerk, world: World) -> None:
    request = await known_registrant(world)
    case = (await clerk.json("request", "-", given=request))["case_id"]
    said = await clerk.refused("request", "-", given={**request, "first_name": "Otra"})
    assert "recover its user ID or password" in said
    assert (await clerk.json("status", case))["flag"] == "second_account"
    assert (await clerk.json("withdraw", case, *STAFF))["state"] == "applied"


async def test_who_returns_is_in_the_short_course(clerk: Clerk, world: World) -> None:
    request = await known_registrant(world, role="marketplace_agent_broker")
    names = ("npn", "email", "first_name", "last_name", "phone", "language")
    year = {"plan_year": 2023, "registered": True, "trained": True, "individual_market": True}
    person = {"kind": "broker", **{name: request[name] for name in names}, **contacts(request)}
    imported = await clerk.json("import", "-", given=[{"person": person, "program": "ffm", "years": [year]}])
    begin = ("begin", imported["assisters"][0]["assister_id"], "--plan-year", "2024", "--as", "ana", "--program", "ffm")
    opened = await clerk.json(*begin)
    assert await clerk.json(*begin) == {**opened, "created": False}
    status = await clerk.json("status", opened["case_id"])
    assert status["assister_type"] == "returning"
    (course,) = status["enrollments"]
    assert (course["curriculum"], course["channel"], course["automatic"]) == ("individual_returning", "mlms", True)
    saved = await clerk.json("ffm", "profile", opened["case_id"], "-", "--next", given={})
    assert (saved["state"], saved["stage"]) == ("applied", "in_training")


async def test_other_words_do_not_accept_an_agreement(clerk: Clerk, world: World, stack: dict[str, Any]) -> None:
    request = await known_registrant(world)
    case = (await clerk.json("request", "-", given=request))["case_id"]
    await clerk.json("ffm", "profile", case, "-", "--next", given=contacts(request))
    agree = ("ffm", "agree", case, "individual_general")
    status, seen = await at_a_terminal(stack, b"maybe\n", *agree)
    assert (status, "Convenio general con el Mercado" in seen) == (1, True)
    assert seen.endswith("Not accepted; that it was opened is on record.\n")
    (first, _) = (await clerk.json("status", case))["agreements"]
    assert (bool(first["opened_at"]), first["accepted_at"]) == (True, None)
    assert "Complete the training of this market first." in await clerk.refused_aloud(*agree, "--yes")


async def test_people_read_it_in_80_columns(clerk: Clerk, world: World) -> None:
    opened = await world.opened(documents.counselor())
    await world.until(opened, "awaiting_decision")
    case = opened["case_id"]
    await clerk("decide", case, "ask", "--reason", "Where [bold]exactly[/bold] \x1b[31m?", "--as", "ana")
    for verb in (["status", case, "--history"], ["audit", case], ["list"]):
        ran = await clerk(*verb)
        assert ran.status == 0, ran.err
        assert ran.out
        assert all(len(line) <= 80 for line in ran.out.splitlines()), verb
        assert "\x1b" not in ran.out
        assert "[bold]exactly[/bold]" in ran.out or verb == ["list"]


async def test_a_command_without_a_worker_is_kept(tmp_path: Path) -> None:
    def no_worker(plan: Plan) -> Sequence[Child]:
        return [child for child in children(plan) if child.name in ("temporal", "migration")]

    async with running(tmp_path / "data", table=no_worker) as stack:
        clerk = Clerk(tmp_path, stack["data"])
        opened = await clerk.json("request", "-", given=documents.agent())
        withdraw = ("withdraw", opened["case_id"], *STAFF, "--id", "mine")
        assert await clerk.json(*withdraw) == {"command_id": "mine", "state": "pending"}
