"""JSON from outside, read exactly: decimals stay decimals, and what JSON doesn't allow is refused."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from domain.faults import Fault, Invalid


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def read_json(body: bytes) -> Any:
    """The JSON document in ``body``, numbers with a point as `Decimal`.

    Raises `Invalid` where it is not JSON (UTF-8, no NaN, no repeated keys, not nested absurdly deep).
    """
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Invalid([Fault("body", "json")]) from None


def canonical(document: Any) -> str:
    """One spelling per JSON document, to compare bodies after parsing (C5): 0.80 and 0.8 are the same number."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return {"number": str(value.normalize())}
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        if isinstance(value, int):
            return {"number": str(Decimal(value).normalize())}
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value]

    return json.dumps(plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
