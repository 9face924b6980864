"""Pages and notices in a language nobody speaks: what is not in its brackets escapes translation (B2)."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from gettext import NullTranslations
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest
from pydantic import BaseModel

from domain.shared.cases.appeals import AppealOutcome
from domain.shared.cases.facts import ToldReason
from domain.shared.cases.notices import Notice
from templates.catalogs import LANGUAGES
from templates.dates import format_day, format_moment, format_short_moment
from templates.exchange import LOOKS
from templates.letters import NoticeRenderer
from tests.support.checks import check_each
from tests.templates.contexts import AWAITED, FEDERAL_AWAITED, READERS, ROLES, TEMPLATES
from tests.templates.pages import EVERY_PAGE
from tests.templates.rendered import Page, find_page
from web.gallery.samples import build_notice_values
from web.http.environments import build_environments

ACCENTED = str.maketrans("aeiounAEIOUN", "áéíóúñÁÉÍÓÚÑ")
PLACE = re.compile(r"(%\(\w+\)s|{\w*})")
# How a page may write a moment.
WAYS = (format_moment, format_short_moment, format_day)
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
WORD = re.compile(r"[^\W\d_]{2,}")

# Words that are said as they are, with the reason.
SAME_EVERYWHERE = {
    "beWellnm": "the exchange's name, one of the employers a counselor chooses from",
    "PDF": "the kind of a file",
    "CSV": "the kind of a file",
    "JSON": "the kind of a file",
    "Español": "the language switch names each language in itself",
    "English": "the language switch names each language in itself",
}


class Pseudo(NullTranslations):
    """A catalog that holds every sentence, accented and in brackets, with its places kept."""

    def gettext(self, message: str) -> str:
        kept = [part if PLACE.fullmatch(part) else part.translate(ACCENTED) for part in PLACE.split(message)]
        return f"⟦{''.join(kept)}⟧"

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


PAGES = build_environments(TEMPLATES, lambda _: Pseudo())
LETTERS = NoticeRenderer(TEMPLATES / "notices", lambda _: Pseudo())


class Shown(HTMLParser):
    """What a page says: its words, and the attributes that are read out or shown."""

    READ = ("alt", "aria-label", "placeholder", "title", "content")

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        # The names of states are no sentences (templates/states.py): chosen by their two letters.
        self.silent = tag == "style" or bool(tag == "option" and re.fullmatch("[A-Z]{2}", given.get("value") or ""))
        button = tag == "input" and given.get("type") in {"submit", "button", "reset"}
        named = [*self.READ, "value"] if button else self.READ if tag != "meta" else ()
        self.words += [given[name] or "" for name in named if name in given]

    def handle_endtag(self, tag: str) -> None:
        self.silent = False

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def left_of(said: str, values: Mapping[str, object]) -> list[str]:
    """Words outside the brackets that are neither a value nor meant to be the same everywhere."""
    said = " ".join(re.sub(r"^> ?", "", said, flags=re.MULTILINE).split())  # what is quoted may go over several lines
    while BRACKETED.search(said):
        said = BRACKETED.sub(" ", said)
    for known in sorted({*data(values), *SAME_EVERYWHERE}, key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", " ", said)
    return WORD.findall(said)


def data(value: object) -> Iterator[str]:
    """Everything a context brings, as a page may write it."""
    if isinstance(value, str):
        yield from (line for text in (value, *value.splitlines()) if (line := " ".join(text.split())))
    elif isinstance(value, datetime):
        yield from (write(one, value, program) for write, one, program in product(WAYS, LANGUAGES, LOOKS))
    elif isinstance(value, date):
        yield from (format_day(one, value) for one in LANGUAGES)
    elif isinstance(value, BaseModel):
        yield from data(value.model_dump())
    elif isinstance(value, ToldReason):
        yield from data(value.words)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from data(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from data(each)


def has_no_word_of_a_page_that_escapes_translation(page: Page) -> None:
    values = page.context
    shown = Shown(PAGES[page.language].get_template(page.template).render(values))
    assert "⟦" in "".join(shown.words)
    assert left_of(" ".join(shown.words), values) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_b2_no_word_of_a_page_escapes_translation(language: str) -> None:
    check_each([find_page(name, language) for name in EVERY_PAGE], [has_no_word_of_a_page_that_escapes_translation])


def has_no_word_of_a_notice_that_escapes_translation(letter: tuple[Notice, str, str]) -> None:
    notice, language, kind = letter
    for changes in variants(notice, kind):
        values = build_notice_values(notice, language, kind, **changes)
        rendered = LETTERS.render_notice(notice, language, values)
        for part in (rendered.subject, rendered.text, " ".join(Shown(rendered.html).words)):
            assert "⟦" in part, changes
            assert left_of(part, values) == [], changes


@pytest.mark.parametrize("language", LANGUAGES)
def test_b2_no_word_of_a_notice_escapes_translation(language: str) -> None:
    # The help desk reads English.
    letters = [(notice, language, kind) for notice in set(Notice) - {Notice.HELP_DESK} for kind in READERS[notice]]
    check_each(letters, [has_no_word_of_a_notice_that_escapes_translation])


def variants(notice: Notice, kind: str) -> list[dict[str, Any]]:
    """What a notice may be about besides its usual values, so that each of its branches is read."""
    if notice is Notice.REMINDER:
        return [{"waiting_for": waited} for waited in (FEDERAL_AWAITED if kind in ROLES else (*AWAITED, "screening"))]
    if notice is Notice.LMS_ENROLLED:
        return [{"is_returning": True}, {"is_returning": False}]
    if notice is Notice.MARKETPLACE_ENROLLED:
        return [{"automatic": True}, {"automatic": False, "curriculum": "shop"}]
    if notice is Notice.CERTIFICATE_ISSUED:
        return [{"has_portal_account": has, "portal_ready": ready} for has, ready in product((True, False), repeat=2)]
    if notice is Notice.APPEAL_ESCALATED:
        return [{"overdue": False}, {"overdue": True}]
    if notice is Notice.APPEAL_DECIDED:
        return [{"outcome": outcome.value} for outcome in AppealOutcome]
    if "reason" in build_notice_values(notice, "en", kind):
        return [{"reason": None}, {"reason": "Said by somebody."}]
    return [{}]


def test_a_word_outside_the_catalogs_is_found() -> None:
    assert left_of("⟦Vísít⟧ Nobody translated ⟦by ⟦á⟧⟧ Testa", {"first_name": "Testa"}) == ["Nobody", "translated"]
