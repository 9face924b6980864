"""Units that come together on SQLite are committed together, and each is still its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.engine import TRIES, Database
from db.sqlite_writer import MOST_TOGETHER

NUMBERS = Table("numbers", MetaData(), Column("number", Integer, primary_key=True))


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    await database.write(make_numbers)
    yield database
    await database.close()


@pytest.fixture
def commits(database: Database) -> list[object]:
    """Grows with each commit."""
    found: list[object] = []
    event.listen(database._writing, "commit", found.append)
    return found


def make_numbers(session: Session) -> None:
    NUMBERS.metadata.create_all(session.connection())


def add_number(session: Session, number: int) -> int:
    session.execute(insert(NUMBERS).values(number=number))
    return number


def list_numbers(session: Session) -> list[int]:
    return list(session.execute(select(NUMBERS.c.number).order_by(NUMBERS.c.number)).scalars())


async def together(database: Database, *work: Coroutine[Any, Any, Any]) -> list[Any]:
    """All of it while another unit is under way, so that it waits for the writer in this order."""
    started, go_on = threading.Event(), threading.Event()

    def hold_up(_session: Session) -> None:
        started.set()
        go_on.wait(10)

    first = asyncio.create_task(database.write(hold_up))
    await asyncio.to_thread(started.wait, 10)
    tasks = [asyncio.create_task(one) for one in work]
    for _ in range(5):  # each comes to the writer's queue, and who gives up has done so
        await asyncio.sleep(0)
    go_on.set()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_together_is_one_commit(database: Database, commits: list[object]) -> None:
    answers = await together(database, *(database.write(add_number, number) for number in range(MOST_TOGETHER)))
    assert answers == list(range(MOST_TOGETHER))
    assert await database.read(list_numbers) == list(range(MOST_TOGETHER))
    assert len(commits) == 1


async def test_a_unit_that_fails_takes_back_itself_alone(database: Database, commits: list[object]) -> None:
    def add_and_fail(session: Session) -> None:
        add_number(session, 2)
        raise LookupError("no")

    answers = await together(
        database, database.write(add_number, 1), database.write(add_and_fail), database.write(add_number, 3)
    )
    assert [type(answer) for answer in answers] == [int, LookupError, int]
    assert await database.read(list_numbers) == [1, 3]
    assert len(commits) == 1


async def test_one_that_finds_its_row_there_already_is_tried_again_alone(database: Database) -> None:
    tried: list[int] = []

    def add_one(session: Session) -> int:
        tried.append(1)
        return add_number(session, 1)

    answers = await together(database, *(database.write(add_one) for _ in range(2)), database.write(add_number, 2))
    assert answers[0] == 1
    assert isinstance(answers[1], IntegrityError)
    assert answers[2] == 2
    assert len(tried) == 1 + TRIES
    assert await database.read(list_numbers) == [1, 2]


async def test_where_sqlite_gives_up_the_transaction_each_is_done_once(database: Database) -> None:
    done: list[int] = []

    def break_once(session: Session) -> None:
        done.append(1)
        if len(done) == 1:  # as a full disk does
            session.connection().exec_driver_sql("ROLLBACK")

    answers = await together(
        database, database.write(add_number, 1), database.write(break_once), database.write(add_number, 2)
    )
    assert answers == [1, None, 2]
    assert await database.read(list_numbers) == [1, 2]


async def test_who_has_given_up_before_its_turn_is_passed_over(database: Database) -> None:
    async def give_up(number: int) -> None:
        write = asyncio.create_task(database.write(add_number, number))
        await asyncio.sleep(0)
        write.cancel()
        await write

    answers = await together(database, give_up(1), database.write(add_number, 2))
    assert isinstance(answers[0], asyncio.CancelledError)
    assert await database.read(list_numbers) == [2]
