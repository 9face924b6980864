"""A case whose workflow is gone, and deliveries that were given up: who may mend them from the console."""

import re
from datetime import UTC, datetime

import pytest
from sqlmodel import col, select

from db.case_state import list_flags, list_rows, load_case
from db.recovery_tables import DeliveryFailure
from db.tables import AuditRow, Case
from db.writes.cases import flag_case
from db.writes.recovery.deliveries import ATTEMPTS, DeliveryKind, FailedDelivery, record_failures
from db.writes.recovery.reconciliation import keep_reconciliation
from db.writes.recovery.restarts import WORKFLOW_GONE
from domain.shared.cases.reasons import Reason
from domain.shared.round_messages import ReconciliationOrder
from starter.temporal import CaseWorkflows, Unreachable
from tests.support import documents
from tests.support.tables import change_row
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole

NOW = datetime.now(UTC)


async def gone(house: House) -> str:
    """A case whose workflow was there, and isn't known any more."""
    case_id = await house.open(documents.broker())
    await house.database.write(change_row, Case, case_id, run_id="lost", workflow_id=f"lost/{case_id}")
    await house.database.write(flag_case, case_id, WORKFLOW_GONE, NOW, Reason("workflow_lost"))
    return case_id


async def audited(house: House, action: str) -> list[AuditRow]:
    return await house.database.read(list_rows, select(AuditRow).where(col(AuditRow.action) == action))


async def test_an_operator_restarts_a_case_whose_workflow_is_gone_and_it_runs(house: House) -> None:
    case_id = await gone(house)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    path = f"/staff/cases/{case_id}/restart"
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    assert "Workflow not running" in reader.text
    assert path in {form["action"] for form in reader.of("form")}
    spanish = read(await house.browser.get(f"/staff/cases/{case_id}?lang=es")).text
    assert "Flujo de trabajo detenido" in spanish
    assert "Reiniciar el caso" in spanish
    await house.browser.get(f"/staff/cases/{case_id}?lang=en")
    assert "Give a reason." in read(await house.post(path, {"csrf_token": csrf}), 422).text
    answer = await house.post(path, {"csrf_token": csrf, "reason": "The store was restored."})
    assert answer.status_code == 303
    page = read(await house.browser.get(answer.headers["location"]))
    assert "The case is begun again from what is recorded." in page.text
    case = await house.database.read(load_case, case_id)
    assert (case.run_id, case.restarts) == (None, 0)
    assert await house.services.cases._workflows.is_running(case)
    [row] = await audited(house, "case.restarted")
    assert (row.actor, row.reason) == ("operator", "The store was restored.")
    again = read(await house.post(path, {"csrf_token": csrf, "reason": "Once more."}), 409)
    assert "The case's workflow is running; there is nothing to begin again." in again.text


async def test_who_may_not_restart_is_not_offered_it_and_a_case_without_the_flag_offers_it_to_nobody(
    house: House,
) -> None:
    case_id, healthy = await gone(house), await house.open(documents.broker())
    path = f"/staff/cases/{case_id}/restart"
    csrf = await house.sign_in(StaffRole.REVIEWER)
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    assert path not in {form["action"] for form in reader.of("form")}
    assert (await house.post(path, {"csrf_token": csrf, "reason": "Please."})).status_code == 403
    await house.sign_in(StaffRole.OPERATOR, StaffRole.AUDITOR)
    reader = read(await house.browser.get(f"/staff/cases/{healthy}"))
    assert f"/staff/cases/{healthy}/restart" not in {form["action"] for form in reader.of("form")}
    assert await audited(house, "case.restarted") == []


async def test_a_restart_while_temporal_is_away_says_so_and_does_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_answers(*_: object) -> bool:
        raise Unreachable

    monkeypatch.setattr(CaseWorkflows, "is_running", nobody_answers)
    case_id = await gone(house)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    form = {"csrf_token": csrf, "reason": "The store was restored."}
    reader = read(await house.post(f"/staff/cases/{case_id}/restart", form), 409)
    assert "Temporal can't be reached now; try again later." in reader.text
    assert await audited(house, "case.restarted") == []


async def test_what_was_given_up_is_shown_and_tried_again(house: House) -> None:
    case_id = await house.open(documents.broker())
    failed = FailedDelivery(DeliveryKind.START, case_id, case_id, "RPCError")
    for _ in range(ATTEMPTS):
        await house.database.write(record_failures, [failed], NOW)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    reader = read(await house.browser.get("/staff/webhooks"))
    assert "Beginning of the workflow" in reader.text
    [path] = {str(form["action"]) for form in reader.of("form") if "given-up" in str(form["action"])}
    reader = read(await house.post(path, {"csrf_token": csrf}), 422)
    assert "Give a reason." in reader.text
    answer = await house.post(path, {"csrf_token": csrf, "reason": "The id was mended."})
    assert answer.headers["location"] == "/staff/webhooks?done=retried"
    assert "It is tried again within some seconds." in read(await house.browser.get(answer.headers["location"])).text
    [row] = await house.database.read(list_rows, select(DeliveryFailure))
    assert (row.failures, row.next_attempt_at is None) == (0, False)
    assert list_flags(await house.database.read(load_case, case_id)) == {}
    assert (await house.post(path, {"csrf_token": csrf, "reason": "Again."})).status_code == 404
    csrf = await house.sign_in(StaffRole.REVIEWER)
    assert (await house.post(path, {"csrf_token": csrf, "reason": "Again."})).status_code == 403


async def test_metrics_say_what_the_last_reconciliation_came_to(house: House) -> None:
    before = (await house.browser.get("/metrics")).text
    assert "certify_deliveries_given_up 0.0" in before
    assert "certify_reconciliation_cases" not in before
    counts = {"running": 7, "missing": 1, "restarted": 2, "stuck": 3, "unknown": 4}
    await house.database.write(keep_reconciliation, ReconciliationOrder(number=5, counts=counts), NOW)
    told = (await house.browser.get("/metrics")).text
    for outcome, number in {"running": 7, "missing": 1, "restarted": 2, "flagged": 4}.items():
        assert f'certify_reconciliation_cases{{outcome="{outcome}"}} {number}.0' in told
    assert "certify_workflows_without_case 4.0" in told
    (at,) = re.findall(r"^certify_reconciliation_timestamp_seconds (\S+)$", told, re.MULTILINE)
    assert float(at) == NOW.timestamp()
