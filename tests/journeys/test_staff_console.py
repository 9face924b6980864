"""Staff at work in the console, over plain HTTP and without scripts: signed in, they decide through the workflow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import pytest_asyncio

from tests.support import documents
from tests.support.browser import Browser, Page
from tests.support.patience import PATIENCE
from tests.support.world import Document, World

pytestmark = pytest.mark.asyncio(loop_scope="session")
REVIEWER, SECOND, OPERATOR = "Demo Reviewer", "Demo Second Reviewer", "Demo Operator"


class Office:
    """The console of a stack, and its people; each has a browser of their own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._clients: list[httpx2.AsyncClient] = []

    async def signed_in(self, person: str, path: str = "/staff") -> Browser:
        """Somebody led through the log-in to the page they wanted."""
        self._clients.append(httpx2.AsyncClient(timeout=PATIENCE))
        browser = Browser(self._clients[-1])
        await browser.open(self.world.web + path)
        await browser.follow("Sign in with your staff account")
        await browser.press(person)
        return browser

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def office(world: World) -> AsyncIterator[Office]:
    """The console, and everybody's browsers."""
    opened = Office(world)
    yield opened
    await opened.close()


async def waiting(world: World, request: Document) -> Document:
    """A case that waits for a decision."""
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    return opened


async def found(browser: Browser, name: str) -> Page:
    """The list's page on which somebody stands, and then their case."""
    while name not in dict(browser.page.links):
        await browser.follow("Next page")
    return await browser.follow(name)


def case_of(page: Page) -> str:
    """Whose page it is."""
    return urlsplit(page.url).path.rpartition("/")[2]


def told(page: Page) -> str:
    """What comes before the page's own content."""
    return page.text.partition("Where it stands")[0]


async def test_c2_a_reviewer_works_through_the_queue_one_case_after_the_other(world: World, office: Office) -> None:
    mark = documents.new_letters()
    requests = [documents.agent(first_name=f"Queued{number} {mark}", language="es") for number in "AB"]
    opened = [await waiting(world, request) for request in requests]
    browser = await office.signed_in(REVIEWER, "/staff?kind=agent&plan_year=2024")
    page = await found(browser, f"Queued{'A'} {mark} Agent")
    assert case_of(page) == opened[0]["case_id"]
    assert "The New Mexico license is active. Pass" in page.text
    assert (await browser.follow("Answer of the registry")).status == 200
    assert requests[0]["npn"] in browser.page.text
    await browser.open(page.url)

    page = await browser.press("Decide", verdict="approve", usual="in_order", reason="Checked twice.")
    assert page.status == 200
    assert f"Approved: QueuedA {mark} Agent . Next in the queue:" in told(page)
    assert case_of(page) != opened[0]["case_id"]
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["kind"], asked["plan_year"], asked["of"]) == (["agent"], ["2024"], [opened[0]["case_id"]])
    assert mark not in page.url
    status = await world.status(opened[0])
    assert status["eligibility"]["status"] == "approved"
    assert status["eligibility"]["reason"] == "Everything was checked and is in order.\n\nChecked twice."
    (entry,) = [entry for entry in await world.audit(opened[0]) if entry["action"] == "case.decided"]
    assert entry["actor"] == status["eligibility"]["decided_by"] != "staff"

    await browser.open(f"{world.web}/staff/cases/{opened[1]['case_id']}")
    page = await browser.press("Decide", verdict="ask", usual="ask_address", reason="")
    letter = await world.letter(requests[1]["email"], lambda one: "Revise las direcciones" in one["text"])
    assert letter["language"] == "es"
    page = await browser.open(f"{world.web}/staff/cases/{opened[1]['case_id']}")
    assert "Information asked for" in page.text
    assert "Approve: The assister has been asked for information and has not answered." in page.text
    page = await browser.follow(letter["subject"])
    assert "Revise las direcciones que nos dio." in page.text


async def test_the_workflow_s_no_is_a_sentence_on_the_page(world: World, office: Office) -> None:
    request = documents.counselor()
    outcome = {"email": request["email"], "result": "clear", "after_seconds": 600}
    answer = await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=outcome)
    assert answer.is_success
    opened = await world.opened(request)
    await world.until(opened, "awaiting_background_check")
    browser = await office.signed_in(REVIEWER, f"/staff/cases/{opened['case_id']}")
    sentence = "The background check has not been reported; it can't be overridden."
    assert f"Approve: {sentence}" in browser.page.text
    page = await browser.press("Decide", verdict="approve", reason="She is known to us.")
    assert (page.status, case_of(page)) == (409, "decision")
    assert sentence in told(page)
    assert page.forms[-1].action
    assert "She is known to us." in [form.fields.get("reason") for form in page.forms]
    assert (await world.status(opened))["eligibility"]["status"] == "pending"
    (entry,) = [entry for entry in await world.audit(opened) if entry["action"] == "decide.refused"]
    assert (entry["reason"], entry["details"]["answer"]) == ("She is known to us.", sentence)


