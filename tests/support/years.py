"""The system whose clock a test moves on by months: web, worker and stand-ins at one date, and workflows with them.

A Temporal server skips time for one workflow at a time. So that one date holds everywhere, this process and that of the
stand-ins travel to it, every workflow begins at it, and all that run are taken along when it changes.
"""

import asyncio
import base64
import gzip
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest
import time_machine
import uvicorn
from temporalio.api.common.v1 import FastForwardConfig, TimeSkippingConfig
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

import web.app
import worker
from adapters import http
from adapters.certificate_signer import make_signing_pair
from db import migrate
from db.engine import Database
from domain.shared.round_messages import LicenseRoundOrder, PublishOrder
from settings import Settings
from starter import delivery
from starter.background import run_background
from starter.composition import build_case_services
from starter.lookups import RegistryLookups
from starter.policies import load_policies
from starter.stack.folder import FOLDERS
from starter.stack.plan import OWN_PORTS, SANDBOX_PORTS, SECRETS, SITES, Plan
from starter.stack.processes import choose_ports, is_answering
from tests.support import idle
from tests.support.inside import read_settings, start_skipping_temporal
from tests.support.kept import Kept
from tests.support.marketplace import Marketplace
from tests.support.world import Document, World
from workflows import messages as names

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 90.0
# What is skipped counts from some milliseconds after a workflow's start.
A_MOMENT = timedelta(milliseconds=250)
# What an activity has stored is told by the next delivery; five seconds are left for it elsewhere.
SOON = timedelta(milliseconds=500)
# Events of a workflow before its first task: that it is to begin, maybe a message to it, and that time was skipped.
ONCE_BEGUN = 5
TOKEN = "a test's token for {}"
NOON = time(18, tzinfo=UTC)  # eleven in the exchange's morning, one in the marketplace's afternoon
# A process of the project, ahead by the seconds of its first argument; each line on standard input moves it on by some.
TRAVELLING = """
import sys, threading, time, time_machine
traveller = time_machine.travel(time.time() + float(sys.argv[1]), tick=True).start()
time.time()  # it ticks from when it is first asked
def move_on():
    for line in sys.stdin:
        traveller.shift(float(line))
        print("moved", flush=True)
threading.Thread(target=move_on, daemon=True).start()
"""
SANDBOX = f"{TRAVELLING}\nimport sandbox.__main__; sys.exit(sandbox.__main__.main())"
CERTIFY = f"{TRAVELLING}\nfrom starter.cli.certify import main; sys.argv = sys.argv[1:]; main()"


class _BeginAtDate(Interceptor):
    """Begins workflows at the date that holds: each is to begin that much later, and the time until then is skipped."""

    def __init__(self) -> None:
        self.begun: set[str] = set()

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        return _Outbound(next, self.begun)


class _Outbound(OutboundInterceptor):
    def __init__(self, inner: OutboundInterceptor, begun: set[str]) -> None:
        super().__init__(inner)
        self._begun = begun

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        ahead = find_ahead()
        # A moment more than is skipped: what is left of a skip when the workflow begins goes on to its first timer.
        input.start_delay = ahead + A_MOMENT
        skipped = FastForwardConfig(id=uuid4().hex)
        skipped.duration.FromTimedelta(ahead)
        input.time_skipping_config = TimeSkippingConfig(enabled=True, fast_forward_config=skipped)
        handle = await super().start_workflow(input)
        self._begun.add(input.id)
        return handle


def find_ahead() -> timedelta:
    """How far the date that holds is ahead of the time it really is."""
    return datetime.now(UTC) - time_machine.escape_hatch.datetime.datetime.now(UTC)


def find_time_until(day: date) -> timedelta:
    """How long it is until eleven in the morning of a day."""
    return datetime.combine(day, NOON) - datetime.now(UTC)


