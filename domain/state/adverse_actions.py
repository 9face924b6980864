"""A denial that rests on a background report goes by the Fair Credit Reporting Act: notice, days, dispute, end (E8)."""

from collections.abc import Container
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.shared.business_days import find_business_day, is_business_day
from domain.shared.cases.facts import Fact, FactData, FactKind, FactLog, GivenReason
from domain.shared.cases.messages import CaseRef, Letter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.state.background_reports import BackgroundCheck, BackgroundReport
from domain.state.policy import AdverseActionRules

# Whom a dispute, or its end, is said to be by where the vendor has reported it.
VENDOR = "background-check vendor"
# Facts about an adverse action; each of them counts.
ADVERSE_FACTS = frozenset(
    {
        FactKind.ADVERSE_ACTION_BEGUN,
        FactKind.ADVERSE_ACTION_NOTICED,
        FactKind.ADVERSE_ACTION_DISPUTED,
        FactKind.ADVERSE_ACTION_DISPUTE_ENDED,
        FactKind.ADVERSE_ACTION_RESUMED,
        FactKind.ADVERSE_ACTION_WAITED,
        FactKind.ADVERSE_ACTION_ENDED,
    }
)


class AdverseOutcome(StrEnum):
    """How an adverse action ends: the case was denied, or it was not."""

    DENIED = "denied"
    CANCELED = "canceled"


class AdverseStatus(StrEnum):
    """Where an adverse action stands."""

    NOTICING = "noticing"
    WAITING = "waiting"
    DISPUTED = "disputed"
    RESUMING = "resuming"
    DECIDABLE = "decidable"
    DENIED = "denied"
    CANCELED = "canceled"


class AdverseActionData(FactData):
    """Every fact of an adverse action says which one of its case it is of, counted from 1."""

    number: int


class AdverseActionBegunData(GivenReason, AdverseActionData):
    """Staff mean to deny by the report; ``reason`` is in a person's own words."""

    by: str
    reason: str


class AdverseActionClockData(AdverseActionData):
    """The days run from a date, which is not counted, to the last one: of the notice, or of the end of a dispute."""

    counted_from: date
    last_day: date


class AdverseActionDisputedData(AdverseActionData):
    """The assister disputes the report; ``reason`` is what is wrong with it, ``method`` how staff have their word."""

    by: str
    disputed_on: date
    reason: str = ""
    method: str | None = None


class AdverseActionDisputeEndedData(AdverseActionData):
    """The vendor has reported anew since the dispute, or staff say that it is over."""

    by: str
    reason: str = ""


class AdverseActionWaitedData(AdverseActionData):
    """The days are over; ``clock`` is how often they had been resumed."""

    clock: int


class AdverseActionEndedData(AdverseActionData):
    """How it ended."""

    outcome: AdverseOutcome


class AdverseAction(GivenReason):
    """What the facts about an adverse action come to.

    ``version`` is how many they are: of two views the one with more is newer. ``last_day`` is the last day before which
    nobody denies, None while it is not known; it is counted from the day after ``counted_from``. ``clock`` is how often
    the days were resumed.
    """

    number: int
    version: int
    status: AdverseStatus
    by: str
    reason: str
    since: datetime
    notice_date: date | None = None
    counted_from: date | None = None
    last_day: date | None = None
    clock: int = 0
    disputed_at: datetime | None = None
    disputed_on: date | None = None
    dispute: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status not in (AdverseStatus.DENIED, AdverseStatus.CANCELED)


def fold_adverse_action(log: FactLog) -> AdverseAction | None:
    """The last adverse action of a case; None where there was none. The order of its facts doesn't matter."""
    begun = [(fact, fact.read_as(AdverseActionBegunData)) for fact in log.find_all(FactKind.ADVERSE_ACTION_BEGUN)]
    if not begun:
        return None
    first, data = max(begun, key=lambda one: one[1].number)
    own = [fact for fact in log.find_all(*ADVERSE_FACTS) if fact.read_as(AdverseActionData).number == data.number]
    clocks = _list_of(own, FactKind.ADVERSE_ACTION_NOTICED) + _list_of(own, FactKind.ADVERSE_ACTION_RESUMED)
    notice = next((fact for fact in clocks if fact.kind is FactKind.ADVERSE_ACTION_NOTICED), None)
    last = clocks[-1].read_as(AdverseActionClockData) if clocks else None
    disputed = next(reversed(_list_of(own, FactKind.ADVERSE_ACTION_DISPUTED)), None)
    dispute = disputed.read_as(AdverseActionDisputedData) if disputed else None
    return AdverseAction(
        number=data.number,
        version=len(own),
        status=_find_status(own),
        **data.model_dump(include={"by", "reason", "told", "written_in"}),
        since=first.at,
        notice_date=notice.read_as(AdverseActionClockData).counted_from if notice else None,
        counted_from=last.counted_from if last else None,
        last_day=last.last_day if last else None,
        clock=len(_list_of(own, FactKind.ADVERSE_ACTION_RESUMED)),
        disputed_at=disputed.at if disputed else None,
        disputed_on=dispute.disputed_on if dispute else None,
        dispute=dispute.reason if dispute else "",
    )


