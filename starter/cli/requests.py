"""The verbs of `certify` that open cases and load earlier years."""

from typing import Annotated, Any

from cyclopts import Parameter

from domain.shared.ids import name_staff_actor
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
from starter.cli.context import open_services
from starter.cli.output import open_console, print_json, print_opened_case


async def submit_request(file: File, /, *, quiet: Quiet = False, options: CommonOptions = DEFAULTS) -> None:
    """Submit a certification request of either program."""
    body = read_file(file, REQUEST_BYTES)
    from domain.programs.opening import parse_any_request
    from domain.shared.documents.parsing import read_json

    wanted = parse_any_request(read_json(body))
    async with open_services(options.data) as services:
        opened = await services.cases.submit_request(wanted)
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
    """Load earlier years of assisters; nothing is stored if any of it is at fault."""
    body = read_file(file, IMPORT_BYTES)
    from domain.programs.imports import parse_import
    from domain.shared.documents.parsing import read_json

    require_text(actor=actor)
    actor = actor if actor == "import" else name_staff_actor(actor)
    people = parse_import(read_json(body))
    async with open_services(options.data) as services:
        imported = await services.cases.import_people(people, actor)
    if options.json:
        print_json({"imported": len(imported), "assisters": imported})
    else:
        new = sum(one["created"] for one in imported)
        open_console().print(f"Imported {len(imported)}: {new} new, {len(imported) - new} known before.")
