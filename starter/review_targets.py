"""Until when staff mean to have looked at what waits for them, by the policy in force of each case's plan year."""

from datetime import date, datetime

from adapters.holidays import list_days_off
from domain.programs.policies import find_newest_policy
from domain.shared.cases import review_times
from domain.shared.cases.review_times import ReviewTime
from domain.shared.policy import find_local_date
from domain.state.certification import CertificationState
from domain.state.policy import Policy
from domain.state.review import expect_decision


def find_review_day(program: str, plan_year: int, since: datetime) -> date:
    """The last day of the target for a case that has waited for staff since then."""
    return review_times.find_review_day(find_newest_policy(program, plan_year), since, list_days_off)


def expect_review(program: str, plan_year: int, since: datetime | None, now: datetime) -> ReviewTime | None:
    """What is said to who waits since then, or will wait, as `domain.shared.cases.review_times` says it."""
    return review_times.expect_review(find_newest_policy(program, plan_year), since, now, list_days_off)


def expect_case_decision(
    state: CertificationState, policy: Policy, opened_at: datetime, now: datetime
) -> ReviewTime | None:
    """The same of a case, as `domain.state.review` says it."""
    return expect_decision(state, policy, opened_at, now, list_days_off)


def find_review_today(program: str, plan_year: int, now: datetime) -> date:
    """The date that a target is held against: the program's own."""
    return find_local_date(find_newest_policy(program, plan_year), now)
