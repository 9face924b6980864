"""The system without its web process, for tests in which time is skipped: worker and door run in the test's process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

import worker
from adapters import http
from adapters.certificate_signer import make_signing_pair
from db import migrate
from db.case_state import load_snapshot
from db.engine import Database
from db.reads.status import read_status
from db.tables import EffectRow
from db.writes.imports import import_person
from db.writes.npn.claims import prove_npn
from db.writes.opening import Opened, begin_case
from db.writes.webhooks.inbox import accept_background_report, accept_portal_report, accept_statements
from domain.programs.imports import parse_import
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import Progress, Report
from domain.shared.claims import NpnProof
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.shared.policy import ProgramPolicy
from domain.shared.round_messages import ReminderPage
from domain.state.background_reports import BackgroundReport
from domain.state.eligibility import Verdict
from domain.state.policies import find_state_policy
from domain.state.policy import Policy
from domain.state.portal_reports import parse_portal_report
from settings import Settings, load_settings
from starter.cases import Cases
from starter.client import make_plugin
from starter.rule_moves import move_cases
from starter.stack import temporal_server
from starter.stack.plan import OWN_PORTS, SANDBOX_PORTS, SECRETS, STAND_INS, Plan
from starter.stack.processes import choose_ports, is_answering
from tests.support import documents, idle
from tests.support.findings import is_everything_known
from tests.support.opening import open_case
from tests.support.patience import PATIENCE
from tests.support.senders import CHECKS, LMS, PORTAL
from tests.support.tables import give_rules
from tests.support.temporal import list_runs
from tests.support.temporal_server import start_temporal
from workflows import messages as names

Document = dict[str, Any]
System = TypeVar("System", bound="Inside")
ROOT = Path(__file__).parent.parent.parent
NEVER = 10**8
VERB = {"account": "registered", "profile": "completed", "course": "completed"}


class Inside:
    """Cases, their workflows and their clocks, over one database, one Temporal server and one sandbox."""

    def __init__(self, settings: Settings, plan: Plan, client: Client, database: Database, web: httpx2.AsyncClient):
        self.settings = settings
        self.client = client
        self.database = database
        self.cases = Cases(
            client,
            database,
            settings.identity_key_bytes,
            settings.task_queue,
            answer_within=timedelta(seconds=settings.command_seconds),
        )
        self.plan = plan
        self._web = web
        self._skipper = TimeSkipper(client)
        self._skipped: dict[str, timedelta] = {}

    def on_queue(self, task_queue: str, kind: type[System]) -> System:
        """The same system, its cases on a task queue of their own, whose workers are the test's to start."""
        settings = self.settings.model_copy(update={"task_queue": task_queue})
        return kind(settings, self.plan, self.client, self.database, self._web)

    @asynccontextmanager
    async def working(self, **changes: Any) -> AsyncIterator[None]:
        """A worker on this system's task queue, with settings of its own, for the time of a block."""
        settings = self.settings.model_copy(update=changes)
        async with http.open_client() as outward:
            objects = worker.build_activities(
                settings, self.database, outward, self.client, worker.build_signer(settings)
            )
            async with worker.build_worker(self.client, settings, objects):
                yield

    def drive_as(self, kind: type[System]) -> System:
        """The same system, driven as another kind does it."""
        return kind(self.settings, self.plan, self.client, self.database, self._web)

    # opening

    async def open(self, request: Document, at: datetime | None = None, know: bool = True, **policy: Any) -> Opened:
        """Opens a case and starts its workflow; ``policy`` names what differs from the shipped one for this case."""
        opened = await self.store(request, at, know, **policy)
        await self.cases.start_workflow((await self.database.read(load_snapshot, opened.case_id)).case)
        return opened

    async def store(self, request: Document, at: datetime | None = None, know: bool = True, **policy: Any) -> Opened:
        """Stores a request whose workflow is not started yet."""
        if know and "npn" in request:
            await self.know(request)
        opened = await open_case(self.database, self.settings.identity_key_bytes, request, at or datetime.now(UTC))
        await self._change_policy(opened.case_id, policy)
        return opened

    async def know(self, request: Document) -> None:
        """From now on the registry knows who this request is of, with an active licence."""
        await self._post("registry", "producers", documents.producer(request))

    async def begin(self, opened: Opened, plan_year: int, at: datetime, **policy: Any) -> Opened:
        """Opens a returning assister's case of another plan year, as staff do."""
        begun = await self.database.write(begin_case, opened.assister_id, "bewellnm", plan_year, "staff", at)
        await self._change_policy(begun.case_id, policy)
        await self.cases.start_workflow((await self.database.read(load_snapshot, begun.case_id)).case)
        return begun

    async def returning(self, earlier: Document, plan_year: int, **registered: Any) -> Opened:
        """The case of somebody with earlier years, opened by staff; the registry knows their NPN, and says this."""
        await self._post("registry", "producers", documents.producer(earlier["person"]) | registered)
        [imported] = parse_import(read_json(json.dumps([earlier]).encode()))
        at = datetime.now(UTC)
        assister_id, *_ = await self.database.write(
            import_person, self.settings.identity_key_bytes, imported, "staff", at
        )
        begun = await self.database.write(begin_case, assister_id, "bewellnm", plan_year, "staff", at)
        await self.cases.start_workflow((await self.database.read(load_snapshot, begun.case_id)).case)
        return begun

    async def _change_policy(self, case_id: str, changes: Mapping[str, Any]) -> None:
        if changes:
            policy = (await self.database.read(load_snapshot, case_id)).policy.model_dump(mode="json")
            await self.database.write(give_rules, case_id, Policy.model_validate({**policy, **changes}))

    async def move_rules(self, opened: Opened, policy: ProgramPolicy) -> None:
        """Has an open case go by these rules, as staff do."""
        async for moved in move_cases(
            self.cases, self.database, policy, [opened.case_id], "a file was corrected", "staff:riley"
        ):
            assert moved.state == "applied"

    async def knows(self, opened: Opened, wanted: Callable[[Progress], bool]) -> None:
        """Waits until the workflow knows of something."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(await self.progress(opened)):
                await asyncio.sleep(0.05)

    # looking

    def handle(self, opened: Opened) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(opened.workflow_id)

    async def status(self, opened: Opened) -> Document:
        return await self.database.read(read_status, opened.case_id, self.now(opened), with_history=True)

    async def progress(self, opened: Opened) -> Progress:
        answer: Progress = await self.handle(opened).query(names.PROGRESS, result_type=Progress)
        return answer

    async def until(self, opened: Opened, wanted: str | Callable[[Document], Any]) -> Document:
        """Waits until the case is in a stage, or until ``wanted`` holds for its status."""
        holds = (lambda status: status["stage"] == wanted) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(PATIENCE):
            while not holds(status := await self.status(opened)):
                await asyncio.sleep(0.03)
        return status

    async def agreed(self, opened: Opened, stage: str, waiting_for: str | None) -> Document:
        """Waits until database and workflow both say that the case is here, and waits for this."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    status, progress = await self.status(opened), await self.progress(opened)
                except RPCError as error:  # a workflow whose task has failed is not asked before the next one
                    if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                        raise
                    await asyncio.sleep(0.2)
                    continue
                said = (progress.stage, progress.waiting_for or None)
                if said == (status["stage"], status["waiting_for"]) == (stage, waiting_for):
                    return status
                await asyncio.sleep(0.03)
        raise AssertionError

    async def wait_for_retry(self, opened: Opened, attempts: int = 1) -> timedelta:
        """Waits until something the case needs has failed this often; how long after that it is tried again."""
        return await idle.wait_for_retry(self.client, opened.workflow_id, attempts)

    async def retry_at_once(self, opened: Opened) -> None:
        """Has what failed tried again now."""
        await idle.retry_at_once(self.client, opened.workflow_id)

    async def runs(self, opened: Opened) -> list[str]:
        """The run ids of a case's workflow, the first one first; of one that was begun again only those since then."""
        return await list_runs(self.client, opened.workflow_id)

    async def wait_for_runs(self, opened: Opened, count: int) -> list[str]:
        """Waits until a case's workflow has continued as new to its run of this number; the run ids until then."""
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.runs(opened)) < count:
                await asyncio.sleep(0.05)
        return found

    async def letters(self, request: Document) -> list[Document]:
        url = self.plan.build_url("mailbox")
        found: list[Document] = (await self._web.get(f"{url}/messages", params={"to": request["email"]})).json()
        return found

    async def letter(self, request: Document, wanted: Callable[[Document], Any]) -> Document:
        async with asyncio.timeout(PATIENCE):
            while not (found := [one for one in await self.letters(request) if wanted(one)]):
                await asyncio.sleep(0.05)
        return found[-1]

    async def notices(self, opened: Opened) -> list[str]:
        """The notices sent about a case, in the order of their times."""
        history = (await self.status(opened))["history"]
        return [one["kind"].removeprefix("notice.") for one in history if one["kind"].startswith("notice.")]

    async def noticed(self, opened: Opened, notice: str) -> list[str]:
        """Waits until this notice is recorded as sent; then all of them."""
        async with asyncio.timeout(PATIENCE):
            while notice not in (found := await self.notices(opened)):
                await asyncio.sleep(0.05)
        return found

    async def reminders(self, opened: Opened) -> list[str]:
        """What was reminded of and when it was due: the keys of the reminders sent."""
        history = (await self.status(opened))["history"]
        return [one["id"].partition(":reminder:0:")[2] for one in history if one["kind"] == "notice.reminder"]

    async def calls(self, stand_in: str) -> list[Document]:
        found: list[Document] = (await self._web.get(f"{self.plan.build_url(stand_in)}/calls")).json()
        return found

    async def account(self, opened: Opened) -> Document:
        """The case's account as the portal shows it."""
        answer = await self._web.get(f"{self.plan.build_url('portal')}/accounts/{opened.case_id}")
        assert answer.is_success, answer.text
        found: Document = answer.json()
        return found

    # doing

    def now(self, opened: Opened) -> datetime:
        """The time it is for a case: the real one, and what was skipped for it."""
        return datetime.now(UTC) + self._skipped.get(opened.case_id, timedelta())

    async def skip(self, opened: Opened, how_long: timedelta) -> bool:
        """Lets time pass for a case; False when it ended meanwhile."""
        async with asyncio.timeout(PATIENCE):
            lived = await self._skipper.fast_forward(self.handle(opened), how_long)
        self._skipped[opened.case_id] = self._skipped.get(opened.case_id, timedelta()) + how_long
        return lived

    async def decide(self, opened: Opened, verdict: str = "approve", **options: Any) -> str:
        answer = await self.cases.decide_eligibility(
            opened.case_id, Verdict(verdict), options.pop("reason", "checked"), "staff", **options
        )
        return answer.state

    async def approved(self, opened: Opened, **options: Any) -> None:
        await self.agreed(opened, "awaiting_decision", "decision")
        if not options.get("override") and options.get("verdict", "approve") == "approve":
            await self.until(opened, is_everything_known)
        assert await self.decide(opened, **options) == "applied"

    async def in_training(self, request: Document | None = None, **policy: Any) -> Opened:
        """The case of somebody new, a broker unless a request is given, who is in the middle of the course."""
        request = request or documents.broker()
        opened = await self.open(request, **policy)
        if request["kind"] == "enrollment_counselor":
            await self.checked(opened)
        await self.approved(opened)
        await self.reported(opened, "account", "profile")
        await self.agreed(opened, "in_training", "course_completion")
        return opened

    async def active(self, request: Document, **policy: Any) -> Opened:
        """The case of somebody new who may help; a counselor has activated their account by its link."""
        opened = await self.in_training(request, **policy)
        await self.reported(opened, "course", 0.9)
        await self.until(opened, lambda status: status["certificate"])
        first = "account.registered"
        if request["kind"] == "enrollment_counselor":
            first = "account.activated"
            letter = await self.letter(request, lambda letter: "/activate/" in letter["text"])
            await self.cases.activate_account(letter["text"].partition("/activate/")[2].split()[0])
        await self.reported_by_portal(opened, first, "profile.completed", "scheduling_tool.ready")
        await self.agreed(opened, "active", "next_plan_year")
        return opened

    async def reported(self, opened: Opened, *steps: str | float, plan_year: int = 2024) -> None:
        """The LMS reports these steps, in this order, at the case's time: account, profile, course or a score."""
        for step in steps:
            await self.learned(opened, [step], plan_year)

    async def learned(self, opened: Opened, steps: Sequence[str | float], plan_year: int = 2024) -> None:
        """The LMS reports these steps in one list."""
        policy = find_state_policy("bewellnm", plan_year)
        assert policy is not None
        at = self.now(opened)
        # Each a moment after the one before, the last one now: what is dated later than it came counts as then.
        before = [timedelta(microseconds=number) for number in reversed(range(len(steps)))]
        statements = [_statement(policy, opened, step, at - ago) for step, ago in zip(steps, before, strict=True)]
        body = read_json(json.dumps(statements).encode())
        received = await self.database.write(accept_statements, LMS, read_statements(body), at)
        await self.cases.deliver_events(received.to_deliver)

    async def reported_by_portal(self, opened: Opened, *events: str) -> None:
        for event in events:
            at = self.now(opened)
            body = {"type": event, "case_id": opened.case_id, "occurred_at": at.isoformat()}
            report, digest = parse_portal_report(body)
            received = await self.database.write(accept_portal_report, PORTAL, str(uuid4()), report, digest, body, at)
            await self.cases.deliver_events(received.to_deliver)

    async def proven(self, opened: Opened) -> None:
        """Staff have seen whose the case's NPN is."""
        proof = NpnProof("in_person", "staff:demo", "a licence card", "came to the office")
        key = self.settings.identity_key_bytes
        await self.cases.deliver_events(
            await self.database.write(prove_npn, key, opened.case_id, proof, self.now(opened))
        )

    async def checked(
        self, opened: Opened, result: str | None = "clear", event_type: str = "report.completed", order: int = 0
    ) -> None:
        """The background-check vendor reports of the order of this number."""
        await self.until(
            opened, lambda status: any(one["kind"] == FactKind.BACKGROUND_ORDERED for one in status["history"])
        )
        event = uuid4().hex
        candidate = None
        if order:
            key = f"{opened.case_id}:background.ordered:{order}"
            candidate = await self.database.read(lambda session: session.get_one(EffectRow, key).external_id)
        status = "complete" if event_type == "report.completed" else None
        report = BackgroundReport(event, event_type, candidate, opened.case_id, status, result, event)
        received = await self.database.write(accept_background_report, CHECKS, report, self.now(opened))
        await self.cases.deliver_events(received.to_deliver)

    async def round(self, at: datetime) -> int:
        """A daily round as the schedule starts it, on a later day; answers how many reminders went out."""
        done: int = await self.client.execute_workflow(
            names.DAILY_ROUND,
            ReminderPage(at=at),
            id=f"daily-round-{uuid4().hex}",
            task_queue=self.settings.task_queue,
            result_type=int,
        )
        return done

    async def control(self, stand_in: str, **control: Any) -> None:
        await self._post(stand_in, "controls", control)

    async def _post(self, stand_in: str, path: str, body: Document) -> None:
        answer = await self._web.post(f"{self.plan.build_url(stand_in)}/{path}", json=body)
        assert answer.is_success, answer.text


