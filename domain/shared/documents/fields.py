"""The kinds of field that forms of both programs share, each with the fault by which it is refused."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from domain.shared.documents.faults import Fault, Invalid

# What stands in an address where its state does: the states, the District, the territories, the freely associated
# states and the armed forces' (P21). They change once in a generation, and the library `us` brings a fuzzy matcher in
# compiled code along with them.
STATES = frozenset(
    [
        "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL",
        "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE",
        "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD",
        "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "AS", "GU", "MP", "PR", "VI",
        "FM", "MH", "PW", "AA", "AE", "AP",
    ]
)  # fmt: skip

_NPN = re.compile(r"[1-9]\d{0,9}", re.ASCII)
# How people group the digits of a number: by spaces, those of a word processor too, and by hyphens.
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ \u00a0\u202f\u2010-\u2013-]+(?=\d)", re.ASCII)


_PUNCTUATION = frozenset([*range(0x250), *range(0x2010, 0x2028)])


# Words with apostrophes, between spaces or hyphens; a full stop ends an initial or a short word, and after one comes a
# space, or another initial. So neither an address nor a sentence with its end is a name.
_NAME_WORD = re.compile(r"['’ʼ´]?L+(?:['’ʼ´]L+)*['’]?|(?:L\.)+L?|L{2,5}\.")
# Real names have six words a part beside such as these, and a title before a short form; what has more is a sentence.
_MOST_WORDS, _MOST_SHORT_WORDS = 6, 2
_PARTICLES = frozenset(
    [
        "al", "bin", "da", "das", "de", "del", "den", "der", "des", "di", "do", "dos", "du",
        "e", "el", "i", "ibn", "la", "las", "le", "los", "ten", "van", "von", "y", "zu",
    ]
)  # fmt: skip
_BETWEEN_WORDS = re.compile(r" +|[‐‑-]")
NO_NAME = "-"
_LONGEST_NAME = 60


_POSTAL_CODE = re.compile(r"(\d{5})(?:[ -]?(\d{4}))?", re.ASCII)


def make_error(code: str) -> PydanticCustomError:
    """An error pydantic reports under one of our own codes."""
    return PydanticCustomError(code, "{code}", {"code": code})


def check_plain(text: str) -> str:
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or ord(c) in (0x2028, 0x2029) for c in text):
        raise make_error("control_characters")
    return text


def _space_once(text: str) -> str:
    """With one space between words: a phone's keyboard types two, and a certificate would show them for good."""
    return " ".join(text.split())


def _showable(text: str) -> str:
    """Only characters that the certificate's fonts have, at least one of them a letter (A23)."""
    if not any(c.isalpha() for c in text) or not all(map(_in_our_fonts, text)):
        raise make_error("name_letters")
    return text


# What they lack was once found out only after the exam, when a certificate could not be printed (docs/decisions/0010).
def _in_our_fonts(character: str) -> bool:
    code, category = ord(character), unicodedata.category(character)
    if category.startswith("L"):
        script = unicodedata.name(character, "").partition(" ")[0]
        return (code < 0x500 and script in ("LATIN", "GREEK", "CYRILLIC", "MODIFIER")) or (
            code < 0x2000 and script in ("LATIN", "GREEK")
        )
    if category.startswith("M"):
        return 0x300 <= code < 0x370
    return code < 0x7F or character == "´" or (category.startswith("P") and code in _PUNCTUATION)


def _person_name(text: str) -> str:
    """By a person's grammar; who has one name alone writes a hyphen for the other."""
    if text == NO_NAME:
        return text
    _showable(text)
    shape = "".join("L" if unicodedata.category(c)[0] in "LM" and c not in "ʼ" else c for c in text)
    words = _BETWEEN_WORDS.split(shape)
    short = [word for word in words if word.endswith("LL.")]
    counted = [word for word in _BETWEEN_WORDS.split(text) if word.lower() not in _PARTICLES]
    if len(counted) > _MOST_WORDS or len(short) > _MOST_SHORT_WORDS or not all(map(_NAME_WORD.fullmatch, words)):
        raise make_error("person_name")
    return text


def _last_name(text: str, others: ValidationInfo) -> str:
    """Nobody has neither a first nor a last name."""
    if text == NO_NAME == others.data.get("first_name"):
        raise make_error("person_name")
    return text


def parse_npn(text: str) -> str | None:
    """An NPN as we write it, however somebody wrote it down; None for what is none.

    Its digits may be grouped (12 345 678, 1234-5678), and have zeros before them (P20).
    """
    digits = _BETWEEN_DIGITS.sub("", text.strip()).lstrip("0")
    return digits if _NPN.fullmatch(digits) else None


