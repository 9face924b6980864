"""Everything an assister reads stands in English and in Spanish (B2), checked against what code and templates say."""

import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from domain.federal.agreements import MARKETPLACE_AGREEMENTS
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.agreements import Agreement
from domain.shared.cases import reasons
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.documents import faults
from domain.shared.documents.faults import Fault
from domain.state.agreements import AGREEMENTS, CONSENT_NAME, CONSENT_TEXTS, find_agreement
from domain.state.policies import POLICIES
from templates.catalogs import LOCALE, VOICES, load_translations, name_voice, translate
from templates.extract import update_catalog
from templates.labels import FILTERS, find_label
from tests.templates.contexts import LANGUAGES, TEMPLATES
from tests.templates.pages import EVERY_PAGE
from web.http.environments import build_environments
from web.http.problem_pages import ProblemText
from web.http.sentences import explain_reason

CATALOG = LOCALE / "es" / "LC_MESSAGES" / "messages.po"

# What is the same in both languages, and rightly so, with the reason.
SAME_IN_SPANISH = {
    "Hospital": "the Spanish word is the same",
    "%(number)s bytes": "the unit has the same name",
    "[exchange]": "a mark, for which the exchange's name stands",
    "[state]": "a mark",
    "[exchange], [state]": "marks",
    "SHA-256": "the name of a method",
    "No": "the Spanish word is the same",
}


def spanish() -> Catalog:
    with CATALOG.open("rb") as source:
        return read_po(source, locale="es", abort_invalid=True)


def entries() -> Iterator[tuple[str, str]]:
    for message in spanish():
        if message.id:
            yield str(message.id), str(message.string)


def places(text: str) -> set[str]:
    """What is filled in: %(name)s in templates, {name} in code."""
    named = set(re.findall(r"%\(\w+\)s", text))
    return named | {name for _, name, _, _ in Formatter().parse(re.sub(r"%\(\w+\)s", "", text)) if name is not None}


def test_b2_the_catalog_holds_what_is_said_today_and_nothing_else() -> None:
    assert update_catalog(CATALOG) == CATALOG.read_text("utf-8"), "make catalogs"


def test_b2_no_translation_is_empty_fuzzy_or_english() -> None:
    assert len(spanish()) > 400
    assert [message.id for message in spanish() if message.id and message.fuzzy] == []
    assert [sentence for sentence, translation in entries() if not translation.strip()] == []
    assert {sentence for sentence, translation in entries() if sentence == translation} == set(SAME_IN_SPANISH)


def test_b2_translations_keep_their_places_and_bring_no_markup() -> None:
    for sentence, translation in entries():
        assert places(sentence) == places(translation), sentence
        assert sentence == sentence.strip(), sentence
        assert translation == translation.strip(), sentence
        assert not re.search(r"[<>]|\s{2}", sentence + translation), sentence


def test_b2_words_of_several_forms_come_to_one_of_them() -> None:
    """No reader, however they are addressed, sees what the catalog chooses from."""
    chosen = [sentence for sentence, translation in entries() if "|" in translation]
    assert len(chosen) >= 4
    for voice in VOICES:
        said = [load_translations(voice).gettext(sentence) for sentence in chosen]
        assert not any(mark in one for one in said for mark in "[]|"), voice
    labels = {voice: find_label("kind", "enrollment_counselor", voice) for voice in VOICES}
    assert labels == {
        "en": "Enrollment counselor",
        "es": "Consejero de inscripción",
        "es-masculine": "Consejero de inscripción",
        "es-feminine": "Consejera de inscripción",
        "es-neutral": "Consejero/a de inscripción",
    }
    assert name_voice("en", "feminine") == "en"
    assert name_voice("es", "anything else") == "es"


def list_problem_texts() -> set[ProblemText]:
    """What the rooms of the web, all of which the application imports, say on their pages of problems."""
    import_module("web.app")
    rooms = [module for name, module in sys.modules.items() if name.startswith("web.")]
    return {value for room in rooms for value in vars(room).values() if isinstance(value, ProblemText)}


def test_b2_every_sentence_that_code_may_say_is_in_the_catalog() -> None:
    known = dict(entries())
    said = [*reasons.SENTENCES.values(), *faults.SENTENCES.values()]
    said += [label for table in FILTERS.values() for label in table.values()]
    problems = list_problem_texts()
    assert len(problems) == 22
    said += [sentence for text in problems for sentence in text]
    assert len(said) > 120
    assert [sentence for sentence in said if sentence not in known] == []


@pytest.mark.parametrize("code", [*reasons.SENTENCES])
def test_b2_every_reason_is_told_in_both_languages(code: str) -> None:
    sentence = reasons.SENTENCES[code]
    details = dict.fromkeys(places(sentence), "0042")
    english, spanish_one = (translate(sentence, language, **details) for language in LANGUAGES)
    assert english == Reason(code, details).sentence()
    assert spanish_one != english
    assert english.count("0042") == spanish_one.count("0042") == len(details)


