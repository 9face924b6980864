"""Counselors are checked before the decision; agents and brokers never are (A14)."""

import asyncio
from typing import Any

import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import FORM, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
NEVER = 80_000


async def outcome(world: World, request: Document, result: str, after_seconds: float) -> None:
    """Tells the vendor what this person's check shall find, and when."""
    body = {"email": request["email"], "result": result, "after_seconds": after_seconds}
    answer = await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=body)
    assert answer.status_code == 201


async def orders(world: World, opened: Document, request: Document) -> list[str]:
    """What the vendor was asked about this case or person, by the paths called."""
    return [
        call["path"]
        for call in await world.calls("background_checks")
        if any(one in f"{call['idempotency_key']} {call['body']}" for one in (opened["case_id"], request["email"]))
    ]


def check_of(status: Document) -> list[Document]:
    return [one for one in status["eligibility"]["findings"] if one["check"] == "background_check"]


@pytest.mark.parametrize("make", [documents.agent, documents.broker])
async def test_a14_none_is_ordered_for_agents_and_brokers(world: World, make: Any) -> None:
    request = make()
    opened = await world.opened(request)
    await world.approved(opened)
    await world.until(opened, lambda status: status["waiting_for"] == "lms_account")
    assert await orders(world, opened, request) == []
    assert check_of(await world.status(opened)) == []
    assert "background_ordered" not in await world.history(opened)


async def test_a14_one_is_ordered_for_a_counselor_and_a_clear_report_leads_to_the_decision(world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    status = await world.until(opened, "awaiting_decision")
    assert check_of(status) == [{"check": "background_check", "result": "pass", "source": "A14"}]
    assert (await world.decide(opened)).status_code == 200
    assert await orders(world, opened, request) == ["/v1/candidates", "/v1/invitations"]


async def test_a14_without_a_report_nobody_is_approved_not_even_with_an_override(world: World) -> None:
    request = documents.counselor()
    await outcome(world, request, "clear", NEVER)
    opened = await world.opened(request)
    status = await world.until(opened, "awaiting_background_check")
    assert (status["waiting_for"], check_of(status)[0]["result"]) == ("background_check", "pending")
    for override in (None, "I know her well"):
        answer = await world.decide(opened, override=override)
        assert (answer.status_code, "background check" in answer.json()["detail"]) == (409, True)
    status = await world.status(opened)
    assert (status["stage"], status["eligibility"]["status"]) == ("awaiting_background_check", "pending")
    assert (await world.decide(opened, "deny", reason="no report in months")).status_code == 200
    await world.until(opened, "denied")


async def test_a14_a_late_report_moves_the_case_on(world: World) -> None:
    request = documents.counselor()
    await outcome(world, request, "clear", 1.5)
    opened = await world.opened(request)
    await world.until(opened, "awaiting_background_check")
    assert (await world.decide(opened)).status_code == 409
    await world.approved(opened)
    assert await orders(world, opened, request) == ["/v1/candidates", "/v1/invitations"]


async def test_a14_consider_needs_an_override(world: World) -> None:
    request = documents.counselor()
    await outcome(world, request, "consider", 0.1)
    opened = await world.opened(request)
    status = await world.until(opened, "awaiting_decision")
    assert check_of(status)[0]["result"] == "consider"
    answer = await world.decide(opened)
    assert (answer.status_code, "background_check" in answer.json()["detail"]) == (409, True)
    override = "the entry is of another person of that name"
    assert (await world.decide(opened, override=override)).json()["eligibility"]["override"] == override


async def test_a14_a_vendor_that_is_down_is_asked_again_and_checks_once(world: World) -> None:
    request = documents.counselor()
    await world.control("background_checks", mode="down")
    try:
        opened = await world.opened(request)
        async with asyncio.timeout(PATIENCE):
            while not await orders(world, opened, request):
                await asyncio.sleep(0.05)
    finally:
        await world.control("background_checks", mode="ok")
    await world.until(opened, "awaiting_decision")
    asked = await orders(world, opened, request)
    assert asked == ["/v1/candidates"] * (len(asked) - 1) + ["/v1/invitations"]
    assert (await world.history(opened)).count("background_ordered") == 1


async def test_a14_consent_is_asked_for(world: World) -> None:
    for consent in (False, None, "true"):
        answer = await world.submit(documents.counselor(background_check_consent=consent))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "background_check_consent"


# checks that end badly (P12-P14, E8)


@pytest.mark.parametrize(
    ("result", "note", "stage"),
    [
        ("canceled", "check_canceled", "awaiting_background_check"),
        ("expired", "check_expired", "awaiting_background_check"),
        ("includes_canceled", "check_includes_canceled", "awaiting_decision"),
    ],
)
async def test_p12_p14_e8_a_check_that_ended_badly_says_why_and_is_ordered_anew(
    world: World, result: str, note: str, stage: str
) -> None:
    request = documents.counselor()
    await outcome(world, request, result, 0.3)
    opened = await world.opened(request)
    status = await world.until(opened, lambda status: any(one.get("note") == note for one in check_of(status)))
    assert status["stage"] == stage
    assert status["flag"] == (None if stage == "awaiting_decision" else "check_stopped")
    assert (await world.decide(opened)).status_code == 409
    assert (await world.command(opened, "check/reorder")).status_code == 422, "a reason is needed"
    await outcome(world, request, "clear", 0.3)
    answer = await world.command(opened, "check/reorder", reason="she has answered the vendor")
    assert (answer.status_code, answer.json()["flag"]) == (200, None), answer.text
    status = await world.until(opened, lambda status: any(one["result"] == "pass" for one in check_of(status)))
    assert await orders(world, opened, request) == ["/v1/candidates", "/v1/invitations"] * 2
    assert (await world.command(opened, "check/reorder", reason="again")).status_code == 409
    await world.approved(opened)
    assert "case.check_reordered" in [entry["action"] for entry in await world.audit(opened)]


async def test_p13_a_suspended_check_is_shown_and_goes_on(world: World) -> None:
    request = documents.counselor()
    body = {"email": request["email"], "result": "suspended", "after_seconds": 0.3, "resumed_after_seconds": 4}
    assert (
        await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=body)
    ).status_code == 201
    opened = await world.opened(request)
    status = await world.until(opened, lambda status: status["flag"] == "check_suspended")
    assert check_of(status)[0]["note"] == "check_suspended"
    refused = await world.command(opened, "check/reorder", reason="too slow")
    assert (refused.status_code, "wait for what comes of it" in refused.json()["detail"]) == (409, True)
    status = await world.until(opened, "awaiting_decision")
    assert (status["flag"], check_of(status)[0]["result"]) == (None, "pass")


