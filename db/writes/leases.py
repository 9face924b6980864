"""Who does what one process at a time may do: a lease by its name, for a limited time, renewed while it is held."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from db.tables import LeaseRow


def take_lease(session: Session, name: str, holder: str, now: datetime, term: timedelta) -> bool:
    """Takes or renews a lease for a term; False while it is another holder's and has not expired."""
    lease = session.get(LeaseRow, name, with_for_update=True)
    if lease is None:
        lease = LeaseRow(name=name, holder=holder, expires_at=now)
    elif lease.holder != holder and lease.expires_at > now:
        return False
    lease.holder, lease.expires_at = holder, now + term
    session.add(lease)
    return True


def give_back_lease(session: Session, name: str, holder: str) -> None:
    """Ends a lease that is this holder's, so that the next one needn't wait for its time."""
    session.execute(delete(LeaseRow).where(col(LeaseRow.name) == name, col(LeaseRow.holder) == holder))
