"""What goes before a denial by a background report: its commands, its days, and the places at which it stands (E8)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.programs.stage_table.shared_rows import CASE, DAY, STAFF, make_command_arrival, make_fact
from domain.programs.stage_table.table import BEGAN, Arrival, Detour, Standing
from domain.shared.cases.authors import OnBehalf, WordMethod
from domain.shared.cases.commands import CommandOrigin
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Coded, Reason
from domain.shared.cases.stages import Stage, WaitingFor
from domain.state.adverse_actions import (
    VENDOR,
    AdverseAction,
    AdverseActionBegunData,
    AdverseActionClockData,
    AdverseActionData,
    AdverseActionDisputedData,
    AdverseActionDisputeEndedData,
    AdverseActionEndedData,
    AdverseActionWaitedData,
    AdverseOutcome,
    AdverseStatus,
    find_dispute_end_refusal,
    find_dispute_refusal,
)
from domain.state.certification import CertificationState
from domain.state.commands import (
    AdverseCommand,
    BeginAdverseAction,
    DisputeCheck,
    EndDispute,
    build_adverse_facts,
)

_DISPUTED = AdverseActionDisputedData(number=1, by=VENDOR, disputed_on=DAY)
_DISPUTE_ENDED = AdverseActionDisputeEndedData(number=1, by=VENDOR)
_DAYS = AdverseActionClockData(number=1, counted_from=DAY, last_day=DAY)
# Its facts in their order: after each it stands elsewhere.
_STEPS: tuple[tuple[FactKind, AdverseActionData], ...] = (
    (FactKind.ADVERSE_ACTION_BEGUN, AdverseActionBegunData(number=1, by=STAFF, reason="a sample reason")),
    (FactKind.ADVERSE_ACTION_NOTICED, _DAYS),
    (FactKind.ADVERSE_ACTION_DISPUTED, _DISPUTED),
    (FactKind.ADVERSE_ACTION_DISPUTE_ENDED, _DISPUTE_ENDED),
    (FactKind.ADVERSE_ACTION_RESUMED, _DAYS),
    (FactKind.ADVERSE_ACTION_WAITED, AdverseActionWaitedData(number=1, clock=1)),
)


def list_adverse_detours(steps: int, considered: Fact) -> list[Detour]:
    """The places beside the way at which a notice was given, after so many steps and a report to consider."""
    made = [
        make_fact(kind, considered.at + timedelta(minutes=number), data)
        for number, (kind, data) in enumerate(_STEPS, 1)
    ]
    return [Detour(steps, (considered, *made[:count])) for count in range(1, len(made) + 1)]


def list_adverse_arrivals() -> list[Arrival]:
    """What people, the vendor and its days make of it."""
    word = OnBehalf(method=WordMethod.PAPER, reason="a sample reason")
    return [
        _make_command(BeginAdverseAction(), "staff"),
        _make_command(DisputeCheck(on_behalf=word), "assister, staff"),
        _make_command(EndDispute(), "staff"),
        Arrival(
            FactKind.ADVERSE_ACTION_DISPUTED,
            VENDOR,
            _build(FactKind.ADVERSE_ACTION_DISPUTED, _DISPUTED),
            find_refusal=lambda standing: find_dispute_refusal(_read_action(standing)),
        ),
        Arrival(
            FactKind.ADVERSE_ACTION_DISPUTE_ENDED,
            VENDOR,
            _build(FactKind.ADVERSE_ACTION_DISPUTE_ENDED, _DISPUTE_ENDED),
            find_refusal=lambda standing: find_dispute_end_refusal(_read_action(standing)),
        ),
        _make_own_step(FactKind.ADVERSE_ACTION_NOTICED, _DAYS, AdverseStatus.NOTICING),
        _make_own_step(FactKind.ADVERSE_ACTION_RESUMED, _DAYS, AdverseStatus.RESUMING),
        _make_own_step(
            FactKind.ADVERSE_ACTION_WAITED, AdverseActionWaitedData(number=1, clock=0), AdverseStatus.WAITING
        ),
        _make_own_step(
            FactKind.ADVERSE_ACTION_ENDED, AdverseActionEndedData(number=1, outcome=AdverseOutcome.CANCELED), None
        ),
    ]


def _make_command(command: AdverseCommand, sender: str) -> Arrival:
    def build(standing: Standing, at: datetime) -> list[Fact]:
        state = standing.state
        assert isinstance(state, CertificationState), "a case of the state program"
        origin = CommandOrigin(f"{command.kind}:{at}", CASE, STAFF, "a sample reason", at)
        return build_adverse_facts(command, origin, state, DAY, "en")

    return make_command_arrival(command, sender, build_facts=build)


def _make_own_step(kind: FactKind, data: AdverseActionData, status: AdverseStatus | None) -> Arrival:
    """What we do ourselves while it stands so; in any open one without a status."""

    def refuse(standing: Standing) -> Coded | None:
        action = _read_action(standing)
        is_due = action is not None and action.is_open and status in (None, action.status)
        return None if is_due else Reason("no_adverse_action")

    here = Stage.AWAITING_DECISION, WaitingFor.DECISION
    return Arrival(kind, "us", _build(kind, data), find_refusal=refuse, during=here)


def _build(kind: FactKind, data: AdverseActionData) -> Callable[[Standing, datetime], list[Fact]]:
    return lambda standing, at: [make_fact(kind, max(at, BEGAN), data, about=f"{at}")]


def _read_action(standing: Standing) -> AdverseAction | None:
    return standing.state.adverse_action if isinstance(standing.state, CertificationState) else None
