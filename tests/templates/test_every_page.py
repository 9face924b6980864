"""Every page in both languages, with faults and without, held against everything that each of them must stand."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import templates
from tests.support.checks import check_each
from tests.templates.contexts import HELP_DESK, LANGUAGES, PHONE, PORTALS, TRAINING
from tests.templates.pages import EVERY_PAGE
from tests.templates.rendered import Page, Reader, find_page
from web.http.static_files import load_files


class Asked(HTMLParser):
    """What a page has a browser fetch at once, and what the content security policy would refuse."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.urls: set[str] = set()
        self.refused: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon"):
            self.urls.add(given["href"] or "")
        if tag in ("script", "img") and given.get("src"):
            self.urls.add(given["src"] or "")
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.refused.append(tag)
        self.refused += [name for name in given if name == "style" or re.match(r"on|hx-on", name)]


PAGES = Path(templates.__file__).parent / "pages"
TEXT_AREA = re.compile(r"<textarea[^>]*>")


def is_sound_html(page: Page) -> None:
    reader = page.reader
    assert page.source.startswith("<!DOCTYPE html>")
    assert reader.opened == []
    assert reader.of("html") == [{"lang": page.language}]
    for once in ("title", "main", "h1", "header", "footer"):
        assert len(reader.of(once)) == 1, once
    assert reader.of("main")[0]["id"] == "main"
    assert len(reader.ids) == len(set(reader.ids))
    assert bool(reader.of("script")) == bool(page.context.get("own"))
    assert "None" not in reader.text


def names_only_ids_that_are_there(page: Page) -> None:
    """Labels, descriptions and anchors lead somewhere, and every field has its label."""
    ids = set(page.reader.ids)
    for _, attributes in page.reader.tags:
        named = [attributes.get("for"), *(attributes.get("aria-describedby") or "").split()]
        named.append(attributes.get("aria-labelledby"))
        href = attributes.get("href") or ""
        named.append(href[1:] if href.startswith("#") else None)
        assert {name for name in named if name} <= ids
    labelled = {label["for"] for label in page.reader.of("label")}
    for tag in ("input", "select", "textarea"):
        for attributes in page.reader.of(tag):
            if attributes.get("type") != "hidden":
                assert attributes["id"] in labelled


def shows_the_contact_of_its_topic_and_no_other(page: Page) -> None:
    shown = {contact for contact in (PHONE, PORTALS, TRAINING, HELP_DESK) if contact in page.source}
    contact = page.context["contact"]
    assert isinstance(contact, dict)
    assert shown == {value for value in (contact["phone"], contact["email"]) if value}


def has_nothing_the_content_security_policy_refuses(page: Page) -> None:
    asked = Asked(page.source)
    assert asked.refused == []
    assert asked.urls
    ours = (f"/static/{load_files().version}/", "/gallery/")
    assert {url for url in asked.urls if not url.startswith(ours)} == set()


def differs_from_english(page: Page) -> None:
    english, spanish = find_page(page.name, "en").reader, page.reader
    assert english.text != spanish.text
    if not page.name.startswith(("problem", "gallery, notice")):  # whose titles are values
        assert _title(english) != _title(spanish)


CHECKS = (
    is_sound_html,
    names_only_ids_that_are_there,
    shows_the_contact_of_its_topic_and_no_other,
    has_nothing_the_content_security_policy_refuses,
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a31_b2_every_page_stands_every_check(language: str) -> None:
    checks = CHECKS if language == "en" else (*CHECKS, differs_from_english)
    pages = [find_page(name, language) for name in EVERY_PAGE]
    assert len(pages) > 200
    check_each(pages, checks)


def test_a_text_that_staff_paste_is_cut_by_no_browser() -> None:
    """One that is too long comes back whole, with its fault; a browser would cut it without a word."""
    areas = [area for file in (PAGES / "staff").glob("*.html") for area in TEXT_AREA.findall(file.read_text("utf-8"))]
    assert areas
    assert not [area for area in areas if "maxlength" in area]


def _title(reader: Reader) -> str:
    """The title without the brand after it, which differs by itself."""
    return next(word for word in reader.words if word.strip()).partition(" – ")[0]
