"""Request forms being filled in, on both databases: two hours after the last answer, then nothing is left of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import select

from db.case_state import list_rows
from db.engine import Database
from db.tables import DraftRow
from db.writes.drafts import LIFE, begin_draft, close_draft, find_draft, purge_drafts, save_draft

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
YEAR = {"plan_year": "2027"}
SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


async def kept(database: Database) -> list[DraftRow]:
    return await database.read(list_rows, select(DraftRow))


async def test_answers_are_laid_over_each_other_and_each_begins_the_two_hours_anew(database: Database) -> None:
    token = await database.write(begin_draft, YEAR, NOW)
    later = NOW + LIFE - SECOND
    assert await database.write(save_draft, token, {"kind": "agent", "first_name": "Zoë \x00 Ñ"}, later)
    assert await database.write(save_draft, token, {"kind": "broker"}, later)
    assert await database.read(find_draft, token, later + LIFE - SECOND) == {
        **YEAR,
        "kind": "broker",
        "first_name": "Zoë \x00 Ñ",
    }
    assert await database.read(find_draft, token, later + LIFE) is None
    assert not await database.write(save_draft, token, {"kind": "agent"}, later + LIFE)


async def test_a_draft_is_found_by_its_secret_alone_which_is_not_kept(database: Database) -> None:
    one, other = (
        await database.write(begin_draft, {"kind": "agent"}, NOW),
        await database.write(begin_draft, {"kind": "broker"}, NOW),
    )
    assert len({one, other}) == 2
    assert await database.read(find_draft, one, NOW) == {"kind": "agent"}
    hashes = [row.token_hash for row in await kept(database)]
    for wrong in ("", "unknown", "'", hashes[0], "é\x00"):
        assert await database.read(find_draft, wrong, NOW) is None
        assert not await database.write(save_draft, wrong, YEAR, NOW)
    assert not {one, other} & set(hashes)


async def test_answers_given_at_the_same_moment_are_all_kept(database: Database) -> None:
    token = await database.write(begin_draft, YEAR, NOW)
    given = {f"field{number}": str(number) for number in range(8)}
    await asyncio.gather(*(database.write(save_draft, token, {name: text}, NOW) for name, text in given.items()))
    assert await database.read(find_draft, token, NOW) == {**YEAR, **given}


async def test_what_was_sent_leaves_no_answer_and_can_not_be_changed(database: Database) -> None:
    token = await database.write(begin_draft, {"last_name": "Sampleperson", **YEAR}, NOW)
    for _ in range(2):
        await database.write(close_draft, token, ["plan_year"], NOW)
    assert await database.read(find_draft, token, NOW) == {**YEAR, "sent": "yes"}
    assert not await database.write(save_draft, token, YEAR, NOW)
    assert await database.read(find_draft, token, NOW + LIFE) is None
    await database.write(close_draft, "unknown", ["plan_year"], NOW)
    assert len(await kept(database)) == 1


async def test_a_draft_is_replaced_alone_and_what_has_expired_is_purged(database: Database) -> None:
    dropped, old = [await database.write(begin_draft, YEAR, NOW) for _ in range(2)]
    other = await database.write(begin_draft, YEAR, NOW, "unknown")
    fresh = await database.write(begin_draft, YEAR, NOW + SECOND, dropped)
    assert len(await kept(database)) == 3
    assert await database.read(find_draft, dropped, NOW) is None
    assert await database.write(purge_drafts, NOW + LIFE - SECOND) == 0
    assert await database.write(purge_drafts, NOW + LIFE) == 2
    assert len(await kept(database)) == 1
    assert await database.read(find_draft, fresh, NOW + LIFE) == YEAR
    assert not any([await database.write(save_draft, token, YEAR, NOW) for token in (old, other)])
