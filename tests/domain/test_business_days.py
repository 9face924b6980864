"""Business days over federal holidays, weekends and year ends (B18–B20); every weekday is written out."""

from datetime import UTC, date, datetime

import pytest

from adapters.holidays import list_days_off, list_federal_holidays
from domain.shared.business_days import find_business_day, is_business_day
from domain.shared.cases.review_times import ReviewTime, expect_review
from domain.shared.policy import DayKind
from domain.state.policies import POLICIES

# Completed on, and the n-th business day after it.
TABLE = [
    # Ordinary weeks: Friday's completion is due in Find Local Help on Wednesday and flagged on Thursday (B20).
    ("2024-03-01", "Friday", 1, "2024-03-04", "Monday"),
    ("2024-03-01", "Friday", 2, "2024-03-05", "Tuesday"),
    ("2024-03-01", "Friday", 3, "2024-03-06", "Wednesday"),
    ("2024-03-01", "Friday", 4, "2024-03-07", "Thursday"),
    ("2024-03-04", "Monday", 1, "2024-03-05", "Tuesday"),
    ("2024-03-04", "Monday", 5, "2024-03-11", "Monday"),
    ("2024-03-07", "Thursday", 2, "2024-03-11", "Monday"),
    # Completed on a weekend.
    ("2024-03-02", "Saturday", 1, "2024-03-04", "Monday"),
    ("2024-03-02", "Saturday", 3, "2024-03-06", "Wednesday"),
    ("2024-03-03", "Sunday", 2, "2024-03-05", "Tuesday"),
    # The leap day, and a February without one.
    ("2024-02-28", "Wednesday", 1, "2024-02-29", "Thursday"),
    ("2024-02-28", "Wednesday", 2, "2024-03-01", "Friday"),
    ("2024-02-29", "Thursday", 3, "2024-03-05", "Tuesday"),
    ("2028-02-28", "Monday", 1, "2028-02-29", "Tuesday"),
    ("2023-02-28", "Tuesday", 1, "2023-03-01", "Wednesday"),
    # Long weekends: Martin Luther King Jr., Washington, Memorial Day, Labor Day, Columbus Day.
    ("2024-01-12", "Friday", 1, "2024-01-16", "Tuesday"),
    ("2024-02-16", "Friday", 2, "2024-02-21", "Wednesday"),
    ("2024-05-23", "Thursday", 2, "2024-05-28", "Tuesday"),
    ("2024-08-30", "Friday", 3, "2024-09-05", "Thursday"),
    ("2024-10-11", "Friday", 1, "2024-10-15", "Tuesday"),
    ("2024-10-14", "Monday", 1, "2024-10-15", "Tuesday"),
    # Juneteenth on a Saturday, a Sunday, a Wednesday.
    ("2021-06-17", "Thursday", 1, "2021-06-21", "Monday"),
    ("2021-06-18", "Friday", 1, "2021-06-21", "Monday"),
    ("2027-06-17", "Thursday", 2, "2027-06-22", "Tuesday"),
    ("2022-06-17", "Friday", 1, "2022-06-21", "Tuesday"),
    ("2022-06-19", "Sunday", 2, "2022-06-22", "Wednesday"),
    ("2024-06-18", "Tuesday", 1, "2024-06-20", "Thursday"),
    # Independence Day on a Thursday, a Saturday, a Sunday, a Tuesday.
    ("2024-07-03", "Wednesday", 1, "2024-07-05", "Friday"),
    ("2026-07-02", "Thursday", 1, "2026-07-06", "Monday"),
    ("2021-07-02", "Friday", 1, "2021-07-06", "Tuesday"),
    ("2023-07-03", "Monday", 2, "2023-07-06", "Thursday"),
    # Veterans Day in the middle of a week, and observed beside a weekend.
    ("2026-11-10", "Tuesday", 1, "2026-11-12", "Thursday"),
    ("2026-11-11", "Wednesday", 2, "2026-11-13", "Friday"),
    ("2021-11-10", "Wednesday", 3, "2021-11-16", "Tuesday"),
    ("2023-11-09", "Thursday", 1, "2023-11-13", "Monday"),
    ("2024-11-08", "Friday", 2, "2024-11-13", "Wednesday"),
    # Thanksgiving: the Friday after it is a business day.
    ("2023-11-22", "Wednesday", 1, "2023-11-24", "Friday"),
    ("2024-11-26", "Tuesday", 3, "2024-12-02", "Monday"),
    ("2022-11-24", "Thursday", 2, "2022-11-28", "Monday"),
    # Christmas on a Sunday, a Saturday, a Wednesday, a Monday.
    ("2022-12-22", "Thursday", 3, "2022-12-28", "Wednesday"),
    ("2022-12-23", "Friday", 1, "2022-12-27", "Tuesday"),
    ("2022-12-25", "Sunday", 1, "2022-12-27", "Tuesday"),
    ("2021-12-23", "Thursday", 1, "2021-12-27", "Monday"),
    ("2024-12-24", "Tuesday", 1, "2024-12-26", "Thursday"),
    ("2023-12-22", "Friday", 2, "2023-12-27", "Wednesday"),
    # New Year's Day on a Saturday is observed in the year before.
    ("2021-12-29", "Wednesday", 1, "2021-12-30", "Thursday"),
    ("2021-12-29", "Wednesday", 2, "2022-01-03", "Monday"),
    ("2021-12-30", "Thursday", 1, "2022-01-03", "Monday"),
    ("2021-12-30", "Thursday", 3, "2022-01-05", "Wednesday"),
    ("2021-12-31", "Friday", 2, "2022-01-04", "Tuesday"),
    ("2027-12-29", "Wednesday", 2, "2028-01-03", "Monday"),
    # Other year ends: New Year's Day on a Sunday, a Monday, a Wednesday.
    ("2022-12-29", "Thursday", 2, "2023-01-03", "Tuesday"),
    ("2022-12-30", "Friday", 1, "2023-01-03", "Tuesday"),
    ("2023-12-29", "Friday", 1, "2024-01-02", "Tuesday"),
    ("2024-12-31", "Tuesday", 1, "2025-01-02", "Thursday"),
    ("2024-12-23", "Monday", 5, "2024-12-31", "Tuesday"),
]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def day_of(text: str, weekday: str) -> date:
    """The date, if it is on that weekday."""
    day = date.fromisoformat(text)
    assert WEEKDAYS[day.weekday()] == weekday, text
    return day


