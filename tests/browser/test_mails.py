"""Every notice as HTML in a browser: on a phone and on a wide screen, in the dark too; and the gallery around them."""

from collections.abc import Collection
from typing import Literal

import pytest
from playwright.async_api import ViewportSize

from templates.letters import NoticeRenderer
from tests.browser.checks import audit, fits, focus_visible, frame
from tests.browser.visitors import PHONE, Browse
from tests.support.world import World
from tests.templates.contexts import TEMPLATES
from web.gallery.samples import NOTICES, NoticeSample

pytestmark = pytest.mark.asyncio(loop_scope="session")

LETTERS = NoticeRenderer(TEMPLATES / "notices")
ONE_OF_EACH = {sample.notice: sample for sample in NOTICES}.values()
DESKTOP: ViewportSize = {"width": 800, "height": 900}
NOTICE = "/gallery/notices/certificate_issued/broker-long_name/{language}"


@pytest.mark.parametrize(
    ("size", "scheme", "samples"),
    [(PHONE, "light", NOTICES), (PHONE, "dark", ONE_OF_EACH), (DESKTOP, "light", ONE_OF_EACH)],
    ids=["phone", "dark", "desktop"],
)
async def test_every_notice_reads_well(
    browse: Browse,
    size: ViewportSize,
    scheme: Literal["light", "dark"],
    samples: Collection[NoticeSample],
    language: str,
) -> None:
    page = await browse(language, size)
    await page.emulate_media(color_scheme=scheme)
    for sample in samples:
        if language in sample.languages:
            letter = LETTERS.render_notice(sample.notice, language, sample.build_values(language))
            await page.set_content(letter.html)
            await frame(page, language)
            await audit(page)
            await fits(page)
            before_all = page.locator("body > div").first
            assert (await before_all.text_content() or "").strip(), "a list of mails shows it beside the subject"
            assert not await before_all.is_visible()


@pytest.mark.parametrize("path", ["/gallery", NOTICE])
async def test_the_gallery_can_be_used_by_everybody(
    browse: Browse, world: World, path: str, language: str, javascript: bool
) -> None:
    page = await browse(language, PHONE, javascript)
    answer = await page.goto(f"{world.web}{path.format(language=language)}?lang={language}")
    assert answer is not None
    assert answer.ok
    await frame(page, language)
    await fits(page)
    await focus_visible(page, 320)  # a list of everything there is
    if javascript:
        await audit(page)


async def test_a_mail_in_the_gallery_is_seen_in_its_frame_and_leads_nowhere(browse: Browse, world: World) -> None:
    page = await browse("en")
    await page.goto(world.web + NOTICE.format(language="en"))
    mail = page.frame_locator("iframe").first
    await mail.get_by_role("heading", level=1).wait_for()
    assert await mail.locator("h1").inner_text() == "Your certificate for plan year 2024"
    button = mail.get_by_role("link", name="Register on the Broker Portal")
    assert await button.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(0, 94, 162)"
