"""A real browser over the real stack: one Chromium for each test process, a profile for each visitor."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.browser.people import People
from tests.browser.visitors import Browse, Browsers
from tests.support.marketplace import Marketplace
from tests.support.patience import PATIENCE
from tests.support.world import World

FINDER = Path(__file__).parents[2] / ".ci" / "browser"
# No name is looked up: pages and Chromium itself reach this machine and nothing else.
ARGUMENTS = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
# As long as everything else is waited for in a page (visitors.py); left to itself it gives up after five seconds.
expect.set_options(timeout=1000 * PATIENCE)


@pytest.fixture(scope="session")
def executable() -> str:
    """Where Chromium is. Without one the tests are skipped; with CI set in the environment they fail."""
    found = subprocess.run([FINDER, "--find"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    if os.environ.get("CI"):
        raise RuntimeError("CI is set, and there is no Chromium to test with: .ci/browser says how to get one")
    pytest.skip("there is no Chromium to test with: .ci/browser says how to get one")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers(executable: str) -> AsyncIterator[Browsers]:
    """Chromium without a window; Playwright starts it without its sandbox, which root can't have."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield Browsers(chromium)
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browse(browsers: Browsers) -> AsyncIterator[Browse]:
    """Opens browsers for people; at the end nothing may have gone wrong in any page they saw."""
    yield browsers.open
    complaints = await browsers.told()
    await browsers.clean()
    assert not complaints, "\n".join(complaints)


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def javascript(request: pytest.FixtureRequest) -> bool:
    """With JavaScript and without."""
    return bool(request.param)


@pytest.fixture(params=["en", "es"])
def language(request: pytest.FixtureRequest) -> str:
    """Both languages."""
    return str(request.param)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(executable: str, world: World) -> People:
    """People in every state that a page shows. Where there is no browser, no stack is started for them either."""
    return People(world, Marketplace(world.stack, world.http))
