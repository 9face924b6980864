"""`certify demo` and `certify up` as somebody sees them who has just installed this."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from starter.demo.staying import QUESTION, ask_to_stay, can_be_asked
from tests.starter.command import ROOT, Ran, environment, run_certify
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.slow
# What moves a terminal's cursor and colours its text.
STEERING = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def test_the_demo_certifies_several_and_its_folder_carries_on(tmp_path: Path) -> None:
    first = run_certify(tmp_path, "demo", "--data", "shown", "--json")
    shown = first.document
    came_out = [(one["program"], one["kind"], one["stage"]) for one in shown["assisters"]]
    assert came_out == [
        ("bewellnm", "agent", "active"),
        ("bewellnm", "broker", "active"),
        ("bewellnm", "enrollment_counselor", "active"),
        ("bewellnm", "broker", "active"),
        ("ffm", "marketplace_agent_broker", "certified"),
        ("ffm", "marketplace_agent_broker", "certified"),
    ]
    markets = [[each.get("market") for each in one["certificates"]] for one in shown["assisters"]]
    assert markets == [[None], [None], [None], [None], ["individual"], ["individual", "shop"]]
    for one in shown["assisters"]:
        assert all(Path(each["file"]).read_bytes().startswith(b"%PDF") for each in one["certificates"])
    listed = [
        [bool(row["individual_registration_completion_date"]), bool(row["shop_registration_completion_date"])]
        for row in shown["rcl"]["rows"]
    ]
    assert listed == [[True, False], [True, True]]
    assert shown["mailbox"]["messages"] == 34, "a letter more or less was sent"
    turns = [[(turn["kind"], turn["detail"]) for turn in one["turns"]] for one in shown["assisters"]]
    assert turns == [
        [],
        [("authority_suspended", "license_lapsed"), ("authority_restored", "license_lapsed")],
        [],
        [("appeal_filed", "denied"), ("appeal_decided", "reversed")],
        *([], []),
    ]
    for step in (
        *(
            "address confirmed by a code",
            "exam 0.7999: failed",
            "exam 0.80: passed",
            "own registration refused",
            "approval refused",
        ),
        *("suspended, may not assist", "license back at the registry: restored"),
        *("staff denied", "appeal filed on their own page, with a file", "somebody else reversed the denial"),
        *("last year imported", "Next refused", "copied NPN refused", "individual returning completed, mlms"),
        *("vendor-a's own address refused", "shop completed, vendor-a", "shop privacy security: I Agree"),
    ):
        assert step in first.err

    again = stay_at_a_terminal(tmp_path, "demo", "--data", "shown")
    assert again.status == 0, again.out
    assert again.out.count("had asked before") >= len(shown["assisters"])
    assert "34 messages" not in again.out, "those who come again are sent a code"
    assert "suspended, may not assist" not in again.out, "nobody's license lapses a second time"
    for turn in ("authority suspended: license lapsed", "appeal decided: reversed"):
        assert turn in again.out
    assert all(each["number"] in again.out for one in shown["assisters"] for each in one["certificates"])
    assert all(row["npn"] in again.out for row in shown["rcl"]["rows"])
    # What holds the folder's path stays in one piece, to be copied.
    assert all(
        len(line) <= 80 for line in again.out.splitlines() if str(ROOT) not in line and str(tmp_path) not in line
    ), again.out
    assert "certify request " in again.out, "nobody waits for a decision: it says how somebody does"
    assert f"certify up --data {tmp_path / 'shown'}" not in again.out, "it stayed until Ctrl-C"


def stay_at_a_terminal(folder: Path, *arguments: str) -> Ran:
    """Calls `certify` at a terminal, has its stack stay when asked, sees that it is there, and ends it by Ctrl-C."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "starter.cli.certify", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment(folder, TERM="xterm"), stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        said = read_until(screen, QUESTION)
        os.write(screen, b"\n")
        said += read_until(screen, "Ctrl-C ends it.")
        assert run_certify(folder, "list", "--json").document, "the stack is there"
        process.send_signal(signal.SIGINT)
        said += read_until(screen, None)
    os.close(screen)
    return Ran(process.returncode, STEERING.sub("", said.replace("\r", "\n")), "")


def read_until(screen: int, words: str | None) -> str:
    """What is shown until it has these words; without any, until the program has left the terminal."""
    said = b""
    deadline = time.monotonic() + PATIENCE
    while words is None or words.encode() not in said:
        assert select.select([screen], [], [], deadline - time.monotonic())[0], said.decode()
        try:
            said += os.read(screen, 65536)
        except OSError:  # so Linux says that nobody has it open any more
            assert words is None, said.decode()
            break
    return said.decode()


def stack_of(folder: Path, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """stack.json, once it is there."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if (folder / "stack.json").exists():
            found: dict[str, Any] = json.loads((folder / "stack.json").read_bytes())
            return found
        time.sleep(0.1)
    raise AssertionError("no stack.json")


@pytest.mark.parametrize(("typed", "stays"), [("n\n", False), (" NO \n", False), ("\x04", False), ("yes\n", True)])
async def test_the_stack_stays_if_who_is_asked_says_so(
    monkeypatch: pytest.MonkeyPatch, typed: str, stays: bool
) -> None:
    screen, terminal = pty.openpty()
    with os.fdopen(terminal, encoding="utf-8") as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        assert can_be_asked(Console(force_terminal=True))
        assert not can_be_asked(Console(file=io.StringIO()))
        os.write(screen, typed.encode())
        assert await ask_to_stay(Console(file=io.StringIO())) is stays
    os.close(screen)


async def test_nobody_is_asked_who_does_not_sit_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert not can_be_asked(Console(force_terminal=True))


@pytest.mark.parametrize(("asked", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_demo_ends_when_asked(tmp_path: Path, asked: signal.Signals, status: int) -> None:
    command = [sys.executable, "-m", "starter.cli.certify", "demo", "--data", "shown"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        stack_of(tmp_path / "shown", process)
        process.send_signal(asked)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (status, b"")
    assert not (tmp_path / "shown" / "stack.json").exists()


def test_up_prints_one_document_without_secrets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "starter.cli.certify", "up", "--port", "0", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        stack = stack_of(tmp_path / "data", process)
        assert run_certify(tmp_path, "list", "--json").document == []
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (0, b"")
    assert json.loads(printed) == {name: stack[name] for name in stack if name not in ("secrets", "settings")}
