"""What the database of a running stack holds, read past everybody; and waiting for it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Row = tuple[Any, ...]


class Kept:
    """What the database holds, read past everybody."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def rows(self, query: str, *values: object) -> list[Row]:
        with closing(sqlite3.connect(self._file, timeout=20)) as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile."""
        with closing(sqlite3.connect(self._file, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def intended(self, case_id: str, kind: str) -> bool:
        return bool(self.rows("SELECT 1 FROM effect WHERE case_id = ? AND kind = ?", case_id, kind))

    def unfinished(self) -> list[Row]:
        return self.rows("SELECT case_id, kind FROM effect WHERE result IS NULL")


async def until(holds: Callable[[], object], seconds: float = 30, pause: float = 0.03) -> None:
    """Waits; what it waited for is in the traceback."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(pause)
