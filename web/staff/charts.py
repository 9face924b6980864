"""The geometry of the dashboard's charts: lengths across in percent of the width, down in pixels; no words, no colors.

Across a chart fills whatever room there is, and its letters keep their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Of the width, so that the number behind the longest bar has room too.
LONGEST = 80.0
# A bar or column of the smallest number above nothing is still to be seen.
LEAST_WIDTH, LEAST_HEIGHT = 0.5, 2.0
GAP = 0.25  # of a column's room


@dataclass(frozen=True)
class Bar:
    """A bar from the left edge; ``top`` is where its row begins."""

    top: float
    width: float


@dataclass(frozen=True)
class Column:
    """A column that stands on the base line."""

    left: float
    width: float
    top: float
    height: float


def draw_bars(numbers: Sequence[float], row: float, longest: float | None = None) -> list[Bar]:
    """A bar for each number, ``row`` pixels apart; ``longest`` is what fills the width, if not the greatest of them."""
    greatest = max(numbers, default=0.0) if longest is None else longest
    return [
        Bar(place * row, _measure_length(number, greatest, LONGEST, LEAST_WIDTH))
        for place, number in enumerate(numbers)
    ]


def draw_columns(numbers: Sequence[float], tall: float, greatest: float) -> list[Column]:
    """A column for each number, side by side over the whole width; ``greatest`` is ``tall`` pixels high."""
    room = 100 / max(len(numbers), 1)
    heights = [_measure_length(number, greatest, tall, LEAST_HEIGHT) for number in numbers]
    return [Column(place * room, room * (1 - GAP), tall - height, height) for place, height in enumerate(heights)]


def _measure_length(number: float, greatest: float, longest: float, least: float) -> float:
    if number <= 0 or greatest <= 0:
        return 0.0
    return max(least, min(number / greatest, 1.0) * longest)
