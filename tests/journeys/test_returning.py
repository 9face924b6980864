"""Who was here before: new, returning or lapsed, and what each is spared (A3, A8, A9, A11, A16)."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.support import documents, form
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
NO_ACCOUNTS = {"lms_account": None, "portal_account": None}


def year(plan_year: int, **happened: bool) -> list[Document]:
    return [{"plan_year": plan_year, **happened}]


CERTIFIED = year(2023, registered=True, trained=True, certified=True)
TABLE: dict[str, tuple[Document, str]] = {
    "nothing is known": ({"years": [], **NO_ACCOUNTS}, "new"),
    "certified, with a portal account": ({"years": CERTIFIED, "lms_account": None}, "returning"),
    "certified, without a portal account": ({"years": CERTIFIED, "portal_account": None}, "lapsed"),
}


OLD = "an-account-of-old"
NEVADA = documents.address("NV")
Known = tuple[Document, str]


class Archive:
    """Who was imported for this module, from one file; every test takes its own people from it."""

    def __init__(self, people: dict[str, list[Known]]) -> None:
        self._people = people

    def take(self, who: str) -> Known:
        """The request such a person would make, and their id."""
        return self._people[who].pop()


def everybody() -> list[tuple[str, Document, Document]]:
    """Who is imported: how a test calls them, the request they would make, and what is known of them."""
    moved: Document = {"physical_address": NEVADA, "business_address": NEVADA}
    numberless = {name: value for name, value in documents.agent().items() if name != "npn"}
    people = [(case, documents.broker(), known) for case, (known, _) in TABLE.items()]
    people += [("broker", documents.broker(**moved), {"years": CERTIFIED, "lms_account": OLD}) for _ in range(12)]
    people += [("counselor", documents.counselor(language="en"), {"years": CERTIFIED}) for _ in range(3)]
    return [
        *people,
        ("lapsed", documents.broker(**moved), {"years": CERTIFIED, "lms_account": OLD, "portal_account": None}),
        ("lapsed, without an LMS account", documents.broker(**moved), {"years": CERTIFIED, **NO_ACCOUNTS}),
        ("lapsed counselor", documents.counselor(), {"years": year(2023, registered=True), "lms_account": None}),
        ("agent without an NPN", numberless, {"years": CERTIFIED}),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def archive(world: World) -> Archive:
    """The earlier years of everybody in this module."""
    known = everybody()
    ids = await world.all_imported([documents.earlier(request, **years) for _, request, years in known])
    people: dict[str, list[Known]] = {}
    for (who, request, _), assister_id in zip(known, ids, strict=True):
        people.setdefault(who, []).append((request, assister_id))
    return Archive(people)


async def begin(world: World, assister_id: str, **body: Any) -> httpx2.Response:
    path = f"{world.web}/api/assisters/{assister_id}/cases"
    return await world.http.post(path, json={"plan_year": 2024, **body}, headers=world.staff)


async def begun(world: World, person: Known) -> Document:
    """A returning assister's case, opened by staff."""
    request, assister_id = person
    if "npn" in request:
        await world.know(documents.producer(request))
    return await world.begun(assister_id, 2024)


async def at_the_lms(world: World, opened: Document) -> list[tuple[str, Any]]:
    """What the LMS was asked to do for a case: enrolments and invitations, each with the account named."""
    return [
        (call["path"].rpartition("/")[2], call["body"].get("account"))
        for call in await world.calls("lms")
        if call["body"] and call["body"].get("registration") == opened["case_id"]
    ]


async def enrolled(world: World, opened: Document) -> Document:
    return await world.until(opened, lambda status: status["training"]["profile"] == "complete")


def says(text: str) -> Callable[[Document], bool]:
    return lambda letter: text in " ".join(letter["text"].split())


async def invitations(world: World, request: Document) -> int:
    letters = await world.letters(request["email"])
    return sum(says("Open this link and set up your LMS account")(letter) for letter in letters)


# new, returning, lapsed


