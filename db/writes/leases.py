"""Who does what one process at a time may do: a lease by its name, for a limited time, renewed while it is held."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from db.tables import LeaseRow

_OVER = datetime(1970, 1, 1, tzinfo=UTC)


def take_lease(session: Session, name: str, holder: str, now: datetime, term: timedelta) -> bool:
    """Takes or renews a lease for a term; False while it is another holder's and has not expired.

    False too for a holder who has given it back: a renewal that was under way then may come after.
    """
    lease = session.get(LeaseRow, name, with_for_update=True)
    if lease is None:
        lease = LeaseRow(name=name, holder=holder, expires_at=now)
    elif lease.holder == _name_former(holder) or (lease.holder != holder and lease.expires_at > now):
        return False
    lease.holder, lease.expires_at = holder, now + term
    session.add(lease)
    return True


def give_back_lease(session: Session, name: str, holder: str, now: datetime) -> None:
    """Ends a lease that is this holder's, for good, so that the next one needn't wait for its time.

    One that nobody holds is marked as well: what this holder was about to take is not taken any more.
    """
    lease = session.get(LeaseRow, name, with_for_update=True)
    if lease is not None and lease.holder != holder and lease.expires_at > now:
        return
    lease = lease or LeaseRow(name=name, holder=holder, expires_at=_OVER)
    lease.holder, lease.expires_at = _name_former(holder), _OVER
    session.add(lease)


def _name_former(holder: str) -> str:
    return f"given back by {holder}"