@pytest.mark.parametrize(("start", "starts_on", "n", "expected", "falls_on"), TABLE)
def test_b18_b19_b20_business_days_are_counted(
    start: str, starts_on: str, n: int, expected: str, falls_on: str
) -> None:
    first, last = day_of(start, starts_on), day_of(expected, falls_on)
    holidays = list_federal_holidays(range(first.year, last.year + 1))
    assert find_business_day(first, n, holidays) == last
    assert is_business_day(last, holidays)


def test_the_table_is_long_enough_and_says_nothing_twice() -> None:
    assert len({(start, n) for start, _, n, *_ in TABLE}) == len(TABLE) >= 40


def test_the_day_itself_is_never_counted() -> None:
    with pytest.raises(ValueError, match="from 1"):
        find_business_day(date(2024, 3, 1), 0, ())


def test_without_holidays_only_weekends_are_skipped() -> None:
    days = [date(2024, 12, day) for day in range(23, 30)]
    assert [is_business_day(day, ()) for day in days] == [True] * 5 + [False] * 2
    assert not is_business_day(date(2024, 12, 25), {date(2024, 12, 25)})


@pytest.mark.parametrize(
    ("since", "now", "expected"),
    [
        ("2024-03-04T17:00", "2024-03-04T17:00", date(2024, 3, 11)),
        ("2024-03-04T17:00", "2024-03-11T23:00", date(2024, 3, 11)),
        ("2024-03-05T04:00", "2024-03-05T04:00", date(2024, 3, 11)),  # still Monday where the exchange is
        (None, "2024-03-11T23:00", None),
    ],
)
def test_who_waits_is_told_the_target_s_days_and_its_last_one_once_they_run(
    since: str | None, now: str, expected: date | None
) -> None:
    waits = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
    found = expect_review(
        POLICIES["bewellnm", 2024], waits, datetime.fromisoformat(now).replace(tzinfo=UTC), list_days_off
    )
    assert found == ReviewTime(5, DayKind.BUSINESS, expected)


def test_nobody_is_promised_a_day_that_is_over() -> None:
    since, late = datetime(2024, 3, 4, 17, tzinfo=UTC), datetime(2024, 3, 12, 17, tzinfo=UTC)
    assert expect_review(POLICIES["bewellnm", 2024], since, late, list_days_off) is None
