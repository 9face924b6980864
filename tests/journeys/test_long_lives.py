"""Lives of months and years on the real server, with time skipped; it suggests continue-as-new at 200 events."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlmodel import col, select
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from db.case_state import list_rows
from db.reads.own_pages import read_activation
from db.tables import CertificateRow, CommandRow, InboxRow
from db.writes.links import use_activation_link
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.messages import Command
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Refusal
from domain.state.policies import find_state_policy
from tests.support import documents, inside as support
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from workflows.messages import CUT_OFF

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOVEMBER_2026 = datetime(2026, 11, 20, 18, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    async with support.running(tmp_path_factory.mktemp("inside"), suggest_renewal_at=200) as running:
        yield running


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def facts_of(status: dict[str, object]) -> list[str]:
    history = status["history"]
    assert isinstance(history, list)
    return [one["id"] for one in history if not one["kind"].startswith("notice.")]


async def test_a18_a_pause_of_200_days_loses_nothing_and_reminders_never_expire_a_case(inside: Inside) -> None:
    request = documents.broker()
    opened = await inside.open(request)
    await inside.approved(opened)
    await inside.reported(opened, "account", "profile")
    before = await inside.agreed(opened, "in_training", "course_completion")
    began = datetime.fromisoformat(before["waiting_since"])

    for days in (13, 14, 15, *range(28, 200, 14)):
        await inside.round(began + days * DAY)
    assert await inside.skip(opened, 200 * DAY)
    after = await inside.agreed(opened, "in_training", "course_completion")

    began_on = (began - timedelta(hours=7)).date()
    due = [f"course_completion:{began_on + number * 14 * DAY}" for number in range(1, 13)]
    assert await inside.reminders(opened) == due
    letters = [one for one in await inside.letters(request) if "eminder" in one["subject"]]
    assert len(letters) == len({one["headers"]["Message-ID"] for one in letters}) == 12
    assert facts_of(after) == facts_of(before)
    assert after["waiting_since"] == before["waiting_since"]

    await inside.reported(opened, "course", 0.8)
    await inside.agreed(opened, "certified", "portal_registration")
    await inside.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    status = await inside.agreed(opened, "active", "next_plan_year")
    assert status["may_assist"]
    waited = datetime.fromisoformat(status["training"]["completed_at"]) - began
    assert timedelta(days=200) <= waited < timedelta(days=201)


async def test_a18_the_next_wait_is_reminded_of_by_its_own_date(inside: Inside) -> None:
    """Who did a step is no longer reminded of it, though the reminder was late."""
    opened = await inside.open(documents.broker(), reminder_every_days=3, reminders_at_most=2)
    await inside.approved(opened)
    status = await inside.agreed(opened, "invited", "lms_account")
    began = datetime.fromisoformat(status["waiting_since"])
    await inside.round(began + 3 * DAY)
    await inside.skip(opened, 4 * DAY)
    await inside.reported(opened, "account")
    await inside.agreed(opened, "invited", "lms_profile")
    for days in range(4, 14):
        await inside.round(began + days * DAY)
    local = (began - timedelta(hours=7)).date()
    later = (inside.now(opened) - timedelta(hours=7)).date()
    assert await inside.reminders(opened) == [
        f"lms_account:{local + 3 * DAY}",
        f"lms_profile:{later + 3 * DAY}",
        f"lms_profile:{later + 6 * DAY}",
    ]


async def send_until_heard(handle: WorkflowHandle[Any, Any], command: Command) -> str:
    """Has a command applied; one whose run was just renewed says that it is to be sent again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                heard: str = await handle.execute_update(command.kind, command, id=command.command_id, result_type=str)
            except WorkflowUpdateFailedError as failed:
                if getattr(failed.cause, "type", "") != CUT_OFF:
                    raise
            else:
                return heard


