"""The console as staff work with it: the queue by the keyboard alone, two who decide at once, a session taken away."""

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.checks import audit, focus_visible, frame
from tests.browser.forms import follow
from tests.browser.people import People
from tests.browser.visitors import PHONE, WIDE, Browse
from tests.support import documents

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST_STOPS = 80


async def signs_in(page: Page, people: People, person: str) -> None:
    """A session of its own, which the test may end."""
    await page.goto(f"{people.world.web}/staff/sign-in/start")
    await page.get_by_role("button", name=person, exact=True).click()
    await page.locator("[action='/staff/sign-out']").wait_for()


async def awaited(people: People, **changes: Any) -> dict[str, Any]:
    """An agent's case that waits for a decision."""
    opened = await people.world.opened(documents.agent(**changes))
    await people.world.until(opened, "awaiting_decision")
    return opened


async def to(page: Page, selector: str) -> None:
    """Goes there by the Tab key."""
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        if await page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"the Tab key never came to {selector} on {page.url}")


async def entered(page: Page) -> None:
    """Presses Enter; ends on the next page."""
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


def case_url(people: People, opened: dict[str, Any]) -> str:
    return f"{people.world.web}/staff/cases/{opened['case_id']}"


async def decide(page: Page, verdict: str, reason: str) -> None:
    """Fills in the form of the decision that is open, and sends it."""
    await page.locator(f"label[for=verdict-{verdict}]").click()
    await page.locator("#decision-reason").fill(reason)
    await follow(page.locator("[action*='/decision'] button").first)


def alert(page: Page) -> Locator:
    return page.locator("main [role=alert]").first


async def test_c2_a_reviewer_clears_the_queue_by_the_keyboard_alone(
    browse: Browse, people: People, javascript: bool
) -> None:
    insurer = "Keyboard Mutual"
    year = await people.world.later_year()
    mine = [await awaited(people, plan_year=year, insurers=[insurer]) for _ in range(3)]
    page = await browse("en", WIDE, javascript)
    await signs_in(page, people, "Demo Reviewer")
    await page.goto(f"{people.world.web}/staff?kind=agent&plan_year={year}")
    await to(page, ".list tbody th a")
    await entered(page)
    for _ in range(10):
        await expect(page.locator("h1")).to_be_visible()
        await to(page, "[name=verdict]")
        await page.keyboard.press("Space")
        assert await page.locator("#verdict-approve").is_checked()
        await to(page, "#decision-reason")
        await page.keyboard.type("Licence and agreement are in order.")
        await to(page, "[action*='/decision'] button")
        await entered(page)
        await expect(page.locator("main [role=status]").first).to_contain_text("Approved")
        if all([await _decided(people, one) for one in mine]):
            break
    assert [await _decided(people, one) for one in mine] == ["staff:demo-reviewer"] * 3


async def _decided(people: People, opened: dict[str, Any]) -> str | None:
    found: str | None = (await people.world.status(opened))["eligibility"]["decided_by"]
    return found


async def test_shortcuts_move_between_the_rows_and_can_be_switched_off(browse: Browse, people: People) -> None:
    await awaited(people)
    await awaited(people)
    page = await browse()
    await signs_in(page, people, "Demo Reviewer")
    await page.goto(f"{people.world.web}/staff")
    links = page.locator(".list tbody th a")
    await page.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(links.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.locator("#shortcuts")).to_be_visible()
    await audit(page)
    await page.locator("label[for=shortcuts-on]").click()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await expect(links.nth(1)).not_to_be_focused()


async def test_a_decision_that_comes_too_late_is_told_who_decided_first(
    browse: Browse, people: People, javascript: bool
) -> None:
    opened = await awaited(people)
    first, second = await browse("en", WIDE, javascript), await browse("en", PHONE, javascript)
    await signs_in(first, people, "Demo Reviewer")
    await signs_in(second, people, "Demo Second Reviewer")
    for page in (first, second):
        await page.goto(case_url(people, opened) + "?view=all")
    await decide(first, "approve", "The licence is in order.")
    await expect(first.locator("main [role=status]").first).to_contain_text("Approved")
    await decide(second, "deny", "The licence belongs to somebody else.")
    await expect(alert(second)).to_contain_text("Demo Reviewer")
    await expect(alert(second)).to_contain_text("The licence belongs to somebody else.")  # what was typed isn't lost
    await frame(second, "en")
    if javascript:  # which axe needs
        await audit(second)
    assert (await people.world.status(opened))["eligibility"]["status"] == "approved"


