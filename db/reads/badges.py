"""The entries of badges in their status lists, and which don't count, as the certificates' pages have it (E16)."""

from typing import Any

from sqlalchemy import and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from db.tables import BadgeEntryRow, Case, CertificateRow
from domain.programs.badges import BadgePurpose
from domain.shared.cases.stages import TAKEN_BACK, Stage


def find_badge_entry(session: Session, number: str) -> int | None:
    """The entry of a certificate; None where its badge was not asked for yet."""
    return session.execute(select(col(BadgeEntryRow.entry)).where(col(BadgeEntryRow.number) == number)).scalar()


def list_set_entries(session: Session, purpose: BadgePurpose, first: int, last: int) -> list[int] | None:
    """The entries from ``first`` to ``last`` of which a list says this; None where none of them has been given yet.

    It is what `domain.programs.certificates.find_certificate_status` says of each, for a list at once; that the last
    day of a certificate is over stands in its badge.
    """
    within = col(BadgeEntryRow.entry).between(first, last)
    if not session.execute(select(func.count()).select_from(BadgeEntryRow).where(within)).scalar_one():
        return None
    found = (
        select(col(BadgeEntryRow.entry))
        .join(CertificateRow, col(CertificateRow.number) == col(BadgeEntryRow.number))
        .join(Case, col(Case.case_id) == col(CertificateRow.case_id))
        .where(within, _CONDITIONS[purpose])
    )
    return [int(entry) for (entry,) in session.execute(found.order_by(col(BadgeEntryRow.entry))) if entry is not None]


_newer = aliased(CertificateRow)
_REVOKED = col(Case.stage).in_([*TAKEN_BACK - {Stage.WITHDRAWN}])
# Withdrawn, over, superseded by another, or whose its NPN is has still to be proven.
_COUNTS_NO_MORE = or_(
    col(Case.stage).in_([Stage.WITHDRAWN, Stage.CLOSED]),
    exists().where(col(_newer.supersedes) == col(CertificateRow.number)),
    col(Case.npn_unproven),
)
_CONDITIONS: dict[BadgePurpose, Any] = {
    BadgePurpose.REVOCATION: _REVOKED,
    BadgePurpose.SUSPENSION: and_(not_(_REVOKED), _COUNTS_NO_MORE),
}
