"""Within what time a request is decided, as it may be said to who sent it."""

from datetime import datetime

from domain.shared.business_days import DaysOff
from domain.shared.cases.review_times import ReviewTime, expect_review
from domain.shared.cases.stages import WaitingFor
from domain.state.certification import CertificationState
from domain.state.policy import Policy


def expect_decision(
    state: CertificationState, policy: Policy, opened_at: datetime, now: datetime, days_off: DaysOff
) -> ReviewTime | None:
    """The policy's target of a case opened then; None once it is decided, or the time is over.

    While something else comes first, a license's look-up, the days run from the opening; a counselor's run from the
    report on them, which nobody can foresee.
    """
    if state.ended:
        return None
    if state.waiting_for is WaitingFor.DECISION and state.waiting_since is not None:
        return expect_review(policy, state.waiting_since, now, days_off)
    if state.decision is not None:
        return None
    return expect_review(policy, opened_at if state.opening.kind.is_licensed else None, now, days_off)
