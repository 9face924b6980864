"""When reminders are due: gentle ones every so many days after a wait began (A18), others ahead of a last day."""

from collections.abc import Iterable
from datetime import date, timedelta


def find_wait_reminded_of(about: str) -> str:
    """What a reminder is about: its letter's ``about`` is the wait and its due date."""
    return about.partition(":")[0]


def find_due_date(waiting_since: date, today: date, every_days: int, at_most: int) -> date | None:
    """The latest due date on or before today; None before the first one, and once the last one is over."""
    number = (today - waiting_since).days // every_days
    if not 1 <= number <= at_most:
        return None
    return waiting_since + timedelta(days=number * every_days)


def find_reminder(days_before: Iterable[int], day: date, last_day: date) -> int | None:
    """Which reminder of a last day is due: so many days before it; None before the first, and after that day."""
    left = (last_day - day).days
    return min((before for before in days_before if 0 <= left <= before), default=None)
