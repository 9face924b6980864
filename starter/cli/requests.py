"""The verbs of `certify` that open cases and load earlier years."""

from typing import Annotated, Any

from cyclopts import Parameter

from domain.shared.ids import COMMAND_LINE, name_staff_actor
from domain.shared.programs import STATE_PROGRAM, ProgramName
from starter.cli.arguments import (
    DEFAULTS,
    IMPORT_BYTES,
    REQUEST_BYTES,
    Actor,
    CommonOptions,
    File,
    Quiet,
    read_file,
    require_text,
)
from starter.cli.context import CommandServices, NotDone, UsageError, open_services
from starter.cli.errors import explain_error
from starter.cli.output import open_console, print_json, print_opened_case

# Of those who could not be begun so many are named for people; all of them in JSON.
MOST_NAMED = 20


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
    assister: Annotated[str | None, Parameter(help="Id of the assister, ast_….")] = None,
    /,
    *,
    plan_year: Annotated[int, Parameter(help="Plan year to certify for.")],
    actor: Actor,
    file: Annotated[
        str | None, Parameter(help="Instead of one, a file of ids, one a line or first of each; - for standard input.")
    ] = None,
    program: Annotated[ProgramName, Parameter(help="Program to certify for.")] = STATE_PROGRAM,
    quiet: Quiet = False,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Open a returning assister's case, without a form; or those of many, by a file."""
    require_text(actor=actor)
    actor = name_staff_actor(actor)
    if (assister is None) == (file is None):
        raise UsageError("Name an assister, or a file of them with --file, and not both.")
    if assister is None:
        ids = _read_ids(read_file(file or "-", IMPORT_BYTES))
        async with open_services(options.data) as services:
            await _begin_cases(services, ids, program, plan_year, actor, options)
        return
    async with open_services(options.data) as services:
        opened = await services.cases.begin_case(assister, program, plan_year, actor)
    _print_opened(options, quiet, opened.document())


def _read_ids(body: bytes) -> list[str]:
    """The ids in a file, such as a list of who was left out of a season: what each line begins with, each id once."""
    lines = body.decode("utf-8-sig", "replace").replace(";", ",").splitlines()
    ids = (line.partition(",")[0].strip().strip('"') for line in lines)
    return [one for one in dict.fromkeys(ids) if one and one != "assister_id"]


async def _begin_cases(
    services: CommandServices, ids: list[str], program: str, plan_year: int, actor: str, options: CommonOptions
) -> None:
    """One after the other; who can't be begun keeps nobody else from it, and is named with the reason."""
    from db.writes.opening import UnknownAssister
    from domain.shared.cases.reasons import Refusal
    from domain.shared.documents.faults import Invalid

    begun: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for assister_id in ids:
        try:
            opened = await services.cases.begin_case(assister_id, program, plan_year, actor)
            begun.append(opened.document())
        except (Refusal, Invalid, UnknownAssister) as error:
            refused.append({"assister_id": assister_id, "detail": explain_error(error)[0]})
    new = sum(one["created"] for one in begun)
    if options.json:
        print_json({"opened": new, "already_open": len(begun) - new, "cases": begun, "refused": refused})
    else:
        open_console().print(f"{new} cases opened, {len(begun) - new} open before, {len(refused)} not opened.")
    if refused:
        raise NotDone(" ".join(f"{one['assister_id']}: {one['detail']}" for one in refused[:MOST_NAMED]))


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
