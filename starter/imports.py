"""Imports of earlier years: a file is read row by row, a few rows a transaction, and can be undone as a whole (E10)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from db.engine import Database
from db.import_tables import ImportRow
from db.reads.seasons.imports import ImportSummary, read_import
from db.writes.seasons.imports import begin_import, end_import, import_rows, undo_import
from domain.programs.import_files import ReadRow, RowOutcome, check_lines, read_header
from domain.programs.imports import ImportedPerson
from domain.shared.documents.faults import load_faults
from starter.cases import now

# More in one transaction would keep others from writing for long.
ROWS_AT_ONCE = 25


class Imports:
    """What staff bring in of earlier years."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._identity_key = identity_key

    async def import_file(self, file: Path, program: str, actor: str) -> ImportSummary:
        """Takes a CSV: rows at fault are refused and kept to be mended, the others are taken.

        It is never in memory as a whole. Raises `Invalid` for a file that can't be read, nothing of which is taken.
        """
        with _open_text(file) as lines:
            header = read_header(lines, program)
        with _open_text(file) as lines:
            check_lines(lines, header.delimiter)
        import_id = _make_import_id()
        await self._database.write(begin_import, import_id, actor, header.columns, now())
        with _open_text(file) as lines:
            for rows in _split(header.read_rows(lines)):
                await self._take(import_id, rows, actor)
        await self._database.write(end_import, import_id, now())
        return await self._database.read(read_import, import_id)

    async def import_people(self, people: Sequence[ImportedPerson], actor: str) -> tuple[str, list[dict[str, Any]]]:
        """Takes records that were read as a whole; the import's id, and what became of each, in their order.

        {assister_id, created, program}; and {row, field, detail} as its ``conflict`` where nothing of it was taken,
        since it gives a known person another name or address: staff look at it (D8). The first row is 0.
        """
        import_id = _make_import_id()
        await self._database.write(begin_import, import_id, actor, None, now())
        done: list[dict[str, Any]] = []
        for rows in _split(ReadRow(number, [], one) for number, one in enumerate(people)):
            kept = await self._take(import_id, rows, actor)
            done += [_describe_row(row, people[row.number].program) for row in kept]
        await self._database.write(end_import, import_id, now())
        return import_id, done

    async def undo_import(self, import_id: str, reason: str | None, actor: str) -> ImportSummary:
        """Takes all of an import back. Raises `Refusal` naming what was built on it, with nothing undone."""
        await self._database.write(undo_import, import_id, reason, actor, now())
        return await self._database.read(read_import, import_id)

    async def _take(self, import_id: str, rows: Sequence[ReadRow], actor: str) -> list[ImportRow]:
        return await self._database.write(import_rows, self._identity_key, import_id, actor, rows, now())


def _describe_row(row: ImportRow, program: str) -> dict[str, Any]:
    found: dict[str, Any] = {"assister_id": row.assister_id, "created": row.outcome == RowOutcome.NEW}
    found["program"] = program
    if row.faults:
        fault = load_faults(row.faults)[0]
        found["conflict"] = {"row": row.number, "field": f"{row.number}.{fault.field}", "detail": fault.sentence()}
    return found


@contextmanager
def _open_text(file: Path) -> Iterator[TextIO]:
    # As spreadsheets save it: with a byte order mark or without, and lines ended as they like.
    with file.open(encoding="utf-8-sig", newline="") as opened:
        yield opened


def _split(rows: Iterable[ReadRow]) -> Iterator[list[ReadRow]]:
    """So many at a time, none read before its turn."""
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield some


def _make_import_id() -> str:
    return f"imp_{uuid4().hex}"
