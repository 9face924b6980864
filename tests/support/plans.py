"""How a database goes about a read: its own words for the plan of every statement of it."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from db.engine import Database


async def plans_of(database: Database, read: Callable[[], Awaitable[Any]], how: str = "") -> list[str]:
    """The plan of each statement, as text; of PostgreSQL with what was really read when ``how`` is ANALYZE, BUFFERS."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(database._reading, "before_cursor_execute", note)
    try:
        await read()
    finally:
        event.remove(database._reading, "before_cursor_execute", note)
    return [await _plan(database, statement, parameters, how) for statement, parameters in asked]


async def _plan(database: Database, statement: str, parameters: Any, how: str) -> str:
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else f"EXPLAIN ({how}) " if how else "EXPLAIN "

    def ask(session: Session) -> str:
        found = session.connection().exec_driver_sql(explain + statement, parameters)
        return "\n".join(str(row[-1]) for row in found)

    return await database.read(ask)
