"""The audit and its chain of daily digests: the rows as they are digested, the digested days, and what is not yet."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from db.case_state import one_or_none
from db.house_tables import AuditDigest
from db.tables import AuditRow
from domain.shared.documents.audit_chain import AuditDay, Row, digest_day, find_day_fault

# A row gets its number before it is committed. A unit of work takes seconds: an hour later none is under way any more.
AUDIT: Any = SQLModel.metadata.tables["audit"]
SETTLED_AFTER = timedelta(hours=1)


def check_day(session: Session, number: int, previous: AuditDay | None) -> tuple[AuditDay, str | None] | None:
    """A digested day by its number, and what is wrong with it; None where there is none."""
    kept = _read_day(session, number)
    if kept is None:
        return None
    return kept, find_day_fault(kept, previous, _stream_rows(session, previous, kept.last_id))


def read_day(session: Session, number: int) -> tuple[AuditDay, list[Row]] | None:
    """A digested day by its number, and its rows as they are now; None where there is none."""
    kept = _read_day(session, number)
    if kept is None:
        return None
    return kept, list(_stream_rows(session, _read_day(session, number - 1), kept.last_id))


def digest_due_day(session: Session, now: datetime) -> AuditDay | None:
    """The next day that is over, with its digest; None where none is due."""
    last = find_last_day(session)
    due = _find_due_day(session, last, now)
    if due is None:
        return None
    day, last_id = due
    previous = last.digest if last else ""
    digest, count = digest_day(previous, day, _stream_rows(session, last, last_id))
    return AuditDay(last.number + 1 if last else 1, day, last_id, count, previous, digest)


def find_last_day(session: Session) -> AuditDay | None:
    """The newest digested day."""
    row = one_or_none(session, select(AuditDigest).order_by(col(AuditDigest.number).desc()).limit(1))
    return _describe_day(row) if row else None


def _find_due_day(session: Session, last: AuditDay | None, now: datetime) -> tuple[date, int] | None:
    """The next day to be digested and the id of its last row; None while the day of the next row isn't over."""
    newer = col(AuditRow.id) > (last.last_id if last else -1)
    first = one_or_none(session, select(AuditRow).where(newer).order_by(col(AuditRow.id)).limit(1))
    if first is None:
        return None
    # A row may be dated before the last day's end and come after it: then it is the next day's.
    day = max(first.at.date(), last.day + timedelta(days=1)) if last else first.at.date()
    end = datetime.combine(day + timedelta(days=1), time.min, UTC)
    if now < end + SETTLED_AFTER:
        return None
    last_id: int = session.scalar(select(func.max(AuditRow.id)).where(newer, col(AuditRow.at) < end)) or 0
    return day, last_id


def _read_day(session: Session, number: int) -> AuditDay | None:
    row = session.get(AuditDigest, number)
    return _describe_day(row) if row else None


def _describe_day(row: AuditDigest) -> AuditDay:
    return AuditDay(row.number, row.day, row.last_id, row.rows, row.previous, row.digest)


def _stream_rows(session: Session, previous: AuditDay | None, last_id: int) -> Iterator[Row]:
    """The rows of a day as they are digested and exported, every column of them, in the order of their ids."""
    query = select(*AUDIT.columns).where(AUDIT.c.id <= last_id)
    if previous is not None:
        query = query.where(AUDIT.c.id > previous.last_id)
    for row in session.execute(query.order_by(AUDIT.c.id), execution_options={"yield_per": 1000}).mappings():
        yield {**row, "at": row["at"].astimezone(UTC).isoformat(timespec="microseconds")}


def count_rows_after(session: Session, last_id: int) -> int:
    """How many rows of the audit no digest covers yet."""
    return session.scalar(select(func.count()).select_from(AuditRow).where(col(AuditRow.id) > last_id)) or 0
