"""The final exam: exact scores against the policy's pass mark, nothing rounded up (A21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from domain.shared.documents.dialects import ScaledRange
from domain.shared.documents.faults import Fault, Invalid

_DIGITS = 20
_PLACES, _CUT = 40, 6


class Witness(StrEnum):
    """Which of the numbers that were sent decides."""

    RAW = "raw"
    SCALED = "scaled"


@dataclass(frozen=True)
class Score:
    """A score as a part of the whole, and which of the numbers that were sent it comes from."""

    value: Fraction
    witness: Witness


def parse_score(result: Any, scaled: ScaledRange = ScaledRange.UNIT, field: str = "result.score") -> Score:
    """The score in an xAPI ``result``: of ``raw``, ``min`` and ``max`` where they are complete, else ``scaled``.

    A store that keeps fractions by halves spoils ``scaled``, not the marks it was made from (P1). Without ``scaled``
    the smallest mark is 0. Raises `Invalid` naming the field when there is no number, one out of range, or marks that
    leave no room for a score (P3).
    """
    score = result.get("score") if isinstance(result, dict) else None
    if not isinstance(score, dict):
        raise Invalid([Fault(field, "score")])
    given = {name: score[name] for name in ("scaled", "raw", "min", "max") if score.get(name) is not None}
    if "scaled" not in given and "raw" not in given and "scaled" in score and "max" not in given:
        raise Invalid([Fault(f"{field}.scaled", "score")])
    if "scaled" not in given or {"raw", "min", "max"} <= set(given):
        return Score(_parse_marks(given, field), Witness.RAW)
    if {"raw", "max"} <= set(given):
        _parse_most(given, Fraction(0), field)
    return Score(_parse_scaled(given["scaled"], scaled, f"{field}.scaled"), Witness.SCALED)


def _parse_marks(given: Mapping[str, Any], field: str) -> Fraction:
    raw, least = _parse_number(given.get("raw"), f"{field}.raw"), _parse_number(given.get("min", 0), f"{field}.min")
    most = _parse_most(given, least, field)
    if not least <= raw <= most:
        raise Invalid([Fault(f"{field}.raw", "score")])
    return (raw - least) / (most - least)


def _parse_most(given: Mapping[str, Any], least: Fraction, field: str) -> Fraction:
    most = _parse_number(given.get("max"), f"{field}.max")
    if most <= least:
        raise Invalid([Fault(f"{field}.max", "score")])
    return most


def _parse_scaled(value: Any, scaled: ScaledRange, field: str) -> Fraction:
    number = _parse_number(value, field)
    least, most = (0, 100) if scaled is ScaledRange.PERCENT else (-1, 1)
    if not least <= number <= most:
        raise Invalid([Fault(field, "score")])
    return number if scaled is ScaledRange.UNIT else (number - least) / (most - least)


def _parse_number(value: Any, field: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Invalid([Fault(field, "score")])
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _DIGITS or len(number.as_tuple().digits) > 2 * _DIGITS:
        raise Invalid([Fault(field, "score")])
    return Fraction(number)


def is_pass(score: Fraction, pass_mark: Decimal) -> bool:
    """Whether the score reaches the mark, compared exactly (A21)."""
    return score >= Fraction(pass_mark)


def format_score(score: Fraction) -> str:
    """The score as a decimal string: exact where it ends within forty places, else cut (never rounded) to six."""
    exact = (score * 10**_PLACES).denominator == 1
    places = _PLACES if exact else _CUT
    # Whole numbers, since Decimal's own arithmetic rounds to 28 digits.
    units = abs(score.numerator) * 10**places // score.denominator
    whole, part = divmod(units, 10**places)
    decimals = f"{part:0{places}}".rstrip("0")
    return f"{'-' if score < 0 and units else ''}{whole}{'.' if decimals else ''}{decimals}"
