"""What goes before a denial by a background report, folded from its facts in whatever order they came (E8)."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind, FactLog
from domain.shared.cases.reasons import Reason
from domain.state.adverse_actions import (
    AdverseAction,
    AdverseActionBegunData,
    AdverseActionDisputedData,
    AdverseActionDisputeEndedData,
    AdverseStatus,
    build_clock_facts,
    build_following_facts,
    build_notice_facts,
    find_beginning_refusal,
    find_denial_refusal,
    find_dispute_end_refusal,
    find_dispute_refusal,
    fold_adverse_action,
)
from domain.state.background_reports import BackgroundCheck
from domain.state.certification import CertificationOpening, fold_certification
from domain.state.facts import BackgroundReportedData
from domain.state.policy import AdverseActionRules

NEW_YEAR = datetime(2026, 12, 30, 17, tzinfo=UTC)  # a Wednesday
HOLIDAYS = frozenset({date(2027, 1, 1)})
RULES = AdverseActionRules()
CONSIDER = BackgroundCheck(report=BackgroundReportedData(result="consider"), reported_at=NEW_YEAR - timedelta(days=1))
CLEAR = BackgroundCheck(report=BackgroundReportedData(result="clear"), reported_at=NEW_YEAR + timedelta(days=1))


class Story:
    """An adverse action as it goes: each step a fact, made as the house makes it."""

    def __init__(self) -> None:
        self.now = NEW_YEAR
        self.facts: list[Fact] = []
        self.add(FactKind.ADVERSE_ACTION_BEGUN, AdverseActionBegunData(number=1, by="staff:sample", reason="an entry"))

    def add(self, kind: FactKind, data: Any, at: datetime | None = None) -> None:
        self.facts.append(Fact(id=f"{len(self.facts)}", kind=kind, at=at or self.now, data=data.to_json()))

    def dispute(self) -> None:
        said = AdverseActionDisputedData(number=1, by="assister", disputed_on=self.now.date())
        self.add(FactKind.ADVERSE_ACTION_DISPUTED, said)

    def end_dispute(self) -> None:
        said = AdverseActionDisputeEndedData(number=1, by="staff:sample")
        self.add(FactKind.ADVERSE_ACTION_DISPUTE_ENDED, said)

    @property
    def action(self) -> AdverseAction:
        found = fold_adverse_action(FactLog(self.facts))
        assert found is not None
        return found

    def notice(self, **later: float) -> AdverseAction:
        """So much later its notice is sent."""
        self.now += timedelta(**later)
        self.facts += build_notice_facts("c", self.action, RULES, HOLIDAYS, self.now.date(), self.now)
        return self.action

    def follow(self, **later: float) -> AdverseAction:
        """So much later, its workflow looks."""
        self.now += timedelta(**later)
        ends = self.action.last_day
        day_ends = datetime.combine(ends + timedelta(days=1), datetime.min.time(), UTC) if ends else None
        self.facts += build_clock_facts("c", self.action, RULES, HOLIDAYS, day_ends, self.now.date(), self.now)
        return self.action

    def happen(
        self, check: BackgroundCheck = CONSIDER, *, denied: bool = False, settled: bool = False
    ) -> AdverseAction:
        self.facts += build_following_facts("c", self.action, check, denied=denied, settled=settled, at=self.now)
        return self.action


def test_e8_five_business_days_leave_out_weekends_and_holidays() -> None:
    story = Story()
    assert story.follow(minutes=1).status is AdverseStatus.NOTICING, "nothing was sent yet"
    action = story.notice()
    assert (action.status, action.notice_date, action.last_day) == ("waiting", date(2026, 12, 30), date(2027, 1, 7))
    assert story.follow(days=8).status is AdverseStatus.WAITING, "the last day is not over"
    assert story.follow(days=1).status is AdverseStatus.DECIDABLE
    assert len(story.facts) == story.action.version == 3


def test_e8_the_days_run_from_when_the_notice_is_sent_and_from_nothing_else() -> None:
    """For ten days no mail goes out: who disputes meanwhile has each of the days too."""
    story = Story()
    assert story.follow(days=10).last_day is None
    assert find_denial_refusal(CONSIDER, story.action) == Reason("adverse_action_noticing")
    story.dispute()
    assert story.notice(days=1).status is AdverseStatus.DISPUTED
    assert story.action.last_day == date(2027, 1, 15), "sent on Sunday the 10th"
    story.end_dispute()
    assert story.follow(minutes=1).last_day == date(2027, 1, 15)
    before = len(story.facts)
    assert story.notice(days=3).last_day == date(2027, 1, 15), "one that is sent again begins nothing"
    assert len(story.facts) == before
    ended = Story()
    ended.happen(settled=True)
    assert ended.notice(minutes=1).notice_date is None


def test_e8_the_days_that_were_left_go_on_after_a_dispute() -> None:
    story = Story()
    story.notice(minutes=1)
    story.now = datetime(2027, 1, 5, 18, tzinfo=UTC)
    story.dispute()
    assert story.follow(days=20).status is AdverseStatus.DISPUTED, "no clock runs"
    story.end_dispute()
    assert story.action.status is AdverseStatus.RESUMING
    resumed = story.follow(minutes=1)
    assert (resumed.status, resumed.last_day) == ("waiting", date(2027, 1, 28)), "Tuesday to Thursday are three days"
    assert story.follow(days=4).status is AdverseStatus.DECIDABLE


def test_e8_a_dispute_after_the_days_leaves_one() -> None:
    story = Story()
    story.notice(minutes=1)
    assert story.follow(days=30).status is AdverseStatus.DECIDABLE
    story.dispute()
    story.end_dispute()
    resumed = story.follow(minutes=1)
    assert (resumed.status, resumed.last_day) == ("waiting", date(2027, 2, 1))


def test_e8_a_report_newer_than_the_dispute_ends_it_and_an_older_one_does_not() -> None:
    story = Story()
    story.notice(minutes=1)
    story.dispute()
    assert story.happen(CONSIDER).status is AdverseStatus.DISPUTED, "by the vendor's own time it came before"
    newer = CONSIDER.model_copy(update={"reported_at": story.now + timedelta(seconds=1)})
    assert story.happen(newer).status is AdverseStatus.RESUMING
    again = story.happen(newer)
    assert again.version == len({fact.id for fact in story.facts}), "it ends once"


def test_e8_a_dispute_on_the_day_of_the_notice_leaves_every_day() -> None:
    story = Story()
    story.notice(minutes=1)
    story.dispute()
    story.now = datetime(2027, 1, 12, 18, tzinfo=UTC)
    story.end_dispute()
    assert story.follow(minutes=1).last_day == date(2027, 1, 19), "five days: that of the notice is none of them"


def test_e8_what_is_disputed_again_before_the_days_go_on_ends_by_the_next_report() -> None:
    story = Story()
    story.notice(minutes=1)
    story.now = datetime(2027, 1, 5, 18, tzinfo=UTC)
    for _ in range(2):
        story.dispute()
        story.now += timedelta(minutes=1)
        newer = CONSIDER.model_copy(update={"reported_at": story.now})
        assert story.happen(newer).status is AdverseStatus.RESUMING
        story.now += timedelta(minutes=1)
    days = [story.follow(minutes=1).last_day for _ in range(2)]
    assert story.action.status is AdverseStatus.WAITING
    assert days == [date(2027, 1, 8), date(2027, 1, 8)], "the three days that were left go on once"


@pytest.mark.parametrize(
    ("check", "ended", "status"),
    [
        (CLEAR, {}, AdverseStatus.CANCELED),
        (BackgroundCheck(), {}, AdverseStatus.CANCELED),
        (CONSIDER, {"settled": True}, AdverseStatus.CANCELED),
        (CONSIDER, {"denied": True, "settled": True}, AdverseStatus.DENIED),
        (CONSIDER, {}, AdverseStatus.WAITING),
    ],
)
def test_e8_what_becomes_of_it(check: BackgroundCheck, ended: dict[str, bool], status: AdverseStatus) -> None:
    story = Story()
    story.notice(minutes=1)
    assert story.happen(check, **ended).status is status
    assert story.happen(CONSIDER).status is status, "an end is an end"


def test_e8_when_each_step_is_refused() -> None:
    story = Story()

    def codes() -> list[str | None]:
        action = story.action
        found = (
            find_denial_refusal(CONSIDER, action),
            find_beginning_refusal(CONSIDER, action),
            find_dispute_refusal(action),
            find_dispute_end_refusal(action),
        )
        return [one.code if one else None for one in found]

    assert codes() == ["adverse_action_noticing", "adverse_action_open", None, "not_disputed"]
    story.notice(minutes=1)
    assert codes() == ["adverse_action_waiting", "adverse_action_open", None, "not_disputed"]
    story.follow(days=30)
    assert codes() == [None, "adverse_action_open", None, "not_disputed"]
    story.dispute()
    assert codes() == ["adverse_action_disputed", "adverse_action_open", "disputed_before", None]
    story.end_dispute()
    assert codes() == ["adverse_action_noticing", "adverse_action_open", None, "not_disputed"]
    story.happen(settled=True)
    assert codes() == ["adverse_action_needed", None, "no_adverse_action", "not_disputed"]
    assert find_denial_refusal(CLEAR, None) is None
    assert find_denial_refusal(BackgroundCheck(), None) is None, "no report counts against anybody"
    refused = find_beginning_refusal(CLEAR, None)
    assert refused is not None
    assert refused.code == "no_adverse_report"


@given(st.randoms(use_true_random=False), st.integers(0, 6))
def test_e8_facts_come_in_any_order_and_more_than_once(chance: random.Random, steps: int) -> None:
    story = Story()
    acts: list[Callable[[], object]] = [
        story.notice,
        story.dispute,
        story.end_dispute,
        story.follow,
        lambda: story.follow(days=30),
        story.happen,
    ]
    for act in acts[:steps]:
        act()
    shuffled = [*story.facts, *chance.sample(story.facts, len(story.facts))]
    opening = CertificationOpening(kind=Kind.ENROLLMENT_COUNSELOR, assister_type=AssisterType.NEW)
    assert fold_certification(opening, shuffled) == fold_certification(opening, story.facts)
