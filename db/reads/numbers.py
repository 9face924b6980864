"""Numbers that staff see on many pages, kept for some seconds in a process: many readers cost one query."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from db.engine import Database
from db.reads.counts import Counts, Group, add_up_groups, count_groups
from db.reads.dashboard import Dashboard, read_dashboard
from db.reads.npn.rivals import count_rivals
from db.reads.queue import OLDEST_FIRST, Filters, View

FRESH = 10.0  # seconds
USABLE = 60.0  # after that nobody is told the old numbers any more
DASHBOARD_STANDS = timedelta(seconds=30)
MOST_ADDED_UP = 500  # lists under different filters

log = structlog.get_logger(__name__)


class StaffNumbers:
    """Counts of cases and the dashboard, for every reader of this process at once.

    Counts up to ten seconds old are served as they are; older ones too, while newer ones are fetched beside the
    answer. Only where there are none, or after `forget`, a reader waits for the query.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._groups: Sequence[Group] | None = None
        self._rivals = 0
        self._taken_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._added_up: dict[tuple[Filters, View], Counts] = {}
        self._added_up_of: Sequence[Group] | None = None
        self._dashboard: Dashboard | None = None

    def forget(self) -> None:
        """Drops what is known: what this process has just written is in the numbers of the next reader."""
        self._groups = self._running = self._dashboard = None

    @property
    def rivals(self) -> int:
        """How many pairs of claimants staff have to decide between, as it was last counted."""
        return self._rivals

    async def count_cases(self, view: View, filters: Filters) -> Counts:
        """How many cases a list has under these filters, and of each facet; added up once while the counts stand.

        On whose desk they are isn't counted here: that changes by the minute, and `add_desks` tells it apart.
        """
        filters = replace(filters, sorting=OLDEST_FIRST, desk=None, at=None)
        groups = await self.read_groups()
        if groups is not self._added_up_of or len(self._added_up) >= MOST_ADDED_UP:
            self._added_up, self._added_up_of = {}, groups
        if (filters, view) not in self._added_up:
            self._added_up[filters, view] = add_up_groups(groups, filters, view)
        return self._added_up[filters, view]

    async def read_dashboard(self, now: datetime) -> Dashboard:
        """How the work goes; half a minute old at most."""
        kept = self._dashboard
        if kept is None or not timedelta() <= now - kept.at < DASHBOARD_STANDS:
            groups = await self.read_groups()
            kept = self._dashboard = await self._database.read(read_dashboard, groups, now)
        return kept

    async def read_groups(self) -> Sequence[Group]:
        """How many cases there are of each combination of facets."""
        age = self._clock() - self._taken_at
        if self._groups is not None and age < FRESH:
            return self._groups
        running = self._start_refresh()
        if self._groups is not None and age < USABLE:
            return self._groups
        await asyncio.shield(running)
        return self._groups if self._groups is not None else await self.read_groups()

    def _start_refresh(self) -> "asyncio.Task[None]":
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._refresh())
            self._running.add_done_callback(_log_failure)
        return self._running

    async def _refresh(self) -> None:
        taken_at = self._clock()
        found, rivals = await self._database.read(count_groups), await self._database.read(count_rivals)
        if self._running is asyncio.current_task():  # else something has changed meanwhile
            self._groups, self._rivals, self._taken_at = found, rivals, taken_at


def _log_failure(task: "asyncio.Task[None]") -> None:
    """A refresh that failed is tried again by the next reader; until then the last numbers stand."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("not counted", error=type(error).__name__)
