"""Leases, on both databases: one holder at a time, for as long as it renews, and the next one once it stops."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from db import migrate
from db.engine import Database
from db.writes.leases import give_back_lease, take_lease

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
TERM = timedelta(seconds=12)
SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def two(url: str) -> AsyncIterator[tuple[Database, Database]]:
    """The databases of two processes."""
    await asyncio.to_thread(migrate.upgrade, url)
    databases = Database(url), Database(url)
    yield databases
    for database in databases:
        await database.close()


async def take(database: Database, holder: str, at: datetime = NOW, name: str = "work") -> bool:
    return await database.write(take_lease, name, holder, at, TERM)


async def test_one_holds_a_lease_and_the_others_stand_by(two: tuple[Database, Database]) -> None:
    one, other = two
    assert await take(one, "a")
    assert not await take(other, "b", NOW + TERM - SECOND)
    assert await take(other, "b", name="other work")


async def test_a_lease_that_is_renewed_goes_on_and_one_that_is_not_goes_to_the_next(
    two: tuple[Database, Database],
) -> None:
    one, other = two
    assert await take(one, "a")
    assert await take(one, "a", NOW + TERM - SECOND)
    assert not await take(other, "b", NOW + TERM + SECOND)
    assert await take(other, "b", NOW + 2 * TERM - SECOND)
    assert not await take(one, "a", NOW + 2 * TERM)


async def test_one_that_is_given_back_is_free_at_once(two: tuple[Database, Database]) -> None:
    one, other = two
    assert await take(one, "a")
    await other.write(give_back_lease, "work", "b", NOW)
    assert not await take(other, "b"), "it was not theirs to give"
    await one.write(give_back_lease, "work", "a", NOW)
    assert await take(other, "b")


async def test_a_renewal_that_comes_after_the_lease_was_given_back_takes_nothing(
    two: tuple[Database, Database],
) -> None:
    """A process that ends doesn't wait for the renewal it has under way: nobody would work until that expired."""
    one, other = two
    assert await take(one, "a")
    await one.write(give_back_lease, "work", "a", NOW)
    assert not await take(one, "a")
    assert await take(other, "b")
    await other.write(give_back_lease, "work", "b", NOW)
    assert not await take(other, "b", NOW + 2 * TERM)


async def test_a_first_taking_that_comes_after_the_giving_back_takes_nothing(two: tuple[Database, Database]) -> None:
    one, other = two
    await one.write(give_back_lease, "work", "a", NOW)
    assert not await take(one, "a")
    assert await take(other, "b")


async def test_of_many_who_ask_at_once_one_gets_it(two: tuple[Database, Database]) -> None:
    """When there is none yet, and when one has expired."""
    for turn in range(4):
        at = NOW + turn * 2 * TERM
        holders = [f"{turn}-{number}" for number in range(8)]
        taken = await asyncio.gather(*(take(two[number % 2], one, at) for number, one in enumerate(holders)))
        assert sum(taken) == 1
