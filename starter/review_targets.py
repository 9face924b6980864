"""Until when staff mean to have looked at what waits for them, by the policy in force of each case's plan year."""

from datetime import date, datetime

from adapters.holidays import list_days_off
from domain.programs.policies import find_newest_policy
from domain.shared.business_days import list_days_off_from
from domain.shared.cases.appeals import count_days
from domain.shared.policy import find_local_date


def find_review_day(program: str, plan_year: int, since: datetime) -> date:
    """The last day of the target for a case that has waited for staff since then."""
    policy = find_newest_policy(program, plan_year)
    target, day = policy.review_target, find_local_date(policy, since)
    # More than a year on, where the target's days are not counted by the calendar, no target reaches.
    return count_days(day, target.days, target.counted, list_days_off_from(list_days_off, day.year))


def find_review_today(program: str, plan_year: int, now: datetime) -> date:
    """The date that a target is held against: the program's own."""
    return find_local_date(find_newest_policy(program, plan_year), now)
