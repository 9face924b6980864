"""Fills in the request form step by step, as a person with a browser and no scripts does."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from templates.catalogs import translate
from tests.support.browser import Browser, Page

# A case's number: what is sent again is confirmed by one of its own, whatever becomes of it (D4).
REFERENCE = re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")

START, CHECK, CONFIRM, DONE = "/request", "/request/check", "/request/confirm", "/request/done"
# Waits for the code that comes to an address.
Code = Callable[[str], Awaitable[str]]
_TAKEN_IN = ("NM", "AZ", "CO", "OK", "TX", "UT")


def place(page: Page) -> str:
    """The path of a page, without what is asked of it."""
    return urlsplit(page.url).path


def step_of(page: Page) -> str:
    return place(page).removeprefix("/request/")


async def press(browser: Browser, label: str, **changes: str) -> Page:
    """Presses a button by its English name, whatever language the page is in."""
    return await browser.press(translate(label, browser.page.language), **changes)


async def begin(browser: Browser, web: str = "", plan_year: int = 2024, language: str = "") -> Page:
    """From the start page to the first step."""
    await browser.open(f"{web}{START}" + (f"?lang={language}" if language else ""))
    return await press(browser, "Start", plan_year=str(plan_year))


async def answer(browser: Browser, **changes: str) -> Page:
    """Answers the step that is open and goes on."""
    return await press(browser, "Continue", **changes)


async def fill_in(browser: Browser, document: dict[str, Any], until: str = "check") -> Page:
    """Answers one step after the other as a request says, up to the one named; by default the list of answers."""
    asked = answers_of(document)
    while (slug := step_of(browser.page)) != until:
        if slug == "insurers":
            await _insurers(browser, document["insurers"])
        page = await answer(browser, **asked[slug])
        assert step_of(page) != slug, f"{slug} leads nowhere: {page.text}"
    return browser.page


async def send(browser: Browser, document: dict[str, Any], code: Code, web: str = "", language: str = "") -> Page:
    """A whole request, from the start page to its confirmation."""
    await begin(browser, web, document["plan_year"], language)
    await fill_in(browser, document)
    return await hand_in(browser, code)


async def hand_in(browser: Browser, code: Code) -> Page:
    """Sends what is filled in, and types the code that comes to its address, where one is asked for."""
    page = await press(browser, "Send the request")
    if not place(page).endswith("/confirm"):
        return page
    email = next(form.fields["email"] for form in page.forms if "email" in form.fields)
    return await press(browser, "Go on", code=await code(email))


def first(kind: str, state: str = "NM") -> dict[str, str]:
    """The first questions, as somebody answers them who has never been here; who may not come in says otherwise."""
    return {"experience": "new", "kind": kind, "work_state": state if state in _TAKEN_IN else "NM"}


def answers_of(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What a person says at each step of a request."""
    employer = document.get("employer", {})
    return {
        "kind": first(document["kind"], document["physical_address"]["state"]),
        "name": {name: document[name] for name in ("first_name", "last_name")},
        "contact": {name: document[name] for name in ("email", "phone", "language")},
        "license": {name: document.get(name, "") for name in ("npn", "license_number")},
        "employer": {f"employer__{part}": text for part, text in employer.items()},
        "insurers": {},
        "business-address": _address("business_address", document),
        "physical-address": _address("physical_address", document),
        "agreement": _ticked("agreement_accepted", document),
        "background-check": _ticked("background_check_consent", document),
    }


async def _insurers(browser: Browser, insurers: list[str]) -> None:
    """One row after the other; the last is left to be sent on."""
    for number, name in enumerate(insurers):
        browser.page.forms[-1].fields[f"insurers.{number}"] = name
        if number + 1 < len(insurers):
            await press(browser, "Add another insurance company")


def _address(field: str, document: dict[str, Any]) -> dict[str, str]:
    return {f"{field}__{part}": text for part, text in document.get(field, {}).items() if text}


def _ticked(field: str, document: dict[str, Any]) -> dict[str, str]:
    return {field: "true"} if document.get(field) else {}
