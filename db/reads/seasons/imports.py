"""Imports as wholes: what each came to, and the rows that it refused, to be mended and sent again (E10)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.engine import Database
from db.import_tables import ImportBatch, ImportRow, ReceivedFile
from domain.programs.import_files import ERROR_COLUMNS, RowOutcome
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import load_faults
from domain.shared.documents.instants import format_instant

READ_AT_ONCE = 500


@dataclass(frozen=True)
class ImportSummary:
    """An import, and how many rows came out how; ``rows`` is how many its file has while the worker takes it."""

    batch: ImportBatch
    counts: dict[str, int]
    rows: int | None = None

    @property
    def taken(self) -> int:
        """Of how many rows it is known what became of them."""
        return sum(self.counts.values())

    def document(self) -> dict[str, Any]:
        """As JSON: {import, state, actor, started_at, ended_at, rows, new, known, conflict, refused}.

        ``rows`` is null unless a file that was sent is being taken.
        """
        batch, ended = self.batch, self.batch.ended_at
        return {
            "import": batch.id,
            "state": batch.state,
            "actor": batch.actor,
            "started_at": format_instant(batch.started_at),
            "ended_at": format_instant(ended) if ended else None,
            "rows": self.rows,
            **{outcome.value: self.counts.get(outcome, 0) for outcome in RowOutcome},
        }


def read_import(session: Session, import_id: str) -> ImportSummary:
    """What an import came to. Raises `Refusal` where there is none."""
    batch = session.get(ImportBatch, import_id)
    if batch is None:
        raise Refusal(Reason("import_unknown"))
    counts, files = _count_rows(session, [import_id]), _list_file_lengths(session, [import_id])
    return ImportSummary(batch, counts.get(import_id, {}), files.get(import_id))


def list_imports(session: Session, limit: int) -> list[ImportSummary]:
    """The last imports, the newest first."""
    batches: list[ImportBatch] = list_rows(
        session, select(ImportBatch).order_by(col(ImportBatch.started_at).desc()).limit(limit)
    )
    ids = [batch.id for batch in batches]
    counts, files = _count_rows(session, ids), _list_file_lengths(session, ids)
    return [ImportSummary(batch, counts.get(batch.id, {}), files.get(batch.id)) for batch in batches]


def _count_rows(session: Session, import_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    query = select(col(ImportRow.import_id), col(ImportRow.outcome), func.count()).where(
        col(ImportRow.import_id).in_(import_ids)
    )
    found: dict[str, dict[str, int]] = {}
    for import_id, outcome, number in session.execute(query.group_by(col(ImportRow.import_id), col(ImportRow.outcome))):
        found.setdefault(import_id, {})[outcome] = number
    return found


def _list_file_lengths(session: Session, import_ids: Sequence[str]) -> dict[str, int]:
    """How many rows the files have that are still being taken."""
    query = select(col(ReceivedFile.import_id), col(ReceivedFile.rows))
    found = session.execute(query.where(col(ReceivedFile.import_id).in_(import_ids)))
    return {row.import_id: row.rows for row in found}


def list_received(session: Session) -> list[str]:
    """The imports whose files are still to be taken, the oldest first."""
    query = select(col(ReceivedFile.import_id)).join(ImportBatch, col(ImportBatch.id) == col(ReceivedFile.import_id))
    return list_rows(session, query.order_by(col(ImportBatch.started_at), col(ImportBatch.id)))


def load_received(session: Session, import_id: str) -> tuple[ReceivedFile, str, int] | None:
    """A file that is to be taken, who sent it, and the number of the last row that was taken; None once it is over."""
    file = session.get(ReceivedFile, import_id)
    if file is None:
        return None
    return file, session.get_one(ImportBatch, import_id).actor, find_last_row(session, import_id)


def find_last_row(session: Session, import_id: str) -> int:
    """The number of the last row of an import that was taken; -1 before the first."""
    query = select(func.max(col(ImportRow.number))).where(col(ImportRow.import_id) == import_id)
    last: int | None = session.execute(query).scalar_one()
    return -1 if last is None else last


def list_rows_of(
    session: Session, import_id: str, outcome: RowOutcome, after: int, limit: int = READ_AT_ONCE
) -> list[ImportRow]:
    """The next rows of an import that came out so, after this number."""
    query = select(ImportRow).where(
        col(ImportRow.import_id) == import_id, col(ImportRow.outcome) == outcome, col(ImportRow.number) > after
    )
    return list_rows(session, query.order_by(col(ImportRow.number)).limit(limit))


def describe_refused(row: ImportRow, columns: Sequence[str]) -> list[Any]:
    """A refused row as it was sent, and why: its number, the columns at fault, and a sentence for each."""
    faults = load_faults(row.faults or ())
    cells = [*(row.cells or ()), *[""] * len(columns)][: len(columns)]
    names = "; ".join(fault.field for fault in faults)
    return [*cells, row.number, names, " ".join(f"{fault.field}: {fault.sentence()}" for fault in faults)]


async def stream_refused(database: Database, import_id: str) -> AsyncIterator[list[list[Any]]]:
    """The file of the refused rows, page by page, its header first: sent again, its last columns are passed over.

    Raises `Refusal` where there is no such import.
    """
    batch = (await database.read(read_import, import_id)).batch
    sent = batch.columns or []
    kept = [name not in ERROR_COLUMNS for name in sent]
    columns = [name for name, keep in zip(sent, kept, strict=True) if keep]
    yield [[*columns, *ERROR_COLUMNS]]
    after = -1
    while page := await database.read(list_rows_of, import_id, RowOutcome.REFUSED, after):
        yield [_leave_out_errors(row, kept, columns) for row in page]
        after = page[-1].number


def _leave_out_errors(row: ImportRow, kept: Sequence[bool], columns: Sequence[str]) -> list[Any]:
    """A row that was in such a file before loses what that said of it."""
    if row.cells is not None and len(row.cells) == len(kept):
        row.cells = [cell for cell, keep in zip(row.cells, kept, strict=True) if keep]
    return describe_refused(row, columns)
