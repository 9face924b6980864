"""The Temporal development server of the embedded stack: its command line and its namespace; not a client of it."""

import asyncio
import json
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starter.stack.folder import StackError
from starter.stack.processes import send_request

NAMESPACE = "default"
# Ten years: a case is looked up long after it closed, and its id must not be started again.
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
VISIBLE_SECONDS = 60.0


def find_program() -> str:
    """The `temporal` command that was installed beside this Python."""
    return str(Path(sysconfig.get_path("scripts")) / "temporal")


def build_command(database: Path, port: int, ui_port: int, http_port: int) -> tuple[str, ...]:
    """The command line that serves a namespace of ours from a database file on these ports of the loopback address."""
    attributes = (f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items())
    # In WAL mode it does twice as many workflows a second. synchronous=2 is FULL: what Temporal has acknowledged
    # survives a power cut too.
    return (
        *(find_program(), "server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"),
        *("--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port)),
        *("--db-filename", str(database), "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2"),
        *("--namespace", NAMESPACE, "--ui-disable-news-fetch", *attributes),
    )


def build_health_url(http_port: int) -> str:
    """The address that answers 200 once the frontend serves the namespace."""
    return f"http://127.0.0.1:{http_port}/api/v1/namespaces/{NAMESPACE}"


async def prepare_namespace(port: int, http_port: int, environment: Mapping[str, str]) -> None:
    """Sets the retention and registers the search attributes that the namespace lacks."""
    await asyncio.to_thread(_set_retention, build_health_url(http_port))
    attributes = f"http://127.0.0.1:{http_port}/cluster/namespaces/{NAMESPACE}/search-attributes"
    await asyncio.to_thread(_register_attributes, attributes, f"127.0.0.1:{port}", environment)


def _set_retention(namespace: str) -> None:
    """Sets how long closed workflows are kept: the server's own default forgets them after 24 hours."""
    wanted = {"config": {"workflowExecutionRetentionTtl": RETENTION}}
    if _call_api("GET", namespace)["config"]["workflowExecutionRetentionTtl"] != RETENTION:
        _call_api("POST", f"{namespace}/update", wanted)
    if _call_api("GET", namespace)["config"]["workflowExecutionRetentionTtl"] != RETENTION:
        raise StackError("Temporal did not take the namespace's retention.")


def _register_attributes(attributes: str, address: str, environment: Mapping[str, str]) -> None:
    """Registers what is missing: the command line does so in a new database only, and workflow tasks would fail."""
    for name, kind in _find_missing_attributes(attributes).items():
        _create_attribute(name, kind, address, environment)
    deadline = time.monotonic() + VISIBLE_SECONDS
    while missing := _find_missing_attributes(attributes):
        if time.monotonic() > deadline:
            raise StackError(f"Temporal lacks search attributes, or has them as another type: {', '.join(missing)}.")
        time.sleep(0.1)


def _find_missing_attributes(attributes: str) -> dict[str, str]:
    there = _call_api("GET", attributes).get("customAttributes", {})
    wanted = SEARCH_ATTRIBUTES.items()
    return {name: kind for name, kind in wanted if there.get(name) != f"INDEXED_VALUE_TYPE_{kind.upper()}"}


def _create_attribute(name: str, kind: str, address: str, environment: Mapping[str, str]) -> None:
    create = (find_program(), "operator", "search-attribute", "create", "--address", address, "--namespace", NAMESPACE)
    subprocess.run((*create, "--name", name, "--type", kind), env=environment, capture_output=True, timeout=20)


def _call_api(method: str, url: str, body: object = None) -> Any:
    status, answer = send_request(method, url, None if body is None else json.dumps(body).encode())
    if status != 200:
        raise StackError(f"Temporal answered {status} to {method} {url}.")
    return json.loads(answer)
