"""A case whose workflow is gone: what is told to it waits, staff see it, and a restart goes on where it was."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session
from temporalio import workflow
from temporalio.client import (
    Client,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    WorkflowFailureError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from db.case_state import UnknownCase, load_case
from db.reads.pending import list_held_events
from db.recovery_tables import DeliveryFailure
from db.tables import Case, EffectRow, SentMail
from db.writes.opening import Opened
from db.writes.suspensions import NewSuspension, restore_authority, suspend_authority
from domain.federal.markets import Market, list_agreements
from domain.shared.cases.authority import SuspensionCause
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import Begin, Progress, RegistrationProgress
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.round_messages import ReconciliationOrder
from starter import schedules, workflow_directory
from starter.cases import Cases
from starter.delivery import deliver_pending
from starter.operations import read_temporal_figures
from starter.temporal import CaseWorkflows
from tests.support import documents, recovery
from tests.support.federal import Federal
from tests.support.idle import wait_until_workflow_is_idle
from tests.support.inside import Inside, report
from tests.support.patience import PATIENCE
from tests.support.recovery import audited, deliver, flags, last_reconciliation, reconcile
from tests.support.tables import change_row, forget_row
from workflows import messages as names
from workflows.case import CaseWorkflow
from workflows.search_attributes import WAITING_SINCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

Blow = Callable[[Inside, Opened], Awaitable[Opened]]
BEGUN_AGAIN = {"failed": recovery.fail, "timed out": recovery.time_out, "lost": recovery.lose}
STOPPED = {"terminated": recovery.terminate, "cancelled": recovery.cancel}


async def in_training(system: Inside) -> Opened:
    opened = await system.in_training()
    await system.noticed(opened, "lms_invitation")
    return opened


async def goes_on_to_the_first_day(system: Inside, opened: Opened) -> None:
    await system.until(opened, "certified")
    await system.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    await system.agreed(opened, "active", "next_plan_year")
    notices = await system.noticed(opened, "active")
    assert len(notices) == len(set(notices)), "no letter twice"


@pytest.mark.parametrize("how", [*BEGUN_AGAIN, *STOPPED])
async def test_c1_a_report_for_a_case_whose_workflow_is_gone_is_kept_flagged_and_counts_after_the_restart(
    system: Inside, how: str
) -> None:
    opened = await in_training(system)
    blow: Blow = (BEGUN_AGAIN | STOPPED)[how]
    opened = await blow(system, opened)
    await system.reported(opened, "course", 0.9)
    assert await flags(system, opened) == ["workflow_gone"]
    held = await system.database.read(list_held_events, opened.case_id)
    assert [one.state for one in held] == ["pending", "pending"]

    counts = await reconcile(system)
    if how in STOPPED:
        assert counts["missing"] >= 1
        await reconcile(system)
        assert await flags(system, opened) == ["workflow_gone"], "somebody did that on purpose, or not"
        why = [one["reason"] for one in await audited(system, opened, "case.flagged.workflow_gone")]
        assert why == [Reason(code).sentence() for code in ("workflow_not_running", "workflow_stopped")], "each once"
        assert await audited(system, opened, "case.restarted") == []
        assert (await system.cases.restart_case(opened.case_id, "it was not meant", "an operator")).begun
    else:
        assert counts["restarted"] >= 1
    await goes_on_to_the_first_day(system, opened)
    assert await flags(system, opened) == []
    assert await system.database.read(list_held_events, opened.case_id) == []
    [restarted] = await audited(system, opened, "case.restarted")
    assert restarted["actor"] == ("an operator" if how in STOPPED else "system")


async def test_c1_an_answer_for_a_case_whose_workflow_is_gone_waits_and_is_carried_out_after_the_restart(
    system: Inside,
) -> None:
    opened = await system.open(documents.broker())
    await system.agreed(opened, "awaiting_decision", "decision")
    assert await system.decide(opened, "ask") == "applied"
    await system.noticed(opened, "information_needed")
    assert (await system.cases.take_question_back(opened.case_id, "it is in the file", "staff")).state == "applied"
    await system.noticed(opened, "question_taken_back")
    await system.agreed(opened, "awaiting_decision", "decision")
    assert await system.decide(opened, "ask") == "applied"
    await system.agreed(opened, "awaiting_information", "information")
    async with asyncio.timeout(PATIENCE):
        while (await system.notices(opened)).count("information_needed") < 2:
            await asyncio.sleep(0.05)
    opened = await recovery.terminate(system, opened)
    answer = await system.cases.answer_question(opened.case_id, {"phone": "505-555-0199"}, "here it is")
    assert answer.state == "pending"
    with pytest.raises(Refusal, match="has answered already"):
        await system.cases.take_question_back(opened.case_id, "it is in the file", "staff")
    assert await flags(system, opened) == ["workflow_gone"]
    assert (await system.cases.restart_case(opened.case_id, "it was not meant", "an operator")).begun
    await deliver(system, opened)
    await system.agreed(opened, "awaiting_decision", "decision")
    progress = await system.progress(opened)
    assert (progress.rounds, progress.take_backs) == (1, 1)
    assert await system.decide(opened) == "applied"
    notices = await system.noticed(opened, "lms_invitation")
    assert [notices.count(one) for one in ("information_needed", "question_taken_back")] == [2, 1], "no letter twice"


async def test_c1_a_notice_to_be_sent_again_is_sent_by_the_workflow_begun_again(system: Inside) -> None:
    opened = await in_training(system)
    command = await system.cases.resend_notice(opened.case_id, Notice.LMS_INVITATION, "lost", "staff")
    assert command.state == "applied"
    opened = await recovery.terminate(system, opened)
    assert (await system.cases.restart_case(opened.case_id, "it was not meant", "an operator")).begun
    async with asyncio.timeout(PATIENCE):
        while (await system.notices(opened)).count("lms_invitation") < 2:
            await asyncio.sleep(0.05)
    await system.reported(opened, "course", 0.9)
    await system.until(opened, "certified")


async def test_c1_a_registration_goes_on_where_it_was(federal: Federal) -> None:
    opened = await federal.profiled(documents.registration())
    await federal.trained(opened)
    opened = await recovery.lose(federal, opened)
    for name in list_agreements(Market.INDIVIDUAL):
        await federal.accept(opened, name)
    assert await flags(federal, opened) == ["workflow_gone"]
    await reconcile(federal)
    await federal.until(opened, lambda status: status["certificates"])
    await federal.noticed(opened, "marketplace_certificate")
    notices = await federal.notices(opened)
    assert len(notices) == len(set(notices)), "no letter twice"
    assert await flags(federal, opened) == []


async def test_a_wait_counts_from_its_beginning_and_not_from_the_restart(system: Inside, federal: Federal) -> None:
    certification = await recovery.fail(system, await in_training(system))
    registration = await recovery.lose(federal, await federal.profiled(documents.registration()))
    await reconcile(system)
    for opened, progress in ((certification, Progress), (registration, RegistrationProgress)):
        case = await system.database.read(load_case, opened.case_id)
        async with asyncio.timeout(PATIENCE):
            while True:
                known = await system.handle(opened).query(names.PROGRESS, result_type=progress)
                if known.waiting_for == case.waiting_for and known.stage == case.stage:
                    break
                await asyncio.sleep(0.05)
        assert known.waiting_since == case.waiting_since
        said = (await system.handle(opened).describe()).typed_search_attributes
        assert said.get(WAITING_SINCE) == case.waiting_since


async def test_c1_what_fails_again_and_again_is_begun_again_three_times_and_then_shown_to_staff(
    system: Inside,
) -> None:
    opened = await in_training(system)
    for times in range(1, 5):
        opened = await recovery.fail(system, opened)
        await reconcile(system)
        assert len(await audited(system, opened, "case.restarted")) == min(times, 3)
        if times < 4:
            await system.agreed(opened, "in_training", "course_completion")
    assert await flags(system, opened) == ["workflow_gone"]
    assert (await system.cases.restart_case(opened.case_id, "mended", "an operator")).begun
    await system.agreed(opened, "in_training", "course_completion")
    await system.reported(opened, "course", 0.9)
    await goes_on_to_the_first_day(system, opened)


async def test_a_case_whose_ending_is_lost_goes_on_and_staff_are_asked_whether_it_has_ended(system: Inside) -> None:
    opened = await recovery.finish(system, await in_training(system))
    await reconcile(system)
    await system.agreed(opened, "in_training", "course_completion")
    assert await flags(system, opened) == ["may_repeat"]
    assert len(await audited(system, opened, "case.restarted")) == 1


@workflow.defn(name="FinishedKnowing", sandboxed=False)
class FinishedKnowing:
    """Has come to its end, and done what isn't recorded: the database is the older store."""

    @workflow.run
    async def run(self) -> str:
        return "withdrawn"

    @workflow.query(name=names.PROGRESS)
    def describe_progress(self) -> Progress:
        return Progress(stage="withdrawn", done={"invited", "certificate"})


