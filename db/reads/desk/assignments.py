"""Who has a case on their desk."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.desk_tables import CaseAssignment


def find_assignment(session: Session, case_id: str, now: datetime, lasts: timedelta) -> CaseAssignment | None:
    """Who has the case and since when; None once that has lasted so long."""
    row = session.get(CaseAssignment, case_id)
    return row if row is not None and row.since > now - lasts else None
