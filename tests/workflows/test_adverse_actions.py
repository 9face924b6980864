"""Adverse actions in the workflow: notice, business days, disputes, what ends them; over kills and renewals (E8)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from activities import reconciliation
from db.writes.opening import Opened
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.reconciliation import FOLLOWED
from domain.shared.ids import make_adverse_action_workflow_id
from tests.support import documents, inside as support
from tests.support.inside import Document, Inside
from tests.support.patience import PATIENCE
from tests.support.recovery import audited, reconcile

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAFF = "staff:sample"
# Five business days and what may lie between them: two weekends, and holidays beside them.
LONG = timedelta(days=16)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    async with support.running(tmp_path_factory.mktemp("inside")) as running:
        yield running


async def considered(inside: Inside) -> Opened:
    """A counselor's case whose report counts against them."""
    opened = await inside.open(documents.counselor())
    await inside.checked(opened, "consider")
    await inside.agreed(opened, "awaiting_decision", "decision")
    return opened


async def noticed(inside: Inside) -> tuple[Opened, Opened]:
    """The same once notice was given; and its adverse action, as a workflow to skip time for."""
    opened = await considered(inside)
    outcome = await inside.cases.begin_adverse_action(opened.case_id, "an entry of 2022", STAFF)
    assert outcome.state == "applied"
    await inside.noticed(opened, "adverse_action_begun")
    return opened, replace(opened, workflow_id=make_adverse_action_workflow_id(opened.case_id, 1))


async def standing(inside: Inside, opened: Opened, status: str) -> Document:
    """Waits until the adverse action stands so."""
    document = await inside.until(opened, lambda found: (found["adverse_action"] or {}).get("status") == status)
    found: Document = document["adverse_action"]
    return found


async def refusal(inside: Inside, opened: Opened) -> str:
    with pytest.raises(Refusal) as refused:
        await inside.decide(opened, "deny")
    return refused.value.reason.code


async def test_e8_nobody_is_denied_by_a_report_before_the_days_after_the_notice_are_over(inside: Inside) -> None:
    opened = await considered(inside)
    assert await refusal(inside, opened) == "adverse_action_needed"
    assert (await inside.status(opened))["stage"] == "awaiting_decision"

    opened, action = await noticed(inside)
    first = await standing(inside, opened, "waiting")
    assert first["notice_date"] < first["last_day"]
    assert await refusal(inside, opened) == "adverse_action_waiting"
    assert await inside.skip(action, timedelta(days=4))
    assert (await inside.status(opened))["adverse_action"] == first, "four days are never five business days"
    assert await inside.skip(action, LONG)
    await standing(inside, opened, "decidable")
    assert await inside.decide(opened, "deny", reason="the entry of 2022") == "applied"
    await inside.until(opened, "denied")
    letters = await inside.noticed(opened, "adverse_action_final")
    assert sorted(letters).count("adverse_action_begun") == 1
    await inside.noticed(opened, "denied")
    assert await inside.handle(action).result() == "denied"


async def test_e8_the_days_wait_for_a_mail_server_that_is_down_and_for_an_address_that_takes_mail(
    inside: Inside,
) -> None:
    """Nothing has gone out, and nobody is denied. The letter is refused; sent again it begins the days."""
    opened = await considered(inside)
    await inside.noticed(opened, "request_received")
    action = replace(opened, workflow_id=make_adverse_action_workflow_id(opened.case_id, 1))
    await inside.control("mailbox", mode="down")
    try:
        await inside.cases.begin_adverse_action(opened.case_id, "an entry of 2022", STAFF)
        await standing(inside, opened, "noticing")
        assert await refusal(inside, opened) == "adverse_action_noticing"
        await inside.control("mailbox", mode="error", status=550)
        await inside.until(opened, lambda status: status["flag"] == "mail_refused")
    finally:
        await inside.control("mailbox", mode="ok")
    assert await inside.skip(action, timedelta(days=4))
    found = await standing(inside, opened, "noticing")
    assert (found["notice_date"], found["last_day"]) == (None, None)
    assert await refusal(inside, opened) == "adverse_action_noticing"
    sent = await inside.cases.resend_notice(opened.case_id, Notice.ADVERSE_ACTION_BEGUN, "a new address", STAFF)
    assert sent.state == "applied"
    assert (await standing(inside, opened, "waiting"))["last_day"]
    assert await inside.skip(action, LONG)
    await standing(inside, opened, "decidable")
    assert await inside.decide(opened, "deny") == "applied"
    assert await inside.handle(action).result() == "denied"


