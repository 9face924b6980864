"""What a training deadline makes of a certification, where the rules have one (E14)."""

from collections.abc import Iterable
from datetime import datetime

from domain.programs.stage_table.shared_rows import CASE, DAY
from domain.programs.stage_table.table import Arrival, Detour, Standing
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Coded
from domain.state.certification import CertificationState
from domain.state.lapses import ReactivationCause, build_lapse_fact, build_reactivation_fact
from domain.state.training_deadline import find_lapse_refusal, find_reactivation_refusal


def list_deadline_arrivals() -> list[Arrival]:
    """Days that are over, and rules by which they aren't; that the training is complete is reported by the LMS."""
    return [
        Arrival(FactKind.TRAINING_LAPSED, "the training deadline", _lapse, find_refusal=_refuse_lapse),
        Arrival(FactKind.TRAINING_REACTIVATED, "us, by other rules", _reactivate, find_refusal=_refuse_reactivation),
    ]


def list_lapsed(standings: Iterable[Standing], at: datetime) -> list[Detour]:
    """A lapse at each place where somebody may lapse."""
    return [
        Detour(standing.steps, tuple(_lapse(standing, at)))
        for standing in standings
        if find_lapse_refusal(_read_state(standing)) is None
    ]


def _lapse(standing: Standing, at: datetime) -> list[Fact]:
    return [build_lapse_fact(CASE, _read_state(standing).lapse, DAY, DAY, at)]


def _reactivate(standing: Standing, at: datetime) -> list[Fact]:
    lapse = _read_state(standing).lapse
    assert lapse is not None, "else it is refused"
    return [build_reactivation_fact(CASE, lapse, ReactivationCause.RULES, at)]


def _refuse_lapse(standing: Standing) -> Coded | None:
    return find_lapse_refusal(_read_state(standing))


def _refuse_reactivation(standing: Standing) -> Coded | None:
    return find_reactivation_refusal(_read_state(standing))


def _read_state(standing: Standing) -> CertificationState:
    assert isinstance(standing.state, CertificationState), "a case of the state program"
    return standing.state
