"""The verbs of `certify audit`: every write about a case, and whether the audit is as it was written."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from starter.cli.arguments import DEFAULTS, CaseId, CommonOptions
from starter.cli.context import NotDone, UsageError, open_database
from starter.cli.output import format_value, open_console, print_audit, print_json, print_pairs, spell_code

if TYPE_CHECKING:
    from db.engine import Database
    from domain.shared.documents.audit_chain import ChainCheck

app = App(
    name="audit",
    help="Show every write about a case; check or export the whole audit.",
    help_format="plaintext",
    version_flags=[],
)
Digest = Annotated[
    str | None, Parameter(help="A digest noted earlier, such as from the log: it has to be in the chain.")
]


@app.default
async def show_audit(case: CaseId, /, *, options: CommonOptions = DEFAULTS) -> None:
    """Show every write about a case: who, when, what, why."""
    from db.reads.cases import read_audit

    async with open_database(options.data) as database:
        entries = await database.read(read_audit, case)
    if options.json:
        print_json(entries)
    else:
        print_audit(open_console(), entries)


@app.command(name="verify")
async def verify_audit(
    file: Annotated[Path | None, Parameter(help="An export, which is checked by itself.")] = None,
    /,
    *,
    digest: Digest = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Check that no row of the audit was altered, removed or added since its day was digested."""
    if file is not None:
        check, pending = _check_file(file, digest), None
    else:
        async with open_database(options.data) as database:
            check, pending = await _check_database(database, digest)
    if check.fault:
        raise NotDone(check.fault)
    found: dict[str, int | str | None] = {"days": check.days, "rows": check.rows, "digest": check.digest}
    if pending is not None:
        found["not_digested_yet"] = pending
    if options.json:
        print_json(found)
    else:
        print_pairs(open_console(), [(spell_code(name), format_value(value)) for name, value in found.items()])


@app.command(name="export")
async def export_audit(*, options: CommonOptions = DEFAULTS) -> None:
    """Print the digested days with their rows, a JSON document a line; `certify audit verify FILE` checks them."""
    from db.reads.house.audit_chain import read_day
    from domain.shared.documents.audit_chain import write_line

    number = 1
    async with open_database(options.data) as database:
        while found := await database.read(read_day, number):
            kept, rows = found
            for document in (kept.to_json(), *rows):
                sys.stdout.write(f"{write_line(document)}\n")
            number += 1


async def _check_database(database: "Database", digest: str | None) -> "tuple[ChainCheck, int]":
    """What looking at the whole chain comes to, and how many rows no digest covers yet."""
    from db.reads.house.audit_chain import check_day, count_rows_after, find_last_day
    from domain.shared.documents.audit_chain import ChainCheck

    check, newest = ChainCheck(digest), await database.read(find_last_day)
    while found := await database.read(check_day, check.days + 1, check.last):
        if not check.add_day(*found):
            break
    pending = await database.read(count_rows_after, newest.last_id if newest else -1)
    return check.end(newest.number if newest else 0), pending


def _check_file(file: Path, digest: str | None) -> "ChainCheck":
    from domain.shared.documents.audit_chain import check_export

    try:
        with file.open(encoding="utf-8") as lines:
            return check_export(lines, digest)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}.") from None
    except ValueError:
        raise NotDone(f"{file} is no export of the audit.") from None
