"""The number by which people speak of a case: on pages, in letters, at the telephone; made of the case's id alone.

Nobody has to keep it: whoever has the case's id has the number, and the number says between which ids the case is.
"""

from typing import NamedTuple
from uuid import UUID

from domain.shared.ids import ALPHABET, MISREAD
from domain.shared.search_words import list_exchanged

_GROUP = 5
_CHARACTERS = 9  # before the one that checks them; five bits each, of the 48 random ones that an id begins with
_LEFT_BITS = 128 - 5 * _CHARACTERS


class CaseRange(NamedTuple):
    """The lowest and the highest id that cases of one reference number have."""

    lowest: str
    highest: str


def make_reference_number(case_id: str) -> str:
    """The reference number of a case, such as `7K2QX-9M4TC`: of what its id begins with, and a check character.

    Raises `ValueError` for what is no UUID.
    """
    bits = UUID(case_id).int >> _LEFT_BITS
    said = "".join(ALPHABET[bits >> 5 * place & 31] for place in reversed(range(_CHARACTERS)))
    whole = said + _find_check_character(said)
    return f"{whole[:_GROUP]}-{whole[_GROUP:]}"


def find_case_range(text: str) -> CaseRange | None:
    """Between which ids the case of a reference number is, however somebody wrote the number down; None for no number.

    In capitals or small letters, with spaces, without its dash, with O, I and L where 0 and 1 are meant. One mistyped
    character, or two that changed places, are noticed.
    """
    said = _read_characters(text)
    if len(said) != _CHARACTERS + 1 or not set(said) <= set(ALPHABET):
        return None
    if said[-1] != _find_check_character(said[:-1]):
        return None
    bits = 0
    for character in said[:-1]:
        bits = bits << 5 | ALPHABET.index(character)
    lowest = bits << _LEFT_BITS
    return CaseRange(str(UUID(int=lowest)), str(UUID(int=lowest | (1 << _LEFT_BITS) - 1)))


def list_alike_ranges(text: str) -> list[CaseRange]:
    """Of reference numbers that differ from this text by two neighbours that changed places, where their cases are."""
    said = _read_characters(text)
    if len(said) != _CHARACTERS + 1:
        return []
    return [found for one in list_exchanged(said) if (found := find_case_range(one)) is not None]


def _read_characters(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum()).translate(MISREAD)


def _find_check_character(said: str) -> str:
    """Luhn's, with 32 characters in the place of ten digits."""
    total = 0
    for place, character in enumerate(reversed(said)):
        value = ALPHABET.index(character) * (1 if place % 2 else 2)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
