"""What the frame of the pages does for everybody: the way past it, the other language, a light first visit."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.forms import follow
from tests.browser.pages import PAGES
from tests.browser.people import People
from tests.browser.visitors import PHONE, Browse

pytestmark = pytest.mark.asyncio(loop_scope="session")

KILOBYTE = 1024


@pytest.mark.parametrize("name", ["status_active", "staff_queue"])
async def test_the_first_stop_leads_past_the_frame(name: str, browse: Browse, people: People) -> None:
    page = await browse()
    await PAGES[name].way(page, people, "en")
    await page.keyboard.press("Tab")
    await expect(page.locator("a[href='#main']")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()


async def test_the_browsers_language_is_the_pages_until_another_is_chosen_which_is_kept(
    browse: Browse, people: People, javascript: bool
) -> None:
    page = await browse("es", PHONE, javascript)
    html = page.locator("html")
    await page.goto(f"{people.world.web}/portal/register?plan_year=2024")
    await expect(html).to_have_attribute("lang", "es")
    await follow(page.get_by_role("link", name="English", exact=True))
    await expect(html).to_have_attribute("lang", "en")
    assert page.url.startswith(f"{people.world.web}/portal/register?plan_year=2024")
    await page.goto(f"{people.world.web}/resources/agent")
    await expect(html).to_have_attribute("lang", "en")


async def test_two_visitors_are_two_people(browse: Browse, people: People) -> None:
    first, second = await browse(), await browse()
    await PAGES["staff_queue"].way(first, people, "en")
    await second.goto(f"{people.world.web}/staff")
    assert "/staff/sign-in" in second.url
    assert "/staff/sign-in" not in first.url


@pytest.mark.parametrize("name", ["home", "request", "portal_register", "status_waiting", "staff_queue", "staff_case"])
async def test_a_first_visit_takes_less_than_200_kilobytes(name: str, browse: Browse, people: People) -> None:
    page = await browse()
    wire = await page.context.new_cdp_session(page)
    taken: list[int] = []

    def took(event: dict[str, Any]) -> None:
        taken.append(int(event["encodedDataLength"]))

    await PAGES[name].way(page, people, "en")
    await wire.send("Network.enable")
    await wire.send("Network.clearBrowserCache")
    wire.on("Network.loadingFinished", took)
    await page.reload(wait_until="networkidle")
    assert len(taken) >= 3
    assert sum(taken) < 200 * KILOBYTE, taken
