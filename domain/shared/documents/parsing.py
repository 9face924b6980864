"""JSON from outside, read exactly: decimals stay decimals, and what JSON doesn't allow is refused."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, NoReturn

from domain.shared.documents.faults import Fault, Invalid

# Converted to a whole number, 1e999999999 filled the memory and stopped the process; no score comes near this.
_PLACES = 1000
# Some write it before UTF-8 too, where it says nothing (P9).
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


def _parse_decimal(text: str) -> Decimal:
    """An exact number, unless its exponent is a trap: as a whole number it would fill the memory."""
    number = Decimal(text)
    if abs(number.adjusted()) > _PLACES:
        raise ValueError("exponent")
    return number


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def read_json(body: bytes) -> Any:
    """The JSON document in ``body``, numbers with a point as `Decimal`.

    Raises `Invalid` where it is not JSON (UTF-8, no NaN, no repeated keys, no half characters, no exponent beyond
    1000, not nested absurdly deep), and naming each field that holds a NUL character.
    """
    try:
        return _check_text(
            json.loads(
                body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8"),
                parse_float=_parse_decimal,
                parse_constant=_refuse_constant,
                object_pairs_hook=_build_object,
            )
        )
    except (ValueError, RecursionError, InvalidOperation):
        raise Invalid([Fault("body", "json")]) from None


def _check_text(document: Any) -> Any:
    """The document, if all of its text can be stored: no half of a surrogate pair, and no NUL (PostgreSQL has none)."""
    text = write_canonical(document)
    text.encode("utf-8")
    if "\\u0000" in text and (named := [*_find_nul(document, "")]):
        raise Invalid([Fault(field or "body", "control_characters") for field in named])
    return document


def _find_nul(value: Any, path: str) -> Iterator[str]:
    """The paths of the fields whose text or name holds a NUL character."""
    if isinstance(value, str) and "\0" in value:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in parts:
        if "\0" in str(key):
            yield path
        yield from _find_nul(item, f"{path}.{key}".lstrip("."))


def write_canonical(document: Any) -> str:
    """One spelling per JSON document, to compare bodies after parsing (C5): 0.80 and 0.8 are the same number."""

    def simplify(value: Any) -> Any:
        if isinstance(value, Decimal):
            return {"number": _write_number(value)}
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        if isinstance(value, int):
            return {"number": _write_number(Decimal(value))}
        if isinstance(value, dict):
            return {key: simplify(item) for key, item in value.items()}
        return [simplify(item) for item in value]

    return json.dumps(simplify(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write_exact(document: Any) -> str:
    """The document as JSON that `read_json` reads back as the same one, each number with its own digits."""
    if isinstance(document, dict):
        return "{" + ", ".join(f"{write_exact(key)}: {write_exact(value)}" for key, value in document.items()) + "}"
    if isinstance(document, list):
        return "[" + ", ".join(map(write_exact, document)) + "]"
    return str(document) if isinstance(document, Decimal) else json.dumps(document, ensure_ascii=False)


def _write_number(number: Decimal) -> str:
    """A number's only spelling, with every digit: `normalize` would round to its context, and overflow."""
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    bare = text.rstrip("0")
    return f"{'-' if sign else ''}{bare}E{int(exponent) + len(text) - len(bare)}" if bare else "0"


def hash_document(body: Any) -> str:
    """A digest of a parsed body: equal documents, equal digests."""
    return sha256(write_canonical(body).encode()).hexdigest()
