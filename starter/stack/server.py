"""The Temporal development server of the embedded stack: its command line and its namespace; it is not the client."""

import asyncio
import json
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starter.stack.folder import StackError
from starter.stack.processes import ask

NAMESPACE = "default"
RETENTION = f"{3650 * 24 * 3600}s"
SEARCH_ATTRIBUTES = {
    "Program": "Keyword",
    "PlanYear": "Int",
    "AssisterKind": "Keyword",
    "Stage": "Keyword",
    "WaitingFor": "Keyword",
    "WaitsOn": "Keyword",
    "WaitingSince": "Datetime",
}
VISIBLE_SECONDS = 10.0


def program() -> str:
    """The `temporal` command that was installed beside this Python."""
    return str(Path(sysconfig.get_path("scripts")) / "temporal")


def command(database: Path, port: int, ui_port: int, http_port: int) -> tuple[str, ...]:
    attributes = (f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items())
    return (
        *(program(), "server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"),
        *("--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port)),
        *("--db-filename", str(database), "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2"),
        *("--namespace", NAMESPACE, "--ui-disable-news-fetch", *attributes),
    )


def health(http_port: int) -> str:
    """The address that answers 200 once the frontend serves the namespace."""
    return f"http://127.0.0.1:{http_port}/api/v1/namespaces/{NAMESPACE}"


async def prepare(port: int, http_port: int, environment: Mapping[str, str]) -> None:
    """Sets the retention, and sees to it that every search attribute is there."""
    await asyncio.to_thread(_keep_closed_cases, health(http_port))
    attributes = f"http://127.0.0.1:{http_port}/cluster/namespaces/{NAMESPACE}/search-attributes"
    await asyncio.to_thread(_register_attributes, attributes, f"127.0.0.1:{port}", environment)


def _keep_closed_cases(namespace: str) -> None:
    """The server's own default forgets a closed workflow after 24 hours."""
    wanted = {"config": {"workflowExecutionRetentionTtl": RETENTION}}
    if _json("GET", namespace)["config"]["workflowExecutionRetentionTtl"] != RETENTION:
        _json("POST", f"{namespace}/update", wanted)
    if _json("GET", namespace)["config"]["workflowExecutionRetentionTtl"] != RETENTION:
        raise StackError("Temporal did not take the namespace's retention.")


def _register_attributes(attributes: str, address: str, environment: Mapping[str, str]) -> None:
    """The command line registers them in a new database only; a missing one would fail workflow tasks."""
    for name, kind in _missing(attributes).items():
        _create_attribute(name, kind, address, environment)
    deadline = time.monotonic() + VISIBLE_SECONDS
    while missing := _missing(attributes):
        if time.monotonic() > deadline:
            raise StackError(f"Temporal lacks search attributes, or has them as another type: {', '.join(missing)}.")
        time.sleep(0.1)


def _missing(attributes: str) -> dict[str, str]:
    there = _json("GET", attributes).get("customAttributes", {})
    wanted = SEARCH_ATTRIBUTES.items()
    return {name: kind for name, kind in wanted if there.get(name) != f"INDEXED_VALUE_TYPE_{kind.upper()}"}


def _create_attribute(name: str, kind: str, address: str, environment: Mapping[str, str]) -> None:
    create = (program(), "operator", "search-attribute", "create", "--address", address, "--namespace", NAMESPACE)
    subprocess.run((*create, "--name", name, "--type", kind), env=environment, capture_output=True, timeout=20)


def _json(method: str, url: str, body: object = None) -> Any:
    status, answer = ask(method, url, None if body is None else json.dumps(body).encode())
    if status != 200:
        raise StackError(f"Temporal answered {status} to {method} {url}.")
    return json.loads(answer)
