"""One-time codes on both databases: who asked, how often, how often tried; nothing is kept that opens anything (D1)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import select

from db.case_state import list_rows
from db.engine import Database
from db.own_tables import CodeRow
from db.writes.own.codes import (
    AskedCode,
    CodeTried,
    ask_code,
    ask_code_by_user_id,
    find_asked_code,
    finish_code_letters,
    list_unsent_codes,
    make_code_letters,
    purge_codes,
    try_code,
)
from domain.shared.codes import ASKED_WITHIN, LIFE, MOST_AN_ADDRESS, MOST_ASKED, TRIES, CodeAnswer, CodePurpose
from tests.support.registrations import Desk, profile

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
KEY, OTHER_KEY = b"a test's key", b"another key"
EMAIL, OTHER = "testa.broker@example.com", "samp.agent@example.com"
SECOND = timedelta(seconds=1)
SIGN_IN = CodePurpose.SIGN_IN


@pytest_asyncio.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


async def asked(
    database: Database, browser: str = "browser", email: str = EMAIL, at: datetime = NOW, most: int = 100
) -> bool:
    return await database.write(ask_code, browser, email, "en", SIGN_IN, most, at)


async def sent(database: Database, at: datetime = NOW) -> dict[str, str]:
    """The codes of the letters that are due, by their addresses."""
    due = await database.read(list_unsent_codes, at)
    made = await database.write(make_code_letters, KEY, due, at)
    await database.write(finish_code_letters, [letter.code_id for letter in made])
    return {letter.email: letter.code for letter in made}


async def tried(database: Database, code: str, browser: str = "browser", at: datetime = NOW) -> CodeTried:
    return await database.write(try_code, KEY, browser, SIGN_IN, code, at)


def wrong_for(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_d1_the_right_code_confirms_the_address_once(database: Database) -> None:
    assert await asked(database, email="Testa.Broker@example.com")
    code = (await sent(database))[EMAIL]
    assert len(code) == 6
    assert await database.read(find_asked_code, "browser", SIGN_IN, NOW) == AskedCode(EMAIL, is_another=False)
    assert await tried(database, code) == CodeTried(CodeAnswer.RIGHT, EMAIL)
    assert await tried(database, code) == CodeTried(CodeAnswer.SPENT)


async def test_d1_a_code_has_five_tries_and_ten_minutes(database: Database) -> None:
    await asked(database)
    code = (await sent(database))[EMAIL]
    for _ in range(TRIES):
        assert (await tried(database, wrong_for(code))).answer is CodeAnswer.WRONG
    assert await tried(database, code) == CodeTried(CodeAnswer.SPENT)
    later = NOW + SECOND
    await asked(database, at=later)
    code = (await sent(database, later))[EMAIL]
    assert await tried(database, code, at=later + LIFE) == CodeTried(CodeAnswer.EXPIRED)
    assert (await tried(database, code, at=later + LIFE - SECOND)).answer is CodeAnswer.RIGHT


async def test_d1_a_code_is_worth_nothing_in_another_browser_which_voids_nothing(database: Database) -> None:
    await asked(database)
    code = (await sent(database))[EMAIL]
    assert await tried(database, code, "stranger") == CodeTried(CodeAnswer.NOT_ASKED)
    await asked(database, "stranger")
    assert (await sent(database))[EMAIL]
    for _ in range(TRIES + 1):
        assert (await tried(database, "no code", "stranger")).answer is not CodeAnswer.RIGHT
    assert (await tried(database, code)).answer is CodeAnswer.RIGHT


async def test_d1_a_newer_code_replaces_the_older_one_of_the_same_browser(database: Database) -> None:
    await asked(database)
    first = (await sent(database))[EMAIL]
    await asked(database, at=NOW + SECOND)
    second = (await sent(database, NOW + SECOND))[EMAIL]
    if first != second:
        assert (await tried(database, first, at=NOW + SECOND)).answer is CodeAnswer.WRONG
    assert (await tried(database, second, at=NOW + SECOND)).answer is CodeAnswer.RIGHT


async def test_b3_a_code_by_a_user_id_goes_to_the_address_of_its_account(database: Database) -> None:
    document = profile()
    account, email = (await Desk(database).opened(document, NOW)).assister_id, document["email"].lower()

    async def ask_by(user_id: str, at: datetime) -> bool:
        return await database.write(ask_code_by_user_id, "browser", user_id, "en", SIGN_IN, 100, at)

    for seconds, user_id in enumerate((f"ast_{'0' * 24}", account)):
        at = NOW + seconds * SECOND
        assert await ask_by(user_id, at)
        assert await database.read(find_asked_code, "browser", SIGN_IN, at) == AskedCode(user_id, is_another=False)
        assert (await tried(database, "no code", at=at)).answer is CodeAnswer.WRONG
    letters = await sent(database, NOW + SECOND)
    assert list(letters) == [email], "where there is no account nothing is sent"
    assert await tried(database, letters[email], at=NOW + SECOND) == CodeTried(CodeAnswer.RIGHT, email)
    for user_id in (f"ast_{'0' * 24}", account):
        again = [await ask_by(user_id, NOW + number * SECOND) for number in range(MOST_ASKED)]
        assert again == [True] * (MOST_ASKED - 1) + [False]


async def test_d1_codes_are_limited_by_browser_and_address_and_in_total(database: Database) -> None:
    for number in range(MOST_ASKED):
        assert await asked(database, at=NOW + number * SECOND)
    assert not await asked(database, email=EMAIL.upper(), at=NOW + MOST_ASKED * SECOND)
    assert await asked(database, "stranger")
    assert await asked(database, email=OTHER)
    assert await asked(database, at=NOW + ASKED_WITHIN + SECOND)
    assert not await asked(database, "a third", OTHER, most=3)


async def test_d1_one_address_is_sent_so_many_whoever_asks_but_who_has_confirmed_it(database: Database) -> None:
    await asked(database, "its owner's")
    code = (await sent(database))[EMAIL]
    for number in range(MOST_AN_ADDRESS - 1):
        assert await asked(database, f"without a cookie {number}")
    assert not await asked(database, "without a cookie")
    assert not await asked(database, "its owner's")
    assert await asked(database, "without a cookie", OTHER)
    assert (await tried(database, code, "its owner's")).answer is CodeAnswer.RIGHT, "what was sent before counts"
    assert await asked(database, "its owner's")
    assert await asked(database, "without a cookie", at=NOW + ASKED_WITHIN + SECOND)


async def test_d1_neither_the_code_nor_the_browser_is_kept(database: Database) -> None:
    await asked(database, "the browser's secret")
    code = (await sent(database))[EMAIL]
    (row,) = await database.read(list_rows, select(CodeRow))
    assert code not in str(row.model_dump())
    assert "the browser's secret" not in str(row.model_dump())
    assert (await database.write(try_code, OTHER_KEY, "the browser's secret", SIGN_IN, code, NOW)).answer is (
        CodeAnswer.WRONG
    )


async def test_a_letter_that_failed_is_tried_again_with_a_new_code_until_it_would_have_expired(
    database: Database,
) -> None:
    await asked(database)
    (one,) = await database.read(list_unsent_codes, NOW)
    (first,) = await database.write(make_code_letters, KEY, [one], NOW)
    assert await database.read(list_unsent_codes, NOW) == []
    later = NOW + timedelta(minutes=1)
    (again,) = await database.write(make_code_letters, KEY, await database.read(list_unsent_codes, later), later)
    assert again.attempt != first.attempt
    assert await database.read(list_unsent_codes, NOW + LIFE) == [one]
    assert await database.write(make_code_letters, KEY, [one], NOW + LIFE) == []
    assert await database.read(list_unsent_codes, NOW + LIFE + LIFE) == []


async def test_what_was_asked_for_the_day_before_is_forgotten(database: Database) -> None:
    await asked(database)
    await database.write(purge_codes, NOW + timedelta(days=1))
    assert len(await database.read(list_rows, select(CodeRow))) == 1
    await database.write(purge_codes, NOW + timedelta(days=1, seconds=1))
    assert await database.read(list_rows, select(CodeRow)) == []
