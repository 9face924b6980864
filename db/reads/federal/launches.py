"""Whose course a vendor's learner takes: by the id the vendor was given, which says nothing of the person (B14)."""

import re

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import one_or_none
from db.tables import TicketRow

# An id of a learner begins the hash of a ticket.
_LEARNER = re.compile("[0-9a-f]{32}")
_AFTER_DIGITS = "g"


def find_launched_case(session: Session, learner: str) -> str | None:
    """The case whose launch ticket a vendor knows by this id; None for an id nobody was given."""
    if not _LEARNER.fullmatch(learner):
        return None
    hashes = col(TicketRow.token_hash)
    ours = select(col(TicketRow.case_id)).where(hashes >= learner, hashes < learner + _AFTER_DIGITS)
    found: str | None = one_or_none(session, ours.limit(1))
    return found