async def test_e8_a_dispute_stops_the_days_until_the_vendor_reports_anew(inside: Inside) -> None:
    opened, action = await noticed(inside)
    await inside.cases.dispute_check(opened.case_id, "that is somebody else")
    await standing(inside, opened, "disputed")
    assert await inside.skip(action, LONG)
    assert await refusal(inside, opened) == "adverse_action_disputed"
    await inside.checked(opened, "consider")
    resumed = await standing(inside, opened, "waiting")
    assert await refusal(inside, opened) == "adverse_action_waiting"
    assert resumed["last_day"] > resumed["notice_date"]
    assert await inside.skip(action, LONG)
    await standing(inside, opened, "decidable")
    kinds = [one["kind"] for one in (await inside.status(opened))["history"]]
    assert kinds.count("adverse_action_resumed") == 1
    # A person decides anew, and may find otherwise.
    assert await inside.decide(opened, override="the entry is somebody else's") == "applied"
    await standing(inside, opened, "canceled")
    assert await inside.handle(action).result() == "canceled"


async def test_e8_a_clear_report_takes_the_ground_away(inside: Inside) -> None:
    opened, action = await noticed(inside)
    await inside.checked(opened, "clear")
    await standing(inside, opened, "canceled")
    await inside.noticed(opened, "adverse_action_canceled")
    assert await inside.handle(action).result() == "canceled"
    with pytest.raises(Refusal) as refused:
        await inside.cases.begin_adverse_action(opened.case_id, "again", STAFF)
    assert refused.value.reason.code == "no_adverse_report"
    assert await inside.decide(opened) == "applied"


async def test_e8_an_adverse_action_ends_with_its_case(inside: Inside) -> None:
    opened, action = await noticed(inside)
    await inside.cases.withdraw_request(opened.case_id, "a sample reason", STAFF)
    await standing(inside, opened, "canceled")
    assert await inside.handle(action).result() == "canceled"


async def lost(inside: Inside, action: Opened) -> None:
    await inside.handle(action).terminate("lost")
    assert (await inside.handle(action).describe()).status is WorkflowExecutionStatus.TERMINATED


async def test_e8_a_workflow_of_its_own_that_alone_is_lost_is_begun_again(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an operator, by the next reconciliation, and by the one after the denial whose final notice it has to send."""
    monkeypatch.setattr(reconciliation, "YOUNG", timedelta())
    opened, action = await noticed(inside)
    before = await standing(inside, opened, "waiting")
    with pytest.raises(Refusal, match="is running"):
        await inside.cases.restart_case(opened.case_id, "not needed", STAFF)
    await lost(inside, action)
    assert (await inside.cases.restart_case(opened.case_id, "it was not meant", STAFF)).begun
    await lost(inside, action)
    assert (await reconcile(inside))[FOLLOWED] == 1
    assert (await reconcile(inside)).get(FOLLOWED, 0) == 0, "it runs"
    assert (await inside.status(opened))["adverse_action"] == before, "its days go on"
    assert await inside.skip(action, LONG)
    await standing(inside, opened, "decidable")

    await inside.control("mailbox", mode="down")
    try:
        assert await inside.decide(opened, "deny") == "applied"
        await inside.until(opened, "denied")
        await asyncio.gather(*(inside.wait_for_retry(one, 2) for one in (opened, action)))  # told by its case for good
        await lost(inside, action)
    finally:
        await inside.control("mailbox", mode="ok")
    assert (await reconcile(inside))[FOLLOWED] == 1
    letters = await inside.noticed(opened, "adverse_action_final")
    assert letters.count("adverse_action_begun") == letters.count("adverse_action_final") == 1
    assert await inside.handle(action).result() == "denied"
    assert (await reconcile(inside)).get(FOLLOWED, 0) == 0, "there is nothing to do any more"
    begun = [entry["actor"] for entry in await audited(inside, opened, "adverse_action.restarted")]
    assert begun == [STAFF, "system", "system"]


async def test_e8_it_outlives_its_cases_workflow_which_is_begun_again(inside: Inside) -> None:
    """The days go on while there is no workflow of the case; the one begun again tells of what it hears."""
    opened, action = await noticed(inside)
    await inside.handle(opened).terminate("lost")
    assert (await inside.handle(action).describe()).status is WorkflowExecutionStatus.RUNNING
    await inside.cases.restart_case(opened.case_id, "it was lost", STAFF)
    await inside.agreed(opened, "awaiting_decision", "decision")
    assert await inside.skip(action, LONG)
    await standing(inside, opened, "decidable")
    assert await inside.decide(opened, "deny") == "applied"
    await inside.noticed(opened, "adverse_action_final")
    async with asyncio.timeout(PATIENCE):
        assert await inside.handle(action).result() == "denied"
