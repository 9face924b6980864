"""Software of others, each as a process of its own on this machine; what it has to do with us is in the tests."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from starter.stack.processes import Child, Process, choose_ports
from tests.support.patience import PATIENCE
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
RALPH = ROOT / ".venv-ralph" / "bin" / "python"
HOST = "127.0.0.1"
VERSION = {"X-Experience-API-Version": "1.0.3"}
FORWARDED, NOT_FORWARDED = "Forwarded ", "Failed to forward"
# Ralph 5.1 keeps statements in files, or in servers that can't be had from a package index. Its files refuse every
# write but the first unless they are appended to. Nothing else of it is touched.
START_RALPH = """
import sys, uvicorn
from ralph.backends.data.base import BaseOperationType
from ralph.backends.lrs.fs import FSLRSBackend
FSLRSBackend.default_operation_type = BaseOperationType.APPEND
uvicorn.run("ralph.api:app", host=sys.argv[1], port=int(sys.argv[2]), log_config="logging.json")
"""
# At this level Ralph says what became of what it forwarded.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"ralph": {"handlers": ["console"], "level": "DEBUG"}},
}


@asynccontextmanager
async def peer(child: Child, folder: Path) -> AsyncIterator[None]:
    """A process for the time of a block, once it answers; its log is `<name>.log` in the folder."""
    process = await Process.start(child, folder, folder, ())
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait_until_ready()
        yield
    finally:
        await process.stop()
        await process.wait_until_ended()


@asynccontextmanager
async def scim_server(folder: Path, token: str) -> AsyncIterator[str]:
    """scim2-server by its own command, everything in memory; its tenant "scim" makes the path ours."""
    folder.mkdir()
    port = choose_ports(("scim",), {})["scim"]
    url = f"http://{HOST}:{port}"
    command = Path(sys.executable).with_name("scim2-server")
    options = ("--hostname", HOST, "--port", str(port), "--tenant", "scim", "--bearer-token", token)
    argv = (sys.executable, str(command), *options)
    ready = f"{url}/scim/v2/ServiceProviderConfig"
    async with peer(Child("scim-server", argv, os.environ, health_urls=(ready,)), folder):
        yield url


@dataclass(frozen=True)
class Sent:
    """What a record store answered, and what it said became of forwarding."""

    status: int
    forwarding: str

    @property
    def forwarded(self) -> bool:
        return self.forwarding.startswith(FORWARDED)


class RecordStore:
    """A learning record store, as an LMS uses it."""

    def __init__(self, url: str, credentials: tuple[str, str], log: Path) -> None:
        self._statements = f"{url}/xAPI/statements"
        self._http = httpx2.AsyncClient(auth=credentials, headers=VERSION, timeout=PATIENCE, trust_env=False)
        self._log = log

    async def post(self, *statements: dict[str, Any]) -> Sent:
        """Stores statements, and waits until they are forwarded or aren't."""
        return await self._send("POST", list(statements))

    async def put(self, statement: dict[str, Any]) -> Sent:
        """Stores one under its id, and waits likewise."""
        return await self._send("PUT", statement, statementId=statement["id"])

    async def _send(self, method: str, body: Any, **parameters: str) -> Sent:
        before = len(self._outcomes())
        answer = await self._http.request(method, self._statements, json=body, params=parameters)
        assert answer.is_success, answer.text
        async with asyncio.timeout(PATIENCE):
            while len(self._outcomes()) == before:
                await asyncio.sleep(0.05)
        (outcome,) = self._outcomes()[before:]
        return Sent(answer.status_code, outcome)

    def _outcomes(self) -> list[str]:
        lines = self._log.read_text().splitlines()
        return [line for line in lines if line.startswith((FORWARDED, NOT_FORWARDED))]

    async def stored(self, statement_id: str) -> list[dict[str, Any]]:
        """What it keeps under an id."""
        answer = await self._http.get(self._statements, params={"statementId": statement_id})
        found: list[dict[str, Any]] = answer.json()["statements"]
        return found

    async def close(self) -> None:
        await self._http.aclose()


@asynccontextmanager
async def ralph(folder: Path, world: World) -> AsyncIterator[RecordStore]:
    """Ralph, statements in files, forwarding to a stack's /xapi/statements."""
    assert RALPH.exists(), f"{RALPH} is made by `make conformance`"
    (folder / "statements").mkdir(parents=True)
    (folder / "logging.json").write_text(json.dumps(LOGGING))
    port = choose_ports(("ralph",), {})["ralph"]
    url, credentials = f"http://{HOST}:{port}", ("lms", secrets.token_urlsafe())
    environment = _ralph_settings(folder, world)
    user, password = credentials
    account = ("--agent-ifi-account", user, "https://lms.example.com")
    who = ("--username", user, "--password", password, "--scope", "all", "--target", "", *account)
    command = (str(RALPH), "-m", "ralph", "auth", *who, "--write-to-disk")
    await asyncio.to_thread(subprocess.run, command, cwd=folder, env=environment, check=True, capture_output=True)
    argv = (str(RALPH), "-c", START_RALPH, HOST, str(port))
    async with peer(Child("ralph", argv, environment, health_urls=(f"{url}/__heartbeat__",)), folder):
        store = RecordStore(url, credentials, folder / "ralph.log")
        try:
            yield store
        finally:
            await store.close()


def _ralph_settings(folder: Path, world: World) -> dict[str, str]:
    forwarding = {
        "url": f"{world.web}/xapi/statements",
        "is_active": True,
        "basic_username": world.stack["secrets"]["xapi_user"],
        "basic_password": world.stack["secrets"]["xapi_password"],
        "max_retries": 1,
        "timeout": 20,
    }
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RALPH_APP_DIR": str(folder),
        "RALPH_RUNSERVER_BACKEND": "fs",
        "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(folder / "statements"),
        "RALPH_XAPI_FORWARDINGS": json.dumps([forwarding]),
    }
