"""The `certify` command: its verbs and their groups, and how it ends. No rule is decided here.

The modules of the verbs load database, Temporal and rules inside their functions: help and a wrong call are answered in
a fifth of the second that loading takes.
"""

import asyncio
import importlib.metadata
import io
import os
import sys
import tomllib
from contextlib import suppress
from functools import reduce
from typing import NoReturn

import structlog
from cyclopts import App, Group

from starter.cli import (
    appeals,
    audit,
    bounces,
    cases,
    doctor,
    federal,
    imports,
    licenses,
    policy,
    policy_moves,
    reading,
    requests,
    season,
    stack,
)
from starter.cli.errors import explain_error, is_about_the_call
from starter.cli.examples import EXAMPLES, fit_screen, show_example

DISTRIBUTION = "assister-certification"
STATUSES = "Status 0: done. Status 1: no, with the reason. Status 2: the call was wrong."


def read_version() -> str:
    """The version in the package's metadata, or in pyproject.toml where the tree runs uninstalled, as in the image."""
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        version = tomllib.loads((stack.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return f"certify {version}"


app = App(
    name="certify",
    help="Certifies assisters, of an exchange and of the federal marketplace: the stack, cases, staff's decisions "
    "and the processes.",
    help_format="plaintext",
    help_epilogue=STATUSES,
    version=read_version,
    version_flags=["--version"],
)

STACK = Group.create_ordered("The stack")
ASSISTERS = Group.create_ordered("Assisters")
CASES = Group.create_ordered("Cases")
POLICIES = Group.create_ordered("The rules")
FEDERAL = Group.create_ordered("The federal marketplace")
PROCESSES = Group.create_ordered("Processes, one each, for a distributed set-up")

app.command(stack.run_whole_stack, name="up", group=STACK)
app.command(stack.run_demonstration, name="demo", group=STACK)
app.command(doctor.diagnose_settings, name="doctor", group=STACK)

app.command(requests.submit_request, name="request", group=ASSISTERS)
app.command(requests.begin_case, name="begin", group=ASSISTERS)
app.command(imports.import_people, name="import", group=ASSISTERS)

season.app.group = ASSISTERS
app.command(season.app)

app.command(reading.show_status, name="status", group=CASES)
app.command(reading.list_cases, name="list", group=CASES)
audit.app.group = CASES
app.command(audit.app)
app.command(cases.decide_case, name="decide", group=CASES)
app.command(cases.answer_question, name="answer", group=CASES)
app.command(cases.take_question_back, name="take-back", group=CASES)
app.command(cases.withdraw_request, name="withdraw", group=CASES)
app.command(cases.revoke_certification, name="revoke", group=CASES)
app.command(cases.suspend_authority, name="suspend", group=CASES)
app.command(cases.lift_suspension, name="lift", group=CASES)
app.command(cases.terminate_authority, name="terminate", group=CASES)
app.command(appeals.file_rebuttal, name="rebut", group=CASES)
app.command(cases.resend_notice, name="resend", group=CASES)
app.command(cases.check_case, name="check", group=CASES)
app.command(appeals.act_on_appeal, name="appeal", group=CASES)
app.command(cases.prove_identity, name="identity", group=CASES)
app.command(cases.correct_name, name="correct", group=CASES)
app.command(cases.restart_case, name="restart", group=CASES)
app.command(bounces.take_bounce, name="bounce", group=CASES)

licenses.app.group = CASES
app.command(licenses.app)

policy.app.group = POLICIES
policy.app.command(policy_moves.migrate_cases, name="migrate")
app.command(policy.app)

federal.app.group = FEDERAL
app.command(federal.app)

app.command(stack.run_worker, name="worker", group=PROCESSES)
app.command(stack.run_web, name="web", group=PROCESSES)
app.command(stack.run_sandbox, name="sandbox", group=PROCESSES)

for verb in filter(None, EXAMPLES):
    reduce(App.__getitem__, verb.split(), app).help_epilogue = f"{show_example(verb.split())}\n\n{STATUSES}"


def main() -> NoReturn:
    """Runs the command and leaves at once: Temporal's client may crash an interpreter that winds down."""
    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def run(arguments: list[str]) -> int:
    """Carries the command out. Returns the exit status.

    Every refusal is one sentence on standard error; a wrong call is shown a right one below it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Standard output is the command's answer. The stream is looked up for each line, since it may be another one then.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except BrokenPipeError:
        return 1
    except Exception as error:
        sentence, status = explain_error(error)
        # A terminal would break it within words.
        print(fit_screen(sentence) if sys.stderr.isatty() else sentence, file=sys.stderr)
        if is_about_the_call(error):
            print(show_example(app.parse_commands(arguments)[0]), file=sys.stderr)
        return status


if __name__ == "__main__":
    main()
