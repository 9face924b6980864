"""What a season does with one person after the other, each once (E9)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.reads.history import read_histories
from db.season_tables import Season, SeasonEntry
from db.tables import Assister, Case
from db.writes.opening import begin_case
from db.writes.seasons.changes import lock_season
from domain.programs.seasons import Judgement, LeftOutReason, SeasonOutcome
from domain.shared.cases.seasons import SeasonState


class SeasonHalted(Exception):
    """The season doesn't run any more; nothing was opened."""


def enter_judged(
    session: Session, program: str, plan_year: int, judged: Sequence[Judgement], now: datetime
) -> list[str]:
    """Enters those for whom nothing is opened; answers the cases that are to be woken, of which a repeat has all.

    Raises `SeasonHalted`.
    """
    season = lock_season(session, program, plan_year, shared=True)
    if season.state != SeasonState.RUNNING:
        raise SeasonHalted
    ids = [one.assister_id for one in judged]
    query = select(col(SeasonEntry.assister_id)).where(
        col(SeasonEntry.program) == program,
        col(SeasonEntry.plan_year) == plan_year,
        col(SeasonEntry.assister_id).in_(ids),
    )
    entered = set(list_rows(session, query))
    rest = [one for one in judged if one.outcome is not SeasonOutcome.OPENED]
    session.add_all(_build_entry(season, one, now) for one in rest if one.assister_id not in entered)
    return [one.case_id for one in rest if one.outcome is SeasonOutcome.WOKEN and one.case_id]


def open_for_season(
    session: Session, program: str, plan_year: int, assister_ids: Sequence[str], now: datetime
) -> list[Case]:
    """Opens these people's cases as `begin` does, in the name of who opened the season, and enters them; each once.

    The cases, whose workflows are to be begun. Raises `SeasonHalted`, and what `begin_case` does, with nobody opened:
    who of them is at fault comes out when they are opened one by one.
    """
    season = lock_season(session, program, plan_year, shared=True)
    if season.state != SeasonState.RUNNING:
        raise SeasonHalted
    people: list[Assister] = list_rows(session, select(Assister).where(col(Assister.assister_id).in_(assister_ids)))
    histories = read_histories(session, people, program)
    query = select(SeasonEntry).where(
        col(SeasonEntry.program) == program,
        col(SeasonEntry.plan_year) == plan_year,
        col(SeasonEntry.assister_id).in_(assister_ids),
    )
    case_ids = {entry.assister_id: entry.case_id for entry in list_rows(session, query)}
    for assister_id in assister_ids:
        if assister_id not in case_ids:
            history = histories.get(assister_id)
            opened = begin_case(session, assister_id, program, plan_year, season.opened_by, now, history)
            outcome = SeasonOutcome.OPENED if opened.created else SeasonOutcome.ALREADY_OPEN
            session.add(_build_entry(season, Judgement(assister_id, outcome, case_id=opened.case_id), now))
            case_ids[assister_id] = opened.case_id
    cases: list[Case] = list_rows(session, select(Case).where(col(Case.case_id).in_(filter(None, case_ids.values()))))
    return cases


def enter_fault(session: Session, program: str, plan_year: int, assister_id: str, now: datetime) -> None:
    """Leaves somebody out whose record can't be made a case of: nobody else waits for that to be mended."""
    season = lock_season(session, program, plan_year, shared=True)
    if session.get(SeasonEntry, (program, plan_year, assister_id)) is None:
        judged = Judgement(assister_id, SeasonOutcome.LEFT_OUT, LeftOutReason.RECORD_AT_FAULT)
        session.add(_build_entry(season, judged, now))


def _build_entry(season: Season, judged: Judgement, now: datetime) -> SeasonEntry:
    return SeasonEntry(
        program=season.program,
        plan_year=season.plan_year,
        assister_id=judged.assister_id,
        outcome=judged.outcome,
        reason=judged.reason,
        case_id=judged.case_id,
        at=now,
    )
