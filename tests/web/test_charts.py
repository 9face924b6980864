"""The geometry of the charts: nothing sticks out, lengths are in proportion, and what isn't nothing is to be seen."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as some

from web.staff.charts import LEAST_HEIGHT, LEAST_WIDTH, LONGEST, draw_bars, draw_columns

numbers = some.lists(some.floats(0, 1e9), max_size=60)


@given(numbers)
def test_bars_stay_within_their_room_one_below_the_other(values: list[float]) -> None:
    drawn = draw_bars(values, 46)
    assert [bar.top for bar in drawn] == [46.0 * place for place in range(len(values))]
    assert all(0 <= bar.width <= LONGEST for bar in drawn)
    assert all((bar.width > 0) == (value > 0) for bar, value in zip(drawn, values, strict=True))


@given(some.lists(some.floats(1, 100), min_size=1, max_size=60))
def test_bars_are_in_proportion(values: list[float]) -> None:
    drawn = draw_bars(values, 10)
    for bar, value in zip(drawn, values, strict=True):
        assert bar.width == pytest.approx(value / max(values) * LONGEST)


def test_a_bar_of_very_little_is_still_to_be_seen() -> None:
    assert [bar.width for bar in draw_bars([1, 100_000, 0], 10)] == [LEAST_WIDTH, LONGEST, 0]


def test_two_kinds_of_bars_may_share_a_scale() -> None:
    assert [bar.width for bar in draw_bars([1, 2], 10, longest=4)] == [LONGEST / 4, LONGEST / 2]


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_bars([], 10) == []
    assert draw_columns([], 50, 0) == []
    assert [column.height for column in draw_columns([0, 0], 50, 0)] == [0, 0]


@given(some.lists(some.integers(0, 10_000), min_size=1, max_size=60))
def test_columns_stand_side_by_side_on_the_base_line(values: list[int]) -> None:
    drawn = draw_columns(values, 56, max(values))
    for column, following in pairwise(drawn):
        assert column.left + column.width < following.left
    assert drawn[-1].left + drawn[-1].width <= 100
    for column, value in zip(drawn, values, strict=True):
        assert column.top + column.height == pytest.approx(56)
        assert (column.height >= LEAST_HEIGHT) == (value > 0)
