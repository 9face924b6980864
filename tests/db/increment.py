"""A writer of test_two_writers.py: python -m tests.db.increment URL TIMES. It begins on a line of input."""

import asyncio
import sys

from sqlalchemy import Column, Integer, MetaData, Table, insert, select, update
from sqlalchemy.orm import Session

from db.engine import Database

COUNTER = Table("counter", MetaData(), Column("value", Integer))


def make_counter(session: Session) -> None:
    COUNTER.metadata.create_all(session.connection())
    session.execute(insert(COUNTER).values(value=0))


def read_counter(session: Session) -> int:
    return int(session.execute(select(COUNTER.c.value)).scalar_one())


def increment_counter(session: Session) -> None:
    # SQLite leaves FOR UPDATE out.
    value = session.execute(select(COUNTER.c.value).with_for_update()).scalar_one()
    session.execute(update(COUNTER).values(value=value + 1))


async def increment(url: str, times: int) -> None:
    database = Database(url)
    try:
        await database.read(read_counter)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for _ in range(times):
            await database.write(increment_counter)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(increment(sys.argv[1], int(sys.argv[2])))
