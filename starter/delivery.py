"""Brings along what was stored and not yet told to Temporal: begins cases, delivers facts, sends commands again.

Each on its own: what is refused is counted and tried again later and later, and in the end given up and shown to staff
(`db.writes.recovery.deliveries`); what it stands before is told meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta

import structlog

from db.engine import Database
from db.reads.pending import list_pending_commands, list_pending_events, list_unbegun_cases
from db.tables import Case, CommandRow, InboxRow
from db.writes.recovery.deliveries import (
    DeliveryKind,
    FailedDelivery,
    forget_failures,
    postpone_starts,
    record_failures,
)
from domain.shared.cases.commands import CommandState
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.traces import locate_error
from starter.cases import Cases, group_by_case, now
from starter.temporal import Unreachable

log = structlog.get_logger(__name__)

# Who stored it tells Temporal at once, and is left the time to; a command is waited for by its caller.
GRACE = timedelta(seconds=5)
# So many cases side by side: each command waits for its workflow, and one that can't answer must not hold up the rest.
AT_ONCE = 50


async def deliver_pending(database: Database, cases: Cases) -> int:
    """Brings along what it can; answers how much there was.

    Several may do so at once, since each delivery is idempotent.
    """
    at = now()
    unbegun = await database.read(list_unbegun_cases, at, at - GRACE)
    events = await database.read(list_pending_events, at, at - GRACE)
    commands = await database.read(list_pending_commands, at, at - 2 * GRACE)
    found = len(unbegun) + len(events) + len(commands)
    if not found or not await cases.can_reach_temporal():
        return found  # nothing that waits is to blame for that
    delivery = _Delivery(database, cases)
    await delivery.start_cases(unbegun)
    by_case, given = group_by_case(events), group_by_case(commands)
    both = {case_id: (by_case.get(case_id, []), given.get(case_id, [])) for case_id in [*by_case, *given]}
    await asyncio.gather(*(delivery.tell_case(case_id, *what) for case_id, what in both.items()))
    return found


class _Delivery:
    """One round: so many cases at a time, and of each what waits for it in its order."""

    def __init__(self, database: Database, cases: Cases) -> None:
        self._database = database
        self._cases = cases
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def start_cases(self, cases: Sequence[Case]) -> None:
        """Begins cases whose workflow wasn't started, or is to be begun again."""
        started: list[str] = []

        async def start(case: Case) -> None:
            await self._cases.start_workflow(case)
            started.append(case.case_id)

        async def start_in_turn(case: Case) -> None:
            async with self._turns:
                await self._try(DeliveryKind.START, case.case_id, case.case_id, start(case))

        await asyncio.gather(*map(start_in_turn, cases))
        if started:
            await self._database.write(postpone_starts, started, now())

    async def tell_case(self, case_id: str, events: Sequence[InboxRow], commands: Sequence[CommandRow]) -> None:
        """Tells a case's workflow its events, and sends its commands again."""
        async with self._turns:
            whole = DeliveryKind.WORKFLOW
            if events and not await self._try(whole, case_id, case_id, self._tell_events(case_id, events)):
                return
            for row in commands:
                if not await self._try(DeliveryKind.COMMAND, row.id, case_id, self._send_command(row)):
                    return

    async def _tell_events(self, case_id: str, events: Sequence[InboxRow]) -> None:
        failed = await self._cases.deliver_to_case(case_id, events)
        for row, error in failed:
            await self._count_failure(DeliveryKind.EVENT, str(row.id), case_id, error)

    async def _send_command(self, row: CommandRow) -> None:
        try:
            outcome = await self._cases.send_command(row)
        except (Refusal, Invalid):  # which is an answer, and kept
            log.info("refused", what="command", id=row.id)
            return
        if outcome.state == CommandState.PENDING:
            raise Unreachable

    async def _try(self, kind: DeliveryKind, item: str, case_id: str, work: Awaitable[None]) -> bool:
        """Whether more can be told to this case; what failed is counted, against the case where nothing reaches it."""
        try:
            await work
        except Unreachable as error:
            whole = kind if kind is DeliveryKind.START else DeliveryKind.WORKFLOW
            await self._count_failure(whole, case_id, case_id, error, is_refused=False)
            return False
        except Exception as error:
            await self._count_failure(kind, item, case_id, error)
            return True
        await self._database.write(forget_failures, kind, item, case_id)
        return True

    async def _count_failure(
        self, kind: DeliveryKind, item: str, case_id: str, error: Exception, *, is_refused: bool = True
    ) -> None:
        code = type(error).__name__
        log.warning("not delivered", what=kind, id=item, error=code, where=locate_error(error))
        await self._database.write(record_failures, [FailedDelivery(kind, item, case_id, code, is_refused)], now())


async def keep_delivering(database: Database, cases: Cases, every: float = 2.0) -> None:
    """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
    while True:
        try:
            await deliver_pending(database, cases)
        except Exception as error:  # the next round tries again
            log.warning("delivery round failed", error=type(error).__name__, where=locate_error(error))
        await asyncio.sleep(every)
