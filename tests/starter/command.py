"""Calls `certify` in an environment without settings of ours: in this process, or as a process of its own."""

import asyncio
import io
import json
import os
import pty
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from domain.shared.documents.fields import MAIL_ROUTE
from starter.cli.certify import run
from starter.policies import load_policies
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
OURS = ("CERTIFY_", "TEMPORAL_", "SANDBOX_", "DATABASE_URL", "COLUMNS")

VERBS = (
    *("up", "demo", "doctor", "request", "status", "list", "decide", "answer", "begin", "import"),
    *("withdraw", "revoke", "resend", "check", "restart", "audit", "bounce", "worker", "web", "sandbox"),
)
SEASON_VERBS = ("open", "status", "pause", "resume", "cancel", "rehearse")
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


def call_certify(folder: Path, *arguments: str, given: str | bytes = "", **settings: str) -> Ran:
    """Carries a command out in this process, in a folder, with `given` on standard input: a process takes a second."""
    given = given if isinstance(given, bytes) else given.encode()
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        chdir(folder),
        mock.patch.dict(os.environ, environment(folder, **settings), clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given))),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            status = run(list(arguments))
        finally:
            # Those of the settings of this call were put in force for the whole process.
            load_policies(trying=True)
            MAIL_ROUTE.carries_letters = False
    return Ran(status, _printed(out), _printed(err))


def _printed(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def run_certify(folder: Path, *arguments: str, given: str | bytes = "", **settings: str) -> Ran:
    """Runs `certify` as a process, in a folder, with `given` on standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "starter.cli.certify", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        input=given if isinstance(given, bytes) else given.encode(),
        capture_output=True,
        timeout=2 * PATIENCE,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def is_one_sentence(text: str) -> bool:
    """One line, closed by a full stop, without a traceback; below it a wrong call is shown a right one."""
    sentence, _, example = text.partition("\n")
    return sentence.endswith(".") and "Traceback" not in text and (not example or is_example(example))


def is_example(text: str) -> bool:
    """A call that can be typed, in lines of at most 80 columns."""
    lines = text.splitlines()
    goes_on = [line.endswith(" \\") for line in lines]
    whole = text.startswith("For example: certify ") and text.endswith("\n") and all(len(line) <= 80 for line in lines)
    return whole and all(goes_on[:-1]) and not goes_on[-1]


class Clerk:
    """Somebody at the command line of a stack; only for a terminal `certify` is a process of its own."""

    def __init__(self, folder: Path, data: str) -> None:
        self._run = partial(call_certify, folder)
        self._data = data

    async def __call__(self, *arguments: str, given: Any = None) -> Ran:
        text = "" if given is None else json.dumps(given)
        return await asyncio.to_thread(self._run, *arguments, "--data", self._data, given=text)

    async def json(self, *arguments: str, given: Any = None) -> Any:
        return (await self(*arguments, "--json", given=given)).document

    async def refused(self, *arguments: str, given: Any = None, status: int = 1) -> str:
        """The sentence of a refusal."""
        ran = await self(*arguments, given=given)
        assert (ran.status, ran.out) == (status, ""), ran
        assert is_one_sentence(ran.err), ran.err
        return ran.err

    async def shown(self, *arguments: str) -> str:
        """What people are shown: it fits into 80 columns."""
        ran = await self(*arguments)
        assert ran.status == 0, ran.err
        assert all(len(line) <= 80 for line in ran.out.splitlines()), ran.out
        return ran.out

    async def at_a_terminal(self, typed: bytes, *arguments: str) -> Ran:
        """The same for somebody who types an answer."""
        screen, keyboard = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "starter.cli.certify", *arguments, "--data", self._data),
            cwd=ROOT,
            stdin=keyboard,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            os.write(screen, typed)
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            os.close(screen)
            os.close(keyboard)
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())