async def test_an_update_the_workflow_denies_is_shown_with_its_sentence(
    browse: Browse, people: People, javascript: bool
) -> None:
    opened = await awaited(people)
    page = await browse("en", WIDE, javascript)
    await signs_in(page, people, "Demo Reviewer")
    await page.goto(case_url(people, opened))
    withdrawn = await people.world.command(opened, "withdraw", reason="They asked for it.")
    assert withdrawn.status_code == 200, withdrawn.text
    await decide(page, "approve", "The licence is in order.")
    await expect(alert(page)).to_contain_text("The case has ended: Withdrawn.")
    if javascript:
        await audit(page)


async def test_a_session_that_was_taken_away_leads_to_the_log_in(
    browse: Browse, people: People, javascript: bool
) -> None:
    page, other = await browse("en", WIDE, javascript), await browse("en", PHONE, javascript)
    await signs_in(page, people, "Demo Appeals Reviewer")
    await signs_in(other, people, "Demo Operator")
    await other.goto(f"{people.world.web}/staff/sessions")
    theirs = other.get_by_role("row").filter(has_text="Demo Appeals Reviewer")
    while await theirs.count():
        await follow(theirs.first.get_by_role("button"))
    await follow(page.locator("nav a[href='/staff/cases']"))
    assert "/staff/sign-in?" in page.url
    await expect(page.locator("main [role=status]")).to_contain_text("Your session has ended")
    await frame(page, "en")
    await focus_visible(page)


async def test_filters_stand_in_the_address_and_names_do_not(browse: Browse, people: People, javascript: bool) -> None:
    opened = await awaited(people, first_name="Suchbar", last_name="Findling-Muestra")
    page = await browse("en", WIDE, javascript)
    await signs_in(page, people, "Demo Reviewer")
    await page.goto(f"{people.world.web}/staff/search")
    await page.locator("#words").fill("findling suchbar")
    await follow(page.locator("main form button").first)
    found = page.locator(f"a[href*='{opened['case_id']}']")
    await expect(found.first).to_be_visible()
    assert "indling" not in page.url
    if javascript:
        await audit(page)
    await follow(found.first)
    await expect(page.locator("h1")).to_have_text("Suchbar Findling-Muestra")
    assert "indling" not in page.url
    if javascript:
        await page.go_back()
        await expect(found.first).to_be_visible()
        assert await page.locator("#words").input_value() == "findling suchbar"


async def test_what_was_searched_for_is_not_shown_to_who_signs_in_next(browse: Browse, people: People) -> None:
    page = await browse("en", WIDE)
    await signs_in(page, people, "Demo Reviewer")
    await page.goto(f"{people.world.web}/staff/search")
    await page.locator("#words").fill("findling suchbar")
    await follow(page.locator("main form button").first)
    await expect(page.locator("#found h2")).to_be_visible()
    await follow(page.locator("[action='/staff/sign-out'] button"))
    await signs_in(page, people, "Demo Auditor")
    await page.goto(f"{people.world.web}/staff/search")
    await page.goto(f"{people.world.web}/staff")
    await page.go_back()
    assert page.url.endswith("/staff/search")
    await page.wait_for_load_state("networkidle")
    assert await page.locator("#words").input_value() == ""
    assert await page.evaluate("sessionStorage.length") == 0


async def test_what_can_be_done_stays_in_view_only_where_the_window_has_room_for_it(
    browse: Browse, people: People
) -> None:
    page = await browse()
    await people.signs_in(page, "Demo Reviewer")
    await page.set_viewport_size({"width": 1280, "height": 1600})
    await page.goto(people.world.web + await people.waiting_case())
    panel = page.locator(".case__panel")
    await expect(panel).to_have_css("position", "sticky")
    await page.locator("#decision-usual").select_option("no_license")
    await expect(page.locator("#decision-usual + p")).to_contain_text("license registry", use_inner_text=True)
    ticked = page.locator("#decision-fields input:checked")
    for usual, fields in (("ask_name", ["first_name", "last_name"]), ("ask_license", ["npn", "license_number"])):
        await page.locator("#decision-usual").select_option(usual)
        assert await ticked.evaluate_all("boxes => boxes.map(box => box.name)") == [f"fields.{one}" for one in fields]
    await page.locator("#decision-fields-phone").evaluate("box => { box.checked = true; }")
    await page.locator("#decision-usual").select_option("ask_name")
    await expect(ticked).to_have_count(3)  # what somebody has ticked stays
    await page.set_viewport_size({"width": 1280, "height": 500})
    await expect(panel).to_have_css("position", "static")
    assert await panel.evaluate("(one) => one.scrollHeight <= one.clientHeight"), (
        "it lies in the page, and is all there"
    )
    await page.locator("[for='verdict-ask']").click()
    async with page.expect_navigation():
        await page.locator("[action*='/decision'] [name=preview]").click()
    await expect(page.locator("#seen")).to_be_focused()
