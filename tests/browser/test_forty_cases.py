"""A reviewer's morning: forty cases by the keyboard alone, every key counted, and nothing approved that nobody read."""

import asyncio
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, expect

from tests.browser.checks import audit
from tests.browser.people import People
from tests.browser.test_console import signs_in
from tests.browser.visitors import Browse
from tests.support import documents
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST_KEYS = 250
MOST_STOPS = 30
AT_ONCE = 8
# How many of each there are, told by the first name, and what the registry says of them.
FORTY: dict[str, tuple[int, dict[str, Any]]] = {
    "Clara": (30, {}),
    "Fallo": (5, {"license": {"active": False}}),
    "Responde": (3, {}),
    "Considera": (2, {"license": {"line": "Individual Health Benefits"}}),
}


class Keyboard:
    """The keys somebody presses, counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pressed = 0

    async def press(self, key: str) -> None:
        self.pressed += 1
        await self.page.keyboard.press(key)

    async def type(self, words: str) -> None:
        self.pressed += len(words)
        await self.page.keyboard.type(words)

    async def move_to(self, selector: str) -> None:
        """By the Tab key."""
        for _ in range(MOST_STOPS):
            await self.press("Tab")
            if await self.page.locator(f"{selector}:focus").count():
                return
        raise AssertionError(f"the Tab key never came to {selector} on {self.page.url}")

    async def enter(self) -> None:
        """On to the next page."""
        async with self.page.expect_navigation():
            await self.press("Enter")


async def prepare(people: People, name: str, number: int, year: int, gate: asyncio.Semaphore) -> dict[str, Any]:
    """A broker of this name whose case waits for a decision, having answered a question where that is theirs."""
    request = documents.broker(first_name=name, last_name=f"Muestra-{chr(ord('A') + number % 26)}", plan_year=year)
    async with gate:
        opened = await people.world.opened(request, **FORTY[name][1])
        await people.world.until(opened, "awaiting_decision")
        if name == "Responde":
            await people.world.approved(opened, decision="ask", reason="Is this your business address?")
            await people.world.until(opened, "awaiting_information")
            async with httpx2.AsyncClient(timeout=PATIENCE) as browser:
                page = await people.world.own_page(opened, request["email"], browser)
                answer = await browser.post(f"{page}/information", json={"message": "Yes, it is."})
            assert answer.is_success, answer.text
            await people.world.until(opened, "awaiting_decision")
    return opened


async def approve_in_bulk(page: Page, keys: Keyboard) -> None:
    """From the queue to the list, to the names, to what became of them, and back to the queue."""
    async with page.expect_navigation():
        await keys.press("b")
    await keys.move_to("#bulk-all")
    await keys.enter()
    await expect(page.locator("tbody input:checked")).to_have_count(30)
    await expect(page.locator("#bulk-next")).to_be_focused()
    await keys.enter()
    await expect(page.locator(".bulk-names li")).to_have_count(30)
    await keys.move_to("form.panel button")
    await keys.enter()
    await expect(page.locator("main [role=status]")).to_contain_text("Approved: 30.")
    await expect(page.locator("tbody .tag--good")).to_have_count(30)
    await audit(page)
    await keys.move_to("#bulk-queue")
    await keys.enter()


async def decide(page: Page, keys: Keyboard) -> str:
    """Decides on the case that is open by a usual reason; the first name of whose it is."""
    name = (await page.locator("h1").inner_text()).partition(" ")[0]
    denied = name == "Fallo"
    await keys.move_to("[href='#verdict-approve']")
    await keys.press("Enter")
    await expect(page.locator("#verdict-approve")).to_be_focused()
    await keys.press("ArrowDown" if denied else "Space")
    await keys.move_to("#decision-usual")
    await keys.type({"Fallo": "T", "Responde": "E", "Considera": "W"}[name])  # as its reason begins
    await keys.move_to("#decision-reason")
    if name == "Considera":
        await keys.move_to("#decision-override")
        await keys.type("Line seen on paper.")
    await keys.move_to("[action*='/decision'] button")
    await keys.enter()
    told = page.locator("main [role=status]").first
    await expect(told).to_contain_text("Denied" if denied else "Approved")
    return name


async def test_forty_cases_take_under_250_keys_and_what_is_to_be_read_is_never_approved_in_bulk(
    browse: Browse, people: People
) -> None:
    year, gate = await people.world.later_year(), asyncio.Semaphore(AT_ONCE)
    names = [name for name, (number, _) in FORTY.items() for _ in range(number)]
    cases = await asyncio.gather(*(prepare(people, name, at, year, gate) for at, name in enumerate(names)))
    page = await browse()
    await signs_in(page, people, "Demo Reviewer")
    await page.goto(f"{people.world.web}/staff?kind=broker&plan_year={year}")
    keys = Keyboard(page)
    await approve_in_bulk(page, keys)
    to_read = [one for one, name in zip(cases, names, strict=True) if name != "Clara"]
    statuses = await asyncio.gather(*(people.world.status(one) for one in to_read))
    assert [status["eligibility"]["status"] for status in statuses].count("approved") == 0
    await expect(page.locator(".list tbody tr")).to_have_count(10)
    await keys.press("j")
    await keys.enter()
    assert sorted([await decide(page, keys) for _ in range(10)]) == sorted(name for name in names if name != "Clara")
    assert keys.pressed < MOST_KEYS, f"{keys.pressed} keys"
    decided = await asyncio.gather(*(people.world.status(one) for one in cases))
    expected = ["denied" if name == "Fallo" else "approved" for name in names]
    assert [status["eligibility"]["status"] for status in decided] == expected
