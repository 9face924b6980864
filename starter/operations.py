"""How the house stands: what Temporal says of it, and who doesn't answer, in sentences for the doctor."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from db.reads.house.operations import LATE, Operations
from domain.shared.documents.instants import format_instant
from starter.doctor import UnsafeSetting
from starter.schedules import (
    DAILY_PUBLICATION_ID,
    DAILY_ROUND_ID,
    LICENSE_ROUND_ID,
    LMS_POLLING_ID,
    RECONCILIATION_ID,
)
from workflows.search_attributes import PROBLEMS, WAITING_FOR, WAITING_SINCE, WAITS_ON

SCHEDULES = (RECONCILIATION_ID, DAILY_ROUND_ID, DAILY_PUBLICATION_ID, LICENSE_ROUND_ID, LMS_POLLING_ID)
SECONDS = 3.0  # a page and a scrape don't wait any longer for Temporal
RUNBOOK = "docs/runbook.md"
FAILING = f"ExecutionStatus = 'Running' AND {PROBLEMS.name} IS NOT NULL"


@dataclass(frozen=True)
class ScheduleFigures:
    """A schedule: when it last began something, when it will, and whether it is paused."""

    name: str
    last_run_at: datetime | None
    next_run_at: datetime | None
    is_paused: bool


@dataclass(frozen=True)
class TemporalFigures:
    """What Temporal says; ``failing`` is how many running workflows' tasks keep failing, None where it can't say."""

    is_up: bool
    failing: int | None = None
    schedules: list[ScheduleFigures] = field(default_factory=list)


async def read_temporal_figures(client: Client) -> TemporalFigures:
    """The figures of now; of a Temporal that doesn't answer that it is down."""
    try:
        async with asyncio.timeout(SECONDS):
            failing, found = await asyncio.gather(
                _count_failing(client), asyncio.gather(*(_describe_schedule(client, name) for name in SCHEDULES))
            )
    except (RPCError, RuntimeError, TimeoutError):  # RuntimeError: a lazy client that has never reached the server
        return TemporalFigures(is_up=False)
    return TemporalFigures(is_up=True, failing=failing, schedules=[one for one in found if one is not None])


async def _count_failing(client: Client) -> int | None:
    """Not every server knows which tasks fail; the reconciliation flags them all the same."""
    try:
        return (await client.count_workflows(FAILING)).count
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return None
        raise


async def _describe_schedule(client: Client, name: str) -> ScheduleFigures | None:
    try:
        found = await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # an LMS is asked where there is one to be asked
            return None
        raise
    recent, following = found.info.recent_actions, found.info.next_action_times
    return ScheduleFigures(
        name,
        recent[-1].started_at if recent else None,
        following[0] if following else None,
        found.schedule.state.paused,
    )


def build_list_urls(ui_url: str, namespace: str, now: datetime) -> dict[str, str]:
    """Ready-made lists of the Temporal UI: workflows that wait on staff, on us for over an hour, whose tasks fail.

    Listing in the federal lists is left out of the second: it comes with the day's publication. Empty without a UI.
    """
    if not ui_url:
        return {}
    before = (now - LATE).strftime("%Y-%m-%dT%H:%M:%SZ")
    running = "ExecutionStatus = 'Running'"
    queries = {
        "staff": f"{running} AND {WAITS_ON.name} = 'staff'",
        "late": f"{running} AND {WAITS_ON.name} = 'us' AND {WAITING_FOR.name} != 'publication' "
        f"AND {WAITING_SINCE.name} < '{before}'",
        "failing": FAILING,
    }
    home = f"{ui_url.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows"
    return {name: f"{home}?{urlencode({'query': query})}" for name, query in queries.items()}


def list_outages(figures: Operations) -> list[UnsafeSetting]:
    """Who doesn't answer now, by the setting that leads there, and whether a worker works; nothing of it is unsafe."""
    found = []
    if figures.background_until is None:
        fault = "No worker does the background work: codes aren't sent and deliveries aren't repeated."
        found.append(UnsafeSetting("worker", fault, f"Start one; {RUNBOOK} says more."))
    for one in figures.silent:
        since = format_instant(one.calls.silent_since, timespec="seconds") if one.calls.silent_since else ""
        fault = f"It doesn't answer since {since} ({one.calls.failure_code}); {one.waiting.number} wait for it."
        found.append(UnsafeSetting(one.name, fault, f"Look at its address and its state; {RUNBOOK} says more."))
    return found
