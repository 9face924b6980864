"""The embedded stack behind `certify up`: which processes it has and how it begins and ends; it is none of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

from starter.stack import server
from starter.stack.folder import Document, Folder, StackError, find
from starter.stack.plan import OWN_PORTS, SANDBOX_PORTS, SECRETS, SITES, Plan, users_settings
from starter.stack.processes import Child, Supervisor, choose_ports, is_free

__all__ = ["Stack", "StackError", "Table", "children", "find", "running", "up"]

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 90.0
WEB_PORT = 8000
ATTEMPTS = 4
MAKE_SIGNING_PAIR = "import sys; from adapters.press import make_signing_pair; make_signing_pair(sys.argv[1])"

Table = Callable[[Plan], Sequence[Child]]
OnReady = Callable[[Document], None]


def children(plan: Plan) -> tuple[Child, ...]:
    """The processes of the stack; what worker and web need first is quick."""
    first = (_temporal(plan), _python(plan, "migration", "-m", "db.migrate", once=True), *_signing(plan))
    needed = tuple(child.name for child in first)
    return (*first, *_sandbox(plan), _worker(plan, needed), _web(plan, needed))


class Stack:
    """The processes over one folder, from `start` to `stop`."""

    def __init__(self, data: Path, port: int | None = 0, sandbox: bool = True, table: Table = children) -> None:
        self._folder = Folder(data)
        self._port = port
        self._sandbox = sandbox
        self._table = table
        self._supervisor: Supervisor | None = None

    async def start(self) -> Document:
        """Starts everything; returns what stack.json says, once it is written. After StackError too, call `stop`."""
        users = users_settings(self._sandbox)
        lock = self._folder.open()
        kept = self._folder.secrets(SECRETS)
        for attempt in range(1, ATTEMPTS + 1):
            plan = Plan.of(self._folder.path, self._choose_ports(), kept, users, self._sandbox)
            document = plan.document()
            try:
                await self._launch(plan, lock)
                break
            except StackError:
                await self._stop_processes()
                # A port that is still taken was taken by somebody else, between the choice and the use.
                if attempt == ATTEMPTS or all(map(is_free, plan.ports.values())):
                    raise
        self._folder.remember(plan.ports)
        self._folder.publish(document)
        return document

    async def failure(self) -> StackError:
        """Waits for the first process that ends unasked."""
        assert self._supervisor is not None
        return await self._supervisor.failure()

    async def stop(self) -> None:
        """Ends and reaps every process, then gives the folder free."""
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
        self._supervisor = Supervisor(self._table(plan), ROOT, plan.data / "logs", keep_open=(lock,))
        await self._supervisor.start(READY_SECONDS)

    def _choose_ports(self) -> dict[str, int]:
        names = (*OWN_PORTS, *(SANDBOX_PORTS if self._sandbox else ()))
        wanted = {name: [port] for name, port in self._folder.ports().items()}
        remembered = wanted.get("web", [])
        if self._port is None:
            wanted["web"] = [*remembered, WEB_PORT]
        elif self._port:
            wanted["web"] = [self._port, *remembered]
        return choose_ports(names, wanted)


@asynccontextmanager
async def running(
    data: Path, port: int | None = 0, sandbox: bool = True, table: Table = children
) -> AsyncIterator[Document]:
    """A stack for the time of a block, which is left with StackError when a process ends unasked."""
    stack = Stack(data, port, sandbox, table)
    try:
        document = await stack.start()
        async with _left_at_failure(stack):
            yield document
    finally:
        await stack.stop()


async def up(
    data: Path, port: int | None = None, sandbox: bool = True, on_ready: OnReady | None = None, table: Table = children
) -> int:
    """Runs the stack until Ctrl-C or SIGTERM; what goes wrong is a message on standard error. Returns the status."""
    work = asyncio.create_task(_serve(data, port, sandbox, on_ready, table))
    asked: list[int] = []
    loop = asyncio.get_running_loop()
    signals = _ending_signals()
    for number in signals:
        loop.add_signal_handler(number, _ask_to_end, work, asked, number)
    try:
        await work
    except StackError as error:
        print(error, file=sys.stderr, flush=True)
        return error.status
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
    return 0


async def _serve(data: Path, port: int | None, sandbox: bool, on_ready: OnReady | None, table: Table) -> None:
    async with running(data, port, sandbox, table) as document:
        if on_ready:
            on_ready(document)
        await asyncio.Event().wait()


@asynccontextmanager
async def _left_at_failure(stack: Stack) -> AsyncIterator[None]:
    """Cancels the block when a process ends unasked, and turns that into its StackError."""
    owner = cast("asyncio.Task[None]", asyncio.current_task())
    watcher = asyncio.create_task(stack.failure())
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


def _ask_to_end(work: "asyncio.Task[None]", asked: list[int], number: int) -> None:
    """Only the first time: a second Ctrl-C must not interrupt the stopping, which is bounded."""
    if not asked:
        work.cancel()
    asked.append(number)


def _ending_signals() -> list[signal.Signals]:
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def _temporal(plan: Plan) -> Child:
    port, ui_port, http_port = (plan.ports[name] for name in ("temporal", "temporal_ui", "temporal_http"))
    # It gets no secrets, and no profile of the user's, which is for another server.
    environment = {**plan.inherited, "TEMPORAL_CONFIG_FILE": os.devnull}
    return Child(
        "temporal",
        server.command(plan.data / "temporal.sqlite", port, ui_port, http_port),
        environment,
        answers=(server.health(http_port),),
        then=partial(server.prepare, port, http_port, environment),
        stop_round=2,
    )


def _signing(plan: Plan) -> tuple[Child, ...]:
    if not plan.makes_signing_pair:
        return ()
    return (_python(plan, "signing", "-c", MAKE_SIGNING_PAIR, str(plan.data / "signing"), once=True),)


def _sandbox(plan: Plan) -> tuple[Child, ...]:
    if not plan.sandbox:
        return ()
    healthy = tuple(f"{plan.url(name)}/healthz" for name in SITES)
    environment = {**plan.environment, **plan.sandbox_settings}
    return (Child("sandbox", (sys.executable, "-m", "sandbox"), environment, answers=healthy),)


def _worker(plan: Plan, needed: tuple[str, ...]) -> Child:
    environment = {**plan.environment, "CERTIFY_READY_FILE": str(plan.ready_file)}
    argv = (sys.executable, "worker.py")
    return Child("worker", argv, environment, needed, touches=plan.ready_file, stop_round=1, patience=15.0)


def _web(plan: Plan, needed: tuple[str, ...]) -> Child:
    return Child("web", (sys.executable, "-m", "web"), plan.environment, needed, answers=(f"{plan.url('web')}/readyz",))


def _python(plan: Plan, name: str, *arguments: str, once: bool) -> Child:
    return Child(name, (sys.executable, *arguments), plan.environment, once=once)