def _list_of(facts: list[Fact], kind: FactKind) -> list[Fact]:
    return [fact for fact in facts if fact.kind is kind]


def _find_status(own: list[Fact]) -> AdverseStatus:
    """By how many facts of each kind there are: what comes late has the time at which it was asked for."""
    ended = next(iter(_list_of(own, FactKind.ADVERSE_ACTION_ENDED)), None)
    if ended is not None:
        return AdverseStatus(ended.read_as(AdverseActionEndedData).outcome.value)
    over = len(_list_of(own, FactKind.ADVERSE_ACTION_DISPUTE_ENDED))
    resumed = len(_list_of(own, FactKind.ADVERSE_ACTION_RESUMED))
    if len(_list_of(own, FactKind.ADVERSE_ACTION_DISPUTED)) > over:
        return AdverseStatus.DISPUTED
    if not _list_of(own, FactKind.ADVERSE_ACTION_NOTICED):
        return AdverseStatus.NOTICING
    if over > resumed:
        return AdverseStatus.RESUMING
    waited = (fact.read_as(AdverseActionWaitedData) for fact in _list_of(own, FactKind.ADVERSE_ACTION_WAITED))
    if any(one.clock == resumed for one in waited):
        return AdverseStatus.DECIDABLE
    return AdverseStatus.WAITING


def is_adverse(check: BackgroundCheck) -> bool:
    """Whether the last report of a check is one on which a denial would rest."""
    return check.report is not None and check.report.result == "consider"


def find_denial_refusal(check: BackgroundCheck, action: AdverseAction | None) -> Reason | None:
    """Why a case can't be denied now: its report counts against the assister, and they have not had their notice."""
    if not is_adverse(check):
        return None
    if action is None or not action.is_open:
        return Reason("adverse_action_needed")
    if action.status is AdverseStatus.DISPUTED:
        return Reason("adverse_action_disputed")
    if action.status is AdverseStatus.DECIDABLE:
        return None
    if action.last_day is None or action.status is not AdverseStatus.WAITING:
        return Reason("adverse_action_noticing")
    return Reason("adverse_action_waiting", {"last_day": action.last_day.isoformat()})


def find_beginning_refusal(check: BackgroundCheck, action: AdverseAction | None) -> Reason | None:
    """Why no adverse action can be begun."""
    if not is_adverse(check):
        return Reason("no_adverse_report")
    return Reason("adverse_action_open") if action is not None and action.is_open else None


def find_dispute_refusal(action: AdverseAction | None) -> Reason | None:
    """Why the report can't be disputed."""
    if action is None or not action.is_open:
        return Reason("no_adverse_action")
    return Reason("disputed_before") if action.status is AdverseStatus.DISPUTED else None


def find_dispute_end_refusal(action: AdverseAction | None) -> Reason | None:
    """Why a dispute can't be said to be over."""
    disputed = action is not None and action.status is AdverseStatus.DISPUTED
    return None if disputed else Reason("not_disputed")


def build_adverse_fact(case_id: str, kind: FactKind, data: AdverseActionData, at: datetime, part: str = "") -> Fact:
    """A fact that follows from others; its id follows from them too, so that it is there once."""
    step = kind.value.removeprefix("adverse_action_")
    return Fact(
        id=":".join(filter(None, ("adverse", case_id, str(data.number), step, part))),
        kind=kind,
        at=at,
        data=data.to_json(),
    )


def build_vendor_dispute(
    case_id: str,
    action: AdverseAction | None,
    check: BackgroundCheck,
    report: BackgroundReport,
    received_at: datetime,
    today: date,
) -> Fact | None:
    """A dispute that the vendor reports, at its own time; None where it is over by now, or stops nothing."""
    at = min(report.created_at or received_at, received_at)
    if find_dispute_refusal(action) or (check.reported_at and check.reported_at >= at):
        return None
    assert action is not None, "one that can be disputed"
    data = AdverseActionDisputedData(number=action.number, by=VENDOR, disputed_on=today)
    return Fact(id=f"background:{report.event_id}", kind=FactKind.ADVERSE_ACTION_DISPUTED, at=at, data=data.to_json())


