"""The entries of badges in their status lists, and which count no more: revoked, or superseded by another (E16)."""

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from db.tables import BadgeEntryRow, Case, CertificateRow
from domain.shared.cases.stages import TAKEN_BACK


def find_badge_entry(session: Session, number: str) -> int | None:
    """The entry of a certificate; None where its badge was not asked for yet."""
    return session.execute(select(col(BadgeEntryRow.entry)).where(col(BadgeEntryRow.number) == number)).scalar()


def list_ended_entries(session: Session, first: int, last: int) -> list[int] | None:
    """The entries from ``first`` to ``last`` that count no more; None where none of them has been given yet."""
    within = col(BadgeEntryRow.entry).between(first, last)
    if not session.execute(select(func.count()).select_from(BadgeEntryRow).where(within)).scalar_one():
        return None
    newer = aliased(CertificateRow)
    superseded = exists().where(col(newer.supersedes) == col(CertificateRow.number))
    ended = (
        select(col(BadgeEntryRow.entry))
        .join(CertificateRow, col(CertificateRow.number) == col(BadgeEntryRow.number))
        .join(Case, col(Case.case_id) == col(CertificateRow.case_id))
        .where(within, col(Case.stage).in_(TAKEN_BACK) | superseded)
    )
    return [int(entry) for (entry,) in session.execute(ended.order_by(col(BadgeEntryRow.entry))) if entry is not None]
