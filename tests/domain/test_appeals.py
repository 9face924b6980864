"""Appeals by the rules alone: days, phases, deciders, and what a decision does to the case's state (E5–E7)."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.appeals import (
    Appeal,
    AppealOutcome,
    AppealState,
    count_days,
    escalates,
    find_answer_day,
    find_appealed_end,
    find_decider_refusal,
    find_filing_refusal,
    find_last_filing_day,
    find_open_appeal,
    list_deciders,
)
from domain.shared.cases.facts import Fact, FactKind, FactLog
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.policy import AppealPhase, AppealRules, DayKind
from domain.state.certification import CertificationOpening, CertificationState, EligibilityStatus, fold_certification

OPENING = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.NEW)
BEGAN = datetime(2026, 11, 2, 17, tzinfo=UTC)
# Veterans Day on a Wednesday, Thanksgiving, and Christmas.
DAYS_OFF = frozenset({date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25)})
LABEL = {"en": "review", "es": "revisión"}


def rules(*answers: int, days: DayKind = DayKind.CALENDAR, presumed: int = 0, within: int = 30) -> AppealRules:
    phases = tuple(AppealPhase(label=LABEL, answer_within=one) for one in answers or (45, 60))
    return AppealRules(file_within=within, days=days, receipt_presumed_after=presumed, phases=phases)


def fact(kind: FactKind, minute: int, **data: Any) -> Fact:
    return Fact(id=f"{kind}:{minute}", kind=kind, at=BEGAN + timedelta(minutes=minute), data=data)


def decided(minute: int, verdict: str = "deny", by: str = "staff:rita") -> Fact:
    return fact(FactKind.DECIDED, minute, verdict=verdict, by=by, reason="a reason", override=None, round=0)


def filed(minute: int, decision: Fact, stage: str = "denied", **changes: Any) -> Fact:
    days = {"notice_on": "2026-11-02", "last_day": "2026-12-02", "received_on": "2026-11-03", "due_on": "2026-12-18"}
    given = {"number": 1, "appealed": stage, "decision": decision.id, "decided_by": ["staff:rita"], **days}
    return fact(
        FactKind.APPEAL_FILED, minute, **{**given, "method": "own_page", "by": "assister", "grounds": "g", **changes}
    )


def outcome(minute: int, what: str, decision: Fact | None = None, phase: int = 1, final: bool = True) -> Fact:
    set_aside = [decision.id] if decision else []
    shown = {"number": 1, "phase": phase, "outcome": what, "by": "staff:anna", "reason": "r", "sets_aside": set_aside}
    return fact(FactKind.APPEAL_DECIDED, minute, **shown, effective_on="2026-11-20", final=final)


def folded(*facts: Fact) -> CertificationState:
    return fold_certification(OPENING, facts)


STARTED = (
    fact(FactKind.REQUESTED, 0),
    fact(FactKind.BEGUN, 1),
    fact(FactKind.SCREENED, 2, round=0, findings=[]),
    fact(FactKind.AGREEMENT_ACCEPTED, 3),
)


@pytest.mark.parametrize(
    ("days", "kind", "expected"),
    [
        (5, DayKind.CALENDAR, date(2026, 11, 14)),  # a Saturday is a day
        (5, DayKind.BUSINESS, date(2026, 11, 17)),  # not so the Wednesday off, nor the weekend
        (0, DayKind.BUSINESS, date(2026, 11, 9)),
        (1, DayKind.BUSINESS, date(2026, 11, 10)),
    ],
)
def test_e5_days_are_counted_by_the_calendar_or_by_business_days(days: int, kind: DayKind, expected: date) -> None:
    assert count_days(date(2026, 11, 9), days, kind, DAYS_OFF) == expected


def test_e5_the_last_day_is_counted_from_when_the_notice_is_presumed_received() -> None:
    friday = date(2026, 11, 20)
    assert find_last_filing_day(rules(within=30), friday, DAYS_OFF) == date(2026, 12, 20)
    by_mail = rules(within=10, days=DayKind.BUSINESS, presumed=3)
    # Received on Monday the 23rd; Thanksgiving is none of the ten.
    assert find_last_filing_day(by_mail, friday, DAYS_OFF) == date(2026, 12, 8)


def test_e6_each_phase_has_its_own_clock() -> None:
    two = rules(45, 60)
    assert find_answer_day(two, 1, date(2026, 11, 3), DAYS_OFF) == date(2026, 12, 18)
    assert find_answer_day(two, 2, date(2026, 12, 1), DAYS_OFF) == date(2027, 1, 30)
    assert escalates(AppealOutcome.UPHELD, 1, two)
    assert not escalates(AppealOutcome.UPHELD, 2, two), "the last word"
    assert not escalates(AppealOutcome.UPHELD, 1, rules(60)), "where there is one phase"
    assert not any(escalates(one, 1, two) for one in (AppealOutcome.REVERSED, AppealOutcome.SENT_BACK))


def test_e5_late_is_told_so_with_the_last_day() -> None:
    log = FactLog([*STARTED, decided(5)])
    end = find_appealed_end(log)
    last_day = date(2026, 12, 2)
    assert find_filing_refusal(log, end, last_day, last_day) is None, "on the last day itself"
    why = find_filing_refusal(log, end, last_day, last_day + timedelta(days=1))
    assert why is not None
    assert why.sentence() == "The last day to appeal was 2026-12-02; an appeal that comes later can't be taken."
    none = find_filing_refusal(log, end, None, last_day)
    assert none is not None
    assert none.code == "no_appeal_in_policy"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((), "nothing_to_appeal"),
        ((decided(5, "approve"),), "nothing_to_appeal"),
        ((decided(5, "ask"),), "nothing_to_appeal"),
        ((decided(5, "approve"), fact(FactKind.WITHDRAWN, 6)), "nothing_to_appeal"),
        ((decided(5, "approve"), fact(FactKind.CLOSED, 6)), "nothing_to_appeal"),
        ((decided(5), filed(6, decided(5))), "appeal_open"),
        ((decided(5), filed(6, decided(5)), outcome(7, "upheld")), "appealed_before"),
    ],
)
def test_e5_what_cannot_be_appealed(facts: tuple[Fact, ...], code: str) -> None:
    log = FactLog([*STARTED, *facts])
    why = find_filing_refusal(log, find_appealed_end(log), date(2026, 12, 2), date(2026, 11, 3))
    assert why is not None
    assert why.code == code


def test_c10_a_case_under_appeal_has_ended_and_waits_for_somebody_else() -> None:
    denial = decided(5)
    state = folded(*STARTED, denial, filed(10, denial))
    assert (state.stage, state.waiting_for) == (Stage.UNDER_APPEAL, WaitingFor.APPEAL_DECISION)
    assert state.waiting_since == BEGAN + timedelta(minutes=10)
    assert state.ended
    assert state.eligibility is EligibilityStatus.DENIED
    upheld = folded(*STARTED, denial, filed(10, denial), outcome(20, "upheld"))
    assert (upheld.stage, upheld.reopened) == (Stage.DENIED, 0), "the end stands"
    taken_back = fact(FactKind.APPEAL_WITHDRAWN, 20, number=1, by="assister", reason="r")
    assert folded(*STARTED, denial, filed(10, denial), taken_back).stage is Stage.DENIED


def test_e6_what_is_set_aside_does_not_count_any_more() -> None:
    denial = decided(5)
    sent_back = folded(*STARTED, denial, filed(10, denial), outcome(20, "sent_back", denial))
    assert (sent_back.stage, sent_back.decision, sent_back.reopened) == (Stage.AWAITING_DECISION, None, 1)
    anew = decided(30, "deny", by="staff:rolf")
    again = folded(*STARTED, denial, filed(10, denial), outcome(20, "sent_back", denial), anew)
    assert again.stage is Stage.DENIED
    assert again.decision is not None
    assert again.decision.by == "staff:rolf"
    approved = folded(*STARTED, denial, filed(10, denial), outcome(20, "reversed", denial), decided(20, "approve"))
    assert (approved.stage, approved.eligibility) == (Stage.INVITED, EligibilityStatus.APPROVED)


def test_e6_a_revocation_that_is_reversed_leaves_the_case_where_it_stood() -> None:
    revoked = fact(FactKind.REVOKED, 9, by="staff:rita", reason="r")
    stood = folded(*STARTED, decided(5, "approve"))
    appealed = (revoked, filed(10, revoked, "revoked"))
    assert folded(*STARTED, decided(5, "approve"), *appealed).stage is Stage.UNDER_APPEAL
    reopened = folded(*STARTED, decided(5, "approve"), *appealed, outcome(20, "reversed", revoked))
    assert (reopened.stage, reopened.waiting_for, reopened.reopened) == (stood.stage, stood.waiting_for, 1)


def test_e6_an_appeal_folds_alike_in_any_order_and_twice() -> None:
    denial = decided(5)
    escalated = fact(FactKind.APPEAL_ESCALATED, 21, number=1, phase=2, due_on="2027-01-30")
    facts = (denial, filed(10, denial), outcome(20, "upheld", final=False), escalated)
    found = {find_open_appeal(FactLog([*order, *order])) for order in itertools.permutations((*STARTED[:1], *facts))}
    (appeal,) = found
    assert appeal is not None
    assert (appeal.phase, appeal.due_on, appeal.state) == (2, date(2027, 1, 30), AppealState.OPEN)


def test_e6_who_decided_before_is_refused_in_every_phase() -> None:
    denial = decided(5)
    log = FactLog([*STARTED, denial])
    assert list_deciders(log) == ("staff:rita",)
    escalated = fact(FactKind.APPEAL_ESCALATED, 21, number=1, phase=2, due_on="2027-01-30")
    appeal = open_appeal(denial, filed(10, denial), outcome(20, "upheld", final=False), escalated)
    for actor in ("staff:rita", "staff:anna", "STAFF:Anna"):
        refused = find_decider_refusal(log, appeal, actor)
        assert refused is not None
        assert "somebody else" in refused.sentence()
    assert find_decider_refusal(log, appeal, "staff:iris") is None


def test_e6_who_began_an_adverse_action_has_decided_and_who_filed_on_behalf_does_not() -> None:
    denial = decided(5)
    log = FactLog([*STARTED, fact(FactKind.ADVERSE_ACTION_BEGUN, 4, by="staff:bea", number=1, reason="r"), denial])
    assert list_deciders(log) == ("staff:bea", "staff:rita")
    appeal = open_appeal(denial, filed(10, denial, by="staff:fil"))
    refused = {one: find_decider_refusal(log, appeal, one) for one in ("staff:bea", "staff:fil", "staff:iris")}
    codes = {one: why.code if why else None for one, why in refused.items()}
    assert codes == {"staff:bea": "decided_before", "staff:fil": "filed_on_behalf", "staff:iris": None}


def test_e6_whoever_decided_what_was_set_aside_has_decided_before() -> None:
    denial, anew = decided(5), decided(30, by="staff:rolf")
    log = FactLog([*STARTED, denial, filed(10, denial), outcome(20, "sent_back", denial), anew])
    assert list_deciders(log) == ("staff:anna", "staff:rita", "staff:rolf")


def open_appeal(*facts: Fact) -> Appeal:
    found = find_open_appeal(FactLog([*STARTED, *facts]))
    assert found is not None
    return found
