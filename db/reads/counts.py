"""How many cases there are, by stage, kind and so on, for staff and for metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from sqlmodel import col

from db.desk_tables import CaseAssignment
from db.reads.queue import NOBODY, Filters, View
from db.tables import Case
from domain.state.eligibility import ChecksOutcome

FACETS = ("program", "plan_year", "stage", "kind", "attention", "finding")
GROUPED = ("assister_type", *FACETS)  # in the order of the index


@dataclass(frozen=True)
class Counts:
    """How many cases a list has; and of each facet by its values, counted with the other facets' filters on."""

    total: int
    facets: dict[str, dict[str | int, int]]


@dataclass(frozen=True)
class Group:
    """How many cases have the same value in every facet."""

    values: dict[str, str | int | None]
    number: int


def count_groups(session: Session) -> list[Group]:
    """Every group of cases, from the index alone."""
    columns: list[Any] = [getattr(Case, name) for name in GROUPED]
    found = session.execute(select(*columns, func.count()).group_by(*columns))
    return [Group(dict(zip(GROUPED, values, strict=True)), number) for *values, number in found]


def add_up_groups(groups: Sequence[Group], filters: Filters, view: View) -> Counts:
    """What the groups come to under these filters."""
    wanted = filters.list_wanted()
    facets: dict[str, dict[str | int, int]] = {name: {} for name in FACETS}
    total = 0
    for group in groups:
        if view is View.QUEUE and group.values["attention"] is None:
            continue
        missed = [name for name, value in wanted.items() if group.values[name] != value]
        total += 0 if missed else group.number
        for name in FACETS:
            value = group.values[name]
            if value not in (None, ChecksOutcome.WITHOUT) and not set(missed) - {name}:
                facets[name][value] = facets[name].get(value, 0) + group.number
    return Counts(total, {name: dict(sorted(numbers.items())) for name, numbers in facets.items()})


def count_desks(session: Session, now: datetime) -> list[Group]:
    """The same of the cases of the queue that somebody has on their desk, with who; they are few."""
    columns = [col(CaseAssignment.actor), *(getattr(Case, name) for name in FACETS)]
    held = select(*columns, func.count()).join(Case, col(Case.case_id) == col(CaseAssignment.case_id))
    held = held.where(col(CaseAssignment.until) > now, col(Case.attention).is_not(None)).group_by(*columns)
    names = ("desk", *FACETS)
    return [Group(dict(zip(names, values, strict=True)), number) for *values, number in session.execute(held)]


def add_desks(counts: Counts, held: Sequence[Group], filters: Filters) -> Counts:
    """The queue's counts with on whose desk its cases are; ``counts`` are those under the other filters."""
    others = replace(filters, desk=None)
    taken = add_up_groups(held, others, View.QUEUE)
    if filters.desk == NOBODY:
        shown = _subtract_counts(counts, taken)
    elif filters.desk is not None:
        shown = add_up_groups([one for one in held if one.values["desk"] == filters.desk], others, View.QUEUE)
    else:
        shown = counts
    desks: dict[str | int, int] = {NOBODY: max(counts.total - taken.total, 0)}
    for who in sorted({str(one.values["desk"]) for one in held}):
        theirs = [one for one in held if one.values["desk"] == who]
        if number := add_up_groups(theirs, others, View.QUEUE).total:
            desks[who] = number
    return Counts(shown.total, {**shown.facets, "desk": desks})


def _subtract_counts(counts: Counts, taken: Counts) -> Counts:
    """What is left; never less than nothing, where the one is some seconds older than the other."""
    facets = {
        name: {value: max(number - taken.facets[name].get(value, 0), 0) for value, number in numbers.items()}
        for name, numbers in counts.facets.items()
    }
    return Counts(max(counts.total - taken.total, 0), facets)


def check_tables(session: Session) -> None:
    """Raises when the database does not answer, or has no tables yet."""
    session.execute(text("SELECT 1 FROM assister_case LIMIT 1"))


def count_stages(session: Session) -> dict[str, int]:
    """How many cases are in each stage."""
    by_stage = select(col(Case.stage), func.count()).group_by(col(Case.stage))
    return dict(session.execute(by_stage).all())
