"""An activity that keeps failing, for whatever reason, is put before staff's eyes; its next success takes that back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Worker

import worker
from activities.contracts import Training
from activities.effects import make_once
from activities.interceptors.stuck_flags import StuckFlags
from activities.training import TrainingActivities
from adapters.http import Refused, Unavailable
from adapters.lms import LmsPlace
from db.case_state import list_flags, load_snapshot
from db.tables import AuditRow
from db.writes.cases import flag_case
from db.writes.effects import EffectResult, Intent, stuck_flag
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.messages import CaseRef
from domain.shared.round_messages import PublishOrder
from starter.client import make_plugin
from tests.support.office import Office, office_over
from tests.support.temporal_server import start_temporal

STUCK = stuck_flag("training.invite")


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


class Called(ActivityInboundInterceptor):
    """The activity behind the interceptor."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        if self.failure is not None:
            raise self.failure


@dataclass
class Attempts:
    """Attempts of an activity for one case."""

    office: Office
    case_id: str
    called: Called = field(default_factory=Called)

    activity_type: str = "training.invite"

    def environment(self, number: int, age: timedelta, local: bool) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        scheduled = datetime.now(UTC) - age
        environment.info = replace(
            environment.info,
            activity_type=self.activity_type,
            attempt=number,
            scheduled_time=scheduled,
            is_local=local,
        )
        return environment

    async def make(
        self,
        number: int = 1,
        failure: Exception | None = None,
        *,
        age: timedelta = timedelta(),
        local: bool = False,
        order: Any = None,
    ) -> None:
        self.called.failure = failure
        order = order or CaseRef(case_id=self.case_id, at=datetime.now(UTC))
        given = ExecuteActivityInput(fn=self.make, args=[order], executor=None, headers={})
        around = StuckFlags(self.office.database).intercept_activity(self.called)
        if failure is None:
            await self.environment(number, age, local).run(around.execute_activity, given)
        else:
            with pytest.raises(type(failure)):
                await self.environment(number, age, local).run(around.execute_activity, given)

    async def flags(self) -> set[str]:
        return set(list_flags((await self.office.database.read(load_snapshot, self.case_id)).case))

    async def audited(self) -> list[tuple[str, str | None]]:
        rows: list[AuditRow] = await self.office.all(AuditRow, case_id=self.case_id)
        return [(row.action, row.reason) for row in rows if STUCK in row.action]


@pytest_asyncio.fixture
async def attempts(office: Office) -> Attempts:
    return Attempts(office, (await office.opened()).case_id)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Unavailable("lms_unreachable", "timed out"), "lms_unreachable"),
        (Refused("lms_unreadable"), "lms_unreadable"),
        (KeyError("url"), "KeyError"),
    ],
)
async def test_the_tenth_failure_for_any_reason_flags_the_case_once_with_its_code(
    attempts: Attempts, failure: Exception, code: str
) -> None:
    for number in range(1, 10):
        await attempts.make(number, failure)
    assert await attempts.flags() == set()
    for number in range(10, 13):
        await attempts.make(number, failure)
    assert await attempts.flags() == {STUCK}
    assert await attempts.audited() == [(f"case.flagged.{STUCK}", code)]


async def test_an_hour_of_failures_flags_the_case_though_they_are_few(attempts: Attempts) -> None:
    failure = Unavailable("lms_unreachable")
    await attempts.make(3, failure, age=timedelta(minutes=59))
    assert await attempts.flags() == set()
    await attempts.make(4, failure, age=timedelta(minutes=61))
    assert await attempts.flags() == {STUCK}


@pytest.mark.parametrize(
    ("activity_type", "flagged"), [("training.invite", False), ("notices.send", True), ("portal.suspend", True)]
)
async def test_of_a_case_that_has_ended_only_what_is_still_made_is_flagged(
    office: Office, activity_type: str, flagged: bool
) -> None:
    """What was under way when the case ended isn't tried again: nothing would take its flag down."""
    opened = await office.opened()
    await office.command(opened, CommandKind.WITHDRAW)
    attempts = Attempts(office, opened.case_id, activity_type=activity_type)
    await attempts.make(10, Unavailable("unreachable"))
    assert await attempts.flags() == ({stuck_flag(activity_type)} if flagged else set())


