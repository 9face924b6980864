"""Who has a case on their desk, and who else could."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.desk_tables import CaseAssignment
from db.house_tables import StaffAccount
from db.reads.house.staff_names import list_staff_names
from domain.shared.ids import drop_staff_mark


def find_assignment(session: Session, case_id: str, now: datetime) -> CaseAssignment | None:
    """Who has the case and since when; None where nobody has it, or no longer."""
    row = session.get(CaseAssignment, case_id, populate_existing=True)
    return row if row is not None and row.until is not None and row.until > now else None


def list_desks(session: Session, case_ids: Sequence[str], now: datetime) -> dict[str, str]:
    """Who has which of these cases, as the audit names them; those on nobody's desk are left out."""
    held = select(col(CaseAssignment.case_id), col(CaseAssignment.actor))
    held = held.where(col(CaseAssignment.case_id).in_(case_ids), col(CaseAssignment.until) > now)
    return dict(session.execute(held).all())


def find_desk(session: Session, called: str) -> str | None:
    """Who of staff is called so, as the audit names them: by name as pages show it, or by id; None for nobody."""
    actors = {actor: drop_staff_mark(actor) for actor in session.scalars(select(col(StaffAccount.actor)))}
    names = list_staff_names(session)
    wanted = called.strip().casefold()
    for actor, own_id in actors.items():
        if wanted in (actor.casefold(), own_id.casefold(), names.get(actor, own_id).casefold()):
            return actor
    return None


def list_colleagues(session: Session, roles: Collection[str], me: str) -> list[str]:
    """Who else of staff had one of these roles when they signed in last, as the audit names them."""
    rows = session.execute(select(col(StaffAccount.actor), col(StaffAccount.roles)).order_by(col(StaffAccount.actor)))
    return [actor for actor, had in rows if actor != me and not set(roles).isdisjoint(had)]
