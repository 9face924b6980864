"""The process: what it refuses to start with, and how it ends."""

import signal
import socket
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.sandbox_process import RunningSandbox, build_environment, launch_sandbox, start_sandbox


def read_refusal(settings: dict[str, str]) -> str:
    process = launch_sandbox(settings)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    return errors


@pytest.mark.parametrize("name", ["SANDBOX_MAILBOX_DIR", "SANDBOX_WEB_URL", "CERTIFY_LMS_TOKEN"])
def test_a_missing_setting_is_named(tmp_path: Path, name: str) -> None:
    settings = build_environment(tmp_path, "http://127.0.0.1:9")
    assert read_refusal({**settings, name: ""}) == f"sandbox: {name} is not set\n"


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {**build_environment(tmp_path, "http://127.0.0.1:9"), "SANDBOX_LMS_PORT": str(port)}
        assert f"port {port} of 127.0.0.1 can't be had" in read_refusal(settings)
    assert "SANDBOX_LMS_PORT is not a port" in read_refusal({**settings, "SANDBOX_LMS_PORT": "http"})


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told(tmp_path: Path, how: signal.Signals) -> None:
    assert start_sandbox(tmp_path, "http://127.0.0.1:9").stop_process(how) == 0


def test_a_connection_left_open_does_not_hold_it_up(tmp_path: Path) -> None:
    running: RunningSandbox = start_sandbox(tmp_path, "http://127.0.0.1:9")
    with (
        socket.create_connection(("127.0.0.1", running.ports["lms"])),
        socket.create_connection(("127.0.0.1", running.smtp_port)),
    ):
        assert running.stop_process() == 0
