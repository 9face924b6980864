"""The final exam: exact scores against the policy's pass mark, nothing rounded up (A21)."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

from domain.faults import Fault, Invalid

_DIGITS = 20
_SIX = Decimal("0.000001")


def score_of(result: Any) -> Fraction:
    """The scaled score in an xAPI ``result``: ``score.scaled`` in −1..1, or ``score.raw`` of ``score.max``.

    Raises `Invalid` naming the field when there is no number, or one out of range.
    """
    score = result.get("score") if isinstance(result, dict) else None
    if not isinstance(score, dict):
        raise Invalid([Fault("result.score", "score")])
    if "scaled" in score:
        scaled = _number(score["scaled"], "result.score.scaled")
        if not -1 <= scaled <= 1:
            raise Invalid([Fault("result.score.scaled", "score")])
        return scaled
    raw, most = _number(score.get("raw"), "result.score.raw"), _number(score.get("max"), "result.score.max")
    if most <= 0:
        raise Invalid([Fault("result.score.max", "score")])
    if not 0 <= raw <= most:
        raise Invalid([Fault("result.score.raw", "score")])
    return raw / most


def _number(value: Any, field: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Invalid([Fault(field, "score")])
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _DIGITS or len(number.as_tuple().digits) > 2 * _DIGITS:
        raise Invalid([Fault(field, "score")])
    return Fraction(number)


def passes(score: Fraction, pass_mark: Decimal) -> bool:
    """Whether the score reaches the mark, compared exactly (A21)."""
    return score >= Fraction(pass_mark)


def as_text(score: Fraction) -> str:
    """The score as a decimal string: exact where it ends within twenty places, else cut (never rounded) to six."""
    exact = _exact_decimal(score)
    value = (
        exact
        if exact is not None
        else (Decimal(score.numerator) / Decimal(score.denominator)).quantize(_SIX, ROUND_DOWN)
    )
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exact_decimal(score: Fraction) -> Decimal | None:
    scaled = score * 10 ** (2 * _DIGITS)
    return Decimal(scaled.numerator).scaleb(-2 * _DIGITS) if scaled.denominator == 1 else None
