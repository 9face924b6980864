"""What staff are called, as their identity provider tells it: for pages of staff, whose records have their ids."""

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.house_tables import StaffAccount


def list_staff_names(session: Session) -> dict[str, str]:
    """The name of each of staff who has one, by who the audit names; beside a name that several have stands the id."""
    query = select(col(StaffAccount.actor), col(StaffAccount.name)).where(col(StaffAccount.name).is_not(None))
    found = [(actor, str(name)) for actor, name in session.execute(query)]
    counted = Counter(name for _, name in found)
    return {actor: name if counted[name] == 1 else f"{name} ({actor.removeprefix('staff:')})" for actor, name in found}
