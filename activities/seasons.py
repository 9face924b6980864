"""The season, a page of people at a time: cases opened, workflows begun, no faster than they take their first steps."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from pydantic import ValidationError
from temporalio import activity

from activities import contracts
from activities.heartbeats import keep_heartbeating
from db.case_state import load_case
from db.engine import Database
from db.reads.seasons.candidates import count_unfinished_starts, judge_candidates
from db.reads.seasons.progress import find_season
from db.season_tables import Season
from db.tables import Case
from db.writes.opening import UnknownAssister
from db.writes.recovery.deliveries import postpone_starts
from db.writes.seasons.changes import advance_season
from db.writes.seasons.entries import (
    SeasonHalted,
    enter_fault,
    enter_judged,
    open_for_season,
)
from domain.programs.seasons import Judgement, SeasonOutcome, find_season_faults
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.seasons import SeasonOrder, SeasonPage, SeasonState
from domain.shared.documents.faults import Invalid
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)

PAGE = 100
# Opened in one transaction, which keeps others from writing for as long as they take.
TOGETHER = 10
AT_ONCE = 16
# So many cases whose first steps aren't done are more than a worker does side by side, and few enough that a webhook
# or somebody's request needn't wait long behind them.
MOST_UNFINISHED = 150
# A page costs the same whether it has one person or a hundred.
LEAST_ROOM = 50
# What hasn't taken its first steps in so long waits for something else than its turn.
STUCK_AFTER = timedelta(minutes=10)
ROOM_LOOKED_FOR = timedelta(seconds=10)
LOOK_SECONDS = 0.5


class CaseStarter(Protocol):
    """The way to the workflows of cases."""

    async def start_workflow(self, case: Case) -> bool:
        """Starts the workflow of a case; one that runs is left alone. Raises where Temporal can't be reached."""


class SeasonsActivities(contracts.Seasons):
    """Judges, opens and begins; the season's row says up to whom, so that a page that was cut off is begun again."""

    def __init__(self, workflows: CaseStarter, database: Database) -> None:
        self._workflows = workflows
        self._database = database

    @activity.defn(name="seasons.open_page")
    async def open_page(self, order: SeasonOrder) -> SeasonPage:
        """See the contract."""
        async with keep_heartbeating():
            season = await self._database.read(find_season, order.program, order.plan_year)
            if season.state != SeasonState.RUNNING:
                return SeasonPage(state=season.state)
            room = await self._find_room()
            if not room:
                return SeasonPage(state=season.state, is_full=True)
            return await self._go_through(season, min(room, PAGE))

    async def _find_room(self) -> int:
        """For how many more cases there is room, looked for for a while; 0 where there is none."""
        deadline = _now() + ROOM_LOOKED_FOR
        while True:
            unfinished = await self._database.read(count_unfinished_starts, _now() - STUCK_AFTER)
            if unfinished <= MOST_UNFINISHED - LEAST_ROOM:
                return MOST_UNFINISHED - unfinished
            if _now() > deadline:
                return 0
            await asyncio.sleep(LOOK_SECONDS)

    async def _go_through(self, season: Season, limit: int) -> SeasonPage:
        key = season.program, season.plan_year
        is_closed = bool(find_season_faults(*key, _now()))
        judged = await self._database.read(judge_candidates, *key, season.after, limit, is_closed=is_closed)
        try:
            woken = await self._database.write(enter_judged, *key, judged, _now())
            await self._wake(woken)
            await self._open_all(season, [one for one in judged if one.outcome is SeasonOutcome.OPENED])
        except SeasonHalted:
            season = await self._database.read(find_season, *key)
            return SeasonPage(state=season.state)
        after = judged[-1].assister_id if len(judged) == limit else None
        state = await self._database.write(advance_season, *key, season.after, after, _now())
        return SeasonPage(state=state, handled=len(judged))

    async def _open_all(self, season: Season, judged: Sequence[Judgement]) -> None:
        """Some after the other, so that nobody is opened much before their workflow begins."""
        ids = [one.assister_id for one in judged]
        for number in range(0, len(ids), TOGETHER):
            await self._open_some(season, ids[number : number + TOGETHER])

    async def _open_some(self, season: Season, assister_ids: Sequence[str]) -> None:
        """Opens these people's cases in one transaction, and begins them; one by one where somebody is at fault."""
        key = season.program, season.plan_year
        try:
            cases = await self._database.write(open_for_season, *key, assister_ids, _now())
        except (Invalid, Refusal, UnknownAssister, ValidationError) as error:
            if len(assister_ids) == 1:
                log.warning("left out", assister=assister_ids[0], error=type(error).__name__, where=locate_error(error))
                await self._database.write(enter_fault, *key, assister_ids[0], _now())
                return
            for assister_id in assister_ids:
                await self._open_some(season, [assister_id])
            return
        await self._begin_all(cases)

    async def _wake(self, case_ids: Sequence[str]) -> None:
        cases = [await self._database.read(load_case, case_id) for case_id in case_ids]
        await self._begin_all(cases)

    async def _begin_all(self, cases: Sequence[Case]) -> None:
        """Starts workflows side by side. The delivery needn't start them again while they wait for their first task."""
        turns = asyncio.Semaphore(AT_ONCE)
        begun = await asyncio.gather(*(self._begin(case, turns) for case in cases if case.run_id is None))
        if started := [case_id for case_id in begun if case_id is not None]:
            await self._database.write(postpone_starts, started, _now())

    async def _begin(self, case: Case, turns: asyncio.Semaphore) -> str | None:
        """The case's id once its workflow is started; what can't be now is begun by the delivery: it is stored."""
        try:
            async with turns:
                await self._workflows.start_workflow(case)
        except Exception as error:
            log.warning("workflow not started", case=case.case_id, error=type(error).__name__)
            return None
        return case.case_id


def _now() -> datetime:
    return datetime.now(UTC)
