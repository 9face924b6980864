"""Request forms being filled in, on both databases: two hours after the last answer, then nothing is left of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import select

from db import migrate
from db.engine import Database
from db.tables import DraftRow
from db.writes.drafts import LIFE, Drafts

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
YEAR = {"plan_year": "2027"}
SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrate.upgrade, url)
    database = Database(url)
    yield database
    await database.close()


async def kept(database: Database) -> list[DraftRow]:
    async with database.open_reader() as session:
        return list((await session.execute(select(DraftRow))).scalars())


async def test_answers_are_laid_over_each_other_and_each_begins_the_two_hours_anew(database: Database) -> None:
    drafts = Drafts(database)
    token = await drafts.begin(YEAR, NOW)
    later = NOW + LIFE - SECOND
    assert await drafts.save(token, {"kind": "agent", "first_name": "Zoë \x00 Ñ"}, later)
    assert await drafts.save(token, {"kind": "broker"}, later)
    assert await drafts.get(token, later + LIFE - SECOND) == {**YEAR, "kind": "broker", "first_name": "Zoë \x00 Ñ"}
    assert await drafts.get(token, later + LIFE) is None
    assert not await drafts.save(token, {"kind": "agent"}, later + LIFE)


async def test_a_draft_is_found_by_its_secret_alone_which_is_not_kept(database: Database) -> None:
    drafts = Drafts(database)
    one, other = await drafts.begin({"kind": "agent"}, NOW), await drafts.begin({"kind": "broker"}, NOW)
    assert len({one, other}) == 2
    assert await drafts.get(one, NOW) == {"kind": "agent"}
    hashes = [row.token_hash for row in await kept(database)]
    for wrong in ("", "unknown", "'", hashes[0], "é\x00"):
        assert await drafts.get(wrong, NOW) is None
        assert not await drafts.save(wrong, YEAR, NOW)
    assert not {one, other} & set(hashes)


async def test_answers_given_at_the_same_moment_are_all_kept(database: Database) -> None:
    drafts = Drafts(database)
    token = await drafts.begin(YEAR, NOW)
    given = {f"field{number}": str(number) for number in range(8)}
    await asyncio.gather(*(drafts.save(token, {name: text}, NOW) for name, text in given.items()))
    assert await drafts.get(token, NOW) == {**YEAR, **given}


async def test_what_was_sent_leaves_no_answer_and_can_not_be_changed(database: Database) -> None:
    drafts = Drafts(database)
    token = await drafts.begin({"last_name": "Sampleperson"}, NOW)
    await drafts.sent(token, "case-1", True, NOW)
    await drafts.sent(token, "case-1", False, NOW)
    assert await drafts.get(token, NOW) == {"sent": "case-1", "created": "yes"}
    assert not await drafts.save(token, YEAR, NOW)
    assert await drafts.get(token, NOW + LIFE) is None
    await drafts.sent("unknown", "case-2", True, NOW)
    assert len(await kept(database)) == 1


async def test_a_draft_is_dropped_alone_and_what_has_expired_is_purged(database: Database) -> None:
    drafts = Drafts(database)
    dropped, old, fresh = [await drafts.begin(YEAR, at) for at in (NOW, NOW, NOW + SECOND)]
    await drafts.drop(dropped)
    await drafts.drop("unknown")
    assert await drafts.get(dropped, NOW) is None
    assert await drafts.purge(NOW + LIFE - SECOND) == 0
    assert await drafts.purge(NOW + LIFE) == 1
    assert len(await kept(database)) == 1
    assert await drafts.get(fresh, NOW + LIFE) == YEAR
    assert not await drafts.save(old, YEAR, NOW)