async def see_named(system: Inside, opened: Opened, *steps: str) -> None:
    """It is named where it is said that the case is begun again, and staff are shown that."""
    [restarted] = await audited(system, opened, "case.restarted")
    assert restarted["details"]["may_repeat"] == list(steps)
    assert await flags(system, opened) == ["may_repeat"]


async def test_c1_what_a_run_that_has_completed_did_and_no_record_is_left_of_is_named(system: Inside) -> None:
    opened, queue = await in_training(system), uuid4().hex
    await system.handle(opened).terminate("to be replaced")
    async with Worker(system.client, task_queue=queue, workflows=[FinishedKnowing]):
        handle = await system.client.start_workflow("FinishedKnowing", id=opened.workflow_id, task_queue=queue)
        assert await handle.result() == "withdrawn"
        counts = await reconcile(system)
    assert counts["may_repeat"] >= 1
    await system.agreed(opened, "in_training", "course_completion")
    await see_named(system, opened, "certificate", "notice withdrawn 0")


async def test_c1_what_a_run_that_failed_did_and_no_record_is_left_of_is_named(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await in_training(system)
    send_notice = CaseWorkflow._send_notice

    async def fail_to_resend(case: CaseWorkflow, notice: Notice, occurrence: int = 0, about: str = "") -> None:
        if about:
            raise ApplicationError("as it has to")
        await send_notice(case, notice, occurrence, about)

    monkeypatch.setattr(CaseWorkflow, "_send_notice", fail_to_resend)
    await system.cases.resend_notice(opened.case_id, Notice.LMS_INVITATION, "lost", "staff")
    with pytest.raises(WorkflowFailureError):
        await system.handle(opened).result()
    await forget_letter(system, opened)
    counts = await reconcile(system)
    assert counts["may_repeat"] >= 1
    await see_named(system, opened, "notice lms_invitation 0")
    await system.database.write(change_row, Case, opened.case_id, stage="withdrawn")


async def test_c1_what_a_run_that_was_terminated_did_is_named_to_who_begins_the_case_again(system: Inside) -> None:
    opened = await recovery.terminate(system, await in_training(system))
    await forget_letter(system, opened)
    outcome = await system.cases.restart_case(opened.case_id, "it was not meant", "an operator")
    assert outcome.may_repeat == ["notice lms_invitation 0"]
    await see_named(system, opened, "notice lms_invitation 0")
    await system.agreed(opened, "in_training", "course_completion")


async def forget_letter(system: Inside, opened: Opened) -> None:
    """As a database has it that is older than the letter."""
    await system.database.write(_delete_letter, f"{opened.case_id}:notice:lms_invitation:0:")


def _delete_letter(session: Session, key: str) -> None:
    session.delete(session.get_one(EffectRow, key))
    forget_row(session, SentMail, key)


async def test_cases_that_wait_for_their_first_task_are_not_begun_again(system: Inside) -> None:
    """Of many that are opened at once the last wait for minutes."""
    waiting = system.on_queue(uuid4().hex, Inside)
    opened = await waiting.open(documents.broker())
    begun = await system.runs(opened)
    for number in (3 * 10**6, 4 * 10**6):
        counts = await reconcile(system, ReconciliationOrder(number=number, thorough=True))
        assert counts["unbegun"] >= 1, counts
    assert await audited(system, opened, "case.restarted") == []
    assert await system.runs(opened) == begun
    async with waiting.working():
        await waiting.agreed(opened, "awaiting_decision", "decision")
        await waiting.cases.withdraw_request(opened.case_id, "no more", "staff")
        await waiting.until(opened, "withdrawn")
        await wait_until_workflow_is_idle(waiting.client, opened.workflow_id)


async def test_a_start_that_temporal_has_taken_and_lost_is_made_again_by_the_next_reconciliation(
    system: Inside,
) -> None:
    """The delivery, which starts a case again that isn't claimed, takes its time with it."""
    waiting = system.on_queue(uuid4().hex, Inside)
    opened = await waiting.open(documents.broker())
    await deliver_pending(waiting.database, waiting.cases)
    opened = await recovery.lose(system, opened)
    await reconcile(system)
    await system.agreed(opened, "awaiting_decision", "decision")
    assert await audited(system, opened, "case.restarted") == []


async def test_a_workflow_that_runs_without_a_case_is_reported(system: Inside) -> None:
    workflow_id = "assister/bewellnm/2024/nobody"
    handle = await system.client.start_workflow(
        names.WORKFLOW, Begin(case_id="nobody", program="bewellnm", plan_year=2024), id=workflow_id, task_queue="none"
    )
    async with asyncio.timeout(PATIENCE):
        while workflow_id not in (await reconcile(system), (await last_reconciliation(system)).unknown)[1]:
            await asyncio.sleep(0.2)
    await handle.terminate()


async def test_a_healthy_case_is_left_alone_and_an_ended_or_running_one_is_not_begun_again(system: Inside) -> None:
    opened, ended = await in_training(system), await system.open(documents.broker())
    await system.agreed(ended, "awaiting_decision", "decision")
    assert (await system.cases.withdraw_request(ended.case_id, "no more", "staff")).state == "applied"
    before = await system.runs(opened)
    for order in (None, ReconciliationOrder(number=10**6, thorough=True)):
        assert (await reconcile(system, order))["running"] >= 1
        assert await flags(system, opened) == []
        assert await audited(system, opened, "case.restarted") == []
    assert await system.runs(opened) == before
    with pytest.raises(Refusal, match="is running"):
        await system.cases.restart_case(opened.case_id, "why not", "an operator")
    with pytest.raises(Refusal, match="has ended: withdrawn"):
        await system.cases.restart_case(ended.case_id, "why not", "an operator")
    with pytest.raises(UnknownCase):
        await system.cases.restart_case("nobody", "why not", "an operator")
    assert await system.runs(opened) == before


@workflow.defn(name=names.WORKFLOW, sandboxed=False)
class Faulty:
    """A release with an error in it."""

    @workflow.init
    def __init__(self, begin: Begin) -> None:
        raise RuntimeError("an error in workflow code")

    @workflow.run
    async def run(self, begin: Begin) -> str:
        return begin.case_id


async def test_a_workflow_whose_task_fails_again_and_again_is_flagged_until_a_corrected_worker_runs(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow_directory, "FAILING_ATTEMPTS", 2)
    apart = system.on_queue(uuid4().hex, Inside)
    async with Worker(system.client, task_queue=apart.settings.task_queue, workflows=[Faulty]):
        opened = await apart.open(documents.broker())
        async with asyncio.timeout(PATIENCE):
            while "workflow_stuck" not in await flags(system, opened):
                await reconcile(system)
            # Whom an operator's page and the metrics count.
            while not (await read_temporal_figures(system.client)).failing:
                await asyncio.sleep(0.5)
    assert await audited(system, opened, "case.restarted") == []
    async with apart.working():
        await apart.agreed(opened, "awaiting_decision", "decision")
        await reconcile(system)
        assert await flags(system, opened) == []
        await apart.cases.withdraw_request(opened.case_id, "no more", "staff")
        await apart.until(opened, "withdrawn")


async def test_c1_a_start_that_temporal_always_refuses_holds_up_no_other_case(system: Inside) -> None:
    refused, good = await system.store(documents.broker()), await system.store(documents.broker())
    await system.database.write(change_row, Case, refused.case_id, workflow_id="x" * 5000)
    assert await system.cases.try_to_start(refused.case_id) is False, "who asked is told that it is stored"
    await deliver_pending(system.database, system.cases)
    await system.agreed(good, "awaiting_decision", "decision")
    failed = await system.database.read(Session.get, DeliveryFailure, ("start", refused.case_id))
    assert failed is not None
    assert (failed.failures, failed.code) == (1, "RPCError")
    await system.database.write(change_row, Case, refused.case_id, stage="withdrawn")


async def test_c1_a_namespace_that_is_missing_is_temporal_out_of_reach(system: Inside) -> None:
    nowhere = Client(system.client.service_client, namespace="nowhere", data_converter=pydantic_data_converter)
    settings = system.settings
    cases = Cases(nowhere, system.database, settings.identity_key_bytes, settings.task_queue)
    stored = await system.store(documents.broker())
    assert await cases.try_to_start(stored.case_id) is False
    assert await flags(system, stored) == []
    assert await system.cases.try_to_start(stored.case_id) is True


async def _describe_once_there(handle: ScheduleHandle) -> ScheduleDescription:
    """By the server's own record: the list of schedules is late, and may still have the one that was deleted."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await handle.describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.1)
    raise AssertionError


async def test_the_schedules_are_made_again_when_temporal_s_database_is_lost(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "LOOKED_EVERY", 0.1)
    handle = system.client.get_schedule_handle(schedules.RECONCILIATION_ID)
    keeping = asyncio.create_task(schedules.keep_schedules(system.client, uuid4().hex))
    for times in range(2):
        described = await _describe_once_there(handle)
        assert described.schedule.spec.intervals[0].every == timedelta(minutes=5)
        assert described.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
        async with asyncio.timeout(PATIENCE):  # a new one reconciles at once
            # Named by the second: one that is made again within it, which no outage is, finds its workflow there.
            while not (times or described.info.num_actions):
                described = await handle.describe()
        await handle.delete()
    keeping.cancel()
    for schedule_id in (schedules.DAILY_ROUND_ID, schedules.DAILY_PUBLICATION_ID, schedules.RECONCILIATION_ID):
        with suppress(RPCError):
            await system.client.get_schedule_handle(schedule_id).delete()


async def _tell_nobody(*_: object) -> None:
    """As if Temporal had been restored to the moment before."""


async def test_a_workflow_that_was_not_told_a_report_is_told_it_and_one_that_goes_by_lost_facts_begins_again(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    untold, ahead = await in_training(system), await in_training(system)
    with monkeypatch.context() as silent:
        silent.setattr(CaseWorkflows, "send_report", _tell_nobody)
        await system.reported(untold, "course")
    await system.handle(ahead).signal(names.LMS_REPORTED, report(ahead, FactKind.COURSE_COMPLETED))
    await wait_until_workflow_is_idle(system.client, ahead.workflow_id)
    await reconcile(system, ReconciliationOrder(number=2 * 10**6, thorough=True))
    assert len(await audited(system, ahead, "case.restarted")) == 1
    assert await audited(system, untold, "case.restarted") == []
    await system.agreed(untold, "awaiting_exam_pass", "exam_pass")
    await system.agreed(ahead, "in_training", "course_completion")


async def test_e2_c1_a_workflow_that_was_not_told_of_its_authority_is_told_it_once(
    system: Inside, federal: Federal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways and in both programs; what it was told so is nothing that it knows and isn't recorded."""
    certified = await in_training(system)
    await system.reported(certified, "course", 0.9)
    await system.noticed(certified, "certificate_issued")
    registered = await federal.profiled(documents.registration())
    await federal.completed(registered)
    await deliver(federal, registered)
    both = {certified.case_id: certified, registered.case_id: registered}
    lapse = NewSuspension("lapse", SuspensionCause.LICENSE_LAPSED)
    for number, notice in enumerate((Notice.AUTHORITY_SUSPENDED, Notice.AUTHORITY_RESTORED)):
        with monkeypatch.context() as silent:
            silent.setattr(CaseWorkflows, "send_report", _tell_nobody)
            for case_id, opened in both.items():
                wanted = replace(lapse, suspension_id=f"{case_id}:lapse")
                told = (
                    await system.database.write(
                        restore_authority, case_id, wanted.suspension_id, wanted.cause, system.now(opened)
                    )
                    if number
                    else await system.database.write(suspend_authority, case_id, wanted, system.now(opened))
                )
                assert await system.cases.deliver_events(told)
        for again in range(2):
            order = ReconciliationOrder(number=5 * 10**6 + 10 * number + 5 * again, thorough=True)
            counts = await reconcile(system, order)
            assert bool(counts.get("told")) is not bool(again)
            for opened in both.values():
                assert (await system.noticed(opened, notice)).count(notice) == 1
        for opened in both.values():
            assert await audited(system, opened, "case.restarted") == []


async def test_c1_a_workflow_that_was_begun_again_since_the_backup_is_asked_what_it_knew_before_it_is_replaced(
    system: Inside,
) -> None:
    ahead, level = await in_training(system), await in_training(system)
    await system.handle(ahead).signal(names.LMS_REPORTED, report(ahead, FactKind.COURSE_COMPLETED))
    await wait_until_workflow_is_idle(system.client, ahead.workflow_id)
    for opened in (ahead, level):  # as the older database has it
        await system.database.write(change_row, Case, opened.case_id, run_id="of before")
    await reconcile(system, ReconciliationOrder(number=3 * 10**6, thorough=True))
    for opened, code in ((ahead, "workflow_ahead"), (level, "workflow_behind")):
        [restarted] = await audited(system, opened, "case.restarted")
        assert restarted["reason"] == Reason(code).sentence()
        await system.agreed(opened, "in_training", "course_completion")
