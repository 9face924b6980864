"""The words by which people are found: folded to plain small letters. It searches nothing itself."""

import re
import unicodedata
from collections.abc import Iterable
from string import ascii_lowercase

from domain.shared.documents.faults import Fault, Invalid

LONGEST = 200
MOST_WORDS = 8
_SHORTEST_PADDED = 8  # digits: an NPN written with leading zeros has ten, as a rule
_DIGITS_WITH_COUNTRY = 11
_OF_PHONES = frozenset("0123456789 ()+-./")
_SHORTEST_GUESSED, _LONGEST_GUESSED = 4, 20  # letters of a word that may have a typo
_MOST_ALIKE = 4000  # addresses that one with a typo may stand for
_SHORTEST_NUMBER = 6  # digits of a number in which two may have changed places

# Letters that Unicode doesn't take apart into a plain one and its mark.
_PLAIN = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i"})


def normalize_text(text: str) -> str:
    """Without case, accents and ligatures: *Muñoz* and *MUNOZ* are the same."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_PLAIN)


def make_sort_name(first_name: str, last_name: str) -> str:
    """By what lists put somebody in their place: the last name, then the first one."""
    return normalize_text(f"{last_name}, {first_name}")


def list_terms(
    first_name: str, last_name: str, email: str, npn: str | None, phone: str = "", license_number: str = ""
) -> set[str]:
    """Everything of a person that a search may begin with.

    Of a name each word, and what belongs together also written as one (*O'Brien*: o, brien, obrien); the e-mail
    address, what stands before its @, and the words of that; the NPN; the phone number's digits, and the license
    number without what stands between its letters and digits.
    """
    address = normalize_text(email)
    local = address.partition("@")[0]
    together = {"".join(_split_parts(word)) for name in (first_name, last_name) for word in name.split()}
    found = {
        *_split_parts(first_name),
        *_split_parts(last_name),
        *together,
        address,
        local,
        *_split_parts(local),
        npn or "",
        strip_phone(phone),
        join_parts(license_number),
    }
    return found - {""}


def strip_phone(text: str) -> str:
    """A phone number's digits, without the country code of the United States."""
    digits = "".join(c for c in text if c in "0123456789")
    return digits[1:] if len(digits) == _DIGITS_WITH_COUNTRY and digits.startswith("1") else digits


def join_parts(text: str) -> str:
    """Letters and digits alone, in plain small letters: *NM-100* and *nm 100* are the same."""
    return "".join(_split_parts(text))


def find_number(query: str) -> str | None:
    """The one phone or license number that a whole query may be, as terms have it; None for what is no number."""
    if len(query) > LONGEST or not any(c.isdigit() for c in query):
        return None
    plain = query.strip()
    if set(plain) <= _OF_PHONES:
        return strip_phone(plain) or None
    return join_parts(plain) or None


def list_alike(word: str) -> list[str]:
    """The words that differ from this one by one typo: a letter too many, too few, another one, or two exchanged.

    Of a number, or of what has digits in it, those alone in which two neighbours are exchanged: another digit makes
    another number. Of an e-mail address, those that differ in what stands before its @. None for words too short to
    say, and for those with anything but plain letters and digits in them.
    """
    local, at, domain = word.partition("@")
    if at:
        return [f"{one}@{domain}" for one in _list_alike_locals(local)]
    if not _SHORTEST_GUESSED <= len(word) <= _LONGEST_GUESSED or not (word.isascii() and word.isalnum()):
        return []
    if not word.isalpha():
        return list_exchanged(word) if len(word) >= _SHORTEST_NUMBER else []
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    fewer = {before + after[1:] for before, after in cuts if after}
    others = {before + letter + after[1:] for before, after in cuts if after for letter in ascii_lowercase}
    more = {before + letter + after for before, after in cuts for letter in ascii_lowercase}
    return sorted({*fewer, *list_exchanged(word), *others, *more} - {word})


def _list_alike_locals(local: str) -> list[str]:
    """What may have been meant before the @ of an address: one of its parts (*ana.muestra*: two) has the typo."""
    parts = re.split(r"([._+-])", local)
    return ["".join([*parts[:at], one, *parts[at + 1 :]]) for at, part in enumerate(parts) for one in list_alike(part)][
        :_MOST_ALIKE
    ]


def list_exchanged(text: str) -> list[str]:
    """The texts in which two neighbouring characters of this one have changed places."""
    places = range(len(text) - 1)
    return sorted({text[:at] + text[at + 1] + text[at] + text[at + 2 :] for at in places} - {text})


def split_words(query: str) -> list[str]:
    """The words to look for, each the beginning of a term; all of them have to be found.

    Raises `Invalid` for more than can be looked for.
    """
    if len(query) > LONGEST:
        raise Invalid([Fault("words", "too_long", {"limit": str(LONGEST)})])
    found = list(dict.fromkeys(word for token in query.split() for word in _split_token(token)))
    if len(found) > MOST_WORDS:
        raise Invalid([Fault("words", "too_long", {"limit": str(MOST_WORDS)})])
    return found


def _split_token(token: str) -> Iterable[str]:
    """An e-mail address is one word; anything else is as many as it has parts. An NPN may have leading zeros (P20)."""
    if token.isascii() and token.isdigit() and len(token) >= _SHORTEST_PADDED:
        token = token.lstrip("0") or token
    return (
        ["".join(c for c in normalize_text(token) if "!" <= c <= "~")]
        if "@" in token.strip("@")
        else _split_parts(token)
    )


def _split_parts(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in normalize_text(text)).split()
