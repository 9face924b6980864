"""Each alert fires on figures that the system itself exports, none while all is well, and each has its page to read."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from temporalio.client import Client

from db.house_tables import ReturnedLetter, ThirdPartyRow
from db.license_tables import LicenseRoundRow
from db.own_tables import CodeRow
from db.recovery_tables import DeliveryFailure, ReconciliationRow
from db.tables import Case, InboxRow, LeaseRow, UncountedReport
from db.writes.house.third_parties import record_calls
from db.writes.licenses.rounds import close_round
from domain.shared.third_parties import build_failure, build_success
from starter import schedules
from starter.operations import TemporalFigures
from tests.support import documents
from tests.support.tables import add_rows, change_row
from tests.web.house import House
from tests.web.test_staff_queue import flagged, waiting
from web import metrics

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES: list[dict[str, Any]] = YAML(typ="safe").load(MONITORING / "alerts.yml")["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
# What Prometheus and the SDK export themselves.
OF_THE_SDK = "temporal_"
Series = tuple[str, Mapping[str, str], float]

SELECTOR = r"(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})?"
COMPARISON = re.compile(rf"^(?P<age>time\(\) - )?{SELECTOR} (?P<than>==|>) (?P<number>\d+)$")
ABSENCE = re.compile(rf"^absent\({SELECTOR}\)$")
MATCHER = re.compile(r'(\w+)(=|!=|=~)"([^"]*)"')


def fires(expression: str, series: list[Series], at: datetime) -> bool:
    """Whether an expression of the few forms that the rules use has a result, as Prometheus finds it."""
    if absence := ABSENCE.match(expression):
        return not select(absence, series)
    compared = COMPARISON.match(expression)
    assert compared is not None, expression
    values = [at.timestamp() - value if compared["age"] else value for value in select(compared, series)]
    wanted = float(compared["number"])
    return any(value == wanted if compared["than"] == "==" else value > wanted for value in values)


def select(selector: re.Match[str], series: list[Series]) -> list[float]:
    matchers = MATCHER.findall(selector["labels"] or "")
    return [
        value
        for name, labels, value in series
        if name == selector["name"]
        and all(
            (labels.get(label) == text)
            if how == "="
            else (labels.get(label) != text)
            if how == "!="
            else re.fullmatch(text, labels.get(label, ""))
            for label, how, text in matchers
        )
    ]


def parse(text: str) -> list[Series]:
    return [
        (one.name, one.labels, one.value) for family in text_string_to_metric_families(text) for one in family.samples
    ]


async def firing(house: House, at: datetime) -> tuple[set[str], list[Series]]:
    """The alerts whose rules hold for what /metrics says now, and what it says."""
    series = parse((await house.browser.get("/metrics")).text)
    return {rule["alert"] for rule in RULES if fires(rule["expr"], series, at)}, series


@pytest.fixture
async def settled(scheduled: House) -> House:
    """A house in which all is well: a worker works, third parties answer, the rounds were made."""
    house, now = scheduled, datetime.now(UTC)
    await house.database.write(record_calls, {"mail": build_success(now), "lms": build_success(now)})
    await house.database.write(close_round, now.date(), now, now)
    lease = LeaseRow(name="background", holder="a worker", expires_at=now + timedelta(hours=1))
    row = ReconciliationRow(number=1, finished_at=now, thorough=False, counts={}, unknown=[])
    await house.database.write(add_rows, lease, row)
    case_id = await waiting(house)
    await house.database.write(change_row, Case, case_id, run_id="a-run")
    return house


async def test_no_alert_fires_while_all_is_well_and_each_does_on_what_it_is_about(
    settled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, now = settled, datetime.now(UTC)
    assert (await firing(house, now))[0] == set()

    case_id = await house.open(documents.broker())
    await house.database.write(change_row, Case, case_id, waiting_since=now - timedelta(hours=2))
    await flagged(house, "notices.send.stuck", now)
    await flagged(house, "workflow_gone", now - timedelta(days=6))
    await waiting(house)
    long = await waiting(house)
    await house.database.write(change_row, Case, long, waiting_since=now - timedelta(days=6), run_id="a-run")
    await house.database.write(
        add_rows,
        DeliveryFailure(kind="start", item=case_id, case_id=case_id, failures=10, code="refused", failed_at=now),
        UncountedReport(sender="lms", digest="d", body={}, faults=[], received_at=now - timedelta(days=2)),
        InboxRow(
            source="lms",
            event_id="e",
            case_id=case_id,
            kind="lms_registered",
            digest="d",
            state="pending",
            received_at=now - timedelta(minutes=6),
        ),
        CodeRow(
            id="a-code",
            browser_hash="hash",
            email="testa@example.com",
            purpose="sign_in",
            language="en",
            asked_at=now - timedelta(minutes=16),
            next_attempt_at=now,
        ),
        *(ReturnedLetter(message_id=str(number), status="5.7.1", returned_at=now) for number in range(21)),
    )
    for name in ("mail", "lms"):
        await house.database.write(change_row, ThirdPartyRow, name, answered_at=now - timedelta(hours=1))
    since = now - timedelta(minutes=11)
    silence = {name: build_failure(since, f"{name}_unreachable", is_answered=False) for name in ("mail", "lms")}
    await house.database.write(record_calls, silence)
    await house.database.write(change_row, LeaseRow, "background", expires_at=now - timedelta(minutes=1))
    old = now - timedelta(days=2)
    await house.database.write(change_row, ReconciliationRow, 1, finished_at=old)
    await house.database.write(change_row, LicenseRoundRow, now.date(), finished_at=old)
    paused = house.services.cases.temporal.get_schedule_handle(schedules.DAILY_ROUND_ID)
    await paused.pause()

    async def fail(_: Client) -> int:
        return 1

    monkeypatch.setattr("starter.operations._count_failing", fail)
    later = datetime.now(UTC)
    fired, series = await firing(house, later)

    async def be_away(_: Client) -> TemporalFigures:
        return TemporalFigures(is_up=False)

    monkeypatch.setattr(metrics, "read_temporal_figures", be_away)
    fired |= (await firing(house, later))[0]
    fired |= {rule["alert"] for rule in RULES if fires(rule["expr"], [], later)}
    assert fired == {rule["alert"] for rule in RULES}
    names = {name for name, _, _ in series}
    assert {name for name in list_named() if not name.startswith(OF_THE_SDK)} <= names


def list_named() -> set[str]:
    """Every metric that a rule or the dashboard names."""
    told = [rule["expr"] for rule in RULES] + [
        target["expr"] for panel in BOARD["panels"] for target in panel["targets"]
    ]
    return {name for expression in told for name in re.findall(r"\b(?:certify|temporal)_\w+", expression)}


def test_every_alert_has_its_section_in_the_runbook_and_leads_there() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", runbook, re.S | re.M))
    assert set(sections) == {rule["alert"] for rule in RULES}
    for rule in RULES:
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
        for part in ("**Means:**", "**Look at:**", "**Do:**"):
            assert part in sections[rule["alert"]], rule["alert"]


def test_the_panels_of_the_dashboard_lie_beside_each_other_and_ask_the_source_that_is_chosen() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    (source,) = BOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
