"""Counts calls for all web processes together, in windows of time that slide: see `grant_calls`."""

from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from sqlalchemy.orm import Session
from sqlmodel import col, delete

from db.house_tables import CallCount


class Grant(NamedTuple):
    """How many calls may be made, and where there are none, in how many seconds to ask again."""

    calls: int
    retry_after: int


def grant_calls(
    session: Session, what: str, caller: str, wanted: int, limit: int, window: timedelta, now: datetime
) -> Grant:
    """Grants a caller as many of the calls wanted as their limit leaves.

    Windows begin at multiples of their length. Of the calls of the window before as large a part counts as the last
    window's length, looked at from now, overlaps with it.
    """
    length = window.total_seconds()
    began_at = datetime.fromtimestamp(now.timestamp() // length * length, now.tzinfo)
    passed = (now - began_at) / window
    before = session.get(CallCount, (what, caller, began_at - window))
    current = session.get(CallCount, (what, caller, began_at), with_for_update=True)
    used = (before.calls * (1 - passed) if before else 0) + (current.calls if current else 0)
    granted = min(wanted, int(limit - used))
    if granted <= 0:
        wait = _find_wait(before.calls if before else 0, current.calls if current else 0, limit, passed)
        return Grant(0, max(1, ceil(length * wait)))
    if current is None:
        current = CallCount(what=what, caller=caller, began_at=began_at, calls=0, expires_at=began_at + 2 * window)
    current.calls += granted
    session.add(current)
    return Grant(granted, 0)


def _find_wait(before: int, current: int, limit: int, passed: float) -> float:
    """In how many lengths of the window one call is granted again, if none is made meanwhile."""
    if current < limit:
        return 1 - (limit - 1 - current) / before - passed
    return 1 - passed + 1 - (limit - 1) / current


def purge_counts(session: Session, now: datetime) -> None:
    """Deletes counts that limit nothing any more."""
    session.execute(delete(CallCount).where(col(CallCount.expires_at) < now))
