"""How a season stands, and who was left out of it (E9)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.engine import Database
from db.season_tables import Season, SeasonEntry
from db.tables import Assister
from domain.programs.seasons import LeftOutReason, SeasonCounts, SeasonOutcome
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.seasons import OPEN_STATES, SeasonState
from domain.shared.documents.instants import format_instant

# How fast it goes is what became of people in so long.
LATELY = timedelta(minutes=1)
EXPORTED_AT_ONCE = 500
# The columns of the file of who was left out, fields of `LeftOut`.
LEFT_OUT_COLUMNS = ("assister_id", "reason", "first_name", "last_name", "email", "kind")


@dataclass(frozen=True)
class SeasonStatus:
    """A season as it is now; ``lately`` is how many people it went through in the last minute."""

    season: Season
    counts: SeasonCounts
    lately: int

    @property
    def percent(self) -> int:
        """How much of it is done, rounded down; people who came after it was opened don't make it more than all."""
        if self.season.state == SeasonState.FINISHED:
            return 100
        return min(99, 100 * self.counts.handled // self.season.people) if self.season.people else 0

    @property
    def seconds_left(self) -> int | None:
        """How long it takes at the pace of the last minute; None where it doesn't move."""
        left = self.season.people - self.counts.handled
        if self.season.state != SeasonState.RUNNING or not self.lately or left < 0:
            return None
        return round(left * LATELY.total_seconds() / self.lately)

    def document(self) -> dict[str, object]:
        """The status as JSON; instants in UTC, ``seconds_left`` null where nobody can tell."""
        season = self.season
        return {
            "program": season.program,
            "plan_year": season.plan_year,
            "state": season.state,
            "opened_at": format_instant(season.opened_at),
            "opened_by": season.opened_by,
            "changed_at": format_instant(season.changed_at),
            "people": season.people,
            "handled": self.counts.handled,
            "percent": self.percent,
            "seconds_left": self.seconds_left,
            **self.counts.document(),
        }


@dataclass(frozen=True)
class LeftOut:
    """Somebody a season left out, and why."""

    assister_id: str
    reason: str
    first_name: str
    last_name: str
    email: str
    kind: str


def find_season(session: Session, program: str, plan_year: int) -> Season:
    """The season of a program and plan year. Raises `Refusal` where there is none."""
    found = session.get(Season, (program, plan_year))
    if found is None:
        raise Refusal(Reason("season_not_opened"))
    return found


def list_seasons(session: Session) -> list[Season]:
    """All of them, the newest first."""
    return list_rows(session, select(Season).order_by(col(Season.opened_at).desc()))


def list_open_seasons(session: Session) -> list[Season]:
    """Those that run or are paused."""
    return list_rows(session, select(Season).where(col(Season.state).in_(OPEN_STATES)))


def read_season_status(session: Session, program: str, plan_year: int, now: datetime) -> SeasonStatus:
    """How a season stands. Raises `Refusal` where there is none."""
    season = find_season(session, program, plan_year)
    of_season = (col(SeasonEntry.program) == program, col(SeasonEntry.plan_year) == plan_year)
    grouped = select(col(SeasonEntry.outcome), col(SeasonEntry.reason), func.count()).where(*of_season)
    outcomes: dict[SeasonOutcome, int] = {}
    left_out: dict[LeftOutReason, int] = {}
    for outcome, reason, number in session.execute(grouped.group_by(SeasonEntry.outcome, SeasonEntry.reason)):  # type: ignore[arg-type]
        outcomes[SeasonOutcome(outcome)] = outcomes.get(SeasonOutcome(outcome), 0) + number
        if reason is not None:
            left_out[LeftOutReason(reason)] = number
    lately = select(func.count()).where(*of_season, col(SeasonEntry.at) > now - LATELY)
    return SeasonStatus(season, SeasonCounts(outcomes, left_out), int(session.execute(lately).scalar_one()))


def list_left_out(session: Session, program: str, plan_year: int, after: str, limit: int) -> list[LeftOut]:
    """The next people a season left out, by their ids, after this one."""
    query = (
        select(SeasonEntry, Assister)
        .join(Assister, col(Assister.assister_id) == col(SeasonEntry.assister_id))
        .where(
            col(SeasonEntry.program) == program,
            col(SeasonEntry.plan_year) == plan_year,
            col(SeasonEntry.outcome) == SeasonOutcome.LEFT_OUT.value,
            col(SeasonEntry.assister_id) > after,
        )
        .order_by(col(SeasonEntry.assister_id))
        .limit(limit)
    )
    return [
        LeftOut(
            person.assister_id,
            entry.reason or "",
            person.first_name,
            person.last_name,
            person.email,
            person.details.get("kind") or person.details.get("role") or "",
        )
        for entry, person in session.execute(query)
    ]


async def stream_left_out(database: Database, program: str, plan_year: int) -> AsyncIterator[list[LeftOut]]:
    """Everybody a season left out, page by page."""
    after = ""
    while page := await database.read(list_left_out, program, plan_year, after, EXPORTED_AT_ONCE):
        yield page
        after = page[-1].assister_id
