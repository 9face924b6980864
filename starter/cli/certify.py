"""The `certify` command: a typed function for each verb, what it answers and its status; no rule is decided here."""

import asyncio
import io
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from cyclopts import App, Group, Parameter
from cyclopts.validators import Number

from starter.cli import federal, output as show
from starter.cli.arguments import (
    FLAG,
    FORM_BYTES,
    IMPORT_BYTES,
    USUAL,
    Actor,
    CaseId,
    CommandId,
    File,
    Json,
    Reason,
    Way,
    demand,
    demand_one_of,
    read,
)
from starter.cli.context import Doors, acting, names_a_database, reading, settings_of
from starter.cli.errors import explained

if TYPE_CHECKING:
    from starter.cases import Answer

ROOT = Path(__file__).resolve().parent.parent.parent

app = App(
    name="certify",
    help="Certifies assisters, of beWellnm and of the federal marketplace: the stack, cases, staff's decisions "
    "and the processes.",
    help_format="plaintext",
    help_epilogue="Status 0: done. Status 1: no, with the reason. Status 2: the call was wrong.",
    version_flags=[],
)

STACK = Group.create_ordered("The stack")
ASSISTERS = Group.create_ordered("Assisters")
CASES = Group.create_ordered("Cases")
FEDERAL = Group.create_ordered("The federal marketplace")
PROCESSES = Group.create_ordered("Processes, one each, for a distributed set-up")

Program = Literal["bewellnm", "ffm"]
Kind = Literal["agent", "broker", "enrollment_counselor", "marketplace_agent_broker", "not_an_agent_broker"]


# the stack


@app.command(group=STACK)
async def up(
    *,
    port: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=0, lte=65535),
            help="Port of the web; 0 for a free one. Without it the folder's last one, at first 8000.",
        ),
    ] = None,
    no_sandbox: Annotated[bool, FLAG, Parameter(help="Leave the stand-in third parties out.")] = False,
    data: Annotated[Path | None, Parameter(help="Folder of the stack; without it CERTIFY_DATA or ./data.")] = None,
    as_json: Json = False,
) -> int:
    """Run the whole stack on this machine until Ctrl-C; on the same folder it carries on."""
    from starter.stack.embedded import serve_stack

    def ready(document: dict[str, Any]) -> None:
        if as_json:
            show.as_json({name: value for name, value in document.items() if name not in ("secrets", "settings")})
        else:
            show.addresses(show.console(), document)

    folder = data or Path(os.environ.get("CERTIFY_DATA") or "data")
    return await serve_stack(folder, port, not no_sandbox, ready)


@app.command(group=STACK)
async def demo(
    *,
    keep: Annotated[bool, FLAG, Parameter(help="Leave the stack running at the end, until Ctrl-C.")] = False,
    data: Annotated[Path | None, Parameter(help="Folder of the stack; a fresh one without it.")] = None,
    as_json: Json = False,
) -> int:
    """Start the stack and certify several assisters over the real interfaces."""
    from starter.demo.demonstration import demonstrate

    return await demonstrate(data, keep, as_json)


# requests


@app.command(group=ASSISTERS)
async def request(file: File, /, *, way: Way = USUAL) -> None:
    """Submit a certification request of either program."""
    body = read(file, FORM_BYTES)
    from domain.federal.profile import RegistrationRequest, parse_registration
    from domain.shared.parsing import read_json
    from domain.shared.programs import FEDERAL_PROGRAM
    from domain.state.request import parse_request

    document = read_json(body)
    of_ffm = isinstance(document, dict) and document.get("program") == FEDERAL_PROGRAM
    wanted = parse_registration(document) if of_ffm else parse_request(document)
    async with acting(way.data) as doors:
        if isinstance(wanted, RegistrationRequest):
            opened = await doors.marketplace.submit(wanted)
        else:
            opened = await doors.cases.submit(wanted)
    _answer_opened(way, opened.document())


@app.command(group=ASSISTERS)
async def begin(
    assister: Annotated[str, Parameter(help="Id of the assister, ast_….")],
    /,
    *,
    plan_year: Annotated[int, Parameter(help="Plan year to certify for.")],
    actor: Actor,
    program: Annotated[Program, Parameter(help="Program to certify for.")] = "bewellnm",
    way: Way = USUAL,
) -> None:
    """Open a returning assister's case, without a form."""
    demand(actor=actor)
    async with acting(way.data) as doors:
        if program == "ffm":
            opened = await doors.marketplace.begin(assister, plan_year, actor)
        else:
            opened = await doors.cases.begin(assister, program, plan_year, actor)
    _answer_opened(way, opened.document())


