"""Words by which people are found, and certificate numbers as people write them down."""

import pytest
from hypothesis import given, strategies as st

from domain.shared.documents.faults import Invalid
from domain.shared.ids import make_certificate_number, parse_certificate_number
from domain.shared.search_words import LONGEST, find_number, list_alike, list_terms, normalize_text, split_words

LETTERS = st.characters(categories=["L", "M", "P", "Zs"], exclude_characters="@")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("MUÑOZ", "munoz"),
        ("Núñez", "nunez"),
        ("Peña", "pena"),  # the tilde is a character of its own
        ("Łukasz Øster", "lukasz oster"),
        ("Straße", "strasse"),
        ("ﬁnn", "finn"),
        ("İlker", "ilker"),
        ("Æther Œuvre Þor", "aether oeuvre thor"),
        ("Ωμέγα", "ωμεγα"),
    ],
)
def test_case_accents_and_ligatures_are_folded_away(text: str, plain: str) -> None:
    assert normalize_text(text) == plain


@given(st.text(max_size=60))
def test_folding_twice_folds_no_more(text: str) -> None:
    assert normalize_text(normalize_text(text)) == normalize_text(text)


def test_a_person_is_found_by_each_word_of_the_name_the_address_and_the_npn() -> None:
    found = list_terms("Iñés", "O'Example-Muestra", "Ines.Example+1@mail.example.com", "123")
    assert found == {
        *("ines", "o", "example", "muestra", "oexamplemuestra"),
        *("ines.example+1@mail.example.com", "ines.example+1", "1", "123"),
    }


def test_without_an_npn_nothing_stands_for_it() -> None:
    assert list_terms("Ana", "Example", "ana@example.com", None) == {"ana", "example", "ana@example.com"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("  Iñés  EXAMPLE ", ["ines", "example"]),
        ("O'Example", ["o", "example"]),
        ("Ines.Example@Mail.example.com", ["ines.example@mail.example.com"]),
        ("ines@", ["ines"]),
        ("@mail", ["mail"]),
        ("ana ana", ["ana"]),
        ("%_*", []),
        ("a\0b\ud800@c\0", ["ab@c"]),
        ("a\0b", ["a", "b"]),
        ("", []),
    ],
)
def test_words_to_look_for(query: str, words: list[str]) -> None:
    assert split_words(query) == words


@given(st.text(LETTERS, min_size=1, max_size=20), st.text(LETTERS, min_size=1, max_size=20))
def test_whoever_types_the_name_as_it_is_written_finds_the_person(first: str, last: str) -> None:
    terms = list_terms(first, last, "somebody@example.com", None)
    try:
        words = split_words(f"{first} {last}")
    except Invalid:  # a name of many words
        return
    assert all(any(term.startswith(word) for term in terms) for word in words)


@pytest.mark.parametrize("query", ["x" * (LONGEST + 1), "a b c d e f g h i"])
def test_too_much_to_look_for_is_refused_by_its_field(query: str) -> None:
    with pytest.raises(Invalid) as caught:
        split_words(query)
    assert [fault.field for fault in caught.value.faults] == ["words"]


NUMBER = "NM24-7Q4K2-M2XDA-9RTWB-B6HC0"


@pytest.mark.parametrize(
    "written",
    [
        *(NUMBER, NUMBER.lower(), NUMBER.replace("-", ""), NUMBER.replace("-", " "), f"  {NUMBER}\n"),
        *(NUMBER.replace("-", "–"), "nm247q4k2m2xda9rtwbb6hco", "NM24-7Q4K2-M2XDA-9RTWB-B6HCO"),
    ],
)
def test_a_certificate_number_however_it_is_written_down(written: str) -> None:
    assert parse_certificate_number(written) == NUMBER


@pytest.mark.parametrize("program", ["bewellnm", "ffm"])
def test_every_number_of_ours_is_understood(program: str) -> None:
    for _ in range(200):
        number = make_certificate_number(program, 2024)
        assert parse_certificate_number(number.replace("-", " ").lower()) == number


@pytest.mark.parametrize(("other", "kept"), [("nm26-1", "NM26-1"), ("a b", "AB"), ("", "")])
def test_what_is_no_number_of_ours_stays_what_it_is(other: str, kept: str) -> None:
    assert parse_certificate_number(other) == kept


def test_p20_an_npn_is_found_with_leading_zeros_too() -> None:
    assert split_words("0012345678") == ["12345678"]
    assert split_words("007 00000000") == ["007", "00000000"]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("(505) 555-0142", "5055550142"),
        ("+1 505 555 0142", "5055550142"),
        ("NM-20417", "nm20417"),
        ("nm 20417", "nm20417"),
        ("Ana Muestra", None),
        ("--", None),
        ("1" * 201, None),
    ],
)
def test_a_number_is_one_however_it_is_written(query: str, number: str | None) -> None:
    assert find_number(query) == number


def test_one_typo_is_a_letter_more_or_less_another_one_or_two_exchanged() -> None:
    alike = set(list_alike("marta"))
    assert {"mata", "amrta", "maria", "maarta", "martaz"} <= alike
    assert not {"marta", "mara1", "mrtaa", "mat"} & alike
    assert [list_alike(word) for word in ("ana", "12345", "josé", "x" * 21)] == [[], [], [], []]
    assert list_alike("112345") == ["112354", "112435", "113245", "121345"], (
        "of a number neighbours alone are exchanged"
    )
