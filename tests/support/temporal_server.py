"""Starts a Temporal server of a test's own, without our stack."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Plugin
from temporalio.service import RPCError

from starter.stack.processes import choose_ports
from starter.stack.temporal_server import find_program
from tests.support.patience import PATIENCE


@dataclass
class OwnServer:
    """A development server that keeps everything in memory, and a client of it."""

    client: Client
    process: "subprocess.Popen[bytes]"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    async def shutdown(self) -> None:
        self.process.terminate()
        await asyncio.to_thread(self.process.wait, PATIENCE)


async def start_temporal(*arguments: str, namespace: str = "default", plugins: Sequence[Plugin] = ()) -> OwnServer:
    """A development server with these arguments besides.

    Not by the SDK, which gives it five seconds to come up: on a busy machine each of a dozen tries may take longer.
    """
    port = choose_ports(("temporal",), {})["temporal"]
    process = subprocess.Popen(
        (
            *(find_program(), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)),
            *("--namespace", namespace, "--log-level", "error", *arguments),
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")},
    )
    try:
        return OwnServer(await _connect(process, f"127.0.0.1:{port}", namespace, plugins), process)
    except BaseException:
        process.kill()
        process.wait()
        raise


async def _connect(
    process: "subprocess.Popen[bytes]", address: str, namespace: str, plugins: Sequence[Plugin]
) -> Client:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                client = await Client.connect(address, namespace=namespace, plugins=plugins)
                await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
                return client
            except (RuntimeError, RPCError):
                if process.poll() is not None:
                    raise
                await asyncio.sleep(0.1)
