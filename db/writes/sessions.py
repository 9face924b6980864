"""Sessions of staff: opened by a log-in; they expire, and are ended by their owner or by somebody else.

The cookie's secret itself is never stored. A session expires ``longest`` after the log-in, and earlier when it was not
used for ``idle``.
"""

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlmodel import col, delete, select

from db.case_state import list_rows, one_or_none
from db.tables import AuditRow, StaffSession
from domain.shared.ids import hash_token

TOUCHED_EVERY = timedelta(minutes=1)
KEPT_FOR = timedelta(days=90)
LISTED = 500


def open_session(
    session: Session, actor: str, name: str, roles: Iterable[str], longest: timedelta, now: datetime
) -> str:
    """Opens a session; the secret for its cookie. Sessions over for three months are forgotten."""
    token, session_id = secrets.token_urlsafe(32), secrets.token_hex(8)
    row = StaffSession(
        token_hash=hash_token(token),
        id=session_id,
        actor=actor,
        name=name,
        roles=sorted(roles),
        csrf=f"{session_id}.{secrets.token_urlsafe(32)}",
        created_at=now,
        seen_at=now,
        expires_at=now + longest,
    )
    session.execute(delete(StaffSession).where(col(StaffSession.expires_at) < now - KEPT_FOR))
    session.add(row)
    session.add(AuditRow(at=now, actor=actor, action="staff.signed_in", details={"session": row.id}))
    return token


def find_session(session: Session, token: str, idle: timedelta, now: datetime) -> StaffSession | None:
    """The session of a cookie; None where there is none, it was ended, or it has expired."""
    row = session.get(StaffSession, hash_token(token))
    return row if row is not None and _is_open(row, idle, now) else None


def find_former_session(session: Session, token: str) -> StaffSession | None:
    """The session of a cookie, over or not; None where it is unknown, or over for long."""
    return session.get(StaffSession, hash_token(token))


def find_session_of_form(session: Session, csrf: str) -> StaffSession | None:
    """The session of a page, over or not, by the token that its forms have; None where it is none, or over for long.

    The token begins with the session's id, so that the rest, which is secret, isn't looked up but compared.
    """
    session_id = csrf.partition(".")[0]
    if not session_id.isascii() or not session_id.isalnum():
        return None
    row: StaffSession | None = one_or_none(session, select(StaffSession).where(col(StaffSession.id) == session_id))
    return row if row is not None and hmac.compare_digest(row.csrf.encode(), csrf.encode()) else None


def is_touch_due(row: StaffSession, now: datetime) -> bool:
    """Whether its use is to be noted: once a minute, so that not every page is a write."""
    return now - row.seen_at >= TOUCHED_EVERY


def touch_session(session: Session, hashed: str, now: datetime) -> None:
    """Notes that a session was used."""
    row = session.get_one(StaffSession, hashed)
    row.seen_at = now
    session.add(row)


def end_session(
    session: Session, session_id: str, by: str, idle: timedelta, now: datetime, *, only_own: bool = False
) -> bool:
    """Ends a session; False where there is none of this id that is still open, or ``only_own`` is somebody else's."""
    row = one_or_none(session, select(StaffSession).where(col(StaffSession.id) == session_id))
    if row is None or not _is_open(row, idle, now) or (only_own and row.actor != by):
        return False
    row.ended_at, row.ended_by = now, by
    session.add(row)
    action = "staff.signed_out" if by == row.actor else "staff.session_ended"
    session.add(AuditRow(at=now, actor=by, action=action, details={"session": row.id, "of": row.actor}))
    return True


def list_open_sessions(
    session: Session, idle: timedelta, now: datetime, actor: str | None = None
) -> list[StaffSession]:
    """The sessions that may be used now, the last used first; everybody's, or one person's own."""
    query = select(StaffSession).where(col(StaffSession.ended_at).is_(None), col(StaffSession.expires_at) > now)
    if actor is not None:
        query = query.where(col(StaffSession.actor) == actor)
    found = list_rows(session, query.order_by(col(StaffSession.seen_at).desc()).limit(LISTED))
    return [row for row in found if _is_open(row, idle, now)]


def _is_open(row: StaffSession, idle: timedelta, now: datetime) -> bool:
    return row.ended_at is None and now < row.expires_at and now < row.seen_at + idle
