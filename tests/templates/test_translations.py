"""Every sentence of the pages has a Spanish one of its own (B2); checked against what the templates say today."""

import re
from collections.abc import Iterator
from datetime import date

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from domain.agreements import AGREEMENTS, agreement
from tests.templates.contexts import LANGUAGES, TEMPLATES
from web.text import environment

# Sentences that are the same in both languages, and rightly so.
SAME_IN_SPANISH = {"Hospital"}


def sentences() -> set[str]:
    found = extract_from_dir(TEMPLATES / "pages", [("**.html", "jinja2")], {"**.html": {"silent": "false"}})
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def spanish() -> Catalog:
    with (TEMPLATES / "locale" / "es" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale="es", abort_invalid=True)


def entries() -> Iterator[tuple[str, str, bool]]:
    for message in spanish():
        if message.id:
            yield str(message.id), str(message.string), message.fuzzy


def test_every_sentence_is_translated_and_nothing_else() -> None:
    assert {sentence for sentence, _, _ in entries()} == sentences()


def test_no_translation_is_empty_fuzzy_or_english() -> None:
    for sentence, translation, fuzzy in entries():
        assert translation.strip(), sentence
        assert not fuzzy, sentence
        assert (translation == sentence) == (sentence in SAME_IN_SPANISH), sentence


def test_translations_keep_their_placeholders() -> None:
    for sentence, translation, _ in entries():
        assert set(re.findall(r"%\(\w+\)s", sentence)) == set(re.findall(r"%\(\w+\)s", translation)), sentence


def test_no_word_of_a_page_escapes_translation() -> None:
    """Between the tags there is nothing but expressions and names that are the same everywhere."""
    for template in (TEMPLATES / "pages").glob("*.html"):
        source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", "", template.read_text("utf-8"), flags=re.DOTALL)
        left = re.sub(r"– beWellnm Assister Certification|[\w-]+=\"[^\"]*\"", "", source)
        assert not re.findall(r"[A-Za-z]{2,}", left), (template.name, left.split())


@pytest.mark.parametrize(("language", "written"), [("en", "March 5, 2024"), ("es", "5 de marzo de 2024")])
def test_an_environment_speaks_its_language(language: str, written: str) -> None:
    pages = environment(TEMPLATES)
    assert set(pages) == set(LANGUAGES)
    template = pages[language].from_string("{{ language }} {{ value | day }} {{ _('Holder') }}")
    assert (
        template.render(value=date(2024, 3, 5)) == f"{language} {written} {'Holder' if language == 'en' else 'Titular'}"
    )


def test_the_agreement_is_one_text_in_two_languages_marked_as_a_sample() -> None:
    english, spanish_one = agreement("bewellnm", "en"), agreement("bewellnm", "es")
    assert english.version == spanish_one.version == "2024-1"
    assert english.text.startswith("SAMPLE TEXT")
    assert spanish_one.text.startswith("TEXTO DE MUESTRA")
    assert len({each.sha256 for each in AGREEMENTS.values()}) == len(AGREEMENTS)
    assert re.fullmatch(r"[0-9a-f]{64}", english.sha256)
