"""What could leave a case silently stuck: commands that can't be applied, steps that raise, effects that never end."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.worker import (
    HandleQueryInput,
    Interceptor,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

import worker
from activities import notices, records
from adapters.mail import Email, Mailer
from db.case_state import list_rows
from db.reads.reminders import list_due_reminders
from db.tables import CommandRow, EffectRow
from db.writes.commands import apply_command
from db.writes.letters import intend_letter
from db.writes.opening import Opened
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.messages import Applied, Letter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Refusal
from starter.cases import CommandOutcome
from starter.replay import find_failure_half_way, replayer_of
from tests.support import documents, inside as support
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from workflows import case as case_workflow, daily_reminders
from workflows.case import CaseWorkflow
from workflows.options import DATABASE

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a command that can't be applied may cost: half a minute of local attempts, then one activity.
EVENTS_OF_A_COMMAND = 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    async with support.running(tmp_path_factory.mktemp("stuck")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_before(inside: Inside) -> AsyncIterator[None]:
    """Every third party works again after each test."""
    yield
    for stand_in in ("registry", "background_checks", "lms", "portal", "mailbox"):
        await inside.control(stand_in, mode="ok")


async def count_events(handle: WorkflowHandle[Any, Any]) -> Counter[str]:
    names_of = (EventType.Name(event.event_type) for event in (await handle.fetch_history()).events)
    return Counter(name.removeprefix("EVENT_TYPE_") for name in names_of)


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_a_command_that_can_never_be_applied_grows_the_history_no_further(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its activity is one that operators see pending, and retry when the fault is mended."""
    opened = await inside.in_training()
    handle = inside.handle(opened)
    before = await count_events(handle)
    failed: list[str] = []

    def fail(*_arguments: Any) -> None:
        failed.append("once more")
        raise_bug()

    monkeypatch.setattr(records, "apply_command", fail)
    resending = asyncio.create_task(
        inside.cases.resend_notice(opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff")
    )
    await inside.wait_for_retry(opened)
    assert await count_local_attempts(handle) == DATABASE["retry_policy"].maximum_attempts == 6
    grown = await count_events(handle)
    assert grown["ACTIVITY_TASK_SCHEDULED"] == before["ACTIVITY_TASK_SCHEDULED"] + 1
    assert grown.total() - before.total() <= EVENTS_OF_A_COMMAND
    for _ in range(10):  # at once, as an operator does, and not a minute apart

        async def has_failed_again(times: int = len(failed)) -> bool:
            return len(failed) > times

        await inside.retry_at_once(opened)
        await eventually(has_failed_again)
    assert await count_events(handle) == grown, "however often it fails from then on"
    monkeypatch.setattr(records, "apply_command", apply_command)
    await inside.retry_at_once(opened)
    await eventually(lambda: has_notices(inside, opened, "request_received", 2))
    assert (await resending).state in ("pending", "applied")


async def count_local_attempts(handle: WorkflowHandle[Any, Any]) -> int:
    """How often the last local activity that failed for good was tried, as its marker says."""
    markers = [event.marker_recorded_event_attributes for event in (await handle.fetch_history()).events]
    *_, last = (one for one in markers if one.marker_name == "core_local_activity" and one.HasField("failure"))
    attempt: int = json.loads(last.details["data"].payloads[0].data)["attempt"]
    return attempt


async def has_notices(inside: Inside, opened: Opened, notice: str, count: int) -> bool:
    return (await inside.notices(opened)).count(notice) == count


async def test_a_letter_that_is_taken_late_is_sent_once(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut off once the mail server has the letter sends it again: the server doesn't know our keys."""
    request = documents.broker()
    opened = await inside.in_training(request)
    await inside.noticed(opened, "lms_invitation")
    send_email = Mailer.send_email

    async def send_late(mailer: Mailer, mail: Email) -> None:
        await send_email(mailer, mail)
        await asyncio.sleep(3)

    monkeypatch.setattr(Mailer, "send_email", send_late)
    await inside.cases.resend_notice(opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff")
    await eventually(lambda: has_notices(inside, opened, "request_received", 2))
    sent = Counter(one["headers"]["Message-ID"] for one in await inside.letters(request))
    assert set(sent.values()) == {1}


async def test_a28_an_activation_letter_that_was_overtaken_by_a_newer_one_is_not_sent_with_its_dead_link(
    inside: Inside,
) -> None:
    request = documents.counselor()
    opened = await inside.open(request)
    await inside.checked(opened)
    await inside.approved(opened)
    await inside.reported(opened, "account", "profile", "course")
    await inside.control("mailbox", mode="down")
    await inside.reported(opened, 0.9)
    await inside.agreed(opened, "portal_setup", "portal_activation")
    await inside.wait_for_retry(opened)
    await inside.cases.resend_notice(opened.case_id, Notice.PORTAL_ACTIVATION, "lost", "staff")
    first = f"{opened.case_id}:notice:portal_activation:0:"
    await eventually(lambda: has_intended_two(inside, opened))
    await inside.control("mailbox", mode="ok")

    async def is_overtaken() -> bool:
        await inside.retry_at_once(opened)
        effect = await inside.database.read(Session.get, EffectRow, first)
        return effect is not None and effect.result is not None

    await inside.noticed(opened, "portal_activation")
    await eventually(is_overtaken)
    letter = await inside.letter(request, lambda letter: "/activate/" in letter["text"])
    assert len([one for one in await inside.letters(request) if "/activate/" in one["text"]]) == 1
    token = letter["text"].partition("/activate/")[2].split()[0]
    assert await inside.cases.activate_account(token) == opened.case_id


async def has_intended_two(inside: Inside, opened: Opened) -> bool:
    return len(await inside.database.read(_list_activation_letters, opened.case_id)) == 2


def _list_activation_letters(session: Session, case_id: str) -> list[str]:
    of_kind = col(EffectRow.kind) == "notice.portal_activation"
    return list_rows(session, select(col(EffectRow.key)).where(col(EffectRow.case_id) == case_id, of_kind))


def raise_bug(*_arguments: Any) -> None:
    raise RuntimeError("a bug that is in no release")


async def test_what_a_step_beside_the_journey_raises_is_seen_and_the_step_made_once_it_is_mended(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CaseWorkflow, "_send_notice", raise_in_step)
    opened = await inside.open(documents.broker())
    handle = inside.handle(opened)

    async def is_failing() -> bool:
        return bool((await handle.describe()).raw_description.pending_workflow_task.attempt > 1)

    await eventually(is_failing)
    monkeypatch.undo()
    await inside.agreed(opened, "awaiting_decision", "decision")
    await inside.noticed(opened, "request_received")


async def raise_in_step(*_arguments: Any, **_options: Any) -> None:
    raise RuntimeError("a bug that is in no release")


async def test_the_reminders_of_a_day_have_one_deadline_however_many_pages_they_are(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail down for a hundred hours: each day's round is over before the next one begins."""
    for _ in range(3):
        await inside.in_training()
    await inside.control("mailbox", mode="down")
    at = datetime.now(UTC) + timedelta(days=15)
    monkeypatch.setattr(records, "list_due_reminders", partial(list_due_reminders, page=1))
    a_day = 15
    monkeypatch.setattr(daily_reminders, "UNTIL_THE_NEXT_DAY", datetime.now(UTC) - at + timedelta(seconds=a_day))
    began = time.monotonic()
    assert await asyncio.wait_for(inside.round(at), PATIENCE) == 0
    assert a_day - 2 < time.monotonic() - began < 3 * a_day, "three pages, each with a deadline of its own, take that"


async def test_a_letter_that_can_t_be_sent_keeps_no_later_page_of_reminders_from_being_sent(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = sorted([(await inside.in_training()).case_id for _ in range(3)])

    def fail_for_one(session: Session, letter: Letter, *rest: Any) -> Any:
        if letter.case_id == first:
            raise RuntimeError("a bug that is in no release")
        return intend_letter(session, letter, *rest)

    monkeypatch.setattr(notices, "intend_letter", fail_for_one)
    monkeypatch.setattr(records, "list_due_reminders", partial(list_due_reminders, page=1))
    monkeypatch.setattr(daily_reminders, "UNTIL_THE_NEXT_PAGE", timedelta(seconds=2))
    await asyncio.wait_for(inside.round(datetime.now(UTC) + timedelta(days=15)), PATIENCE)
    for case_id in others:
        sent = await inside.database.read(_list_reminders, case_id)
        assert len(sent) == 1
    assert await inside.database.read(_list_reminders, first) == []


def _list_reminders(session: Session, case_id: str) -> list[str]:
    made = select(col(EffectRow.key)).where(col(EffectRow.case_id) == case_id, col(EffectRow.result).is_not(None))
    return [key for key in list_rows(session, made) if ":reminder:" in key]


async def test_a9_a_portal_that_is_down_leaves_database_and_workflow_agreed_about_a_reused_account(
    inside: Inside,
) -> None:
    request = documents.broker()
    await inside.control("portal", mode="down")
    opened = await inside.returning(documents.earlier(request, 2023), 2024)
    await inside.approved(opened, override="agreement on file")
    await inside.reported(opened, "course", 0.9)
    status = await inside.until(opened, lambda status: status["certificate"])
    await inside.agreed(opened, status["stage"], status["waiting_for"])
    await inside.control("portal", mode="ok")
    await inside.retry_at_once(opened)

    key = f"{opened.case_id}:portal.account_reused:0"

    async def is_handed_over() -> bool:
        effect = await inside.database.read(Session.get, EffectRow, key)
        return effect is not None and effect.result is not None

    await eventually(is_handed_over)


async def test_a_stuck_effect_keeps_a_run_from_its_renewal_only_up_to_a_bound(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was under way is begun again by the next run, and made once."""
    monkeypatch.setattr(case_workflow, "MOST_EVENTS_A_RUN", 150)
    opened = await inside.in_training()
    await inside.reported(opened, "course")
    await inside.control("mailbox", mode="down")
    await inside.cases.resend_notice(opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff")

    async def is_renewed() -> bool:
        await inside.learned(opened, [0.1] * 10)
        return len(await inside.runs(opened)) > 1

    await eventually(is_renewed)
    monkeypatch.undo()
    await inside.control("mailbox", mode="ok")
    await eventually(lambda: has_notices(inside, opened, "request_received", 2))
    await inside.reported(opened, 0.9)
    await inside.noticed(opened, "certificate_issued")
    assert (await inside.notices(opened)).count("request_received") == 2


async def test_a12_a_decision_is_taken_while_an_answer_is_still_being_applied(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await inside.open(documents.broker())
    await inside.approved(opened, verdict="ask", reason="which insurer?")
    await inside.agreed(opened, "awaiting_information", "information")
    monkeypatch.setitem(DATABASE, "retry_policy", RetryPolicy(maximum_attempts=1))
    monkeypatch.setattr(records, "apply_command", raise_bug_for_answers)
    answering = asyncio.create_task(inside.cases.answer_question(opened.case_id, {}, "Sample Insurer"))
    await eventually(lambda: waits_to_be_applied(inside, opened, CommandKind.ANSWER))
    assert await inside.decide(opened, "deny", reason="no such insurer") == "applied"
    await inside.until(opened, "denied")
    monkeypatch.undo()
    await inside.retry_at_once(opened)
    assert await inside.handle(opened).result() == "denied"
    (outcome,) = await asyncio.gather(answering, return_exceptions=True)
    if not isinstance(outcome, Refusal):  # its caller was answered before the decision had ended the case
        assert isinstance(outcome, CommandOutcome)
        assert outcome.state == "pending"


def raise_bug_for_answers(session: Session, identity_key: bytes, command_id: str, now: datetime) -> Applied:
    if session.get_one(CommandRow, command_id).kind == CommandKind.ANSWER:
        raise RuntimeError("a bug that is in no release")
    return apply_command(session, identity_key, command_id, now)


async def waits_to_be_applied(inside: Inside, opened: Opened, kind: CommandKind) -> bool:
    return any(command.kind == kind for command in (await inside.progress(opened)).pending)


async def test_c3_bursts_replay_from_each_task_though_no_run_is_kept_in_memory(inside: Inside) -> None:
    """Local activities side by side would be handed each other's results when a history is read again."""
    uncached = inside.on_queue("uncached", Inside)
    async with uncached.working(cached_workflows=0):
        opened = await uncached.open(documents.broker())
        await uncached.approved(opened)
        await uncached.reported(opened, "account", "profile", "course")
        await asyncio.gather(
            *(
                uncached.cases.resend_notice(
                    opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff", f"burst-{uuid4()}"
                )
                for _ in range(8)
            ),
            uncached.learned(opened, [0.1] * 10),
            uncached.learned(opened, [0.2] * 10),
        )
        await uncached.reported(opened, 0.9)
        await uncached.agreed(opened, "certified", "portal_registration")
        await uncached.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
        await uncached.agreed(opened, "active", "next_plan_year")
        await eventually(lambda: has_notices(uncached, opened, "request_received", 9))
    history = await inside.handle(opened).fetch_history()
    # How many messages one task takes depends on the machine; one at least for each that is waited for.
    assert (await count_events(inside.handle(opened)))["WORKFLOW_TASK_STARTED"] > 4
    assert await find_failure_half_way(replayer_of(worker.WORKFLOWS), history) is None


class _SlowQueries(Interceptor):
    """A query takes as long as it does on a busy machine."""

    def workflow_interceptor_class(self, _input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _SlowQuery


class _SlowQuery(WorkflowInboundInterceptor):
    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002 the SDK's name
        time.sleep(0.5)
        return await super().handle_query(input)


async def test_a_run_whose_first_task_was_cut_behind_the_claim_replays(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK cuts a task in two where a local activity ends while a query is answered."""
    monkeypatch.setattr(worker, "Worker", partial(Worker, interceptors=[_SlowQueries()]))
    slow = inside.on_queue(uuid4().hex, Inside)
    opened = await slow.open(documents.broker())
    asked = asyncio.create_task(slow.progress(opened))
    await asyncio.sleep(0.5)
    async with slow.working():
        assert (await asked).stage == "requested"
        await slow.agreed(opened, "awaiting_decision", "decision")
        await slow.cases.withdraw_request(opened.case_id, "no more", "staff")
        await slow.until(opened, "withdrawn")
        history = await slow.handle(opened).fetch_history()
    claimed = next(
        number
        for number, event in enumerate(history.events)
        if event.marker_recorded_event_attributes.marker_name == "core_local_activity"
    )
    assert history.events[claimed + 1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, "it was cut"
    assert await find_failure_half_way(replayer_of(worker.WORKFLOWS), history) is None