@pytest.mark.parametrize("who", TABLE)
async def test_a8_a9_earlier_years_and_accounts_make_new_returning_or_lapsed(
    world: World, archive: Archive, who: str
) -> None:
    request, assister_id = archive.take(who)
    opened = await world.opened(request)
    assert opened["assister_id"] == assister_id
    assert (await world.status(opened))["assister_type"] == TABLE[who][1]


async def test_a8_a9_counselors_are_classified_alike_by_their_email(world: World, archive: Archive) -> None:
    request, _ = archive.take("counselor")
    opened = await world.opened({**request, "email": request["email"].upper()})
    assert (await world.status(opened))["assister_type"] == "returning"


async def test_a9_our_own_records_count_like_imported_ones(world: World) -> None:
    certified, active = documents.broker(), documents.broker()
    halfway, later = documents.broker(), await world.later_year()
    for request, far, expected in ((certified, "certified", "lapsed"), (active, "active", "returning")):
        await getattr(world, far)(request)
        status = await world.status(await world.opened({**request, "plan_year": later}))
        assert (request["email"], status["assister_type"]) == (request["email"], expected)
    opened = await world.opened(halfway)
    await world.approved(opened)
    status = await world.status(await world.opened({**halfway, "plan_year": later}))
    assert status["assister_type"] == "new"


async def test_a9_who_lapsed_without_an_lms_account_is_invited(world: World, archive: Archive) -> None:
    request, _ = archive.take("lapsed, without an LMS account")
    opened = await world.opened(request)
    await world.approved(opened)
    await world.letter(request["email"], says("set up your LMS account"))
    assert await at_the_lms(world, opened) == [("invitations", None)]


async def test_a9_who_lapsed_with_an_lms_account_keeps_it_and_is_enrolled_once_approved(
    world: World, archive: Archive
) -> None:
    request, _ = archive.take("lapsed")
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    assert await at_the_lms(world, opened) == []
    await world.approved(opened)
    await world.until(opened, "in_training")
    await world.letter(request["email"], says("Log in to the Learning Management System (LMS) directly"))
    assert await at_the_lms(world, opened) == [("enrollments", OLD)]
    assert await invitations(world, request) == 0
    await world.reported(opened, "course", "0.9")
    status = await world.until(opened, "certified")
    assert status["waiting_for"] == "portal_registration"


async def test_a9_who_lapsed_with_a_portal_account_gets_no_other(world: World, archive: Archive) -> None:
    request, _ = archive.take("lapsed counselor")
    opened = await world.opened(request)
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "course", "0.9")
    status = await world.until(opened, "portal_setup")
    assert (status["waiting_for"], status["portal"]["account"]) == ("portal_profile", "active")
    await world.reported_by_portal(opened, "profile.completed", "scheduling_tool.ready")
    await world.until(opened, "active")
    assert [call for call in await world.calls("portal") if request["email"] in str(call["body"])] == []


# returning


async def test_a11_a_returning_broker_is_enrolled_at_once_and_certified_after_the_approval(
    world: World, archive: Archive
) -> None:
    request, _ = person = archive.take("broker")
    opened = await begun(world, person)
    status = await enrolled(world, opened)
    assert (status["assister_type"], status["eligibility"]["status"]) == ("returning", "pending")
    assert status["portal"] == {
        "portal": "broker",
        "account": "active",
        "profile": "complete",
        "scheduling_tool": "ready",
    }
    policy = await world.policy()
    who = {"account": {"homePage": policy["lms"]["home_page"], "name": OLD}}
    assert (await world.lms(documents.statement(policy, opened, "completed", "course", actor=who))).status_code == 202
    await world.reported(opened, "0.9")
    status = await world.until(opened, "awaiting_decision")
    assert (status["certificate"], status["may_assist_reasons"]) == (None, ["not_eligible", "no_certificate"])
    assert status["exam"]["passed_at"]
    await world.approved(opened, override="agreement signed on paper")
    status = await world.until(opened, "active")
    assert status["may_assist"]
    assert await at_the_lms(world, opened) == [("enrollments", OLD)]
    assert await invitations(world, request) == 0


