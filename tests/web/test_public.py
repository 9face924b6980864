"""The pages for everybody: the way in, the form that verifies a certificate, the published lists (A24, B18)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.browser import Browser
from tests.support.documents import broker
from tests.support.publishing import publish_lists
from tests.web.house import NUMBER, House

LISTS = ("rcl", "terminations", "find-local-help", "help-on-demand")


async def test_the_way_in_leads_to_everything(house: House) -> None:
    browser = Browser(house.browser)
    page = await browser.open("/")
    assert page.status == 200
    assert "noindex" not in page.source
    addresses = {url.removeprefix("http://certify.example.org") for _, url in page.links}
    ways = {"/request", "/portal", "/registry", *(f"/resources/{kind}" for kind in ("agent", "broker"))}
    assert ways <= {address.partition("?")[0] for address in addresses}
    for address in sorted(addresses):
        if address.startswith("/"):
            assert (await browser.open(address)).status == 200, address


async def test_the_way_in_speaks_the_language_of_the_browser_and_switches(house: House) -> None:
    spanish = await Browser(house.browser, "es-MX,es;q=0.9").open("/")
    assert (spanish.language, "Para asistentes" in spanish.text) == ("es", True)
    assert "Become certified" in (await Browser(house.browser).open(spanish.link("English"))).text


@pytest.mark.parametrize(
    "typed",
    [
        NUMBER,
        NUMBER.lower(),
        NUMBER.replace("-", ""),
        f"  {NUMBER.replace('-', ' ')} ",
        NUMBER.replace("-", "–"),
        "nm24 7q4k2m2xda 9rtwbb6hcd",
    ],
)
async def test_a24_a_number_is_understood_however_it_is_typed(house: House, typed: str) -> None:
    await house.certify(await house.open(broker()))
    browser = Browser(house.browser)
    await browser.open("/certificates")
    page = await browser.press("Verify", number=typed)
    assert page.url.partition("?")[0].endswith(f"/certificates/{NUMBER}")
    assert "This certificate is for trying only" in page.text


async def test_letters_that_look_like_digits_are_read_as_digits(house: House) -> None:
    number = "NM24-10000-11111-ABCDE-VWXYZ"
    for path in ("/certificates/nm24-IO0o0-LIlil-abcde-vwxyz", "/certificates?number=NM24 IOOOO LLLLL ABCDE VWXYZ"):
        answer = await house.browser.get(path, follow_redirects=True, headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert "We know no certificate with this number" in answer.text
    assert str(answer.url).endswith(f"/certificates/{number}?lang=en")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "Enter the number of the certificate."),
        ("   ", "Enter the number of the certificate."),
        ("<b>&", "The number of a certificate has only letters"),
        ("../../status", "The number of a certificate has only letters"),
        ("A" * 5000, "The number of a certificate has only letters"),
    ],
)
async def test_what_can_t_be_a_number_is_said_at_the_field(house: House, typed: str, told: str) -> None:
    answer = await house.browser.get("/certificates", params={"number": typed})
    assert answer.status_code == 422
    assert answer.text.count(told) == 2
    assert "<b>" not in answer.text
    assert "<title>Error: " in answer.text


async def test_the_form_is_there_in_both_languages_and_asks_for_nothing_at_first(house: House) -> None:
    for language, asked in (("en", "Verify a certificate"), ("es", "Verificar un certificado")):
        page = await Browser(house.browser, language).open("/certificates")
        assert (page.status, page.language) == (200, language)
        assert asked in page.text
        assert "usa-alert--error" not in page.source


async def test_b18_the_lists_are_named_with_when_they_were_published(house: House) -> None:
    browser = Browser(house.browser)
    page = await browser.open("/registry")
    assert "Nothing has been published yet" in page.text
    at = datetime(2026, 11, 16, 17, 30, tzinfo=UTC)
    await publish_lists(house.database, at)
    page = await browser.open("/registry")
    assert "Published on November 16, 2026, 12:30 PM EST." in page.text
    for kind in ("csv", "json"):
        for name in LISTS:
            assert f"http://certify.example.org/registry/{name}.{kind}" in {url for _, url in page.links}
    for _, url in page.links:
        if url.endswith((".csv", ".json")):
            assert (await house.browser.get(url)).status_code == 200


@pytest.mark.parametrize(
    ("typed", "leads"), [("1234567", "1234567"), (" 12 345 67 ", "1234567"), ("0001234567", "1234567")]
)
async def test_b18_the_form_leads_to_the_tracker(house: House, typed: str, leads: str) -> None:
    browser = Browser(house.browser)
    await browser.open("/registry")
    page = await browser.press("Look up", npn=typed)
    assert page.url.partition("?")[0].endswith(f"/registry/tracker/{leads}")
    assert (page.status, "The tracker does not know this NPN" in page.text) == (404, True)


@pytest.mark.parametrize("typed", ["", "0", "12a", "12345678901", "１２３", "1" * 5000])
async def test_what_can_t_be_an_npn_is_said_at_the_field(house: House, typed: str) -> None:
    answer = await house.browser.get("/registry/tracker", params={"npn": typed})
    assert answer.status_code == 422
    assert 'href="#npn"' in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("path", ["/", "/certificates", "/registry"])
async def test_what_is_the_same_for_everybody_may_be_kept_and_is_checked_again(house: House, path: str) -> None:
    answer: Any = await house.browser.get(path)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["vary"] == "Accept-Language, Cookie"
