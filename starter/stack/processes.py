"""Child processes: started in order of need, watched, stopped in rounds and reaped; none is known here by name."""

import asyncio
import contextlib
import http.client
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starter.stack.folder import StackError

GUARD = Path(__file__).with_name("guard.py")
LOG_BYTES = 4 * 1024 * 1024
LOG_LINES = 8
POLL_SECONDS = 0.05
REAP_SECONDS = 5.0
# Below what Linux and macOS hand out to outgoing connections, so that a port kept from the last start is rarely in use.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Child:
    """One process of the stack: what it needs first, how it shows that it is ready, when it is stopped."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    after: tuple[str, ...] = ()
    """Names of the children that have to be ready before it is started."""
    runs_once: bool = False
    """It is ready when it has ended with status 0."""
    health_urls: tuple[str, ...] = ()
    """It is ready when each of these URLs answers 200."""
    ready_file: Path | None = None
    """It is ready when this file is there."""
    prepare: Callable[[], Awaitable[None]] | None = None
    """Awaited once it answers, before it counts as ready."""
    stop_round: int = 0
    """Children of a lower round are stopped first; those of one round at the same time."""
    stop_seconds: float = 5.0
    """Between asking it to end and killing it."""


class Process:
    """A child that was started, as the leader of its own session and process group."""

    def __init__(self, child: Child, popen: asyncio.subprocess.Process, log: Path) -> None:
        self.child = child
        self._popen = popen
        self._log = log
        self._gone = False

    @classmethod
    async def start(cls, child: Child, folder: Path, logs: Path, keep_open: Sequence[int]) -> "Process":
        """Starts a child in a folder; what it prints goes to its log, the descriptors stay open in it."""
        log = logs / f"{child.name}.log"
        output = _open_log(log)
        guard = (sys.executable, "-I", "-S", str(GUARD), str(os.getpid()))
        try:
            popen = await asyncio.create_subprocess_exec(
                *guard,
                *child.argv,
                cwd=folder,
                env=dict(child.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=keep_open,
            )
        finally:
            os.close(output)
        return cls(child, popen, log)

    async def wait_until_ready(self) -> None:
        """Returns when it is ready. Raises `StackError` when it ends instead."""
        while not await self._is_ready():
            if self._popen.returncode is not None:
                raise self.describe_end()
            await asyncio.sleep(POLL_SECONDS)
        if self.child.prepare:
            await self.child.prepare()

    async def wait_until_ended(self) -> None:
        """Returns when it has ended and is reaped."""
        await self._popen.wait()

    async def stop(self) -> None:
        """Asks it to end with SIGTERM, waits for `stop_seconds`, then kills what is left of its process group."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._popen.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._popen.wait(), self.child.stop_seconds)
        self.kill()

    def kill(self) -> None:
        """Kills its process group; only once, since the system may give the number to another process later."""
        if not self._gone:
            self._gone = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def describe_end(self) -> StackError:
        """The error that says how it ended, with the last lines of its log."""
        code = self._popen.returncode or 0
        status = f"status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        last = "".join(f"\n  {line}" for line in _read_last_lines(self._log))
        return StackError(f"{self.child.name} ended unexpectedly with {status}; its log, {self._log}, ends:{last}")

    async def _is_ready(self) -> bool:
        if self.child.runs_once:
            return self._popen.returncode == 0
        if self.child.ready_file and not self.child.ready_file.exists():
            return False
        for url in self.child.health_urls:
            if not await is_answering(url):
                return False
        return True


class Supervisor:
    """Starts children as soon as what they need is ready, notices the first that ends by itself, stops them all."""

    def __init__(self, children: Sequence[Child], folder: Path, logs: Path, keep_open: Sequence[int] = ()) -> None:
        self._children = children
        self._folder = folder
        self._logs = logs
        self._keep_open = keep_open
        self._ready = {child.name: asyncio.Event() for child in children}
        self._failure: asyncio.Future[StackError] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: list[Process] = []

    async def start(self, seconds: float) -> None:
        """Returns when every child is ready; raises StackError when one ends, or after this many seconds."""
        self._tasks = [asyncio.create_task(self._run_child(child)) for child in self._children]
        ready = asyncio.create_task(self._wait_for_all())
        try:
            await asyncio.wait((ready, self._failure), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                raise self._failure.result()
            if not ready.done():
                late = ", ".join(name for name, event in self._ready.items() if not event.is_set())
                raise StackError(f"Not ready after {seconds:.0f} seconds: {late}; see {self._logs}.")
        finally:
            ready.cancel()

    async def wait_for_failure(self) -> StackError:
        """Waits for the first child that ends by itself; returns the error that says which and why."""
        return await asyncio.shield(self._failure)

    async def stop(self) -> None:
        """Stops every child, round by round, and reaps it; may be repeated."""
        try:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for number in sorted({process.child.stop_round for process in self._processes}):
                await asyncio.gather(*(p.stop() for p in self._processes if p.child.stop_round == number))
        finally:
            for process in self._processes:
                process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(*(process.wait_until_ended() for process in self._processes)), REAP_SECONDS
            )

    async def _wait_for_all(self) -> None:
        for event in self._ready.values():
            await event.wait()

    async def _run_child(self, child: Child) -> None:
        try:
            await self._start_and_watch(child)
        except StackError as error:
            self._note_failure(error)
        except Exception as error:
            self._note_failure(StackError(f"{child.name} could not be started: {error}"))

    async def _start_and_watch(self, child: Child) -> None:
        for name in child.after:
            await self._ready[name].wait()
        process = await Process.start(child, self._folder, self._logs, self._keep_open)
        self._processes.append(process)
        await process.wait_until_ready()
        self._ready[child.name].set()
        if child.runs_once:
            process.kill()
        else:
            await process.wait_until_ended()
            raise process.describe_end()

    def _note_failure(self, error: StackError) -> None:
        if not self._failure.done():
            self._failure.set_result(error)


async def is_answering(url: str) -> bool:
    """Whether a GET is answered with 200."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        status, _ = await asyncio.to_thread(send_request, "GET", url)
        return status == http.client.OK
    return False


def send_request(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One call to a process of this machine: status and body. No proxy, no redirect."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, parts.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def is_port_free(port: int) -> bool:
    """Whether nothing listens there; the answer may be out of date by the time the port is used."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def choose_ports(names: Iterable[str], wanted: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """A free port for each name: the first of those `wanted` for it that is free, else any."""
    chosen: dict[str, int] = {}
    others = random.sample(PORTS, len(PORTS))
    for name in names:
        candidates = (port for port in (*wanted.get(name, ()), *others) if port not in chosen.values())
        port = next(filter(is_port_free, candidates), None)
        if port is None:
            raise StackError("No free port was found.")
        chosen[name] = port
    return chosen


def _open_log(log: Path) -> int:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _read_last_lines(log: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
    return []
