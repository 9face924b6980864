"""A sandbox process of its own for tests: every stand-in on a free port, with secrets made up for it."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECRETS = {
    "CERTIFY_REGISTRY_USER": "registry-user",
    "CERTIFY_REGISTRY_PASSWORD": "registry-password",
    "CERTIFY_BACKGROUND_CHECKS_API_KEY": "an-api-key",
    "CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET": "a-checkr-secret",
    "CERTIFY_LMS_TOKEN": "an-lms-token",
    "CERTIFY_LMS_WEBHOOK_SECRET": "whsec_bG1zLXNlY3JldC1sbXMtc2VjcmV0LWxtcw==",
    "CERTIFY_PORTAL_TOKEN": "a-portal-token",
    "CERTIFY_PORTAL_WEBHOOK_SECRET": "whsec_cG9ydGFsLXNlY3JldC1wb3J0YWwtc2VjcmV0",
    "CERTIFY_MLMS_TOKEN": "an-mlms-token",
    "CERTIFY_VENDORS": json.dumps(
        {
            "vendor-a": {"url": "http://127.0.0.1:9/vendor-a", "secret": "whsec_dmVuZG9yLWEtc2VjcmV0LXZlbmRvci1h"},
            "vendor-b": {"url": "http://127.0.0.1:9/vendor-b", "secret": "whsec_dmVuZG9yLWItc2VjcmV0LXZlbmRvci1i"},
        }
    ),
}
WEB_STAND_INS = ("registry", "background_checks", "lms", "portal", "mailbox", "mlms", "vendors", "lists", "identity")
PORTS = (*map(str.upper, WEB_STAND_INS), "SMTP")
IDENTITY_SECRET = "an-identity-secret"
PATIENCE = 15.0


@dataclass
class RunningSandbox:
    """A sandbox process and its addresses."""

    process: subprocess.Popen[str]
    ports: dict[str, int]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def registry(self) -> str:
        return self.url("registry")

    @property
    def background_checks(self) -> str:
        return self.url("background_checks")

    @property
    def lms(self) -> str:
        return self.url("lms")

    @property
    def portal(self) -> str:
        return self.url("portal")

    @property
    def mailbox(self) -> str:
        return self.url("mailbox")

    @property
    def mlms(self) -> str:
        return self.url("mlms")

    @property
    def vendors(self) -> str:
        return self.url("vendors")

    @property
    def lists(self) -> str:
        return self.url("lists")

    @property
    def identity(self) -> str:
        return self.url("identity")

    @property
    def smtp_port(self) -> int:
        return self.ports["smtp"]

    def stop_process(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(PATIENCE)
            raise


def build_environment(mailbox_dir: Path, web_url: str) -> dict[str, str]:
    ports = {f"SANDBOX_{name}_PORT": "0" for name in PORTS}
    own = {
        "SANDBOX_MAILBOX_DIR": str(mailbox_dir),
        "SANDBOX_WEB_URL": web_url,
        "SANDBOX_IDENTITY_CLIENT_SECRET": IDENTITY_SECRET,
        "PYTHONPATH": str(ROOT),
    }
    return {**os.environ, **SECRETS, **ports, **own}


def launch_sandbox(settings: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        cwd=ROOT,
        env=settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def start_sandbox(mailbox_dir: Path, web_url: str) -> RunningSandbox:
    process = launch_sandbox(build_environment(mailbox_dir, web_url))
    assert process.stdout is not None
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    assert line.startswith("sandbox listens: "), line
    named = (each.split(" on port ") for each in line.removeprefix("sandbox listens: ").strip().split(", "))
    return RunningSandbox(process, {name: int(port) for name, port in named})
