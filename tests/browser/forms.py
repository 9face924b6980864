"""Fills in forms as a person does: types, chooses, and ticks what a label names; no test."""

from collections.abc import Mapping

from playwright.async_api import Locator, Page


async def fill_in(page: Page, answers: Mapping[str, str]) -> None:
    """Answers fields by their names, whatever they are; what is folded away is opened first. "" leaves a field."""
    for name, answer in answers.items():
        fields = page.locator(f"main [name='{name}']")
        kind = await fields.first.evaluate("(field) => field.type")
        if kind == "hidden" or not answer:
            continue
        await _unfold(fields.first)
        if kind == "radio":
            await _tick(page, f"[name='{name}'][value='{answer}']")
        elif kind == "checkbox":
            await _tick(page, f"[name='{name}']")
        elif kind == "select-one":
            await fields.first.select_option(answer)
        else:
            await fields.fill(answer)


async def press(page: Page, name: str) -> None:
    """Presses a button by its name."""
    await page.get_by_role("button", name=name, exact=True).click()


async def follow(found: Locator) -> None:
    """Clicks what leads to another page; ends when that is loaded, where a click alone ends before."""
    async with found.page.expect_navigation():
        await found.click()


async def _unfold(field: Locator) -> None:
    """What it is folded away in is opened, from the outermost on; other forms may have a field of its name."""
    folded = field.locator("xpath=ancestor::details[not(@open)]/summary")
    while await folded.count():
        await folded.first.click()


async def _tick(page: Page, field: str) -> None:
    """By its label, which is drawn in place of the box."""
    box = page.locator(f"main {field}")
    if not await box.is_checked():
        await page.locator(f"label[for='{await box.get_attribute('id')}']").click()
