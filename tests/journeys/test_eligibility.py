"""Screening and the decision: what the registry says, what staff may decide, what follows once (A3, A12, A13, A15)."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
OVERRIDE = "seen the licence in person"


def results(status: Document) -> dict[str, str]:
    return {one["check"]: one["result"] for one in status["eligibility"]["findings"]}


async def needs_override(world: World, opened: Document, check: str) -> None:
    """Approval is refused naming the check, then given with an override, which is recorded."""
    answer = await world.decide(opened)
    assert (answer.status_code, check in answer.json()["detail"]) == (409, True)
    answer = await world.decide(opened, override=OVERRIDE)
    assert answer.status_code == 200
    assert answer.json()["eligibility"]["override"] == OVERRIDE
    decided = [entry for entry in await world.audit(opened) if entry["action"] == "case.decided"]
    assert [entry["details"]["override"] for entry in decided] == [OVERRIDE]


async def decide(world: World, opened: Document, key: str, **body: Any) -> httpx2.Response:
    """A decision under an id of the caller's."""
    return await world.http.post(
        f"{world.web}/api/cases/{opened['case_id']}/decision",
        json={"decision": "approve", "reason": "checked", **body},
        headers={**world.staff, "Idempotency-Key": key},
        timeout=PATIENCE,
    )


async def screened(world: World, request: Document, **producer: Any) -> Document:
    opened = await world.opened(request, **producer)
    await world.until(opened, "awaiting_decision")
    return opened


async def question(world: World, opened: Document, request: Document, text: str) -> str:
    """The own page of who got the letter with this question, signed in."""
    letter = await world.letter(request["email"], lambda letter: text in letter["text"])
    assert f"{world.web}/me" in letter["text"].split()
    return await world.own_page(opened, request["email"])


async def answer_to(world: World, page: str, **answer: Any) -> httpx2.Response:
    return await world.http.post(f"{page}/information", json=answer, timeout=PATIENCE)


# the licence and the NPN

UNFIT: list[tuple[str, Document]] = [
    ("license_not_expired", {"license": {"expires": "2023-12-31"}}),
    ("health_line", {"license": {"line": "PROPERTY"}}),
    ("npn_individual", {"entity": "firm", "company": "Example Agency LLC", "first_name": "", "last_name": ""}),
]


@pytest.mark.parametrize(("check", "producer"), UNFIT)
async def test_a3_a13_what_only_the_registry_knows_opens_a_case_that_needs_an_override(
    world: World, check: str, producer: Document
) -> None:
    opened = await screened(world, documents.broker(), **producer)
    status = await world.status(opened)
    assert results(status)[check] == "fail"
    found = {"check": check, "result": "fail", "source": "A13"}
    if check == "health_line":
        found |= {"source": "E15", "note": "no_health_line"}
    assert found in status["eligibility"]["findings"]
    await needs_override(world, opened, check)


async def test_a13_an_npn_nobody_has_needs_an_override(world: World) -> None:
    opened = await world.opened(documents.agent(), known=False)
    status = await world.until(opened, "awaiting_decision")
    assert results(status)["npn_found"] == "fail"
    await needs_override(world, opened, "npn_found")


@pytest.mark.parametrize("residency", ["resident", "nonresident"])
async def test_a3_a13_a_valid_licence_of_a_resident_or_nonresident_is_approved_as_it_is(
    world: World, residency: str
) -> None:
    opened = await screened(world, documents.broker(), license={"residency": residency})
    status = await world.status(opened)
    assert set(results(status).values()) == {"pass"}
    assert set(results(status)) == {
        "npn_found",
        "npn_individual",
        "name_matches",
        "license_found",
        "license_active",
        "license_not_expired",
        "health_line",
        "agreement_accepted",
    }
    answer = await world.decide(opened)
    assert (answer.status_code, answer.json()["eligibility"]["override"]) == (200, None)


@pytest.mark.parametrize(
    ("asked", "registered", "same"),
    [
        (("José María", "O'Ejemplo III"), ("JOSE MARIA", "OEJEMPLO"), True),
        (("Testa", "Broker"), ("Tessa", "Broker"), False),
    ],
)
async def test_a13_names_compare_without_case_accents_punctuation_and_suffixes(
    world: World, asked: tuple[str, str], registered: tuple[str, str], same: bool
) -> None:
    request = documents.broker(first_name=asked[0], last_name=asked[1])
    opened = await screened(world, request, first_name=registered[0], last_name=registered[1])
    assert results(await world.status(opened))["name_matches"] == ("pass" if same else "fail")


