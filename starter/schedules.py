"""The Temporal Schedules of this project: the daily round, made once, and left as operators set it."""

import asyncio

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.service import RPCError

from starter.client import RPC_TIMEOUT
from workflows import messages as names

log = structlog.get_logger(__name__)
DAILY_ROUND_ID = "daily-round"
TIME_ZONE = "America/Denver"
HOUR = 9


def daily_round(task_queue: str) -> Schedule:
    """Every day at nine in New Mexico; a round still running is not overtaken."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            names.DAILY_ROUND, id="daily-round", task_queue=task_queue, static_summary="reminders due today"
        ),
        spec=ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(HOUR)])], time_zone_name=TIME_ZONE),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )


async def ensure_schedules(client: Client, task_queue: str, every: float = 5.0) -> None:
    """Makes the schedule if it isn't there, as soon as Temporal answers."""
    while True:
        try:
            await client.create_schedule(DAILY_ROUND_ID, daily_round(task_queue), rpc_timeout=RPC_TIMEOUT)
        except ScheduleAlreadyRunningError:
            return
        except (RPCError, RuntimeError) as error:  # RuntimeError: a lazy client that has never reached the server
            log.info("schedule not made yet", error=type(error).__name__)
            await asyncio.sleep(every)
        else:
            return