def build_following_facts(
    case_id: str,
    action: AdverseAction | None,
    check: BackgroundCheck,
    *,
    denied: bool,
    settled: bool,
    at: datetime,
) -> list[Fact]:
    """What becomes of an open adverse action by what happened to its case.

    ``denied`` says that it was denied, ``settled`` that it has ended or was approved. A report that is clear, or is
    waited for anew, takes the ground away. One that is newer than the dispute, by the vendor's own time, ends that.
    """
    if action is None or not action.is_open:
        return []
    if denied or settled or not is_adverse(check):
        ended = AdverseActionEndedData(
            number=action.number, outcome=AdverseOutcome.DENIED if denied else AdverseOutcome.CANCELED
        )
        return [build_adverse_fact(case_id, FactKind.ADVERSE_ACTION_ENDED, ended, at)]
    reported, disputed = check.reported_at, action.disputed_at
    if action.status is AdverseStatus.DISPUTED and reported and disputed and reported > disputed:
        over = AdverseActionDisputeEndedData(number=action.number, by=VENDOR)
        # Not by the clock: a report may be disputed again before the days of the first dispute have gone on.
        part = str(action.version)
        return [build_adverse_fact(case_id, FactKind.ADVERSE_ACTION_DISPUTE_ENDED, over, at, part)]
    return []


def count_notice_days(
    action: AdverseAction, rules: AdverseActionRules, holidays: Container[date], today: date
) -> AdverseActionClockData:
    """The days that a notice gives that is sent today; those that run already stay, whoever sends it again."""
    if action.notice_date is not None and action.last_day is not None:
        return AdverseActionClockData(number=action.number, counted_from=action.notice_date, last_day=action.last_day)
    last_day = find_business_day(today, rules.pre_notice_business_days, holidays)
    return AdverseActionClockData(number=action.number, counted_from=today, last_day=last_day)


def build_notice_facts(
    case_id: str,
    action: AdverseAction,
    rules: AdverseActionRules,
    holidays: Container[date],
    today: date,
    at: datetime,
) -> list[Fact]:
    """The days begin, since the notice was sent today; none where they run, or where nothing is to be denied."""
    if action.notice_date is not None or not action.is_open:
        return []
    days = count_notice_days(action, rules, holidays, today)
    return [build_adverse_fact(case_id, FactKind.ADVERSE_ACTION_NOTICED, days, at)]


def build_clock_facts(
    case_id: str,
    action: AdverseAction,
    rules: AdverseActionRules,
    holidays: Container[date],
    day_ends: datetime | None,
    today: date,
    at: datetime,
) -> list[Fact]:
    """What is due of an open adverse action: its days go on after a dispute, or are over.

    They begin when its notice is sent, which is recorded with that. ``day_ends`` is the end of its last day, None while
    that isn't known; ``holidays`` have to reach as far as the days.
    """
    if action.status is AdverseStatus.RESUMING:
        last_day = find_business_day(today, _count_days_left(action, rules, holidays), holidays)
        days = AdverseActionClockData(number=action.number, counted_from=today, last_day=last_day)
        return [build_adverse_fact(case_id, FactKind.ADVERSE_ACTION_RESUMED, days, at, str(action.clock + 1))]
    if action.status is AdverseStatus.WAITING and day_ends is not None and day_ends <= at:
        waited = AdverseActionWaitedData(number=action.number, clock=action.clock)
        return [build_adverse_fact(case_id, FactKind.ADVERSE_ACTION_WAITED, waited, at, str(action.clock))]
    return []


def _count_days_left(action: AdverseAction, rules: AdverseActionRules, holidays: Container[date]) -> int:
    """The business days that were left when the report was disputed, that day among them; at least one.

    The day that the clock was counted from is none of them, nor is one before it.
    """
    if action.disputed_on is None or action.counted_from is None or action.last_day is None:
        return rules.pre_notice_business_days
    first = max(action.disputed_on, action.counted_from + timedelta(days=1))
    days = (first + timedelta(days=ahead) for ahead in range((action.last_day - first).days + 1))
    return max(1, sum(is_business_day(day, holidays) for day in days))


def list_due_letters(order: CaseRef, action: AdverseAction, *, has_ended: bool) -> list[Letter]:
    """What the assister has to be told of an adverse action so far, each letter once by its key.

    ``has_ended`` says that the case has: who withdrew isn't told that a report doesn't count any more.
    """
    told = [Notice.ADVERSE_ACTION_BEGUN] if action.is_open else []
    if action.status is AdverseStatus.DENIED:
        told.append(Notice.ADVERSE_ACTION_FINAL)
    elif action.status is AdverseStatus.CANCELED and action.notice_date and not has_ended:
        told.append(Notice.ADVERSE_ACTION_CANCELED)
    return [Letter(case_id=order.case_id, at=order.at, notice=one, about=str(action.number)) for one in told]


def describe_adverse_action(action: AdverseAction | None) -> dict[str, Any] | None:
    """The part of the status document; without what people wrote."""
    if action is None:
        return None
    return {
        "number": action.number,
        "status": action.status.value,
        "begun_at": action.since,
        "notice_date": action.notice_date,
        "last_day": action.last_day,
        "disputed_at": action.disputed_at,
    }
