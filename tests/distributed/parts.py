"""The processes of a distributed set-up for a test, started one by one and told everything by their environment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client

from adapters.certificate_signer import make_signing_pair
from starter.stack.plan import (
    SANDBOX_PORTS,
    SECRETS,
    STAFF_ROLES,
    STAND_INS,
    build_stand_in_settings,
    select_shown_secrets,
)
from starter.stack.processes import choose_ports
from tests.support.patience import PATIENCE
from tests.support.world import Document

ROOT = Path(__file__).resolve().parents[2]
NOT_INHERITED = ("CERTIFY_", "SANDBOX_", "TEMPORAL_", "DATABASE_URL")


class Part:
    """One process that runs."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process
        self._log = log

    @property
    def said(self) -> str:
        """Everything it has logged so far."""
        return self._log.read_text()

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Returns once it is ready."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert self._process.poll() is None, f"{self.name} ended: {self.said}"
            assert time.monotonic() < deadline, f"{self.name} is not ready: {self.said}"
            time.sleep(0.05)

    def ask_to_end(self) -> None:
        """Sends SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Waits for its end; its status."""
        return self._process.wait(PATIENCE)


class Apart:
    """A set-up of separate processes over a Temporal server and a database that run already.

    ``proxy`` is the port of what stands before several webs; without it the one web is asked itself.
    """

    def __init__(self, folder: Path, temporal: str, namespace: str, database: str, proxy: int | None = None) -> None:
        self._folder = folder
        ports = choose_ports(("web", "worker_metrics", *SANDBOX_PORTS), {})
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        urls["web"] = f"http://127.0.0.1:{proxy or ports['web']}"
        key, certificate = make_signing_pair(folder / "signing")
        self._ports = ports
        self._urls = urls
        self._stack = ExitStack()
        self._secrets = {name: make() for name, make in SECRETS.items()}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)},
            **self._secrets,
            **build_stand_in_settings(urls, self._secrets),
            "CERTIFY_WEB_URL": urls["web"],
            "CERTIFY_TRYING": "1",
            "CERTIFY_COMMAND_SECONDS": "60",
            "CERTIFY_STAFF_ROLES": json.dumps(STAFF_ROLES),
            # Everybody comes from one address here, whichever web they ask.
            "CERTIFY_RATE_API": "60000/minute",
            "CERTIFY_DATABASE_URL": database,
            "CERTIFY_CERTIFICATES_DIR": str(folder / "certificates"),
            "CERTIFY_SIGNING_KEY_FILE": str(key),
            "CERTIFY_SIGNING_CERT_FILE": str(certificate),
            "CERTIFY_SMTP_PORT": str(ports["smtp"]),
            "CERTIFY_MAIL_FROM": "certification@example.org",
            "CERTIFY_WEB_PORT": str(ports["web"]),
            "CERTIFY_TASK_QUEUE": "apart",
            "TEMPORAL_ADDRESS": temporal,
            "TEMPORAL_NAMESPACE": namespace,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }

    @property
    def document(self) -> dict[str, Any]:
        """What a test needs to drive it, under the names of stack.json."""
        return {
            "data": str(self._folder),
            "web": self._urls["web"],
            "mailbox": self._urls["mailbox"],
            "sandbox": {name: self._urls[name] for name in STAND_INS},
            "secrets": select_shown_secrets(self.environment),
            "temporal": self.environment["TEMPORAL_ADDRESS"],
            "settings": {name: self.environment[name] for name in ("TEMPORAL_NAMESPACE", "CERTIFY_TASK_QUEUE")},
        }

    def migrate(self) -> None:
        """Makes the database's tables."""
        subprocess.run(
            [sys.executable, "-m", "db.migrate"], cwd=ROOT, env=self.environment, check=True, timeout=PATIENCE
        )

    def sandbox(self) -> Part:
        """The stand-ins and the mailbox."""
        told = {f"SANDBOX_{name.upper()}_PORT": str(self._ports[name]) for name in SANDBOX_PORTS}
        told |= {"SANDBOX_MAILBOX_DIR": str(self._folder / "mailbox"), "SANDBOX_WEB_URL": self._urls["web"]}
        part = self._start("sandbox", ("-m", "sandbox"), told)
        part.wait_for(lambda: all(answers(f"{self._urls[name]}/healthz") for name in (*STAND_INS, "mailbox")))
        return part

    def web(self, name: str = "web", port: int | None = None) -> Part:
        """A web, on a port of its own where there are several."""
        port = port or self._ports["web"]
        part = self._start(name, ("-m", "starter.cli.certify", "web"), {"CERTIFY_WEB_PORT": str(port)})
        part.wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        return part

    @property
    def sdk_metrics(self) -> str:
        """Where the worker that was told so shows the SDK's own figures."""
        return f"http://127.0.0.1:{self._ports['worker_metrics']}/metrics"

    def run_doctor(self) -> Any:
        """What `certify doctor` says."""
        command = [sys.executable, "-m", "starter.cli.certify", "doctor", "--json"]
        ran = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, check=False, timeout=PATIENCE
        )
        return json.loads(ran.stdout)

    def worker(self, name: str, *, shows_metrics: bool = False) -> Part:
        """A worker."""
        ready = self._folder / f"{name}.ready"
        told = {"CERTIFY_READY_FILE": str(ready)}
        if shows_metrics:
            told["CERTIFY_WORKER_METRICS"] = f"127.0.0.1:{self._ports['worker_metrics']}"
        part = self._start(name, ("-m", "starter.cli.certify", "worker"), told)
        part.wait_for(ready.exists)
        return part

    def _start(self, name: str, arguments: tuple[str, ...], told: dict[str, str]) -> Part:
        return self._stack.enter_context(
            _running(name, arguments, {**self.environment, **told}, self._folder / f"{name}.log")
        )

    def close(self) -> None:
        """Ends every process."""
        self._stack.close()


@contextmanager
def _running(name: str, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[Part]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Part(name, process, log)
    finally:
        process.kill()
        process.wait(PATIENCE)


async def workers_of(client: Client, cases: Iterable[Document]) -> set[int]:
    """Ids of the worker processes that took part in these cases."""
    identities = set()
    for opened in cases:
        async for event in client.get_workflow_handle(opened["workflow_id"]).fetch_history_events():
            identities.add(event.workflow_task_completed_event_attributes.identity)
    return {int(identity.partition("@")[0]) for identity in identities if identity}


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    with suppress(httpx2.TransportError):
        return httpx2.get(url).status_code == 200
    return False
