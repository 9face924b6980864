"""Who may begin helping, whom to ask, what to read and where to refer people to (A6, A30–A32)."""

import re
from typing import Any

import pytest

from tests.support import documents
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

GENERAL, PORTALS, TRAINING = "1-833-862-3935", "brokers@nmhix.com", "partners@nmhix.com"
CONTACTS = {GENERAL, PORTALS, TRAINING}


def contacts(text: str) -> set[str]:
    return {contact for contact in CONTACTS if contact in text}


def link_in(text: str, path: str) -> str:
    found = re.search(rf"https?://\S+/{path}/[\w-]+", text)
    return found.group() if found else ""


async def page(world: World, url: str, language: str = "en") -> str:
    answer = await world.http.get(url, params={"lang": language}, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


# A30

APPROVAL, LMS, COURSE, EXAM = "approval", ("account", "profile"), "course", "0.9"
PORTAL = ("account.registered", "profile.completed", "scheduling_tool.ready")


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        (APPROVAL, ["not_eligible", "no_certificate", "portal_not_ready"]),
        ("profile", ["training_not_complete", "no_certificate", "portal_not_ready"]),
        (COURSE, ["training_not_complete", "no_certificate", "portal_not_ready"]),
        (EXAM, ["exam_not_passed", "no_certificate", "portal_not_ready"]),
        ("account.registered", ["portal_not_ready"]),
        ("profile.completed", ["portal_not_ready"]),
        ("scheduling_tool.ready", ["portal_not_ready"]),
        (None, []),
    ],
)
async def test_a30_with_any_step_missing_nobody_may_assist_and_the_step_is_named(
    world: World, left_out: str | None, named: list[str]
) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    if left_out != APPROVAL:
        await world.approved(opened)
    await world.reported(opened, *(step for step in (*LMS, COURSE, EXAM) if step != left_out))
    if left_out in (*PORTAL, None):
        await world.until(opened, lambda status: status["certificate"])
    await world.reported_by_portal(opened, *(event for event in PORTAL if event != left_out))
    status = await world.status(opened)
    assert status["may_assist_reasons"] == named
    assert status["may_assist"] is (left_out is None)
    shown = await page(world, await world.own_page(opened, request["email"]))
    assert ("Every step is complete. You may help consumers" in shown) is (left_out is None)


async def test_a30_it_is_taken_back_with_the_certification(world: World) -> None:
    opened = await world.active(documents.agent())
    assert (await world.status(opened))["may_assist"]
    assert (await world.command(opened, "revoke", reason="licence misused")).json()["may_assist"] is False
    assert (await world.status(opened))["may_assist_reasons"] == ["revoked"]


# A31

BY_SUBJECT = {
    "We have your certification request": GENERAL,
    "We need more information": GENERAL,
    "You are eligible: set up your account": TRAINING,
    "You are enrolled": TRAINING,
    "Your beWellnm assister certificate": PORTALS,
    "Activate your Assister Portal account": PORTALS,
    "You may begin helping": GENERAL,
    "Our decision on your certification request": GENERAL,
    "has been withdrawn": GENERAL,
    "has been revoked": GENERAL,
}


async def test_a31_every_letter_shows_the_contact_of_its_topic_and_no_other(world: World) -> None:
    counselor, broker, agent = documents.counselor(language="en"), documents.broker(), documents.agent()
    returning = documents.agent()
    helping = await world.active(counselor)
    # The journey doesn't wait for its letters, and an end gives up those that are not sent yet.
    await world.letter(counselor["email"], lambda letter: "You may begin helping" in letter["subject"])
    await world.command(helping, "revoke", reason="left the clinic")
    asked = await world.opened(broker)
    await world.approved(asked, decision="ask")
    assert (await world.decide(asked, "deny")).status_code == 200
    await world.command(await world.opened(agent), "withdraw", reason="moved away")
    await world.know(documents.producer(returning))
    await world.begun(await world.imported(documents.earlier(returning, 2023)), 2024)
    wanted = {
        counselor["email"]: "has been revoked",
        broker["email"]: "Our decision",
        agent["email"]: "has been withdrawn",
        returning["email"]: "You are enrolled",
    }
    seen = set()
    for email, last in wanted.items():
        await world.letter(email, lambda letter, last=last: last in letter["subject"])  # type: ignore[misc]
        for letter in await world.letters(email):
            (topic,) = [subject for subject in BY_SUBJECT if subject in letter["subject"]]
            assert contacts(letter["text"]) == contacts(letter["html"]) == {BY_SUBJECT[topic]}, letter["subject"]
            seen.add(topic)
    assert seen == set(BY_SUBJECT)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("path", ["/request", "/resources/broker", "/resources/enrollment_counselor"])