@dataclass
class Years:
    """People's years: what they and others do, by the interfaces of either program, and the date that moves on."""

    world: World
    market: Marketplace
    _client: Client
    _begun: set[str]
    _traveller: Any
    _stand_ins: Process
    _left: set[str] = field(default_factory=set)

    @property
    def _kept(self) -> Kept:
        return Kept(Path(self.world.stack["data"]) / "app.sqlite")

    @property
    def today(self) -> date:
        """The date that holds where the exchange is."""
        return datetime.now(ZoneInfo("America/Denver")).date()

    async def begin_on(self, day: date) -> None:
        """Goes to eleven in the morning of a day, back or ahead; cases of before stay where they are."""
        await self.rest()
        self._left |= set(await self._list_running())
        await self._move_clocks(find_time_until(day))

    async def pass_until(self, day: date) -> None:
        """Lets time pass until eleven in the morning of a day, in this process, the stand-ins and every workflow."""
        for_how_long = find_time_until(day)
        assert for_how_long > timedelta(), "time doesn't go back"
        await self.rest()
        skipper = TimeSkipper(self._client)
        running = [self._client.get_workflow_handle(one) for one in await self._list_running()]
        until = datetime.now(UTC) + for_how_long
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(_skip(skipper, one, until) for one in running))
        await self._move_clocks(for_how_long)
        await self.rest()

    async def _move_clocks(self, for_how_long: timedelta) -> None:
        self._traveller.shift(for_how_long)
        assert self._stand_ins.stdin is not None
        assert self._stand_ins.stdout is not None
        self._stand_ins.stdin.write(f"{for_how_long.total_seconds()}\n".encode())
        while (await self._stand_ins.stdout.readline()) != b"moved\n":
            pass

    async def _list_running(self) -> list[str]:
        running = {one.id async for one in self._client.list_workflows("ExecutionStatus = 'Running'")}
        return sorted((running | self._begun) - self._left)

    async def rest(self) -> None:
        """Waits until everybody was told everything, and no workflow has anything to do but to wait."""
        async with asyncio.timeout(PATIENCE):
            while self._kept.rows("SELECT 1 FROM inbox WHERE state = 'pending'"):
                await asyncio.sleep(0.05)
        for workflow_id in await self._list_running():
            await idle.wait_until_workflow_is_idle(self._client, workflow_id, ONCE_BEGUN)

    # what is seen of a case

    async def notices(self, opened: Document) -> list[str]:
        """The kinds of the letters sent about a case, in their order."""
        return [kind[7:] for kind in await self.world.history(opened) if kind.startswith("notice.")]

    async def noticed(self, opened: Document, *notices: str) -> None:
        """Waits until these are all the letters about a case, in whichever order."""
        wanted = sorted(notices)
        async with asyncio.timeout(PATIENCE):
            await self.world.changes.poll(lambda: self.notices(opened), lambda sent: sorted(sent) == wanted)

    async def audited(self, opened: Document, prefix: str = "") -> list[tuple[str, str, str]]:
        """What was written about a case, by whom and on which day."""
        rows = await self.world.audit(opened)
        return [(one["action"], one["actor"], one["at"][:10]) for one in rows if one["action"].startswith(prefix)]

    async def cases(self, assister_id: str) -> dict[int, tuple[str, str]]:
        """Somebody's cases by their plan year: whether new or returning, and the stage."""
        found = (await self.world.get("/api/cases")).json()
        mine = [one for one in found if one["assister_id"] == assister_id]
        return {one["plan_year"]: (one["assister_type"], one["stage"]) for one in mine}

    async def public(self, number: str) -> tuple[str, bool, str]:
        """What a certificate's public page says: what it is, whether its holder may assist, and who that is."""
        page = f"{self.world.web}/certificates/{number}"
        found = (await self.world.http.get(page, headers={"Accept": "application/json"})).json()
        return found["status"], found["may_assist"], found["holder"]

    async def badge(self, number: str) -> list[str]:
        """What a certificate's badge has against it: the purposes of the status lists in which its bit is set."""
        badge = read_token((await self.world.http.get(f"{self.world.web}/certificates/{number}/badge")).text)
        return [one["statusPurpose"] for one in badge["credentialStatus"] if await self._is_set(one)]

    async def _is_set(self, entry: Document) -> bool:
        listed = read_token((await self.world.http.get(entry["statusListCredential"])).text)
        bits = gzip.decompress(decode(listed["credentialSubject"]["encodedList"][1:]))
        index = int(entry["statusListIndex"])
        return bool(bits[index // 8] >> (7 - index % 8) & 1)

    async def ask_registry(self) -> Document:
        """The daily round over licences, as its schedule begins it; what the day came to."""
        order = LicenseRoundOrder(at=datetime.now(UTC))
        counts = await self._client.execute_workflow(
            names.LICENSE_ROUND, order, id=f"round-{uuid4().hex}", task_queue="certification"
        )
        return dict(counts["counts"])

    async def publish(self) -> None:
        """Publishes the federal lists, as their schedule does."""
        order = PublishOrder(at=datetime.now(UTC), forced=True)
        await self._client.execute_workflow(
            names.DAILY_PUBLICATION, order, id=f"publication-{uuid4().hex}", task_queue="certification"
        )

    async def list_codes(self, npn: str) -> dict[str, list[str]]:
        """What the published lists say of an NPN, by their names: the tracker its stage, the others their codes."""
        rows = {name: await self.market.rows(name, npn=npn) for name in ("rcl", "terminations")}
        found = {name: [row["status"] for row in some] for name, some in rows.items()}
        return found | {"tracker": [row["status"] for row in await self.market.tracked(npn)]}

    async def decide_appeal(self, opened: Document, by: str, outcome: str) -> httpx2.Response:
        """One of those who decide appeals does so."""
        return await self.world.http.post(
            f"{self.world.web}/api/cases/{opened['case_id']}/appeal/decision",
            json={"outcome": outcome, "reason": f"It is {outcome} by a sample."},
            headers={"Authorization": f"Bearer {TOKEN.format(by)}"},
        )

    async def certify(self, *arguments: str) -> Any:
        """A verb of `certify`, as an operator runs it at that date; what it answers."""
        return json.loads(await _run_certify(self.world.stack, *arguments))


def decode(text: str) -> bytes:
    """What base64url without padding says."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_token(token: str) -> Document:
    """What a signed token says."""
    found: Document = json.loads(decode(token.split(".")[1]))
    return found


async def _skip(skipper: TimeSkipper, handle: WorkflowHandle[Any, Any], until: datetime) -> None:
    """Skips a workflow's time; the server skips none while a child runs: it is made up for once that is over."""
    with suppress(RPCError):  # it has ended
        if not (await handle.describe()).raw_description.pending_children:
            await skipper.fast_forward(handle, until - await skipper.get_current_time(handle))


async def _run_certify(stack: Document, *arguments: str) -> str:
    command = (sys.executable, "-c", CERTIFY, str(find_ahead().total_seconds()))
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, "--json", "--data", stack["data"], stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


@asynccontextmanager
async def running(folder: Path, begins: date, policies: Path) -> AsyncIterator[Years]:
    """The whole system from that morning on, by the policies of a folder, for the time of a block."""
    async with AsyncExitStack() as stack:
        traveller = stack.enter_context(time_machine.travel(datetime.combine(begins, NOON), tick=True))
        stack.callback(load_policies, trying=True)
        load_policies(policies, trying=True)
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        plan = _plan(folder, policies)
        stand_ins = await _start_stand_ins(stack, plan)  # at once: the ports chosen are free as yet
        settings = read_settings(plan)
        migrate.upgrade(settings.database_url)
        await asyncio.to_thread(make_signing_pair, folder / "signing")
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        begin = _BeginAtDate()
        plain = await start_skipping_temporal(stack, database)
        client = Client(**{**plain.config(), "interceptors": [*plain.config()["interceptors"], begin]})  # type: ignore[arg-type]
        environment.setattr(delivery, "GRACE", SOON)
        environment.setattr(web.app, "connect_client", lambda **_: _answer(client))
        await _serve_web(stack, settings)
        await _work(stack, settings, database, client)
        await _wait_until_answering(plan)
        document = plan.describe_stack()
        address = client.service_client.config.target_host
        document |= {"temporal": address, "settings": {**document["settings"], "TEMPORAL_ADDRESS": address}}
        (folder / "stack.json").write_text(json.dumps(document))
        browser = await stack.enter_async_context(httpx2.AsyncClient(timeout=60, trust_env=False))
        world, market = World(document, browser), Marketplace(document, browser)
        yield Years(world, market, client, begin.begun, traveller, stand_ins)


async def _answer(client: Client) -> Client:
    return client


def _plan(folder: Path, policies: Path) -> Plan:
    """The embedded stack's own plan, with people of staff who are not the same."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    kept = {name: make() for name, make in SECRETS.items()}
    roles = {"staff": ["reviewer", "operator"], "first": ["appeals_reviewer"], "second": ["appeals_reviewer"]}
    users = {
        "CERTIFY_POLICIES": str(policies),
        "CERTIFY_STAFF_TOKENS": json.dumps({one: TOKEN.format(one) for one in roles}),
        "CERTIFY_STAFF_ROLES": json.dumps(roles),
    }
    ports = choose_ports((*OWN_PORTS, *SANDBOX_PORTS), {})
    return Plan.build(folder, ports, kept, users, sandbox=True)


async def _start_stand_ins(stack: AsyncExitStack, plan: Plan) -> Process:
    log = stack.enter_context((plan.data / "logs" / "sandbox.log").open("wb"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SANDBOX, str(find_ahead().total_seconds())),
        cwd=ROOT,
        env={**plan.environment, **plan.sandbox_settings},
        stdin=PIPE,
        stdout=PIPE,
        stderr=log,
    )

    async def end() -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    return process


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the tests."""
        yield


async def _serve_web(stack: AsyncExitStack, settings: Settings) -> None:
    app = web.app.create_app(settings)
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.web_host,
            port=settings.web_port,
            access_log=False,
            log_config=None,
            timeout_keep_alive=20,  # longer than a client keeps a connection that it may use again
        )
    )
    serving = asyncio.create_task(server.serve())

    async def end() -> None:
        server.should_exit = True
        await serving

    stack.push_async_callback(end)


async def _work(stack: AsyncExitStack, settings: Settings, database: Database, client: Client) -> None:
    """The worker and what it does beside; no schedules, whose rounds are the test's to begin."""
    outward = await stack.enter_async_context(http.open_client())
    signer = worker.build_signer(settings)
    await asyncio.to_thread(signer.prepare)
    services = build_case_services(settings, database, client)
    lookups = RegistryLookups(database, worker.build_registry(settings, outward))
    letters = worker.build_letter_sender(settings, database)
    for beside in (
        run_background(database, services.cases, letters, lookups, services.appeals, services.imports),
        services.seasons.keep_begun(),
    ):
        stack.push_async_callback(_cancel, asyncio.create_task(beside))
    activities = worker.build_activities(settings, database, outward, client, signer)
    await stack.enter_async_context(worker.build_worker(client, settings, activities))


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _wait_until_answering(plan: Plan) -> None:
    async with asyncio.timeout(PATIENCE):
        for name in ("web", *SITES):
            while not await is_answering(f"{plan.build_url(name)}/healthz"):
                await asyncio.sleep(0.05)
