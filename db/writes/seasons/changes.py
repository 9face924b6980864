"""A season is opened, paused, resumed, cancelled and closed: each once, audited, and at once in force (E9)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.reads.seasons.candidates import count_candidates
from db.season_tables import Season
from db.tables import SYSTEM, AuditRow
from domain.programs.seasons import find_season_faults
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.seasons import STATE_AFTER, SeasonChange, SeasonState, find_change_refusal
from domain.shared.documents.faults import Invalid


def open_season(
    session: Session, program: str, plan_year: int, reason: str | None, actor: str, now: datetime
) -> Season:
    """Opens the season of a program and plan year, once and for all.

    Raises `Invalid` for a year without a policy or outside its window, and `Refusal` where it was opened before.
    """
    if faults := find_season_faults(program, plan_year, now):
        raise Invalid(faults)
    if session.get(Season, (program, plan_year)) is not None:
        raise Refusal(Reason("season_opened"))
    season = Season(
        program=program,
        plan_year=plan_year,
        state=SeasonState.RUNNING,
        opened_at=now,
        opened_by=actor,
        people=count_candidates(session, program, plan_year),
        changed_at=now,
    )
    session.add(season)
    # Of two who open it at once, the second fails here by the key, and is refused when it is done again.
    session.flush()
    _record(session, season, "season.opened", reason, actor, now)
    return season


def change_season(
    session: Session, program: str, plan_year: int, change: SeasonChange, reason: str | None, actor: str, now: datetime
) -> Season:
    """Pauses, resumes or cancels a season. Once this is committed nobody is opened who shouldn't be.

    Raises `Refusal` where there is none, or where it can't be changed so.
    """
    season = lock_season(session, program, plan_year)
    if refusal := find_change_refusal(SeasonState(season.state), change):
        raise Refusal(refusal)
    season.state, season.changed_at = STATE_AFTER[change], now
    session.add(season)
    _record(session, season, f"season.{_PAST[change]}", reason, actor, now)
    return season


_PAST = {SeasonChange.PAUSE: "paused", SeasonChange.RESUME: "resumed", SeasonChange.CANCEL: "cancelled"}


def advance_season(
    session: Session, program: str, plan_year: int, before: str, after: str | None, now: datetime
) -> SeasonState:
    """Notes up to whom everybody was gone through; None is the end, and finishes a season that runs.

    ``before`` is where the page began: of two that went through the same page, the second changes nothing.
    """
    season = lock_season(session, program, plan_year)
    if season.after != before or season.state != SeasonState.RUNNING:
        return SeasonState(season.state)
    if after is None:
        season.state, season.changed_at = SeasonState.FINISHED, now
        _record(session, season, "season.finished", None, SYSTEM, now)
    else:
        season.after = after
    session.add(season)
    return SeasonState(season.state)


def lock_season(session: Session, program: str, plan_year: int, *, shared: bool = False) -> Season:
    """The season, locked; ``shared`` with others that don't change it. Raises `Refusal` where there is none."""
    season = session.get(Season, (program, plan_year), with_for_update={"read": shared}, populate_existing=True)
    if season is None:
        raise Refusal(Reason("season_not_opened"))
    return season


def _record(session: Session, season: Season, action: str, reason: str | None, actor: str, now: datetime) -> None:
    details = {"program": season.program, "plan_year": season.plan_year}
    session.add(AuditRow(at=now, actor=actor, action=action, reason=reason, details=details))
