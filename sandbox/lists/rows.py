"""Changes the rows of a CSV or JSON list while it streams through; which rows and how is handed in."""

import codecs
import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

Row = dict[str, Any]
ChangeRow = Callable[[Row], Row | None]
"""What becomes of a row: itself, another one, or nothing."""

# Rows begin near the start of a list, or nowhere: a document without any must not fill the memory while it is searched.
HEAD_LIMIT = 64 * 1024
ROWS_BEGIN = re.compile(r'^\s*\[|"rows"\s*:\s*\[')
BETWEEN = re.compile(r"[\s,]*")


async def change_csv_rows(pieces: AsyncIterator[bytes], change_row: ChangeRow) -> AsyncIterator[bytes]:
    """A CSV list with a line of column names; a last line without an end passes as it came."""
    columns: list[str] = []
    waiting = b""
    async for piece in pieces:
        waiting += piece
        end = _find_end_of_records(waiting)
        block, waiting = waiting[:end].decode("utf-8"), waiting[end:]
        records = list(csv.reader(io.StringIO(block, newline="")))
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\r\n" if block.endswith("\r\n") else "\n")
        if records and not columns:
            columns = records.pop(0)
            writer.writerow(columns)
        writer.writerows(
            kept for record in records if (kept := _change_record(record, columns, change_row)) is not None
        )
        yield written.getvalue().encode()
    yield waiting


def _change_record(record: list[str], columns: list[str], change_row: ChangeRow) -> list[Any] | None:
    """A record whose columns are not those of the head passes as it came."""
    if len(record) != len(columns):
        return record
    row = change_row(dict(zip(columns, record, strict=True)))
    return None if row is None else [row[column] for column in columns]


async def change_json_rows(pieces: AsyncIterator[bytes], change_row: ChangeRow) -> AsyncIterator[bytes]:
    """A JSON list of rows, or an object whose `rows` are one; what stands around them passes as it came."""
    texts = _decode_pieces(pieces)
    head, found = "", None
    async for text in texts:
        head += text
        found = ROWS_BEGIN.search(head)
        if found or len(head) > HEAD_LIMIT:
            break
    yield (head[: found.end()] if found else head).encode()
    if found:
        async for part in _change_rows(head[found.end() :], texts, change_row):
            yield part.encode()
    async for text in texts:
        yield text.encode()


async def _change_rows(waiting: str, texts: AsyncIterator[str], change_row: ChangeRow) -> AsyncIterator[str]:
    """The rows up to the end of their list, changed, and what came in the same piece after it."""
    decoder = json.JSONDecoder()
    separator = ""
    while True:
        written: list[str] = []
        at = 0
        while at < len(waiting):
            at = _skip_pattern(BETWEEN, waiting, at)
            if waiting.startswith("]", at):
                yield "".join(written) + waiting[at:]
                return
            try:
                row, at = decoder.raw_decode(waiting, at)
            except ValueError:
                # The row goes on in the next piece, or it is none: then it passes as it came, at the end.
                break
            kept = change_row(row) if isinstance(row, dict) else row
            if kept is not None:
                written.append(separator + json.dumps(kept, ensure_ascii=False))
                separator = ",\n"
        yield "".join(written)
        waiting = waiting[at:]
        more = await anext(texts, None)
        if more is None:
            yield waiting
            return
        waiting += more


async def _decode_pieces(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _skip_pattern(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _find_end_of_records(block: bytes) -> int:
    """Where the last whole record ends: at the end of a line, but not within quotes, where a cell may have lines."""
    end = block.rfind(b"\n") + 1
    while end and block.count(b'"', 0, end) % 2:
        end = block.rfind(b"\n", 0, end - 1) + 1
    return end
