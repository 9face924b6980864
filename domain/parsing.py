"""JSON from outside, read exactly: decimals stay decimals, and what JSON doesn't allow is refused."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from domain.faults import Fault, Invalid

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def read_json(body: bytes) -> Any:
    """The JSON document in ``body``, numbers with a point as `Decimal`.

    Raises `Invalid` where it is not JSON (UTF-8, no NaN, no repeated keys, no half or NUL characters, no number
    beyond reckoning, not nested absurdly deep).
    """
    try:
        return _whole(
            json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_unique)
        )
    except (ValueError, RecursionError, InvalidOperation):
        raise Invalid([Fault("body", "json")]) from None


def _whole(document: Any) -> Any:
    """The document, if all of its text can be stored: no half of a surrogate pair, and no NUL (PostgreSQL has none)."""
    text = canonical(document)
    text.encode("utf-8")
    if _NUL.search(text):
        raise ValueError("NUL")
    return document


def canonical(document: Any) -> str:
    """One spelling per JSON document, to compare bodies after parsing (C5): 0.80 and 0.8 are the same number."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return {"number": _spelled(value)}
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        if isinstance(value, int):
            return {"number": _spelled(Decimal(value))}
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value]

    return json.dumps(plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _spelled(number: Decimal) -> str:
    """A number's only spelling, with every digit: `normalize` would round to its context, and overflow."""
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    bare = text.rstrip("0")
    return f"{'-' if sign else ''}{bare}E{int(exponent) + len(text) - len(bare)}" if bare else "0"
