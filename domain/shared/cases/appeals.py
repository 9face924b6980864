"""Appeals against what staff decided: until when, in which phases, decided by whom, and what each decision comes to.

What an appeal is follows from the case's facts, as everything else does; its rules are its policy's (E5–E7, C10).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from domain.shared.business_days import find_business_day
from domain.shared.cases.facts import Fact, FactData, FactKind, FactLog, GivenReason
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDINGS, Stage
from domain.shared.policy import AppealRules, DayKind


class AppealOutcome(StrEnum):
    """What an appeal comes to: the decision stands, it is taken back, or the first reviewers decide again."""

    UPHELD = "upheld"
    REVERSED = "reversed"
    SENT_BACK = "sent_back"


# By which a case goes on that had ended.
REOPENING = (AppealOutcome.REVERSED, AppealOutcome.SENT_BACK)


class AppealState(StrEnum):
    """Where an appeal stands; overtaken: what it was against was over before it was decided."""

    OPEN = "open"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"


class FilingMethod(StrEnum):
    """How an appeal came: from one's own page, or to staff, who file it on behalf."""

    OWN_PAGE = "own_page"
    LETTER = "letter"
    EMAIL = "email"
    PHONE = "phone"
    IN_PERSON = "in_person"


STAFF_METHODS = tuple(one for one in FilingMethod if one is not FilingMethod.OWN_PAGE)

# The facts that appeals consist of; every one of them counts.
APPEAL_FACTS = frozenset(
    {FactKind.APPEAL_FILED, FactKind.APPEAL_ESCALATED, FactKind.APPEAL_DECIDED, FactKind.APPEAL_WITHDRAWN}
)
# What ends a case by somebody's decision, besides a denial.
_ENDED_BY_DECISION: Mapping[FactKind, Stage] = {
    FactKind.REVOKED: Stage.REVOKED,
    FactKind.TERMINATED: Stage.TERMINATED,
}
# Whose name is in them decided something; who began an adverse action has chosen to deny.
_DECISIONS = (
    FactKind.DECIDED,
    FactKind.ADVERSE_ACTION_BEGUN,
    FactKind.APPEAL_DECIDED,
    FactKind.AUTHORITY_SUSPENDED,
    FactKind.TERMINATION_NOTICED,
    *_ENDED_BY_DECISION,
)


class AppealFiledData(FactData):
    """An appeal: against which fact, and what both sides are told of it.

    ``appealed`` is the stage that the case had ended in, or suspended; ``decision`` is the id of the fact that is
    appealed, and ``decided_by`` whoever decided before. Dates are the program's; ``due_on`` is the last day of the
    first answer. ``suspensions`` are the ids of those that it is against, of which ``stayed`` don't count meanwhile.
    """

    number: int
    appealed: Stage
    decision: str
    decided_by: tuple[str, ...] = ()
    notice_on: date
    last_day: date
    received_on: date
    due_on: date
    method: FilingMethod
    by: str
    grounds: str
    reason: str = ""
    suspensions: tuple[str, ...] = ()
    stayed: tuple[str, ...] = ()


class AppealEscalatedData(FactData):
    """An appeal goes on to its next phase by itself: upheld in the one before, or not answered there in time."""

    number: int
    phase: int
    due_on: date
    overdue: bool = False


class AppealDecidedData(GivenReason, FactData):
    """What was decided in a phase; ``sets_aside`` are the facts that don't count any more by it.

    ``resumed`` are suspensions that count again and their new last days.
    """

    number: int
    phase: int
    outcome: AppealOutcome
    by: str
    reason: str
    effective_on: date
    final: bool
    sets_aside: tuple[str, ...] = ()
    resumed: tuple[tuple[str, date], ...] = ()


class AppealWithdrawnData(FactData):
    """The appellant doesn't go on; what was appealed stands. ``resumed`` is as in `AppealDecidedData`."""

    number: int
    by: str
    reason: str
    resumed: tuple[tuple[str, date], ...] = ()


Part = TypeVar("Part", AppealEscalatedData, AppealDecidedData, AppealWithdrawnData)


@dataclass(frozen=True)
class AppealedDecision:
    """What can be appealed: the end of a case that somebody decided, or a suspension that staff have ordered.

    ``stage`` is the one that the decision led to, ``fact`` the id of its fact. ``notice_on`` is the date of its notice,
    where it has one of its own; else the program's date at ``at``.
    """

    stage: Stage
    fact: str
    by: str
    at: datetime
    suspension_id: str | None = None
    notice_on: date | None = None


