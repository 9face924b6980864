"""How many cases there are, by stage, kind and so on, for staff and for metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from sqlmodel import col

from db.reads.queue import Filters, View
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


def check_tables(session: Session) -> None:
    """Raises when the database does not answer, or has no tables yet."""
    session.execute(text("SELECT 1 FROM assister_case LIMIT 1"))


def count_stages(session: Session) -> dict[str, int]:
    """How many cases are in each stage."""
    by_stage = select(col(Case.stage), func.count()).group_by(col(Case.stage))
    return dict(session.execute(by_stage).all())
