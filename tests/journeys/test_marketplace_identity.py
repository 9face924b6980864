"""Who registers with the federal marketplace: one account a person, a role, a profile, the right NPNs (B3–B10)."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.support import documents
from tests.support.kept import Kept
from tests.support.marketplace import WORD, Marketplace
from tests.support.world import fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
ROLES = ("marketplace_agent_broker", "not_an_agent_broker")
DENIED = "Issuers may deny compensation"


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def the_registry_heals(market: Marketplace) -> AsyncIterator[None]:
    yield
    await market.control("registry", mode="ok")


def codes(answer: Any) -> dict[str, str]:
    """The fields at fault, with what is wrong."""
    return {fault["field"]: fault["code"] for fault in answer.json()["errors"]}


def stored(market: Marketplace, query: str, *values: object) -> list[Any]:
    """What the database answers, a value a row."""
    url = market.stack["settings"]["CERTIFY_DATABASE_URL"]
    return [value for (value,) in Kept(Path(url.removeprefix("sqlite+aiosqlite:///"))).rows(query, *values)]


def evidence(market: Marketplace, opened: Document) -> list[bytes]:
    """The registry's answers that are kept with a registration."""
    return stored(market, "SELECT raw FROM evidence WHERE case_id = ?", opened["case_id"])


# one account a person


