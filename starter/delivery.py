"""Brings along what was stored and not yet told to Temporal: begins cases, delivers facts, sends commands again."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import structlog

from db.writes.inbox import Inbox
from db.writes.opening import Conflict
from domain.shared.traces import where
from starter.cases import Cases, NotNow, now

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=5)
AT_ONCE = 20


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
            if not await self._tried("event", row.id, self._cases.deliver(row)):
                break
        commands = await self._inbox.pending_commands(before - GRACE)
        # Side by side: each waits for its workflow, and one that can't answer must not hold up the others.
        for start in range(0, len(commands), AT_ONCE):
            some = commands[start : start + AT_ONCE]
            await asyncio.gather(*(self._tried("command", one.id, self._cases.send(one)) for one in some))
        return len(unbegun) + len(events) + len(commands)

    async def _tried(self, what: str, number: object, work: Awaitable[object]) -> object:
        """What came of it; True of a failure of its own, which is logged and does not stop the round."""
        try:
            return await work
        except (NotNow, Conflict):
            log.info("refused", what=what, id=number)
        except Exception as error:  # the next round tries again
            log.warning("not delivered", what=what, id=number, error=type(error).__name__, where=where(error))
        return True

    async def run(self, every: float = 2.0) -> None:
        """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
        while True:
            try:
                await self.round()
            except Exception as error:  # the next round tries again
                log.warning("delivery round failed", error=type(error).__name__)
            await asyncio.sleep(every)
