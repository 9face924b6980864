"""How the work goes: how long stages take, what was decided, which reminders are due, who has waited longest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from statistics import median, quantiles

from sqlalchemy import String, column, exists, func, literal_column, select, union_all, values
from sqlalchemy.orm import Session
from sqlmodel import col

from db.reads.counts import Group
from db.reads.queue import Filters, ListedCase, View, list_cases_from
from db.tables import Case, EffectRow, FactRow, InboxRow, StageEntry, Utc
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.events import EventState
from domain.shared.cases.stages import ENDED, OWNER, Stage
from domain.shared.policy import ProgramPolicy, find_local_date, find_time_zone
from domain.state.eligibility import Verdict
from domain.state.policies import POLICIES

STAGE_DAYS, DECISION_DAYS = 90, 30
SAMPLE = 500  # times of a stage, the newest
OLDEST = 10
LEFT = [stage for stage in Stage if stage not in ENDED]


@dataclass(frozen=True)
class StageTime:
    """How long cases stayed in a stage: of the newest 500 that left it within 90 days."""

    stage: str
    median: timedelta
    ninth_decile: timedelta
    number: int


@dataclass(frozen=True)
class DecisionDay:
    """How many decisions of each verdict a day had, in the exchange's time zone."""

    day: date
    verdicts: dict[str, int]


@dataclass(frozen=True)
class Dashboard:
    """The numbers of a moment. ``stages`` and ``attention`` count cases; days come oldest first, empty ones too."""

    at: datetime
    stages: dict[str, int]
    attention: dict[str, int]
    times: list[StageTime]
    decisions: list[DecisionDay]
    reminders_due: int
    webhooks_pending: int
    oldest: list[ListedCase]


def read_dashboard(session: Session, groups: Sequence[Group], now: datetime) -> Dashboard:
    """The numbers of now; those of cases from the groups already counted."""
    pending = select(func.count()).select_from(InboxRow).where(col(InboxRow.state) == EventState.PENDING)
    return Dashboard(
        at=now,
        stages=_add_up(groups, "stage"),
        attention=_add_up(groups, "attention"),
        times=_measure_stages(session, now - timedelta(days=STAGE_DAYS)),
        decisions=_count_decisions(session, now),
        reminders_due=sum([_count_reminders(session, policies, now) for policies in _group_by_cadence()]),
        webhooks_pending=int((session.execute(pending)).scalar_one()),
        oldest=list_cases_from(session, View.QUEUE, Filters(at=now), None, OLDEST),
    )


def _add_up(groups: Iterable[Group], facet: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for group in groups:
        value = group.values[facet]
        if value is not None:
            sums[str(value)] = sums.get(str(value), 0) + group.number
    return sums


def _measure_stages(session: Session, since: datetime) -> list[StageTime]:
    """Of each stage the newest times, from the index alone; 500 are enough for both marks."""
    newest = [
        select(col(StageEntry.stage), col(StageEntry.entered_at), col(StageEntry.left_at))
        .where(col(StageEntry.stage) == stage.value, col(StageEntry.left_at) >= since)
        .order_by(col(StageEntry.left_at).desc())
        .limit(SAMPLE)
        .subquery()
        for stage in LEFT
    ]
    found = session.execute(union_all(*(select(one) for one in newest)))
    spent: dict[str, list[float]] = {}
    for stage, entered_at, left_at in found:
        spent.setdefault(stage, []).append((left_at - entered_at).total_seconds())
    return [_measure_stage(stage, spent[stage]) for stage in LEFT if stage in spent]


def _measure_stage(stage: str, seconds: list[float]) -> StageTime:
    ninth = quantiles(seconds, n=10, method="inclusive")[8] if len(seconds) > 1 else seconds[0]
    return StageTime(stage, timedelta(seconds=median(seconds)), timedelta(seconds=ninth), len(seconds))


def _count_decisions(session: Session, now: datetime) -> list[DecisionDay]:
    policy = next(iter(POLICIES.values()))
    today = find_local_date(policy, now)
    days = [today - timedelta(days=ago) for ago in reversed(range(DECISION_DAYS))]
    counted = {day: {verdict.value: 0 for verdict in Verdict} for day in days}
    query = select(col(FactRow.at), FactRow.data["verdict"].as_string()).where(
        col(FactRow.kind) == literal_column("'decided'"),  # with a parameter the partial index would not be used
        col(FactRow.at) >= _find_midnight(policy, days[0]),
    )
    for at, verdict in session.execute(query):
        day = find_local_date(policy, at)
        if day in counted:
            counted[day][verdict] += 1
    return [DecisionDay(day, verdicts) for day, verdicts in counted.items()]


def _find_midnight(policy: ProgramPolicy, day: date) -> datetime:
    return datetime.combine(day, time(), find_time_zone(policy)).astimezone(UTC)


# reminders


def _group_by_cadence() -> Iterable[list[ProgramPolicy]]:
    """The policies in force, grouped by when and how often they remind."""

    def cadence(policy: ProgramPolicy) -> tuple[str, str, int, int]:
        zone = policy.time_zone or str(policy.utc_offset_hours)
        return policy.program, zone, policy.reminder_every_days, policy.reminders_at_most

    policies: list[ProgramPolicy] = [*POLICIES.values(), *FEDERAL_POLICIES.values()]
    return [list(alike) for _, alike in groupby(sorted(policies, key=cadence), key=cadence)]


def _count_reminders(session: Session, policies: Sequence[ProgramPolicy], now: datetime) -> int:
    """How many reminders the daily round would send now, by the policies in force; one sent already isn't due (A18).

    Whose wait began on the same day is reminded on the same days: each such day is a range of the index.
    """
    policy = policies[0]
    today, every = find_local_date(policy, now), policy.reminder_every_days
    days = [
        (_find_midnight(policy, began), _find_midnight(policy, began + timedelta(days=1)), due.isoformat())
        for ago in range(every, every * (policy.reminders_at_most + 1))
        for began, due in [(today - timedelta(days=ago), today - timedelta(days=ago % every))]
    ]
    columns = column("since", Utc), column("until", Utc), column("due", String)
    began = values(*columns, name="began").data(days).cte("began")
    assisters = [wait.value for wait, owner in OWNER.items() if owner == "assister"]
    key = col(Case.case_id) + ":notice:reminder:0:" + col(Case.waiting_for) + ":" + began.c.due
    sent = exists().where(col(EffectRow.key) == key, col(EffectRow.result).is_not(None))
    unsent = (
        select(func.count())
        .select_from(Case)
        .where(
            col(Case.waiting_for).in_(assisters),
            col(Case.waiting_since) >= began.c.since,
            col(Case.waiting_since) < began.c.until,
            col(Case.program) == policy.program,
            col(Case.plan_year).in_([one.plan_year for one in policies]),
            ~sent.correlate(Case, began),
        )
        .correlate(began)
        .scalar_subquery()
    )
    return int((session.execute(select(func.sum(unsent)).select_from(began))).scalar_one())
