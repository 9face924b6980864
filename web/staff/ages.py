"""How long the cases of a page have waited for staff, held against the policy's target; no routes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db.reads.queue import ListedCase
from starter.review_targets import find_review_day, find_review_today


@dataclass(frozen=True)
class Age:
    """The last day of the target, and the time since it; none while it is not over, negative before that day."""

    due_on: date
    over: timedelta

    @property
    def is_over(self) -> bool:
        """Whether the target is missed."""
        return self.over > timedelta()

    @property
    def is_due(self) -> bool:
        """Whether today is the target's last day."""
        return not self.over


def measure_ages(rows: Iterable[ListedCase], now: datetime) -> dict[str, Age]:
    """The age of each case that waits for staff, by its id."""
    found = {}
    for row in rows:
        if row.attention_since is not None:
            due_on = find_review_day(row.program, row.plan_year, row.attention_since)
            found[row.case_id] = Age(due_on, find_review_today(row.program, row.plan_year, now) - due_on)
    return found
