"""Imports as wholes: what each came to, and the rows that it refused, to be mended and sent again (E10)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.engine import Database
from db.import_tables import ImportBatch, ImportRow
from domain.programs.import_files import ERROR_COLUMNS, RowOutcome
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import load_faults
from domain.shared.documents.instants import format_instant

READ_AT_ONCE = 500


@dataclass(frozen=True)
class ImportSummary:
    """An import, and how many rows came out how."""

    batch: ImportBatch
    counts: dict[str, int]

    def document(self) -> dict[str, Any]:
        """As JSON: {import, state, actor, started_at, ended_at, new, known, conflict, refused}."""
        batch, ended = self.batch, self.batch.ended_at
        return {
            "import": batch.id,
            "state": batch.state,
            "actor": batch.actor,
            "started_at": format_instant(batch.started_at),
            "ended_at": format_instant(ended) if ended else None,
            **{outcome.value: self.counts.get(outcome, 0) for outcome in RowOutcome},
        }


def read_import(session: Session, import_id: str) -> ImportSummary:
    """What an import came to. Raises `Refusal` where there is none."""
    batch = session.get(ImportBatch, import_id)
    if batch is None:
        raise Refusal(Reason("import_unknown"))
    return ImportSummary(batch, _count_rows(session, [import_id]).get(import_id, {}))


def list_imports(session: Session, limit: int) -> list[ImportSummary]:
    """The last imports, the newest first."""
    batches: list[ImportBatch] = list_rows(
        session, select(ImportBatch).order_by(col(ImportBatch.started_at).desc()).limit(limit)
    )
    counts = _count_rows(session, [batch.id for batch in batches])
    return [ImportSummary(batch, counts.get(batch.id, {})) for batch in batches]


def _count_rows(session: Session, import_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    query = select(col(ImportRow.import_id), col(ImportRow.outcome), func.count()).where(
        col(ImportRow.import_id).in_(import_ids)
    )
    found: dict[str, dict[str, int]] = {}
    for import_id, outcome, number in session.execute(query.group_by(col(ImportRow.import_id), col(ImportRow.outcome))):
        found.setdefault(import_id, {})[outcome] = number
    return found


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
