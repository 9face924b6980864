"""What may arrive in either program: commands about endings and the authority, licences that lapse, appeals."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any

from domain.programs.commands import build_facts, find_refusal
from domain.programs.stage_table.table import BEGAN, Arrival, Standing
from domain.shared.cases.appeals import (
    AppealDecidedData,
    AppealedDecision,
    AppealEscalatedData,
    AppealFiledData,
    AppealOutcome,
    AppealWithdrawnData,
    FilingMethod,
    build_appeal_fact,
    find_appealed_end,
    find_filing_refusal,
    has_been_appealed,
    list_set_aside,
)
from domain.shared.cases.authority import (
    AuthorityRestoredData,
    AuthoritySuspendedData,
    RebuttalFiledData,
    SuspensionCause,
    SuspensionKind,
    TerminationNoticedData,
)
from domain.shared.cases.authority_commands import (
    AuthorityCommand,
    build_authority_facts,
    build_restoration,
    find_rebuttal_refusal,
)
from domain.shared.cases.authors import ProofMethod
from domain.shared.cases.commands import (
    CommandData,
    CommandOrigin,
    CorrectName,
    EndingData,
    GiveNotice,
    Lift,
    MoveRules,
    ResendNotice,
    Revoke,
    Suspend,
    Terminate,
    Withdraw,
)
from domain.shared.cases.facts import Fact, FactData, FactKind, FactLog
from domain.shared.cases.notices import Notice
from domain.shared.cases.objections import list_appealable_suspensions
from domain.shared.cases.reasons import Coded, Reason
from domain.shared.cases.stages import Stage
from domain.shared.policy import SuspensionRules
from domain.state.certification import CertificationState
from domain.state.commands import build_approval_on_appeal, find_reversal_refusal

CASE = "00000000-0000-4000-8000-000000000000"
DAY = date(2026, 1, 7)
STAFF, REVIEWER = "staff:sample", "staff:another"
_LICENSE = SuspensionCause.LICENSE_LAPSED


def make_fact(kind: FactKind, at: datetime, data: FactData | None = None, about: str = "") -> Fact:
    """A fact of this kind; ``about`` tells it from others of the kind."""
    fact_id = f"{kind}:{about or at.isoformat()}"
    return Fact(id=fact_id, kind=kind, at=at, data=data.to_json() if data else {})


def make_command_arrival(command: CommandData, sender: str, variant: str = "", **changes: Any) -> Arrival:
    """A command as it may arrive: refused and carried out by the rules of its case's program."""

    def build(standing: Standing, at: datetime) -> list[Fact]:
        origin = CommandOrigin(f"{command.kind}:{variant}:{at}", CASE, STAFF, "a sample reason", at)
        if isinstance(command, AuthorityCommand) and not isinstance(command, Terminate):
            return build_authority_facts(command, origin, standing.state.authority, SuspensionRules(), DAY, "en")
        return build_facts(command, origin, standing.state, "en")

    given = {"build_facts": build, "find_refusal": lambda standing: find_refusal(command, standing.state), **changes}
    return Arrival(command.kind, sender, variant=variant, **given)


def list_commands(notices: Iterable[Notice]) -> list[Arrival]:
    """The commands of either program, and its notices that staff may have sent again."""
    return [
        make_command_arrival(Withdraw(), "assister, staff"),
        make_command_arrival(Revoke(), "staff"),
        *(make_command_arrival(Suspend(suspension=kind), "staff", kind.value) for kind in SuspensionKind),
        make_command_arrival(Lift(), "staff", "every suspension ordered"),
        make_command_arrival(Lift(termination=True), "staff", "notice of a termination"),
        make_command_arrival(GiveNotice(), "staff"),
        make_command_arrival(Terminate(), "staff", "at once"),
        make_command_arrival(MoveRules(rules_hash="1", former_hash="0"), "staff"),
        make_command_arrival(
            CorrectName(first_name="A", last_name="B", method=ProofMethod.PAPER, document="a card"), "staff"
        ),
        *(make_command_arrival(ResendNotice(notice=one), "staff", one.value) for one in notices),
    ]


