"""Runs the real `certify` as a process of its own, in surroundings without settings."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OURS = ("CERTIFY_", "TEMPORAL_", "SANDBOX_", "DATABASE_URL", "COLUMNS")

VERBS = (
    *("up", "demo", "request", "status", "list", "decide", "answer", "begin", "import"),
    *("withdraw", "revoke", "resend", "audit", "worker", "web", "sandbox"),
)
FEDERAL_VERBS = ("profile", "enroll", "launch", "agree", "publish", "rcl")


@dataclass(frozen=True)
class Ran:
    """What a command said, and its status."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """This process's environment without settings of ours, its stacks kept apart in `folder`."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**rest, "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT), **settings}


def certify(folder: Path, *arguments: str, given: str | bytes = "", **settings: str) -> Ran:
    """Runs `certify` in a folder, with `given` on standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "starter.cli", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        input=given if isinstance(given, bytes) else given.encode(),
        capture_output=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def is_one_sentence(text: str) -> bool:
    """One line, closed by a full stop, without a traceback."""
    return text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text
