"""A licence's lapse suspends the authority of its holder, and its return restores it: by the causes' own writes."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_state import load_case, snapshot_case, state_of
from db.writes.facts import lock_case
from db.writes.suspensions import NewSuspension, restore_authority, suspend_authority
from domain.shared.cases.authority import SuspensionCause
from domain.shared.licenses.watch import LicenseVerdict


def suspend_holder(session: Session, case_id: str, verdict: LicenseVerdict, day: date, now: datetime) -> str | None:
    """Suspends a case for its licence; the suspension's id, None where it changes nothing.

    One that was suspended and restored on the same day is suspended again: by what has happened to it since, the id is
    another one.
    """
    since = snapshot_case(session, lock_case(session, case_id)).state.authority.facts
    suspension_id = f"license:{case_id}:{day.isoformat()}" + (f":{since}" if since else "")
    wanted = NewSuspension(suspension_id, SuspensionCause.LICENSE_LAPSED, note=verdict.reason)
    return suspension_id if suspend_authority(session, case_id, wanted, now) else None


def find_lapse_suspension(session: Session, case_id: str) -> str | None:
    """The id of the open suspension that a lapse has brought about; None where there is none."""
    authority = state_of(session, load_case(session, case_id)).authority
    lapsed = (one for one in authority.suspensions if one.cause is SuspensionCause.LICENSE_LAPSED)
    return next((one.suspension_id for one in lapsed), None)


def restore_holder(session: Session, case_id: str, suspension_id: str, now: datetime) -> bool:
    """Ends that suspension; False where it is over already, since staff lifted it."""
    return bool(restore_authority(session, case_id, suspension_id, SuspensionCause.LICENSE_LAPSED, now))
