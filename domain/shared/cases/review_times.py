"""Until when staff mean to have looked at what waits for them, and what may be said of it to who waits."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.shared.business_days import DaysOff, list_days_off_from
from domain.shared.cases.appeals import count_days
from domain.shared.policy import DayKind, ProgramPolicy, find_local_date


@dataclass(frozen=True)
class ReviewTime:
    """Within how many days there is a decision as a rule; ``by`` is the last of them, None where they don't run yet."""

    days: int
    counted: DayKind
    by: date | None = None


def find_review_day(policy: ProgramPolicy, since: datetime, days_off: DaysOff) -> date:
    """The last day of the target for what has waited for staff since then."""
    target, day = policy.review_target, find_local_date(policy, since)
    # More than a year on, where the target's days are not counted by the calendar, no target reaches.
    return count_days(day, target.days, target.counted, list_days_off_from(days_off, day.year))


def expect_review(policy: ProgramPolicy, since: datetime | None, now: datetime, days_off: DaysOff) -> ReviewTime | None:
    """What is said of a case that waits since then, or will once something else is there.

    None once its day is over: nobody is promised what was not kept.
    """
    target = policy.review_target
    if since is None:
        return ReviewTime(target.days, target.counted)
    day = find_review_day(policy, since, days_off)
    return ReviewTime(target.days, target.counted, day) if find_local_date(policy, now) <= day else None
