"""Where a season is, what staff can do with it, and what travels through Temporal of one, which names nobody (E9)."""

from enum import StrEnum

from pydantic import BaseModel

from domain.shared.cases.reasons import Reason


class SeasonState(StrEnum):
    """Where a season is: cancelled and finished are its ends."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


OPEN_STATES = frozenset({SeasonState.RUNNING, SeasonState.PAUSED})


class SeasonChange(StrEnum):
    """What staff can do with a season that is open."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


STATE_AFTER = {
    SeasonChange.PAUSE: SeasonState.PAUSED,
    SeasonChange.RESUME: SeasonState.RUNNING,
    SeasonChange.CANCEL: SeasonState.CANCELLED,
}
_ALLOWED = {
    SeasonChange.PAUSE: frozenset({SeasonState.RUNNING}),
    SeasonChange.RESUME: frozenset({SeasonState.PAUSED}),
    SeasonChange.CANCEL: OPEN_STATES,
}


def find_change_refusal(state: SeasonState, change: SeasonChange) -> Reason | None:
    """Why a season can't be paused, resumed or cancelled."""
    if state in _ALLOWED[change]:
        return None
    return Reason(f"season_{state}" if state is not SeasonState.RUNNING else "season_not_paused")


class SeasonOrder(BaseModel):
    """The season of a program and plan year; ``state`` is carried over when its workflow continues as new."""

    program: str
    plan_year: int
    state: str = "running"


class SeasonPage(BaseModel):
    """One page of people gone through: where the season stands now, and how many were handled by this page.

    ``is_full``: nobody was opened, since too many cases wait for their first steps.
    """

    state: str
    handled: int = 0
    is_full: bool = False


class SeasonChanged(BaseModel):
    """Staff have changed a season; who, why and to what is in the database."""

    change_id: str = ""
