"""Passes that assisters give a portal: with one it acts in that registration for an hour, and in no other (D6, D7)."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlmodel import col, delete, select

from db.case_state import applicant_of, list_rows
from db.own_tables import OwnSession, PortalPass
from db.tables import Case
from db.writes.facts import lock_case, record_audit
from db.writes.own.sessions import ACTOR, KEPT_FOR, find_own_session
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.ids import hash_token
from domain.shared.programs import FEDERAL_PROGRAM

LASTS = timedelta(hours=1)


def give_portal_pass(session: Session, token: str, case_id: str, portal: str, now: datetime) -> tuple[str, datetime]:
    """Makes a pass in the session of this cookie, for the owner's registration; its secret, and when it expires.

    The one that the registration had before is void, whichever portal's it was. Raises `Refusal` where the
    registration has ended, isn't theirs, or the session is over.
    """
    case, own = lock_case(session, case_id), find_own_session(session, token, now)
    if own is None or not _is_owner(own, case) or case.program != FEDERAL_PROGRAM:
        raise Refusal(Reason("not_now"))
    if case.stage in ENDED:
        raise Refusal(Reason("case_ended", {"stage": case.stage}))
    end_portal_passes(session, case, now)
    secret = secrets.token_urlsafe(32)
    row = PortalPass(
        pass_hash=hash_token(secret),
        id=secrets.token_hex(8),
        case_id=case_id,
        portal=portal,
        session_hash=own.token_hash,
        given_at=now,
        expires_at=min(now + LASTS, own.expires_at),
    )
    session.execute(delete(PortalPass).where(col(PortalPass.expires_at) < now - KEPT_FOR))
    session.add(row)
    record_audit(session, now, ACTOR, "portal_pass.given", case, portal=portal, portal_pass=row.id, own_session=own.id)
    return secret, row.expires_at


def find_portal_pass(session: Session, secret: str, portal: str, case_id: str, now: datetime) -> PortalPass | None:
    """The pass by which this portal may act in this case now; None where there is none, whatever the reason."""
    row = session.get(PortalPass, hash_token(secret))
    if row is None or (row.portal, row.case_id) != (portal, case_id):
        return None
    return row if _is_open(session, session.get_one(Case, case_id), row, now) else None


def find_given_pass(session: Session, case_id: str, now: datetime) -> PortalPass | None:
    """The pass that is out for a case now, if one is."""
    case = session.get_one(Case, case_id)
    return next((row for row in _list_unended(session, case_id) if _is_open(session, case, row, now)), None)


def end_own_passes(session: Session, case_id: str, now: datetime) -> None:
    """The owner of a case takes back what they gave a portal."""
    end_portal_passes(session, lock_case(session, case_id), now)


def end_portal_passes(session: Session, case: Case, now: datetime) -> None:
    """Ends every pass of a locked case; an ended one opens nothing."""
    for row in _list_unended(session, case.case_id):
        row.ended_at = now
        session.add(row)
        if now < row.expires_at:
            record_audit(session, now, ACTOR, "portal_pass.ended", case, portal=row.portal, portal_pass=row.id)


def _list_unended(session: Session, case_id: str) -> Iterable[PortalPass]:
    still = col(PortalPass.case_id) == case_id, col(PortalPass.ended_at).is_(None)
    return list_rows(session, select(PortalPass).where(*still))


def _is_open(session: Session, case: Case, row: PortalPass, now: datetime) -> bool:
    """Whether a pass opens anything: it has neither ended nor expired, nor has the session it was given in been ended,
    and the case is open, and still that session's owner's.
    """
    own = session.get(OwnSession, row.session_hash)
    is_theirs = own is not None and own.ended_at is None and _is_owner(own, case)
    if not is_theirs or case.stage in ENDED:
        return False
    return row.ended_at is None and now < row.expires_at


def _is_owner(own: OwnSession, case: Case) -> bool:
    return applicant_of(case).email.lower() in {own.email, own.former_email}
