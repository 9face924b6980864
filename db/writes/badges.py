"""The place of each certificate in the status lists of badges, given once (E16)."""

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import one_or_none
from db.tables import BadgeEntryRow, CertificateRow
from db.writes.facts import lock_case


def take_badge_entry(session: Session, number: str) -> int:
    """The entry of a certificate that is there; given when its badge is first asked for, and the same from then on."""
    lock_case(session, session.get_one(CertificateRow, number).case_id)
    row = one_or_none(session, select(BadgeEntryRow).where(col(BadgeEntryRow.number) == number))
    if row is None:
        row = BadgeEntryRow(number=number)
        session.add(row)
        session.flush()
    return int(row.entry)
