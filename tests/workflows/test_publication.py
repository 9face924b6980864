"""The daily publication on a real Temporal server: business days, pages, one at a time, and a worker that is killed."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow, WorkflowHandle
from temporalio.worker import Worker

import worker
from activities.interceptors.failures import CodedFailures
from activities.publications import PublicationsActivities
from adapters.holidays import list_federal_holidays
from db.engine import Database
from db.reads.federal.published_lists import find_current
from db.writes.federal import publications
from domain.federal.lists import PublishedList
from domain.shared.round_messages import Published, PublishOrder
from settings import Settings
from starter.client import make_plugin
from starter.publication import publish_lists
from starter.schedules import (
    DAILY_PUBLICATION_ID,
    DAILY_ROUND_ID,
    LICENSE_ROUND_ID,
    RECONCILIATION_ID,
    ensure_schedules,
)
from tests.support import mortal
from tests.support.patience import PATIENCE
from tests.support.publishing import read_list
from tests.support.registrations import Desk, profile
from tests.support.temporal import list_runs
from tests.support.temporal_server import start_temporal
from workflows import messages as names

pytestmark = pytest.mark.asyncio(loop_scope="module")

TUESDAY = datetime(2023, 10, 3, 10, tzinfo=UTC)


class Press:
    """A Temporal server, and a worker in this process over a database of its own."""

    def __init__(self, client: Client, database: Database) -> None:
        self.client = client
        self.task_queue = uuid4().hex
        self.database = database
        self.desk = Desk(database)

    def worker(self, task_queue: str | None = None) -> Worker:
        settings = Settings.model_construct(task_queue=task_queue or self.task_queue)
        return worker.build_worker(
            self.client, settings, [PublicationsActivities(self.database, list_federal_holidays)]
        )

    async def run(self, order: PublishOrder | None) -> tuple[Published, WorkflowHandle[Any, Any]]:
        """A publication as the schedule starts it, or with an order; and its workflow."""
        arguments = [order] if order else []
        handle = await self.client.start_workflow(
            names.DAILY_PUBLICATION,
            args=arguments,
            id=f"publication-{uuid4()}",
            task_queue=self.task_queue,
            result_type=Published,
        )
        return await handle.result(), handle

    async def npns(self) -> list[str]:
        return [cells[0] for cells in await read_list(self.database, PublishedList.RCL)]

    async def current(self) -> int:
        """The number of the current publication."""
        return (await self.database.read(find_current)).number


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[Client]:
    environment = await start_temporal(plugins=[make_plugin([CodedFailures()])])
    yield environment.client
    await environment.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def press(temporal: Client, migrated_sqlite_url: str) -> AsyncIterator[Press]:
    database = Database(migrated_sqlite_url)
    press = Press(temporal, database)
    async with press.worker():
        yield press
    await database.close()


@pytest.mark.parametrize(
    "at",
    [
        datetime(2023, 11, 23, 11, tzinfo=UTC),  # Thursday, Thanksgiving
        datetime(2023, 10, 7, 10, tzinfo=UTC),  # Saturday
        datetime(2023, 10, 8, 10, tzinfo=UTC),  # Sunday
        datetime(2022, 12, 26, 11, tzinfo=UTC),  # Monday, Christmas on a Sunday observed
        datetime(2021, 12, 31, 11, tzinfo=UTC),  # Friday, New Year's Day of the next year observed
        datetime(2023, 10, 9, 3, 59, tzinfo=UTC),  # Monday by UTC, Sunday night in the East
    ],
    ids=lambda at: f"{at:%a-%Y-%m-%d}",
)
async def test_b18_b19_b20_on_a_day_off_nothing_is_published_unless_forced(press: Press, at: datetime) -> None:
    document = profile()
    await press.desk.completed(document, TUESDAY)
    assert (await press.run(PublishOrder(at=at)))[0] == Published()
    assert await press.current() == 0
    assert (await press.run(PublishOrder(at=at, forced=True)))[0] == Published(number=1, rows=4)
    assert await press.npns() == [document["npn"]]


async def test_b18_b19_b20_on_a_business_day_it_is_published_once(press: Press) -> None:
    await press.desk.completed(profile(), TUESDAY)
    assert (await press.run(PublishOrder(at=TUESDAY)))[0] == Published(number=1, rows=4)
    await press.desk.completed(profile(), TUESDAY)
    assert (await press.run(PublishOrder(at=TUESDAY + timedelta(hours=3))))[0] == Published()
    assert len(await press.npns()) == 1
    assert (await press.run(PublishOrder(at=TUESDAY + timedelta(days=1))))[0] == Published(number=2, rows=4)
    assert len(await press.npns()) == 2


async def test_b19_a_day_without_changes_has_its_publication_too(press: Press) -> None:
    assert (await press.run(PublishOrder(at=TUESDAY)))[0] == Published(number=1, rows=0)
    assert await press.current() == 1


async def test_b19_many_pages_continue_as_new_and_nothing_personal_is_in_the_histories(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "STAGED_AT_ONCE", 1)
    documents = [profile() for _ in range(51)]
    for document in documents:
        await press.desk.completed(document, TUESDAY)
    published, handle = await press.run(PublishOrder(at=TUESDAY))
    assert published == Published(number=1, rows=4 * 51)
    assert await press.npns() == [document["npn"] for document in documents]
    runs = await list_runs(press.client, handle.id)
    assert len(runs) == 2
    for run_id in runs:
        history = (await press.client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()).to_json()
        said = history + " ".join(_payloads(json.loads(history)))
        assert not [document["npn"] for document in documents if document["npn"] in said]
        assert "example.com" not in said


def _payloads(value: Any) -> list[str]:
    if isinstance(value, dict):
        data = value.get("data")
        own = [base64.b64decode(data).decode()] if isinstance(data, str) else []
        return own + [text for item in value.values() for text in _payloads(item)]
    return [text for item in value for text in _payloads(item)] if isinstance(value, list) else []


async def test_b19_who_publishes_while_another_does_gets_that_publication(press: Press) -> None:
    await press.desk.completed(profile(), TUESDAY)
    queue = uuid4().hex
    several = [asyncio.create_task(publish_lists(press.client, queue, forced=True)) for _ in range(4)]
    await asyncio.wait(several, timeout=1)  # nobody works there yet
    async with press.worker(queue):
        found = await asyncio.wait_for(asyncio.gather(*several), PATIENCE)
    assert found == [Published(number=1, rows=4)] * 4


async def test_b18_b19_b20_the_schedules_start_it_at_six_in_the_east(press: Press) -> None:
    for _ in range(2):
        await asyncio.wait_for(ensure_schedules(press.client, press.task_queue), PATIENCE)
    found = {one.id async for one in await press.client.list_schedules()}
    assert {DAILY_ROUND_ID, DAILY_PUBLICATION_ID, LICENSE_ROUND_ID, RECONCILIATION_ID} <= found
    handle = press.client.get_schedule_handle(DAILY_PUBLICATION_ID)
    try:
        described = await handle.describe()
        assert described.schedule.spec.time_zone_name == "America/New_York"
        [calendar] = described.schedule.spec.calendars
        assert ([one.start for one in calendar.hour], [one.start for one in calendar.minute]) == ([6], [0])
        assert calendar.day_of_week[0].start == 0
        assert calendar.day_of_week[0].end == 6
        await handle.trigger()
        async with asyncio.timeout(PATIENCE):
            while not (actions := (await handle.describe()).info.recent_actions):
                await asyncio.sleep(0.05)
        started = actions[0].action
        assert isinstance(started, ScheduleActionExecutionStartWorkflow)
        run = press.client.get_workflow_handle(
            started.workflow_id, run_id=started.first_execution_run_id, result_type=Published
        )
        assert (await run.result()).number in (0, 1)
    finally:
        await handle.delete()
        for other in (DAILY_ROUND_ID, LICENSE_ROUND_ID, RECONCILIATION_ID):
            await press.client.get_schedule_handle(other).delete()


# a worker that is killed

HELD = "CREATE TRIGGER held BEFORE UPDATE OF published_at ON publication BEGIN SELECT RAISE(ABORT, 'held'); END"


@pytest.mark.slow
async def test_b19_c1_a_worker_killed_between_staging_and_the_switch_loses_nothing_and_shows_no_half(
    tmp_path: Path,
) -> None:
    """The switch is held by the database itself; what was staged is there, and nobody sees it."""
    async with mortal.running(tmp_path) as processes, httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        file, address = processes.plan.data / "app.sqlite", processes.document()["web"]

        def kept(query: str) -> list[Any]:
            with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as connection:
                return connection.execute(query).fetchall()

        async def npns() -> list[str]:
            return [row["npn"] for row in (await http.get(f"{address}/registry/rcl.json")).json()["rows"]]

        database = Database(f"sqlite+aiosqlite:///{file}")
        desk, client = Desk(database), await processes.client()
        queue = str(processes.plan.settings.get("CERTIFY_TASK_QUEUE", "certification"))
        first, second, late = (profile() for _ in range(3))
        opened = await desk.completed(first, TUESDAY)
        assert (await publish_lists(client, queue, forced=True)).number == 1
        await desk.saved(opened, {**first, "markets": ["individual"], "last_name": "Agent-Ejemplo"}, TUESDAY)
        await desk.completed(second, TUESDAY)

        kept(HELD)
        publishing = asyncio.create_task(publish_lists(client, queue, forced=True))
        async with asyncio.timeout(PATIENCE):
            while not kept("SELECT 1 FROM published_row WHERE publication = 2") or kept(
                "SELECT 1 FROM assister_case WHERE unpublished"
            ):
                await asyncio.sleep(0.02)
        await processes.kill("worker")
        assert await npns() == [first["npn"]]
        assert kept("SELECT number FROM publication WHERE published_at IS NULL") == [(2,)]
        await desk.completed(late, TUESDAY)  # after the last page, or staged with it by the next worker

        kept("DROP TRIGGER held")
        await processes.start("worker")
        published = await asyncio.wait_for(publishing, PATIENCE)
        assert published.number == 2
        assert {first["npn"], second["npn"]} <= set(await npns())
        listed = (await http.get(f"{address}/registry/find-local-help.json")).json()["rows"]
        assert "Agent-Ejemplo" in {row["last_name"] for row in listed}
        assert (await publish_lists(client, queue, forced=True)).number == 3
        assert await npns() == [first["npn"], second["npn"], late["npn"]]
        assert kept("SELECT count(*) FROM publication") == [(3,)]
        await database.close()
