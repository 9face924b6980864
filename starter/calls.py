"""Takes what this process has seen of third parties to the database, where staff, metrics and the doctor read it."""

import asyncio

import structlog

from adapters.answers import LEDGER, CallLedger
from db.engine import Database
from db.writes.house.third_parties import record_calls
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)

# With the mail server asked every five seconds, an outage of mail is seen well within half a minute.
EVERY = 3.0


async def keep_recording(database: Database, ledger: CallLedger = LEDGER, every: float = EVERY) -> None:
    """Until cancelled; what could not be written is written with the next round."""
    while True:
        seen = ledger.take_seen()
        try:
            if seen:
                await database.write(record_calls, seen)
        except Exception as error:  # the next round tries again
            ledger.add_seen(seen)
            log.warning("calls not recorded", error=type(error).__name__, where=locate_error(error))
        await asyncio.sleep(every)