@pytest.mark.parametrize("mode", [{"mode": "down"}, {"mode": "error", "status": 429}])
async def test_a13_a_registry_that_cannot_be_reached_is_waited_for_and_nothing_failed(
    world: World, mode: Document
) -> None:
    request = documents.broker()
    await world.know(documents.producer(request))
    await world.control("registry", **mode)
    try:
        opened = await world.opened(request, known=False)
        await world.wait_for_retry(opened)
        status = await world.until(opened, "screening")
        assert status["waiting_for"] == "screening"
        assert results(status) == {"agreement_accepted": "pass", "npn_owner": "unknown"}
        answer = await world.decide(opened, override=OVERRIDE)
        assert (answer.status_code, "screened" in answer.json()["detail"]) == (409, True)
    finally:
        await world.control("registry", mode="ok")
    assert set(results(await world.until(opened, "awaiting_decision")).values()) == {"pass"}
    assert (await world.decide(opened)).status_code == 200


async def test_a13_an_answer_that_cannot_be_read_is_unknown_and_approving_it_needs_an_override(world: World) -> None:
    await world.control("registry", mode="garbage")
    try:
        opened = await screened(world, documents.agent())
        found = results(await world.status(opened))
        assert found.pop("agreement_accepted") == "pass"
        assert set(found.values()) == {"unknown"}
        await needs_override(world, opened, "license_active")
    finally:
        await world.control("registry", mode="ok")


async def test_a13_an_unknown_licence_is_looked_up_again_until_it_is_known(world: World) -> None:
    await world.control("registry", mode="garbage")
    try:
        opened = await world.opened(documents.agent())
        await world.until(opened, lambda status: results(status).get("license_active") == "unknown")
        await world.wait_for_retry(opened)
    finally:
        await world.control("registry", mode="ok")
    await world.retry_at_once(opened)
    status = await world.until(opened, lambda status: results(status).get("license_active") == "pass")
    assert status["stage"] == "awaiting_decision"
    assert (await world.history(opened)).count("screened") == 2
    assert (await world.decide(opened)).status_code == 200


# the decision


async def test_a12_a_decision_has_an_actor_a_time_and_a_reason(world: World) -> None:
    opened = await screened(world, documents.broker())
    before = (await world.status(opened))["waiting_since"]
    answer = await world.decide(opened, reason="licence and agreement are in order")
    eligibility = answer.json()["eligibility"]
    assert (answer.status_code, answer.json()["state"]) == (200, "applied")
    assert (eligibility["status"], eligibility["decided_by"]) == ("approved", "staff:staff")
    assert (eligibility["reason"], eligibility["decided_at"] > before) == ("licence and agreement are in order", True)
    (decided,) = [entry for entry in await world.audit(opened) if entry["action"] == "case.decided"]
    assert (decided["actor"], decided["reason"]) == ("staff:staff", "licence and agreement are in order")
    assert (decided["details"]["verdict"], decided["at"] >= before) == ("approve", True)


async def test_a12_a_denial_ends_the_case_and_is_told_with_its_reason(world: World) -> None:
    request = documents.broker()
    opened = await screened(world, request)
    assert (await world.decide(opened, "deny", reason="The licence is another agency's.")).status_code == 200
    status = await world.until(opened, "denied")
    assert (status["waiting_for"], status["may_assist"]) == (None, False)
    assert "denied" in status["may_assist_reasons"]
    await world.letter(request["email"], lambda letter: "The licence is another agency's." in letter["text"])
    for decision in ("approve", "deny", "ask"):
        answer = await world.decide(opened, decision)
        assert (answer.status_code, "ended" in answer.json()["detail"]) == (409, True)


async def test_a12_staff_ask_the_assister_answers_and_the_case_is_screened_again(world: World) -> None:
    request = documents.broker(last_name="Brokker", language="es")
    opened = await screened(world, request, last_name="Broker")
    assert results(await world.status(opened))["name_matches"] == "fail"
    assert (await world.decide(opened, "ask", reason="¿Cómo se escribe su apellido?")).status_code == 200
    status = await world.until(opened, "awaiting_information")
    assert (status["waiting_for"], status["eligibility"]["status"]) == ("information", "information_requested")
    assert (await world.decide(opened, override=OVERRIDE)).status_code == 409

    page = await question(world, opened, request, "¿Cómo se escribe su apellido?")
    answer = await answer_to(world, page, message="Con una k.", last_name="Broker")
    assert (answer.status_code, answer.json()["state"]) == (200, "applied")
    status = await world.until(opened, "awaiting_decision")
    assert results(status)["name_matches"] == "pass"
    assert [kind for kind in await world.history(opened) if kind in ("screened", "decided", "answered")] == [
        "screened",
        "decided",
        "answered",
        "screened",
    ]
    (answered,) = [entry for entry in await world.audit(opened) if entry["action"] == "case.answered"]
    assert (answered["actor"], answered["reason"]) == ("assister", "Con una k.")
    assert answered["details"]["changed"] == ["last_name"]
    assert (await world.decide(opened)).status_code == 200


