"""What lies over the journey of a certification: suspensions, their terms, terminations (E2–E4), lapses (E14)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from db.writes.appeals.deciding import DecisionOnAppeal
from db.writes.appeals.filing import Filing
from db.writes.opening import Opened
from db.writes.suspensions import NewSuspension, restore_authority, suspend_authority
from domain.shared.cases.appeals import AppealOutcome, FilingMethod
from domain.shared.cases.authority import SuspensionCause, SuspensionKind
from domain.shared.cases.reasons import Refusal
from domain.shared.ids import make_appeal_workflow_id
from domain.shared.policy import find_local_date
from domain.state.policies import find_state_policy
from domain.state.policy import Policy
from starter.appeals import Appeals
from tests.support import documents, inside as support
from tests.support.idle import wait_until_workflow_is_idle
from tests.support.inside import Document, Inside
from tests.support.patience import PATIENCE
from tests.support.recovery import terminate

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROWN = 120
LAPSED = SuspensionCause.LICENSE_LAPSED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    """A server that suggests continue-as-new soon."""
    async with support.running(tmp_path_factory.mktemp("inside"), suggest_renewal_at=GROWN) as running:
        yield running


async def suspend(inside: Inside, opened: Opened, kind: str = "agreement", days: int | None = None) -> None:
    policy = find_state_policy("bewellnm", 2024)
    assert policy is not None
    until = None if days is None else find_local_date(policy, inside.now(opened)) + timedelta(days=days)
    outcome = await inside.cases.suspend_authority(
        opened.case_id, SuspensionKind(kind), "a sample reason", "staff:sample", until
    )
    assert outcome.state == "applied"


async def account_is(inside: Inside, opened: Opened, *, active: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await inside.account(opened))["active"] is not active:
            await asyncio.sleep(0.05)


async def shown(inside: Inside, opened: Opened, stage: str) -> Document:
    """Waits until the case is in this stage, and its workflow says so."""
    status = await inside.until(opened, stage)
    async with asyncio.timeout(PATIENCE):
        while (await inside.handle(opened).describe()).search_attributes.get("Stage") != [stage]:
            await asyncio.sleep(0.05)
    return status


async def test_staff_suspend_and_lift(inside: Inside) -> None:
    opened = await inside.active(documents.counselor())
    await suspend(inside, opened)
    status = await shown(inside, opened, "suspended")
    assert status["waiting_for"] == "restoration"
    assert not status["may_assist"]
    assert status["may_assist_reasons"] == ["suspended_by_staff"]
    assert [one["cause"] for one in status["suspensions"]] == ["suspended_by_staff"]
    await inside.noticed(opened, "authority_suspended")
    await account_is(inside, opened, active=False)

    await inside.cases.lift_suspension(opened.case_id, "a sample reason", "staff:sample")
    status = await shown(inside, opened, "active")
    assert status["may_assist"]
    assert status["waiting_for"] == "next_plan_year"
    await inside.noticed(opened, "authority_restored")
    await account_is(inside, opened, active=True)
    with pytest.raises(Refusal) as refused:
        await inside.cases.lift_suspension(opened.case_id, "again", "staff:sample")
    assert refused.value.reason.code == "not_suspended"


async def test_a_term_ends_by_itself_across_renewals(inside: Inside) -> None:
    opened = await inside.active(documents.broker())
    await suspend(inside, opened, days=10)
    await inside.noticed(opened, "authority_suspended")
    await inside.skip(opened, timedelta(days=9))
    assert (await inside.status(opened))["stage"] == "suspended"
    for _ in range(20):
        await inside.learned(opened, [0.1] * 10)
        if len(await inside.runs(opened)) > 1:
            break
    assert len(await inside.runs(opened)) > 1
    assert (await inside.status(opened))["stage"] == "suspended"
    await inside.skip(opened, timedelta(days=2))
    await shown(inside, opened, "active")
    assert (await inside.noticed(opened, "authority_restored")).count("authority_suspended") == 1


async def test_a_cause_ends_its_own_suspension_alone(inside: Inside) -> None:
    """E3: a licence that is back restores nothing that staff have ordered."""
    opened = await inside.active(documents.broker())
    lapse = str(uuid4())
    at = inside.now(opened)
    wanted = NewSuspension(lapse, LAPSED)
    await inside.cases.deliver_events(await inside.database.write(suspend_authority, opened.case_id, wanted, at))
    await suspend(inside, opened)
    assert await inside.database.write(suspend_authority, opened.case_id, wanted, at) == []
    status = await shown(inside, opened, "suspended")
    assert status["may_assist_reasons"] == ["license_lapsed", "suspended_by_staff"]
    by_staff = status["suspensions"][-1]["suspension_id"]
    assert await inside.database.write(restore_authority, opened.case_id, by_staff, LAPSED, at) == []
    told = await inside.database.write(restore_authority, opened.case_id, lapse, LAPSED, inside.now(opened))
    await inside.cases.deliver_events(told)
    await inside.noticed(opened, "authority_restored")
    status = await inside.status(opened)
    assert status["stage"] == "suspended"
    assert status["may_assist_reasons"] == ["suspended_by_staff"]
    await inside.cases.lift_suspension(opened.case_id, "a sample reason", "staff:sample")
    await shown(inside, opened, "active")


async def test_a_termination_comes_after_its_notice_unless_it_is_taken_back(inside: Inside) -> None:
    opened = await inside.active(documents.counselor())
    await inside.cases.terminate_authority(opened.case_id, "a sample reason", "staff:sample")
    status = await inside.status(opened)
    assert status["termination"]
    assert status["may_assist"]
    with pytest.raises(Refusal) as refused:
        await inside.cases.terminate_authority(opened.case_id, "again", "staff:sample")
    assert refused.value.reason.code == "termination_noticed"
    await inside.cases.lift_suspension(opened.case_id, "resolved", "staff:sample", termination=True)
    await inside.noticed(opened, "termination_taken_back")
    assert await inside.skip(opened, timedelta(days=40))

    await inside.cases.terminate_authority(opened.case_id, "a sample reason", "staff:sample")
    await inside.skip(opened, timedelta(days=29))
    assert (await inside.status(opened))["stage"] == "active"
    await inside.skip(opened, timedelta(days=3))
    status = await inside.until(opened, "terminated")
    assert status["may_assist_reasons"][0] == "terminated"
    await inside.noticed(opened, "terminated")
    await account_is(inside, opened, active=False)


async def test_a_termination_at_once_ends_the_case_and_its_suspensions(inside: Inside) -> None:
    opened = await inside.active(documents.broker())
    await suspend(inside, opened, "system")
    await inside.cases.terminate_authority(opened.case_id, "a sample reason", "staff:sample", at_once=True)
    status = await inside.until(opened, "terminated")
    assert status["suspensions"] == []
    assert status["may_assist_reasons"] == ["terminated"]
    assert await inside.handle(opened).result() == "terminated"
    with pytest.raises(Refusal) as refused:
        await inside.cases.terminate_authority(opened.case_id, "again", "staff:sample", at_once=True)
    assert refused.value.reason.code == "case_ended"


async def test_c1_a_term_ends_though_the_workflow_was_begun_again_meanwhile(inside: Inside) -> None:
    opened = await inside.active(documents.broker())
    await suspend(inside, opened, days=10)
    await inside.noticed(opened, "authority_suspended")
    opened = await terminate(inside, opened)
    assert (await inside.cases.restart_case(opened.case_id, "it was not meant", "an operator")).begun
    await shown(inside, opened, "suspended")
    await inside.skip(opened, timedelta(days=12))
    await shown(inside, opened, "active")
    notices = await inside.noticed(opened, "authority_restored")
    assert (notices.count("authority_suspended"), notices.count("active")) == (1, 1)


async def test_c1_a_term_that_was_reached_while_no_worker_ran_ends_with_the_next_one(inside: Inside) -> None:
    """Each task is read again from the first event on, since no run is kept in memory."""
    killed = inside.on_queue("killed", Inside)
    async with killed.working(cached_workflows=0):
        opened = await killed.active(documents.broker())
        await suspend(killed, opened, days=3)
        await killed.noticed(opened, "authority_suspended")
        await killed.skip(opened, timedelta(days=1))
    skipping = asyncio.create_task(killed.skip(opened, timedelta(days=4)))
    async with killed.working(cached_workflows=0):
        await skipping
        await shown(killed, opened, "active")
        assert (await killed.noticed(opened, "authority_restored")).count("authority_suspended") == 1


async def test_a28_an_activation_link_that_is_used_meanwhile_waits_for_the_restoration(inside: Inside) -> None:
    request = documents.counselor()
    opened = await inside.in_training(request)
    await inside.reported(opened, "course", 0.9)
    letter = await inside.letter(request, lambda letter: "/activate/" in letter["text"])
    await inside.agreed(opened, "portal_setup", "portal_activation")
    await suspend(inside, opened)
    await inside.cases.activate_account(letter["text"].partition("/activate/")[2].split()[0])
    await inside.noticed(opened, "authority_suspended")
    assert not (await inside.account(opened))["active"]
    await inside.cases.lift_suspension(opened.case_id, "a sample reason", "staff:sample")
    await account_is(inside, opened, active=True)
    await shown(inside, opened, "portal_setup")


async def test_e2_nobody_is_told_that_they_may_help_while_they_may_not(inside: Inside) -> None:
    opened = await inside.in_training(documents.broker())
    await inside.reported(opened, "course", 0.9)
    await inside.agreed(opened, "certified", "portal_registration")
    await suspend(inside, opened)
    await inside.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    assert "active" not in await inside.noticed(opened, "authority_suspended")
    await inside.cases.lift_suspension(opened.case_id, "a sample reason", "staff:sample")
    notices = await inside.noticed(opened, "active")
    assert notices.index("authority_suspended") < notices.index("active")


DEADLINE = {"days": 20, "remind_days_before": [7, 1], "reactivation_years": 2}


async def lapse(inside: Inside, opened: Opened) -> Document:
    """Lets the days of a training deadline pass."""
    await inside.skip(opened, timedelta(days=23))
    return await shown(inside, opened, "lapsed")


async def test_e14_it_is_told_ahead_then_lapses_and_goes_on_where_it_stood_once_complete(inside: Inside) -> None:
    request = documents.broker()
    opened = await inside.in_training(request, training_deadline=DEADLINE)
    deadline = (await inside.status(opened))["training"]["deadline"]
    assert (deadline["lapsed_at"], deadline["reactivated_at"]) == (None, None)
    await inside.skip(opened, timedelta(days=14))
    await inside.noticed(opened, "training_due")
    await inside.letter(request, lambda letter: "Please complete your training by" in letter["subject"])
    assert (await inside.status(opened))["stage"] == "in_training"
    await inside.skip(opened, timedelta(days=9))
    status = await shown(inside, opened, "lapsed")
    assert (status["waiting_for"], status["may_assist_reasons"][0]) == ("course_completion", "training_lapsed")
    assert (await inside.noticed(opened, "training_lapsed")).count("training_due") == 2
    await inside.skip(opened, timedelta(days=300))
    await inside.reported(opened, "course")
    status = await inside.until(opened, lambda status: status["waiting_for"] == "exam_pass")
    assert status["stage"] == "lapsed"
    await inside.reported(opened, 0.9)
    await shown(inside, opened, "certified")
    notices = await inside.noticed(opened, "training_reactivated")
    assert (notices.count("training_lapsed"), notices.count("training_due")) == (1, 2)
    await inside.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    await inside.agreed(opened, "active", "next_plan_year")


async def test_e14_a_case_whose_years_are_over_is_closed_for_good(inside: Inside) -> None:
    request = documents.broker()
    opened = await inside.in_training(request, training_deadline=DEADLINE)
    await lapse(inside, opened)
    await inside.skip(opened, timedelta(days=740))
    status = await inside.until(opened, "closed")
    assert status["may_assist_reasons"][0] == "closed"
    assert await inside.handle(opened).result() == "closed"
    letter = await inside.letter(request, lambda letter: "is closed" in letter["subject"])
    assert "closed for good" in " ".join(letter["text"].split())
    assert (await inside.notices(opened)).count("training_due") == 4, "before the years are over, too"
    await inside.reported(opened, "course", 0.9)
    assert (await inside.status(opened))["stage"] == "closed"


async def test_e14_whoever_completes_in_time_never_lapses(inside: Inside) -> None:
    opened = await inside.active(documents.counselor(), training_deadline=DEADLINE)
    await inside.skip(opened, timedelta(days=40))
    assert (await inside.status(opened))["stage"] == "active"
    assert not {"training_due", "training_lapsed"} & {*await inside.notices(opened)}


async def test_a18_without_a_deadline_nothing_lapses(inside: Inside) -> None:
    opened = await inside.in_training()
    await inside.skip(opened, timedelta(days=800))
    status = await shown(inside, opened, "in_training")
    assert status["training"]["deadline"] is None


async def test_e14_c1_the_days_go_on_across_renewals_and_a_run_that_was_begun_again(inside: Inside) -> None:
    opened = await inside.in_training(training_deadline=DEADLINE)
    for _ in range(20):
        await inside.learned(opened, [0.1] * 10)
        if len(await inside.runs(opened)) > 1:
            break
    assert len(await inside.runs(opened)) > 1
    await lapse(inside, opened)
    await wait_until_workflow_is_idle(inside.client, opened.workflow_id)  # its letters are written
    opened = await terminate(inside, opened)
    assert (await inside.cases.restart_case(opened.case_id, "it was not meant", "an operator")).begun
    await shown(inside, opened, "lapsed")
    await inside.reported(opened, "course", 0.9)
    await shown(inside, opened, "certified")
    notices = await inside.noticed(opened, "training_reactivated")
    assert (notices.count("training_lapsed"), notices.count("training_due")) == (1, 2)


async def test_e14_c1_a_lapse_whose_days_passed_while_no_worker_ran_comes_with_the_next_one(inside: Inside) -> None:
    idle = inside.on_queue("idle", Inside)
    async with idle.working(cached_workflows=0):
        opened = await idle.in_training(training_deadline=DEADLINE)
    skipping = asyncio.create_task(idle.skip(opened, timedelta(days=23)))
    async with idle.working(cached_workflows=0):
        await skipping
        await shown(idle, opened, "lapsed")
        await idle.noticed(opened, "training_lapsed")


async def test_e14_other_rules_take_a_lapse_back(inside: Inside) -> None:
    opened = await inside.in_training(training_deadline=DEADLINE)
    await lapse(inside, opened)
    shipped = find_state_policy("bewellnm", 2024)
    assert shipped is not None
    await inside.move_rules(opened, shipped)
    await shown(inside, opened, "in_training")
    assert (await inside.noticed(opened, "training_reactivated")).count("training_lapsed") == 1
    later = {"training_deadline": {**DEADLINE, "days": 60}}
    await inside.move_rules(opened, Policy.model_validate({**shipped.model_dump(mode="json"), **later}))
    await inside.skip(opened, timedelta(days=45))
    await shown(inside, opened, "lapsed")


async def test_e7_an_appealed_suspension_waits_and_goes_on_once_it_is_upheld(inside: Inside) -> None:
    """Status, workflow and account say the same, whatever the appeal comes to."""
    opened = await inside.active(documents.counselor())
    await suspend(inside, opened, days=10)
    await shown(inside, opened, "suspended")
    await account_is(inside, opened, active=False)
    appeals = Appeals(inside.client, inside.database, inside.cases, inside.settings.task_queue)
    filing = Filing(opened.case_id, "assister", FilingMethod.OWN_PAGE, "It was a mistake.")
    number = await appeals.file_appeal(filing)
    status = await shown(inside, opened, "active")
    assert status["may_assist"]
    await account_is(inside, opened, active=True)
    await inside.noticed(opened, "appeal_filed")
    for actor in ("staff:anna", "staff:iris"):
        decision = DecisionOnAppeal(opened.case_id, actor, AppealOutcome.UPHELD, "a sample reason")
        await appeals.decide_appeal(decision)
    await shown(inside, opened, "suspended")
    await account_is(inside, opened, active=False)
    appeal = inside.client.get_workflow_handle(make_appeal_workflow_id(opened.case_id, number))
    assert await appeal.result() == "over"
    await inside.noticed(opened, "appeal_decided")
    await inside.skip(opened, timedelta(days=12))
    await shown(inside, opened, "active")
    await account_is(inside, opened, active=True)


async def test_e7_a_reversed_suspension_is_lifted_by_the_case_s_own_workflow(inside: Inside) -> None:
    opened = await inside.active(documents.broker())
    await suspend(inside, opened, "system")
    await shown(inside, opened, "suspended")
    appeals = Appeals(inside.client, inside.database, inside.cases, inside.settings.task_queue)
    await appeals.file_appeal(Filing(opened.case_id, "assister", FilingMethod.OWN_PAGE, "It was a mistake."))
    assert (await inside.status(opened))["stage"] == "suspended", "access to systems stays shut meanwhile"
    decision = DecisionOnAppeal(opened.case_id, "staff:anna", AppealOutcome.REVERSED, "a sample reason")
    await appeals.decide_appeal(decision)
    await shown(inside, opened, "active")
    await inside.noticed(opened, "authority_restored")
    await inside.noticed(opened, "appeal_decided")
    assert len(await inside.runs(opened)) == 1, "it was never begun anew"