async def test_of_two_reviewers_the_second_is_told_who_was_first(world: World, office: Office) -> None:
    opened = await waiting(world, documents.broker())
    path = f"/staff/cases/{opened['case_id']}"
    first, second = await office.signed_in(REVIEWER, path), await office.signed_in(SECOND, path)
    await first.press("Decide", verdict="approve", reason="Fine.")
    assert (await world.status(opened))["eligibility"]["status"] == "approved"
    page = await second.press("Decide", verdict="deny", reason="I have my doubts.")
    assert page.status == 409
    assert "Eligibility was decided already, by Demo Reviewer." in told(page)
    assert "Approved: Demo Reviewer, " in told(page)
    assert "What you wrote: I have my doubts." in told(page)
    assert (await world.status(opened))["eligibility"]["status"] == "approved"


async def test_the_same_page_sent_twice_decides_once(world: World, office: Office) -> None:
    opened = await waiting(world, documents.broker())
    browser = await office.signed_in(REVIEWER, f"/staff/cases/{opened['case_id']}")
    page = browser.page
    for _ in range(2):
        browser.seen.append(page)  # back, and once more
        assert (await browser.press("Decide", verdict="deny", reason="Not this year.")).status == 200
    actions = [entry["action"] for entry in await world.audit(opened)]
    assert (actions.count("case.decided"), actions.count("decide.refused")) == (1, 0)


async def test_a_session_that_was_ended_decides_nothing(world: World, office: Office) -> None:
    opened = await waiting(world, documents.broker())
    browser = await office.signed_in(SECOND, f"/staff/cases/{opened['case_id']}")
    operator = await office.signed_in(OPERATOR, "/staff/sessions")
    ours = [row for row in operator.page.source.split("<tr") if SECOND in row]
    for row in ours:
        action = row.split('action="')[1].split('"')[0]
        form = next(form for form in operator.page.forms if form.action.endswith(action))
        ended = await office._clients[-1].post(form.action, data=form.fields)
        assert ended.status_code == 303
    page = await browser.press("Decide", verdict="approve", reason="Fine.")
    assert urlsplit(page.url).path == "/staff/sign-in"
    assert "Your session has ended" in page.text
    assert (await world.status(opened))["eligibility"]["status"] == "pending"


async def test_what_else_staff_do_goes_through_the_workflow_too(world: World, office: Office) -> None:
    request = documents.broker()
    opened = await world.certified(request)
    browser = await office.signed_in(REVIEWER, f"/staff/cases/{opened['case_id']}")
    letters = len(await world.letters(request["email"]))
    page = await browser.press("Send it again", notice="certificate_issued", reason="It was lost.")
    assert "The notice is sent again." in told(page)
    async with asyncio.timeout(PATIENCE):
        while len(await world.letters(request["email"])) == letters:
            await asyncio.sleep(0.1)
    certificate = await office._clients[-1].get(f"{world.web}/staff/cases/{opened['case_id']}/certificate")
    assert certificate.content.startswith(b"%PDF-")
    page = await browser.press("Revoke it for good", reason="The licence was surrendered.")
    assert "The certification is revoked." in told(page)
    assert "The case has ended: Revoked." in page.text
    assert "Revoked" in page.text.partition("Certificate number")[2]
    await world.until(opened, "revoked")
    await world.letter(request["email"], lambda one: "The licence was surrendered." in one["text"])


async def test_an_altered_event_is_delivered_all_the_same(world: World, office: Office) -> None:
    opened = await world.opened(documents.broker())
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "started", "course")
    first: dict[str, Any] = documents.exam(await world.policy(), opened, 0.5)
    assert (await world.lms(first)).status_code == 202
    assert (await world.lms({**first, "result": {"score": {"scaled": 0.95}}})).status_code == 409
    reviewer = await office.signed_in(REVIEWER, f"/staff/cases/{opened['case_id']}")
    assert "Webhook repeated with other content" in reviewer.page.text
    assert "0.95" in (await reviewer.follow("See what it says")).text
    operator = await office.signed_in(OPERATOR, urlsplit(reviewer.page.url).path)
    page = await operator.press("Deliver it", reason="The LMS corrected the score.")
    assert "The event is delivered." in page.text
    status = await world.until(opened, lambda one: one["certificate"])
    assert {attempt["score"] for attempt in status["exam"]["attempts"]} == {"0.5", "0.95"}
    assert status["flag"] is None
    page = await reviewer.open(f"{world.web}/staff/cases/{opened['case_id']}")
    assert "Webhook delivered again" in page.text
    assert "The LMS corrected the score." in page.text