async def test_a12_staff_may_ask_again_and_deny_without_an_answer(world: World) -> None:
    request = documents.agent()
    opened = await screened(world, request)
    for text in ("Who insures you?", "Since when?"):
        assert (await world.decide(opened, "ask", reason=text)).status_code == 200
        page = await question(world, opened, request, text)
        assert (await answer_to(world, page, message="Sample Health, for years.")).status_code == 200
        await world.until(opened, "awaiting_decision")
    assert (await world.decide(opened, "ask", reason="Really?")).status_code == 200
    assert (await world.decide(opened, "deny", reason="no proof")).status_code == 200
    await world.until(opened, "denied")


FAULTY: list[tuple[Any, list[str]]] = [
    ({}, ["message"]),
    ({"message": "  "}, ["message"]),
    ({"message": 5}, ["message"]),
    ({"message": "x" * 4001}, ["message"]),
    ({"message": "here", "npn": "0"}, ["npn"]),
    ({"message": "here", "email": "nobody", "phone": "1"}, ["email", "phone"]),
    ({"message": "here", "physical_address": {"state": "ZZ"}}, ["physical_address.state"]),
    ({"message": "here", "kind": "agent", "plan_year": 2026}, ["kind", "plan_year"]),
    ({"message": "here", "agreement_accepted": False}, ["agreement_accepted"]),
    ({"message": "here", "shoe_size": 44}, ["shoe_size"]),
    ({"message": "here", "changes": ["npn"]}, ["changes"]),
    ([], ["body"]),
]


async def test_a12_an_answer_with_a_fault_is_refused_by_its_name(world: World) -> None:
    request = documents.broker()
    opened = await screened(world, request)
    assert (await world.decide(opened, "ask", reason="Is this all?")).status_code == 200
    page = await question(world, opened, request, "Is this all?")
    told = []
    for answer, _ in FAULTY:
        refused = await world.http.post(f"{page}/information", json=answer)
        told.append((answer, refused.status_code, sorted(fields(refused))))
    assert told == [(answer, 422, named) for answer, named in FAULTY]
    assert (await world.status(opened))["stage"] == "awaiting_information"


async def test_a12_an_answer_nobody_asked_for_or_with_another_persons_npn_is_refused(world: World) -> None:
    request, other = documents.broker(), documents.broker()
    await world.opened(other)
    opened = await screened(world, request)
    page = await question(world, opened, request, "We have received")
    assert (await answer_to(world, page, message="Hello?")).status_code == 409
    assert (await world.decide(opened, "ask", reason="Your NPN, please?")).status_code == 200
    told = await answer_to(world, page, message="This one.", npn=other["npn"])
    assert (told.status_code, fields(told), told.json()["errors"][0]["code"]) == (422, ["npn"], "identity_taken")


async def test_a12_of_two_decisions_at_once_one_counts_and_the_other_is_told(world: World) -> None:
    for _ in range(3):
        opened = await screened(world, documents.broker())
        answers = await asyncio.gather(world.decide(opened, "approve"), world.decide(opened, "deny"))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (told,) = [answer.json() for answer in answers if answer.status_code == 409]
        assert "decid" in told["detail"] or "decision" in told["detail"] or "ended" in told["detail"]
        (decided,) = [entry for entry in await world.audit(opened) if entry["action"] == "case.decided"]
        (counted,) = [answer.json() for answer in answers if answer.status_code == 200]
        expected = {"approve": "approved", "deny": "denied"}[decided["details"]["verdict"]]
        assert counted["eligibility"]["status"] == expected
        assert (await world.decide(opened)).status_code == 409


