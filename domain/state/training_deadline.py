"""The training deadline of a policy that has one: until when, what is told ahead, and what becomes due (E14).

It runs from the day on which the training was open to somebody approved, so that nobody lapses who waits for staff.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import DueLetter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.cases.reminders import find_reminder
from domain.shared.policy import find_day_end, find_local_date, find_time_zone
from domain.state.certification import CertificationState
from domain.state.policy import Policy


@dataclass(frozen=True)
class TrainingClock:
    """The last day on which course and exam are complete in time, and the last one on which that still reactivates."""

    last_day: date
    reactivate_until: date


def find_training_clock(state: CertificationState, policy: Policy) -> TrainingClock | None:
    """The days of a case; None without a deadline, and before the training is open.

    Both end with the window at the latest: afterwards the plan year is over for everybody (C6).
    """
    rules, opened_at = policy.training_deadline, state.training_opened_at
    if rules is None or opened_at is None:
        return None
    last_day = find_local_date(policy, opened_at) + timedelta(days=rules.days)
    if rules.not_before is not None:
        last_day = max(last_day, rules.not_before)
    until = _add_years(last_day, rules.reactivation_years)
    closes_on = policy.windows.closes_on
    return (
        TrainingClock(min(last_day, closes_on), min(until, closes_on)) if closes_on else TrainingClock(last_day, until)
    )


def find_due_fact(state: CertificationState, policy: Policy, now: datetime) -> FactKind | None:
    """What the days have made due of an open case: lapsed, reactivated by other rules, closed; None for nothing.

    Nobody lapses with the end of the window: that closes the case.
    """
    if state.ended:
        return None
    clock = find_training_clock(state, policy)
    if clock is None or not _is_over(clock.last_day, policy, now):
        return None if find_reactivation_refusal(state) else FactKind.TRAINING_REACTIVATED
    if find_lapse_refusal(state) is None:
        closes_on = policy.windows.closes_on
        return None if closes_on and _is_over(closes_on, policy, now) else FactKind.TRAINING_LAPSED
    return FactKind.CLOSED if state.is_lapsed and _is_over(clock.reactivate_until, policy, now) else None


def find_lapse_refusal(state: CertificationState) -> Reason | None:
    """Why a case can't lapse, whatever the day; None where it can."""
    if state.ended:
        return Reason("case_ended", {"stage": state.stage.value})
    if state.is_lapsed:
        return Reason("training_lapsed")
    may_lapse = state.training_opened_at is not None and not state.has_completed_training
    return None if may_lapse else Reason("no_training_deadline")


def find_reactivation_refusal(state: CertificationState) -> Reason | None:
    """Why rules can't take back that a case has lapsed; None where they can."""
    if state.ended:
        return Reason("case_ended", {"stage": state.stage.value})
    return None if state.is_lapsed else Reason("not_lapsed")


def find_next_turn(state: CertificationState, policy: Policy, now: datetime) -> datetime | None:
    """When something becomes due next, a letter or the end of a day; None where nothing does."""
    day, rules = find_awaited_day(state, policy), policy.training_deadline
    if day is None or rules is None:
        return None
    zone = find_time_zone(policy)
    # A letter is due from the first moment of its day on.
    days = [day, *(day - timedelta(days=before + 1) for before in rules.remind_days_before)]
    return min((end for one in days if (end := find_day_end(one, zone)) > now), default=None)


def list_due_letters(state: CertificationState, policy: Policy, now: datetime) -> list[DueLetter]:
    """What the assister is told by now, each once: of a lapse and its end, and ahead of the day that comes next."""
    letters = []
    if state.lapse is not None:
        letters.append(DueLetter(notice=Notice.TRAINING_LAPSED, about=str(state.lapse.number)))
        if state.lapse.reactivated_at is not None:
            letters.append(DueLetter(notice=Notice.TRAINING_REACTIVATED, about=str(state.lapse.number)))
    day, rules = find_awaited_day(state, policy), policy.training_deadline
    if day is not None and rules is not None:
        before = find_reminder(rules.remind_days_before, find_local_date(policy, now), day)
        if before is not None:
            letters.append(DueLetter(notice=Notice.TRAINING_DUE, about=name_due_letter(day, before)))
    return letters


def find_awaited_day(state: CertificationState, policy: Policy) -> date | None:
    """The last day that comes next for an open case: of the deadline, or of reactivation once it has lapsed."""
    clock = find_training_clock(state, policy)
    if clock is None or state.ended or state.has_completed_training:
        return None
    return clock.reactivate_until if state.is_lapsed else clock.last_day


def name_due_letter(day: date, before: int) -> str:
    """What a letter told ahead is about: the day that comes next, and how many days before it is due."""
    return f"{day.isoformat()}:{before}"


def is_due_still(about: str, state: CertificationState, policy: Policy) -> bool:
    """Whether the day that a letter tells of ahead is the one that comes next."""
    day = find_awaited_day(state, policy)
    return day is not None and about.partition(":")[0] == day.isoformat()


def describe_deadline(state: CertificationState, policy: Policy) -> dict[str, Any] | None:
    """The part of the status document about it; None where there is no deadline and nothing has lapsed.

    {last_day, reactivate_until, lapsed_at, reactivated_at}: days are None before the training is open.
    """
    lapse = state.lapse
    if policy.training_deadline is None and lapse is None:
        return None
    days = find_training_clock(state, policy) or lapse
    return {
        "last_day": days.last_day if days else None,
        "reactivate_until": days.reactivate_until if days else None,
        "lapsed_at": lapse.since if lapse else None,
        "reactivated_at": lapse.reactivated_at if lapse else None,
    }


def _is_over(day: date, policy: Policy, now: datetime) -> bool:
    return find_day_end(day, find_time_zone(policy)) <= now


def _add_years(day: date, years: int) -> date:
    """The same day of a later year; of a 29th of February the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
