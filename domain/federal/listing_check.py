"""When a completed registration must be in the federal lists, and when they are read next (B18–B20); no clock."""

from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta

from domain.federal.markets import FederalList
from domain.federal.policy import FederalPolicy
from domain.shared.business_days import find_business_day, is_business_day
from domain.shared.policy import find_time_zone
from domain.shared.spreading import spread_moment


def find_due_dates(policy: FederalPolicy, completed_on: date, holidays: Container[date]) -> dict[FederalList, date]:
    """The last day on which each list may still lack a registration completed on this day, US Eastern."""
    return {name: find_business_day(completed_on, lag, holidays) for name, lag in policy.lags.items()}


def is_late(due_on: date, today: date) -> bool:
    """Whether a registration that is not in the list is overdue: from the business day after the last one on."""
    return today > due_on


def find_next_check(policy: FederalPolicy, now: datetime, holidays: Container[date], case_id: str) -> datetime:
    """When the lists are read for a case next, later than now: once on every business day, soon after the hour. In UTC.

    The hour is everybody's: each case has a moment of its own in the half hour after it.
    """
    local = now.astimezone(find_time_zone(policy))
    day = local.date()
    while True:
        at = spread_moment(datetime.combine(day, time(policy.look_at_hour), find_time_zone(policy)), case_id)
        if is_business_day(day, holidays) and at > local:
            return at.astimezone(UTC)
        day += timedelta(days=1)
