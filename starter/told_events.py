"""Notes that events were told to their workflows, those of a moment in one transaction: each is a wait for the disk."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from db.engine import Database
from db.writes.webhooks.inbox import mark_delivered
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)

# Less than what was stored is left alone before it is told again (`starter.delivery.GRACE`).
EVERY = 0.5


class ToldEvents:
    """The events told since the last note; one that is lost with its process is told again, which its id tells."""

    def __init__(self, database: Database, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        self._told: list[int] = []
        self._noting: asyncio.Task[None] | None = None

    def add_told(self, row_ids: Iterable[int]) -> None:
        """These were told; it is noted in a moment."""
        self._told += row_ids
        if self._told and self._noting is None:
            self._noting = asyncio.create_task(self._note_later())

    async def close(self) -> None:
        """Notes what is left."""
        if self._noting is not None:
            self._noting.cancel()
            await asyncio.gather(self._noting, return_exceptions=True)
        await self._note()

    async def _note_later(self) -> None:
        await asyncio.sleep(self._every)
        self._noting = None
        await self._note()

    async def _note(self) -> None:
        told, self._told = self._told, []
        if not told:
            return
        try:
            await self._database.write(mark_delivered, told, datetime.now(UTC))
        except Exception as error:  # they are told again, and their workflows know them
            log.warning("not noted as delivered", error=type(error).__name__, where=locate_error(error))
