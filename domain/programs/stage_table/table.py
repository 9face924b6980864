"""What becomes of a fact or a command, stage by stage: asked of the rules themselves, and written down nowhere else.

A case is taken to each place where it can stand, by facts alone; there everything that may arrive is tried on it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from domain.federal.markets import MLMS
from domain.federal.registration import RegistrationState
from domain.federal.steps import find_next_refusal
from domain.programs.state import CaseState
from domain.shared.cases.authority import ORDERED, SuspensionCause
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Coded
from domain.shared.cases.stages import Stage, WaitingFor
from domain.state.certification import CertificationState
from domain.state.eligibility import find_open_checks

# When the cases of the table began; nothing in it depends on that.
BEGAN = datetime(2026, 1, 5, 18, tzinfo=UTC)
_LATER = timedelta(days=2)

_OPEN_STAGES = (Stage.AWAITING_BACKGROUND_CHECK, Stage.AWAITING_DECISION, Stage.AWAITING_INFORMATION)
WAITS = " waits"
TERMINATION_NOTICED = "notice of a termination given"


class Reception(StrEnum):
    """What becomes of what arrives.

    Taken: it counts now. Held: it is stored and counts once its step has come. Kept: it is stored and moves nothing.
    """

    TAKEN = "taken"
    HELD = "held"
    KEPT = "kept"
    REFUSED = "refused"


@dataclass(frozen=True)
class Place:
    """Where a case stands, as far as it matters for what arrives.

    ``stage`` and ``waiting_for`` are the journey's, whatever lies over it; ``marks`` say what else matters.
    """

    stage: Stage
    waiting_for: WaitingFor | None
    suspended_by: tuple[SuspensionCause, ...] = ()
    marks: tuple[str, ...] = ()
    has_lapsed: bool = False

    @property
    def shown_stage(self) -> Stage:
        """The stage of the status document."""
        if self.suspended_by:
            return Stage.SUSPENDED
        return Stage.LAPSED if self.has_lapsed else self.stage

    @property
    def shown_wait(self) -> WaitingFor | None:
        """The wait of the status document."""
        return WaitingFor.RESTORATION if self.suspended_by else self.waiting_for


@dataclass(frozen=True)
class Standing:
    """A case at a place: its facts, what they come to, and how many steps of its way it has gone."""

    state: CaseState
    facts: tuple[Fact, ...]
    steps: int

    @cached_property
    def place(self) -> Place:
        """Where it stands."""
        return find_place(self.state)


@dataclass(frozen=True)
class Arrival:
    """A fact or a command that may arrive at any place; ``variant`` tells those of one kind apart.

    ``sender`` says who reports or commands it. ``find_refusal`` asks the rules why not; ``build_facts`` answers what is
    recorded of it. What is ours to do is done ``during`` its own wait alone, and arrives at no other place.
    """

    kind: FactKind | CommandKind
    sender: str
    build_facts: Callable[[Standing, datetime], list[Fact]]
    variant: str = ""
    find_refusal: Callable[[Standing], Coded | None] = lambda standing: None
    during: tuple[Stage, WaitingFor] | None = None

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return f"{self.kind.value} ({self.variant})" if self.variant else self.kind.value


@dataclass(frozen=True)
class Entry:
    """What becomes of one arrival at one place: where the case stands then, until where it is held, or why not."""

    reception: Reception
    leads_to: Place
    held_until: Place | None = None
    reason: Coded | None = None


@dataclass(frozen=True)
class Detour:
    """Facts that happen beside the way, after so many steps of it."""

    steps: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Journey:
    """How a case of one kind of assister goes, and what may arrive; ``fold`` is its program's."""

    holder: str
    fold: Callable[[Iterable[Fact]], CaseState] = field(repr=False)
    way: tuple[Fact, ...] = field(repr=False)
    arrivals: tuple[Arrival, ...] = field(repr=False)
    detours: tuple[Detour, ...] = field(default=(), repr=False)

    @cached_property
    def standings(self) -> dict[Place, Standing]:
        """A case at each place: on the way once all that is ours is done there, else as the first detour has it."""
        plain = [self._stand(Detour(steps, ())) for steps in range(len(self.way), 0, -1)]
        found: dict[Place, Standing] = {}
        for standing in (*plain, *map(self._stand, self.detours)):
            found.setdefault(standing.place, standing)
        return found

    def _stand(self, detour: Detour) -> Standing:
        facts = (*self.way[: detour.steps], *detour.facts)
        return Standing(self.fold(facts), facts, detour.steps)

    def find_entry(self, place: Place, name: str) -> Entry | None:
        """What becomes of the arrival of this name at a place; None for what is ours and isn't done there."""
        key = place, name
        if key not in self._entries:
            (arrival,) = (one for one in self.arrivals if one.name == name)
            there = _may_arrive(arrival, place)
            self._entries[key] = self._try_out(arrival, self.standings[place]) if there else None
        return self._entries[key]

    @cached_property
    def _entries(self) -> dict[tuple[Place, str], Entry | None]:
        return {}

    def list_fact_kinds(self) -> set[FactKind]:
        """The kinds of facts that the way and what arrives on it consist of."""
        arrived = (
            fact
            for standing in self.standings.values()
            for arrival in self.arrivals
            if _may_arrive(arrival, standing.place) and arrival.find_refusal(standing) is None
            for fact in arrival.build_facts(standing, BEGAN)
        )
        detoured = (fact for detour in self.detours for fact in detour.facts)
        return {fact.kind for fact in (*self.way, *detoured, *arrived)}

    def _try_out(self, arrival: Arrival, standing: Standing) -> Entry:
        why = arrival.find_refusal(standing)
        if why is not None:
            return Entry(Reception.REFUSED, standing.place, reason=why)
        facts = arrival.build_facts(standing, BEGAN + _LATER)
        after = find_place(self.fold((*standing.facts, *facts)))
        if after != standing.place or isinstance(arrival.kind, CommandKind):
            return Entry(Reception.TAKEN, after)
        until = self._find_place_held_for(standing, facts)
        return Entry(Reception.HELD if until else Reception.KEPT, after, held_until=until)

    def _find_place_held_for(self, standing: Standing, facts: list[Fact]) -> Place | None:
        """Where on the rest of the way these facts would first have moved the case; None where they never do."""
        kinds = {fact.kind for fact in facts}
        if standing.state.ended or kinds & {fact.kind for fact in standing.facts}:
            return None
        for steps in range(standing.steps, len(self.way) + 1):
            without = [fact for fact in self.way[:steps] if fact.kind not in kinds]
            here = find_place(self.fold(without))
            if self._is_further(find_place(self.fold([*without, *facts])), here):
                return here
        return None

    def _is_further(self, place: Place, other: Place) -> bool:
        """Whether a place comes after another on the way."""
        found, before = self.standings.get(place), self.standings.get(other)
        return found is not None and before is not None and found.steps > before.steps