async def test_the_next_success_lowers_it_and_no_other_flag(attempts: Attempts) -> None:
    await attempts.make(10, Unavailable("lms_unreachable"))
    await attempts.office.database.write(flag_case, attempts.case_id, "mail_refused", datetime.now(UTC))
    await attempts.make(11)
    assert await attempts.flags() == {"mail_refused"}
    assert [action for action, _ in await attempts.audited()] == [f"case.flagged.{STUCK}", f"case.unflagged.{STUCK}"]
    await attempts.make(1)
    assert len(await attempts.audited()) == 2


async def test_an_effect_made_at_its_first_attempt_lowers_it_with_its_result(attempts: Attempts) -> None:
    """The activity that was stuck was given up, with a workflow that was terminated perhaps; its successor isn't."""
    await attempts.make(10, Unavailable("lms_unreachable"))

    async def make(_: Intent) -> EffectResult:
        return EffectResult({"id": "1"})

    order = CaseRef(case_id=attempts.case_id, at=datetime.now(UTC))
    at_once = attempts.environment(1, timedelta(), local=True)
    await at_once.run(make_once, attempts.office.database, order, "training.invited", make)
    assert await attempts.flags() == set()


async def test_a_first_attempt_inside_the_workflow_s_task_flags_nobody(attempts: Attempts) -> None:
    await attempts.make(10, Unavailable("lms_unreachable"), local=True)
    assert await attempts.flags() == set()


async def test_what_is_about_no_case_flags_none(attempts: Attempts) -> None:
    await attempts.make(10, KeyError("rows"), order=PublishOrder(at=datetime.now(UTC)))
    await attempts.make(10, KeyError("case"), order=CaseRef(case_id="none", at=datetime.now(UTC)))
    assert await attempts.flags() == set()


# on a real server


class Lms:
    """An LMS that is down for so many calls."""

    def __init__(self, down: int) -> None:
        self.down = down
        self.calls = 0

    async def invite_learner(self, *_: Any) -> LmsPlace:
        self.calls += 1
        if self.calls <= self.down:
            raise Unavailable("lms_unreachable")
        return LmsPlace(id="place", url="https://lms.example.org/1")


@workflow.defn(name="OneInvitation", sandboxed=False)
class OneInvitation:
    """One effect, tried again until it is made."""

    @workflow.run
    async def run(self, order: CaseRef) -> None:
        await workflow.execute_activity_method(
            Training.invite_learner,
            order,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10), backoff_coefficient=1),
        )


async def test_an_activity_that_fails_ten_times_and_heals_is_flagged_and_unflagged_with_its_code(
    office: Office,
) -> None:
    case_id = (await office.opened()).case_id
    environment = await start_temporal(plugins=[make_plugin(worker.build_interceptors(office.database))])
    lms, queue = Lms(down=12), uuid4().hex
    activities = TrainingActivities(lms, office.database)  # type: ignore[arg-type]
    methods = worker.list_activity_methods([activities])
    async with Worker(environment.client, task_queue=queue, workflows=[OneInvitation], activities=methods):
        order = CaseRef(case_id=case_id, at=datetime.now(UTC))
        await environment.client.execute_workflow(OneInvitation.run, order, id=uuid4().hex, task_queue=queue)
    await environment.shutdown()
    rows = await office.all(AuditRow, case_id=case_id)
    flags = [(row.action, row.reason) for row in sorted(rows, key=lambda row: row.id) if STUCK in row.action]
    assert flags == [(f"case.flagged.{STUCK}", "lms_unreachable"), (f"case.unflagged.{STUCK}", None)]
    assert lms.calls == 13
