"""The table of every stage against every fact and command, as a page shows it."""

from collections.abc import Iterable, Iterator, Sequence

from domain.programs.stage_table.federal_rows import list_registrations
from domain.programs.stage_table.state_rows import list_certifications
from domain.programs.stage_table.table import TERMINATION_NOTICED, WAITS, Entry, Journey, Place, Reception
from domain.shared.cases.stages import Stage
from domain.shared.programs import FEDERAL_PROGRAM

# A kind of assister, and a place at which a case of theirs can stand.
Spot = tuple[str, Place]


def list_receptions(program: str) -> list[list[str]]:
    """A row for each answer of each fact and command: what arrives, from whom, at which stages, what becomes of it."""
    journeys = list_registrations() if program == FEDERAL_PROGRAM else list_certifications()
    arrivals = {one.name: one for journey in journeys for one in journey.arrivals}
    shown = [(journey, place) for journey in journeys for place in journey.standings if _is_shown(place)]
    rows = []
    for name, arrival in arrivals.items():
        label, sender = f"`{name}`", arrival.sender
        for text, spots, every in _group_spots(name, shown):
            rows.append([label, sender, ", ".join(_list_labels(spots, every)), text])
            label = sender = ""
    return rows


def _is_shown(place: Place) -> bool:
    """Of suspensions one at a time, over the last step, also where an appeal has it wait."""
    if place.suspended_by:
        return place.stage is Stage.ACTIVE and len(place.suspended_by) == 1 and not place.marks
    waits = [mark for mark in place.marks if mark.endswith(WAITS)]
    return not (waits or TERMINATION_NOTICED in place.marks) or (place.stage is Stage.ACTIVE and len(place.marks) < 3)


def _group_spots(name: str, shown: Sequence[tuple[Journey, Place]]) -> Iterator[tuple[str, list[Spot], list[Spot]]]:
    """Each answer to one arrival, where that is the answer, and everywhere that it may arrive at all."""
    found: dict[str, list[Spot]] = {}
    for journey, place in shown:
        if any(one.name == name for one in journey.arrivals):
            entry = journey.find_entry(place, name)
            if entry is not None:
                found.setdefault(_describe_entry(entry, place), []).append((journey.holder, place))
    every = [spot for spots in found.values() for spot in spots]
    for text in sorted(found, key=lambda one: ["taken", "held", "kept,", "refused:"].index(one.split()[0])):
        yield text, found[text], every


def _describe_entry(entry: Entry, place: Place) -> str:
    if entry.reason is not None:
        return f"refused: {entry.reason.template}"
    if entry.held_until is not None:
        return f"held until {_describe_place(entry.held_until)}"
    if entry.reception is Reception.KEPT:
        return "kept, moves nothing"
    return "taken" if entry.leads_to == place else f"taken → {_describe_place(entry.leads_to)}"


def _describe_place(place: Place) -> str:
    said = [f"`{one}`" for one in (place.suspended_by or (place.waiting_for,)) if one]
    said += place.marks
    return f"`{place.shown_stage}`" + (f" ({', '.join(said)})" if said else "")


def _list_labels(spots: Iterable[Spot], every: Iterable[Spot]) -> list[str]:
    """The places by their stages' names; more is said where the answer is not that of the whole stage."""
    here, everywhere = set(spots), set(every)
    labels = []
    for stage in Stage:
        of_stage = {spot for spot in everywhere if spot[1].shown_stage is stage}
        if of_stage and of_stage <= here:
            labels.append(f"`{stage}`")
        elif of_stage & here:
            labels += _list_parts(stage, of_stage & here, of_stage)
    return labels


def _list_parts(stage: Stage, here: set[Spot], of_stage: set[Spot]) -> list[str]:
    """The part of a stage with one answer: for whom that is the whole stage, and the places of the others."""
    holders = dict.fromkeys(holder for holder, _ in sorted(here, key=str))
    whole = [one for one in holders if {spot for spot in of_stage if spot[0] == one} <= here]
    labels = [f"`{stage}` of {', '.join(whole)}"] if whole else []
    for place in dict.fromkeys(place for holder, place in sorted(here, key=str) if holder not in whole):
        of_whom = [one for one in holders if one not in whole and (one, place) in here]
        is_shared = any(one == place and (holder, one) not in here for holder, one in of_stage)
        of = f" of {', '.join(of_whom)}" if is_shared or whole else ""
        labels.append(_describe_place(place) + of)
    return labels