@dataclass(frozen=True)
class Appeal:
    """An appeal as its facts have it. ``phase`` counts from 1, ``closed_at`` is when it was over."""

    filed: AppealFiledData
    filed_at: datetime
    phase: int
    phase_began_at: datetime
    due_on: date
    state: AppealState
    decisions: tuple[tuple[AppealDecidedData, datetime], ...]
    escalations: tuple[tuple[AppealEscalatedData, datetime], ...]
    withdrawn: AppealWithdrawnData | None
    closed_at: datetime | None

    @property
    def number(self) -> int:
        """Which of the case's appeals it is, counted from 1."""
        return self.filed.number

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided."""
        return self.state is AppealState.OPEN

    @property
    def outcome(self) -> AppealOutcome | None:
        """What it came to in the end; None while it is open, and where it was withdrawn."""
        return next((one.outcome for one, _ in self.decisions if one.final), None)

    @property
    def deciders(self) -> frozenset[str]:
        """Everybody who has decided before: what is appealed, and this appeal's earlier phases."""
        return frozenset({*self.filed.decided_by, *(one.by for one, _ in self.decisions)})

    @property
    def resumed(self) -> tuple[tuple[str, date], ...]:
        """The suspensions that had been stayed and count again, with their new last days."""
        found = next((one.resumed for one, _ in self.decisions if one.final), ())
        return found or (self.withdrawn.resumed if self.withdrawn else ())

    @property
    def stay_changes(self) -> int:
        """How often it has changed whether suspensions count: once it was filed, and once it was over."""
        if not self.filed.stayed:
            return 0
        return 1 if self.state in (AppealState.OPEN, AppealState.OVERTAKEN) else 2


def fold_appeals(log: FactLog) -> tuple[Appeal, ...]:
    """The appeals of a case, the first one first."""
    filed = [(fact.read_as(AppealFiledData), fact.at) for fact in log.find_all(FactKind.APPEAL_FILED)]
    return tuple(_fold_appeal(log, data, at) for data, at in sorted(filed, key=lambda one: one[0].number))


def _fold_appeal(log: FactLog, filed: AppealFiledData, filed_at: datetime) -> Appeal:
    escalations = _read_parts(log, FactKind.APPEAL_ESCALATED, AppealEscalatedData, filed.number)
    decisions = _read_parts(log, FactKind.APPEAL_DECIDED, AppealDecidedData, filed.number)
    withdrawn = next(iter(_read_parts(log, FactKind.APPEAL_WITHDRAWN, AppealWithdrawnData, filed.number)), None)
    last = max(escalations, key=lambda one: one[0].phase, default=None)
    final_at = next((at for data, at in decisions if data.final), None)
    over_at = final_at or (withdrawn[1] if withdrawn else None)
    overtaken_at = _find_overtaking(log, filed) if over_at is None else None
    state = AppealState.DECIDED if final_at else AppealState.WITHDRAWN if withdrawn else AppealState.OPEN
    if overtaken_at:
        state = AppealState.OVERTAKEN
    return Appeal(
        filed=filed,
        filed_at=filed_at,
        phase=last[0].phase if last else 1,
        phase_began_at=last[1] if last else filed_at,
        due_on=last[0].due_on if last else filed.due_on,
        state=state,
        decisions=decisions,
        escalations=escalations,
        withdrawn=withdrawn[0] if withdrawn else None,
        closed_at=over_at or overtaken_at,
    )


def _find_overtaking(log: FactLog, filed: AppealFiledData) -> datetime | None:
    """When the last of the suspensions that an appeal is against was over, or the case with them."""
    if not filed.suspensions:
        return None
    ended = log.find_first(*ENDINGS)
    if ended is not None:
        return ended.at
    over = {str(fact.data.get("suspension_id")): fact.at for fact in log.find_all(FactKind.AUTHORITY_RESTORED)}
    return max(over[one] for one in filed.suspensions) if over.keys() >= set(filed.suspensions) else None


def _read_parts(log: FactLog, kind: FactKind, shape: type[Part], number: int) -> tuple[tuple[Part, datetime], ...]:
    """What facts of one kind say of an appeal, and when each happened."""
    parts = [(fact.read_as(shape), fact.at) for fact in log.find_all(kind)]
    return tuple((data, at) for data, at in parts if data.number == number)


def find_open_appeal(log: FactLog) -> Appeal | None:
    """The appeal that is still to be decided; there is one at most."""
    return next((one for one in reversed(fold_appeals(log)) if one.is_open), None)


def find_current_appeal(appeals: Sequence[Appeal]) -> Appeal | None:
    """The appeal that is to be decided, else the last one; None where there was none.

    The one to be decided may be an earlier one: the end that had overtaken it was taken back by an appeal of its own.
    """
    return next((one for one in appeals if one.is_open), appeals[-1] if appeals else None)


def find_appealed_end(log: FactLog) -> AppealedDecision | None:
    """What ended the case, where somebody decided it; None where nobody did, or it goes on."""
    ended = log.find_first(*_ENDED_BY_DECISION)
    if ended is not None:
        return AppealedDecision(_ENDED_BY_DECISION[ended.kind], ended.id, str(ended.data.get("by") or ""), ended.at)
    if log.has(FactKind.WITHDRAWN, FactKind.CLOSED):
        return None
    final = next((fact for fact in log.find_all(FactKind.DECIDED) if fact.data.get("verdict") != "ask"), None)
    if final is None or final.data.get("verdict") != "deny":
        return None
    return AppealedDecision(Stage.DENIED, final.id, str(final.data.get("by") or ""), final.at)