async def test_a11_a_returning_counselor_gets_no_new_portal_account(world: World, archive: Archive) -> None:
    request, _ = person = archive.take("counselor")
    opened = await begun(world, person)
    await world.reported(opened, "course", "0.9")
    await world.approved(opened)
    await world.until(opened, "active")
    asked = [call for call in await world.calls("portal") if request["email"] in str(call["body"])]
    assert asked == []
    assert await at_the_lms(world, opened) == [("enrollments", opened["assister_id"])]


async def test_a11_an_enrolment_the_lms_did_not_answer_is_made_once(world: World, archive: Archive) -> None:
    await world.control("lms", mode="down")
    try:
        opened = await begun(world, archive.take("broker"))
        async with asyncio.timeout(PATIENCE):
            while not await at_the_lms(world, opened):
                await asyncio.sleep(0.05)
    finally:
        await world.control("lms", mode="ok")
    await enrolled(world, opened)
    calls = [call for call in await world.calls("lms") if (call["body"] or {}).get("registration") == opened["case_id"]]
    assert [call["status"] for call in calls] == [503] * (len(calls) - 1) + [201]
    assert len({call["idempotency_key"] for call in calls}) == 1


async def test_d2_who_asks_under_another_email_gets_no_account_of_earlier_years(world: World, archive: Archive) -> None:
    request, assister_id = archive.take("broker")
    # Whoever claims an NPN beside its owner is new here, and has to be within the intake scope.
    at = {"business_address": documents.address("NM"), "physical_address": documents.address("NM")}
    opened = await world.opened({**request, **at, "email": f"another.{request['email']}"}, contact_email=None)
    status = await world.until(opened, "awaiting_decision")
    assert (opened["assister_id"] != assister_id, status["flag"]) == (True, "identity_conflict")
    assert await at_the_lms(world, opened) == []
    await world.approved(opened, override="may begin to train")
    await world.until(opened, "invited")
    assert OLD not in str(await at_the_lms(world, opened))


async def test_a11_a_case_is_begun_once_and_by_whom(world: World, archive: Archive) -> None:
    _, assister_id = archive.take("broker")
    answers = await asyncio.gather(*(begin(world, assister_id) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.json()["case_id"] for answer in answers}) == 1
    opening = (await world.audit(answers[0].json()))[0]
    assert (opening["action"], opening["actor"], opening["details"]["source"]) == (
        "case.opened",
        "staff:staff",
        "staff",
    )


async def test_a11_only_returning_assisters_are_begun(world: World) -> None:
    for request in (documents.broker(), documents.counselor()):
        opened = await world.opened(request)
        answer = await begin(world, opened["assister_id"], plan_year=await world.later_year())
        assert (answer.status_code, "not a returning assister" in answer.json()["detail"]) == (409, True)
    assert (await begin(world, "ast_nobody")).status_code == 404


async def test_a11_a_case_is_begun_for_a_year_that_is_open(world: World, archive: Archive) -> None:
    _, assister_id = archive.take("broker")
    for plan_year in (1999, 2025, "soon", None, 2024.5, 10**30):
        answer = await begin(world, assister_id, plan_year=plan_year)
        assert (plan_year, answer.status_code, fields(answer)) == (plan_year, 422, ["plan_year"])
    for other in ({"program": "nobody's"}, {"reason": "late"}):
        answer = await begin(world, assister_id, **other)
        assert (answer.status_code, fields(answer)) == (422, [*other])


async def test_a11_a_returning_person_who_posts_the_form_gets_the_case_that_was_begun(
    world: World, archive: Archive
) -> None:
    request, _ = person = archive.take("broker")
    opened = await begun(world, person)
    answer = await world.submit({**request, "phone": "505-555-0177"})
    assert (answer.status_code, answer.json()) == (200, {**opened, "created": False})
    await form.send(Browser(world.http), request, world.code, world.web)  # by which they accept the agreement
    await world.approved(opened)
    assert await at_the_lms(world, opened) == [("enrollments", OLD)]