@pytest.mark.parametrize("code", [*faults.SENTENCES])
def test_b2_every_fault_is_told_in_both_languages(code: str) -> None:
    fault = Fault("field", code, dict.fromkeys(places(faults.SENTENCES[code]), "0042"))
    english, spanish_one = (explain_reason(fault, language) for language in LANGUAGES)
    assert english == fault.sentence()
    assert spanish_one != english
    assert english.count("0042") == spanish_one.count("0042") == len(fault.details)


def test_b2_every_template_is_walked_in_both_languages() -> None:
    """The tests of pages and notices render what is listed there: nothing is left out; staff's are read as served."""
    files = [file for file in (TEMPLATES / "pages").rglob("*.html") if file.name[0] != "_" and file.name != "base.html"]
    pages = {file.relative_to(TEMPLATES / "pages").as_posix() for file in files}
    assert {template for template, _ in EVERY_PAGE.values()} == {name for name in pages if name[:6] != "staff/"}
    notices = {file.name.partition(".")[0] for file in (TEMPLATES / "notices").iterdir() if file.name[0] != "_"}
    assert notices - {"base", "parts", "one_time_code", "request_answer", "address_changed"} == set(Notice)


def test_b2_the_words_of_the_certificate_stand_in_both_languages() -> None:
    words = tomllib.loads((TEMPLATES / "certificate" / "words.toml").read_text("utf-8"))
    english, spanish_ones = (dict(flat(words[language])) for language in LANGUAGES)
    assert set(words) == set(LANGUAGES)
    assert set(english) == set(spanish_ones)
    for path, word in english.items():
        assert word.strip(), path
        assert spanish_ones[path].strip(), path
        assert spanish_ones[path] != word, path
        assert places(spanish_ones[path]) == places(word), path


def test_b2_every_label_of_a_policy_stands_in_both_languages() -> None:
    tables = [
        (f"{policy.program} {policy.plan_year} {path}", table)
        for policy in (*POLICIES.values(), *FEDERAL_POLICIES.values())
        for path, table in by_language(policy.model_dump(mode="json"))
    ]
    assert len(tables) > 50
    for path, table in tables:
        english, spanish_ones = (dict(flat(table[language])) for language in LANGUAGES)
        assert set(english) == set(spanish_ones), path
        assert english, path
        for place, label in english.items():
            assert label.strip(), path
            assert spanish_ones[place].strip(), path
            assert spanish_ones[place] != label, path


CONSENTS = {(CONSENT_NAME, language): text for language, text in CONSENT_TEXTS.items()}


@pytest.mark.parametrize(
    "texts", [AGREEMENTS, CONSENTS, MARKETPLACE_AGREEMENTS], ids=["bewellnm", "background check", "ffm"]
)
def test_b2_every_agreement_is_one_text_in_two_languages_marked_as_a_sample(
    texts: dict[tuple[str, str], Agreement],
) -> None:
    assert len({each.sha256 for each in texts.values()}) == len(texts)
    for name in {name for name, _ in texts}:
        english, spanish_one = (texts[name, language] for language in LANGUAGES)
        assert english.version == spanish_one.version
        assert english.is_sample
        assert spanish_one.is_sample
        assert english.text.startswith("SAMPLE TEXT")
        assert spanish_one.text.startswith("TEXTO DE MUESTRA")
        shared = {line for line in english.text.splitlines() if line.strip()} & set(spanish_one.text.splitlines())
        assert not shared, name
        assert len(english.text.split("\n\n")) == len(spanish_one.text.split("\n\n")), name
        assert re.fullmatch(r"[0-9a-f]{64}", english.sha256)


def test_the_agreement_of_the_exchange_is_the_one_in_force() -> None:
    assert {find_agreement("bewellnm", language).version for language in LANGUAGES} == {"2024-1"}


@pytest.mark.parametrize(("language", "written"), [("en", "March 5, 2024"), ("es", "5 de marzo de 2024")])
def test_an_environment_speaks_its_language(language: str, written: str) -> None:
    pages = build_environments(TEMPLATES)
    assert set(pages) == set(VOICES)
    template = pages[language].from_string("{{ language }} {{ value | day }} {{ _('Holder') }}")
    assert (
        template.render(value=date(2024, 3, 5)) == f"{language} {written} {'Holder' if language == 'en' else 'Titular'}"
    )


def test_a_sentence_nobody_translated_is_said_in_english() -> None:
    assert load_translations("es").gettext("Nobody ever says this.") == "Nobody ever says this."


def flat(table: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a table by its path."""
    if isinstance(table, str):
        yield path, table
    else:
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            yield from flat(value, f"{path}.{key}")


def by_language(table: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table whose keys are the languages, by its path."""
    if isinstance(table, dict) and set(table) == set(LANGUAGES):
        yield path, table
    elif isinstance(table, dict | list):
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            yield from by_language(value, f"{path}.{key}")
