"""Imports of earlier years: a file is read row by row, a few rows a transaction, and can be undone as a whole (E10).

What is sent to the web is kept, and taken by the worker: a request that took it would be over with its process.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import structlog

from db.engine import Database
from db.import_tables import ImportRow
from db.reads.seasons.imports import ImportSummary, list_received, load_received, read_import
from db.writes.seasons.imports import begin_import, end_import, import_rows, receive_file, undo_import
from domain.programs.import_files import ImportFile, ReadRow, RowOutcome, check_lines, read_header
from domain.programs.imports import ImportedPerson
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid, load_faults
from domain.shared.traces import locate_error
from starter.cases import now

# More in one transaction would keep others from writing for long.
ROWS_AT_ONCE = 25
# What is sent to the web is checked while its sender waits, and kept in the database meanwhile.
MOST_RECEIVED = 5_000
EVERY = 1.0

log = structlog.get_logger(__name__)


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

    async def receive_file(self, content: bytes, program: str, actor: str) -> ImportSummary:
        """Keeps a CSV that was sent, to be taken by the worker as `import_file` takes one; it is running until then.

        Raises `Invalid` for a file that can't be read, or has more than 5,000 rows: nothing of it is kept.
        """
        header, rows = await asyncio.to_thread(_check_content, content, program)
        import_id = _make_import_id()
        await self._database.write(receive_file, import_id, actor, header.columns, program, rows, content, now())
        return await self._database.read(read_import, import_id)

    async def keep_taking(self, every: float = EVERY) -> None:
        """Takes the files that were sent until cancelled; one that fails is logged, and gone on with in a while."""
        while True:
            try:
                await self.take_received()
            except Exception as error:  # the next round tries again
                log.warning("imports not taken", error=type(error).__name__, where=locate_error(error))
            await asyncio.sleep(every)

    async def take_received(self) -> None:
        """Takes every file that was sent, each from where it was cut off; one that fails holds up no other."""
        for import_id in await self._database.read(list_received):
            try:
                await self._take_file(import_id)
            except Refusal:
                log.info("import undone while it was taken", id=import_id)
            except Exception as error:
                log.warning("import not taken", id=import_id, error=type(error).__name__, where=locate_error(error))

    async def _take_file(self, import_id: str) -> None:
        received = await self._database.read(load_received, import_id)
        if received is None:
            return
        file, actor, last = received
        header = read_header(_read_text(file.content), file.program)
        left = (row for row in header.read_rows(_read_text(file.content)) if row.number > last)
        for rows in _split(left):
            await self._take(import_id, rows, actor)
        await self._database.write(end_import, import_id, now())

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


def _read_text(content: bytes) -> TextIO:
    return TextIOWrapper(BytesIO(content), encoding="utf-8-sig", newline="")


def _check_content(content: bytes, program: str) -> tuple[ImportFile, int]:
    """The header of a CSV, and how many rows it has beside it; raises as `Imports.receive_file` does."""
    too_many = Invalid([Fault("file", "too_many_rows", {"limit": str(MOST_RECEIVED)})])
    if max(content.count(end) for end in (b"\n", b"\r")) > MOST_RECEIVED + 1:  # the header's line ends, too
        raise too_many
    header = read_header(_read_text(content), program)
    check_lines(_read_text(content), header.delimiter)
    rows = sum(1 for _ in header.read_rows(_read_text(content)))
    if rows > MOST_RECEIVED:  # the last line needn't end
        raise too_many
    return header, rows


def _split(rows: Iterable[ReadRow]) -> Iterator[list[ReadRow]]:
    """So many at a time, none read before its turn."""
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield some


def _make_import_id() -> str:
    return f"imp_{uuid4().hex}"
