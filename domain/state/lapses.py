"""A certification that lapsed: its training deadline is over, and it goes on once the training is complete (E14)."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.shared.cases.authority import Position
from domain.shared.cases.facts import Fact, FactData, FactKind, FactLog
from domain.shared.cases.stages import ENDED, Stage

# Each counts: rules that are moved may take a lapse back, and there may be another one.
LAPSE_FACTS = frozenset({FactKind.TRAINING_LAPSED, FactKind.TRAINING_REACTIVATED})


class ReactivationCause(StrEnum):
    """Why a certification goes on that had lapsed: course and exam are complete, or it goes by other rules now."""

    COMPLETED = "completed"
    RULES = "rules"


class TrainingLapsedData(FactData):
    """The deadline that is over, and until when completing the training reactivates; both are last days."""

    number: int
    last_day: date
    reactivate_until: date


class TrainingReactivatedData(FactData):
    """Why the lapse of this number is over."""

    number: int
    why: ReactivationCause


class Lapse(BaseModel):
    """The last lapse of a certification, counted from 1; ``reactivated_at`` is when it was recorded as over."""

    model_config = ConfigDict(frozen=True)

    number: int
    since: datetime
    last_day: date
    reactivate_until: date
    is_open: bool
    reactivated_at: datetime | None = None


def fold_lapse(log: FactLog, *, is_complete: bool) -> Lapse | None:
    """The last lapse; training that is complete ends it, whether that is recorded yet or not."""
    lapsed = [(fact.at, fact.read_as(TrainingLapsedData)) for fact in log.find_all(FactKind.TRAINING_LAPSED)]
    if not lapsed:
        return None
    since, data = max(lapsed, key=lambda one: one[1].number)
    over = {
        fact.read_as(TrainingReactivatedData).number: fact.at for fact in log.find_all(FactKind.TRAINING_REACTIVATED)
    }
    reactivated_at = over.get(data.number)
    is_open = reactivated_at is None and not is_complete
    return Lapse(**data.model_dump(), since=since, is_open=is_open, reactivated_at=reactivated_at)


def lay_lapse_over(position: Position, lapse: Lapse | None) -> Position:
    """Where a certification is said to be: lapsed while its lapse is open; what it waits for stays the journey's."""
    if lapse is None or not lapse.is_open or position.stage in ENDED:
        return position
    return position.model_copy(update={"stage": Stage.LAPSED})


def build_lapse_fact(case_id: str, former: Lapse | None, last_day: date, reactivate_until: date, at: datetime) -> Fact:
    """The fact that a deadline is over; ``former`` is the lapse before, where there was one."""
    number = former.number + 1 if former else 1
    data = TrainingLapsedData(number=number, last_day=last_day, reactivate_until=reactivate_until)
    kind = FactKind.TRAINING_LAPSED
    return Fact(id=f"{case_id}:{kind}:{number}", kind=kind, at=at, data=data.to_json())


def build_reactivation_fact(case_id: str, lapse: Lapse, why: ReactivationCause, at: datetime) -> Fact:
    """The fact that a lapse is over."""
    kind = FactKind.TRAINING_REACTIVATED
    data = TrainingReactivatedData(number=lapse.number, why=why)
    return Fact(id=f"{case_id}:{kind}:{lapse.number}", kind=kind, at=at, data=data.to_json())


def list_completion_facts(case_id: str, lapse: Lapse | None, at: datetime) -> list[Fact]:
    """What follows from training that is complete by now: the lapse is over."""
    if lapse is None or lapse.is_open or lapse.reactivated_at is not None:
        return []
    return [build_reactivation_fact(case_id, lapse, ReactivationCause.COMPLETED, at)]