@app.command(name="import", group=ASSISTERS)
async def import_(
    file: File,
    /,
    *,
    actor: Annotated[str, Parameter(name="--as", help="Who imports; it is audited.")] = "import",
    way: Way = USUAL,
) -> None:
    """Load earlier years of assisters; nothing is stored if any of it is at fault."""
    body = read(file, IMPORT_BYTES)
    from domain.programs.imports import parse_import
    from domain.shared.parsing import read_json

    demand(actor=actor)
    people = parse_import(read_json(body))
    async with acting(way.data) as doors:
        imported = await doors.cases.import_people(people, actor)
    if way.json:
        show.as_json({"imported": len(imported), "assisters": imported})
    else:
        new = sum(one["created"] for one in imported)
        show.console().print(f"Imported {len(imported)}: {new} new, {len(imported) - new} known before.")


# reading


@app.command(group=CASES)
async def status(
    case: CaseId,
    /,
    *,
    history: Annotated[bool, FLAG, Parameter(help="With everything that happened, in order.")] = False,
    way: Way = USUAL,
) -> None:
    """Show where a case is and what it waits for."""
    async with reading(way.data) as views:
        document = await views.status(case, _now(), history)
    if way.json:
        show.as_json(document)
    else:
        show.status(show.console(), document)


@app.command(name="list", group=CASES)
async def list_(
    *,
    program: Annotated[Program | None, Parameter(help="Only of this program.")] = None,
    plan_year: Annotated[int | None, Parameter(help="Only of this plan year.")] = None,
    stage: Annotated[str | None, Parameter(help="Only in this stage, such as awaiting_decision.")] = None,
    kind: Annotated[Kind | None, Parameter(help="Only of this kind; of program ffm, of this role.")] = None,
    way: Way = USUAL,
) -> None:
    """List cases, newest first."""
    from domain.shared.stages import Stage

    demand_one_of("stage", stage, [one.value for one in Stage])
    found: list[dict[str, Any]] = []
    async with reading(way.data) as views:
        page = partial(views.cases, program=program, plan_year=plan_year, stage=stage, kind=kind)
        while more := await page(after=found[-1]["case_id"] if found else None):
            found += more
    if way.json:
        show.as_json(found)
    else:
        show.cases(show.console(), found)


@app.command(group=CASES)
async def audit(case: CaseId, /, *, way: Way = USUAL) -> None:
    """Show every write about a case: who, when, what, why."""
    async with reading(way.data) as views:
        entries = await views.audit(case)
    if way.json:
        show.as_json(entries)
    else:
        show.audit(show.console(), entries)


# commands for a case


@app.command(group=CASES)
async def decide(
    case: CaseId,
    decision: Annotated[Literal["approve", "deny", "ask"], Parameter(help="The decision; ask is for information.")],
    /,
    *,
    reason: Reason,
    actor: Actor,
    override: Annotated[str | None, Parameter(help="Why to approve over checks that did not pass.")] = None,
    command_id: CommandId = None,
    way: Way = USUAL,
) -> None:
    """Decide on a request, as staff; answered at once."""
    from domain.state.eligibility import Verdict

    demand(reason=reason, actor=actor)
    async with acting(way.data) as doors:
        answer = await doors.cases.decide(case, Verdict(decision), reason, actor, override, command_id)
        await _answer_command(way, doors, case, answer)


@app.command(group=CASES)
async def answer(case: CaseId, file: File, /, *, way: Way = USUAL) -> None:
    """Answer what staff asked, as the assister: changed request fields and a message, in JSON."""
    body = read(file, FORM_BYTES)
    changes, message = _parse_answer(body)
    async with acting(way.data) as doors:
        told = await doors.cases.answer(case, changes, message)
        await _answer_command(way, doors, case, told)


