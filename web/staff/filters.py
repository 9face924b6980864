"""What a list is narrowed down to and in which order: read from an address, written into one, offered; no routes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from db.reads.counts import Counts
from db.reads.queue import NOBODY, OLDEST_FIRST, Filters, SortedBy, Sorting
from starter.cases import now
from templates.catalogs import N_
from templates.labels import KINDS, PROGRAMS, REASONS_TO_LOOK, STAFF_STAGES, Labels
from templates.staff_labels import CHECKS_OUTCOMES, MINE
from web.http.addresses import build_query

QUEUE, ALL = "/staff", "/staff/cases"

# Each filter in the order it is offered: what it is called, its values, and the template filter that shows them.
FACETS: dict[str, tuple[str, Labels, str]] = {
    "attention": (N_("Why it waits"), REASONS_TO_LOOK, "reason_to_look"),
    "finding": (N_("Checks"), CHECKS_OUTCOMES, "checks_outcome"),
    "desk": (N_("On whose desk"), {}, "desk"),
    "stage": (N_("Stage"), STAFF_STAGES, "staff_stage"),
    "kind": (N_("Kind"), KINDS, "kind"),
    "program": (N_("Program"), PROGRAMS, "program"),
    "plan_year": (N_("Plan year"), {}, "string"),
}
# Flags are no closed list: what another release raised is still a filter.
_FLAG = re.compile(r"[a-z][a-z_.]{0,79}")
_LONGEST_ACTOR = 250
_YEAR = re.compile(r"2[0-9]{3}")


@dataclass(frozen=True)
class FacetChoice:
    """A value of a filter, how many cases it would leave, and whether it is chosen."""

    value: str
    label: str
    count: int
    is_chosen: bool

    @property
    def key(self) -> str:
        """The value as an id of the page may have it."""
        return quote(self.value, safe="").replace("%", "_")


@dataclass(frozen=True)
class Facet:
    """A filter with its values."""

    name: str
    label: str
    choices: Sequence[FacetChoice]

    @property
    def is_set(self) -> bool:
        """Whether a value is chosen."""
        return any(choice.is_chosen for choice in self.choices)


def read_filters(asked: Mapping[str, str]) -> Filters:
    """What an address asks for; what no filter could mean is left out."""
    year = asked.get("plan_year", "")
    flag, desk = asked.get("attention", ""), asked.get("desk", "")
    return Filters(
        program=_read_choice(asked, "program"),
        plan_year=int(year) if _YEAR.fullmatch(year) else None,
        kind=_read_choice(asked, "kind"),
        stage=_read_choice(asked, "stage"),
        attention=flag if _FLAG.fullmatch(flag) else None,
        finding=_read_choice(asked, "finding"),
        desk=desk if desk.isprintable() and 0 < len(desk) <= _LONGEST_ACTOR else None,
        at=now(),
        sorting=_read_sorting(asked.get("sort", "")),
    )


def build_address(path: str, filters: Filters, **more: str | None) -> str:
    """The address of a list under these filters."""
    wanted = {name: str(value) for name, value in filters.list_wanted().items()}
    return path + build_query(**wanted, sort=spell_sorting(filters.sorting), **more)


def spell_sorting(sorting: Sorting) -> str | None:
    """An order as an address has it; None for the one that goes without saying."""
    return f"{'-' * sorting.is_down}{sorting.by}" if sorting != OLDEST_FIRST else None


def _name_direction(sorting: Sorting) -> str:
    """As a reader sees the column: of how long cases have waited, the longest comes first where the oldest does."""
    return "descending" if sorting.is_down != (sorting.by is SortedBy.SINCE) else "ascending"


def _read_sorting(asked: str) -> Sorting:
    by, is_down = asked.removeprefix("-"), asked.startswith("-")
    return Sorting(SortedBy(by), is_down) if by in list(SortedBy) else OLDEST_FIRST


def list_sortings(filters: Filters) -> dict[str, dict[str, Any]]:
    """The heads of the queue's columns by what they sort by: where each leads, and how it is sorted now.

    {url, aria: ascending, descending or None}. The head of the column that it is sorted by turns the order round.
    """
    current = filters.sorting
    return {
        by.value: {
            "url": build_address(
                QUEUE, replace(filters, sorting=Sorting(by, by is current.by and not current.is_down))
            ),
            "aria": _name_direction(current) if by is current.by else None,
        }
        for by in SortedBy
    }


def list_facets(
    filters: Filters, counts: Counts, words: Mapping[str, Callable[[Any], str]], me: str, names: Mapping[str, str]
) -> list[Facet]:
    """The filters there is something to choose of, each value with its count; ``words`` are a template's filters.

    ``me`` is the reader: of desks, theirs is the first, and nobody's the next. ``names`` is what staff are called.
    """
    wanted = {name: str(value) for name, value in filters.list_wanted().items()}
    found = []
    for name, (label, labels, shown_by) in FACETS.items():
        numbers = {str(value): number for value, number in counts.facets.get(name, {}).items()}
        chosen = wanted.get(name)
        if chosen is not None:
            numbers.setdefault(chosen, 0)
        if name == "desk":
            labels = {me: MINE, NOBODY: NOBODY}
            numbers |= {} if numbers.keys() <= labels.keys() else {me: numbers.get(me, 0)}
        if len(numbers) > 1 or chosen is not None:
            told = {**names, **labels} if name == "desk" else {}
            found.append(
                Facet(
                    name,
                    label,
                    [
                        FacetChoice(value, words[shown_by](told.get(value, value)), numbers[value], value == chosen)
                        for value in sorted(numbers, key=_rank_values(labels))
                    ],
                )
            )
    return found


def _read_choice(asked: Mapping[str, str], name: str) -> str | None:
    value = asked.get(name, "")
    return value if value in FACETS[name][1] else None


def _rank_values(labels: Labels) -> Callable[[str], tuple[int, str]]:
    """In the order of the labels; years, which have none, in their own."""
    places = {value: place for place, value in enumerate(labels)}
    return lambda value: (places.get(value, len(places)), value)
