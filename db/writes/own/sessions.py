"""Sessions on one's own pages: opened by a code to the e-mail address; they expire, and are ended by their owner (D6).

The cookie's secret itself is never stored. A session expires twelve hours after the sign-in, and earlier when it was
not used for half an hour.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlmodel import col, delete, select

from db.case_state import list_rows
from db.own_tables import OwnSession
from db.tables import AuditRow
from domain.shared.ids import hash_token

IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
TOUCHED_EVERY = timedelta(minutes=1)
KEPT_FOR = timedelta(days=7)
ACTOR = "assister"


def open_own_session(session: Session, email: str, replaced: str | None, now: datetime) -> str:
    """Opens the session of somebody who has confirmed this address; the secret for its cookie.

    ``replaced`` is the secret of the session that the browser had before: it is ended, whoever's it was.
    """
    if replaced:
        end_own_session(session, replaced, now)
    token = secrets.token_urlsafe(32)
    row = OwnSession(
        token_hash=hash_token(token),
        id=secrets.token_hex(8),
        email=email,
        created_at=now,
        seen_at=now,
        expires_at=now + LONGEST,
    )
    session.execute(delete(OwnSession).where(col(OwnSession.expires_at) < now - KEPT_FOR))
    session.add(row)
    session.add(AuditRow(at=now, actor=ACTOR, action="own.signed_in", details={"session": row.id}))
    return token


def find_own_session(session: Session, token: str, now: datetime) -> OwnSession | None:
    """The session of a cookie; None where there is none, it was ended, or it has expired."""
    row = session.get(OwnSession, hash_token(token))
    return row if row is not None and row.ended_at is None and now < find_end(row) else None


def find_former_address(session: Session, token: str) -> str | None:
    """Whose session a cookie was, over or not; None where it is unknown."""
    row = session.get(OwnSession, hash_token(token))
    return row.email if row is not None else None


def find_end(row: OwnSession) -> datetime:
    """When a session ends if it is not used again."""
    return min(row.expires_at, row.seen_at + IDLE)


def is_touch_due(row: OwnSession, now: datetime) -> bool:
    """Whether its use is to be noted: once a minute, so that not every page is a write."""
    return now - row.seen_at >= TOUCHED_EVERY


def touch_own_session(session: Session, hashed: str, now: datetime) -> None:
    """Notes that a session was used."""
    row = session.get_one(OwnSession, hashed)
    row.seen_at = now
    session.add(row)


def stay_in_own_session(session: Session, token: str, now: datetime) -> datetime:
    """Notes that a session is used now; when it ends otherwise."""
    row = session.get_one(OwnSession, hash_token(token))
    row.seen_at = now
    session.add(row)
    return find_end(row)


def end_own_session(session: Session, token: str, now: datetime) -> None:
    """Ends a session; the cookie of an ended one opens nothing."""
    row = session.get(OwnSession, hash_token(token))
    if row is None or row.ended_at is not None:
        return
    row.ended_at = now
    session.add(row)
    session.add(AuditRow(at=now, actor=ACTOR, action="own.signed_out", details={"session": row.id}))


def list_other_sessions(session: Session, token: str, now: datetime) -> list[OwnSession]:
    """Where else the owner of a session is signed in by the same address, the last used first."""
    return [row for row in _list_unended_others(session, token, now) if now < find_end(row)]


def _list_unended_others(session: Session, token: str, now: datetime) -> list[OwnSession]:
    """The same, and those that were not used for a while: what was given in them, a portal's pass, may still count."""
    mine = session.get_one(OwnSession, hash_token(token))
    others = col(OwnSession.email) == mine.email, col(OwnSession.token_hash) != mine.token_hash
    still_open = col(OwnSession.ended_at).is_(None), col(OwnSession.expires_at) > now
    return list_rows(session, select(OwnSession).where(*others, *still_open).order_by(col(OwnSession.seen_at).desc()))


def end_other_sessions(session: Session, token: str, now: datetime) -> None:
    """Ends every other session of the owner of this one."""
    for row in _list_unended_others(session, token, now):
        row.ended_at = now
        session.add(row)
        session.add(AuditRow(at=now, actor=ACTOR, action="own.signed_out", details={"session": row.id}))