async def test_e8_a_denial_by_a_report_goes_by_notice_days_and_dispute(world: World) -> None:
    """Over HTTP: staff are told what to do, both sides see until when, and the assister disputes on their own page."""
    request = documents.counselor(language="en")
    await outcome(world, request, "consider", 0.1)
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    refused = await world.decide(opened, "deny")
    assert (refused.status_code, "begin the adverse action" in refused.json()["detail"]) == (409, True)
    assert (await world.command(opened, "check/dispute/end", reason="none")).status_code == 409
    assert (await world.command(opened, "check/dispute", reason="by letter")).status_code == 422, "how, is needed"
    assert (await world.command(opened, "check/adverse")).status_code == 422, "a reason is needed"
    begun = await world.command(opened, "check/adverse", reason="an entry of 2022")
    assert begun.status_code == 200, begun.text
    status = await world.until(opened, lambda status: status["adverse_action"]["last_day"])
    assert status["adverse_action"]["notice_date"] < status["adverse_action"]["last_day"]
    refused = await world.decide(opened, "deny")
    assert (refused.status_code, status["adverse_action"]["last_day"] in refused.json()["detail"]) == (409, True)
    letter = await world.letter(request["email"], lambda message: "background report" in message["subject"])
    assert "Checkr, Inc." in letter["text"]
    assert "Sample text" in letter["text"], "the summary of rights"
    assert "https://candidate.checkr.com" in letter["text"], "where the copy of the report is"

    page = await world.own_page(opened, request["email"])
    shown = await world.http.get(page, params={"lang": "en"})
    assert "Dispute the report" in shown.text
    assert (await world.http.post(f"{page}/dispute", data={"dispute": ""}, headers=FORM)).status_code == 422
    told = await world.http.post(f"{page}/dispute", data={"dispute": "It is somebody else's."}, headers=FORM)
    assert told.status_code == 303, told.text
    assert "You dispute the report" in (await world.http.get(page, params={"lang": "en"})).text
    refused = await world.decide(opened, "deny")
    assert (refused.status_code, "is disputed" in refused.json()["detail"]) == (409, True)
    assert (await world.command(opened, "check/dispute/end", reason="looked into")).status_code == 200
    await world.until(opened, lambda status: status["adverse_action"]["status"] == "waiting")
    answer = await world.command(opened, "check/dispute", reason="again, by letter", method="paper")
    assert answer.json()["adverse_action"]["status"] == "disputed"
    actions = [entry["action"] for entry in await world.audit(opened)]
    assert {"case.adverse_action_begun", "adverse_action.noticed", "case.check_disputed", "decide.refused"} <= {
        *actions
    }
    await world.approved(opened, override="the entry is of another person of that name")
    assert (await world.status(opened))["adverse_action"]["status"] == "canceled"