async def test_a31_public_pages_show_the_general_contact(world: World, path: str, language: str) -> None:
    assert contacts(await page(world, world.web + path, language)) == {GENERAL}


async def test_a31_a_status_page_shows_the_contact_of_what_is_waited_for(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    link = await world.own_page(opened, request["email"])
    await world.until(opened, "awaiting_decision")
    assert contacts(await page(world, link)) == {GENERAL}
    await world.approved(opened)
    for steps, waiting_for, contact in (
        ((), "lms_account", TRAINING),
        (("account",), "lms_profile", TRAINING),
        (("profile",), "course_completion", TRAINING),
        (("course",), "exam_pass", TRAINING),
        (("0.9",), "portal_registration", PORTALS),
    ):
        await world.reported(opened, *steps)
        await world.until(opened, lambda status, waited=waiting_for: status["waiting_for"] == waited)  # type: ignore[misc]
        assert contacts(await page(world, link)) == {contact}
    await world.reported_by_portal(opened, "account.registered")
    assert contacts(await page(world, link, "es")) == {PORTALS}
    await world.reported_by_portal(opened, "profile.completed", "scheduling_tool.ready")
    assert contacts(await page(world, link, "es")) == {GENERAL}


async def test_a31_certificate_and_activation_pages_show_theirs(world: World) -> None:
    request = documents.counselor()
    opened = await world.certified(request)
    number = (await world.status(opened))["certificate"]["number"]
    assert contacts(await page(world, f"{world.web}/certificates/{number}")) == {GENERAL}
    letter = await world.letter(request["email"], lambda letter: link_in(letter["text"], "activate"))
    link = link_in(letter["text"], "activate")
    assert contacts(await page(world, link)) == {PORTALS}
    assert contacts((await world.http.post(link)).text) == {PORTALS}
    assert contacts((await world.http.get(link)).text) == {PORTALS}


# A32 and A6

KNOWLEDGE_BASE = "https://nfpnewmexico.force.com/knowledgebase/s/"
STARTED = "https://www.bewellnm.com/getting-started"
RESOURCES = {
    "agent": {f"{STARTED}/agents-brokers/", KNOWLEDGE_BASE},
    "broker": {f"{STARTED}/agents-brokers/", KNOWLEDGE_BASE},
    "enrollment_counselor": {f"{STARTED}/enrollment-counselors/"},
}
GLOSSARY = {"en": "Glossary of Health Insurance Terms", "es": "Glosario de términos de seguros médicos"}
REFERRALS = {
    "en": ("tax professional", "Department of Insurance", "Social Security"),
    "es": ("profesional de impuestos", "Departamento de Seguros", "Seguro Social"),
}


def shows_resources_of(text: str, kind: str, language: str) -> None:
    everything = set().union(*RESOURCES.values())
    assert {url for url in everything if url in text} == RESOURCES[kind]
    assert GLOSSARY[language] in text
    assert all((referral in text) is (kind == "enrollment_counselor") for referral in REFERRALS[language])


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", RESOURCES)
async def test_a6_a32_the_resources_page_is_that_of_the_kind(world: World, kind: str, language: str) -> None:
    shows_resources_of(await page(world, f"{world.web}/resources/{kind}", language), kind, language)


@pytest.mark.parametrize(
    "request_", [documents.agent(), documents.broker(language="es"), documents.counselor()], ids=lambda one: one["kind"]
)
async def test_a6_a32_letter_and_status_page_show_them_on_the_first_day(world: World, request_: dict[str, Any]) -> None:
    kind, language = request_["kind"], request_["language"]
    opened = await world.active(request_)
    subject = {"en": "You may begin helping", "es": "Ya puede"}[language]
    letter = await world.letter(request_["email"], lambda letter: subject in letter["subject"])
    shows_resources_of(" ".join(letter["text"].split()), kind, language)
    shows_resources_of(letter["html"], kind, language)
    shows_resources_of(await page(world, await world.own_page(opened, request_["email"]), language), kind, language)


async def test_a32_there_are_no_resources_of_a_fourth_kind(world: World) -> None:
    assert (await world.http.get(f"{world.web}/resources/navigator")).status_code == 404
