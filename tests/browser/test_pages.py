"""Every page can be used by everybody: in both languages, by keyboard, enlarged, with and without JavaScript."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute, iter_route_contexts
from playwright.async_api import ViewportSize
from starlette.routing import compile_path

from tests.browser.checks import audit, fits, focus_visible, frame
from tests.browser.pages import PAGES
from tests.browser.people import People
from tests.browser.visitors import PHONE, WIDE, Browse
from tests.web.conftest import settings_of
from web.app import create_app

# Routes that answer browsers with a page and others with JSON.
BOTH = {"/certificates/{number}", "/registry/tracker/{npn}"}
# What test_request.py and test_mails.py see to.
ELSEWHERE = {"/request/{slug}", "/request/check", "/request/confirm", "/request/done"}
# What leads on to another page, is a file, or is shown within another page.
NO_PAGES = {
    "/staff/export.csv",
    "/staff/season/{program}/{plan_year}/left-out.csv",
    "/staff/imports/{import_id}/refused.csv",
    "/me/{reference}/certificate",
    "/staff/cases/{case_id}/certificate",
    "/staff/cases/{case_id}/certificate/{market}",
    "/staff/cases/{case_id}/mails/{number}/html",
    "/staff/sign-in/start",
    "/staff/sign-in/callback",
    "/me/{reference}/launches",
    "/me/launches/{learner}",
    "/me/{reference}/agreements/{name}/open",
    "/me/{reference}/agreements/{name}/accept",
    "/me/{reference}/certificates/{name}",
    "/me/sign-out",
    "/me/{reference}/npn/identity",
    "/me/identity/callback",
    "/me/sign-in/identity",
    "/status/{rest}",
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("language", "screen"), [("en", WIDE), ("es", PHONE)], ids=["en-desk", "es-phone"])
async def test_a_page_can_be_used_by_everybody(
    name: str, language: str, screen: ViewportSize, browse: Browse, people: People
) -> None:
    page = await browse(language, screen)
    await PAGES[name].way(page, people, language)
    assert compile_path(PAGES[name].route)[0].match(urlsplit(page.url).path), f"{page.url} is not {PAGES[name].route}"
    await frame(page, language)
    await audit(page)
    await focus_visible(page)
    await fits(page)
    if await page.locator("script").count():  # a page that has none is the same one without JavaScript
        page = await browse(language, screen, javascript=False)
        await PAGES[name].way(page, people, language)
        await frame(page, language)
        await fits(page)


def test_every_page_there_is_has_a_row() -> None:
    app = create_app(settings_of(Path("/nowhere")))
    routes = [one.original_route for one in iter_route_contexts(app.routes)]
    found = {
        route.path_format
        for route in routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.response_class is HTMLResponse
    }
    assert len(found) > 20
    assert (found | BOTH) - NO_PAGES - ELSEWHERE - {row.route for row in PAGES.values()} == set()
