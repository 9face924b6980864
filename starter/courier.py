"""Brings along what was stored and not yet told to Temporal: begins cases, delivers facts, sends commands again."""

import asyncio
from datetime import timedelta

import structlog

from db.inbox import Inbox
from db.people import Conflict
from starter.cases import Cases, NotNow, now

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=5)


class Courier:
    """One round over everything that waits; rounds may overlap between processes, since each delivery is idempotent."""

    def __init__(self, cases: Cases, inbox: Inbox) -> None:
        self._cases = cases
        self._inbox = inbox

    async def round(self) -> int:
        """Brings along what it can; answers how much there was."""
        before = now() - GRACE
        unbegun = await self._inbox.not_begun(before)
        for case in unbegun:
            await self._cases.start(case)
        events = [row for row in await self._inbox.pending() if row.received_at < before]
        for row in events:
            if not await self._cases.deliver(row):
                break
        commands = await self._inbox.pending_commands(before - GRACE)
        for command in commands:
            try:
                await self._cases.send(command)
            except (NotNow, Conflict) as refused:
                log.info("command refused", command=command.id, why=str(refused))
        return len(unbegun) + len(events) + len(commands)

    async def run(self, every: float = 2.0) -> None:
        """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
        while True:
            try:
                await self.round()
            except Exception as error:  # the next round tries again
                log.warning("delivery round failed", error=type(error).__name__)
            await asyncio.sleep(every)
