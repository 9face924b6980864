"""The final exam: exact scores against the policy's pass mark, nothing rounded up (A21)."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from domain.shared.documents.faults import Fault, Invalid

_DIGITS = 20
_PLACES, _CUT = 40, 6


def parse_score(result: Any) -> Fraction:
    """The scaled score in an xAPI ``result``: ``score.scaled`` in −1..1, or ``score.raw`` of ``score.max``.

    Raises `Invalid` naming the field when there is no number, or one out of range.
    """
    score = result.get("score") if isinstance(result, dict) else None
    if not isinstance(score, dict):
        raise Invalid([Fault("result.score", "score")])
    if "scaled" in score:
        scaled = _parse_number(score["scaled"], "result.score.scaled")
        if not -1 <= scaled <= 1:
            raise Invalid([Fault("result.score.scaled", "score")])
        return scaled
    raw, most = _parse_number(score.get("raw"), "result.score.raw"), _parse_number(score.get("max"), "result.score.max")
    if most <= 0:
        raise Invalid([Fault("result.score.max", "score")])
    if not 0 <= raw <= most:
        raise Invalid([Fault("result.score.raw", "score")])
    return raw / most


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
