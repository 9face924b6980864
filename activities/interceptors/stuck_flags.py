"""An activity that keeps failing is put before staff's eyes, whatever the reason; its next success takes that back.

A third party's refusal is flagged where it is seen. But a server that is down for days, an answer nobody foresaw or a
bug would be known to Temporal's page of pending activities alone, which nobody at the exchange reads.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.interceptors.failures import find_failure_code, has_run_out_of_time
from db.case_state import has_flag
from db.engine import Database
from db.writes.cases import flag_case, unflag_case
from db.writes.effects import stuck_flag
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)

ATTEMPTS = 10
PATIENCE = timedelta(hours=1)
TIMED_OUT = "timed_out"
# What is still made once a case has ended. Anything else that fails then was under way, and is not tried again.
MADE_AFTER_END = frozenset({"notices.send", "portal.suspend"})


def is_stuck(attempt: int, scheduled_at: datetime, now: datetime) -> bool:
    """Whether an attempt that failed was one too many: the tenth, or one of an activity that is an hour old."""
    return attempt >= ATTEMPTS or now - scheduled_at >= PATIENCE


class _StuckInbound(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, database: Database) -> None:
        super().__init__(following)
        self._database = database

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        case_id = getattr(input.args[0], "case_id", None) if input.args else None
        if case_id is None or activity.info().is_local:  # a local attempt that fails becomes an activity of its own
            return await self.next.execute_activity(input)
        try:
            result = await self.next.execute_activity(input)
        except Exception as error:
            await self._flag_stuck(case_id, find_failure_code(error))
            raise
        except asyncio.CancelledError:
            if has_run_out_of_time():
                await self._flag_stuck(case_id, TIMED_OUT)
            raise
        await self._unflag_healed(case_id)
        return result

    async def _flag_stuck(self, case_id: str, code: str) -> None:
        info, now = activity.info(), datetime.now(UTC)
        if not is_stuck(info.attempt, info.scheduled_time, now):
            return
        try:
            after_end = info.activity_type in MADE_AFTER_END
            await self._database.write(
                flag_case, case_id, stuck_flag(info.activity_type), now, code, after_end=after_end
            )
        except Exception as error:  # our database perhaps, for which it is stuck; the next attempt tries again
            log.warning("not flagged as stuck", error=type(error).__name__, where=locate_error(error))

    async def _unflag_healed(self, case_id: str) -> None:
        """Takes the flag down; an effect that was made at its first attempt does so in its own transaction."""
        flag = stuck_flag(activity.info().activity_type)
        try:
            if await self._database.read(has_flag, case_id, flag):
                await self._database.write(unflag_case, case_id, flag, datetime.now(UTC))
        except Exception as error:  # what is done is done: it must not be done again for its flag
            log.warning("still flagged as stuck", error=type(error).__name__, where=locate_error(error))


class StuckFlags(Interceptor):
    """Worker interceptor that flags the cases of activities that keep failing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wraps each activity."""
        return _StuckInbound(super().intercept_activity(next), self._database)
