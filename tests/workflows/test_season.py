"""The season on a real Temporal server: paused, resumed, cancelled, renewed, slowed down; its worker killed (E9)."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

import worker
from activities import seasons as activity
from activities.interceptors.failures import CodedFailures
from activities.seasons import SeasonsActivities
from db.engine import Database
from db.season_tables import SeasonEntry
from db.tables import Case
from db.writes.cases import claim_case
from db.writes.imports import import_person
from domain.programs.imports import parse_import
from domain.shared.cases.messages import Claim
from domain.shared.cases.seasons import SeasonChange, SeasonChanged
from settings import Settings
from starter import seasons as starter
from starter.cases import now
from starter.client import make_plugin
from starter.seasons import Seasons
from tests.support import documents, mortal
from tests.support.kept import Kept, until
from tests.support.office import KEY, Office
from tests.support.patience import PATIENCE
from tests.support.tables import change_row
from tests.support.temporal import list_runs
from tests.support.temporal_server import start_temporal
from tests.support.world import World
from workflows import season as workflow

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHY = ("A reason.", "staff:ana")
Document = dict[str, Any]


class Registrar:
    """Takes the place of the cases' workflows: claims each case, and stops at one until it is let through."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.started: list[str] = []
        self.stops_at = 0
        self.arrived, self.let_through = asyncio.Event(), asyncio.Event()
        self.claims = True

    async def start_workflow(self, case: Case) -> bool:
        self.started.append(case.case_id)
        if len(self.started) == self.stops_at:
            self.arrived.set()
            await asyncio.wait_for(self.let_through.wait(), PATIENCE)
        if self.claims:
            await self.finish(case.case_id)
        return True

    async def finish(self, case_id: str) -> None:
        """The first steps of a case are done."""
        await self._database.write(claim_case, Claim(case_id=case_id, run_id=f"run-{case_id}", at=now()))
        await self._database.write(change_row, Case, case_id, waiting_for="decision")


async def bring_in(database: Database, key: bytes, earlier: list[Document]) -> list[str]:
    """Loads earlier years; the people's ids."""
    people = parse_import(earlier)
    return [(await database.write(import_person, key, one, "staff:ana", now())).assister_id for one in people]


class Exchange:
    """Seasons over a database of their own, by a worker in this process."""

    def __init__(self, client: Client, database: Database, program: str) -> None:
        self.client = client
        self.database = database
        self.program = program
        self.task_queue = uuid4().hex
        self.seasons = Seasons(client, database, self.task_queue)
        self.registrar = Registrar(database)
        self.office = Office(database)
        self.handle = client.get_workflow_handle(starter.make_season_id(program, 2027), result_type=str)

    def worker(self) -> Worker:
        settings = Settings.model_construct(task_queue=self.task_queue)
        return worker.build_worker(self.client, settings, [SeasonsActivities(self.registrar, self.database)])

    async def know(self, count: int) -> list[Document]:
        """So many people who return to the program."""
        requests = [documents.registration() for _ in range(count)]
        await bring_in(self.database, KEY, [documents.registered(request, 2026) for request in requests])
        return requests

    async def change(self, change: SeasonChange) -> Document:
        status = await self.seasons.change_season(self.program, 2027, change, *WHY)
        return status.document()

    async def open(self) -> Document:
        return (await self.seasons.open_season(self.program, 2027, *WHY)).document()

    async def status(self) -> Document:
        return (await self.seasons.read_status(self.program, 2027)).document()

    async def opened(self) -> int:
        return len(await self.office.all(SeasonEntry))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[Client]:
    environment = await start_temporal(plugins=[make_plugin([CodedFailures()])])
    yield environment.client
    await environment.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def exchange(temporal: Client, migrated_sqlite_url: str) -> AsyncIterator[Exchange]:
    database = Database(migrated_sqlite_url)
    found = Exchange(temporal, database, "ffm")
    async with found.worker():
        yield found
        await end(found)
    await database.close()


async def end(exchange: Exchange) -> None:
    """Ends the season's workflow, which may just end by itself."""
    try:
        await exchange.handle.terminate("the test is over")
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


