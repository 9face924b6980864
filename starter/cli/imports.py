"""The verb of `certify` that loads earlier years, from JSON or a CSV, and takes an import back."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from domain.shared.ids import name_staff_actor
from domain.shared.programs import STATE_PROGRAM, ProgramName
from starter.cli.arguments import (
    DEFAULTS,
    IMPORT_BYTES,
    CommonOptions,
    read_file,
    refuse_option,
    require_text,
)
from starter.cli.context import CommandServices, NotDone, UsageError, open_services
from starter.cli.output import open_console, print_json

if TYPE_CHECKING:
    from db.reads.seasons.imports import ImportSummary

BY_ITSELF = "import"
JSON_BEGINS = (b"[", b"{")


async def import_people(
    file: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, validator=refuse_option, help="JSON or CSV; - for standard input."),
    ] = None,
    /,
    *,
    program: Annotated[ProgramName, Parameter(help="Program of the rows of a CSV that name none.")] = STATE_PROGRAM,
    errors: Annotated[
        Path | None,
        Parameter(help="Where the refused rows of a CSV go, to be mended; by default beside it, as NAME.errors.csv."),
    ] = None,
    undo: Annotated[str | None, Parameter(help="Id of the import to take back as a whole, imp_….")] = None,
    actor: Annotated[str, Parameter(name="--as", help="Who imports; it is audited.")] = BY_ITSELF,
    reason: Annotated[str, Parameter(help="Why it is taken back; it is audited.", show_default=False)] = "",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Load earlier years of assisters, or take an import back while nothing was built on it.

    Of a JSON file nothing is stored if any of it is at fault.

    Of a CSV the rows at fault are refused, and written to a file to be mended and sent again.

    A row that gives a known person another name or e-mail address is kept for staff, and nothing of it is taken.
    """
    require_text(actor=actor)
    actor = actor if actor == BY_ITSELF else name_staff_actor(actor)
    if (file is None) == (undo is None):
        raise UsageError("Name a file to import, or an import to undo with --undo, and not both.")
    if file is None:
        await _undo_import(undo or "", reason, actor, options)
        return
    with _open_file(file) as (path, is_json):
        async with open_services(options.data) as services:
            if is_json:
                await _import_json(services, path, actor, options)
            else:
                await _import_csv(services, path, program, actor, errors or _name_errors(file), options)


@contextmanager
def _open_file(file: str) -> Iterator[tuple[Path, bool]]:
    """The file's path, and whether it is JSON; what comes by standard input is kept for as long."""
    with tempfile.TemporaryDirectory(prefix="certify-") as folder:
        path = Path(file)
        if file == "-":
            path = Path(folder) / "import"
            with path.open("wb") as kept:
                shutil.copyfileobj(sys.stdin.buffer, kept)
        try:
            with path.open("rb") as opened:
                begins = opened.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
        except OSError as error:
            raise UsageError(f"{file} can't be read: {error.strerror}.") from None
        yield path, begins.startswith(JSON_BEGINS)


async def _undo_import(import_id: str, reason: str, actor: str, options: CommonOptions) -> None:
    require_text(reason=reason)
    async with open_services(options.data) as services:
        summary = await services.imports.undo_import(import_id, reason.strip(), actor)
    _print_summary(options, summary, "Undone")


def _name_errors(file: str) -> Path:
    return Path("import.errors.csv") if file == "-" else Path(file).with_suffix(".errors.csv")


async def _import_json(services: CommandServices, path: Path, actor: str, options: CommonOptions) -> None:
    body = read_file(str(path), IMPORT_BYTES)
    from domain.programs.imports import parse_import
    from domain.shared.documents.parsing import read_json

    import_id, done = await services.imports.import_people(parse_import(read_json(body)), actor)
    imported = [one for one in done if "conflict" not in one]
    conflicts = [one["conflict"] | {"assister_id": one["assister_id"]} for one in done if "conflict" in one]
    if options.json:
        told = {"import": import_id, "imported": len(imported), "assisters": imported}
        print_json(told | {"conflicts": conflicts} if conflicts else told)
    else:
        new = sum(one["created"] for one in imported)
        open_console().print(f"Imported {len(imported)}: {new} new, {len(imported) - new} known before. {import_id}")
    if conflicts:
        raise NotDone("; ".join(f"{one['field']}: {one['detail']}" for one in conflicts))


async def _import_csv(
    services: CommandServices, path: Path, program: str, actor: str, errors: Path, options: CommonOptions
) -> None:
    from domain.programs.import_files import RowOutcome

    summary = await services.imports.import_file(path, program, actor)
    refused, conflicts = (summary.counts.get(one, 0) for one in (RowOutcome.REFUSED, RowOutcome.CONFLICT))
    if refused:
        await _write_refused(services, summary.batch.id, errors)
    _print_summary(options, summary, "Imported")
    said = []
    if refused:
        said.append(f"{refused} rows were refused; mend them in {errors} and import that file.")
    if conflicts:
        said.append(f"{conflicts} rows tell known people otherwise; they are kept for staff, under Webhooks.")
    if said:
        raise NotDone(" ".join(said))


async def _write_refused(services: CommandServices, import_id: str, errors: Path) -> None:
    from db.reads.seasons.imports import stream_refused
    from domain.shared.documents.spreadsheets import MARK, write_lines

    try:
        with errors.open("wb") as opened:
            opened.write(MARK.encode())
            async for rows in stream_refused(services.database, import_id):
                opened.write(write_lines(rows))
    except OSError as error:
        raise UsageError(f"{errors} can't be written: {error.strerror}.") from None


def _print_summary(options: CommonOptions, summary: "ImportSummary", done: str) -> None:
    document = summary.document()
    if options.json:
        print_json(document)
        return
    counts = ", ".join(f"{document[name]} {name}" for name in ("new", "known", "conflict", "refused"))
    open_console().print(f"{done} {document['import']}: {counts}.")
