"""The Temporal Schedules of this project, made once, and left as operators set them."""

import asyncio
from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.service import RPCError

from activities.reconciliation import EVERY
from starter.client import RPC_TIMEOUT
from workflows import messages as names

log = structlog.get_logger(__name__)
DAILY_ROUND_ID = "daily-round"
DAILY_PUBLICATION_ID = "daily-publication"
RECONCILIATION_ID = "reconciliation"
LMS_POLLING_ID = "lms-polling"
LICENSE_ROUND_ID = "license-round"
POLLED_EVERY = timedelta(minutes=15)
TRIED_EVERY = 5.0  # seconds
LOOKED_EVERY = 60.0  # seconds


def daily_round(task_queue: str) -> Schedule:
    """Every day at nine in New Mexico."""
    return _build_daily_schedule(
        names.DAILY_ROUND, DAILY_ROUND_ID, task_queue, "reminders due today", 9, "America/Denver"
    )


def daily_publication(task_queue: str) -> Schedule:
    """Every day at six in the East; on a day off the workflow finds nothing due (B18–B20)."""
    return _build_daily_schedule(
        names.DAILY_PUBLICATION, DAILY_PUBLICATION_ID, task_queue, "federal lists", 6, "America/New_York"
    )


def license_round(task_queue: str) -> Schedule:
    """Every day at seven in New Mexico; a day that was missed is the next one's to catch up on (E1)."""
    return _build_daily_schedule(
        names.LICENSE_ROUND, LICENSE_ROUND_ID, task_queue, "licenses of the certified", 7, "America/Denver"
    )


def reconciliation(task_queue: str) -> Schedule:
    """Every five minutes; one still running is not overtaken, and those missed are not caught up on."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            names.RECONCILIATION, id=RECONCILIATION_ID, task_queue=task_queue, static_summary="cases and workflows"
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=EVERY),
    )


def lms_polling(task_queue: str) -> Schedule:
    """Every quarter of an hour; one still running is not overtaken, and a round that was missed is the next one's."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            names.LMS_POLLING, id=LMS_POLLING_ID, task_queue=task_queue, static_summary="an LMS that is asked"
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=POLLED_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=POLLED_EVERY),
    )


def _build_daily_schedule(
    workflow: str, workflow_id: str, task_queue: str, summary: str, hour: int, time_zone: str
) -> Schedule:
    """Every day at an hour of a time zone; one still running is not overtaken."""
    return Schedule(
        action=ScheduleActionStartWorkflow(workflow, id=workflow_id, task_queue=task_queue, static_summary=summary),
        spec=ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(hour)])], time_zone_name=time_zone),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )


async def ensure_schedules(client: Client, task_queue: str, *, polls_lms: bool = False) -> None:
    """Makes the schedules that aren't there, as soon as Temporal answers; ``polls_lms`` where an LMS is to be asked."""
    schedules = {
        DAILY_ROUND_ID: daily_round(task_queue),
        DAILY_PUBLICATION_ID: daily_publication(task_queue),
        RECONCILIATION_ID: reconciliation(task_queue),
        LICENSE_ROUND_ID: license_round(task_queue),
    }
    if polls_lms:
        schedules[LMS_POLLING_ID] = lms_polling(task_queue)
    for schedule_id, schedule in schedules.items():
        await _ensure_schedule(client, schedule_id, schedule)


async def keep_schedules(client: Client, task_queue: str, *, polls_lms: bool = False) -> None:
    """Makes the schedules that are missing, until cancelled: they are lost with Temporal's database."""
    while True:
        await ensure_schedules(client, task_queue, polls_lms=polls_lms)
        await asyncio.sleep(LOOKED_EVERY)


async def _ensure_schedule(client: Client, schedule_id: str, schedule: Schedule) -> None:
    while True:
        try:
            # A new one reconciles at once: where Temporal's database was lost, every case waits for that.
            at_once = schedule_id == RECONCILIATION_ID
            await client.create_schedule(schedule_id, schedule, trigger_immediately=at_once, rpc_timeout=RPC_TIMEOUT)
        except ScheduleAlreadyRunningError:
            return
        except (RPCError, RuntimeError) as error:  # RuntimeError: a lazy client that has never reached the server
            log.info("schedule not made yet", error=type(error).__name__)
            await asyncio.sleep(TRIED_EVERY)
        else:
            return