async def test_b3_the_same_request_again_is_the_same_account(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.opened(request)
    for again in (request, {**request, "email": request["email"].upper(), "phone": "505-555-0199"}):
        answer = await market.submit(again)
        assert (answer.status_code, answer.json()) == (200, {**opened, "created": False})
    assert len(await market.facts(opened, "requested")) == 1


SECOND: dict[str, Document] = {
    "the NPN, under another e-mail": {"email": "another.address@example.com"},
    "the NPN, under another name": {"last_name": "Otherperson"},
    "the e-mail, under another NPN": {"npn": "another"},
    "the e-mail, under another NPN and name": {"npn": "another", "first_name": "Otra"},
    "the e-mail in capitals, without an NPN": {"npn": None, "role": "not_an_agent_broker", "last_name": "Otherperson"},
}


@pytest.mark.parametrize("second", SECOND)
async def test_b3_a_second_account_is_refused_and_pointed_at_recovery(market: Marketplace, second: str) -> None:
    request = documents.registration()
    opened = await market.opened(request)
    await market.prove(opened)
    before = await market.settled(opened)
    changes = {**SECOND[second]}
    if changes.get("npn") == "another":
        changes["npn"] = documents.new_npn()
    if "npn" in changes and changes["npn"] is None:
        changes["email"] = request["email"].upper()
    everybody = await market.get("/api/cases?program=ffm&limit=1")
    answer = await market.submit({name: value for name, value in (request | changes).items() if value is not None})
    assert answer.status_code == 409
    assert "sign in to it by a code" in answer.json()["detail"]
    assert f"{market.web}/portal" in answer.json()["detail"]
    assert codes(answer) == {"email": "second_account"}
    assert (await market.get("/api/cases?program=ffm&limit=1")).json()[0]["case_id"] == everybody.json()[0]["case_id"]
    status, history = await market.recorded(opened)
    assert status.pop("flag") == "second_account"
    assert (status, history) == ({name: before[0][name] for name in status}, before[1])
    (noted,) = [entry for entry in await market.audit(opened) if entry["action"] == "request.conflict"]
    assert (noted["actor"], noted["reason"]) == ("sender:intake", "A second account was asked for.")
    if "email" in changes:
        assert await market.letters("another.address@example.com") == []


@pytest.mark.parametrize("changed", ["npn", "email"])
async def test_b3_a_profile_does_not_take_over_another_persons_account(market: Marketplace, changed: str) -> None:
    theirs, mine = documents.registration(), documents.registration()
    other, opened = await market.opened(theirs), await market.opened(mine)
    await market.prove(other)
    before = await market.settled(opened)
    answer = await market.save(opened, **{changed: theirs[changed]})
    assert (answer.status_code, codes(answer)) == (422, {changed: "second_account"})
    assert await market.recorded(opened) == before
    assert (await market.save(other)).status_code == 200


async def test_b3_staff_hear_of_a_second_account_in_another_year_too(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.opened(request)
    await market.prove(opened)
    later = await market.later_year()
    answer = await market.submit({**request, "email": f"second.{uuid4().hex}@example.com", "plan_year": later})
    assert answer.status_code == 409
    assert (await market.status(opened))["flag"] == "second_account"
    assert any(entry["action"] == "request.conflict" for entry in await market.audit(opened))


async def test_b3_the_account_found_again_in_the_next_year_is_the_same_persons(market: Marketplace) -> None:
    request = documents.registration()
    first = await market.opened(request)
    second = await market.opened({**request, "plan_year": await market.later_year()}, known=False)
    assert second["assister_id"] == first["assister_id"]
    assert second["case_id"] != first["case_id"]


# roles


@pytest.mark.parametrize("role", ["agent", "Marketplace Agent Broker", "", None, 7, ["not_an_agent_broker"]], ids=str)
async def test_b6_another_role_is_refused_naming_both_choices(market: Marketplace, role: Any) -> None:
    request = documents.registration(role=role)
    answer = await market.submit(request)
    assert (answer.status_code, fields(answer)) == (422, ["role"])
    assert all(choice in answer.json()["detail"] for choice in ROLES)
    assert (await market.submit({**request, "role": ROLES[0]})).status_code == 201


async def test_b6_a_profile_too_has_one_of_the_two_roles(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    before = await market.settled(opened)
    answer = await market.save(opened, role="web_broker")
    assert (answer.status_code, fields(answer)) == (422, ["role"])
    assert all(choice in answer.json()["detail"] for choice in ROLES)
    assert await market.recorded(opened) == before


async def test_b6_both_roles_are_kept_and_shown(market: Marketplace) -> None:
    for request in (documents.registration(), documents.trainee()):
        opened = await market.opened(request)
        found = (await market.get(f"/api/cases?program=ffm&kind={request['role']}&limit=5")).json()
        assert opened["case_id"] in [one["case_id"] for one in found]
        assert (await market.status(opened))["kind"] == request["role"]


async def test_b5_the_role_sets_the_required_fields(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.opened(request)
    agent, trainee = ["npn", "business_contact", "professional_contact"], ["professional_contact"]
    assert (await market.status(opened))["profile"]["required"] == agent
    without = {"npn": None, "business_contact": None}
    answer = await market.save(opened, **without, professional_contact=None)
    assert (answer.status_code, sorted(fields(answer))) == (422, sorted(agent))
    answer = await market.save(opened, role=ROLES[1], **without)
    assert (answer.status_code, answer.json()["profile"]["required"]) == (200, trainee)
    assert (answer.json()["kind"], answer.json()["profile"]["npn"]) == (ROLES[1], "not_required")
    answer = await market.save(opened, professional_contact=None)
    assert (answer.status_code, fields(answer)) == (422, trainee)
    answer = await market.save(opened, role=ROLES[0])
    assert (answer.status_code, sorted(fields(answer))) == (422, ["business_contact", "npn"])
    back = {name: request[name] for name in without}
    answer = await market.save(opened, role=ROLES[0], **back)
    assert (answer.status_code, answer.json()["profile"]["required"]) == (200, agent)
    assert [saved["role"] for saved in await market.facts(opened, "profile_saved")] == [ROLES[1], ROLES[0]]


# save, then next


async def test_b7_next_is_refused_before_a_valid_save(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    before = await market.settled(opened)
    assert before[0]["waiting_for"] == "marketplace_profile"
    for _ in range(2):
        answer = await market.act(opened, "profile/next")
        assert answer.status_code == 409
        assert "Save a valid profile first" in answer.json()["detail"]
        assert (await market.save(opened, business_contact=None)).status_code == 422
    assert await market.recorded(opened) == before
    saved = await market.done(opened, "profile", {})
    assert (saved["profile"]["status"], saved["waiting_for"]) == ("saved", "marketplace_profile")
    status = await market.done(opened, "profile/next")
    assert (status["profile"]["status"], status["waiting_for"]) == ("complete", "marketplace_training")
    assert await market.done(opened, "profile/next") == status


WRONG: dict[str, tuple[Document, list[str]]] = {
    "not verified": ({"verified": False}, ["verified"]),
    "verified in words": ({"verified": "yes"}, ["verified"]),
    "an unknown field": ({"nickname": "x"}, ["nickname"]),
    "an e-mail that is none": ({"email": "testa"}, ["email"]),
    "a phone that is none": ({"professional_contact": {"email": "a@example.org", "phone": "1"}}, ["phone"]),
    "a business without an address": (
        {"business_contact": {"email": "a@example.org", "phone": "505-555-0100"}},
        ["business_contact.address"],
    ),
    "an NPN that is none": ({"npn": "NPN 7"}, ["npn"]),
    "a formula for a name": ({"first_name": "=1+1"}, ["first_name"]),
    "another year": ({"plan_year": 2025}, ["plan_year"]),
    "another program": ({"program": "bewellnm"}, ["program"]),
    "another market": ({"markets": ["shop"]}, ["markets"]),
    "no name": ({"last_name": None}, ["last_name"]),
    "several": ({"phone": "1", "role": "web_broker", "npn": None}, ["phone", "role"]),
}


async def test_b7_a_profile_at_fault_is_refused_naming_its_fields(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    before = await market.settled(opened)
    for wrong, (changes, named) in WRONG.items():
        answer = await market.save(opened, **changes)
        assert (wrong, answer.status_code) == (wrong, 422), answer.text
        assert all(any(field.endswith(name) for field in fields(answer)) for name in named), (wrong, fields(answer))
    assert await market.recorded(opened) == before


@pytest.mark.parametrize("body", [[], "text", 7, None], ids=str)
async def test_b7_a_profile_is_an_object(market: Marketplace, body: Any) -> None:
    opened = await market.opened(documents.registration())
    url = f"{market.web}/api/cases/{opened['case_id']}/profile"
    answer = await market.http.post(url, content=json.dumps(body), headers=market.staff)
    assert (answer.status_code, fields(answer)) == (422, ["body"])


async def test_b7_a_save_under_the_same_id_is_done_once(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    url = f"{market.web}/api/cases/{opened['case_id']}/profile"
    headers = {**market.staff, "Idempotency-Key": f"save {uuid4()}"}
    for _ in range(3):
        answer = await market.http.post(url, json={**WORD, "phone": "505-555-0177"}, headers=headers)
        assert (answer.status_code, answer.json()["profile"]["version"]) == (200, 1)
        assert answer.json()["command_id"] == headers["Idempotency-Key"]
    answer = await market.http.post(url, json={**WORD, "phone": "505-555-0178"}, headers=headers)
    assert answer.status_code == 409
    assert len(await market.facts(opened, "profile_saved")) == 1


async def test_b7_saved_at_the_same_moment_every_save_has_a_version_of_its_own(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    answers = await asyncio.gather(*(market.save(opened, phone=f"505-555-010{n}") for n in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert [saved["version"] for saved in await market.facts(opened, "profile_saved")] == [1, 2, 3, 4, 5]


async def test_b7_of_two_saves_at_once_neither_takes_the_other_back(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    await market.done(opened, "profile", {})
    saves = [{"phone": "505-555-0155"}, {"language": "es"}, {"email": f"{uuid4().hex}@example.org"}]
    answers = await asyncio.gather(*(market.save(opened, **changes) for changes in saves))
    assert {answer.status_code for answer in answers} == {200}
    (request,) = stored(market, "SELECT request FROM assister_case WHERE case_id = ?", opened["case_id"])
    for changes in saves:
        assert changes.items() <= json.loads(request).items()


async def test_b7_the_steps_are_the_portals_or_staffs(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    for step in ("profile", "profile/next", "enrollments", "launches", "agreements/individual_general/open"):
        url = f"{market.web}/api/cases/{opened['case_id']}/{step}"
        for headers in ({}, {"Authorization": "Bearer nobody"}):
            assert (await market.http.post(url, json={}, headers=headers)).status_code == 401
    nobody = {"case_id": str(uuid4())}
    assert (await market.act(nobody, "profile", {})).status_code == 404
    assert (await market.act(nobody, "profile/next")).status_code == 404
    assert (await market.save(opened)).status_code == 200


# NPNs


async def refused(market: Marketplace, opened: Document, wrong: dict[str, str], **changes: Any) -> Document:
    """A save that is refused with these fields at fault, and leaves nothing behind but their names."""
    before = await market.settled(opened)
    answer = await market.save(opened, **changes)
    assert (answer.status_code, codes(answer)) == (422, wrong), answer.text
    assert await market.recorded(opened) == before
    assert (await market.act(opened, "profile/next")).status_code == 409
    found: Document = answer.json()
    return found


async def test_b9_a_blank_npn_is_refused(market: Marketplace) -> None:
    answer = await market.submit(documents.registration(npn=None) | {"npn": None})
    assert (answer.status_code, codes(answer)) == (422, {"npn": "npn_required"})
    opened = await market.opened(documents.registration())
    await refused(market, opened, {"npn": "npn_required"}, npn=None)
    await refused(market, opened, {"npn": "npn_required"}, npn="")
    await refused(market, opened, {"npn": "npn"}, npn="12a")


@pytest.mark.parametrize(
    ("whose", "wrong"),
    [
        ({"known": False}, "npn_unknown"),
        ({"entity": "firm", "first_name": "", "last_name": "", "company": "Sample Insurance"}, "npn_of_firm"),
        ({"first_name": "Otra"}, "npn_other_name"),
        ({"last_name": "Otherperson"}, "npn_other_name"),
    ],
    ids=["nobody's", "a firm's", "another person's", "a relative's"],
)
async def test_b9_an_npn_that_is_not_ones_own_is_refused(market: Marketplace, whose: Document, wrong: str) -> None:
    request = documents.registration()
    opened = await market.opened(request, **whose)
    await refused(market, opened, {"npn": wrong})
    (noted,) = [entry for entry in await market.audit(opened) if entry["action"] == "profile.refused"]
    assert (noted["actor"], noted["details"]) == ("staff:staff", {"faults": [["npn", wrong]], "method": "paper"})
    assert evidence(market, opened) == [], "nor is what the registry said of somebody else"
    right = {**request, "npn": documents.new_npn()}
    await market.know(documents.individual(right))
    answer = await market.save(opened, npn=right["npn"])
    assert (answer.status_code, answer.json()["profile"]["npn"]) == (200, "verified")
    (kept,) = evidence(market, opened)
    assert request["last_name"].encode() in kept


async def test_b9_names_compare_without_case_accents_and_suffixes(market: Marketplace) -> None:
    request = documents.registration(first_name="Téstá", last_name="Márket-Agent")
    opened = await market.opened(request, first_name="TESTA", last_name="MARKET AGENT JR")
    assert (await market.done(opened, "profile", {}))["profile"]["npn"] == "verified"


@pytest.mark.parametrize("field", ["business_npn", "web_entity_npn"])
async def test_b10_an_individuals_npn_in_another_field_is_refused_with_the_warning(
    market: Marketplace, field: str
) -> None:
    request, somebody = documents.registration(), documents.registration()
    await market.know(documents.individual(somebody))
    opened = await market.opened(request)
    for number, code in ((somebody["npn"], "npn_of_individual"), (request["npn"], "npn_copied")):
        problem = await refused(market, opened, {field: code}, **{field: number})
        assert DENIED in problem["detail"]
    await refused(market, opened, {field: "npn_unknown"}, **{field: documents.new_npn()})


async def test_b10_each_entity_has_an_npn_of_its_own(market: Marketplace) -> None:
    business, site = documents.firm(), documents.firm()
    opened = await market.opened(documents.registration())
    for one in (business, site):
        await market.know(one)
    copied = {"business_npn": business["npn"], "web_entity_npn": business["npn"]}
    problem = await refused(market, opened, {"web_entity_npn": "npn_copied"}, **copied)
    assert DENIED in problem["detail"]
    answer = await market.save(opened, business_npn=business["npn"], web_entity_npn=site["npn"])
    assert (answer.status_code, answer.json()["profile"]["npn"]) == (200, "verified")


async def test_b9_a_numbers_owner_is_asked_for_at_each_save(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.profiled(request)
    await market.know(documents.individual(request, last_name="Otherperson"))
    before = await market.recorded(opened)
    answer = await market.save(opened, phone="505-555-0166")
    assert (answer.status_code, codes(answer)) == (422, {"npn": "npn_other_name"})
    assert await market.recorded(opened) == before


# the registry is down


async def unverified(market: Marketplace, request: Document, **producer: Any) -> Document:
    """Somebody who saves, goes on and trains while nobody can look their NPN up."""
    opened = await market.opened(request, **producer)
    saved = await market.done(opened, "profile", {})
    assert saved["profile"]["npn"] == "unverified"
    status = await market.done(opened, "profile/next")
    assert (status["stage"], status["waiting_for"]) == ("awaiting_profile", "npn_verification")
    await market.trained(opened, "individual_full")
    await market.done(opened, "agreements/individual_general/open")
    answer = await market.accept(opened, "individual_general")
    assert answer.status_code == 409
    assert "its NPN has to be confirmed" in answer.json()["detail"]
    status = await market.status(opened)
    assert (status["certificates"], "npn_not_verified" in status["may_assist_reasons"]) == ([], True)
    return opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outage(market: Marketplace) -> tuple[tuple[Document, Document], tuple[Document, Document]]:
    """Two who registered while the registry was down, the second with another person's NPN; it is back now."""
    right, wrong = documents.registration(), documents.registration(language="es")
    await market.control("registry", mode="down")
    opened = await asyncio.gather(unverified(market, right), unverified(market, wrong, last_name="Otherperson"))
    assert min([await market.wait_for_retry(one) for one in opened]) >= timedelta(seconds=15)
    await market.control("registry", mode="ok")
    for one in opened:
        await market.retry_at_once(one)
    return (right, opened[0]), (wrong, opened[1])


async def test_b9_an_npn_saved_while_the_registry_is_down_is_confirmed_when_it_is_back(
    market: Marketplace, outage: Any
) -> None:
    (request, opened), _ = outage
    status = await market.until(opened, lambda status: status["profile"]["npn"] == "verified")
    assert (status["profile"]["status"], status["profile"]["version"]) == ("complete", 1)
    await market.agreed(opened, "individual")
    await market.until(opened, lambda status: status["certificates"])
    assert not [letter for letter in await market.letters(request["email"]) if "NPN" in letter["subject"]]


async def test_b9_one_that_then_turns_out_wrong_is_flagged_and_the_assister_told(
    market: Marketplace, outage: Any
) -> None:
    _, (request, opened) = outage
    status = await market.until(opened, lambda status: status["profile"]["npn"] == "refused")
    assert (status["stage"], status["waiting_for"]) == ("awaiting_profile", "marketplace_profile")
    assert status["flag"] == "npn_refused"
    letter = await market.letter(request["email"], lambda letter: "(NPN)" in letter["subject"])
    assert letter["language"] == "es"
    assert "otro nombre" in letter["text"]
    assert request["npn"] not in letter["subject"] + letter["text"]
    for step in ("profile/next", "agreements/individual_general/accept"):
        assert (await market.act(opened, step)).status_code == 409
    await market.know(documents.individual(request))
    assert (await market.done(opened, "profile", {}))["profile"]["npn"] == "verified"
    await market.agreed(opened, "individual")
    await market.until(opened, lambda status: status["certificates"])


async def test_b9_saved_again_when_the_registry_is_back_it_is_confirmed_at_once(market: Marketplace) -> None:
    await market.control("registry", mode="error", status=500)
    opened = await market.opened(documents.registration())
    assert (await market.done(opened, "profile", {}))["profile"]["npn"] == "unverified"
    await market.control("registry", mode="garbage")
    assert (await market.done(opened, "profile", {}))["profile"]["npn"] == "unverified"
    await market.control("registry", mode="ok")
    saved = await market.done(opened, "profile", {})
    assert (saved["profile"]["npn"], saved["profile"]["version"]) == ("verified", 3)


async def test_b9_what_the_registry_has_confirmed_holds_while_it_is_down(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.opened(request)
    assert (await market.done(opened, "profile", {}))["profile"]["npn"] == "verified"
    await market.control("registry", mode="down")
    saved = await market.done(opened, "profile", {"phone": "505-555-0188"})
    assert (saved["profile"]["npn"], saved["profile"]["version"]) == ("verified", 2)
    saved = await market.done(opened, "profile", {"last_name": "Elsewhere"})
    assert (saved["profile"]["npn"], saved["profile"]["version"]) == ("unverified", 3)
    await market.control("registry", mode="ok")


# Not an Agent Broker


async def test_b9_who_is_not_an_agent_broker_trains_without_an_npn(market: Marketplace) -> None:
    request = documents.trainee()
    status = await market.status(await market.certified(request))
    assert (status["stage"], status["profile"]["npn"]) == ("active", "not_required")
    assert status["publication"] == {"lists": [], "help_desk_told_at": None}
    assert (status["may_assist"], status["may_assist_reasons"]) == (False, ["not_an_agent_broker"])


async def test_b9_an_npn_they_give_all_the_same_has_to_be_right(market: Marketplace) -> None:
    opened = await market.opened(documents.trainee())
    await refused(market, opened, {"npn": "npn_unknown"}, npn=documents.new_npn())
