"""Business days: Monday to Friday without the federal holidays, which the caller hands in (B18–B20)."""

from collections.abc import Callable, Container, Iterable
from datetime import date, timedelta

FRIDAY = 4
# The days of these years on which offices are closed.
DaysOff = Callable[[Iterable[int]], frozenset[date]]


def list_days_off_from(days_off: DaysOff, year: int) -> frozenset[date]:
    """The days on which offices are closed in this year and the next two: no clock runs longer than that."""
    return days_off(range(year, year + 3))


def is_business_day(day: date, holidays: Container[date]) -> bool:
    """Whether offices are open; `holidays` are the days on which they are observed."""
    return day.weekday() <= FRIDAY and day not in holidays


def find_business_day(day: date, n: int, holidays: Container[date]) -> date:
    """The n-th business day after `day`, which itself is never counted: of a Friday the first is Monday.

    `n` is 1 or more; `holidays` have to reach as far as the answer.
    """
    if n < 1:
        raise ValueError("business days are counted from 1")
    for _ in range(n):
        day += timedelta(days=1)
        while not is_business_day(day, holidays):
            day += timedelta(days=1)
    return day
