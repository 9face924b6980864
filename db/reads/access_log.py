"""Looks at personal data: who looked at whose, when and on which page; written by every page that shows some."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import rows
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.engine import Database
from db.tables import LookRow


class Looks:
    """Writes and reads of looks; they are never changed and never deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, actor: str, page: str, case_ids: Collection[str | None] = (), at: datetime | None = None
    ) -> None:
        """Notes that somebody was shown these cases' personal data; without cases, a whole list of them.

        ``at`` is now where nothing else is said.
        """
        look = {"at": at or datetime.now(UTC), "actor": actor, "page": page}
        shown = [{**look, "case_id": case_id} for case_id in dict.fromkeys(case_ids) or (None,)]
        async with self._database.open_writer() as session:
            await session.execute(insert(LookRow), shown)

    async def of_case(self, case_id: str, after: Cursor | None = None, limit: int = 50) -> Page[LookRow]:
        """Who looked at a case, newest first. Raises `Invalid` for a cursor that is none."""
        return await self._page(after, limit, col(LookRow.case_id) == case_id)

    async def of_actor(self, actor: str, after: Cursor | None = None, limit: int = 50) -> Page[LookRow]:
        """What somebody looked at, newest first."""
        return await self._page(after, limit, col(LookRow.actor) == actor)

    async def all(
        self, after: Cursor | None = None, limit: int = 50, actor: str | None = None, case_id: str | None = None
    ) -> Page[LookRow]:
        """Every look, or those of an actor and at a case, newest first."""
        asked = {col(LookRow.actor): actor, col(LookRow.case_id): case_id}
        return await self._page(after, limit, *(column == value for column, value in asked.items() if value))

    async def _page(self, after: Cursor | None, limit: int, *which: Any) -> Page[LookRow]:
        number = col(LookRow.id)

        def read_page(session: Session) -> Page[LookRow]:
            def fetch(key: int | None, back: bool, most: int) -> Sequence[LookRow]:
                query = select(LookRow).where(*which).order_by(number if back else number.desc()).limit(most)
                if key is not None:
                    query = query.where(number > key if back else number < key)
                return rows(session, query)

            return page_of(NUMBERS, lambda row: row.id or 0, fetch, after, limit)

        return await self._database.read(read_page)
