"""The place of each certificate in the status lists of badges, given once (E16)."""

from typing import cast

from sqlalchemy.orm import Session

from db.reads.badges import find_badge_entry
from db.tables import BadgeEntryRow, CertificateRow
from db.writes.facts import lock_case


def take_badge_entry(session: Session, number: str) -> int:
    """The entry of a certificate that is there; given when its badge is first asked for, and the same from then on."""
    lock_case(session, session.get_one(CertificateRow, number).case_id)
    if (entry := find_badge_entry(session, number)) is not None:
        return entry
    row = BadgeEntryRow(number=number)
    session.add(row)
    session.flush()
    return cast(int, row.entry)  # the database has numbered it
