"""The database: units of work, each a plain function over a session and one transaction, on SQLite (WAL) or PostgreSQL.

No table is known here. Only here does the asynchronous world of workflows and requests meet the database:
a unit runs in a thread of its own from its first statement to its commit.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic, sleep
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from db.sqlite_writer import SqliteWriter, commit_unit

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

TRIES = 3
OVERTAKEN = ("40001", "40P01")  # PostgreSQL: not serializable, deadlock
READERS = 4
# How long a unit waits for a row or for its turn to write: who asked for it has given up by then, and what it keeps
# meanwhile, one of a few connections, others need.
LOCK_SECONDS = 15.0
# How soon a unit looks again whether it is its turn to write to SQLite, at first and in the end.
LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.001, 0.008


class Database:
    """A database by its URL (``sqlite+aiosqlite:///…`` or ``postgresql+psycopg://…``)."""

    def __init__(self, url: str, pool_size: int = 8, lock_seconds: float = LOCK_SECONDS) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._sqlite_writer: SqliteWriter | None = None
        if self.is_sqlite:
            # SQLite knows one writer at a time: units take turns in the queue of one thread, not in SQLite's busy loop.
            parsed = parsed.set(drivername="sqlite")
            self._writing, self._reading = (
                _open_sqlite(parsed, 1, lock_seconds),
                _open_sqlite(parsed, READERS, lock_seconds),
            )
            event.listen(self._writing, "begin", partial(_begin_immediate, lock_seconds))
            self._sqlite_writer = SqliteWriter(self._writing, _TRY_AGAIN)
            self._readers = ThreadPoolExecutor(READERS, "reader")
        else:
            # Parameters are hidden, since errors are logged and would quote them.
            self._writing = self._reading = create_engine(
                parsed, hide_parameters=True, pool_size=pool_size, max_overflow=0, pool_pre_ping=True
            )
            event.listen(self._writing, "connect", partial(_bound_waits, lock_seconds))
            self._readers = ThreadPoolExecutor(pool_size, "unit")

    async def write(
        self,
        work: Callable[Concatenate[Session, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        """What a unit of work answers once it is committed; an exception of its own rolls all of it back.

        A unit that another one overtook (the same person, event or command at the same moment) is done again, three
        times at most, so it has no effect but on the database; no network call belongs into it.
        """

        def unit(session: Session) -> Answer:
            return work(session, *args, **kwargs)

        if self._sqlite_writer is not None:
            answer: Answer = await self._sqlite_writer.write(unit)
            return answer
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._commit, unit)

    async def read(
        self,
        work: Callable[Concatenate[Session, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        """What a unit that only reads answers."""
        unit = partial(self._look, partial(work, **kwargs), *args)
        return await asyncio.get_running_loop().run_in_executor(self._readers, unit)

    def _commit(self, unit: Callable[[Session], Answer]) -> Answer:
        answer: Answer = _TRY_AGAIN(commit_unit, self._writing, unit)
        return answer

    def _look(self, work: Callable[..., Answer], *args: Any) -> Answer:
        with Session(self._reading, expire_on_commit=False) as session:
            return work(session, *args)

    async def close(self) -> None:
        """Closes every connection, once the units that run are done."""
        await asyncio.to_thread(self._close_pools)

    def _close_pools(self) -> None:
        if self._sqlite_writer is not None:
            self._sqlite_writer.close()
        self._readers.shutdown()
        for engine in (self._writing, self._reading):
            engine.dispose()


def _is_overtaken(error: BaseException) -> bool:
    """Whether another transaction came first.

    Transactions lock cases first, in the order of their ids; what else they touch could still make two wait for each
    other, and PostgreSQL then ends one of them.
    """
    if isinstance(error, IntegrityError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in OVERTAKEN


def _bound_waits(seconds: float, connection: Any, _: Any) -> None:
    """Lets PostgreSQL give up waiting for a row, which it does for ever unless a session says otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {round(seconds * 1000)}")
    connection.commit()


_TRY_AGAIN = Retrying(retry=retry_if_exception(_is_overtaken), stop=stop_after_attempt(TRIES), reraise=True)


def _open_sqlite(url: URL, connections: int, lock_seconds: float) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, pool_size=connections, max_overflow=0, connect_args={"check_same_thread": False}
    )
    _prepare_sqlite(engine, lock_seconds)
    return engine


def _begin_immediate(seconds: float, connection: Any) -> None:
    """Begins a transaction as a writer at once.

    One that reads first and writes later would find the database locked where it can't wait any more. SQLite's own
    waiting looks again less and less often, ten times a second in the end, while another process's unit takes a few
    milliseconds: half of a webhook's time went by asleep.
    """
    driver, deadline, pause = connection.connection.dbapi_connection, monotonic() + seconds, LOOK_SECONDS
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    break
                sleep(pause)
                pause = min(2 * pause, LONGEST_LOOK_SECONDS)  # one that looks all the time takes the turn of the others
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails as SQLAlchemy's errors do
    finally:
        driver.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")


def _prepare_sqlite(engine: Engine, lock_seconds: float) -> None:
    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _: Any) -> None:
        # Else the driver opens deferred transactions by itself: of 400 increments that succeeded, 61 were there.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",  # readers and the writer don't wait for each other
            "synchronous=FULL",  # with less, WAL may lose what was acknowledged when the power goes
            "foreign_keys=ON",  # off unless each connection says so
            f"busy_timeout={round(lock_seconds * 1000)}",  # other processes write too
            "recursive_triggers=ON",  # or REPLACE would delete append-only rows past their triggers
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
