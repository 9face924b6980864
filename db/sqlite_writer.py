"""Units that write to SQLite: one after the other in one thread, and those that come together committed together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

# The other process waits for as long as a group takes.
MOST_TOGETHER = 16

Answer = TypeVar("Answer")
Unit = Callable[[Session], Any]
Attempt = Callable[..., Any]


class _Waiting(NamedTuple):
    unit: Unit
    answer: asyncio.Future[Any]


class _Failed(NamedTuple):
    error: Exception


class _GroupBroken(Exception):
    """SQLite gave up the transaction of the whole group, as it does when the disk is full."""


class SqliteWriter:
    """The one thread that writes. A commit costs more than the unit it commits: it waits for the disk, and the
    processes take turns, for which SQLite has no queue.

    ``attempt`` calls a function with its arguments, again where another transaction came first.
    """

    def __init__(self, engine: Engine, attempt: Attempt) -> None:
        self._engine = engine
        self._attempt = attempt
        self._thread = ThreadPoolExecutor(1, "writer")
        self._waiting: deque[_Waiting] = deque()

    async def write(self, unit: Unit) -> Any:
        """What the unit answers, once it is committed; an exception of its own rolls it back, and nothing else."""
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._thread.submit(self._commit_waiting)
        return await waiting.answer

    def close(self) -> None:
        """Returns once the units that run or wait are done."""
        self._thread.shutdown()

    def _commit_waiting(self) -> None:
        group: list[_Waiting] = []
        while self._waiting and len(group) < MOST_TOGETHER:
            waiting = self._waiting.popleft()
            if not waiting.answer.cancelled():
                group.append(waiting)
        for waiting, answer in zip(group, self._commit([waiting.unit for waiting in group]), strict=True):
            with suppress(RuntimeError):  # its loop has ended: nobody waits any more
                waiting.answer.get_loop().call_soon_threadsafe(_give_answer, waiting.answer, answer)

    def _commit(self, units: Sequence[Unit]) -> list[Any]:
        """What each unit answers, or how it failed."""
        if len(units) > 1:
            with suppress(Exception):  # a unit's own failure is an answer; here nothing was committed
                return self._commit_together(units)
        return [_catch(partial(self._attempt, commit_unit, self._engine, unit)) for unit in units]

    def _commit_together(self, units: Sequence[Unit]) -> list[Any]:
        """Each unit in a savepoint of its own, so that one that fails takes back nothing of the others."""
        with self._engine.connect() as connection:
            try:
                transaction = connection.begin()
            except Exception as error:  # it has waited for the other process: not once more for each unit
                return [_Failed(error)] * len(units)
            with transaction:
                answers = []
                for unit in units:
                    answers.append(_catch(partial(self._attempt, _run_in_savepoint, connection, unit)))
                    if not connection.connection.in_transaction:
                        raise _GroupBroken
                return answers


def commit_unit(engine: Engine, unit: Callable[[Session], Answer]) -> Answer:
    """What a unit answers once its transaction is committed."""
    # It is read after its end, when nothing can be loaded any more: rows don't expire.
    with Session(engine, expire_on_commit=False) as session, session.begin():
        return unit(session)


def _run_in_savepoint(connection: Connection, unit: Unit) -> Any:
    session = Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
    with session, session.begin():
        return unit(session)


def _catch(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        return _Failed(error)


def _give_answer(future: asyncio.Future[Any], answer: Any) -> None:
    if future.cancelled():
        return
    if isinstance(answer, _Failed):
        future.set_exception(answer.error)
    else:
        future.set_result(answer)
