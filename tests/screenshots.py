"""Takes the pictures of the docs, `python -m tests.screenshots`; with --all FOLDER every page, to be looked at."""

import argparse
import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx2
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from starter.policies import load_policies
from starter.stack.embedded import run_stack
from tests.browser.pages import PAGES
from tests.browser.people import People
from tests.browser.visitors import PHONE, WIDE
from tests.support import documents
from tests.support.marketplace import Marketplace
from tests.support.world import World

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
SCREENS: dict[str, ViewportSize] = {"wide": WIDE, "phone": PHONE}
# The pages that docs show, each with the language and the screen it is shown in.
SHOWN = (
    ("staff_queue", "en", "wide"),
    ("staff_case", "en", "wide"),
    ("staff_dashboard", "en", "wide"),
    ("status_certified", "es", "phone"),
)
WAITING = 6


@asynccontextmanager
async def visitors(folder: Path) -> AsyncIterator[tuple[Browser, People]]:
    """A stack with some people in its queue, and a browser."""
    found = subprocess.run([ROOT / ".ci" / "browser", "--find"], capture_output=True, text=True, check=True)
    async with run_stack(folder) as stack, httpx2.AsyncClient(timeout=60) as http, async_playwright() as playwright:
        world = World(stack, http)
        for number in range(WAITING):
            request = documents.broker() if number % 2 else documents.counselor()
            await world.opened(request)
        browser = await playwright.chromium.launch(executable_path=found.stdout.strip())
        yield browser, People(world, Marketplace(stack, http))
        await browser.close()


async def picture(browser: Browser, people: People, name: str, language: str, screen: str, to: Path) -> None:
    """One page as one picture, as long as the page is."""
    context = await browser.new_context(viewport=SCREENS[screen], reduced_motion="reduce", device_scale_factor=1)
    page = await context.new_page()
    await PAGES[name].way(page, people, language)
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=to / f"{name.replace('_', '-')}-{language}-{screen}.png", full_page=True)
    await context.close()


async def temporal(browser: Browser, people: People, to: Path) -> None:
    """The operator's view: the list of workflows that wait for staff, and what one of them says of itself."""
    context = await browser.new_context(viewport=WIDE)
    page = await context.new_page()
    ui = f"{people.world.stack['temporal_ui']}/namespaces/default/workflows"
    query = quote('WaitsOn = "staff"')
    await _shown(page, f"{ui}?query={query}", "table tbody tr")
    await page.screenshot(path=to / "temporal-list.png")
    await people.waiting()
    case = await people.world.status({"case_id": people.known["waiting_case"]})
    await _shown(page, f"{ui}/{quote(case['workflow_id'], safe='')}", "text=Timeline")
    for tab, name in (("User Metadata", "temporal-case"), ("Search Attributes", "temporal-attributes")):
        await page.get_by_text(tab, exact=True).first.click()
        await page.wait_for_timeout(3_000)
        await page.screenshot(path=to / f"{name}.png")
    await context.close()


async def _shown(page: Page, url: str, selector: str) -> None:
    await page.goto(url)
    await page.locator(selector).first.wait_for(timeout=30_000)
    await page.wait_for_timeout(3_000)


async def main() -> None:
    """Takes what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, in both languages, wide and narrow")
    parser.add_argument("--only", default="", help="of those, the pages whose name begins so")
    wanted = parser.parse_args()
    to: Path = wanted.all or PICTURES
    to.mkdir(parents=True, exist_ok=True)
    every = [(name, language, screen) for name in PAGES for language in ("en", "es") for screen in SCREENS]
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        async with visitors(Path(folder)) as (browser, people):
            for name, language, screen in every if wanted.all else SHOWN:
                if name.startswith(wanted.only):
                    try:
                        await picture(browser, people, name, language, screen, to)
                    except Exception as error:
                        if not wanted.all:
                            raise
                        print(f"{name} {language} {screen}: {error}")
            if not wanted.only:
                await temporal(browser, people, to)


if __name__ == "__main__":
    load_policies(trying=True)
    asyncio.run(main())
    os._exit(0)
