"""The embedded stack's processes, to be killed and started again; the worker reaches out through gates."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.client import Client

from starter.client import make_plugin
from starter.stack.embedded import build_children
from starter.stack.folder import FOLDERS
from starter.stack.plan import OWN_PORTS, SANDBOX_PORTS, SECRETS, STAND_INS, Plan, build_stand_in_settings
from starter.stack.processes import Child, Process, choose_ports
from tests.support.gates import Gate
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent
GATES = (*STAND_INS, "smtp", "temporal")


class Mortal:
    """Processes by the names `starter.stack.embedded` gives them, and the worker's gates by those of their ports."""

    def __init__(self, folder: Path, worker_program: str = "") -> None:
        self._worker_program = worker_program
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)
        kept = {name: make() for name, make in SECRETS.items()}
        self.plan = Plan.build(folder, choose_ports((*OWN_PORTS, *SANDBOX_PORTS), {}), kept, {}, True)
        self.gates = {name: Gate(self.plan.ports[name]) for name in GATES}
        self._children: dict[str, Child] = {}
        self._running: dict[str, Process] = {}

    async def begin(self) -> None:
        for gate in self.gates.values():
            await gate.start()
        self._children = {child.name: child for child in build_children(self.plan)}
        worker = self._children["worker"]
        argv = (sys.executable, "-c", self._worker_program) if self._worker_program else worker.argv
        self._children["worker"] = replace(
            worker, argv=argv, environment={**worker.environment, **self._through_gates()}
        )
        await self.start("migration", "signing", "temporal", "sandbox")
        await self.start("web", "worker")

    def _through_gates(self) -> dict[str, str]:
        ports = {name: str(gate.port) for name, gate in self.gates.items()}
        return {
            **build_stand_in_settings(
                {name: f"http://127.0.0.1:{ports[name]}" for name in STAND_INS}, self.plan.settings
            ),
            "CERTIFY_SMTP_PORT": ports["smtp"],
            "TEMPORAL_ADDRESS": f"127.0.0.1:{ports['temporal']}",
        }

    async def start(self, *names: str) -> None:
        """Starts processes, and waits until they are ready."""
        if "worker" in names:
            self.plan.ready_file.unlink(missing_ok=True)
        await asyncio.gather(*map(self._start, names))

    async def _start(self, name: str) -> None:
        process = await Process.start(self._children[name], ROOT, self.plan.data / "logs", ())
        self._running[name] = process
        async with asyncio.timeout(PATIENCE):
            await process.wait_until_ready()

    async def kill(self, *names: str) -> None:
        """SIGKILL, without a word before."""
        for name in names:
            self._running[name].kill()
        for name in names:
            await self._running.pop(name).wait_until_ended()
        if "worker" in names:
            for gate in self.gates.values():
                gate.cut()

    async def client(self) -> Client:
        """A client of the Temporal server, past the gates."""
        return await Client.connect(f"127.0.0.1:{self.plan.ports['temporal']}", plugins=[make_plugin()])

    async def end(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            await process.wait_until_ended()
        for gate in self.gates.values():
            await gate.close()

    def document(self) -> dict[str, Any]:
        return self.plan.describe_stack()


@asynccontextmanager
async def running(folder: Path, worker_program: str = "") -> AsyncIterator[Mortal]:
    """All processes, for the time of a block; ``worker_program`` is Python to run instead of a user's worker."""
    mortal = Mortal(folder, worker_program)
    try:
        await mortal.begin()
        yield mortal
    finally:
        await mortal.end()