def _npn(text: str) -> str:
    found = parse_npn(text)
    if found is None:
        raise make_error("npn")
    return found


@dataclass
class MailRoute:
    """What the mail server carries; each process is told, as of the policies in force (`starter/mail_route.py`)."""

    carries_letters: bool = False
    """Whether accents and other letters may stand before an @ (SMTPUTF8)."""


MAIL_ROUTE = MailRoute()


def _email(text: str) -> str:
    """As it was typed, since some servers tell upper case apart; a domain of other letters in its ASCII form (P22).

    Other letters before the @ are taken where the mail server carries them, else refused by a sentence of their own.
    """
    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise make_error("email") from None
    if found.ascii_email is not None:
        return text if text.isascii() else found.ascii_email
    if not MAIL_ROUTE.carries_letters:
        raise make_error("email_letters")
    return f"{found.local_part}@{found.ascii_domain}"


def _phone(text: str) -> str:
    """As it was written; one without a country code is a number of the United States."""
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        raise make_error("phone") from None
    if not phonenumbers.is_possible_number(number):
        raise make_error("phone")
    return text


def _state(text: str) -> str:
    if text.upper() not in STATES:
        raise make_error("state")
    return text.upper()


def _postal_code(text: str) -> str:
    """Its two parts, if it has two, with a hyphen between them; some write a space there or nothing (P21)."""
    found = _POSTAL_CODE.fullmatch(text)
    if found is None:
        raise make_error("postal_code")
    return "-".join(filter(None, found.groups()))


def limit_text(limit: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=limit)


Name = Annotated[str, limit_text(100), AfterValidator(check_plain)]


PersonName = Annotated[
    str,
    limit_text(_LONGEST_NAME),
    AfterValidator(check_plain),
    AfterValidator(_space_once),
    AfterValidator(_person_name),
]


LastName = Annotated[PersonName, AfterValidator(_last_name)]


Line = Annotated[str, limit_text(200), AfterValidator(check_plain)]


Email = Annotated[str, limit_text(254), AfterValidator(_email)]


Phone = Annotated[str, limit_text(40), AfterValidator(check_plain), AfterValidator(_phone)]


Npn = Annotated[str, limit_text(20), AfterValidator(_npn)]


State = Annotated[str, limit_text(20), AfterValidator(_state)]


PostalCode = Annotated[str, limit_text(10), AfterValidator(_postal_code)]


class StrictForm(BaseModel):
    """A form of which an unknown field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Address(StrictForm):
    """A postal address in the United States."""

    line1: Line
    line2: (
        Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(check_plain)] | None
    ) = None
    city: Name
    state: State
    postal_code: PostalCode


def parse_occurred_at(value: Any, info: ValidationInfo) -> datetime:
    """An instant of a report; without a zone it is in the ``zone`` of the validation's context, else in UTC (P5)."""
    try:
        return parse_instant(value, "occurred_at", (info.context or {}).get("zone", UTC))
    except Invalid:
        raise make_error("timestamp") from None


def read_text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 2000:
        raise Invalid([Fault(field, "required" if value in (None, "") else "text")])
    return value


def parse_uuid(value: Any, field: str) -> str:
    """A UUID in its usual spelling; raises `Invalid` naming the field."""
    try:
        return str(UUID(read_text(value, field)))
    except ValueError:
        raise Invalid([Fault(field, "uuid")]) from None


# A leap second, as some write the end of a minute.
_SIXTY = re.compile(r"(?P<minute>.+[T ]\d\d:?\d\d:?)60(?:[.,]\d+)?(?P<zone>[^\d.,].*)?")


def parse_instant(value: Any, field: str, zone: tzinfo | None = None) -> datetime:
    """An instant, as UTC, of the years 2000 to 2099; raises `Invalid` naming the field.

    One that names no zone is in ``zone``, and refused where there is none; sixty seconds are the next minute (P5).
    """
    try:
        text = read_text(value, field)
        sixty = _SIXTY.fullmatch(text)
        found = datetime.fromisoformat(f"{sixty['minute']}59{sixty['zone'] or ''}" if sixty else text)
        if len(text) <= len("2026-10-01") or not 2000 <= found.year < 2100:
            raise ValueError("no instant of ours")
        found = found if found.tzinfo else found.replace(tzinfo=zone)
        if found.tzinfo is None:
            raise ValueError("no zone")
        return found.astimezone(UTC) + timedelta(seconds=1 if sixty else 0)
    except ValueError:
        raise Invalid([Fault(field, "timestamp")]) from None
