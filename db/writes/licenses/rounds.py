"""What the licence round of a day came to, counted from what is recorded: begun again it counts nothing twice."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.license_tables import AlertReport, LicenseRoundRow, RegistryCall, WatchedLicense

# Calls, reports and rounds are kept for so long.
KEPT = timedelta(days=400)


def close_round(session: Session, day: date, began_at: datetime, now: datetime) -> dict[str, int]:
    """Keeps what the day's round came to, in the place of what was kept of it before; old ones are deleted.

    Counts: ``asked`` look-ups, ``unknown`` of them without an answer, ``suspended`` and ``restored`` cases, ``left``
    that were due and not asked about, ``due`` both, ``watched`` cases.
    """
    counts = count_calls(session, day)
    made = select(col(RegistryCall.npn)).where(col(RegistryCall.day) == day)
    due = col(WatchedLicense.due_on) <= day, ~col(WatchedLicense.ended), col(WatchedLicense.npn).not_in(made)
    left = select(func.count(func.distinct(WatchedLicense.npn))).where(*due)
    watched: Any = select(func.count()).select_from(WatchedLicense).where(~col(WatchedLicense.ended))
    counts["left"] = int(session.execute(left).scalar_one())
    counts["due"] = counts["asked"] + counts["left"]
    counts["watched"] = int(session.execute(watched).scalar_one())
    row = session.get(LicenseRoundRow, day)
    if row is None:
        session.add(LicenseRoundRow(day=day, began_at=began_at, finished_at=now, counts=counts))
    else:
        row.finished_at, row.counts = now, counts
    for table in (RegistryCall, AlertReport, LicenseRoundRow):
        session.execute(delete(table).where(col(table.day) < day - KEPT))
    return counts


def count_calls(session: Session, day: date) -> dict[str, int]:
    """The day's look-ups, those without an answer, and what the others came to."""
    unanswered = func.sum(case((col(RegistryCall.answered), 0), else_=1))
    sums = func.count(), unanswered, func.sum(RegistryCall.suspended), func.sum(RegistryCall.restored)
    found = session.execute(select(*sums).where(col(RegistryCall.day) == day)).one()
    return dict(zip(("asked", "unknown", "suspended", "restored"), (int(one or 0) for one in found), strict=True))
