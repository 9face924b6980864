"""Delivers what was stored while Temporal could not be told: starts workflows, signals facts, sends commands again."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import structlog

from db.engine import Database
from db.reads.pending import list_pending_commands, list_pending_events, list_unbegun_cases
from domain.shared.cases.reasons import Refusal
from domain.shared.traces import locate_error
from starter.cases import Cases, now

log = structlog.get_logger(__name__)

# Who stored it tells Temporal at once, and is left the time to; a command is waited for by its caller.
GRACE = timedelta(seconds=5)
AT_ONCE = 20


async def deliver_pending(database: Database, cases: Cases) -> int:
    """One round: delivers what it can, and answers how much there was to deliver.

    Several may do so at once, since each delivery is idempotent.
    """
    before = now() - GRACE
    unbegun = await database.read(list_unbegun_cases, before)
    for case in unbegun:
        await cases.start_workflow(case)
    events = [row for row in await database.read(list_pending_events) if row.received_at < before]
    for row in events:
        if not await _deliver_one("event", row.id, cases.deliver_event(row)):
            break
    commands = await database.read(list_pending_commands, before - GRACE)
    # Side by side: each waits for its workflow, and one that can't answer must not hold up the others.
    for start in range(0, len(commands), AT_ONCE):
        some = commands[start : start + AT_ONCE]
        await asyncio.gather(*(_deliver_one("command", one.id, cases.send_command(one)) for one in some))
    return len(unbegun) + len(events) + len(commands)


async def _deliver_one(what: str, number: object, work: Awaitable[object]) -> object:
    """False where Temporal can't be reached, which ends the round; what fails by itself is logged and passed over."""
    try:
        return await work
    except Refusal:
        log.info("refused", what=what, id=number)
    except Exception as error:  # the next round tries again
        log.warning("not delivered", what=what, id=number, error=type(error).__name__, where=locate_error(error))
    return True


async def keep_delivering(database: Database, cases: Cases, every: float = 2.0) -> None:
    """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
    while True:
        try:
            await deliver_pending(database, cases)
        except Exception as error:  # the next round tries again
            log.warning("delivery round failed", error=type(error).__name__)
        await asyncio.sleep(every)