def report(opened: Opened, kind: FactKind, fact_id: str | None = None, passed: bool = False) -> Report:
    """A fact as a signal tells it."""
    return Report(case_id=opened.case_id, fact_id=fact_id or uuid4().hex, kind=kind, passed=passed)


def _statement(policy: Policy, opened: Opened, step: str | float, at: datetime) -> Document:
    ids, who = policy.model_dump(mode="json"), opened.document()
    if isinstance(step, float):
        return documents.exam(ids, who, step, timestamp=at.isoformat())
    return documents.statement(ids, who, VERB[step], step, timestamp=at.isoformat())


@asynccontextmanager
async def running(folder: Path, suggest_renewal_at: int = NEVER) -> AsyncIterator[Inside]:
    """All of it, for the time of a block; the server suggests continue-as-new at that many events."""
    async with system(Inside, folder, suggest_renewal_at) as inside:
        yield inside


@asynccontextmanager
async def system(kind: type[System], folder: Path, suggest_renewal_at: int) -> AsyncIterator[System]:
    """The same, driven as this kind does it."""
    async with AsyncExitStack() as stack:
        plan = _plan(folder)
        settings = read_settings(plan)
        migrate.upgrade(settings.database_url)
        await asyncio.to_thread(make_signing_pair, folder / "signing")
        stack.enter_context(_sandbox(plan))
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        client = await start_skipping_temporal(stack, database, suggest_renewal_at)
        outward = await stack.enter_async_context(http.open_client())
        web = await stack.enter_async_context(httpx2.AsyncClient(timeout=PATIENCE, trust_env=False))
        await stack.enter_async_context(
            worker.build_worker(
                client,
                settings,
                worker.build_activities(settings, database, outward, client, worker.build_signer(settings)),
            )
        )
        await _answering(plan)
        yield kind(settings, plan, client, database, web)


