"""The licence round on a real Temporal server: pages, bounds, a silent registry, a worker that dies (E1–E3)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from pytest_httpserver import HTTPServer
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker
from werkzeug import Request, Response

import worker
from activities import contracts, license_rounds
from activities.interceptors.failures import CodedFailures
from activities.license_rounds import LicenseRoundsActivities
from adapters.http import open_client
from adapters.registry import PATH, RegistryClient
from adapters.registry_alerts import RegistryAlertsClient
from db.case_state import load_case
from db.license_tables import RegistryCall, WatchedLicense
from db.tables import Case
from db.writes.effects import keep_evidence
from db.writes.opening import Opened
from domain.federal.lists import EASTERN
from domain.shared.cases.messages import Effect, Letter
from domain.shared.round_messages import LicenseRoundCounts, LicenseRoundOrder
from settings import Settings
from starter.client import make_plugin
from starter.schedules import license_round as build_schedule
from tests.support.office import Office, office_over
from tests.support.patience import PATIENCE
from tests.support.tables import change_row
from tests.support.temporal import list_runs
from tests.support.temporal_server import start_temporal
from workflows import license_round, messages as names

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = timedelta(days=1)
PERSON = (
    "<PDB><PRODUCER><INDIVIDUAL><ENTITY_BIOGRAPHIC><BIOGRAPHIC><NAME_LAST>{last}</NAME_LAST>"
    "<NAME_FIRST>{first}</NAME_FIRST></BIOGRAPHIC></ENTITY_BIOGRAPHIC><PRODUCER_LICENSING><LICENSE_INFORMATION>"
    '<STATE name="NM"><LICENSE><LICENSE_NUM>{number}</LICENSE_NUM><DATE_EXPIRE_LICENSE>{expires}</DATE_EXPIRE_LICENSE>'
    "<RESIDENCY_STATUS>R</RESIDENCY_STATUS><ACTIVE>{active}</ACTIVE><DETAILS><DETAIL><LOA>Health</LOA></DETAIL>"
    "</DETAILS></LICENSE></STATE></LICENSE_INFORMATION></PRODUCER_LICENSING></INDIVIDUAL></PRODUCER></PDB>"
)


class Letters(contracts.Notices):
    """Letters as they are handed over to be sent."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []

    @activity.defn(name="notices.send")
    async def send_notice(self, letter: Letter) -> Effect:
        self.sent.append(letter)
        return Effect()