@pytest.fixture(autouse=True)
def _begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seasons of other tests on the same server have their id."""
    other = uuid4().hex
    monkeypatch.setattr(starter, "make_season_id", lambda program, year: f"season/{program}/{year}/{other}")


async def test_e9_it_is_paused_resumed_and_finished_and_opens_everybody_once(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PAGE", 4)
    monkeypatch.setattr(activity, "AT_ONCE", 1)
    monkeypatch.setattr(activity, "TOGETHER", 1)
    people = await exchange.know(10)
    exchange.registrar.stops_at = 6
    assert (await exchange.open())["people"] == 10
    await asyncio.wait_for(exchange.registrar.arrived.wait(), PATIENCE)
    assert (await exchange.change(SeasonChange.PAUSE))["state"] == "paused"
    opened = await exchange.opened()
    assert 6 <= opened < 10
    exchange.registrar.let_through.set()
    # What was under way is over once a resumption is heard after it; nobody was opened in between.
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await exchange.handle.execute_update(SeasonChange.PAUSE, SeasonChanged())
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "refused"
    assert await exchange.opened() == opened
    assert (await exchange.change(SeasonChange.RESUME))["state"] == "running"
    assert await asyncio.wait_for(exchange.handle.result(), PATIENCE) == "finished"
    assert await exchange.status() | {"opened": 10, "handled": 10, "state": "finished", "percent": 100} == (
        await exchange.status()
    )
    assert Counter(exchange.registrar.started).most_common(1)[0][1] == 1
    assert len(exchange.registrar.started) == 10
    for run_id in await list_runs(exchange.client, exchange.handle.id):
        history = await exchange.client.get_workflow_handle(exchange.handle.id, run_id=run_id).fetch_history()
        said = history.to_json() + " ".join(_list_payloads(json.loads(history.to_json())))
        assert "A reason." not in said
        assert "staff:ana" not in said
        assert not [one for one in people if one["email"] in said or one["npn"] in said]


def _list_payloads(value: Any) -> list[str]:
    if isinstance(value, dict):
        data = value.get("data")
        own = [base64.b64decode(data).decode()] if isinstance(data, str) else []
        return own + [text for item in value.values() for text in _list_payloads(item)]
    return [text for item in value for text in _list_payloads(item)] if isinstance(value, list) else []


async def test_e9_cancelled_it_leaves_what_it_opened_and_says_how_many(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "AT_ONCE", 1)
    monkeypatch.setattr(activity, "TOGETHER", 1)
    await exchange.know(6)
    exchange.registrar.stops_at = 3
    await exchange.open()
    await asyncio.wait_for(exchange.registrar.arrived.wait(), PATIENCE)
    cancelled = await exchange.change(SeasonChange.CANCEL)
    exchange.registrar.let_through.set()
    assert await asyncio.wait_for(exchange.handle.result(), PATIENCE) == "cancelled"
    assert cancelled["state"] == "cancelled"
    assert cancelled["opened"] == await exchange.opened() == len(await exchange.office.all(Case))
    assert 3 <= cancelled["opened"] < 6


async def test_e9_many_pages_continue_as_new(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "PAGE", 1)
    monkeypatch.setattr(workflow, "PAGES_A_RUN", 3)
    await exchange.know(7)
    await exchange.open()
    assert await asyncio.wait_for(exchange.handle.result(), PATIENCE) == "finished"
    assert len(await list_runs(exchange.client, exchange.handle.id)) == 3
    assert (await exchange.status())["opened"] == 7


async def test_e9_it_waits_while_too_many_cases_have_not_taken_their_first_steps(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LEAST_ROOM", 1)
    monkeypatch.setattr(activity, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(activity, "MOST_UNFINISHED", 4)
    exchange.registrar.claims = False
    await exchange.know(9)
    await exchange.open()
    finished = 0
    async with asyncio.timeout(PATIENCE):
        while finished < 9:
            # The steps of one at a time: never are more than four under way.
            while len(exchange.registrar.started) == finished:
                await asyncio.sleep(0.02)
            assert await exchange.opened() - finished <= 4
            await exchange.registrar.finish(exchange.registrar.started[finished])
            finished += 1
        assert await exchange.handle.result() == "finished"


async def test_e9_a_change_that_nobody_could_be_told_is_found(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "LOOKED_EVERY", timedelta(seconds=1))
    monkeypatch.setattr(exchange.seasons, "_tell", _tell_nobody)
    monkeypatch.setattr(activity, "AT_ONCE", 1)
    monkeypatch.setattr(activity, "TOGETHER", 1)
    await exchange.know(3)
    exchange.registrar.stops_at = 1
    await exchange.open()
    await asyncio.wait_for(exchange.registrar.arrived.wait(), PATIENCE)
    await exchange.change(SeasonChange.PAUSE)
    exchange.registrar.let_through.set()
    await exchange.change(SeasonChange.RESUME)
    assert await asyncio.wait_for(exchange.handle.result(), PATIENCE) == "finished"
    assert await exchange.opened() == 3


async def _tell_nobody(*_: Any) -> None:
    return


async def test_e9_a_season_whose_workflow_was_lost_goes_on(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "AT_ONCE", 1)
    monkeypatch.setattr(activity, "TOGETHER", 1)
    await exchange.know(4)
    exchange.registrar.stops_at = 2
    await exchange.open()
    await asyncio.wait_for(exchange.registrar.arrived.wait(), PATIENCE)
    await exchange.handle.terminate("lost")
    exchange.registrar.let_through.set()
    async with keeping_begun(exchange):
        await wait_until(lambda: _is_finished(exchange))
    assert (await exchange.status())["opened"] == 4
    assert Counter(case.assister_id for case in await exchange.office.all(Case)).most_common(1)[0][1] == 1


async def _is_finished(exchange: Exchange) -> bool:
    return bool((await exchange.status())["state"] == "finished")


async def wait_until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def keeping_begun(exchange: Exchange) -> AsyncIterator[None]:
    """As every worker does beside its work."""
    keeping = asyncio.create_task(exchange.seasons.keep_begun(0.2))
    try:
        yield
    finally:
        keeping.cancel()


# a worker that is killed

HELD = (
    "CREATE TRIGGER held BEFORE INSERT ON season_entry "
    f"WHEN (SELECT count(*) FROM season_entry) >= {activity.TOGETHER} "
    "BEGIN SELECT RAISE(ABORT, 'held'); END"
)


@pytest.mark.slow
async def test_e9_c1_a_worker_killed_in_the_middle_opens_everybody_once(tmp_path: Path) -> None:
    """The database itself holds up the eleventh person; then the worker is killed, and another one goes on."""
    async with mortal.running(tmp_path) as processes, httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        world, kept = World(processes.document(), http), Kept(processes.plan.data / "app.sqlite")
        requests = [documents.broker() for _ in range(12)]
        for request in requests:
            await world.know(documents.producer(request))
        settings = processes.plan.settings
        database, key = Database(settings["CERTIFY_DATABASE_URL"]), bytes.fromhex(settings["CERTIFY_IDENTITY_KEY"])
        people = await bring_in(database, key, [documents.earlier(request, 2026) for request in requests])
        await database.close()
        kept.change(HELD)
        season = f"{world.web}/api/seasons/bewellnm/2027"
        rehearsed = (await http.post(f"{season}/rehearse", headers=world.staff)).json()
        answer = await http.post(f"{season}/open", json={"reason": "It is time."}, headers=world.staff)
        assert answer.status_code == 201, answer.text
        await until(lambda: kept.rows("SELECT count(*) FROM season_entry") == [(activity.TOGETHER,)])
        await processes.kill("worker")
        assert (await http.get(f"{season}/status", headers=world.staff)).json()["opened"] == activity.TOGETHER
        kept.change("DROP TRIGGER held")
        await processes.start("worker")
        await until(lambda: kept.rows("SELECT state FROM season") == [("finished",)])
        status = (await http.get(f"{season}/status", headers=world.staff)).json()
        assert {name: status[name] for name in rehearsed} == rehearsed
        assert status["opened"] == 12
        cases = kept.rows("SELECT assister_id, case_id FROM assister_case")
        assert sorted(row[0] for row in cases) == sorted(people)
        # The first steps: each waits for staff, and is enrolled in the course, once, as soon as its NPN is proven.
        await until(lambda: kept.rows("SELECT count(*) FROM assister_case WHERE waiting_for = 'decision'") == [(12,)])
        enrolled = "SELECT count(*) FROM effect WHERE kind = 'training.enrolled' AND result IS NOT NULL"
        await until(lambda: kept.rows(enrolled) == [(12,)])
        calls = [one for one in await world.calls("lms") if one["method"] == "POST" and one["status"] == 201]
        assert Counter(one["body"]["registration"] for one in calls) == Counter(row[1] for row in cases)
