"""The verbs of `certify` that open cases and load earlier years."""

from typing import Annotated, Any

from cyclopts import Parameter

from domain.shared.ids import COMMAND_LINE, name_staff_actor
from starter.cli.arguments import (
    DEFAULTS,
    IMPORT_BYTES,
    REQUEST_BYTES,
    Actor,
    CommonOptions,
    File,
    ProgramName,
    Quiet,
    read_file,
    require_text,
)
from starter.cli.context import NotDone, UsageError, open_services
from starter.cli.output import open_console, print_json, print_opened_case


async def submit_request(
    file: File,
    /,
    *,
    proof: Annotated[
        str | None,
        Parameter(help="As staff, what you have seen that proves whose the NPN is: paper:…, in_person:… or other:…."),
    ] = None,
    actor: Annotated[str | None, Parameter(name="--as", help="Who of staff has seen it; it is audited.")] = None,
    quiet: Quiet = False,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Submit a certification request of either program.

    As an intake partner, who vouches for the e-mail address; as staff, who vouch for the NPN too, with --proof and
    --as.
    """
    body = read_file(file, REQUEST_BYTES)
    from domain.programs.opening import parse_vouched_request
    from domain.shared.documents.parsing import read_json
    from domain.shared.vouching import Voucher

    document = read_json(body)
    if proof is not None:
        document = _add_proof(document, proof)
    # A request is judged by policies, which are in force once the settings are read.
    async with open_services(options.data) as services:
        wanted, shown = parse_vouched_request(document)
        if shown is None and actor is not None:
            raise UsageError("--as needs --proof: without one a request is sent as an intake partner sends it.")
        if shown is not None and actor is None:
            raise UsageError("A proof needs --as: who of staff has seen it.")
        opened = await services.cases.submit_request(wanted, Voucher(_name_voucher(actor), shown))
    _print_opened(options, quiet, opened.document())


async def begin_case(
    assister: Annotated[str, Parameter(help="Id of the assister, ast_….")],
    /,
    *,
    plan_year: Annotated[int, Parameter(help="Plan year to certify for.")],
    actor: Actor,
    program: Annotated[ProgramName, Parameter(help="Program to certify for.")] = "bewellnm",
    quiet: Quiet = False,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Open a returning assister's case, without a form."""
    require_text(actor=actor)
    actor = name_staff_actor(actor)
    async with open_services(options.data) as services:
        opened = await services.cases.begin_case(assister, program, plan_year, actor)
    _print_opened(options, quiet, opened.document())


def _name_voucher(actor: str | None) -> str:
    """Who sends a request from here: somebody of staff, or nobody by name, as an intake partner does (D2)."""
    if actor is None:
        return COMMAND_LINE
    require_text(actor=actor)
    return name_staff_actor(actor)


def _add_proof(document: Any, given: str) -> Any:
    """The request with the proof of `--proof METHOD:DOCUMENT` in it, which takes the place of the file's own."""
    method, _, shown = given.partition(":")
    return (
        {**document, "proof": {"method": method.strip(), "document": shown}} if isinstance(document, dict) else document
    )


def _print_opened(options: CommonOptions, quiet: bool, document: dict[str, Any]) -> None:
    if options.json:
        print_json(document)
    elif quiet:
        print(document["case_id"])
    else:
        print_opened_case(open_console(), document)


async def import_people(
    file: File,
    /,
    *,
    actor: Annotated[str, Parameter(name="--as", help="Who imports; it is audited.")] = "import",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Load earlier years of assisters; nothing is stored if any of it is at fault.

    A row that gives a known person another name or e-mail address is kept for staff, and nothing of it is taken.
    """
    body = read_file(file, IMPORT_BYTES)
    from domain.programs.imports import parse_import
    from domain.shared.documents.parsing import read_json

    require_text(actor=actor)
    actor = actor if actor == "import" else name_staff_actor(actor)
    document = read_json(body)
    async with open_services(options.data) as services:
        people = parse_import(document)
        done = await services.cases.import_people(people, actor)
    imported = [one for one in done if "conflict" not in one]
    conflicts = [one["conflict"] | {"assister_id": one["assister_id"]} for one in done if "conflict" in one]
    if options.json:
        told = {"imported": len(imported), "assisters": imported}
        print_json(told | {"conflicts": conflicts} if conflicts else told)
    else:
        new = sum(one["created"] for one in imported)
        open_console().print(f"Imported {len(imported)}: {new} new, {len(imported) - new} known before.")
    if conflicts:
        raise NotDone("; ".join(f"{one['field']}: {one['detail']}" for one in conflicts))
