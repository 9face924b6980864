"""The request to be certified, from the start page to the e-mailed link, as somebody with a browser sends it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, ViewportSize, expect

from templates.catalogs import translate
from tests.browser.checks import audit, fits, focus_visible, frame
from tests.browser.forms import fill_in, follow, press
from tests.browser.people import People
from tests.browser.visitors import PHONE, WIDE, Browse
from tests.support import documents
from tests.support.form import answers_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
SLUG = re.compile(r"/request/([a-z-]+)")


def slug(page: Page) -> str:
    """The step that is open."""
    found = SLUG.search(page.url)
    assert found, page.url
    return found[1]


async def pressed(page: Page, label: str) -> None:
    """Presses a button by its English name, in the language of the page; ends on the next page."""
    language = await page.locator("html").get_attribute("lang") or ""
    async with page.expect_navigation():
        await press(page, translate(label, language))


async def answer(page: Page, document: Document, **changes: str) -> None:
    """Answers the step that is open as the request says, and goes on."""
    asked = answers_of(document)[slug(page)]
    await fill_in(page, {**{name.replace("__", "."): text for name, text in asked.items()}, **changes})
    if slug(page) == "insurers":
        await insure(page, document["insurers"])
    await pressed(page, "Continue")


async def insure(page: Page, insurers: list[str]) -> None:
    """One company after the other, each in a row of its own."""
    for number, name in enumerate(insurers):
        if number:
            await pressed(page, "Add another insurance company")
        await fill_in(page, {f"insurers.{number}": name})


async def test_a10_a_request_in_spanish_on_a_phone_one_mistake_corrected_and_its_link(
    browse: Browse, people: People, javascript: bool
) -> None:
    request = documents.broker(language="es", first_name="Muestra", last_name="Corredora")
    await people.world.know(documents.producer(request))
    page = await browse("es", PHONE, javascript)
    await page.goto(f"{people.world.web}/request")
    await fill_in(page, {"plan_year": "2024"})
    await pressed(page, "Start")
    while slug(page) != "contact":
        await answer(page, request)
    await answer(page, request, email="muestra.corredora")
    await corrected(page, request)
    while slug(page) != "check":
        await answer(page, request)
    for shown in (request["email"], request["npn"], *request["insurers"]):
        await expect(page.locator("main")).to_contain_text(shown)
    await frame(page, "es")
    await fits(page)
    await pressed(page, "Send the request")
    assert slug(page) == "confirm"
    await frame(page, "es")
    await fits(page)
    await fill_in(page, {"code": await people.world.code(request["email"])})
    await pressed(page, "Go on")
    assert slug(page) == "done"
    await expect(page.locator("h1")).to_have_text(translate("Thank you. We have your request.", "es"))
    await frame(page, "es")
    await fits(page)
    await its_link(page, people, request)


async def corrected(page: Page, request: Document) -> None:
    """The mistake is told at the top and at its field, everything else is kept; then it is put right."""
    assert slug(page) == "contact"
    assert (await page.title()).startswith(translate("Error:", "es"))
    await frame(page, "es")
    await page.locator("[role=alert] a[href='#email']").click()
    field = page.locator("[name=email]")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_value("muestra.corredora")
    await expect(page.locator("[name=phone]")).to_have_value(request["phone"])
    await fill_in(page, {"email": request["email"]})
    await pressed(page, "Continue")
    assert slug(page) != "contact"


async def its_link(page: Page, people: People, request: Document) -> None:
    """The e-mail confirms it in Spanish, and its link leads by a code to where the request stands."""
    link = f"{people.world.web}/me"
    letter = await people.world.letter(request["email"], lambda letter: link in letter["text"].split())
    assert letter["language"] == "es"
    await page.goto(link)
    await follow(page.locator("main .cards a").first)
    await frame(page, "es")
    await expect(page.locator("main")).to_contain_text("Muestra")
    heading = translate("Your certification for plan year %(year)s", "es") % {"year": 2024}
    await expect(page.locator("h1")).to_have_text(heading)
    await fits(page)


@pytest.mark.parametrize(
    ("make", "language", "screen"),
    [(documents.broker, "en", WIDE), (documents.counselor, "es", PHONE)],
    ids=["broker", "counselor"],
)
async def test_every_step_of_the_request_can_be_used_by_everybody(
    make: Callable[[], Document], language: str, screen: ViewportSize, browse: Browse, people: People
) -> None:
    request = make()
    page = await browse(language, screen)
    await page.goto(f"{people.world.web}/request")
    await fill_in(page, {"plan_year": "2024"})
    await pressed(page, "Start")
    seen = []
    while slug(page) != "done":
        seen.append(slug(page))
        await stands(page, language)
        if seen[-1] == "check":
            await pressed(page, "Send the request")
            continue
        if seen[-1] == "confirm":
            await fill_in(page, {"code": await people.world.code(request["email"])})
            await pressed(page, "Go on")
            continue
        await pressed(page, "Continue")
        if slug(page) == seen[-1]:  # not so where an answer isn't needed
            await expect(page.locator("[role=alert]")).to_be_visible()
            await frame(page, language)
            await audit(page)
            await answer(page, request)
    await stands(page, language)
    assert len(seen) > 6


async def stands(page: Page, language: str) -> None:
    """Every check of a page."""
    await frame(page, language)
    await audit(page)
    await focus_visible(page)
    await fits(page)