def list_clocks() -> list[Arrival]:
    """What nobody commands: licences that lapse and come back, and days that are over."""

    def suspend(standing: Standing, at: datetime) -> list[Fact]:
        return [make_suspension(_LICENSE, at)]

    def restore(standing: Standing, at: datetime) -> list[Fact]:
        named = AuthorityRestoredData(suspension_id=_LICENSE, cause=_LICENSE, by="system")
        return [make_fact(FactKind.AUTHORITY_RESTORED, at, named)]

    def is_licensed(standing: Standing) -> Coded | None:
        """As the watch over licences has it: it writes nothing where these hold."""
        state = standing.state
        if state.ended:
            return Reason("case_ended", {"stage": state.stage.value})
        if _LICENSE in state.authority.causes:
            return Reason("suspended_before")
        return None if state.has_authority else Reason("no_authority")

    def is_lapsed(standing: Standing) -> Coded | None:
        if standing.state.ended:
            return Reason("case_ended", {"stage": standing.state.stage.value})
        return None if _LICENSE in standing.state.authority.causes else Reason("not_suspended")

    def close(standing: Standing, at: datetime) -> list[Fact]:
        return [make_fact(FactKind.CLOSED, at)]

    def is_open(standing: Standing) -> Coded | None:
        state = standing.state
        return Reason("case_ended", {"stage": state.stage.value}) if state.ended else None

    watch, clock = "the watch over licenses", "the window's last day"
    return [
        Arrival(FactKind.AUTHORITY_SUSPENDED, watch, suspend, "license_lapsed", is_licensed),
        Arrival(FactKind.AUTHORITY_RESTORED, watch, restore, "license_lapsed", is_lapsed),
        Arrival(FactKind.CLOSED, clock, close, find_refusal=is_open),
    ]


def list_objections() -> list[Arrival]:
    """What is said against a suspension; an appeal that is filed within its days, decided, passed on, or taken back."""
    filed, decided = FactKind.APPEAL_FILED, FactKind.APPEAL_DECIDED
    return [
        Arrival(FactKind.REBUTTAL_FILED, "assister, staff", _rebut, find_refusal=_refuse_rebuttal),
        Arrival(filed, "assister, staff", _build_filing, "in time", _refuse_filing(DAY)),
        Arrival(filed, "assister, staff", _build_filing, "late", _refuse_filing(date(2025, 1, 1))),
        *(
            Arrival(decided, "appeals reviewer", _decide(outcome), outcome.value, _refuse_decision(outcome))
            for outcome in AppealOutcome
        ),
        Arrival(FactKind.APPEAL_ESCALATED, "the appeal's clock", _escalate, find_refusal=_refuse_without_appeal),
        Arrival(FactKind.APPEAL_WITHDRAWN, "assister, staff", _withdraw, find_refusal=_refuse_without_appeal),
    ]


def _refuse_rebuttal(standing: Standing) -> Coded | None:
    return find_rebuttal_refusal(standing.state.authority)


def _rebut(standing: Standing, at: datetime) -> list[Fact]:
    data = RebuttalFiledData(by="assister", text="sample words", answer_by=DAY)
    return [make_fact(FactKind.REBUTTAL_FILED, at, data)]


def _refuse_filing(last_day: date) -> Callable[[Standing], Coded | None]:
    def refuse(standing: Standing) -> Coded | None:
        log, found = FactLog(standing.facts), _list_appealed(standing)
        return find_filing_refusal(log, found[0] if found else None, last_day, DAY)

    return refuse


def _list_appealed(standing: Standing) -> list[AppealedDecision]:
    """What an appeal would be against: the end, or what staff have ordered suspended, what wasn't appealed first."""
    log = FactLog(standing.facts)
    end = find_appealed_end(log)
    found = [end] if end else list_appealable_suspensions(log, standing.state.authority)
    return [one for one in found if not has_been_appealed(log, one)] or found


def _refuse_without_appeal(standing: Standing) -> Coded | None:
    return None if standing.state.open_appeal else Reason("no_open_appeal")


def _refuse_decision(outcome: AppealOutcome) -> Callable[[Standing], Coded | None]:
    def refuse(standing: Standing) -> Coded | None:
        if _is_denial_reversed(standing, outcome):
            assert isinstance(standing.state, CertificationState), "registrations aren't denied"
            return find_reversal_refusal(standing.state, "a sample reason")
        return _refuse_without_appeal(standing)

    return refuse


def _is_denial_reversed(standing: Standing, outcome: AppealOutcome) -> bool:
    appeal = standing.state.open_appeal
    is_of_denial = appeal is not None and appeal.filed.appealed is Stage.DENIED
    return is_of_denial and outcome is AppealOutcome.REVERSED


def _build_filing(standing: Standing, at: datetime) -> list[Fact]:
    found = _list_appealed(standing)
    suspensions = tuple(one.suspension_id for one in found if one.suspension_id)
    return [make_filing(found[0].stage, found[0].fact, at, suspensions, len(standing.state.appeals) + 1)]


def make_filing(
    appealed: Stage, decision: str, at: datetime, suspensions: tuple[str, ...] = (), number: int = 1
) -> Fact:
    """An appeal against what ended a case, by the fact of this id, or what suspends it: the agreement's waits then."""
    data = AppealFiledData(
        number=number,
        appealed=appealed,
        decision=decision,
        notice_on=DAY,
        last_day=DAY,
        received_on=DAY,
        due_on=DAY,
        method=FilingMethod.OWN_PAGE,
        by="assister",
        grounds="sample grounds",
        suspensions=suspensions,
        stayed=tuple(one for one in suspensions if one == SuspensionCause.SUSPENDED_BY_STAFF),
    )
    return build_appeal_fact(CASE, FactKind.APPEAL_FILED, data, at, str(number))


