"""Who took part in earlier years, page by page, and what a season goes by of each (E9)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.reads.history import read_histories
from db.tables import Assister, Case, EarlierYear
from domain.programs.seasons import Candidate, Judgement, judge_candidate
from domain.shared.cases.stages import DONE_AT_ONCE


def count_candidates(session: Session, program: str, plan_year: int) -> int:
    """How many people took part in a year before this one."""
    query = select(func.count()).select_from(Assister).where(_took_part(program, plan_year))
    return int(session.execute(query).scalar_one())


def judge_candidates(
    session: Session, program: str, plan_year: int, after: str, limit: int, *, is_closed: bool = False
) -> list[Judgement]:
    """What a season does with the next people after this one; nothing is changed."""
    query = select(Assister).where(col(Assister.assister_id) > after, _took_part(program, plan_year))
    people: list[Assister] = list_rows(session, query.order_by(col(Assister.assister_id)).limit(limit))
    candidates = _describe(session, people, program, plan_year)
    return [judge_candidate(program, plan_year, one, is_closed=is_closed) for one in candidates]


def _took_part(program: str, plan_year: int) -> Any:
    """In a year before this one: here, or by an import."""
    here = (col(Case.assister_id) == col(Assister.assister_id), col(Case.program) == program)
    imported = (col(EarlierYear.assister_id) == col(Assister.assister_id), col(EarlierYear.program) == program)
    return exists().where(*here, col(Case.plan_year) < plan_year) | exists().where(
        *imported, col(EarlierYear.plan_year) < plan_year
    )


def _describe(session: Session, people: Sequence[Assister], program: str, plan_year: int) -> list[Candidate]:
    histories = read_histories(session, people, program)
    cases: dict[str, list[Any]] = defaultdict(list)
    columns = (col(getattr(Case, name)) for name in ("assister_id", "plan_year", "case_id", "stage", "run_id"))
    query = select(*columns).where(
        col(Case.assister_id).in_([person.assister_id for person in people]), col(Case.program) == program
    )
    for row in session.execute(query.order_by(col(Case.plan_year), col(Case.attempt))):
        cases[row.assister_id].append(row)
    found = []
    for person in people:
        own = cases[person.assister_id]
        before = next((case.stage for case in reversed(own) if case.plan_year < plan_year), None)
        this_year = next((case for case in reversed(own) if case.plan_year == plan_year), None)
        found.append(
            Candidate(
                person.assister_id,
                frozenset(person.details),
                histories[person.assister_id],
                last_stage=before,
                case_id=this_year.case_id if this_year else None,
                stage=this_year.stage if this_year else None,
                is_begun=bool(this_year and this_year.run_id),
            )
        )
    return found


def count_unfinished_starts(session: Session, since: datetime) -> int:
    """Cases opened since then whose first steps aren't done: their workflow hasn't begun, or we owe them a step.

    Those from before are stuck, and no sign of load: a third party is down, or staff have to look at them.
    """
    unbegun = select(func.count()).where(
        col(Case.run_id).is_(None), col(Case.opened_at) > since, col(Case.waiting_for).not_in(DONE_AT_ONCE)
    )
    owed = select(func.count()).where(col(Case.waiting_for).in_(DONE_AT_ONCE), col(Case.waiting_since) > since)
    return sum(int(session.execute(query).scalar_one()) for query in (unbegun, owed))
