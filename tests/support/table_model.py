"""A small model of a case that knows nothing but the table of stages, to be held beside the real one."""

from dataclasses import dataclass, field, replace

from domain.programs.stage_table.table import TERMINATION_NOTICED, Entry, Journey, Place, Reception
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import ENDED, Stage, WaitingFor

# What the lists and the registry come to is not done at once.
NOT_BY_ITSELF = (
    *(FactKind.LISTED, FactKind.LIST_LATE, FactKind.HELP_DESK_TOLD),
    *(FactKind.NPN_VERIFIED, FactKind.NPN_REFUSED),
)


@dataclass
class TableModel:
    """Where a case stands by the table alone, and which reports it has heard that may still count."""

    journey: Journey
    place: Place
    heard: list[str] = field(default_factory=list)
    before_end: Place | None = None
    is_reopened: bool = False

    @classmethod
    def begin(cls, journey: Journey, opened_with: int = 1) -> "TableModel":
        """A case that was opened just now, with so many facts, and has come as far as it comes by itself."""
        first = next((place for place, one in journey.standings.items() if len(one.facts) == opened_with), None)
        assert first is not None, f"no place of {journey.holder} is reached by {opened_with} facts"
        model = cls(journey, first)
        model._settle()
        return model

    @property
    def may_assist(self) -> bool:
        """Whether its holder may assist: every step of theirs is done, and nothing suspends that."""
        is_done = self.place.stage is Stage.ACTIVE or self.place.waiting_for is WaitingFor.PUBLICATION
        return is_done and not self.place.suspended_by

    def receive(self, name: str) -> str | None:
        """Has this arrive; the code of why it is refused, else None."""
        entry = self._look_up(name)
        if entry.reason is not None:
            return entry.reason.code
        if self._is_report(name):
            self._remember(name)
        after = self._find_next_place(name, entry)
        if after.stage in ENDED and self.place.stage not in ENDED:
            self.before_end = self.place
        self.is_reopened = self.is_reopened or (self.place.stage in ENDED and after.stage not in ENDED)
        self.place = after
        self._settle()
        return None

    def may_try(self, name: str) -> bool:
        """Whether the table can tell what becomes of this: the places of second appeals and ends aren't in it."""
        entry = self._look_up(name)
        if entry.reason is not None:
            return True
        next_place = self._find_next_place(name, entry)
        return next_place in self.journey.standings and not (self.is_reopened and next_place.stage in ENDED)

    def _find_next_place(self, name: str, entry: Entry) -> Place:
        """Where the case stands then: one that an appeal opens again stands where it had stood.

        A denial that is reversed is an approval instead; so is one of a check that didn't pass, as an override has it.
        """
        if self.place.stage not in ENDED or entry.leads_to.stage in ENDED:
            return entry.leads_to
        before = self.before_end
        assert before is not None, "a case ends first"
        if before.stage is Stage.AWAITING_DECISION and name.endswith("(reversed)"):
            return entry.leads_to
        return replace(before, marks=tuple(mark for mark in before.marks if mark != TERMINATION_NOTICED))

    def list_next(self) -> list[str]:
        """What would take the case further now, without an end of it."""
        entries = {one.name: self.journey.find_entry(self.place, one.name) for one in self.journey.arrivals}
        return [name for name, entry in entries.items() if entry and self._goes_on(entry)]

    def _goes_on(self, entry: Entry) -> bool:
        after, here = (self.journey.standings.get(place) for place in (entry.leads_to, self.place))
        further = after is not None and here is not None and after.steps > here.steps
        return entry.reception is Reception.TAKEN and further and entry.leads_to.waiting_for is not None

    def _settle(self) -> None:
        """Does what is ours at each place, and lets what was heard earlier count where it is taken."""
        while names := [name for name in self._list_pending() if self._moves(name)]:
            self.place = self._look_up(names[0]).leads_to

    def _list_pending(self) -> list[str]:
        own = (one for one in self.journey.arrivals if one.sender == "us" and one.kind not in NOT_BY_ITSELF)
        return [*(one.name for one in own), *self.heard]

    def _moves(self, name: str) -> bool:
        entry = self.journey.find_entry(self.place, name)
        return entry is not None and entry.reception is Reception.TAKEN and entry.leads_to != self.place

    def _look_up(self, name: str) -> Entry:
        entry = self.journey.find_entry(self.place, name)
        assert entry is not None, f"{name} can't arrive at {self.place}"
        return entry

    def _is_report(self, name: str) -> bool:
        """Whether it may count later: who proves or reports something early isn't asked again, as for a step is."""
        (arrival,) = (one for one in self.journey.arrivals if one.name == name)
        if isinstance(arrival.kind, CommandKind) or arrival.kind.value.startswith(("authority_", "appeal_")):
            return False
        return arrival.kind is FactKind.NPN_PROVEN or not arrival.sender.startswith("assister")

    def _remember(self, name: str) -> None:
        """Of the check the last report counts; any other one counts once and for all."""
        if name.startswith("background_"):
            self.heard = [one for one in self.heard if not one.startswith("background_")]
        self.heard.append(name)