def make_withdrawal_of_appeal(at: datetime, number: int = 1) -> Fact:
    """The appellant doesn't go on with it."""
    data = AppealWithdrawnData(number=number, by="assister", reason="a sample reason")
    return build_appeal_fact(CASE, FactKind.APPEAL_WITHDRAWN, data, at, str(number))


def _withdraw(standing: Standing, at: datetime) -> list[Fact]:
    return [make_withdrawal_of_appeal(at, _find_number(standing))]


def _escalate(standing: Standing, at: datetime) -> list[Fact]:
    number = _find_number(standing)
    data = AppealEscalatedData(number=number, phase=2, due_on=DAY)
    return [build_appeal_fact(CASE, FactKind.APPEAL_ESCALATED, data, at, f"{number}.2")]


def _find_number(standing: Standing) -> int:
    assert standing.state.open_appeal is not None, "else it is refused"
    return standing.state.open_appeal.number


def _decide(outcome: AppealOutcome) -> Callable[[Standing, datetime], list[Fact]]:
    """A final decision; a denial that is reversed is an approval besides, and suspensions are lifted."""

    def build(standing: Standing, at: datetime) -> list[Fact]:
        appeal = standing.state.open_appeal
        assert appeal is not None, "else it is refused"
        is_upheld, suspensions = outcome is AppealOutcome.UPHELD, appeal.filed.suspensions
        stays = is_upheld or bool(suspensions)
        data = AppealDecidedData(
            number=appeal.number,
            phase=1,
            outcome=outcome,
            by=REVIEWER,
            reason="a sample reason",
            effective_on=DAY,
            final=True,
            sets_aside=() if stays else list_set_aside(FactLog(standing.facts), appeal.filed.decision),
        )
        facts = [build_appeal_fact(CASE, FactKind.APPEAL_DECIDED, data, at, f"{appeal.number}.1")]
        if _is_denial_reversed(standing, outcome):
            assert isinstance(standing.state, CertificationState), "registrations aren't denied"
            origin = CommandOrigin("appeal", CASE, REVIEWER, "a sample reason", at)
            facts += build_approval_on_appeal(origin, standing.state, "en")
        if not is_upheld:
            origin = CommandOrigin("appeal", CASE, REVIEWER, "a sample reason", at)
            lifted = (one for one in standing.state.authority.suspensions if one.suspension_id in suspensions)
            facts += [build_restoration(one, origin) for one in lifted]
        return facts

    return build


def make_suspension(cause: SuspensionCause, at: datetime) -> Fact:
    """An open suspension by this cause."""
    data = AuthoritySuspendedData(
        suspension_id=cause, cause=cause, reason="a sample reason", decided_by=STAFF, notice_date=DAY
    )
    return make_fact(FactKind.AUTHORITY_SUSPENDED, at, data, cause)


def make_ending(kind: FactKind, at: datetime) -> Fact:
    """The end of a case, by staff or by its assister."""
    return make_fact(kind, at, EndingData(by=STAFF, reason="a sample reason"))


def list_overlays(at: datetime = BEGAN) -> list[tuple[Fact, ...]]:
    """Every set of causes that may suspend an authority at once, with and without notice of a termination."""
    noticed = TerminationNoticedData(by=STAFF, notice_date=DAY, last_day=DAY)
    notice = make_fact(FactKind.TERMINATION_NOTICED, at, noticed)
    sets = [causes for size in range(len(SuspensionCause) + 1) for causes in combinations(SuspensionCause, size)]
    suspended = [tuple(make_suspension(cause, at) for cause in causes) for causes in sets]
    plain = [*suspended, *_list_appealed_overlays(at)]
    return [*plain, *((*facts, notice) for facts in plain)]


def _list_appealed_overlays(at: datetime) -> list[tuple[Fact, ...]]:
    """The first of what suspends is appealed, that is open or was taken back; beside it one other cause at most."""
    staff, system = SuspensionCause.SUSPENDED_BY_STAFF, SuspensionCause.SYSTEM_SUSPENSION
    sets = [(staff,), (staff, _LICENSE), (staff, system), (system,), (system, _LICENSE), (system, staff)]
    found: list[tuple[Fact, ...]] = []
    for causes in sets:
        facts = tuple(make_suspension(cause, at) for cause in causes)
        filed = make_filing(Stage.SUSPENDED, facts[0].id, at, (causes[0],))
        found += [(*facts, filed), (*facts, filed, make_withdrawal_of_appeal(at + timedelta(hours=1)))]
    return found
