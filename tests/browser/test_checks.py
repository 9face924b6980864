"""The checks find what they are there for: pages with one thing wrong each, served from this machine."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page
from pytest_httpserver import HTTPServer

from tests.browser.checks import audit, fits, focus_visible, frame
from tests.browser.visitors import Browsers

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[1] / "vendor" / "axe-core"
# As strict as ours about scripts.
POLICY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src *"
}
PAGE = """<!DOCTYPE html><html lang="en"><head><title>A sample</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><header>Sample</header><main><h1>A sample</h1>{main}</main><footer>The end</footer></body></html>"""

Show = Callable[[str], Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def show(browsers: Browsers, httpserver: HTTPServer) -> AsyncIterator[Show]:
    """Shows a page of this text."""

    async def shown(text: str) -> Page:
        page_text = text if "<html" in text else PAGE.format(main=text)
        httpserver.expect_request("/").respond_with_data(page_text, content_type="text/html", headers=POLICY)
        page = await browsers.open()
        await page.goto(httpserver.url_for("/"))
        return page

    yield shown
    await browsers.clean()


async def test_a_sound_page_passes_every_check(show: Show, browsers: Browsers) -> None:
    page = await show('<p>A <a href="/">link</a> and a <button>button</button>.</p>')
    for _ in range(2):
        await frame(page, "en")
        await audit(page)
        await focus_visible(page)
        await fits(page)
    assert await browsers.told() == []


async def test_axe_is_what_its_readme_says() -> None:
    rows = re.findall(r"\| `(\S+)` \| `([0-9a-f]{64})` \|", (AXE / "README.md").read_text())
    assert {name for name, _ in rows} == {path.name for path in AXE.iterdir()} - {"README.md"}
    assert rows == [(name, sha256((AXE / name).read_bytes()).hexdigest()) for name, _ in rows]
    assert b"axe v4.14.1\n" in (AXE / "axe.min.js").read_bytes()[:20]


@pytest.mark.parametrize(
    ("rule", "main"),
    [
        ("image-alt", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'),
        ("label", '<input name="nameless">'),
        ("color-contrast", '<p style="color: #aaa">Hard to read</p>'),
        ("target-size", '<a href="/1" style="font-size: 8px">1</a><br><a href="/2" style="font-size: 8px">2</a>'),
        ("heading-order", "<h4>Too deep</h4>"),
        ("region", "</main><p>Outside of every landmark</p><main hidden>"),
    ],
)
async def test_axe_finds_it_in_spite_of_the_policy_and_says_where(show: Show, rule: str, main: str) -> None:
    page = await show(main)
    with pytest.raises(AssertionError, match=rf"\n  {rule}: \S.*https://dequeuniversity.com/rules/axe/4.14/{rule}"):
        await audit(page)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("no title", ("<title>A sample</title>", "")),
        ("lang is en, not es", ("", "")),
        ("0 × h1", ("<h1>A sample</h1>", "<h1></h1>")),
        ("2 × h1", ("<h1>", "<h1>Another</h1><h1>")),
        ("2 × main", ("</main>", "</main><div role=main>Another</div>")),
        ("0 × banner", ("<header>Sample</header>", "<nav><header>Sample</header></nav>")),
        ("0 × contentinfo", ("<footer>", "<footer hidden>")),
    ],
)
async def test_a_part_of_the_frame_that_is_missing_or_there_twice_is_named(
    show: Show, said: str, change: tuple[str, str]
) -> None:
    page = await show(PAGE.format(main="<section><header>Not a banner</header></section>").replace(*change))
    with pytest.raises(AssertionError, match=re.escape(said)):
        await frame(page, "es" if "lang" in said else "en")


async def test_a_font_that_the_page_is_written_in_and_that_is_missing_is_named(
    show: Show, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/missing.woff2").respond_with_data("", 404)
    face = "@font-face { font-family: 'A Sample'; src: url(/missing.woff2) }"
    page = await show(f"<style>{face} p {{ font-family: 'A Sample', serif }}</style><p>Written in it</p>")
    await page.evaluate("document.fonts.ready.then(() => 0)")
    with pytest.raises(AssertionError, match="the font A Sample is missing"):
        await frame(page, "en")


@pytest.mark.parametrize(
    "main",
    [
        '<p style="width: 400px">Too wide</p>',
        f"<p>{'long' * 30}</p>",
        f'<div style="overflow: hidden"><p style="width: 900px">Cut off {"far " * 40}</p></div>',
    ],
    ids=["box", "word", "cut"],
)
async def test_what_sticks_out_of_a_narrow_screen_is_named(show: Show, main: str) -> None:
    page = await show(main)
    with pytest.raises(AssertionError, match=r'\n  p "\w+.* to \d+'):
        await fits(page)


async def test_what_scrolls_in_its_own_box_fits(show: Show) -> None:
    page = await show('<div tabindex="0" style="overflow-x: auto"><p style="width: 900px">A wide table</p></div>')
    await fits(page)
    assert page.viewport_size == {"width": 1280, "height": 900}


@pytest.mark.parametrize(
    ("said", "main"),
    [
        ("shows no focus", '<a href="/" id="it" style="outline: none">A link</a>'),
        ("shows no focus", '<a href="/" id="it" style="outline: 2px solid">A link that always has a ring</a>'),
        ("is out of view", '<a href="/" id="it" style="position: fixed; left: -99em">A link</a>'),
        ("covered", '<div style="position: fixed; inset: 0; background: #fff"></div><a href="/" id="it">A link</a>'),
    ],
)
async def test_a_focus_that_nobody_sees_is_named(show: Show, said: str, main: str) -> None:
    page = await show(main)
    with pytest.raises(AssertionError, match=f"a#it .*{said}"):
        await focus_visible(page)


async def test_a_ring_around_the_label_that_stands_for_a_box_counts(show: Show) -> None:
    style = "<style>input { position: absolute; left: -99em } input:focus + label { box-shadow: 0 0 0 2px }</style>"
    page = await show(f'{style}<p><input id="it" type="checkbox"><label for="it">A box</label></p>')
    await focus_visible(page)


async def test_a_trap_for_the_keyboard_is_found(show: Show) -> None:
    page = await show('<input aria-label="A trap"><a href="/" id="behind">A link</a>')
    keep = "document.querySelector('input').addEventListener('keydown', (event) => event.preventDefault())"
    await page.evaluate(keep)
    with pytest.raises(AssertionError, match=r"a#behind .*is not reached by keyboard"):
        await focus_visible(page)


async def test_who_comes_after_gets_the_browser_empty(show: Show, browsers: Browsers) -> None:
    page = await show("<h2>Mine</h2>")
    await page.evaluate(
        "document.cookie = 'mine=1'; sessionStorage.mine = localStorage.mine = 1; console.error('mine')"
    )
    assert await browsers.told() == ["console: mine"]
    await browsers.clean()
    after = await show("")
    assert after is page
    assert await after.evaluate("document.cookie + [sessionStorage.mine, localStorage.mine]") == ","
    assert await browsers.told() == []


@pytest.mark.parametrize(
    ("said", "main"),
    [
        ("Content Security Policy", "<script>let a = 1</script>"),
        ("Content Security Policy", '<button onclick="go()">Go</button>'),
        ("404: http", '<link rel="stylesheet" href="/missing.css">'),
        ("asked elsewhere: http://elsewhere.example.org/", '<img alt="" src="http://elsewhere.example.org/dot.gif">'),
    ],
)
async def test_what_a_page_may_not_load_is_complained_of(
    show: Show, browsers: Browsers, httpserver: HTTPServer, said: str, main: str
) -> None:
    httpserver.expect_request("/missing.css").respond_with_data("", 404)
    page = await show(main)
    if "onclick" in main:
        await page.locator("button").click()
    assert any(said in complaint for complaint in await browsers.told())


@pytest.mark.parametrize(
    ("said", "script"),
    [
        ("console: gone", "console.error('gone')"),
        ("console: old", "console.warn('old')"),
        ("uncaught: oh", "setTimeout(() => { throw new Error('oh') })"),
        ("failed: http", "fetch('http://127.0.0.1:9/').catch(() => 0)"),
    ],
)
async def test_what_goes_wrong_in_a_page_is_complained_of(
    show: Show, browsers: Browsers, said: str, script: str
) -> None:
    page = await show("")
    await page.evaluate(script)
    await page.wait_for_timeout(200)
    assert any(complaint.startswith(said) for complaint in await browsers.told())


async def test_a_page_that_is_not_found_is_an_answer_and_no_complaint(
    show: Show, browsers: Browsers, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/nowhere").respond_with_data(PAGE.format(main=""), 404, content_type="text/html")
    page = await show("")
    await page.goto(httpserver.url_for("/nowhere"))
    assert await browsers.told() == []
