"""Fills in the marketplace's request step by step, as a person with a browser and no scripts does."""

from collections.abc import Mapping
from typing import Any

from tests.support.browser import Browser, Page
from tests.support.form import Code, place, press
from web.marketplace.form import SHAPE

START, CHECK, CONFIRM, DONE = (f"/portal/register{path}" for path in ("", "/check", "/confirm", "/done"))


def form_of(document: Mapping[str, Any]) -> dict[str, str]:
    """What a browser posts for a request to register, empty fields too."""
    return {"business_npn": "", "web_entity_npn": "", **SHAPE.list_values(document)}


def step_of(page: Page) -> str:
    return place(page).removeprefix(f"{START}/")


async def begin(browser: Browser, web: str = "", plan_year: int = 2024, language: str = "") -> Page:
    """From the start page to the first step."""
    await browser.open(f"{web}{START}?plan_year={plan_year}" + (f"&lang={language}" if language else ""))
    return await press(browser, "Start")


async def answer(browser: Browser, **changes: str) -> Page:
    """Answers the step that is open and goes on."""
    return await press(browser, "Continue", **changes)


async def fill_in(browser: Browser, document: Mapping[str, Any], until: str = "check") -> Page:
    """Answers one step after the other as a request says, up to the one named; by default the list of answers."""
    answers = {name.replace(".", "__"): text for name, text in form_of(document).items()}
    while (slug := step_of(browser.page)) != until:
        page = await answer(browser, **answers)
        assert step_of(page) != slug, f"{slug} leads nowhere: {page.text}"
    return browser.page


async def ask(browser: Browser, document: Mapping[str, Any], web: str = "", language: str = "") -> Page:
    """A whole request, sent: up to the code, or to the confirmation of who is signed in."""
    await begin(browser, web, document["plan_year"], language)
    await fill_in(browser, document)
    return await press(browser, "Send the request")


async def send(browser: Browser, document: Mapping[str, Any], code: Code, web: str = "", language: str = "") -> Page:
    """A whole request with the code that comes to its address, from the start page to its confirmation."""
    page = await ask(browser, document, web, language)
    return await press(browser, "Go on", code=await code(document["email"].lower())) if place(page) == CONFIRM else page
