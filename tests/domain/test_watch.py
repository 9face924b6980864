"""When a completed registration has to be listed, and when the lists are read: noon in the East (B18–B20)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.holidays import list_federal_holidays
from domain.federal.listing_check import find_due_dates, find_next_check, is_late
from domain.federal.markets import FederalList
from domain.federal.policies import find_federal_policy
from domain.federal.policy import FederalPolicy
from domain.shared.ids import make_case_id
from domain.shared.policy import find_local_date

FOUND = find_federal_policy(2024)
assert FOUND is not None
POLICY: FederalPolicy = FOUND
HOLIDAYS = list_federal_holidays(range(2023, 2029))

# Completed on; the last day the tracker and the RCL may lack it, and the day on which that is flagged; then the same of
# Find Local Help.
TABLE = [
    # Friday: due on Wednesday, flagged on Thursday (B20); tracker and RCL a day before (B18, B19).
    ("2024-03-01 Fri", "2024-03-05 Tue", "2024-03-06 Wed", "2024-03-06 Wed", "2024-03-07 Thu"),
    ("2024-03-04 Mon", "2024-03-06 Wed", "2024-03-07 Thu", "2024-03-07 Thu", "2024-03-08 Fri"),
    ("2024-03-06 Wed", "2024-03-08 Fri", "2024-03-11 Mon", "2024-03-11 Mon", "2024-03-12 Tue"),
    ("2024-03-09 Sat", "2024-03-12 Tue", "2024-03-13 Wed", "2024-03-13 Wed", "2024-03-14 Thu"),
    ("2024-03-10 Sun", "2024-03-12 Tue", "2024-03-13 Wed", "2024-03-13 Wed", "2024-03-14 Thu"),
    # The week of Thanksgiving, whose Friday is a business day.
    ("2026-11-20 Fri", "2026-11-24 Tue", "2026-11-25 Wed", "2026-11-25 Wed", "2026-11-27 Fri"),
    ("2026-11-23 Mon", "2026-11-25 Wed", "2026-11-27 Fri", "2026-11-27 Fri", "2026-11-30 Mon"),
    ("2026-11-24 Tue", "2026-11-27 Fri", "2026-11-30 Mon", "2026-11-30 Mon", "2026-12-01 Tue"),
    ("2026-11-26 Thu", "2026-11-30 Mon", "2026-12-01 Tue", "2026-12-01 Tue", "2026-12-02 Wed"),
    # Labor Day after a Friday.
    ("2027-09-03 Fri", "2027-09-08 Wed", "2027-09-09 Thu", "2027-09-09 Thu", "2027-09-10 Fri"),
    # Christmas and New Year's Day on Fridays, and on Saturdays: then the Friday before is observed.
    ("2026-12-24 Thu", "2026-12-29 Tue", "2026-12-30 Wed", "2026-12-30 Wed", "2026-12-31 Thu"),
    ("2026-12-30 Wed", "2027-01-04 Mon", "2027-01-05 Tue", "2027-01-05 Tue", "2027-01-06 Wed"),
    ("2027-12-29 Wed", "2028-01-03 Mon", "2028-01-04 Tue", "2028-01-04 Tue", "2028-01-05 Wed"),
]
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# Its moment of the half hour is in the first second.
CASE_AT_NOON = "case-4378"


def day(text: str) -> date:
    written, weekday = text.split()
    found = date.fromisoformat(written)
    assert WEEKDAYS[found.weekday()] == weekday, text
    return found


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_b18_b19_b20_due_dates_and_the_days_that_are_flagged(row: tuple[str, str, str, str, str]) -> None:
    completed, due, flagged, due_in_help, flagged_in_help = map(day, row)
    assert find_due_dates(POLICY, completed, HOLIDAYS) == {
        FederalList.TRACKER: due,
        FederalList.RCL: due,
        FederalList.FIND_LOCAL_HELP: due_in_help,
    }
    for last_day, late_on in ((due, flagged), (due_in_help, flagged_in_help)):
        looks: list[date] = []
        now = datetime(completed.year, completed.month, completed.day, 17, tzinfo=UTC)
        while not looks or not is_late(last_day, looks[-1]):
            now = find_next_check(POLICY, now, HOLIDAYS, CASE_AT_NOON)
            looks.append(find_local_date(POLICY, now))
        assert looks[-1] == late_on
        assert not any(is_late(last_day, earlier) for earlier in looks[:-1])


# Now, and the next noon of a business day in the East; all in UTC.
LOOKS = [
    ("Friday morning", "2024-03-01T14:00", "2024-03-01T17:00"),
    ("a moment before noon", "2024-03-01T16:59:59.999999", "2024-03-01T17:00"),
    ("noon itself: that look was done", "2024-03-01T17:01", "2024-03-04T17:00"),
    ("Saturday in UTC, Friday evening in the East", "2024-03-02T01:00", "2024-03-04T17:00"),
    ("Monday in UTC, Sunday evening in the East", "2024-03-04T03:00", "2024-03-04T17:00"),
    # Clocks go forward on Sunday, 14 March 2027, and back on Sunday, 7 November 2027.
    ("the Friday before summer time", "2027-03-12T14:00", "2027-03-12T17:00"),
    ("over the weekend into summer time", "2027-03-12T17:01", "2027-03-15T16:00"),
    ("in the hour that doesn't exist", "2027-03-14T07:00", "2027-03-15T16:00"),
    ("the Friday before winter time", "2027-11-05T15:00", "2027-11-05T16:00"),
    ("over the weekend into winter time", "2027-11-05T16:01", "2027-11-08T17:00"),
    ("in the hour that exists twice", "2027-11-07T05:30", "2027-11-08T17:00"),
    ("in its second turn", "2027-11-07T06:30", "2027-11-08T17:00"),
    # Days off.
    ("Wednesday before Thanksgiving", "2026-11-25T18:00", "2026-11-27T17:00"),
    ("Thanksgiving morning", "2026-11-26T13:00", "2026-11-27T17:00"),
    ("New Year's Eve", "2026-12-31T18:00", "2027-01-04T17:00"),
    ("New Year's Day on a Saturday, observed on the Friday", "2027-12-30T18:00", "2028-01-03T17:00"),
]


@pytest.mark.parametrize(("now", "expected"), [row[1:] for row in LOOKS], ids=[row[0] for row in LOOKS])
def test_b18_the_lists_are_read_at_noon_of_the_next_business_day_in_the_east(now: str, expected: str) -> None:
    found = find_next_check(POLICY, datetime.fromisoformat(now).replace(tzinfo=UTC), HOLIDAYS, CASE_AT_NOON)
    assert found.tzinfo is UTC
    assert found.replace(second=0, microsecond=0) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_the_lists_are_read_for_each_case_in_the_half_hour_after_noon_and_once_a_day() -> None:
    noon, next_noon = datetime(2024, 3, 1, 17, tzinfo=UTC), datetime(2024, 3, 4, 17, tzinfo=UTC)
    cases = [make_case_id() for _ in range(200)]
    first = [find_next_check(POLICY, noon - timedelta(hours=1), HOLIDAYS, case_id) for case_id in cases]
    assert all(noon <= at < noon + timedelta(minutes=30) for at in first)
    assert max(first) - min(first) > timedelta(minutes=20)
    second = [find_next_check(POLICY, at, HOLIDAYS, case_id) for at, case_id in zip(first, cases, strict=True)]
    assert [at - next_noon for at in second] == [at - noon for at in first]


def test_b18_the_day_of_completion_is_the_day_in_the_east() -> None:
    """23:30 on Friday in New York is Saturday in UTC: due on Tuesday all the same, not on Wednesday."""
    friday_night = datetime(2024, 3, 2, 4, 30, tzinfo=UTC)
    assert find_local_date(POLICY, friday_night) == day("2024-03-01 Fri")
    assert find_due_dates(POLICY, find_local_date(POLICY, friday_night), HOLIDAYS)[FederalList.RCL] == day(
        "2024-03-05 Tue"
    )


@pytest.mark.parametrize(
    ("today", "late"),
    [("2024-03-04 Mon", False), ("2024-03-05 Tue", False), ("2024-03-06 Wed", True), ("2024-03-07 Thu", True)],
)
def test_b19_the_last_day_is_not_late_yet(today: str, late: bool) -> None:
    assert is_late(day("2024-03-05 Tue"), day(today)) is late
