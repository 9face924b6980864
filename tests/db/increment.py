"""A writer of test_two_writers.py: python -m tests.db.increment URL TIMES. It begins on a line of input."""

import asyncio
import sys

from sqlalchemy import Column, Integer, MetaData, Table, select, update

from db.engine import Database

COUNTER = Table("counter", MetaData(), Column("value", Integer))


async def increment(url: str, times: int) -> None:
    database = Database(url)
    try:
        async with database.open_reader() as session:
            await session.execute(select(COUNTER.c.value))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for _ in range(times):
            async with database.open_writer() as session:
                # SQLite leaves FOR UPDATE out.
                value = (await session.execute(select(COUNTER.c.value).with_for_update())).scalar_one()
                await session.execute(update(COUNTER).values(value=value + 1))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(increment(sys.argv[1], int(sys.argv[2])))
