"""The verbs on the real stack: what staff and assisters do from the command line, and what they are told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from rich.cells import cell_len

from domain.shared.ids import make_adverse_action_workflow_id
from starter.client import RPC_TIMEOUT
from starter.stack.embedded import build_children, run_stack
from starter.stack.plan import Plan
from starter.stack.processes import Child
from tests.starter.command import Clerk
from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

STAFF = ("--reason", "looked at it", "--as", "ana")
WORD = ("--as", "ana", "--method", "in_person", "--reason", "told at the desk")


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
    (listed,) = [one for one in await clerk.json("list", *wanted) if one["case_id"] == case]
    assert listed["name"] == f"{request['first_name']} {request['last_name']}"
    assert listed["waiting_since"]
    (by_api,) = [one for one in (await world.get("/api/cases")).json() if one["case_id"] == case]
    assert by_api == {name: value for name, value in listed.items() if name != "name"}, "no access is recorded there"
    assert case not in [one["case_id"] for one in await clerk.json("list", "--kind", "agent")]


async def test_d2_staff_vouch_for_an_npn_by_what_they_have_seen(clerk: Clerk, world: World) -> None:
    request = documents.broker()
    shown = ("--proof", "paper: license certificate")
    said = await clerk.refused("request", "-", *shown, given=request, status=2)
    assert "needs --as" in said
    assert "needs --proof" in await clerk.refused("request", "-", "--as", "ana", given=request, status=2)
    assert "proof.method" in await clerk.refused("request", "-", "--proof", "hearsay:x", "--as", "ana", given=request)
    opened = await clerk.json("request", "-", *shown, "--as", "ana", given=request)
    (opening,) = [one for one in await clerk.json("audit", opened["case_id"]) if one["action"] == "case.opened"]
    assert opening["actor"] == "staff:ana"
    other = await clerk.json("request", "-", given=documents.broker())
    (opening,) = [one for one in await clerk.json("audit", other["case_id"]) if one["action"] == "case.opened"]
    assert opening["actor"] == "sender:certify"
    proof = ("identity", other["case_id"], "--method", "paper", "--reason", "seen", "--as", "system", "--document")
    assert "--document" in await clerk.refused(*proof, " ", status=2)
    assert "more than 200 characters" in await clerk.refused(*proof, "a" * 201, status=2)
    await clerk.json(*proof, "license certificate")
    (proven,) = [one for one in await clerk.json("audit", other["case_id"]) if one["action"] == "npn.proven"]
    assert proven["actor"] == "staff:system", "nobody at a keyboard is the system"


async def test_staff_ask_the_assister_answers_staff_approve(clerk: Clerk, world: World) -> None:
    request = documents.agent()
    opened = await world.opened(request)
    case = opened["case_id"]
    await world.until(opened, "awaiting_decision")
    ask = ("decide", case, "ask", "--reason", "Which office?", "--as", "ana", "--field", "phone", "--field")
    assert "the field planet" in await clerk.refused(*ask, "planet")
    asked = await clerk.json(*ask, "business_address")
    assert asked["state"] == "applied"
    said = await clerk.refused("decide", case, "approve", *STAFF)
    assert "has not answered" in said
    assert (await clerk.json("take-back", case, "--reason", "It is known.", "--as", "ana"))["state"] == "applied"
    assert "no open question" in await clerk.refused("take-back", case, *STAFF)
    assert (await clerk.json("decide", case, "ask", "--reason", "Which phone?", "--as", "ana"))["state"] == "applied"
    assert "phone" in await clerk.refused("answer", case, "-", *WORD, given={"message": "Santa Fe", "phone": "1"})
    answered = await clerk.json("answer", case, "-", *WORD, given={"message": "Santa Fe", "phone": "505-555-0199"})
    assert answered["state"] == "applied"
    await world.until(opened, "awaiting_decision")
    command = str(uuid4())
    approve = ("decide", case, "approve", *STAFF, "--id", command)
    assert await clerk.json(*approve) == {"command_id": command, "state": "applied"}
    assert await clerk.json(*approve) == {"command_id": command, "state": "applied"}
    assert "already" in await clerk.refused("decide", case, "deny", *STAFF)
    (answer,) = [one for one in await clerk.json("audit", case) if one["action"] == "case.answered"]
    assert answer["actor"] == "staff:ana", "nobody is written down for the assister, who acts in their own session"
    assert (answer["reason"], answer["details"]["method"]) == ("told at the desk", "in_person")
    assert answer["details"]["message"] == "Santa Fe"
    decided = [one for one in await clerk.json("audit", case) if one["action"] == "case.decided"]
    assert [(one["actor"], one["reason"]) for one in decided] == [
        ("staff:ana", "Which office?"),
        ("staff:ana", "Which phone?"),
        ("staff:ana", "looked at it"),
    ]


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
    async with asyncio.timeout(PATIENCE):
        while len(await world.letters(request["email"])) < 2:
            await asyncio.sleep(0.1)
    assert "can't be sent" in await clerk.refused("resend", case, "certificate_issued", *STAFF)


async def test_p24_what_the_mail_server_gives_back_is_taken_over_http_and_from_a_pipe(
    clerk: Clerk, world: World, tmp_path: Path
) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    letter = await world.letter(request["email"], lambda message: True)
    order = f"{world.stack['mailbox']}/messages/{letter['id']}/bounce"
    returned = await world.http.post(order, json={"status": "5.1.1"})
    assert returned.headers["X-Exchange-Status"] == "202"
    await world.until(opened, lambda status: status["flag"] == "mail_refused")
    message = tmp_path / "returned.eml"
    message.write_bytes(returned.content)
    assert await clerk.json("bounce", str(message)) == {"status": "repeated"}
    assert "nothing has changed" in await clerk.shown("bounce", str(message))
    message.write_bytes(returned.content.replace(b"bounces+", b"bounces+a"))
    assert await clerk.json("bounce", str(message)) == {"status": "unknown"}
    assert "no report of a letter that came back" in await clerk.refused("bounce", "-", given={"a": "message"})


async def test_e8_a_canceled_check_is_ordered_anew(clerk: Clerk, world: World) -> None:
    request = documents.counselor()
    vendor = f"{world.stack['sandbox']['background_checks']}/outcomes"
    for result in ("canceled", "clear"):
        told = await world.http.post(vendor, json={"email": request["email"], "result": result})
        assert told.status_code == 201
        if result == "canceled":
            opened = await world.opened(request)
            await world.until(opened, lambda status: status["flag"] == "check_stopped")
    case = opened["case_id"]
    assert "no background check" not in await clerk.refused("decide", case, "approve", *STAFF)
    assert (await clerk.json("check", case, "reorder", *STAFF))["state"] == "applied"
    await world.until(opened, "awaiting_decision")
    assert "wait for what comes of it" in await clerk.refused("check", case, "reorder", *STAFF)


async def test_e8_notice_is_given_before_a_denial_by_a_report(clerk: Clerk, world: World) -> None:
    request = documents.counselor()
    vendor = f"{world.stack['sandbox']['background_checks']}/outcomes"
    told = await world.http.post(vendor, json={"email": request["email"], "result": "consider"})
    assert told.status_code == 201
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    case = opened["case_id"]
    assert "begin the adverse action" in await clerk.refused("decide", case, "deny", *STAFF)
    theirs = ("--told", "Lo que dice su informe.")
    assert "goes with adverse" in await clerk.refused("check", case, "end-dispute", *theirs, *STAFF, status=2)
    assert (await clerk.json("check", case, "adverse", *theirs, *STAFF))["state"] == "applied"
    await world.until(opened, lambda status: status["adverse_action"]["last_day"])
    following = (await client_of(world.stack)).get_workflow_handle(make_adverse_action_workflow_id(case, 1))
    await following.terminate("in the wrong window")
    begun = await clerk.json("restart", case, "--reason", "not meant", "--as", "ana")
    assert begun == {"case_id": case, "begun": True, "may_repeat": []}
    assert "is running" in await clerk.refused("restart", case)
    assert (await clerk.json("check", case, "dispute", "--method", "paper", *STAFF))["state"] == "applied"
    assert "disputed already" in await clerk.refused("check", case, "dispute", "--method", "paper", *STAFF)
    assert (await clerk.json("check", case, "end-dispute", *STAFF))["state"] == "applied"


async def test_a_case_ends_by_withdrawal_or_revocation(clerk: Clerk, world: World) -> None:
    for verb in ("withdraw", "revoke"):
        opened = await world.opened(documents.agent(language="es"))
        await world.until(opened, "awaiting_decision")
        ended = await clerk(verb, opened["case_id"], *STAFF, "--told", "Lo hemos visto.")
        assert (ended.status, ended.err) == (0, "")
        ended = await clerk.json("status", opened["case_id"], "--history")
        assert ended["stage"] == {"withdraw": "withdrawn", "revoke": "revoked"}[verb]
        assert ended["history"][-1]["kind"].endswith(ended["stage"])
        (done,) = [
            one for one in await clerk.json("audit", opened["case_id"]) if one["action"] == f"case.{ended['stage']}"
        ]
        assert (done["reason"], done["details"]["told"]) == ("looked at it", "Lo hemos visto.")
        assert "ended" in await clerk.refused("decide", opened["case_id"], "approve", *STAFF)


async def test_e4_the_authority_is_suspended_lifted_and_terminated(clerk: Clerk, world: World) -> None:
    opened = await world.certified(documents.agent())
    case = opened["case_id"]
    assert "past" in await clerk.refused("suspend", case, "--until", "2001-01-01", *STAFF)
    assert (await clerk.json("suspend", case, "--kind", "system", *STAFF))["state"] == "applied"
    status = await clerk.json("status", case)
    assert (status["stage"], status["suspensions"][0]["until"]) == ("suspended", None)
    said = ("rebut", case, "--text", "It was somebody else.", *STAFF, "--method", "paper")
    assert [one["by"] for one in (await clerk.json(*said))["rebuttals"]] == ["staff:ana"]
    blank = ("rebut", case, "--text", " ", *said[4:])
    assert "--text needs a text" in await clerk.refused(*blank, status=2)
    assert "--method" in await clerk.refused(*said[:-2], status=2)
    await clerk.json("lift", case, "--suspension", status["suspensions"][0]["suspension_id"], *STAFF)
    assert "nothing to lift" in await clerk.refused("lift", case, *STAFF)
    assert "ordered nothing" in await clerk.refused(*said)
    assert (await clerk.json("terminate", case, *STAFF))["state"] == "applied"
    assert (await clerk.json("status", case))["termination"]["last_day"]
    await clerk.json("lift", case, "--termination", *STAFF)
    await clerk.json("terminate", case, "--at-once", *STAFF)
    assert (await clerk.json("status", case))["stage"] == "terminated"
    assert "ended" in await clerk.refused("terminate", case, "--at-once", *STAFF)


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
        "import": imported["import"],
        "imported": 1,
        "assisters": [{"assister_id": imported["assisters"][0]["assister_id"], "created": True, "program": "bewellnm"}],
    }
    begin = ("begin", imported["assisters"][0]["assister_id"], "--plan-year", "2024", "--as", "ana")
    opened = await clerk.json(*begin)
    assert opened["created"] is True
    assert (await clerk.json("status", opened["case_id"]))["assister_type"] == "returning"
    assert await clerk.json(*begin) == {**opened, "created": False}


async def test_people_read_it_in_80_columns(clerk: Clerk, world: World) -> None:
    opened = await world.opened(documents.counselor())
    await world.until(opened, "awaiting_decision")
    case = opened["case_id"]
    ask = ("decide", case, "ask", "--as", "ana", "--reason", "Where [bold]exactly[/bold]?")
    assert "control characters" in await clerk.refused(*ask[:-1], "Where \x1b[31m?", status=2)
    asked = await clerk(*ask)
    assert (asked.status, asked.err.count("\n")) == (0, 1)
    assert "reads Spanish" in asked.err
    assert "--told" in asked.err, "and nothing else tells them what it is for"
    for verb in (["status", case, "--history"], ["audit", case], ["list"]):
        ran = await clerk(*verb)
        assert ran.status == 0, ran.err
        assert ran.out
        assert all(cell_len(line) <= 80 for line in ran.out.splitlines()), verb  # an accent of its own has no column
        assert "\x1b" not in ran.out
        assert "[bold]exactly[/bold]" in ran.out or verb == ["list"]


async def test_a_command_without_a_worker_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody answers: an update is only worth a moment's wait.
    monkeypatch.setattr("starter.temporal.RPC_TIMEOUT", RPC_TIMEOUT / 20)

    def no_worker(plan: Plan) -> Sequence[Child]:
        return [child for child in build_children(plan) if child.name in ("temporal", "migration")]

    async with run_stack(tmp_path / "data", build=no_worker) as stack:
        clerk = Clerk(tmp_path, stack["data"])
        opened = await clerk.json("request", "-", given=documents.agent())
        withdraw = ("withdraw", opened["case_id"], *STAFF, "--id", "mine")
        assert await clerk.json(*withdraw) == {"command_id": "mine", "state": "pending"}
