"""The database: units of work, each a plain function over a session and one transaction, on SQLite (WAL) or PostgreSQL.

No table is known here. Only here does the asynchronous world of workflows and requests meet the database:
a unit runs in a thread of its own from its first statement to its commit.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception, stop_after_attempt

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

TRIES = 3
OVERTAKEN = ("40001", "40P01")  # PostgreSQL: not serializable, deadlock
READERS = 4
# How long a unit waits for a row or for its turn to write: who asked for it has given up by then, and what it keeps
# meanwhile, one of a few connections, others need.
LOCK_SECONDS = 15.0


class Database:
    """A database by its URL (``sqlite+aiosqlite:///…`` or ``postgresql+psycopg://…``)."""

    def __init__(self, url: str, pool_size: int = 8, lock_seconds: float = LOCK_SECONDS) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            # SQLite knows one writer at a time: units take turns in the queue of one thread, not in SQLite's busy loop.
            parsed = parsed.set(drivername="sqlite")
            self._writing, self._reading = (
                _open_sqlite(parsed, 1, lock_seconds),
                _open_sqlite(parsed, READERS, lock_seconds),
            )
            event.listen(self._writing, "begin", _begin_immediate)
            self._writers, self._readers = ThreadPoolExecutor(1, "writer"), ThreadPoolExecutor(READERS, "reader")
        else:
            # Parameters are hidden, since errors are logged and would quote them.
            self._writing = self._reading = create_engine(
                parsed, hide_parameters=True, pool_size=pool_size, max_overflow=0, pool_pre_ping=True
            )
            event.listen(self._writing, "connect", partial(_bound_waits, lock_seconds))
            self._writers = self._readers = ThreadPoolExecutor(pool_size, "unit")

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
        unit = partial(self._commit, partial(work, **kwargs), *args)
        return await asyncio.get_running_loop().run_in_executor(self._writers, unit)

    async def read(
        self,
        work: Callable[Concatenate[Session, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        """What a unit that only reads answers."""
        unit = partial(self._look, partial(work, **kwargs), *args)
        return await asyncio.get_running_loop().run_in_executor(self._readers, unit)

    def _commit(self, work: Callable[..., Answer], *args: Any) -> Answer:
        tries = Retrying(retry=retry_if_exception(_is_overtaken), stop=stop_after_attempt(TRIES), reraise=True)
        answer: Answer = tries(self._commit_once, work, *args)
        return answer

    def _commit_once(self, work: Callable[..., Answer], *args: Any) -> Answer:
        # What a unit answers is read after its end, when nothing can be loaded any more: rows don't expire.
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            return work(session, *args)

    def _look(self, work: Callable[..., Answer], *args: Any) -> Answer:
        with Session(self._reading, expire_on_commit=False) as session:
            return work(session, *args)

    async def close(self) -> None:
        """Closes every connection, once the units that run are done."""
        await asyncio.to_thread(self._close_pools)

    def _close_pools(self) -> None:
        for pool in (self._writers, self._readers):
            pool.shutdown()
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


def _open_sqlite(url: URL, connections: int, lock_seconds: float) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, pool_size=connections, max_overflow=0, connect_args={"check_same_thread": False}
    )
    _prepare_sqlite(engine, lock_seconds)
    return engine


def _begin_immediate(connection: Any) -> None:
    # A transaction that reads first and writes later would find the database locked where it can't wait any more.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


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
