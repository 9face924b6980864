"""Third parties are asked again for what they reported once a store was restored: beside the comparing of cases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.client import ScheduleHandle

from adapters.lms import LmsClient
from db.case_state import load_case
from db.recovery_tables import ReconciliationRow
from db.tables import Case
from db.writes.opening import Opened
from domain.shared.cases.facts import FactKind
from domain.shared.round_messages import ReconciliationOrder
from starter import schedules
from tests.recovery.test_restarts import in_training
from tests.support import recovery
from tests.support.inside import Inside, report
from tests.support.patience import PATIENCE
from tests.support.recovery import audited, last_reconciliation, reconcile
from tests.support.tables import change_row
from workflows import messages as names
from workflows.reconciliation import REPORT_REQUESTS_ID

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def schedule(system: Inside) -> AsyncIterator[ScheduleHandle]:
    """The schedule as a worker makes it, for this system's task queue; paused, so that none but those asked for run."""
    made = schedules.reconciliation(system.settings.task_queue)
    made.state.paused = True
    handle = await system.client.create_schedule("reconciliation-in-a-test", made)
    yield handle
    await handle.delete()


async def trigger(system: Inside, handle: ScheduleHandle) -> ReconciliationRow:
    """A reconciliation of the schedule, once the one before is over; what it came to."""
    async with asyncio.timeout(PATIENCE):
        while (before := await handle.describe()).info.running_actions:
            await asyncio.sleep(0.1)
        await handle.trigger()
        while (described := await handle.describe()).info.num_actions == before.info.num_actions:
            await asyncio.sleep(0.1)
        while described.info.running_actions:
            await asyncio.sleep(0.1)
            described = await handle.describe()
        await asyncio.sleep(1)  # the next one is named by the second
    return await last_reconciliation(system)


async def read_wanted(system: Inside, opened: Opened) -> list[str] | None:
    return (await system.database.read(load_case, opened.case_id)).reports_wanted


async def test_c1_a_third_party_that_hangs_holds_up_no_comparing(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    asked: list[str] = []

    async def hang(_: LmsClient, case_id: str) -> None:
        asked.append(case_id)
        await release.wait()

    monkeypatch.setattr(LmsClient, "request_reports", hang)
    waiting, lost = await in_training(system), await recovery.lose(system, await in_training(system))
    restored = ReconciliationOrder(number=6 * 10**6, thorough=True, restored=True)
    async with asyncio.timeout(PATIENCE):
        counts = await reconcile(system, restored)
    assert counts["wanted"] >= 2
    await system.agreed(lost, "in_training", "course_completion")
    assert len(await audited(system, lost, "case.restarted")) == 1
    lost_too = await recovery.lose(system, waiting)
    async with asyncio.timeout(PATIENCE):  # nor the next one, while the third party is still being asked
        await reconcile(system)
    assert len(await audited(system, lost_too, "case.restarted")) == 1
    asking = system.client.get_workflow_handle(REPORT_REQUESTS_ID)
    async with asyncio.timeout(PATIENCE):
        while {waiting.case_id, lost.case_id} - set(asked):
            await asyncio.sleep(0.05)
    release.set()
    async with asyncio.timeout(PATIENCE):
        assert await asking.result() >= 2
    for opened in (waiting, lost):
        assert await read_wanted(system, opened) == ["portal"], "whose turn comes with the certificate"


async def test_c1_a_pause_is_no_restore_and_a_number_that_only_one_store_knows_is(
    system: Inside, schedule: ScheduleHandle
) -> None:
    await trigger(system, schedule)
    opened = await in_training(system)
    before = await trigger(system, schedule)
    two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
    await system.database.write(change_row, ReconciliationRow, before.number, finished_at=two_hours_ago)
    paused = await trigger(system, schedule)
    assert (paused.number, paused.thorough) == (before.number + 1, True)
    assert await read_wanted(system, opened) is None, "nobody is asked for anything again"

    for known in (paused.number - 1, paused.number + 2):  # the database is the older store, or Temporal's is
        row = await last_reconciliation(system)
        await system.database.write(change_row, ReconciliationRow, row.number, number=known)
        await trigger(system, schedule)
        assert "portal" in (await read_wanted(system, opened) or ())
        await system.database.write(change_row, Case, opened.case_id, reports_wanted=None)


async def test_c1_a_database_that_lost_less_than_a_reconciliation_is_known_by_the_workflows_that_know_more(
    system: Inside, schedule: ScheduleHandle
) -> None:
    await trigger(system, schedule)
    opened, ahead = await in_training(system), await in_training(system)
    await system.handle(ahead).signal(names.LMS_REPORTED, report(ahead, FactKind.COURSE_COMPLETED))
    async with asyncio.timeout(PATIENCE):  # its new stage is some seconds late where reconciliations look for it
        while not await audited(system, ahead, "case.restarted"):
            assert await read_wanted(system, opened) is None
            await trigger(system, schedule)
    await trigger(system, schedule)
    assert "portal" in (await read_wanted(system, opened) or ())
