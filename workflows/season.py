"""The season of a program and plan year: every returning assister's case opened, page by page (E9, decision 50)."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Seasons
    from domain.shared.cases.seasons import (
        STATE_AFTER,
        SeasonChange,
        SeasonChanged,
        SeasonOrder,
        SeasonState,
        find_change_refusal,
    )
    from workflows import messages as names
    from workflows.case import build_refusal
    from workflows.options import OPENING_CASES

PAGES_A_RUN = 100
# A change that could not be told is found by then.
LOOKED_EVERY = timedelta(minutes=5)
ENDED = (SeasonState.CANCELLED, SeasonState.FINISHED)


@workflow.defn(name=names.SEASON)
class SeasonOpening:
    """Goes through everybody who took part in an earlier year. Where it stands is the database's to say.

    Its id holds program and plan year, so that there is one of a season. An update tells it at once what staff have
    changed, and that is recorded before it is sent: by itself it changes nothing.
    """

    @workflow.init
    def __init__(self, order: SeasonOrder) -> None:
        self._state = SeasonState(order.state)
        self._told = False
        self._handled = 0

    @workflow.run
    async def run(self, order: SeasonOrder) -> str:
        """Answers how it ended: cancelled or finished (continues as new when there are many pages)."""
        for _ in range(PAGES_A_RUN):
            if self._state in ENDED:
                break
            if self._state is SeasonState.PAUSED:
                await self._wait_for_change()
            self._told = False
            page = await workflow.execute_activity_method(
                Seasons.open_page, order, summary="the next people", **OPENING_CASES
            )
            self._handled += page.handled
            if not self._told:  # else the update is newer than what the page has seen
                self._state = SeasonState(page.state)
            workflow.set_current_details(f"{self._state}; {self._handled} people in this run")
        else:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(order.model_copy(update={"state": self._state.value}))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.value

    async def _wait_for_change(self) -> None:
        """Returns once it is changed, or it is time to look whether it was."""
        try:
            await workflow.wait_condition(lambda: self._state is not SeasonState.PAUSED, timeout=LOOKED_EVERY)
        except TimeoutError:
            return

    @workflow.update(name=names.PAUSE)
    async def pause_season(self, changed: SeasonChanged) -> str:
        """Nobody is opened until it is resumed."""
        return self._change(SeasonChange.PAUSE)

    @workflow.update(name=names.RESUME)
    async def resume_season(self, changed: SeasonChanged) -> str:
        """It goes on."""
        return self._change(SeasonChange.RESUME)

    @workflow.update(name=names.CANCEL)
    async def cancel_season(self, changed: SeasonChanged) -> str:
        """It ends, and leaves what it opened."""
        return self._change(SeasonChange.CANCEL)

    @pause_season.validator
    def _may_pause(self, changed: SeasonChanged) -> None:
        self._check(SeasonChange.PAUSE)

    @resume_season.validator
    def _may_resume(self, changed: SeasonChanged) -> None:
        self._check(SeasonChange.RESUME)

    @cancel_season.validator
    def _may_cancel(self, changed: SeasonChanged) -> None:
        self._check(SeasonChange.CANCEL)

    def _check(self, change: SeasonChange) -> None:
        if refusal := find_change_refusal(self._state, change):
            raise build_refusal(refusal)

    def _change(self, change: SeasonChange) -> str:
        self._state, self._told = STATE_AFTER[change], True
        return self._state.value
