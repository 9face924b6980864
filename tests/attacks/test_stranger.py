"""A stranger asks by the public's forms with all that is public of somebody, in either program, on a real stack.

That is the attack which once ended certified and published, with the owner locked out (D1, D2).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.support import documents, federal_form, form
from tests.support.browser import Browser
from tests.support.marketplace import Marketplace, markets_of
from tests.support.patience import PATIENCE
from tests.support.world import CODE, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
TAKEN = "has now shown that"


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The stranger's, which knows no cookie."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as http:
        yield Browser(http)


def steal(request: Document) -> Document:
    """The same with an address of the stranger's own, where they read the code."""
    return {**request, "email": f"stranger.{request['npn']}@example.net"}


async def find_case(world: World, browser: Browser) -> Document:
    """The one case on the own pages of whoever is signed in."""
    page = await browser.open(f"{world.web}/me")
    (case_id,) = {url.partition("/me/")[2][:36] for label, url in page.links if label.startswith("Open my")}
    return {name: text for name, text in (await world.get(f"/api/cases/{case_id}")).json().items() if "_id" in name}


async def list_mails(world: World, email: str) -> list[Document]:
    """Every letter to an address, those with a code too."""
    found: list[Document] = (await world.http.get(f"{world.stack['mailbox']}/messages", params={"to": email})).json()
    return found


async def register(world: World, browser: Browser, request: Document) -> None:
    """Sends the marketplace's form, up to the code."""
    await federal_form.ask(browser, request, world.web)


async def test_d1_a_victim_is_written_codes_and_no_word_of_an_attackers(world: World, browser: Browser) -> None:
    asks = {"email": f"victim.{documents.new_npn()}@example.com", "first_name": "Pay At Evil", "last_name": "Example"}
    await form.begin(browser, world.web)
    await form.fill_in(browser, documents.broker(**asks))
    await form.press(browser, "Send the request")
    await register(world, browser, documents.registration(**asks))
    async with asyncio.timeout(PATIENCE):
        mails = await world.changes.poll(lambda: list_mails(world, asks["email"]), lambda found: len(found) > 1)
    assert [bool(CODE.search(mail["text"])) for mail in mails] == [True, True]
    assert "Evil" not in str(mails)


async def test_d2_a_strangers_npn_in_the_state_program_ends_without_a_certificate(
    world: World, browser: Browser
) -> None:
    owns = documents.broker()
    asks = steal(owns)
    await world.know(documents.producer(owns))
    await form.send(browser, asks, world.code, world.web)
    opened = await find_case(world, browser)
    await world.until(opened, "awaiting_decision")
    assert (await world.decide(opened)).status_code == 409
    assert (await world.decide(opened, override="may begin to train")).status_code == 200
    await world.reported(opened, "account", "profile", "started", "course", "0.9")
    await world.wait_until_idle(opened)
    status = await world.status(opened)
    assert (status["waiting_for"], status["certificate"], status["may_assist"]) == ("npn_proof", None, False)

    owner = await world.opened(owns)
    await world.approved(owner)
    await world.reported(owner, "account", "profile", "started", "course", "0.9")
    await world.until(owner, lambda found: found["certificate"])
    await world.letter(asks["email"], lambda letter: TAKEN in " ".join(letter["text"].split()))
    assert (await world.command(opened, "identity", method="in_person", document="x", reason="x")).status_code == 409
    assert (await world.status(opened))["certificate"] is None


async def test_d2_a_strangers_npn_in_the_marketplace_ends_in_no_list(world: World, browser: Browser) -> None:
    market = Marketplace(world.stack, world.http)
    owns = documents.registration()
    asks = steal(owns)
    await market.know(documents.individual(owns))
    await register(market, browser, asks)
    await browser.press("Go on", code=await market.code(asks["email"]))
    opened = await find_case(market, browser)
    await market.save(opened)
    await market.until(opened, lambda status: status["profile"]["saved_at"])
    await market.done(opened, "profile/next")
    await market.trained(opened, "individual_full")
    await market.agreed(opened, "individual")
    await market.wait_until_idle(opened)
    status = await market.status(opened)
    assert (status["waiting_for"], markets_of(status)) == ("npn_proof", {})
    await market.publish()
    assert (await market.rows("rcl", npn=owns["npn"]), await market.tracked(owns["npn"])) == ([], [])

    owner = await market.certified(owns)
    assert owner["assister_id"] != opened["assister_id"]
    await market.publish()
    assert len(await market.rows("rcl", npn=owns["npn"])) == 1
    assert markets_of(await market.status(opened)) == {}
