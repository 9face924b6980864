"""Opens, pauses, resumes and cancels seasons, and tells how they stand; the database decides, Temporal is told (E9)."""

import asyncio
from collections import Counter
from contextlib import suppress
from uuid import uuid4

import structlog
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from db.engine import Database
from db.reads.seasons.candidates import judge_candidates
from db.reads.seasons.progress import SeasonStatus, list_open_seasons, read_season_status
from db.season_tables import Season
from db.writes.seasons.changes import change_season, open_season
from domain.programs.seasons import SeasonCounts, find_season_faults
from domain.shared.cases.seasons import SeasonChange, SeasonChanged, SeasonOrder
from domain.shared.documents.faults import Invalid
from domain.shared.traces import locate_error
from starter.cases import now
from starter.client import RPC_TIMEOUT
from starter.temporal import NotRunning, Unreachable, translate_errors
from workflows import messages as names

log = structlog.get_logger(__name__)

REHEARSED_AT_ONCE = 500
BEGUN_EVERY = 30.0


def make_season_id(program: str, plan_year: int) -> str:
    """The workflow's id: there is one of a season."""
    return f"season/{program}/{plan_year}"


class Seasons:
    """What staff do with seasons."""

    def __init__(self, client: Client, database: Database, task_queue: str) -> None:
        self._client = client
        self._database = database
        self._task_queue = task_queue

    async def open_season(self, program: str, plan_year: int, reason: str, actor: str) -> SeasonStatus:
        """Opens a season, once; its workflow begins at once, or as soon as Temporal answers.

        Raises `Invalid` for a year without a policy or outside its window, `Refusal` where it was opened before.
        """
        season = await self._database.write(open_season, program, plan_year, reason.strip() or None, actor, now())
        with suppress(Unreachable, RPCError):
            await self._begin(season)
        return await self.read_status(program, plan_year)

    async def change_season(
        self, program: str, plan_year: int, change: SeasonChange, reason: str, actor: str
    ) -> SeasonStatus:
        """Pauses, resumes or cancels a season: it is in force when this returns, whoever could be told.

        Raises `Refusal` where there is none, or where it can't be changed so.
        """
        season = await self._database.write(
            change_season, program, plan_year, change, reason.strip() or None, actor, now()
        )
        with suppress(Unreachable, NotRunning, RPCError):
            await self._begin(season)
            await self._tell(season, change)
        return await self.read_status(program, plan_year)

    async def read_status(self, program: str, plan_year: int) -> SeasonStatus:
        """How a season stands. Raises `Refusal` where there is none."""
        return await self._database.read(read_season_status, program, plan_year, now())

    async def rehearse_season(self, program: str, plan_year: int) -> SeasonCounts:
        """What a season would come to now, person by person; nothing is changed.

        Raises `Invalid` for a year without a policy or outside its window.
        """
        if faults := find_season_faults(program, plan_year, now()):
            raise Invalid(faults)
        outcomes, left_out, after = Counter(), Counter(), ""  # type: ignore[var-annotated]
        while judged := await self._database.read(judge_candidates, program, plan_year, after, REHEARSED_AT_ONCE):
            outcomes.update(one.outcome for one in judged)
            left_out.update(one.reason for one in judged if one.reason is not None)
            after = judged[-1].assister_id
        return SeasonCounts(outcomes, left_out)

    async def keep_begun(self, every: float = BEGUN_EVERY) -> None:
        """Begins the workflows of open seasons that have none, until cancelled: Temporal was down, or lost them."""
        while True:
            try:
                for season in await self._database.read(list_open_seasons):
                    await self._begin(season)
            except Exception as error:  # the next round tries again
                log.warning("seasons not begun", error=type(error).__name__, where=locate_error(error))
            await asyncio.sleep(every)

    async def _begin(self, season: Season) -> None:
        """Starts its workflow; one that runs is left alone. Raises `Unreachable` and `NotRunning`."""
        # One that has completed has gone through everybody.
        with suppress(WorkflowAlreadyStartedError), translate_errors():
            await self._client.start_workflow(
                names.SEASON,
                SeasonOrder(program=season.program, plan_year=season.plan_year, state=season.state),
                id=make_season_id(season.program, season.plan_year),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=f"season of {season.plan_year}, {season.program}",
                rpc_timeout=RPC_TIMEOUT,
            )

    async def _tell(self, season: Season, change: SeasonChange) -> None:
        """Tells the workflow at once; what it knows already it refuses, and what it isn't told it finds by itself."""
        handle = self._client.get_workflow_handle(make_season_id(season.program, season.plan_year))
        with suppress(WorkflowUpdateFailedError), translate_errors():
            await handle.execute_update(
                change.value, SeasonChanged(), id=str(uuid4()), result_type=str, rpc_timeout=RPC_TIMEOUT
            )