async def test_a22_attempt_500_passes_after_499_fails_over_many_runs(inside: Inside) -> None:
    request = documents.broker()
    opened = await inside.open(request)
    await inside.agreed(opened, "awaiting_decision", "decision")
    decision, resent = str(uuid4()), str(uuid4())
    assert await inside.decide(opened, command_id=decision) == "applied"
    await inside.agreed(opened, "invited", "lms_account")
    await inside.cases.resend_notice(opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff", resent)
    await inside.reported(opened, "account", "profile", "course")
    waiting = await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    since = (await inside.progress(opened)).waiting_since

    for at in range(0, 499, 25):
        await inside.learned(opened, [0.7999] * min(25, 499 - at))
    status = await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    await inside.wait_for_runs(opened, 5)
    assert len(status["exam"]["attempts"]) == 499
    assert status["waiting_since"] == waiting["waiting_since"]
    assert (await inside.progress(opened)).waiting_since == since

    # The same commands again, as a client would send them that never heard the answers.
    handle = inside.handle(opened)
    for kind, command_id in ((CommandKind.DECIDE, decision), (CommandKind.RESEND, resent)):
        again = Command(
            case_id=opened.case_id,
            command_id=command_id,
            kind=kind,
            verdict="approve",
            notice="request_received",
            answer_when_applied=True,
        )
        assert await send_until_heard(handle, again) == "applied"
    await inside.reported(opened, 0.8)
    status = await inside.agreed(opened, "certified", "portal_registration")
    assert len(status["exam"]["attempts"]) == 500
    assert [one["passed"] for one in status["exam"]["attempts"]].count(True) == 1
    passed_at = status["exam"]["passed_at"]

    await inside.reported(opened, 0.1)
    await inside.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    status = await inside.agreed(opened, "active", "next_plan_year")
    assert status["exam"]["passed_at"] == passed_at
    assert len(status["exam"]["attempts"]) == 501
    sent = await inside.noticed(opened, "active")
    assert sorted(set(sent) - {"reminder"}) == ["active", "certificate_issued", "lms_invitation", "request_received"]
    assert sent.count("request_received") == 2
    assert sent.count("certificate_issued") == sent.count("lms_invitation") == 1
    assert [one["kind"] for one in status["history"]].count("decided") == 1
    certificates = select(CertificateRow).where(col(CertificateRow.case_id) == opened.case_id)
    found = await inside.database.read(list_rows, certificates)
    pending = await inside.database.read(list_rows, select(CommandRow).where(col(CommandRow.state) == "pending"))
    assert len(found) == 1
    assert not [row for row in pending if row.case_id == opened.case_id]


async def test_c6_a_case_ends_with_its_own_window_and_the_next_years_goes_on(inside: Inside) -> None:
    broker, slow = documents.broker(plan_year=2026), documents.broker(plan_year=2026)
    closing, later = {"closes_on": in_days(40)}, {"closes_on": in_days(400)}
    active = await inside.open(broker, NOVEMBER_2026, windows=closing)
    training = await inside.open(slow, NOVEMBER_2026, windows=closing)
    for opened in (active, training):
        await inside.approved(opened)
        await inside.reported(opened, "account", "profile", "course", 0.5, plan_year=2026)
    await inside.reported(active, 0.95, plan_year=2026)
    await inside.agreed(active, "certified", "portal_registration")
    await inside.reported_by_portal(active, "account.registered", "profile.completed", "scheduling_tool.ready")
    assert (await inside.agreed(active, "active", "next_plan_year"))["may_assist"]

    following = await inside.begin(active, 2027, NOVEMBER_2026, windows=later)
    next_year = await inside.agreed(following, "awaiting_decision", "decision")
    assert next_year["assister_type"] == "returning"
    assert next_year["exam"]["attempts"] == []
    this_year = await inside.status(active)
    assert (this_year["stage"], this_year["may_assist"]) == ("active", True)

    assert await inside.skip(following, 43 * DAY)
    for opened, request in ((active, broker), (training, slow)):
        before = await inside.status(opened)
        assert not await inside.skip(opened, 43 * DAY)
        status = await inside.until(opened, "closed")
        assert status["may_assist_reasons"][0] == "closed"
        assert set(facts_of(before)) < set(facts_of(status))
        assert status["exam"]["attempts"] == before["exam"]["attempts"] != []
        assert status["certificate"] == before["certificate"]
        await inside.noticed(opened, "closed")
        assert await inside.letter(request, lambda letter: "2026" in letter["subject"])
        assert await inside.handle(opened).result() == "closed"
    assert (await inside.agreed(following, "awaiting_decision", "decision"))["exam"] == next_year["exam"]

    # What is reported afterwards is kept, and has no effect.
    await inside.learned(training, [0.99], plan_year=2026)
    assert (await inside.status(training))["exam"]["passed_at"] is None
    found = await inside.database.read(list_rows, select(InboxRow).where(col(InboxRow.case_id) == training.case_id))
    assert [row.note for row in found if row.state == "without_effect"] == ["The case has ended: closed."]

    # The next year is not certified by the last one's pass.
    assert await inside.decide(following, override="agreement on file") == "applied"
    await inside.agreed(following, "in_training", "course_completion")
    await inside.reported(following, "course", 0.8, plan_year=2027)
    status = await inside.agreed(following, "active", "next_plan_year")
    assert status["may_assist"]
    assert (await inside.status(active))["stage"] == "closed"


async def test_a28_an_activation_link_expires_and_is_sent_again(inside: Inside) -> None:
    request = documents.counselor(language="en")
    opened = await inside.open(request)
    await inside.checked(opened)
    await inside.approved(opened)
    await inside.reported(opened, "account", "profile", "course", 0.8)
    await inside.agreed(opened, "portal_setup", "portal_activation")
    first = activation_token(await inside.letter(request, _has_activation))
    issued = inside.now(opened)
    states = {
        days: (await inside.database.read(read_activation, first, issued + days * DAY - timedelta(minutes=5)))[0]
        for days in (7, 8)
    }
    assert states == {7: "ready", 8: "expired"}

    await inside.skip(opened, 8 * DAY)
    assert await inside.database.write(use_activation_link, first, inside.now(opened)) is None
    await inside.cases.resend_notice(opened.case_id, Notice.PORTAL_ACTIVATION, "it expired", "staff")
    second = activation_token(
        await inside.letter(request, lambda one: _has_activation(one) and activation_token(one) != first)
    )
    later = inside.now(opened)
    assert (await inside.database.read(read_activation, first, later))[0] == "void"
    assert (await inside.database.read(read_activation, second, later + 7 * DAY - timedelta(minutes=5)))[0] == "ready"
    assert (await inside.database.read(read_activation, second, later + 7 * DAY))[0] == "expired"

    assert await inside.cases.activate_account(first) is None
    assert await inside.cases.activate_account(second) == opened.case_id
    assert await inside.cases.activate_account(second) is None
    assert await inside.until(opened, lambda _: True)
    accounts = await inside.account(opened)
    assert accounts["active"]
    await inside.reported_by_portal(opened, "account.activated", "scheduling_tool.ready", "profile.completed")
    assert (await inside.agreed(opened, "active", "next_plan_year"))["may_assist"]


def _has_activation(letter: dict[str, str]) -> bool:
    return "/activate/" in letter["text"]


def activation_token(letter: dict[str, str]) -> str:
    found = re.search(r"/activate/([\w-]+)", letter["text"])
    assert found, letter["text"]
    return found[1]


async def test_a13_an_unreachable_registry_is_unknown_and_later_look_ups_heal_it(inside: Inside) -> None:
    """The shipped policy's hour is made three seconds: no time can be skipped while an activity fails."""
    policy = find_state_policy("bewellnm", 2024)
    assert policy is not None
    assert policy.license_unknown_after_seconds == 3600
    await inside.control("registry", mode="down")
    try:
        overridden, healed = [await inside.open(documents.broker(), license_unknown_after_seconds=3) for _ in range(2)]
        for opened in (overridden, healed):
            status = await inside.agreed(opened, "awaiting_decision", "decision")
            licensing = [one for one in status["eligibility"]["findings"] if one["source"] == "A13"]
            assert {one["result"] for one in licensing} == {"unknown"}
            assert len(licensing) == 6
            with pytest.raises(Refusal, match="override"):
                await inside.decide(opened)
        assert await inside.decide(overridden, override="licence seen on paper") == "applied"
        await inside.agreed(overridden, "invited", "lms_account")
        assert await inside.wait_for_retry(healed) >= timedelta(seconds=15)
    finally:
        await inside.control("registry", mode="ok")
    await inside.retry_at_once(healed)

    status = await inside.until(
        healed, lambda status: all(one["result"] == "pass" for one in status["eligibility"]["findings"])
    )
    assert status["stage"] == "awaiting_decision"
    assert await inside.decide(healed) == "applied"
    status = await inside.agreed(healed, "invited", "lms_account")
    assert status["eligibility"]["override"] is None


async def test_a13_by_the_shipped_policy_look_ups_are_retried_for_an_hour(inside: Inside) -> None:
    await inside.control("registry", mode="down")
    opened = await inside.open(documents.agent())
    await inside.wait_for_retry(opened)
    history = await inside.handle(opened).fetch_history()
    await inside.control("registry", mode="ok")
    asked = [
        event.activity_task_scheduled_event_attributes
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "licensing.look_up"
    ]
    assert [one.schedule_to_close_timeout.ToTimedelta() for one in asked] == [timedelta(hours=1)]


async def test_c2_the_operators_query_agrees_with_the_database_at_every_stage(inside: Inside) -> None:
    opened = await inside.open(documents.counselor())
    await inside.agreed(opened, "awaiting_background_check", "background_check")
    await inside.decide(opened, "ask", reason="Which clinic?")
    await inside.agreed(opened, "awaiting_information", "information")
    await inside.cases.answer_question(
        opened.case_id, {"employer": {"kind": "school", "name": "Sample School"}}, "This one."
    )
    await inside.agreed(opened, "awaiting_background_check", "background_check")
    await inside.checked(opened)
    await inside.approved(opened)
    for step, stage, waiting_for in (
        (None, "invited", "lms_account"),
        ("account", "invited", "lms_profile"),
        ("profile", "in_training", "course_completion"),
        ("course", "awaiting_exam_pass", "exam_pass"),
        (0.8, "portal_setup", "portal_activation"),
    ):
        if step is not None:
            await inside.reported(opened, step)
        await inside.agreed(opened, stage, waiting_for)
    for event, stage, waiting_for in (
        ("account.activated", "portal_setup", "portal_profile"),
        ("profile.completed", "portal_setup", "scheduling_tool"),
        ("scheduling_tool.ready", "active", "next_plan_year"),
    ):
        await inside.reported_by_portal(opened, event)
        await inside.agreed(opened, stage, waiting_for)
    await inside.cases.revoke_certification(opened.case_id, "moved away", "staff")
    await inside.until(opened, "revoked")
    assert await inside.handle(opened).result() == "revoked"
    progress = await inside.progress(opened)
    assert (progress.stage, progress.waiting_for) == ("revoked", "")
