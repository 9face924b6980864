"""Sessions of staff: opened by a log-in, expiring by time and by rest, ended by their owner or by somebody else."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import col, delete, select

from db.case_state import one_or_none, rows
from db.engine import Database
from db.tables import AuditRow, StaffSession
from domain.shared.ids import token_hash

TOUCHED_EVERY = timedelta(minutes=1)
KEPT_FOR = timedelta(days=90)


class Sessions:
    """Every read and write about sessions; the cookie's secret itself is never stored."""

    def __init__(self, database: Database, idle: timedelta, longest: timedelta) -> None:
        self._database = database
        self._idle = idle
        self._longest = longest

    async def begin(self, actor: str, name: str, roles: Iterable[str], now: datetime) -> str:
        """Opens a session; the secret for its cookie. Sessions over for three months are forgotten."""
        token = secrets.token_urlsafe(32)
        row = StaffSession(
            token_hash=token_hash(token),
            id=secrets.token_hex(8),
            actor=actor,
            name=name,
            roles=sorted(roles),
            csrf=secrets.token_urlsafe(32),
            created_at=now,
            seen_at=now,
            expires_at=now + self._longest,
        )
        async with self._database.open_writer() as session:
            await session.execute(delete(StaffSession).where(col(StaffSession.expires_at) < now - KEPT_FOR))
            session.add(row)
            session.add(AuditRow(at=now, actor=actor, action="staff.signed_in", details={"session": row.id}))
        return token

    async def current(self, token: str, now: datetime) -> StaffSession | None:
        """The session of a cookie; None where there is none, it was ended, or it has expired."""
        async with self._database.open_reader() as session:
            row = await session.get(StaffSession, token_hash(token))
        if row is None or not self.is_open(row, now):
            return None
        if now - row.seen_at >= TOUCHED_EVERY:
            async with self._database.open_writer() as session:
                kept = await session.get_one(StaffSession, row.token_hash)
                kept.seen_at = now
                session.add(kept)
        return row

    def is_open(self, row: StaffSession, now: datetime) -> bool:
        """Whether a session may still be used."""
        return row.ended_at is None and now < row.expires_at and now < row.seen_at + self._idle

    async def end(self, session_id: str, by: str, now: datetime) -> bool:
        """Ends a session; False where there is none of this id that is still open."""
        async with self._database.open_writer() as session:
            row = await session.run_sync(one_or_none, select(StaffSession).where(col(StaffSession.id) == session_id))
            if row is None or not self.is_open(row, now):
                return False
            row.ended_at, row.ended_by = now, by
            session.add(row)
            action = "staff.signed_out" if by == row.actor else "staff.session_ended"
            session.add(AuditRow(at=now, actor=by, action=action, details={"session": row.id, "of": row.actor}))
            return True

    async def open(self, now: datetime) -> list[StaffSession]:
        """The sessions that may be used now, the last used first."""
        async with self._database.open_reader() as session:
            query = select(StaffSession).where(col(StaffSession.ended_at).is_(None), col(StaffSession.expires_at) > now)
            found = await session.run_sync(rows, query.order_by(col(StaffSession.seen_at).desc()).limit(500))
        return [row for row in found if self.is_open(row, now)]
