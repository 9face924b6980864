"""How many cases there are of each kind, stage and so on: one grouped query, kept for some seconds; no counter."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, select

from db.engine import Database
from db.reads.queue import Filters, View
from db.tables import Case

FRESH = 10.0  # seconds
USABLE = 60.0  # after that nobody is told the old numbers any more
MOST_ADDED_UP = 500  # lists under different filters
FACETS = ("program", "plan_year", "stage", "kind", "attention")
GROUPED = ("assister_type", *FACETS)  # in the order of the index

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Counts:
    """How many cases a list has; and of each facet by its values, counted with the other facets' filters on."""

    total: int
    facets: dict[str, dict[str | int, int]]


@dataclass(frozen=True)
class Group:
    """So many cases that are alike in every facet."""

    values: dict[str, str | int | None]
    number: int


class Counter:
    """Counts cases for every reader of this process at once.

    Numbers up to ten seconds old are served as they are; older ones too, while newer ones are fetched beside the
    answer. Only where there are none, or after `changed`, a reader waits for the query.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._groups: Sequence[Group] | None = None
        self._taken_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._added_up: dict[tuple[Filters, View], Counts] = {}
        self._added_up_of: Sequence[Group] | None = None

    def changed(self) -> None:
        """What is known is out of date: the next reader is told the numbers of then."""
        self._groups = self._running = None

    async def groups(self) -> Sequence[Group]:
        """Every group of cases."""
        age = self._clock() - self._taken_at
        if self._groups is not None and age < FRESH:
            return self._groups
        running = self._refreshing()
        if self._groups is not None and age < USABLE:
            return self._groups
        await asyncio.shield(running)
        return self._groups if self._groups is not None else await self.groups()

    def _refreshing(self) -> "asyncio.Task[None]":
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._refresh())
            self._running.add_done_callback(_told)
        return self._running

    async def _refresh(self) -> None:
        taken_at = self._clock()
        columns: list[Any] = [getattr(Case, name) for name in GROUPED]
        async with self._database.open_reader() as session:
            found = (await session.execute(select(*columns, func.count()).group_by(*columns))).all()
        if self._running is asyncio.current_task():  # else something has changed meanwhile
            self._groups = [Group(dict(zip(GROUPED, values, strict=True)), number) for *values, number in found]
            self._taken_at = taken_at

    async def counts(self, filters: Filters, view: View) -> Counts:
        """The counts of a list under these filters; added up once for as long as the numbers stand."""
        groups = await self.groups()
        if groups is not self._added_up_of or len(self._added_up) >= MOST_ADDED_UP:
            self._added_up, self._added_up_of = {}, groups
        if (filters, view) not in self._added_up:
            self._added_up[filters, view] = counted(groups, filters, view)
        return self._added_up[filters, view]


def counted(groups: Sequence[Group], filters: Filters, view: View) -> Counts:
    """What the groups come to under these filters."""
    wanted = filters.wanted()
    facets: dict[str, dict[str | int, int]] = {name: {} for name in FACETS}
    total = 0
    for group in groups:
        if view is View.QUEUE and group.values["attention"] is None:
            continue
        missed = [name for name, value in wanted.items() if group.values[name] != value]
        total += 0 if missed else group.number
        for name in FACETS:
            value = group.values[name]
            if value is not None and not set(missed) - {name}:
                facets[name][value] = facets[name].get(value, 0) + group.number
    return Counts(total, {name: dict(sorted(numbers.items())) for name, numbers in facets.items()})


def _told(task: "asyncio.Task[None]") -> None:
    """A refresh that failed is tried again by the next reader; until then the last numbers stand."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("not counted", error=type(error).__name__)
