"""Who has a case on their desk, and who else could."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.desk_tables import CaseAssignment
from db.house_tables import StaffAccount


def find_assignment(session: Session, case_id: str, now: datetime) -> CaseAssignment | None:
    """Who has the case and since when; None where nobody has it, or no longer."""
    row = session.get(CaseAssignment, case_id, populate_existing=True)
    return row if row is not None and row.until is not None and row.until > now else None


def list_colleagues(session: Session, roles: Collection[str], me: str) -> list[str]:
    """Who else of staff had one of these roles when they signed in last, as the audit names them."""
    rows = session.execute(select(col(StaffAccount.actor), col(StaffAccount.roles)).order_by(col(StaffAccount.actor)))
    return [actor for actor, had in rows if actor != me and not set(roles).isdisjoint(had)]
