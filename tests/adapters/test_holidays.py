"""The federal holidays as the law writes them (5 U.S.C. 6103), computed here without the library."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.holidays import list_days_off, list_federal_holidays
from adapters.http import Refused
from domain.shared.business_days import find_business_day

ROOT = Path(__file__).parents[2]
ROOMS = ("activities", "adapters", "db", "domain", "starter", "web", "workflows")
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
THIS_YEAR = datetime.now(ZoneInfo("America/New_York")).year


def nth(n: int, weekday: int, year: int, month: int) -> date:
    """The n-th weekday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7, weeks=n - 1)


def last(weekday: int, year: int, month: int) -> date:
    """The last weekday of a month that has 31 days."""
    end = date(year, month, 31)
    return end - timedelta(days=(end.weekday() - weekday) % 7)


def eleven(year: int) -> dict[str, date]:
    """The holidays since Juneteenth became one, in 2021."""
    return {
        "New Year's Day": date(year, 1, 1),
        "Birthday of Martin Luther King, Jr.": nth(3, MONDAY, year, 1),
        "Washington's Birthday": nth(3, MONDAY, year, 2),
        "Memorial Day": last(MONDAY, year, 5),
        "Juneteenth National Independence Day": date(year, 6, 19),
        "Independence Day": date(year, 7, 4),
        "Labor Day": nth(1, MONDAY, year, 9),
        "Columbus Day": nth(2, MONDAY, year, 10),
        "Veterans Day": date(year, 11, 11),
        "Thanksgiving Day": nth(4, THURSDAY, year, 11),
        "Christmas Day": date(year, 12, 25),
    }


def observed(day: date) -> date:
    """Saturday's holiday is observed on Friday, Sunday's on Monday."""
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def expected(year: int) -> set[date]:
    """Every day of the year that is a holiday or observes one."""
    holidays = [*eleven(year).values(), date(year + 1, 1, 1)]
    return {day for holiday in holidays for day in (holiday, observed(holiday)) if day.year == year}


@pytest.mark.parametrize("name", eleven(THIS_YEAR))
@pytest.mark.parametrize("year", [THIS_YEAR, THIS_YEAR + 1], ids=["this_year", "next_year"])
def test_b20_this_years_and_next_years_holidays_are_there(year: int, name: str) -> None:
    holiday = eleven(year)[name]
    assert {holiday, observed(holiday)} <= list_federal_holidays([year - 1, year])


@pytest.mark.parametrize("year", range(2021, 2036))
def test_a_year_has_these_holidays_and_no_others(year: int) -> None:
    assert list_federal_holidays([year]) == expected(year)


def test_new_years_day_may_be_observed_in_the_year_before() -> None:
    assert date(2021, 12, 31) in list_federal_holidays([2021])
    assert date(2021, 12, 31) not in list_federal_holidays([2022])
    assert date(2022, 12, 31) not in list_federal_holidays([2022])
    assert date(2023, 1, 2) in list_federal_holidays([2023])


def test_several_years_at_once() -> None:
    assert list_federal_holidays(range(2021, 2024)) == expected(2021) | expected(2022) | expected(2023)
    assert list_federal_holidays([]) == frozenset()


@pytest.mark.parametrize("year", [1, 1776, 2101, 9999])
def test_a_year_that_is_not_known_is_no_year_without_holidays(year: int) -> None:
    with pytest.raises(Refused, match=str(year)) as raised:
        list_federal_holidays([2024, year])
    assert raised.value.code == "calendar_unknown"


def test_p26_days_closed_by_executive_order_are_days_off() -> None:
    off = list_days_off([2024, 2025])
    assert off == list_federal_holidays([2024, 2025]) | {date(2024, 12, 24), date(2025, 1, 9)}
    # A registration completed on Monday: Christmas Eve and Christmas don't count.
    assert find_business_day(date(2024, 12, 23), 2, off) == date(2024, 12, 27)
    assert find_business_day(date(2025, 1, 8), 2, off) == date(2025, 1, 13)


def test_p26_what_counts_business_days_asks_for_all_days_off() -> None:
    ours = [ROOT / "worker.py", *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in ours}
    assert [name for name, text in texts.items() if "list_federal_holidays" in text] == ["adapters/holidays.py"]
    asking = {name for name, text in texts.items() if "list_days_off" in text}
    assert asking >= {"worker.py", "activities/listing_check.py", "starter/appeals.py"}
    counting = {name for name, text in texts.items() if "find_business_day(" in text and not name.startswith("domain/")}
    assert counting <= asking, "days are counted in domain, by days off that are handed in"