@app.command(group=CASES)
async def withdraw(
    case: CaseId, /, *, reason: Reason, actor: Actor, command_id: CommandId = None, way: Way = USUAL
) -> None:
    """Withdraw a request, in the assister's name."""
    demand(reason=reason, actor=actor)
    async with acting(way.data) as doors:
        told = await doors.cases.withdraw(case, reason, actor, command_id)
        await _answer_command(way, doors, case, told)


@app.command(group=CASES)
async def revoke(
    case: CaseId, /, *, reason: Reason, actor: Actor, command_id: CommandId = None, way: Way = USUAL
) -> None:
    """Revoke a certification, as staff."""
    demand(reason=reason, actor=actor)
    async with acting(way.data) as doors:
        told = await doors.cases.revoke(case, reason, actor, command_id)
        await _answer_command(way, doors, case, told)


@app.command(group=CASES)
async def resend(
    case: CaseId,
    notice: Annotated[str, Parameter(help="Name of the e-mail, such as lms_invitation or portal_activation.")],
    /,
    *,
    reason: Reason,
    actor: Actor,
    command_id: CommandId = None,
    way: Way = USUAL,
) -> None:
    """Send an e-mail again; a new activation link voids the one before."""
    from domain.shared.notices import Notice

    demand_one_of("NOTICE", notice, [one.value for one in Notice])
    demand(reason=reason, actor=actor)
    async with acting(way.data) as doors:
        told = await doors.cases.resend(case, Notice(notice), reason, actor, command_id)
        await _answer_command(way, doors, case, told)


federal.app.group = FEDERAL
app.command(federal.app)


# one process each


@app.command(group=PROCESSES)
def worker(*, way: Way = USUAL) -> None:
    """Run the Temporal worker."""
    settings_of(way.data)
    _become(way, "worker", str(ROOT / "worker.py"))


@app.command(group=PROCESSES)
def web(*, way: Way = USUAL) -> None:
    """Run the web: API, pages, webhooks."""
    settings_of(way.data)
    _become(way, "web", "-P", "-m", "web")


@app.command(group=PROCESSES)
def sandbox(*, way: Way = USUAL) -> None:
    """Run the stand-in third parties, with their SANDBOX_… settings."""
    if way.data is not None or names_a_database():
        settings_of(way.data)
    _become(way, "sandbox", "-P", "-m", "sandbox")


def _become(way: Way, name: str, *arguments: str) -> NoReturn:
    """Turns this process into another; with --json its own output goes to standard error."""
    if way.json:
        show.as_json({"process": name, "pid": os.getpid()})
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout.flush()
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    os.execv(sys.executable, [sys.executable, *arguments])


# answers


def _answer_opened(way: Way, document: dict[str, Any]) -> None:
    if way.json:
        show.as_json(document)
    else:
        show.opened(show.console(), document)


async def _answer_command(way: Way, doors: Doors, case: str, told: "Answer") -> None:
    if way.json:
        show.as_json({"command_id": told.command_id, "state": told.state})
        return
    out = show.console()
    if told.state == "pending":
        out.print(f"Kept as {told.command_id}: no worker answered yet; it is carried out when one does.")
    else:
        out.print(f"Done, as {told.command_id}.")
    show.essentials(out, await doors.views.status(case, _now()))


def _now() -> Any:
    from starter.cases import now

    return now()


# what is given


def _parse_answer(body: bytes) -> tuple[dict[str, Any], str]:
    """The changed fields, flat or inside ``changes``, and the message. Raises `Invalid` naming every field at fault."""
    from domain.shared.faults import Fault, Invalid
    from domain.shared.parsing import read_json

    document = read_json(body)
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "object")])
    message = document.pop("message", None)
    changes = document.pop("changes", None)
    faults = [Fault(name, "unknown_field") for name in document] if changes is not None else []
    if not isinstance(message, str) or not message.strip():
        faults.append(Fault("message", "required" if message in (None, "") else "text"))
    if not isinstance(changes, dict | None):
        faults.append(Fault("changes", "object"))
    if faults:
        raise Invalid(faults)
    return (document if changes is None else changes), str(message)


# the program


def main() -> NoReturn:
    """Runs the command and leaves at once: Temporal's client may crash an interpreter that winds down."""
    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def run(arguments: list[str]) -> int:
    """Carries the command out; every refusal is one sentence on standard error. Returns the status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
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
        sentence, status = explained(error)
        print(sentence, file=sys.stderr)
        return status


if __name__ == "__main__":
    main()
