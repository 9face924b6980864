"""What every page must stand, asked of it in a browser: axe, its frame, a narrow screen, the keyboard; no test."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page, ViewportSize

AXE = (Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
CHECKS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

# WCAG 2.2 A and AA, and what axe recommends besides; the size of targets is among them but is off unless asked for.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
RUN = """async (rules) => (await axe.run(rules)).violations.flatMap(({id, help, helpUrl, nodes}) =>
    nodes.map(({target, failureSummary}) =>
        `${id}: ${target.join(" ")}: ${help}; ${failureSummary.replace(/\\s*\\n\\s*/g, "; ")} ${helpUrl}`))"""

# 1280 pixels at 400 %.
NARROWEST: ViewportSize = {"width": 320, "height": 640}
MOST_STOPS = 120


async def audit(page: Page) -> None:
    """axe finds nothing. It needs JavaScript, but is put in from outside: the page's policy lets nothing else in."""
    await page.wait_for_load_state()
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    faults: list[str] = await page.evaluate(RUN, RULES)
    assert not faults, _told(page, faults)


async def frame(page: Page, language: str) -> None:
    """A title, the language, one first heading, the landmarks banner, main, contentinfo, one each; and its fonts."""
    found: dict[str, Any] = await _asked(page, "frame")
    faults = [] if found["title"] else ["no title"]
    if found["lang"] != language:
        faults.append(f"lang is {found['lang']}, not {language}")
    faults += [f"{found[part]} × {part}" for part in ("h1", "main", "banner", "contentinfo") if found[part] != 1]
    faults += [f"the font {family} is missing" for family in found["missing"]]
    assert not faults, _told(page, faults)


async def fits(page: Page) -> None:
    """Nothing sticks out sideways at 320 pixels; wide things scroll in a box of their own."""
    size = page.viewport_size
    await page.set_viewport_size(NARROWEST)
    found: dict[str, Any] = await _asked(page, "sticking")
    if size:
        await page.set_viewport_size(size)
    assert not found["scrolls"], _told(page, ["scrolls sideways", *found["elements"]])
    assert not found["elements"], _told(page, found["elements"])


async def focus_visible(page: Page, most_stops: int = MOST_STOPS) -> None:
    """The keyboard reaches everything that can be used, and each is in view and looks different in focus."""
    stops: int = await _asked(page, "begin")
    assert stops <= most_stops, f"{page.url} has {stops} stops"
    faults: list[str] = []
    # From where the focus was last, so it may go round; a second time, since into a frame and out of it takes a while.
    # What is in the frame comes on top.
    presses = 2 * stops + 10
    for _ in range(3 * most_stops):
        await page.keyboard.press("Tab")
        found: dict[str, Any] = await page.evaluate("checks.focused()")
        faults += found["faults"]
        presses -= 0 if found["inside"] else 1
        if found["left"] == 0 or presses == 0:
            break
    faults += await page.evaluate("checks.missed()")
    assert not faults, _told(page, list(dict.fromkeys(faults)))


async def _asked(page: Page, question: str) -> Any:
    await page.wait_for_load_state()  # half a page has no heading yet
    return await page.evaluate(f"{CHECKS}\nchecks.{question}()")


def _told(page: Page, faults: list[str]) -> str:
    """The faults of a page, one per line."""
    return "\n  ".join([f"{page.url}:", *faults])
