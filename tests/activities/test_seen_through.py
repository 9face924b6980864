"""An effect whose workflow stops waiting in the middle is seen through: recorded, or taken back. On a real server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.exceptions import ActivityError, CancelledError
from temporalio.worker import Worker

from activities.effects import make_once
from db.tables import EffectRow
from db.writes.effects import EffectResult, Intent
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.messages import CaseRef, Effect
from starter.client import make_plugin
from tests.support.office import Office, office_over
from tests.support.patience import PATIENCE
from tests.support.temporal_server import start_temporal

KIND = "portal.account_created"
A_SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


class SlowPortal:
    """Has an account made at once, and answers when it is let."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.made, self.answers = asyncio.Event(), asyncio.Event()
        self.active: set[str] = set()
        self.done = asyncio.Event()

    @activity.defn(name="portal.create_account")
    async def create_account(self, order: CaseRef) -> Effect:
        async def make(_: Intent) -> EffectResult:
            self.active.add(order.case_id)
            self.made.set()
            await self.answers.wait()
            return EffectResult({"account": order.case_id})

        async def undo(_: EffectResult) -> None:
            self.active.remove(order.case_id)

        try:
            return await make_once(self.office.database, order, KIND, make, undo=undo)
        finally:
            self.done.set()


@workflow.defn(name="OneAttempt", sandboxed=False)
class OneAttempt:
    """A first attempt inside the workflow's task, which a moment later is waited for no more."""

    @workflow.run
    async def run(self, order: CaseRef, patience: timedelta) -> str:
        attempt = workflow.start_local_activity(
            "portal.create_account", order, result_type=Effect, start_to_close_timeout=timedelta(seconds=PATIENCE)
        )
        await workflow.wait([attempt], timeout=patience.total_seconds())
        attempt.cancel()
        try:
            await attempt
        except (ActivityError, CancelledError, asyncio.CancelledError):
            return "left"
        return "made"


@pytest.mark.parametrize("has_ended", [True, False])
async def test_a_local_attempt_that_is_cancelled_once_the_third_party_has_acted_is_taken_back_or_recorded(
    office: Office, has_ended: bool
) -> None:
    opened = await office.opened()
    order = CaseRef(case_id=opened.case_id, at=datetime.now(UTC))
    environment = await start_temporal(plugins=[make_plugin()])
    portal, queue = SlowPortal(office), uuid4().hex
    async with (
        asyncio.timeout(PATIENCE),
        Worker(environment.client, task_queue=queue, workflows=[OneAttempt], activities=[portal.create_account]),
    ):
        handle = await environment.client.start_workflow(
            OneAttempt.run,
            args=[order, A_SECOND],
            id=uuid4().hex,
            task_queue=queue,
            task_timeout=A_SECOND,  # of its four fifths a local attempt lets the workflow's time go on
        )
        await portal.made.wait()
        if has_ended:
            await office.command(opened, CommandKind.WITHDRAW)
        assert await handle.result() == "left"
        assert not portal.done.is_set(), "the third party has not answered yet"
        portal.answers.set()
        await portal.done.wait()
    await environment.shutdown()
    [effect] = await office.all(EffectRow, case_id=opened.case_id, kind=KIND)
    assert effect.result is not None
    assert portal.active == (set() if has_ended else {opened.case_id})
