"""The lists of cases in a browser: filters renew the list in place, the address tells them, and the focus stays."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.checks import audit
from tests.browser.forms import follow
from tests.browser.people import People
from tests.browser.test_console import awaited, signs_in
from tests.browser.visitors import WIDE, Browse
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def with_agents(page: Page, url: str) -> None:
    """Opens a list once its counts, which are some seconds old, know of an agent."""
    await page.goto(url)
    async with asyncio.timeout(PATIENCE):
        while not await page.locator("#kind-agent").count():
            await asyncio.sleep(0.5)
            await page.reload()


async def test_a_filter_renews_the_list_in_place_and_keeps_the_focus(browse: Browse, people: People) -> None:
    await awaited(people)
    await people.waiting()  # a broker
    page = await browse()
    await signs_in(page, people, "Demo Reviewer")
    await page.wait_for_load_state()
    await with_agents(page, f"{people.world.web}/staff")
    everybody = await page.locator("#told").inner_text()
    await page.evaluate("window.isSame = true")
    await page.locator("#kind-agent").focus()
    await page.keyboard.press("Space")
    await page.wait_for_url("**/staff?kind=agent")
    await expect(page.locator("#clear")).to_be_visible()
    await expect(page.locator("#kind-agent")).to_be_focused()
    assert await page.evaluate("window.isSame")
    told = await page.locator("#told").inner_text()
    assert told != everybody
    shown = await page.locator(".list tbody tr").count()
    assert shown == min(int(re.sub(r"\D", "", told)), 25)
    await expect(page.locator(".list tbody")).not_to_contain_text("Broker", use_inner_text=True)
    await audit(page)
    await page.go_back()
    await expect(page.locator("#kind-any")).to_be_checked()
    await expect(page.locator("#told")).to_have_text(everybody)
    assert page.url.endswith("/staff")


async def test_without_scripts_filters_are_applied_by_their_button(browse: Browse, people: People) -> None:
    await awaited(people)
    await people.waiting()
    page = await browse("en", WIDE, False)
    await signs_in(page, people, "Demo Reviewer")
    await page.wait_for_load_state()
    await with_agents(page, f"{people.world.web}/staff")
    await expect(page.locator("#shortcuts-open")).to_be_hidden()
    await page.locator("label[for=kind-agent]").click()
    await follow(page.locator("#apply"))
    assert "kind=agent" in page.url
    await expect(page.locator("#kind-agent")).to_be_checked()
    await follow(page.locator("#clear"))
    assert page.url.endswith("/staff")
