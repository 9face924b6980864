"""The Certification Request Form: what opens a case, what is refused and why, who is the same person (A1–A7, A10)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from domain.state.agreements import find_agreement
from tests.support import documents, form
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
KINDS = {"agent": documents.agent, "broker": documents.broker, "enrollment_counselor": documents.counselor}


@pytest_asyncio.fixture(loop_scope="session")
async def person() -> AsyncIterator[Browser]:
    """Somebody with a browser of their own, for its cookies."""
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        yield Browser(http)


async def cases(world: World) -> set[str]:
    """The ids of every case there is."""
    found: set[str] = set()
    after: dict[str, str] = {}
    while page := (await world.get("/api/cases", params=after)).json():
        found |= {case["case_id"] for case in page}
        after = {"after": page[-1]["case_id"]}
    return found


async def refused(world: World, request: Any) -> list[str]:
    """The fields for which a request is refused, after it was seen that nothing was stored."""
    before = await cases(world)
    answer = await world.submit(request)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(fault["message"] for fault in answer.json()["errors"])
    assert await cases(world) == before
    return sorted(fields(answer))


async def facts(world: World, opened: Document, kind: str) -> list[Document]:
    history = (await world.get(f"/api/cases/{opened['case_id']}", params={"history": True})).json()["history"]
    return [entry for entry in history if entry["kind"] == kind]


# the kinds


@pytest.mark.parametrize("kind", KINDS)
async def test_a1_each_of_the_three_kinds_opens_a_case(world: World, kind: str) -> None:
    opened = await world.opened(KINDS[kind]())
    assert (await world.status(opened))["kind"] == kind
    assert (opened["created"], opened["workflow_id"]) == (True, f"assister/bewellnm/2024/{opened['case_id']}")


async def test_a1_a_fourth_kind_is_refused_with_the_three_named(world: World) -> None:
    request = documents.broker(kind="navigator")
    assert await refused(world, request) == ["kind"]
    detail = (await world.submit(request)).json()["detail"]
    assert all(name in detail for name in KINDS)


async def test_a2_an_agents_one_insurer_and_a_brokers_several_are_stored_and_shown(world: World) -> None:
    several = [f"Sample Health {number}" for number in range(12)]
    for request in (documents.agent(), documents.broker(insurers=["Only One"]), documents.broker(insurers=several)):
        assert (await world.status(await world.opened(request)))["insurers"] == request["insurers"]


# licence and agreement


async def test_a3_the_form_refuses_the_same(world: World, person: Browser) -> None:
    before = await cases(world)
    await form.begin(person, world.web)
    await form.fill_in(person, documents.agent(), until="license")
    page = await form.answer(person, npn="", license_number="")
    assert page.status == 422
    assert all(f'href="#{field}"' in page.source for field in ("npn", "license_number"))
    await form.fill_in(person, documents.agent(), until="agreement")
    page = await form.answer(person)
    assert (page.status, 'href="#agreement_accepted"' in page.source) == (422, True)
    assert form.step_of(await person.open(f"{world.web}{form.CHECK}")) == "agreement"
    assert await cases(world) == before


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a3_an_accepted_agreement_is_a_record(world: World, person: Browser, language: str) -> None:
    request = documents.broker(language=language)
    await form.begin(person, world.web, language=language)
    shown = await form.fill_in(person, request, until="agreement")
    await form.fill_in(person, request)
    await form.hand_in(person, world.code)
    answer = await world.submit(request)
    assert (answer.status_code, answer.json()["created"]) == (200, False), "the form had opened the case"
    (fact,) = await facts(world, answer.json(), "agreement_accepted")
    record = fact["data"]
    assert (record["version"], record["language"], record["source"]) == ("2024-1", language, "form")
    assert record["version"] in shown.text
    assert record["sha256"] == sha256(find_agreement("bewellnm", language).text.encode()).hexdigest()
    assert datetime.fromisoformat(fact["at"]) <= datetime.now(UTC)


async def test_a10_the_form_opens_one_case_and_says_which_e_mail_comes(world: World, person: Browser) -> None:
    request = documents.counselor(language="es")
    page = await form.send(person, request, world.code, world.web, "es")
    assert form.place(page) == form.DONE
    assert request["email"] in page.text
    assert (await world.submit(request)).json()["created"] is False
    letter = await world.letter(request["email"], lambda letter: "/me" in letter["text"])
    assert f"{world.web}/me" in letter["text"].split()
    await person.open(f"{world.web}/me")
    again = await form.send(person, request, world.code, world.web, "es")
    assert form.REFERENCE.sub("…", again.text) == form.REFERENCE.sub("…", page.text)
    await world.letter(request["email"], lambda letter: "Ya nos había enviado una solicitud" in letter["text"])


# where counselors refer to


async def test_p22_an_address_with_other_letters_is_taken_once_the_mail_server_said_that_it_carries_them(
    world: World,
) -> None:
    request = documents.counselor()
    request["email"] = f"josé.{request['email']}"
    async with asyncio.timeout(PATIENCE):
        while (answer := await world.submit(request)).status_code == 422:
            assert fields(answer) == ["email"]
            await asyncio.sleep(0.5)
    assert answer.status_code == 201, answer.text
    letter = await world.letter(request["email"], lambda message: True)
    assert letter["to"] == [request["email"]]


async def test_a6_counselors_are_told_where_to_refer_consumers_on_their_page_and_by_email(world: World) -> None:
    policy = await world.policy()
    for kind, told in (("enrollment_counselor", True), ("broker", False)):
        page = (await world.http.get(f"{world.web}/resources/{kind}", params={"lang": "es"})).text
        assert [referral in page for referral in policy["referrals"]["es"]] == [told] * 3
    request = documents.counselor(language="en")
    await world.active(request)
    letter = await world.letter(request["email"], lambda letter: "Social Security" in letter["text"])
    for part in ("text", "html"):
        assert all(word in " ".join(letter[part].split()) for word in ("tax professional", "Department of Insurance"))


# intake scope


async def test_a7_who_is_new_and_out_of_scope_is_refused_and_who_is_next_door_is_taken(world: World) -> None:
    out = documents.broker(business_address=documents.address("TX"), physical_address=documents.address("NV"))
    assert await refused(world, out) == ["physical_address.state"]
    near = documents.agent(business_address=documents.address("AZ"), physical_address=documents.address("CO"))
    assert (await world.submit(near)).status_code == 201


async def test_a7_the_scope_is_policy_data(world: World) -> None:
    intake = (await world.policy())["intake"]
    assert (intake["kinds"], intake["home_state"]) == (["agent", "broker"], "NM")
    assert intake["neighbour_states"] == ["AZ", "CO", "OK", "TX", "UT"]


async def test_a7_an_answer_that_moves_a_new_broker_out_of_the_scope_leaves_a_failing_finding(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    assert (await world.decide(opened, "ask", reason="Is this your address?")).status_code == 200
    await world.letter(request["email"], lambda letter: "Is this your address?" in letter["text"])
    link = await world.own_page(opened, request["email"])
    moved = {"message": "I moved.", "physical_address": documents.address("NV")}
    assert (await world.http.post(f"{link}/information", json=moved)).status_code == 200
    status = await world.until(opened, "awaiting_decision")
    assert {"check": "intake_scope", "result": "fail", "source": "A7"} in status["eligibility"]["findings"]
    assert (await world.decide(opened)).status_code == 409


# the same person, and others


async def test_a10_the_same_request_again_is_the_same_case_and_changes_nothing(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    before = await world.status(opened), await facts(world, opened, "agreement_accepted")
    again = [
        request,
        {**request, "email": request["email"].upper()},
        {**request, "first_name": "TESTA", "last_name": "Bróker Jr."},
        {**request, "phone": "505-555-0199", "insurers": ["Another"], "physical_address": documents.address("NV")},
        {**request, "kind": "agent", "insurers": ["Another"]},
    ]
    for repeat in again:
        answer = await world.submit(repeat)
        assert (answer.status_code, answer.json()) == (200, {**opened, "created": False})
    assert (await world.status(opened), await facts(world, opened, "agreement_accepted")) == before
    told = [entry["action"] for entry in await world.audit(opened) if entry["actor"] == "sender:intake"]
    assert told == ["case.opened", "agreement.accepted"]


async def test_a10_counselors_are_known_by_their_lower_cased_email(world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    answer = await world.submit({**request, "email": request["email"].upper(), "first_name": "Otra"})
    assert (answer.status_code, answer.json()["case_id"]) == (200, opened["case_id"])
    assert (await world.submit(documents.counselor())).json()["case_id"] != opened["case_id"]


async def test_a10_another_plan_year_is_another_case_of_the_same_person(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    other = await world.opened({**request, "plan_year": await world.later_year()})
    assert (other["assister_id"], other["created"]) == (opened["assister_id"], True)
    assert other["case_id"] != opened["case_id"]


@pytest.mark.parametrize(
    "change", [{"last_name": "Somebody"}, {"first_name": "Otra"}, {"email": "somebody.else@example.com"}]
)
async def test_a10_the_same_npn_under_another_name_or_email_is_a_conflict_for_staff(
    world: World, change: Document
) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")  # by then the registry's address has proven whose the NPN is
    before = await cases(world)
    answer = await world.submit({**request, **change})
    assert (answer.status_code, "staff" in answer.json()["detail"]) == (409, True)
    assert opened["case_id"] not in answer.text
    assert await cases(world) == before
    assert (await world.status(opened))["flag"] == "identity_conflict"
    assert "request.conflict" in [entry["action"] for entry in await world.audit(opened)]


async def denied(world: World, request: Document) -> Document:
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    assert (await world.decide(opened, "deny")).status_code == 200
    await world.until(opened, "denied")
    return opened


async def withdrawn(world: World, request: Document, **producer: Any) -> Document:
    opened = await world.opened(request, **producer)
    assert (await world.command(opened, "withdraw", reason="not this year")).status_code == 200
    await world.until(opened, "withdrawn")
    return opened


async def revoked(world: World, request: Document) -> Document:
    opened = await world.certified(request)
    assert (await world.command(opened, "revoke", reason="commission taken")).status_code == 200
    await world.until(opened, "revoked")
    return opened


@pytest.mark.parametrize("ended", [denied, withdrawn, revoked])
async def test_a10_after_an_end_a_new_request_opens_a_new_case(world: World, ended: Any) -> None:
    request = documents.broker()
    first = await ended(world, request)
    answer = await world.submit(request)
    assert (answer.status_code, answer.json()["created"]) == (201, True)
    second = answer.json()
    assert second["assister_id"] == first["assister_id"]
    assert second["case_id"] != first["case_id"]
    await world.until(second, "awaiting_decision")
    assert (await world.status(first))["stage"] == ended.__name__
    assert (await world.submit(request)).json() == {**second, "created": False}


async def test_d2_a_new_case_under_another_address_needs_an_override(world: World) -> None:
    request = documents.broker()
    first = await withdrawn(world, request, contact_email=None)
    opened = await world.opened({**request, "email": f"new.{request['email']}"}, known=False)
    status = await world.until(opened, "awaiting_decision")
    assert {"check": "npn_owner", "result": "unknown", "source": "D2"} in status["eligibility"]["findings"]
    assert (status["flag"], opened["assister_id"] != first["assister_id"]) == ("identity_conflict", True)
    assert (await world.decide(opened)).status_code == 409
    assert (await world.decide(opened, override="a new e-mail address, seen in person")).status_code == 200


async def test_a10_ten_identical_requests_at_once_open_one_case(world: World) -> None:
    for request in (documents.broker(), documents.counselor()):
        answers = await asyncio.gather(*(world.submit(request) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
        assert len({answer.json()["case_id"] for answer in answers}) == 1
        assert sum(answer.json()["created"] for answer in answers) == 1


# bad input


async def test_every_fault_is_named_at_once(world: World) -> None:
    address = {"line1": "", "city": 5, "state": "ZZ", "postal_code": "875", "country": "US"}
    request = documents.broker(
        first_name=" ",
        last_name=None,
        email="testa@example",
        phone="123",
        npn="12a",
        license_state="TX",
        language="fr",
        agreement_accepted=False,
        physical_address=address,
        shoe_size=44,
    )
    assert await refused(world, request) == [
        "agreement_accepted",
        "email",
        "first_name",
        "language",
        "last_name",
        "license_state",
        "npn",
        "phone",
        "physical_address.city",
        "physical_address.country",
        "physical_address.line1",
        "physical_address.postal_code",
        "physical_address.state",
        "shoe_size",
    ]


async def test_names_are_taken_and_written_as_they_are(world: World) -> None:
    names = ("Zoë-Ñuñez", "O’Ejemplo", "Łukasz", "Ελένη", "Мария", "e\u0301jemplo", "X")
    requests = [documents.counselor(first_name=name) for name in names]
    for request in requests:
        await world.opened(request)
    for request in requests:
        letter = await world.letter(request["email"], lambda letter: "/me" in letter["text"])
        assert (letter["language"], request["first_name"] in letter["text"]) == ("es", True)


async def test_c6_a_plan_year_that_has_closed_takes_nobody(world: World) -> None:
    answer = await world.submit(documents.broker(plan_year=2025))
    assert (answer.status_code, fields(answer)) == (422, ["plan_year"])
    assert answer.json()["errors"][0]["code"] == "window_closed"
