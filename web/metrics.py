"""What Prometheus reads at /metrics: the figures of the page Operations, and how many cases are where; no people."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from db.reads.counts import count_stages
from db.reads.house.operations import Operations, Waiting, read_operations
from db.reads.licenses.rounds import read_last_round
from db.reads.recovery.reconciliation import read_last_reconciliation
from domain.shared.cases.reconciliation import FLAGGED, FOLLOWED, WANTED, Outcome
from starter.cases import now
from starter.operations import TemporalFigures, read_temporal_figures
from web.http.auth import PUBLIC
from web.services import Services, ServicesDep

router = APIRouter(tags=["health"])


@router.get("/metrics", dependencies=[PUBLIC])
async def read_metrics(services: ServicesDep) -> PlainTextResponse:
    """How each third party answers, what waits and since when, what runs when, and cases by stage, for Prometheus."""
    kept = CollectorRegistry()
    stages = Gauge("certify_cases", "Cases by stage", ["stage"], registry=kept)
    for stage, count in (await services.database.read(count_stages)).items():
        stages.labels(stage).set(count)
    figures = await services.database.read(read_operations, now())
    _add_third_parties(kept, figures)
    _add_backlogs(kept, figures)
    _add_waits(kept, figures)
    _add_temporal(kept, await read_temporal_figures(services.cases.temporal))
    await _add_reconciliation(services, kept)
    await _add_license_round(services, kept)
    return PlainTextResponse(generate_latest(kept), media_type=CONTENT_TYPE_LATEST)


def _add_third_parties(kept: CollectorRegistry, figures: Operations) -> None:
    up = Gauge(
        "certify_third_party_up", "Whether it answers; nothing of one never called", ["third_party"], registry=kept
    )
    silent = _add_moments(kept, "certify_third_party_silent_since", "Since when it doesn't answer", "third_party")
    succeeded = _add_moments(kept, "certify_third_party_last_success", "Its last call that did its work", "third_party")
    failed = _add_moments(kept, "certify_third_party_last_failure", "Its last call that didn't", "third_party")
    waiting: dict[str, Waiting] = {}
    for one in figures.third_parties:
        if one.calls.answered_at or one.calls.failed_at:
            up.labels(one.name).set(one.calls.silent_since is None)
        _set_moment(silent, one.name, one.calls.silent_since)
        _set_moment(succeeded, one.name, one.calls.succeeded_at)
        _set_moment(failed, one.name, one.calls.failed_at)
        waiting[one.name] = one.waiting
    _add_waiting(kept, "certify_third_party_waiting", "Cases, or letters, that wait for it", "third_party", waiting)


def _add_backlogs(kept: CollectorRegistry, figures: Operations) -> None:
    _add_waiting(kept, "certify_backlog", "What is stored and not done with", "of", figures.backlogs)
    pending = Gauge("certify_inbox_pending", "Webhook events not yet delivered", registry=kept)
    pending.set(figures.backlogs["inbox"].number)
    given_up = Gauge("certify_deliveries_given_up", "Deliveries to Temporal that were given up", registry=kept)
    given_up.set(figures.backlogs["given_up"].number)
    working = Gauge("certify_background_working", "Whether a worker does the background work", registry=kept)
    working.set(figures.background_until is not None)


def _add_waits(kept: CollectorRegistry, figures: Operations) -> None:
    _add_waiting(kept, "certify_wait", "Cases by whose move it is", "owner", figures.owners)
    late = Gauge("certify_late", "Cases for which we have not done for an hour what is done at once", registry=kept)
    late.set(figures.late.number)
    returned = Gauge(
        "certify_letters_returned", "Letters of the last day that came back, or are late", ["how"], registry=kept
    )
    returned.labels("returned").set(figures.returned.number)
    returned.labels("delayed").set(figures.delayed.number)
    attention = Gauge("certify_attention", "Cases by why staff should look", ["reason"], registry=kept)
    for reason, number in figures.attention.items():
        attention.labels(reason).set(number)


def _add_temporal(kept: CollectorRegistry, figures: TemporalFigures) -> None:
    up = Gauge("certify_temporal_up", "Whether Temporal answers", registry=kept)
    up.set(figures.is_up)
    if figures.failing is not None:
        failing = Gauge("certify_workflow_tasks_failing", "Running workflows whose tasks keep failing", registry=kept)
        failing.set(figures.failing)
    last = _add_moments(kept, "certify_schedule_last_run", "When it last began something", "schedule")
    paused = Gauge("certify_schedule_paused", "Whether somebody has paused it", ["schedule"], registry=kept)
    for one in figures.schedules:
        _set_moment(last, one.name, one.last_run_at)
        paused.labels(one.name).set(one.is_paused)


def _add_waiting(kept: CollectorRegistry, name: str, told: str, label: str, waiting: Mapping[str, Waiting]) -> None:
    """How many, and since when the first; nothing of the latter where none waits."""
    numbers = Gauge(name, told, [label], registry=kept)
    since = _add_moments(kept, f"{name}_since", "Since when the first of them waits", label)
    for value, one in waiting.items():
        numbers.labels(value).set(one.number)
        _set_moment(since, value, one.since)


def _add_moments(kept: CollectorRegistry, name: str, told: str, label: str) -> Gauge:
    return Gauge(f"{name}_timestamp_seconds", told, [label], registry=kept)


def _set_moment(gauge: Gauge, value: str, at: datetime | None) -> None:
    if at is not None:
        gauge.labels(value).set(at.timestamp())


async def _add_reconciliation(services: Services, kept: CollectorRegistry) -> None:
    """What the last reconciliation came to; nothing before there was one."""
    last = await services.database.read(read_last_reconciliation)
    if last is None:
        return
    found = Gauge("certify_reconciliation_cases", "Cases by what the last one found", ["outcome"], registry=kept)
    for outcome in Outcome:
        found.labels(outcome).set(last.counts.get(outcome, 0))
    for beside in (WANTED, FOLLOWED):
        found.labels(beside).set(last.counts.get(beside, 0))
    found.labels("flagged").set(sum(last.counts.get(outcome, 0) for outcome in FLAGGED))
    unknown = Gauge("certify_workflows_without_case", "Workflows that run and have no case", registry=kept)
    unknown.set(last.counts.get("unknown", 0))
    at = Gauge("certify_reconciliation_timestamp_seconds", "When the last one ended", registry=kept)
    at.set(last.finished_at.timestamp())


async def _add_license_round(services: Services, kept: CollectorRegistry) -> None:
    """What the last round over licences of the certified came to; nothing before the first one (E1)."""
    last = await services.database.read(read_last_round)
    if last is None:
        return
    found = Gauge("certify_license_round", "The last round over licenses, by what is counted", ["count"], registry=kept)
    for name, number in last.counts.items():
        found.labels(name).set(number)
    at = Gauge("certify_license_round_timestamp_seconds", "When the last one ended", registry=kept)
    at.set(last.finished_at.timestamp())
