"""The days of a training deadline: from when they run, what they make due, and what lies over the journey (E14)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.programs.kept_rules import describe_rules, hash_rules
from domain.programs.policies import build_policy_of_rules
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.policy import Windows
from domain.state.certification import CertificationOpening, CertificationState, fold_certification
from domain.state.lapses import list_completion_facts
from domain.state.may_assist import list_obstacles
from domain.state.policies import POLICIES, find_state_policy, use_state_policies
from domain.state.policy import Policy, TrainingDeadline
from domain.state.training_deadline import (
    TrainingClock,
    describe_deadline,
    find_due_fact,
    find_next_turn,
    find_training_clock,
    is_due_still,
    list_due_letters,
)

# Noon in New Mexico.
START = datetime(2026, 3, 2, 19, tzinfo=UTC)
BROKER = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.NEW)
Happened = tuple[FactKind, dict[str, Any]]
APPROVED: tuple[Happened, ...] = (
    (FactKind.REQUESTED, {}),
    (FactKind.BEGUN, {}),
    (FactKind.AGREEMENT_ACCEPTED, {}),
    (FactKind.SCREENED, {"round": 0, "findings": []}),
    (FactKind.DECIDED, {"verdict": "approve", "by": "staff:sample", "reason": "a sample"}),
)
TRAINING: tuple[Happened, ...] = (
    *APPROVED,
    (FactKind.LMS_INVITED, {}),
    (FactKind.LMS_REGISTERED, {}),
    (FactKind.LMS_PROFILE_COMPLETED, {}),
)
COURSE: Happened = (FactKind.COURSE_COMPLETED, {})
EXAM: Happened = (FactKind.EXAM_ATTEMPTED, {"event_id": "1", "score": "0.8", "passed": True})
LAPSED: Happened = (FactKind.TRAINING_LAPSED, {"number": 1, "last_day": "2026-04-01", "reactivate_until": "2028-04-01"})
BY_RULES: Happened = (FactKind.TRAINING_REACTIVATED, {"number": 1, "why": "rules"})


def state(*happened: Happened, opening: CertificationOpening = BROKER) -> CertificationState:
    facts = [
        Fact(id=f"fact-{number}", kind=kind, at=START + timedelta(minutes=number), data=data)
        for number, (kind, data) in enumerate(happened)
    ]
    return fold_certification(opening, facts)


def policy(closes_on: date | None = None, **rules: Any) -> Policy:
    shipped = find_state_policy("bewellnm", 2024)
    assert shipped is not None
    deadline = TrainingDeadline(days=30, **rules)
    return shipped.model_copy(update={"training_deadline": deadline, "windows": Windows(closes_on=closes_on)})


def test_a18_e14_no_policy_shipped_has_a_deadline_so_nothing_lapses() -> None:
    for shipped in POLICIES.values():
        assert shipped.training_deadline is None
        assert find_training_clock(state(*TRAINING), shipped) is None
        assert find_due_fact(state(*TRAINING), shipped, START + timedelta(days=5000)) is None
        assert describe_deadline(state(*TRAINING), shipped) is None


def test_e14_the_days_run_from_when_the_training_was_open_to_somebody_approved() -> None:
    assert find_training_clock(state(*APPROVED), policy()) is None
    clock = TrainingClock(last_day=date(2026, 4, 1), reactivate_until=date(2028, 4, 1))
    assert find_training_clock(state(*TRAINING), policy()) == clock
    returning = BROKER.model_copy(update={"assister_type": AssisterType.RETURNING, "has_lms_account": True})
    enrolled: Happened = (FactKind.LMS_ENROLLED, {})
    assert find_training_clock(state(enrolled, *APPROVED[:-1], opening=returning), policy()) is None, (
        "staff decide first"
    )
    assert find_training_clock(state(enrolled, *APPROVED, opening=returning), policy()) == clock


@pytest.mark.parametrize(
    ("rules", "closes_on", "last_day", "reactivate_until"),
    [
        ({"not_before": date(2026, 10, 15)}, None, date(2026, 10, 15), date(2028, 10, 15)),
        ({"not_before": date(2026, 3, 1)}, None, date(2026, 4, 1), date(2028, 4, 1)),
        ({}, date(2026, 12, 31), date(2026, 4, 1), date(2026, 12, 31)),
        ({}, date(2026, 3, 20), date(2026, 3, 20), date(2026, 3, 20)),
        ({"not_before": date(2028, 2, 29), "reactivation_years": 1}, None, date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_e14_nobodys_deadline_is_before_the_day_and_the_years_end_with_the_window(
    rules: dict[str, Any], closes_on: date | None, last_day: date, reactivate_until: date
) -> None:
    assert find_training_clock(state(*TRAINING), policy(closes_on, **rules)) == TrainingClock(
        last_day, reactivate_until
    )


def test_e14_a_day_is_over_at_midnight_in_the_programs_zone() -> None:
    before, after = datetime(2026, 4, 2, 6, 59, tzinfo=UTC), datetime(2026, 4, 2, 7, tzinfo=UTC)
    assert find_due_fact(state(*TRAINING), policy(), before) is None
    assert find_due_fact(state(*TRAINING), policy(), after) is FactKind.TRAINING_LAPSED
    assert find_due_fact(state(*TRAINING, COURSE, EXAM), policy(), after) is None
    lapsed = state(*TRAINING, LAPSED)
    assert find_due_fact(lapsed, policy(), after) is None
    assert find_due_fact(lapsed, policy(), after.replace(year=2028)) is FactKind.CLOSED
    longer = policy(not_before=date(2026, 12, 1))
    assert find_due_fact(lapsed, longer, after) is FactKind.TRAINING_REACTIVATED
    assert find_due_fact(lapsed, longer.model_copy(update={"training_deadline": None}), after) == "training_reactivated"
    closed = state(*TRAINING, LAPSED, (FactKind.CLOSED, {}))
    assert find_due_fact(closed, policy(), after.replace(year=2028)) is None


def test_e14_nobody_lapses_on_the_day_that_ends_the_window() -> None:
    rules, closed = policy(date(2026, 3, 20)), datetime(2026, 3, 21, 8, tzinfo=UTC)
    (told,) = list_due_letters(state(*TRAINING), rules, closed - timedelta(days=1))
    assert told.about == "2026-03-20:1", "no letter names a day on which the window is over"
    assert find_due_fact(state(*TRAINING), rules, closed) is None, "the window's end closes the case, and says so"
    assert find_next_turn(state(*TRAINING), rules, closed) is None


def test_e14_a_lapse_lies_over_the_journey_until_course_and_exam_are_complete() -> None:
    lapsed = state(*TRAINING, LAPSED)
    assert (lapsed.stage, lapsed.waiting_for) == (Stage.LAPSED, WaitingFor.COURSE_COMPLETION)
    assert lapsed.position.stage is Stage.IN_TRAINING
    assert list_obstacles(lapsed, date(2026, 6, 1))[0] == "training_lapsed"
    further = state(*TRAINING, LAPSED, COURSE)
    assert (further.stage, further.waiting_for) == (Stage.LAPSED, WaitingFor.EXAM_PASS)
    assert list_completion_facts("case", further.lapse, START) == []
    complete = state(*TRAINING, LAPSED, COURSE, EXAM)
    assert (complete.stage, complete.is_lapsed) == (Stage.AWAITING_EXAM_PASS, False)
    (reactivated,) = list_completion_facts("case", complete.lapse, START)
    assert (reactivated.kind, reactivated.data) == ("training_reactivated", {"number": 1, "why": "completed"})
    told = state(*TRAINING, LAPSED, COURSE, EXAM, (reactivated.kind, reactivated.data))
    assert list_completion_facts("case", told.lapse, START) == []


def test_e14_other_rules_take_a_lapse_back_and_the_next_one_counts_anew() -> None:
    assert state(*TRAINING, LAPSED, BY_RULES).stage is Stage.IN_TRAINING
    again: Happened = (FactKind.TRAINING_LAPSED, {**LAPSED[1], "number": 2})
    twice = state(*TRAINING, LAPSED, BY_RULES, again)
    assert twice.is_lapsed
    assert twice.lapse is not None
    assert twice.lapse.number == 2


def test_e14_letters_tell_of_the_day_that_comes_next() -> None:
    rules, training, lapsed = policy(), state(*TRAINING), state(*TRAINING, LAPSED)

    def told(of: CertificationState, month: int, day: int, year: int = 2026) -> list[tuple[str, str]]:
        return [
            (one.notice, one.about) for one in list_due_letters(of, rules, datetime(year, month, day, 18, tzinfo=UTC))
        ]

    assert told(training, 3, 2) == [("training_due", "2026-04-01:30")]
    assert told(training, 3, 26) == [("training_due", "2026-04-01:7")]
    assert told(training, 4, 1) == [("training_due", "2026-04-01:1")]
    assert told(lapsed, 4, 3) == [("training_lapsed", "1")]
    assert told(lapsed, 3, 28, 2028) == [("training_lapsed", "1"), ("training_due", "2028-04-01:7")]
    assert told(state(*TRAINING, COURSE, EXAM), 3, 26) == []
    assert is_due_still("2026-04-01:7", training, rules)
    assert not is_due_still("2026-04-01:7", lapsed, rules)
    assert is_due_still("2028-04-01:7", lapsed, rules)


def test_e14_the_next_turn_is_a_letter_or_the_end_of_the_day() -> None:
    rules = policy(remind_days_before=(7,))
    at = [START]
    while (turn := find_next_turn(state(*TRAINING), rules, at[-1])) is not None:
        at.append(turn)
    assert at[1:] == [datetime(2026, 3, 25, 7, tzinfo=UTC), datetime(2026, 4, 2, 7, tzinfo=UTC)]
    assert find_next_turn(state(*TRAINING, COURSE, EXAM), rules, START) is None


def test_e14_a_case_from_before_is_never_put_under_a_deadline() -> None:
    shipped = find_state_policy("bewellnm", 2024)
    assert shipped is not None
    before = {name: value for name, value in describe_rules(shipped).items() if name != "training_deadline"}
    in_force = [*POLICIES.values()]
    try:
        use_state_policies([policy()])
        kept = build_policy_of_rules(hash_rules(before), before)
    finally:
        use_state_policies(in_force)
    assert isinstance(kept, Policy)
    assert kept.training_deadline is None
