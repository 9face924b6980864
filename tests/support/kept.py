"""What the database of a running stack holds, read past everybody; and waiting for it."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.support.patience import PATIENCE

Row = tuple[Any, ...]
Answer = TypeVar("Answer")
PAUSE = 0.02
MOST = 0.3


class Kept:
    """What the database holds, read past everybody."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def rows(self, query: str, *values: object) -> list[Row]:
        with closing(sqlite3.connect(self._file, timeout=PATIENCE)) as connection:
            return connection.execute(query, values).fetchall()

    def change(self, statement: str) -> None:
        """Changes the database past everybody."""
        with closing(sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)) as connection:
            connection.execute(statement)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile."""
        with closing(sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def intended(self, case_id: str, kind: str) -> bool:
        return bool(self.rows("SELECT 1 FROM effect WHERE case_id = ? AND kind = ?", case_id, kind))

    def unfinished(self) -> list[Row]:
        return self.rows("SELECT case_id, kind FROM effect WHERE result IS NULL")


class Changes:
    """Asks again when a database was written to, which costs next to nothing to see; where it is no file, often."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None

    async def poll(self, ask: Callable[[], Awaitable[Answer]], holds: Callable[[Answer], object]) -> Answer:
        """The first answer for which ``holds`` holds."""
        while True:
            seen = self._version()
            if holds(answer := await ask()):
                return answer
            await self._wait_for_another(seen)

    async def _wait_for_another(self, seen: int) -> None:
        # What comes with time alone is seen too, a little later.
        ends = time.monotonic() + (MOST if seen else PAUSE)
        while True:
            await asyncio.sleep(PAUSE)
            if self._version() != seen or time.monotonic() >= ends:
                return

    def close(self) -> None:
        """Lets go of the database: while anybody holds it, its write-ahead log keeps pages that were overwritten."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _version(self) -> int:
        if self._connection is None:
            if not self._file.is_file():
                return 0
            self._connection = sqlite3.connect(self._file, timeout=PATIENCE)
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)


async def until(holds: Callable[[], object], seconds: float = PATIENCE, pause: float = 0.03) -> None:
    """Waits; what it waited for is in the traceback."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(pause)