class Watch:
    """A Temporal server, a registry over HTTP, and people certified in a database of their own."""

    def __init__(self, client: Client, office: Office, server: HTTPServer, registry: RegistryClient) -> None:
        self.client = client
        self.office = office
        self.registry = registry
        self.task_queue = uuid4().hex
        self.letters = Letters()
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        self.is_down = False
        self.holds = asyncio.Event()
        self.holds.set()
        server.clear()
        server.expect_request(PATH).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        npn = request.args["id_entity"]
        self.asked.append(npn)
        if self.is_down:
            self.is_down = False
            return Response(status=503)
        return Response(self.answers[npn], content_type="text/xml")

    def worker(self) -> Worker:
        settings = Settings.model_construct(task_queue=self.task_queue)
        rounds = LicenseRoundsActivities(self.registry, None, self.office.database)
        return worker.build_worker(self.client, settings, [rounds, self.letters])

    async def certified(self, active: str = "Yes", expires: str = "12/31/2034", text: str | None = None) -> Opened:
        """Somebody certified, and what the registry says of them."""
        opened = await self.office.waiting()
        await self.office.decided(opened)
        await self.office.certified(opened)
        asked = (await self.office.database.read(load_case, opened.case_id)).request
        said = {"first": asked["first_name"], "last": asked["last_name"], "number": asked["license_number"]}
        self.answers[asked["npn"]] = text or PERSON.format(**said, active=active, expires=expires)
        return opened

    async def run(self, at: datetime) -> tuple[LicenseRoundCounts, str]:
        """A round of a day, and its workflow's id."""
        handle = await self.client.start_workflow(
            names.LICENSE_ROUND,
            LicenseRoundOrder(at=at),
            id=f"round-{uuid4()}",
            task_queue=self.task_queue,
            result_type=LicenseRoundCounts,
        )
        return await handle.result(), handle.id

    async def stage(self, opened: Opened) -> str:
        return str((await self.office.status(opened))["stage"])


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    return ("127.0.0.1", 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[Client]:
    environment = await start_temporal(plugins=[make_plugin([CodedFailures()])])
    yield environment.client
    await environment.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def watch(temporal: Client, migrated_sqlite_url: str, httpserver: HTTPServer) -> AsyncIterator[Watch]:
    async with office_over(migrated_sqlite_url) as office, open_client() as http:
        registry = RegistryClient(http, httpserver.url_for(""), "exchange", "secret")
        yield Watch(temporal, office, httpserver, registry)


async def test_e1_e2_a_round_goes_page_by_page_asks_once_and_says_what_it_came_to(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(license_rounds, "AT_ONCE", 2)
    monkeypatch.setattr(license_rounds, "TURNS_A_PAGE", 1)
    monkeypatch.setattr(license_round, "PAGES_A_RUN", 4)
    good = [await watch.certified() for _ in range(4)]
    lapsed = await watch.certified(active="No")
    soon = (datetime.now(UTC) + 20 * DAY).strftime("%m/%d/%Y")
    expiring = await watch.certified(expires=soon)
    garbled = await watch.certified(text="<html>Maintenance</html>")
    at = watch.office.now + 31 * DAY
    async with watch.worker():
        came_to, workflow_id = await watch.run(at)
        again, _ = await watch.run(at + timedelta(hours=1))
    counts = {"watched": 7, "due": 7, "asked": 7, "unknown": 1, "suspended": 1, "restored": 0, "left": 0}
    assert came_to.counts == again.counts == counts
    assert sorted(watch.asked) == sorted(watch.answers), "each once, however many rounds"
    assert await watch.stage(lapsed) == "suspended"
    for one in (*good, expiring, garbled):
        assert await watch.stage(one) != "suspended"
    runs = await list_runs(watch.client, workflow_id)
    assert len(runs) > 1
    for run_id in runs:
        history = await watch.client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        assert not [npn for npn in watch.answers if npn in history.to_json()]


async def test_e1_a_license_that_expires_is_reminded_of_by_letter(watch: Watch) -> None:
    today = datetime.now(UTC).astimezone(EASTERN).date()
    expiring = await watch.certified(expires=(today + 20 * DAY).strftime("%m/%d/%Y"))
    await watch.certified()
    async with watch.worker():
        await watch.run(datetime.now(UTC))
    [letter] = watch.letters.sent
    assert (letter.case_id, letter.notice) == (expiring.case_id, "license_expiring")
    assert letter.about == f"{today + 20 * DAY}:30"


async def test_e1_a_last_day_that_the_screening_knew_is_reminded_of_before_the_first_look_up(watch: Watch) -> None:
    watch.office.now = datetime.now(UTC) - timedelta(hours=1)
    last = datetime.now(UTC).astimezone(EASTERN).date() + 10 * DAY
    opened = await watch.certified(expires=last.strftime("%m/%d/%Y"))
    [said] = watch.answers.values()
    for key, raw in (("old", b"<PDB/>"), ("newest", said.encode())):
        at = watch.office.later()
        await watch.office.database.write(keep_evidence, key, opened.case_id, "registry", raw, "0" * 64, at)
    async with watch.worker():
        came_to, _ = await watch.run(datetime.now(UTC))
    assert (came_to.counts["watched"], came_to.counts["asked"]) == (1, 0)
    [letter] = watch.letters.sent
    assert letter.about == f"{last}:30"
    [row] = await watch.office.all(WatchedLicense)
    assert row.due_on == last + DAY


async def test_e1_a_registry_that_is_silent_is_asked_later_about_the_others(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(license_rounds, "AT_ONCE", 1)
    monkeypatch.setattr(license_round, "UNTIL_IT_ANSWERS", timedelta(seconds=1))
    people = [await watch.certified(active="No") for _ in range(3)]
    at = datetime.now(UTC)
    watch.is_down = True
    async with watch.worker():
        first, _ = await watch.run(at)
        stages = [await watch.stage(one) for one in people]
        second, _ = await watch.run(at + DAY)
    assert (first.counts["asked"], first.counts["unknown"], first.counts["suspended"]) == (3, 1, 2)
    assert stages.count("suspended") == 2, "of whom nothing is known nothing is changed"
    assert (second.counts["asked"], second.counts["suspended"]) == (1, 1)
    assert len(watch.asked) == 4


async def test_e1_one_whose_record_is_at_fault_keeps_the_answers_about_nobody_else(watch: Watch) -> None:
    broken, lapsed = await watch.certified(active="No"), await watch.certified(active="No")
    request = dict((await watch.office.database.read(load_case, broken.case_id)).request)
    request["first_name"] = 7
    await watch.office.database.write(change_row, Case, broken.case_id, request=request)
    async with watch.worker():
        came_to, _ = await watch.run(watch.office.now + 31 * DAY)
    assert (came_to.counts["asked"], came_to.counts["unknown"], came_to.counts["suspended"]) == (2, 1, 1)
    assert await watch.stage(lapsed) == "suspended"


async def test_e1_while_the_alerts_are_told_the_activity_says_that_it_is_alive(watch: Watch) -> None:
    await watch.certified()
    beats: list[str] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *_: beats.append("beat")

    class SlowAlerts:
        async def add_subscription(self, name: str) -> None:
            async with asyncio.timeout(PATIENCE):
                while not beats:
                    await asyncio.sleep(0.01)

        async def add_targets(self, name: str, npns: Sequence[str]) -> None:
            assert len(npns) == 1

    rounds = LicenseRoundsActivities(watch.registry, cast(RegistryAlertsClient, SlowAlerts()), watch.office.database)
    order = LicenseRoundOrder(at=watch.office.now + 31 * DAY)
    await environment.run(rounds.take_in_page, order)
    beats.clear()
    await environment.run(rounds.tell_targets, order)
    [row] = await watch.office.all(WatchedLicense)
    assert row.subscription == 1


async def test_e1_a_worker_that_dies_makes_no_call_twice_on_a_day_and_loses_nobody(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(license_rounds, "AT_ONCE", 2)
    people = [await watch.certified(active="No") for _ in range(6)]
    at, died = watch.office.now + 31 * DAY, asyncio.Event()
    look_up = watch.registry.look_up_npn

    async def die(npn: str) -> Any:
        """The process ends amid its second batch: the calls are made, and their answers reach nobody."""
        answer = await look_up(npn)
        if len(watch.asked) > 2:
            died.set()
            await asyncio.Event().wait()
        return answer

    monkeypatch.setattr(watch.registry, "look_up_npn", die)
    running = asyncio.create_task(watch.run(at))
    async with watch.worker():
        await asyncio.wait_for(died.wait(), PATIENCE)
    monkeypatch.setattr(watch.registry, "look_up_npn", look_up)
    async with watch.worker():
        came_to, _ = await running
        assert (came_to.counts["asked"], came_to.counts["unknown"], came_to.counts["suspended"]) == (6, 2, 4)
        assert len(watch.asked) == len(set(watch.asked)) == 6
        caught_up, _ = await watch.run(at + 3 * DAY)
    assert (caught_up.counts["asked"], caught_up.counts["suspended"]) == (2, 2)
    assert [await watch.stage(one) for one in people] == ["suspended"] * 6
    made = [(call.day, call.npn) for call in await watch.office.all(RegistryCall)]
    assert len(made) == len(set(made)) == 8


async def test_e1_the_schedule_begins_a_round_every_day(watch: Watch) -> None:
    await watch.certified()
    handle = await watch.client.create_schedule(f"license-round-{uuid4()}", build_schedule(watch.task_queue))
    try:
        described = await handle.describe()
        assert described.schedule.spec.time_zone_name == "America/Denver"
        [calendar] = described.schedule.spec.calendars
        assert [one.start for one in calendar.hour] == [7]
        async with watch.worker():
            await handle.trigger()
            async with asyncio.timeout(PATIENCE):
                while not await watch.office.all(RegistryCall):
                    await asyncio.sleep(0.05)
    finally:
        await handle.delete()
    [row] = await watch.office.all(WatchedLicense)
    assert row.due_on > date(2026, 1, 1)
