"""The season: whose case of a plan year is opened without being asked for, and who is left out, and why (A11, E9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.programs.opening import OPENING_RULES
from domain.shared.assister import AssisterHistory
from domain.shared.cases.stages import ENDED, Stage
from domain.shared.documents.faults import Fault
from domain.shared.policy import find_local_date, find_window_faults


class SeasonOutcome(StrEnum):
    """What became of one person: woken is a case that was open, and whose workflow had not begun."""

    OPENED = "opened"
    WOKEN = "woken"
    ALREADY_OPEN = "already_open"
    LEFT_OUT = "left_out"


class LeftOutReason(StrEnum):
    """Why a season doesn't open somebody's case; staff may still do so, or ask for the form."""

    NOT_RETURNING = "not_returning"
    NEVER_REGISTERED = "never_registered"
    ENDED_THIS_YEAR = "ended_this_year"
    REVOKED_BEFORE = "revoked_before"
    TERMINATED_BEFORE = "terminated_before"
    SUSPENDED_BEFORE = "suspended_before"
    APPEALED_BEFORE = "appealed_before"
    RECORD_AT_FAULT = "record_at_fault"
    WINDOW_CLOSED = "window_closed"


_TAKEN_BACK = {
    Stage.REVOKED: LeftOutReason.REVOKED_BEFORE,
    Stage.TERMINATED: LeftOutReason.TERMINATED_BEFORE,
    Stage.SUSPENDED: LeftOutReason.SUSPENDED_BEFORE,
    Stage.UNDER_APPEAL: LeftOutReason.APPEALED_BEFORE,
}


@dataclass(frozen=True)
class Candidate:
    """What a season goes by of somebody who took part in an earlier year.

    ``known`` are the fields known of them, ``last_stage`` is where their newest case of an earlier year stands;
    ``case_id``, ``stage`` and ``is_begun`` are those of this year's last case, where there is one.
    """

    assister_id: str
    known: frozenset[str]
    history: AssisterHistory
    last_stage: str | None = None
    case_id: str | None = None
    stage: str | None = None
    is_begun: bool = False


@dataclass(frozen=True)
class Judgement:
    """What a season does with somebody; ``reason`` says why they are left out."""

    assister_id: str
    outcome: SeasonOutcome
    reason: LeftOutReason | None = None
    case_id: str | None = None


@dataclass(frozen=True)
class SeasonCounts:
    """How many came out how; ``left_out`` by reason."""

    outcomes: Mapping[SeasonOutcome, int] = field(default_factory=dict)
    left_out: Mapping[LeftOutReason, int] = field(default_factory=dict)

    @property
    def handled(self) -> int:
        """All of them."""
        return sum(self.outcomes.values())

    def document(self) -> dict[str, object]:
        """The counts as JSON, in which every outcome has one: {opened, woken, already_open, left_out, reasons}."""
        counts = {outcome.value: self.outcomes.get(outcome, 0) for outcome in SeasonOutcome}
        return counts | {"reasons": {reason.value: number for reason, number in sorted(self.left_out.items())}}


def find_season_faults(program: str, plan_year: int, now: datetime) -> list[Fault]:
    """Why there can be no season: a year without a policy, or outside its window (C6)."""
    rules = OPENING_RULES.get(program)
    policy = rules.find_policy(plan_year) if rules else None
    if policy is None:
        return [Fault("plan_year" if rules else "program", "no_policy")]
    return find_window_faults(policy, find_local_date(policy, now))


def judge_candidate(program: str, plan_year: int, candidate: Candidate, *, is_closed: bool = False) -> Judgement:
    """What a season does with somebody: no more than staff could, and less where something was taken back.

    ``is_closed``: the year's window closed while the season went on.
    """

    def leave_out(reason: LeftOutReason) -> Judgement:
        return Judgement(candidate.assister_id, SeasonOutcome.LEFT_OUT, reason)

    if candidate.case_id is not None:
        if candidate.stage in ENDED:
            return leave_out(LeftOutReason.ENDED_THIS_YEAR)
        outcome = SeasonOutcome.ALREADY_OPEN if candidate.is_begun else SeasonOutcome.WOKEN
        return Judgement(candidate.assister_id, outcome, case_id=candidate.case_id)
    refusal = OPENING_RULES[program].find_begin_refusal(candidate.known, candidate.history, plan_year)
    if refusal is not None:
        return leave_out(LeftOutReason(refusal.code))
    if taken_back := _TAKEN_BACK.get(Stage(candidate.last_stage)) if candidate.last_stage else None:
        return leave_out(taken_back)
    if is_closed:
        return leave_out(LeftOutReason.WINDOW_CLOSED)
    return Judgement(candidate.assister_id, SeasonOutcome.OPENED)