async def start_skipping_temporal(stack: AsyncExitStack, database: Database, suggest_renewal_at: int = NEVER) -> Client:
    """A client of a Temporal server that skips time, until the stack is closed."""
    dynamic = {
        "frontend.WorkflowTimeSkippingEnabled": "true",
        "history.timerProcessorMaxTimeShift": '"10ms"',  # a timer fires a second late otherwise
        # A workflow whose tasks fail says so after the second time, rather than after minutes.
        "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "2",
        "limit.historyCount.suggestContinueAsNew": str(suggest_renewal_at),
    }
    server = await start_temporal(
        *(f"--dynamic-config-value={name}={value}" for name, value in dynamic.items()),
        *(f"--search-attribute={name}={kind}" for name, kind in temporal_server.SEARCH_ATTRIBUTES.items()),
        plugins=[make_plugin(worker.build_interceptors(database))],
    )
    stack.push_async_callback(server.shutdown)
    return server.client


def _plan(folder: Path) -> Plan:
    """The embedded stack's own plan, of which only the sandbox is started as a process."""
    kept = {name: make() for name, make in SECRETS.items()}
    return Plan.build(folder, choose_ports((*OWN_PORTS, *SANDBOX_PORTS), {}), kept, {}, True)


def read_settings(plan: Plan) -> Settings:
    """The settings of a plan's processes, for what of them runs in this one."""
    given: dict[str, Any] = {
        name.removeprefix("CERTIFY_").lower(): value
        for name, value in plan.settings.items()
        if name.startswith("CERTIFY_") and name != "CERTIFY_DATABASE_URL"
    }
    listed = ("intake_tokens", "staff_tokens", "staff_roles", "vendors", "senders")
    parsed = {name: json.loads(given.pop(name)) for name in listed}
    return load_settings(**given, **parsed, CERTIFY_DATABASE_URL=plan.settings["CERTIFY_DATABASE_URL"])


@contextmanager
def _sandbox(plan: Plan) -> Iterator[None]:
    environment = {**plan.environment, **plan.sandbox_settings}
    log = plan.data / "sandbox.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            (sys.executable, "-m", "sandbox"), cwd=ROOT, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield
        finally:
            os.kill(process.pid, signal.SIGKILL)


async def _answering(plan: Plan) -> None:
    async with asyncio.timeout(PATIENCE):
        for name in (*STAND_INS, "mailbox"):
            while not await is_answering(f"{plan.build_url(name)}/healthz"):
                await asyncio.sleep(0.05)
