"""What other rules would make of a case as it stands: whose outcome changes, and how (E12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.federal.markets import MLMS
from domain.federal.policy import FederalPolicy
from domain.federal.registration import RegistrationState
from domain.programs.state import CaseState
from domain.shared.cases.reminders import find_due_date
from domain.shared.cases.stages import OWNER
from domain.shared.policy import ProgramPolicy, find_local_date
from domain.state.certification import CertificationState, EligibilityStatus
from domain.state.policy import Policy
from domain.state.request import StoredRequest
from domain.state.training_deadline import find_awaited_day, find_training_clock


class Outcome(StrEnum):
    """What of a case may come out otherwise by other rules."""

    LAST_DAY = "last_day"
    REMINDER = "reminder"
    EXAM = "exam"
    INTAKE = "intake"
    LICENSE = "license"
    TRAINING = "training"
    TRAINING_DEADLINE = "training_deadline"
    VENDOR = "vendor"
    LISTING = "listing"


# By the move itself; of all others what was judged stays as it was judged, and what comes next is judged anew.
BY_MOVE = frozenset({Outcome.LAST_DAY, Outcome.REMINDER, Outcome.TRAINING_DEADLINE})


@dataclass(frozen=True)
class OutcomeChange:
    """One thing that comes out otherwise: by the rules of before, and by the others; empty text where there is none."""

    what: Outcome
    before: str
    after: str

    @property
    def is_by_move(self) -> bool:
        """Whether it changes with the rules at once."""
        return self.what in BY_MOVE


def list_outcome_changes(
    before: ProgramPolicy, after: ProgramPolicy, state: CaseState, request: StoredRequest | None, today: date
) -> list[OutcomeChange]:
    """What of an open case comes out otherwise by other rules; ``request`` is there in the state's program only."""
    found = [*_compare_last_days(before, after), *_compare_reminders(before, after, state, today)]
    if isinstance(before, Policy) and isinstance(after, Policy) and isinstance(state, CertificationState):
        found += _compare_certifications(before, after, state, request)
    if isinstance(before, FederalPolicy) and isinstance(after, FederalPolicy) and isinstance(state, RegistrationState):
        found += _compare_registrations(before, after, state)
    return [change for change in found if change.before != change.after]


def _compare_last_days(before: ProgramPolicy, after: ProgramPolicy) -> Iterator[OutcomeChange]:
    days = [policy.windows.closes_on for policy in (before, after)]
    yield OutcomeChange(Outcome.LAST_DAY, *(day.isoformat() if day else "" for day in days))


def _compare_reminders(
    before: ProgramPolicy, after: ProgramPolicy, state: CaseState, today: date
) -> Iterator[OutcomeChange]:
    since = state.waiting_since
    if since is None or state.waiting_for is None or OWNER[state.waiting_for] != "assister":
        return
    due = [
        find_due_date(find_local_date(policy, since), today, policy.reminder_every_days, policy.reminders_at_most)
        for policy in (before, after)
    ]
    yield OutcomeChange(Outcome.REMINDER, *(day.isoformat() if day else "" for day in due))


def _compare_certifications(
    before: Policy, after: Policy, state: CertificationState, request: StoredRequest | None
) -> Iterator[OutcomeChange]:
    for attempt in state.attempts:
        verdicts = ["passed" if Decimal(attempt.score) >= policy.pass_mark else "failed" for policy in (before, after)]
        yield OutcomeChange(Outcome.EXAM, *(f"{attempt.score} {verdict}" for verdict in verdicts))
    yield OutcomeChange(Outcome.TRAINING_DEADLINE, *(_find_deadline(state, policy) for policy in (before, after)))
    if state.certificate is None:
        yield OutcomeChange(Outcome.TRAINING, before.lms.exam_id, after.lms.exam_id)
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) or request is None:
        return
    if state.opening.kind.is_licensed:
        yield OutcomeChange(Outcome.LICENSE, before.home_state, after.home_state)
    addresses = request.physical_address.state, request.business_address.state
    admits = [
        policy.intake.admits(state.opening.kind, state.opening.assister_type, *addresses) for policy in (before, after)
    ]
    yield OutcomeChange(Outcome.INTAKE, *("in scope" if one else "out of scope" for one in admits))


def _find_deadline(state: CertificationState, policy: Policy) -> str:
    """The last day that comes next for training that isn't complete; which one, of a case that has lapsed."""
    if (day := find_awaited_day(state, policy)) is None:
        return ""
    clock = find_training_clock(state, policy)
    return f"{clock.last_day}, reactivation until {clock.reactivate_until}" if clock and state.is_lapsed else str(day)


def _compare_registrations(
    before: FederalPolicy, after: FederalPolicy, state: RegistrationState
) -> Iterator[OutcomeChange]:
    for one in state.enrollments:
        if one.completed_at is not None:
            continue
        ids = [policy.mlms.courses.get(one.curriculum, "") for policy in (before, after)]
        yield OutcomeChange(Outcome.TRAINING, *ids)
        if one.channel != MLMS:
            vendors = [policy.vendors.get(one.channel) for policy in (before, after)]
            approved = [vendor is not None and one.curriculum in vendor.curricula for vendor in vendors]
            yield OutcomeChange(Outcome.VENDOR, *(f"{one.channel} {'approved' if yes else 'not'}" for yes in approved))
    if state.unlisted:
        lags = [", ".join(f"{name.value} {days}" for name, days in sorted(p.lags.items())) for p in (before, after)]
        yield OutcomeChange(Outcome.LISTING, *lags)