def find_place(state: CaseState) -> Place:
    """The place at which a case of these facts stands."""
    return Place(
        stage=state.position.stage,
        waiting_for=state.position.waiting_for,
        suspended_by=tuple(state.authority.causes) if not state.ended else (),
        marks=tuple(_list_marks(state)),
        has_lapsed=isinstance(state, CertificationState) and state.is_lapsed,
    )


def _list_marks(state: CaseState) -> Iterable[str]:
    if state.authority.termination is not None:
        yield TERMINATION_NOTICED
    if state.open_appeal is not None:
        filed = state.open_appeal.filed
        yield "appealed" if filed.suspensions else f"of {filed.appealed}"
    elif state.ended and any(not one.filed.suspensions for one in state.appeals):
        yield "appealed before"
    elif _has_appealed_suspensions(state):
        yield "suspension appealed before"
    for one in state.authority.suspensions:
        if one.stayed:
            yield f"{one.cause}{WAITS}"
    if isinstance(state, CertificationState):
        if state.stage in _OPEN_STAGES and state.check.is_stopped:
            yield "nothing comes of the check"
        elif state.stage is Stage.AWAITING_DECISION and find_open_checks(state.findings):
            yield "not every check passes"
            if state.adverse_action is not None and state.adverse_action.is_open:
                yield f"adverse action {state.adverse_action.status}"
    else:
        yield from _list_marks_of_registration(state)


def _has_appealed_suspensions(state: CaseState) -> bool:
    """Whether every suspension that staff have ordered, and that is open, was appealed before."""
    appealed = {suspension for one in state.appeals for suspension in one.filed.suspensions}
    ordered = {one.suspension_id for one in state.authority.suspensions if one.cause in ORDERED}
    return bool(ordered) and ordered <= appealed


def _list_marks_of_registration(state: RegistrationState) -> Iterable[str]:
    if state.stage in (Stage.REQUESTED, Stage.AWAITING_PROFILE) and find_next_refusal(state) is None:
        yield "a profile saved"
    if state.stage in (Stage.REQUESTED, Stage.AWAITING_PROFILE, Stage.IN_TRAINING) and state.enrollments:
        yield "enrolled at a vendor" if state.enrollments[-1].channel != MLMS else "enrolled"
    if state.stage is Stage.AWAITING_AGREEMENTS:
        if sum(one.accepted_at is None for one in state.agreements) == 1:
            yield "all but one accepted"
        if any(one.opened_at and not one.accepted_at for one in state.agreements):
            yield "an agreement opened"


def _may_arrive(arrival: Arrival, place: Place) -> bool:
    """What is ours happens during its own wait alone."""
    return arrival.during is None or arrival.during == (place.stage, place.waiting_for)


def list_suspensions(journey_places: Mapping[Place, Standing], detours: Iterable[tuple[Fact, ...]]) -> list[Detour]:
    """What may lie over each place at which somebody has the authority to assist."""
    overlays = list(detours)
    return [
        Detour(standing.steps, overlay)
        for standing in journey_places.values()
        if standing.state.has_authority and not standing.state.ended
        for overlay in overlays
    ]
