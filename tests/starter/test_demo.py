"""`certify demo` and `certify up` as somebody sees them who has just installed this."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.starter.command import certify, environment

pytestmark = pytest.mark.slow


def test_the_demo_certifies_several_and_its_folder_carries_on(tmp_path: Path) -> None:
    began = time.monotonic()
    first = certify(tmp_path, "demo", "--data", "shown", "--json")
    assert time.monotonic() - began < 60
    shown = first.document
    came_out = {one["kind"] + " " + one["stage"] for one in shown["assisters"]}
    assert came_out == {"agent active", "broker active", "enrollment_counselor active", "broker denied"}
    for one in shown["assisters"]:
        assert (one["certificate"] is not None) == (one["stage"] == "active")
        assert not one["certificate"] or Path(one["certificate"]["file"]).read_bytes().startswith(b"%PDF")
    assert shown["mailbox"]["messages"] == 15
    for step in ("exam 0.7999: failed", "exam 0.80: passed", "own registration refused", "approval refused"):
        assert step in first.err

    again = certify(tmp_path, "demo", "--data", "shown")
    assert again.status == 0, again.err
    assert "had asked before" in again.out
    assert all(one["certificate"]["number"] in again.out for one in shown["assisters"] if one["certificate"])
    assert all(len(line) <= 80 for line in again.out.splitlines()[-12:])


def stack_of(folder: Path, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """stack.json, once it is there."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if (folder / "stack.json").exists():
            found: dict[str, Any] = json.loads((folder / "stack.json").read_bytes())
            return found
        time.sleep(0.1)
    raise AssertionError("no stack.json")


@pytest.mark.parametrize(("asked", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_demo_ends_when_asked(tmp_path: Path, asked: signal.Signals, status: int) -> None:
    command = [sys.executable, "-m", "starter.cli", "demo", "--data", "shown"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        stack_of(tmp_path / "shown", process)
        process.send_signal(asked)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (status, b"")
    assert not (tmp_path / "shown" / "stack.json").exists()


def test_up_prints_one_document_without_secrets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "starter.cli", "up", "--port", "0", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        stack = stack_of(tmp_path / "data", process)
        assert certify(tmp_path, "list", "--json").document == []
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, b"")
    assert json.loads(printed) == {name: stack[name] for name in stack if name not in ("secrets", "settings")}