def list_deciders(log: FactLog) -> tuple[str, ...]:
    """Everybody who has decided something of the case so far, in the order of their names."""
    found = {str(fact.data.get("by") or fact.data.get("decided_by") or "") for fact in log.find_everything(*_DECISIONS)}
    return tuple(sorted(found - {""}))


def list_set_aside(log: FactLog, decision: str) -> tuple[str, ...]:
    """What goes with a decision that is set aside: of a termination the notice of it, or it would come about again."""
    return (decision, *(fact.id for fact in log.find_all(FactKind.TERMINATION_NOTICED)))


def count_reopenings(appeals: Iterable[Appeal]) -> int:
    """How often an appeal has opened the case again."""
    return sum(1 for one in appeals for decided, _ in one.decisions if decided.sets_aside)


def count_days(day: date, days: int, kind: DayKind, days_off: Container[date]) -> date:
    """The day that is so many after this one, by the calendar or by business days; 0 is the day itself."""
    if kind is DayKind.BUSINESS and days:
        return find_business_day(day, days, days_off)
    return day + timedelta(days=days)


def find_last_filing_day(rules: AppealRules, notice_on: date, days_off: Container[date]) -> date:
    """The last day of an appeal: counted from the day after which the notice is presumed to have been received."""
    received = notice_on + timedelta(days=rules.receipt_presumed_after)
    return count_days(received, rules.file_within, rules.days, days_off)


def find_answer_day(rules: AppealRules, phase: int, begins_on: date, days_off: Container[date]) -> date:
    """The last day of the answer in a phase, counted from 1, that began on this day."""
    return count_days(begins_on, rules.phases[phase - 1].answer_within, rules.days, days_off)


def has_been_appealed(log: FactLog, decision: AppealedDecision) -> bool:
    """Whether there was an appeal against a decision: there is one at most."""
    filed = [one.filed for one in fold_appeals(log)]
    return any(one.decision == decision.fact or decision.suspension_id in one.suspensions for one in filed)


def choose_appealed(
    log: FactLog, found: Sequence[AppealedDecision], last_days: Mapping[str, date], received_on: date
) -> tuple[AppealedDecision, ...]:
    """Those of what can be appealed that one appeal is against: all that it comes in time for, the earliest first.

    Nothing is among them of which notice was given after it came. Where there is none, it is the one that says why
    not. ``last_days`` are by the ids of the facts.
    """
    fresh = [one for one in found if not has_been_appealed(log, one)]
    known = [one for one in fresh if one.notice_on is None or one.notice_on <= received_on]
    in_time = [one for one in known if one.fact in last_days and received_on <= last_days[one.fact]]
    return tuple(in_time or fresh[-1:] or found[-1:])


def find_filing_refusal(
    log: FactLog, decision: AppealedDecision | None, last_day: date | None, received_on: date
) -> Reason | None:
    """Why no appeal can be filed now; None when one can. ``last_day`` is None where the policy has no appeal."""
    if find_open_appeal(log) is not None:
        return Reason("appeal_open")
    if decision is None:
        return Reason("nothing_to_appeal")
    if has_been_appealed(log, decision):
        return Reason("appealed_before")
    if last_day is None:
        return Reason("no_appeal_in_policy")
    if received_on > last_day:
        return Reason("appeal_late", {"last_day": last_day.isoformat()})
    return None


def find_decider_refusal(log: FactLog, appeal: Appeal, actor: str) -> Reason | None:
    """Why this person may not decide it: they decided before, or filed it for the appellant (E6)."""
    if has_decided(log, appeal, actor):
        return Reason("decided_before")
    return Reason("filed_on_behalf") if actor.casefold() == appeal.filed.by.casefold() else None


def has_decided(log: FactLog, appeal: Appeal, actor: str) -> bool:
    """Whether this person has decided something of the case, before the appeal or since (E6)."""
    return actor.casefold() in {one.casefold() for one in (*appeal.deciders, *list_deciders(log))}


def escalates(outcome: AppealOutcome, phase: int, rules: AppealRules) -> bool:
    """Whether an appeal goes on after this decision: upheld, and another phase is left."""
    return outcome is AppealOutcome.UPHELD and phase < len(rules.phases)


def build_appeal_fact(case_id: str, kind: FactKind, data: FactData, at: datetime, part: str) -> Fact:
    """A fact of an appeal; ``part`` says which one of the case's it is, so that it is there once."""
    return Fact(id=f"{case_id}:{kind}:{part}", kind=kind, at=at, data=data.model_dump(mode="json", exclude_none=True))