async def test_a12_the_same_decision_sent_twice_is_one_decision(world: World) -> None:
    opened, key = await screened(world, documents.broker()), uuid4().hex
    answers = [*await asyncio.gather(*(decide(world, opened, key) for _ in range(5))), await decide(world, opened, key)]
    assert [(answer.status_code, answer.json()["command_id"]) for answer in answers] == [(200, key)] * 6
    actions = [entry["action"] for entry in await world.audit(opened)]
    assert (actions.count("case.decided"), "decide.refused" in actions) == (1, False)
    assert (await world.history(opened)).count("decided") == 1


async def test_a12_an_id_used_for_another_decision_or_case_is_refused(world: World) -> None:
    opened, other, key = (
        await screened(world, documents.broker()),
        await screened(world, documents.agent()),
        uuid4().hex,
    )
    assert (await decide(world, opened, key)).status_code == 200
    assert (await decide(world, opened, key, decision="deny")).status_code == 409
    assert (await decide(world, opened, key, reason="other")).status_code == 409
    assert (await decide(world, other, key)).status_code == 409
    assert (await world.status(opened))["eligibility"]["status"] == "approved"
    assert (await world.status(other))["eligibility"]["status"] == "pending"


async def test_a12_a_refused_decision_is_audited(world: World) -> None:
    opened = await screened(world, documents.broker(), license={"active": False})
    answer = await world.decide(opened, reason="looks fine")
    (refused,) = [entry for entry in await world.audit(opened) if entry["action"] == "decide.refused"]
    assert (refused["actor"], refused["reason"]) == ("staff:staff", "looks fine")
    assert refused["details"]["answer"] == answer.json()["detail"]


# the invitation


def invites(letter: Document) -> bool:
    return "set up your LMS account" in " ".join(letter["text"].split())


async def at_the_lms(world: World, opened: Document) -> list[str]:
    calls = await world.calls("lms")
    return [
        f"{call['path'].rpartition('/')[2]} {call['status']}"
        for call in calls
        if call["body"] and call["body"].get("registration") == opened["case_id"]
    ]


@pytest.mark.parametrize("make", [documents.agent, documents.broker, documents.counselor])
async def test_a15_exactly_one_invitation_is_sent_and_never_before_the_approval(
    world: World, make: Callable[..., Document]
) -> None:
    request = make(language="en")
    opened = await screened(world, request)
    await world.letter(request["email"], lambda letter: "/me" in letter["text"])
    assert not any(map(invites, await world.letters(request["email"])))
    assert await at_the_lms(world, opened) == []
    assert (await world.decide(opened)).status_code == 200
    letter = await world.letter(request["email"], invites)
    learner = f"{world.stack['sandbox']['lms']}/learners/{opened['case_id']}"
    assert learner in letter["text"]
    assert learner in letter["html"]
    await world.reported(opened, "account", "profile", "course", "0.9")
    await world.letter(request["email"], lambda letter: letter["attachments"])
    assert sum(map(invites, await world.letters(request["email"]))) == 1
    assert await at_the_lms(world, opened) == ["invitations 201"]
    history = await world.history(opened)
    assert history.index("decided") < history.index("lms_invited")
    assert history.count("notice.lms_invitation") == 1


async def test_a15_no_invitation_after_a_denial_or_a_question(world: World) -> None:
    asked, denied = documents.broker(), documents.broker()
    for request, decision in ((asked, "ask"), (denied, "deny")):
        opened = await screened(world, request)
        assert (await world.decide(opened, decision, reason="Not like this.")).status_code == 200
        await world.letter(request["email"], lambda letter: "Not like this." in letter["text"])
        assert not any(map(invites, await world.letters(request["email"])))
        assert await at_the_lms(world, opened) == []


async def test_a15_lms_and_mail_that_fail_at_first_still_invite_once(world: World) -> None:
    request = documents.broker()
    opened = await screened(world, request)
    await world.letter(request["email"], lambda letter: "/me" in letter["text"])
    await world.control("lms", mode="down")
    await world.control("mailbox", mode="error")
    try:
        assert (await world.decide(opened)).status_code == 200
        async with asyncio.timeout(PATIENCE):
            while not await at_the_lms(world, opened):
                await asyncio.sleep(0.05)
        await world.control("lms", mode="ok")
        await world.until(opened, lambda status: status["waiting_for"] == "lms_account")
        await world.wait_for_retry(opened)
    finally:
        await world.control("lms", mode="ok")
        await world.control("mailbox", mode="ok")
    await world.letter(request["email"], invites)
    asked = await at_the_lms(world, opened)
    assert asked == ["invitations 503"] * (len(asked) - 1) + ["invitations 201"]
    assert sum(map(invites, await world.letters(request["email"]))) == 1
