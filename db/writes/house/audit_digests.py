"""Keeps the digests of the audit's days; a digested day is never digested again."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.house_tables import AuditDigest
from domain.shared.documents.audit_chain import AuditDay


def keep_digest(session: Session, made: AuditDay, now: datetime) -> bool:
    """Keeps a day's digest; False where another process has digested the day meanwhile."""
    if session.get(AuditDigest, made.number) is not None:
        return False
    session.add(
        AuditDigest(
            number=made.number,
            day=made.day,
            last_id=made.last_id,
            rows=made.rows,
            previous=made.previous,
            digest=made.digest,
            made_at=now,
        )
    )
    return True
