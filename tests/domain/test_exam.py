"""Scores are exact: 80 % passes, anything less doesn't, and what is shown is never more than what was scored (A21)."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json
from domain.state.exam import format_score, is_pass, parse_score

MARK = Decimal("0.80")
NINES = "0.7" + "9" * 38

scores = st.fractions(min_value=-1, max_value=1) | st.decimals(min_value=-1, max_value=1, places=38).map(Fraction)


def result(text: str) -> Any:
    """An xAPI result as it is read from a webhook."""
    return {"score": read_json(text.encode())}


@pytest.mark.parametrize(
    ("score", "passed", "shown"),
    [
        ('{"scaled": 0.8}', True, "0.8"),
        ('{"scaled": 0.80}', True, "0.8"),
        ('{"scaled": 8e-1}', True, "0.8"),
        ('{"scaled": 1}', True, "1"),
        ('{"scaled": 1.000}', True, "1"),
        ('{"scaled": 0}', False, "0"),
        ('{"scaled": -0.25}', False, "-0.25"),
        ('{"scaled": 0.7999}', False, "0.7999"),
        ('{"scaled": 0.79999999999999999999}', False, "0.79999999999999999999"),
        (f'{{"scaled": {NINES}}}', False, NINES),
        ('{"raw": 4, "max": 5}', True, "0.8"),
        ('{"raw": 80, "max": 100}', True, "0.8"),
        ('{"raw": 79.99, "max": 100}', False, "0.7999"),
        ('{"raw": 2, "max": 3}', False, "0.666666"),
        ('{"raw": 0, "max": 7}', False, "0"),
        ('{"raw": 2399999999999999999999999, "max": 3000000000000000000000000}', False, None),
        ('{"raw": 11999999999999999999, "max": 15000000000000000000}', False, "0.799999"),
        ('{"scaled": 0.5, "raw": 5, "max": 5}', False, "0.5"),
    ],
)
def test_a21_eighty_percent_passes_and_nothing_is_rounded_up(score: str, passed: bool, shown: str | None) -> None:
    if shown is None:
        with pytest.raises(Invalid):
            parse_score(result(score))
        return
    found = parse_score(result(score)).value
    assert is_pass(found, MARK) is passed
    assert format_score(found) == shown


@given(score=scores)
@example(score=Fraction(12 * 10**35 - 1, 15 * 10**35))
@example(score=Fraction(-1, 10**7))
def test_a21_what_is_shown_never_exceeds_the_score_s_size_and_hardly_falls_short_of_it(score: Fraction) -> None:
    shown = Fraction(Decimal(format_score(score)))
    assert abs(shown) <= abs(score) < abs(shown) + Fraction(1, 10**6)
    assert not (is_pass(shown, MARK) and not is_pass(score, MARK))


@given(number=st.decimals(min_value=0, max_value=1, places=19))
def test_a21_a_decimal_is_shown_as_it_is(number: Decimal) -> None:
    found = parse_score(result(f'{{"scaled": {number:f}}}')).value
    assert Decimal(format_score(found)) == number


@pytest.mark.parametrize(
    ("score", "field"),
    [
        (None, "result.score"),
        ([], "result.score"),
        ({}, "result.score.raw"),
        ({"scaled": None}, "result.score.scaled"),
        ({"scaled": True}, "result.score.scaled"),
        ({"scaled": "0.8"}, "result.score.scaled"),
        ({"scaled": 0.8}, "result.score.scaled"),
        ({"scaled": Decimal("1.0000000001")}, "result.score.scaled"),
        ({"scaled": Decimal("-1.1")}, "result.score.scaled"),
        ({"scaled": Decimal("NaN")}, "result.score.scaled"),
        ({"scaled": Decimal("1e-40")}, "result.score.scaled"),
        ({"scaled": Decimal("1e999999")}, "result.score.scaled"),
        ({"scaled": Decimal("0." + "3" * 60)}, "result.score.scaled"),
        ({"raw": 4}, "result.score.max"),
        ({"raw": 4, "max": 0}, "result.score.max"),
        ({"raw": 4, "max": -5}, "result.score.max"),
        ({"raw": 6, "max": 5}, "result.score.raw"),
        ({"raw": -1, "max": 5}, "result.score.raw"),
        ({"raw": 10**30, "max": 10**31}, "result.score.raw"),
    ],
)
def test_c4_a_score_that_is_none_is_refused_by_its_field(score: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_score({"score": score})
    assert [fault.field for fault in refused.value.faults] == [field]


def test_c4_a_result_that_is_none_is_refused() -> None:
    nothings: list[Any] = [None, [], "passed", {"success": True}]
    for nothing in nothings:
        with pytest.raises(Invalid):
            parse_score(nothing)
