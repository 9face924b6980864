"""A sandbox process of its own for tests: every stand-in on a free port, with secrets made up for it."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SECRETS = {
    "CERTIFY_REGISTRY_USER": "registry-user",
    "CERTIFY_REGISTRY_PASSWORD": "registry-password",
    "CERTIFY_BACKGROUND_CHECKS_API_KEY": "an-api-key",
    "CERTIFY_LMS_TOKEN": "an-lms-token",
    "CERTIFY_PORTAL_TOKEN": "a-portal-token",
    "CERTIFY_MLMS_TOKEN": "an-mlms-token",
    "CERTIFY_VENDORS": json.dumps(
        {vendor: {"url": f"http://127.0.0.1:9/{vendor}"} for vendor in ("vendor-a", "vendor-b")}
    ),
}
SENDERS = {
    "background-checks": {"check_key": "a-checkr-secret"},
    "lms": {"secret": "whsec_bG1zLXNlY3JldC1sbXMtc2VjcmV0LWxtcw=="},
    "mlms": {"secret": "whsec_bWxtcy1zZWNyZXQtbWxtcy1zZWNyZXQtbWw="},
    "portal": {"secret": "whsec_cG9ydGFsLXNlY3JldC1wb3J0YWwtc2VjcmV0"},
    "portal-look-up": {"token": "a-look-up-token"},
    "vendor-a": {"secret": "whsec_dmVuZG9yLWEtc2VjcmV0LXZlbmRvci1h"},
    "vendor-b": {"secret": "whsec_dmVuZG9yLWItc2VjcmV0LXZlbmRvci1i"},
}
SECRETS["CERTIFY_SENDERS"] = json.dumps(SENDERS)
WEB_STAND_INS = ("registry", "background_checks", "lms", "portal", "mailbox", "mlms", "vendors", "lists", "identity")
PORTS = (*map(str.upper, WEB_STAND_INS), "SMTP")
IDENTITY_SECRET = "an-identity-secret"


@dataclass
class RunningSandbox:
    """A sandbox process and its addresses."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    registry: str
    background_checks: str
    lms: str
    portal: str
    mailbox: str
    mlms: str
    vendors: str
    lists: str
    identity: str

    @property
    def smtp_port(self) -> int:
        return self.ports["smtp"]

    def url(self, name: str) -> str:
        """The address of the stand-in with this name in lower case."""
        return build_url(self.ports[name])

    def stop_process(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(PATIENCE)
            raise


def build_environment(mailbox_dir: Path, web_url: str) -> dict[str, str]:
    """Every setting of the sandbox; the exchange is at `web_url`, every port a free one."""
    ports = {f"SANDBOX_{name}_PORT": "0" for name in PORTS}
    own = {
        "SANDBOX_MAILBOX_DIR": str(mailbox_dir),
        "SANDBOX_WEB_URL": web_url,
        "SANDBOX_IDENTITY_CLIENT_SECRET": IDENTITY_SECRET,
        "PYTHONPATH": str(ROOT),
    }
    return {**os.environ, **SECRETS, **ports, **own}


def launch_sandbox(settings: dict[str, str]) -> subprocess.Popen[str]:
    """The process, started but not waited for: it may end at once when a setting is wrong."""
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        cwd=ROOT,
        env=settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def start_sandbox(mailbox_dir: Path, web_url: str) -> RunningSandbox:
    """The process, once it listens and has said on which ports."""
    process = launch_sandbox(build_environment(mailbox_dir, web_url))
    assert process.stdout is not None
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    assert line.startswith("sandbox listens: "), line
    named = (each.split(" on port ") for each in line.removeprefix("sandbox listens: ").strip().split(", "))
    ports = {name: int(port) for name, port in named}
    return RunningSandbox(process, ports, **{name: build_url(ports[name]) for name in WEB_STAND_INS})


def build_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
