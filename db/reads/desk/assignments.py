"""Who has a case on their desk."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.desk_tables import CaseAssignment


def find_assignment(session: Session, case_id: str, now: datetime) -> CaseAssignment | None:
    """Who has the case and since when; None where nobody has it, or no longer."""
    row = session.get(CaseAssignment, case_id)
    return row if row is not None and row.until is not None and row.until > now else None
