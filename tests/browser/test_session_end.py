"""A session that is about to end, on one's own pages and of staff: said in time, made longer, nothing typed is lost."""

import re

import pytest
from playwright.async_api import Page, Route, expect

from templates.catalogs import translate
from tests.browser.forms import fill_in, follow
from tests.browser.people import People
from tests.browser.visitors import Browse

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENDS, OVER = "#own-session-warning", "#own-session-over"
SECONDS = re.compile(r'data-seconds="\d+"')
TYPED = "The second one, <b>as I said</b>."


async def hurry(page: Page, seconds: int, pages: str = "**/me/*") -> None:
    """Shows the next page as it is that many seconds before the session's end: nobody waits for half an hour here."""

    async def shorten(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=SECONDS.sub(f'data-seconds="{seconds}"', await answer.text()))

    await page.unroute_all()
    await page.route(pages, shorten)


async def test_d6_a_session_says_that_it_ends_and_goes_on_with_what_was_typed(
    browse: Browse, people: People, language: str
) -> None:
    page = await browse(language)
    url = await people.asked()
    await people.owner_signs_in(page, url)
    await hurry(page, 302)
    await page.goto(f"{url}?lang={language}")
    await fill_in(page, {"message": TYPED})
    await expect(page.locator(ENDS)).to_be_visible()
    await expect(page.locator(OVER)).to_be_hidden()
    await page.get_by_role("button", name=translate("Stay signed in", language)).click()
    await expect(page.locator(ENDS)).to_be_hidden()
    await expect(page.locator("main [name=message]")).to_have_value(TYPED)
    await page.unroute_all()


async def test_d6_what_was_typed_is_sent_after_the_next_sign_in(
    browse: Browse, people: People, javascript: bool
) -> None:
    page = await browse("en", javascript=javascript)
    url = await people.asked()
    await people.owner_signs_in(page, url)
    await hurry(page, 1)
    await page.goto(f"{url}?lang=en")
    await page.unroute_all()
    if javascript:
        await expect(page.locator(OVER)).to_be_visible()
    else:
        await expect(page.locator("#own-session")).to_contain_text("You stay signed in until")
    session = next(one for one in await page.context.cookies() if one["name"] == "own")
    await people.end_session(session["value"])
    await fill_in(page, {"message": TYPED})
    await follow(page.locator("main form button:visible").first)
    await page.locator("main [name=email]").wait_for()
    await people.owner_signs_in_again(page, url)
    await page.wait_for_url("**/me/kept*")
    await expect(page.locator("main")).to_contain_text(TYPED)
    assert "second" not in page.url


async def test_staff_are_told_that_their_session_ends_and_go_on_where_they_write(
    browse: Browse, people: People, language: str
) -> None:
    page = await browse(language)
    await people.signs_in(page, "Demo Reviewer")
    await hurry(page, 302, "**/staff/cases/*")
    await page.goto(people.world.web + await people.waiting_case())
    await fill_in(page, {"note": TYPED})
    await expect(page.locator("[data-session-warning]")).to_be_visible()
    await expect(page.locator("[data-session-over]")).to_be_hidden()
    await expect(page.locator("main [name=note]")).to_be_focused()
    await page.get_by_role("button", name=translate("Stay signed in", language)).click()
    await expect(page.locator("[data-session-warning]")).to_be_hidden()
    await expect(page.locator("main [name=note]")).to_have_value(TYPED)
    await page.unroute_all()
