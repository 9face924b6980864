"""Who looks after a case is killed half-way, comes twice, or too early; and flags that come down by themselves."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session
from temporalio.common import RetryPolicy

from activities import records
from db.case_state import load_case
from db.recovery_tables import DeliveryFailure
from db.tables import SYSTEM, Case, CommandRow
from db.writes.cases import flag_case
from db.writes.commands import apply_command, keep_command
from db.writes.opening import Opened
from db.writes.recovery.deliveries import ATTEMPTS, DeliveryKind, FailedDelivery, record_failures
from db.writes.recovery.restarts import free_case
from domain.programs.commands import describe_command
from domain.shared.cases.commands import CommandOrigin, Withdraw
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import Applied, Command
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.reconciliation import MOST_RESTARTS
from domain.shared.ids import make_command_id
from domain.shared.round_messages import ReconciliationOrder
from tests.recovery.test_restarts import goes_on_to_the_first_day, in_training
from tests.support import documents, recovery
from tests.support.federal import Federal
from tests.support.idle import wait_until_workflow_is_idle
from tests.support.inside import Inside, report
from tests.support.patience import PATIENCE
from tests.support.recovery import audited, flags, reconcile
from tests.support.tables import change_row
from workflows import messages as names
from workflows.options import DATABASE

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNLESS_MENDED = "a bug that is in no release"


def thorough(number: int) -> ReconciliationOrder:
    return ReconciliationOrder(number=number, thorough=True)


async def test_a_second_restart_of_a_case_leaves_the_workflow_alone_that_the_first_one_began(system: Inside) -> None:
    opened = await recovery.terminate(system, await in_training(system))
    before = await system.database.read(load_case, opened.case_id)
    assert (await system.cases.restart_case(opened.case_id, "not meant", "an operator")).begun
    await _until_claimed(system, opened)
    with pytest.raises(Refusal, match="is running"):
        await system.database.write(free_case, before, "another operator", "not meant", datetime.now(UTC))
    await system.reported(opened, "course", 0.9)
    await goes_on_to_the_first_day(system, opened)


async def test_a_case_that_was_freed_by_somebody_killed_before_its_workflow_was_ended_is_begun_again(
    system: Inside,
) -> None:
    opened = await in_training(system)
    before = await system.database.read(load_case, opened.case_id)
    await system.database.write(free_case, before, SYSTEM, "killed half-way", datetime.now(UTC))
    await reconcile(system)
    await _until_claimed(system, opened)
    assert (await system.database.read(load_case, opened.case_id)).run_id != before.run_id
    await system.reported(opened, "course", 0.9)
    await goes_on_to_the_first_day(system, opened)


async def test_a_workflow_that_has_not_come_to_claim_its_case_is_left_to_do_so(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(UNLESS_MENDED)

    monkeypatch.setattr(records, "claim_case", fail)
    opened = await system.open(documents.broker())
    begun = await system.runs(opened)
    await reconcile(system, thorough(3 * 10**6))
    assert await audited(system, opened, "case.restarted") == []
    monkeypatch.undo()
    await system.agreed(opened, "awaiting_decision", "decision")
    assert await system.runs(opened) == begun


async def test_a_case_that_was_begun_again_too_often_is_flagged_once_and_stays_so(system: Inside) -> None:
    opened = await in_training(system)
    await system.database.write(
        change_row, Case, opened.case_id, restarts=MOST_RESTARTS, restarted_at=datetime.now(UTC)
    )
    await system.handle(opened).signal(names.LMS_REPORTED, report(opened, FactKind.COURSE_COMPLETED))
    await wait_until_workflow_is_idle(system.client, opened.workflow_id)
    for number in range(3):
        await reconcile(system, thorough(4 * 10**6 + number))
        assert await flags(system, opened) == ["workflow_stuck"]
    assert len(await audited(system, opened, "case.flagged.workflow_stuck")) == 1
    assert await audited(system, opened, "case.unflagged.workflow_stuck") == []


async def test_what_was_given_up_of_a_case_that_is_begun_again_is_flagged_no_longer(system: Inside) -> None:
    opened = await recovery.terminate(system, await in_training(system))
    given_up = [
        FailedDelivery(kind, opened.case_id, opened.case_id, "E") for kind in (DeliveryKind.START, DeliveryKind.EVENT)
    ]
    for _ in range(ATTEMPTS):
        await system.database.write(record_failures, given_up, datetime.now(UTC))
    assert await flags(system, opened) == ["delivery_failed"]
    assert (await system.cases.restart_case(opened.case_id, "mended", "an operator")).begun
    await _until_claimed(system, opened)
    assert await flags(system, opened) == []
    key = (DeliveryKind.START, opened.case_id)
    assert await system.database.read(Session.get, DeliveryFailure, key) is None


async def test_what_is_not_tried_any_more_is_not_flagged_as_stuck(system: Inside) -> None:
    """A look-up is given up once staff have decided; everything is once the case has ended."""
    opened = await system.open(documents.broker())
    await system.agreed(opened, "awaiting_decision", "decision")
    for activity in ("licensing.look_up", "portal.create_account"):
        await system.database.write(flag_case, opened.case_id, f"{activity}.stuck", datetime.now(UTC), "E")
    await system.database.write(flag_case, opened.case_id, "mail_refused", datetime.now(UTC))
    await system.approved(opened)
    assert await flags(system, opened) == ["portal.create_account.stuck", "mail_refused"]
    await system.database.write(flag_case, opened.case_id, "workflow_stuck", datetime.now(UTC), "workflow_task_fails")
    assert (await system.cases.withdraw_request(opened.case_id, "no more", "staff")).state == "applied"
    assert await flags(system, opened) == ["mail_refused"]


async def test_a_withdrawal_whose_signal_came_before_it_was_stored_ends_case_and_workflow(system: Inside) -> None:
    opened = await in_training(system)
    command_id = make_command_id("early", opened.case_id)
    early = Command(case_id=opened.case_id, command_id=command_id, kind="withdraw")
    await system.handle(opened).signal(names.WITHDRAWN, early)
    await wait_until_workflow_is_idle(system.client, opened.workflow_id)
    answer = await system.cases.withdraw_request(opened.case_id, "no more", "staff", "early")
    assert answer.state == "applied"
    async with asyncio.timeout(PATIENCE):
        assert await system.handle(opened).result() == "withdrawn"


@pytest.mark.parametrize("way", ["signal", "update"])
async def test_a_withdrawal_that_comes_while_a_bogus_one_is_being_applied_is_applied_in_its_turn(
    system: Inside, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    bogus = uuid4().hex

    def fail_for_bogus(session: Session, key: bytes, command_id: str, at: datetime) -> Applied:
        if command_id == bogus:
            raise RuntimeError(UNLESS_MENDED)
        return apply_command(session, key, command_id, at)

    opened = await in_training(system)
    monkeypatch.setattr(records, "apply_command", fail_for_bogus)
    monkeypatch.setitem(DATABASE, "retry_policy", RetryPolicy(maximum_attempts=1))
    nothing = Command(case_id=opened.case_id, command_id=bogus, kind="withdraw")
    await system.handle(opened).signal(names.WITHDRAWN, nothing)
    await system.wait_for_retry(opened)
    if way == "signal":
        origin = CommandOrigin(
            make_command_id(None, opened.case_id), opened.case_id, "staff", "no more", system.now(opened)
        )
        row = await system.database.write(keep_command, system.settings.identity_key_bytes, Withdraw(), origin)
        assert isinstance(row, CommandRow)
        second = describe_command(row.id, row.case_id, row.kind, row.data)
        await system.handle(opened).signal(names.WITHDRAWN, second)
        async with asyncio.timeout(PATIENCE):
            while second.command_id not in (await system.progress(opened)).processed:
                await asyncio.sleep(0.05)
    else:
        assert (await system.cases.withdraw_request(opened.case_id, "no more", "staff")).state == "applied"
    monkeypatch.undo()
    await system.retry_at_once(opened)
    async with asyncio.timeout(PATIENCE):
        assert await system.handle(opened).result() == "withdrawn"
    assert (await system.status(opened))["stage"] == "withdrawn"


@pytest.mark.parametrize("update", [names.DECIDE, names.WITHDRAW, names.RESEND])
async def test_a_command_that_is_gone_with_a_restored_database_is_refused_and_the_case_goes_on(
    system: Inside, update: str
) -> None:
    """Its update and the journey both wait for it."""
    kinds = {names.DECIDE: "decide", names.WITHDRAW: "withdraw", names.RESEND: "resend"}
    opened = await system.open(documents.broker())
    await system.agreed(opened, "awaiting_decision", "decision")
    gone = Command(
        case_id=opened.case_id, command_id=uuid4().hex, kind=kinds[update], verdict="approve", answer_when_applied=True
    )
    assert await system.handle(opened).execute_update(update, gone) == "refused"
    assert await system.decide(opened) == "applied"
    assert (await system.cases.withdraw_request(opened.case_id, "no more", "staff")).state == "applied"
    async with asyncio.timeout(PATIENCE):
        assert await system.handle(opened).result() == "withdrawn"


async def test_a_profile_that_is_gone_with_a_restored_database_is_refused_and_the_next_one_saved(
    federal: Federal,
) -> None:
    opened = await federal.open(documents.registration())
    await federal.agreed(opened, "awaiting_profile", "marketplace_profile")
    gone = Command(case_id=opened.case_id, command_id=uuid4().hex, kind="save_profile")
    assert await federal.handle(opened).execute_update(names.SAVE_PROFILE, gone) == "refused"
    assert (await federal.save(opened)).state == "applied"
    assert (await federal.cases.withdraw_request(opened.case_id, "no more", "staff")).state == "applied"


async def _until_claimed(system: Inside, opened: Opened) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await system.database.read(load_case, opened.case_id)).run_id is None:
            await asyncio.sleep(0.05)
