"""Takes the pictures of the docs, `python -m tests.screenshots`; with --all FOLDER every page, to be looked at.

Pages change and pictures don't. `docs/pictures/taken.json` says on which day they were taken, and from which
pages; with --check nothing is taken, and status 1 says that the pages have changed since.
"""

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
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
# What pages look like: these files, and nothing else, are what pictures are held against.
LOOKS = ("templates/pages/**/*.html", "web/static/*.css", "templates/locale/**/*.po")


@dataclass(frozen=True)
class Shown:
    """A page that docs show, its language and its screen: as long as it is, or one screen from an element on."""

    page: str
    language: str
    screen: str
    from_place: str | None = None


SHOWN = {
    "assister-phone": Shown("status_active", "en", "phone", "main"),
    "assister-phone-es": Shown("status_asked", "es", "phone", "main"),
    "reviewer-desk": Shown("staff_case", "en", "wide", "body"),
    "staff-queue": Shown("staff_queue", "en", "wide"),
    "staff-case": Shown("staff_case", "en", "wide"),
    "staff-dashboard": Shown("staff_dashboard", "en", "wide"),
}
OF_TEMPORAL = ("temporal-list", "temporal-case", "temporal-attributes")
QUALITY = 80
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


async def take_page(browser: Browser, people: People, shown: Shown, file: Path) -> None:
    """One page as one picture."""
    context = await browser.new_context(viewport=SCREENS[shown.screen], reduced_motion="reduce", device_scale_factor=1)
    page = await context.new_page()
    await PAGES[shown.page].way(page, people, shown.language)
    await page.wait_for_load_state("networkidle")
    await save_picture(page, file, await find_clip(page, shown.from_place))
    await context.close()


async def find_clip(page: Page, place: str | None) -> dict[str, float]:
    """The part of a page to be shown: a screen of it from an element on, or all of it."""
    assert page.viewport_size
    box = await page.locator(place or "html").first.bounding_box()
    assert box
    height = page.viewport_size["height"] if place else box["height"]
    return {"x": 0, "y": box["y"], "width": page.viewport_size["width"], "height": height, "scale": 1}


async def save_picture(page: Page, file: Path, clip: dict[str, float] | None = None) -> None:
    """What the browser shows, or a part of the page, as WebP: a third of PNG, which is all Playwright's own can do."""
    session = await page.context.new_cdp_session(page)
    part = {"clip": clip, "captureBeyondViewport": True} if clip else {}
    taken = await session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY, **part})
    file.write_bytes(b64decode(taken["data"]))


async def take_temporal(browser: Browser, people: People, to: Path) -> None:
    """The operator's view: the list of workflows that wait for staff, and what one of them says of itself."""
    context = await browser.new_context(viewport=WIDE)
    page = await context.new_page()
    ui = f"{people.world.stack['temporal_ui']}/namespaces/default/workflows"
    query = quote('WaitsOn = "staff"')
    await _shown(page, f"{ui}?query={query}", "table tbody tr")
    await save_picture(page, to / "temporal-list.webp")
    await people.waiting()
    case = await people.world.status({"case_id": people.known["waiting_case"]})
    await _shown(page, f"{ui}/{quote(case['workflow_id'], safe='')}", "text=Timeline")
    for tab, name in (("User Metadata", "temporal-case"), ("Search Attributes", "temporal-attributes")):
        await page.get_by_text(tab, exact=True).first.click()
        await page.wait_for_timeout(3_000)
        await save_picture(page, to / f"{name}.webp")
    await context.close()


async def _shown(page: Page, url: str, selector: str) -> None:
    await page.goto(url)
    await page.locator(selector).first.wait_for(timeout=30_000)
    await page.wait_for_timeout(3_000)


def digest_looks() -> str:
    """SHA-256 of what the pages look like now."""
    files = sorted(path for pattern in LOOKS for path in ROOT.glob(pattern))
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def note_taken() -> None:
    """Keeps on which day the pictures were taken, and what the pages looked like."""
    taken = {"on": datetime.now(UTC).date().isoformat(), "looks": digest_looks()}
    (PICTURES / "taken.json").write_text(json.dumps(taken, indent=2) + "\n")


def find_staleness() -> str | None:
    """What is to be said of pictures that are older than the pages; None where they are as these are."""
    taken = json.loads((PICTURES / "taken.json").read_text())
    if taken["looks"] == digest_looks():
        return None
    return f"The pages have changed since the pictures were taken, {taken['on']}: make screenshots takes them anew."


async def take_all(only: str, folder: Path | None) -> None:
    """The pictures of the docs; with a folder, every page into it, or those whose name begins with ``only``."""
    every = {
        f"{name.replace('_', '-')}-{language}-{screen}": Shown(name, language, screen)
        for name in PAGES
        if name.startswith(only)
        for language in ("en", "es")
        for screen in SCREENS
    }
    to = folder or PICTURES
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as data:
        async with visitors(Path(data)) as (browser, people):
            for name, shown in (every if folder else SHOWN).items():
                try:
                    await take_page(browser, people, shown, to / f"{name}.webp")
                except Exception as error:
                    if not folder:
                        raise
                    print(f"{name}: {error}")
            if not only:
                await take_temporal(browser, people, to)
    if not folder:
        note_taken()


def main() -> int:
    """Takes what is asked for, or says whether the docs' pictures are of before. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, in both languages, wide and narrow")
    parser.add_argument("--only", default="", help="of those, the pages whose name begins so")
    parser.add_argument("--check", action="store_true", help="take nothing; status 1 where the pages have changed")
    wanted = parser.parse_args()
    if wanted.check:
        said = find_staleness()
        print(said or "The pictures are of the pages as they are.")
        return 1 if said else 0
    if wanted.only and not wanted.all:
        parser.error("--only goes with --all FOLDER: the docs' pictures are taken together.")
    load_policies(trying=True)
    asyncio.run(take_all(wanted.only, wanted.all))
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
