"""CSV files as spreadsheets take them: in UTF-8 and said so, and no cell of them is ever taken for a formula."""

import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

from domain.shared.documents.formulas import quote_formula
from domain.shared.documents.instants import format_instant

MARK = "\ufeff"  # tells spreadsheets that it is UTF-8


def format_cell(value: Any) -> str:
    """A value as a spreadsheet shows it and doesn't compute it."""
    if isinstance(value, datetime):
        return format_instant(value, "seconds")
    return quote_formula("" if value is None else str(value))


def write_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows of values as lines of a file."""
    text = StringIO()
    csv.writer(text).writerows([format_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


async def stream_lines(columns: Sequence[str], pages: AsyncIterator[Iterable[Any]]) -> AsyncIterator[bytes]:
    """A whole file, part by part: a header, and a line for each item, whose attributes are the columns."""
    yield MARK.encode() + write_lines([columns])
    async for page in pages:
        yield write_lines([getattr(item, name) for name in columns] for item in page)