async def test_a7_a11_a_returning_broker_who_moved_opens_a_case_by_the_form(world: World, archive: Archive) -> None:
    request, _ = archive.take("broker")
    assert request["physical_address"]["state"] == "NV"
    opened = await world.opened(request)
    await enrolled(world, opened)
    await world.approved(opened)
    status = await world.until(opened, "in_training")
    assert "intake_scope" not in {one["check"] for one in status["eligibility"]["findings"]}


async def test_a13_an_imported_agent_without_an_npn_is_not_approved_unseen(world: World, archive: Archive) -> None:
    opened = await begun(world, archive.take("agent without an NPN"))
    status = await world.until(opened, "awaiting_decision")
    assert {"check": "npn_found", "result": "fail", "source": "A13"} in status["eligibility"]["findings"]
    assert (await world.decide(opened)).status_code == 409


# the agreement, of returning assisters too


async def agreement_of(world: World, opened: Document) -> Document:
    document = (await world.get(f"/api/cases/{opened['case_id']}", params={"history": True})).json()
    (fact,) = [entry for entry in document["history"] if entry["kind"] == "agreement_accepted"]
    found: Document = fact["data"]
    return found


async def accepted_by_form(world: World, request: Document, opened: Document) -> None:
    assert (await world.submit(request)).json() == {**opened, "created": False}
    assert (await world.decide(opened)).status_code == 409, "it is not for others to accept it"
    await form.send(Browser(world.http), request, world.code, world.web)


async def accepted_on_the_page(world: World, request: Document, opened: Document) -> None:
    link = await world.own_page(opened, request["email"])
    page = await world.http.get(link)
    shown = {
        name: re.findall(rf'name="{name}" value="([^"]+)"', page.text)[0]
        for name in ("agreement_version", "agreement_language")
    }
    refused = await world.http.post(f"{link}/agreement", data=shown)
    assert refused.status_code == 422
    accepted = {**shown, "agreement_accepted": "true"}
    assert (await world.http.post(f"{link}/agreement", data=accepted)).status_code == 303


@pytest.mark.parametrize(("accept", "source"), [(accepted_by_form, "form"), (accepted_on_the_page, "page")])
async def test_a3_a_returning_assister_is_approved_only_with_the_agreement(
    world: World, archive: Archive, accept: Any, source: str
) -> None:
    request, _ = person = archive.take("broker")
    opened = await begun(world, person)
    await world.until(opened, "awaiting_decision")
    answer = await world.decide(opened)
    assert (answer.status_code, "agreement" in answer.json()["detail"]) == (409, True)
    await accept(world, request, opened)
    assert (await world.decide(opened)).status_code == 200
    record = await agreement_of(world, opened)
    assert (record["version"], record["language"], record["source"]) == ("2024-1", "en", source)
    assert re.fullmatch("[0-9a-f]{64}", record["sha256"])


async def test_a3_staff_may_record_an_agreement_signed_on_paper(world: World, archive: Archive) -> None:
    opened = await begun(world, archive.take("broker"))
    await world.approved(opened, override="agreement signed on paper, 4 March")
    record = await agreement_of(world, opened)
    assert (record["source"], record["by"], record["evidence"]) == (
        "staff",
        "staff:staff",
        "agreement signed on paper, 4 March",
    )


# logging in directly


@pytest.mark.parametrize("who", ["broker", "counselor"])
async def test_a16_a_returning_assister_is_told_to_log_in_directly_and_not_invited(
    world: World, archive: Archive, who: str
) -> None:
    request, _ = person = archive.take(who)
    opened = await begun(world, person)
    letter = await world.letter(request["email"], says("directly, with the user name and password you already have"))
    assert says("You need no invitation and no new account")(letter)
    await world.approved(opened, override="agreement signed on paper")
    await world.until(opened, "in_training")
    await world.reported(opened, "course", "0.9")
    await world.letter(request["email"], lambda letter: letter["attachments"])
    assert await invitations(world, request) == 0
    notices = [kind for kind in await world.history(opened) if kind.startswith("notice.")]
    assert notices.count("notice.lms_enrolled") == 1
    assert "notice.lms_invitation" not in notices
