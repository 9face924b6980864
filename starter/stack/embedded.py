"""The embedded stack behind `certify up` and `certify demo`: its processes, and how they start and stop together."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

from starter.stack import temporal_server
from starter.stack.folder import Document, StackError, StackFolder
from starter.stack.plan import OWN_PORTS, SANDBOX_PORTS, SECRETS, SITES, Plan, read_user_settings
from starter.stack.processes import Child, Supervisor, choose_ports, is_port_free
from starter.stack.signals import cancel_on_signals

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 300.0
WEB_PORT = 8000
ATTEMPTS = 4
MAKE_SIGNING_PAIR = (
    "import sys; from adapters.certificate_signer import make_signing_pair; make_signing_pair(sys.argv[1])"
)

ChildrenBuilder = Callable[[Plan], Sequence[Child]]
OnReady = Callable[[Document], None]


# Rounds of stopping: web and sandbox first (0), so that nothing new comes in; then the worker (1), which finishes its
# running activities while it can still report them; the Temporal server last (2).


def build_children(plan: Plan) -> tuple[Child, ...]:
    """The processes of the stack. Worker and web wait for server, migration and signing pair, which are quick."""
    first = (
        _build_temporal(plan),
        _build_python(plan, "migration", "-m", "db.migrate", runs_once=True),
        *_build_signing(plan),
    )
    needed = tuple(child.name for child in first)
    return (*first, *_build_sandbox(plan), _build_worker(plan, needed), _build_web(plan, needed))


class Stack:
    """The stack on one folder, from `start` to `stop`: both must be called, `stop` also after a failed start."""

    def __init__(
        self, data: Path, port: int | None = 0, sandbox: bool = True, build: ChildrenBuilder = build_children
    ) -> None:
        self._folder = StackFolder(data)
        self._port = port
        self._sandbox = sandbox
        self._build = build
        self._supervisor: Supervisor | None = None

    async def start(self) -> Document:
        """Starts every process and returns the document of stack.json once it is written. Raises `StackError`."""
        users = read_user_settings(self._sandbox)
        lock = self._folder.open()
        kept = self._folder.load_secrets(SECRETS)
        for attempt in range(1, ATTEMPTS + 1):
            plan = Plan.build(self._folder.path, self._choose_ports(), kept, users, self._sandbox)
            document = plan.describe_stack()
            try:
                await self._launch(plan, lock)
                break
            except StackError:
                await self._stop_processes()
                # Another try helps only where somebody else took a port between its choice and its use.
                if attempt == ATTEMPTS or all(map(is_port_free, plan.ports.values())):
                    raise
        self._folder.save_ports(plan.ports)
        self._folder.write_document(document)
        return document

    async def wait_for_failure(self) -> StackError:
        """Waits for the first process that ends without being asked; returns the error that says which and why."""
        assert self._supervisor is not None
        return await self._supervisor.wait_for_failure()

    async def stop(self) -> None:
        """Stops and reaps every process, then unlocks the folder."""
        try:
            await self._stop_processes()
        finally:
            self._folder.close()

    async def _stop_processes(self) -> None:
        if self._supervisor:
            await self._supervisor.stop()

    async def _launch(self, plan: Plan, lock: int) -> None:
        plan.ready_file.unlink(missing_ok=True)
        # Each child keeps the lock open: the folder is free only when the last of them is gone.
        self._supervisor = Supervisor(self._build(plan), ROOT, plan.data / "logs", keep_open=(lock,))
        await self._supervisor.start(READY_SECONDS)

    def _choose_ports(self) -> dict[str, int]:
        names = (*OWN_PORTS, *(SANDBOX_PORTS if self._sandbox else ()))
        wanted = {name: [port] for name, port in self._folder.load_ports().items()}
        remembered = wanted.get("web", [])
        if self._port is None:
            wanted["web"] = [*remembered, WEB_PORT]
        elif self._port:
            wanted["web"] = [self._port, *remembered]
        return choose_ports(names, wanted)


@asynccontextmanager
async def run_stack(
    data: Path, port: int | None = 0, sandbox: bool = True, build: ChildrenBuilder = build_children
) -> AsyncIterator[Document]:
    """A stack for the time of a block. Raises `StackError` out of the block when a process ends without being asked."""
    stack = Stack(data, port, sandbox, build)
    try:
        document = await stack.start()
        async with _cancel_on_failure(stack):
            yield document
    finally:
        await stack.stop()


async def serve_stack(
    data: Path,
    port: int | None = None,
    sandbox: bool = True,
    on_ready: OnReady | None = None,
    build: ChildrenBuilder = build_children,
) -> int:
    """Runs the stack until Ctrl-C or SIGTERM; returns the exit status, with what went wrong on standard error."""
    with cancel_on_signals() as received:
        try:
            async with run_stack(data, port, sandbox, build) as document:
                if on_ready:
                    on_ready(document)
                await asyncio.Event().wait()
        except StackError as error:
            print(error, file=sys.stderr, flush=True)
            return error.status
        except asyncio.CancelledError:
            if not received:
                raise
    return 0


@asynccontextmanager
async def _cancel_on_failure(stack: Stack) -> AsyncIterator[None]:
    """Cancels the block when a process ends without being asked, and raises the `StackError` that says so."""
    owner = cast("asyncio.Task[None]", asyncio.current_task())
    watcher = asyncio.create_task(stack.wait_for_failure())
    watcher.add_done_callback(lambda watching: watching.cancelled() or owner.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if not watcher.done():
            raise
        owner.uncancel()
    finally:
        watcher.cancel()
    if watcher.done():
        raise watcher.result()


def _build_temporal(plan: Plan) -> Child:
    port, ui_port, http_port = (plan.ports[name] for name in ("temporal", "temporal_ui", "temporal_http"))
    # It gets no secrets, and no profile of the user's, which is for another server.
    environment = {**plan.inherited, "TEMPORAL_CONFIG_FILE": os.devnull}
    return Child(
        "temporal",
        temporal_server.build_command(plan.data / "temporal.sqlite", port, ui_port, http_port),
        environment,
        health_urls=(temporal_server.build_health_url(http_port),),
        prepare=partial(temporal_server.prepare_namespace, port, http_port, environment),
        stop_round=2,
    )


def _build_signing(plan: Plan) -> tuple[Child, ...]:
    if not plan.makes_signing_pair:
        return ()
    return (_build_python(plan, "signing", "-c", MAKE_SIGNING_PAIR, str(plan.data / "signing"), runs_once=True),)


def _build_sandbox(plan: Plan) -> tuple[Child, ...]:
    if not plan.sandbox:
        return ()
    healthy = tuple(f"{plan.build_url(name)}/healthz" for name in SITES)
    environment = {**plan.environment, **plan.sandbox_settings}
    return (Child("sandbox", (sys.executable, "-m", "sandbox"), environment, health_urls=healthy),)


def _build_worker(plan: Plan, needed: tuple[str, ...]) -> Child:
    environment = {**plan.environment, "CERTIFY_READY_FILE": str(plan.ready_file)}
    argv = (sys.executable, "worker.py")
    # It lets running activities finish for five seconds, and closes its connections then.
    return Child("worker", argv, environment, needed, ready_file=plan.ready_file, stop_round=1, stop_seconds=15.0)


def _build_web(plan: Plan, needed: tuple[str, ...]) -> Child:
    return Child(
        "web", (sys.executable, "-m", "web"), plan.environment, needed, health_urls=(f"{plan.build_url('web')}/readyz",)
    )


def _build_python(plan: Plan, name: str, *arguments: str, runs_once: bool) -> Child:
    return Child(name, (sys.executable, *arguments), plan.environment, runs_once=runs_once)
