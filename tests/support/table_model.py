"""A small model of a case that knows nothing but the table of stages, to be held beside the real one."""

from dataclasses import dataclass, field

from domain.programs.stage_table.table import Entry, Journey, Place, Reception
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.stages import Stage


@dataclass
class TableModel:
    """Where a case stands by the table alone, and which reports it has heard that may still count."""

    journey: Journey
    place: Place
    heard: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, journey: Journey) -> "TableModel":
        """A case that was requested just now, and has come as far as it comes by itself."""
        (first,) = [place for place in journey.standings if place.stage is Stage.REQUESTED]
        model = cls(journey, first)
        model._settle()
        return model

    @property
    def may_assist(self) -> bool:
        """Whether its holder may assist: every step is done, and nothing suspends that."""
        return self.place.stage is Stage.ACTIVE and not self.place.suspended_by

    def receive(self, name: str) -> str | None:
        """Has this arrive; the code of why it is refused, else None."""
        entry = self._look_up(name)
        if entry.reason is not None:
            return entry.reason.code
        if self._is_report(name):
            self._remember(name)
        self.place = entry.leads_to
        self._settle()
        return None

    def list_next(self) -> list[str]:
        """What would take the case further now, without an end of it."""
        entries = {one.name: self.journey.find_entry(self.place, one.name) for one in self.journey.arrivals}
        return [name for name, entry in entries.items() if entry and self._goes_on(entry)]

    def _goes_on(self, entry: Entry) -> bool:
        further = self.journey.standings[entry.leads_to].steps > self.journey.standings[self.place].steps
        return entry.reception is Reception.TAKEN and further and entry.leads_to.waiting_for is not None

    def _settle(self) -> None:
        """Does what is ours at each place, and lets what was heard earlier count where it is taken."""
        while names := [name for name in self._list_pending() if self._moves(name)]:
            self.place = self._look_up(names[0]).leads_to

    def _list_pending(self) -> list[str]:
        return [*(one.name for one in self.journey.arrivals if one.sender == "us"), *self.heard]

    def _moves(self, name: str) -> bool:
        entry = self.journey.find_entry(self.place, name)
        return entry is not None and entry.reception is Reception.TAKEN and entry.leads_to != self.place

    def _look_up(self, name: str) -> Entry:
        entry = self.journey.find_entry(self.place, name)
        assert entry is not None, f"{name} can't arrive at {self.place}"
        return entry

    def _is_report(self, name: str) -> bool:
        (arrival,) = (one for one in self.journey.arrivals if one.name == name)
        return not isinstance(arrival.kind, CommandKind) and not arrival.kind.value.startswith("authority_")

    def _remember(self, name: str) -> None:
        """Of the check the last report counts; any other one counts once and for all."""
        if name.startswith("background_"):
            self.heard = [one for one in self.heard if not one.startswith("background_")]
        self.heard.append(name)
