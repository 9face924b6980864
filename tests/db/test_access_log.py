"""Accesses to personal data: each one recorded with who, when and where, and read page by page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from db.cursors import Page
from db.reads.access_log import Access, AccessFilter, read_access_log
from db.writes.access_log import record_access, record_part
from tests.support.office import NOW, Office, office_over


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def read(
    office: Office, after: str | None = None, limit: int = 50, actor: str = "", **wanted: Any
) -> Page[Access]:
    narrowed = AccessFilter((actor,) if actor else (), **wanted)
    return await office.database.read(read_access_log, after, limit, narrowed)


async def test_who_looked_at_a_case_and_at_what_somebody_looked(office: Office) -> None:
    await office.database.write(record_access, "riley", "queue", ["case-1", "case-2", "case-1"], NOW)
    await office.database.write(record_access, "alex", "case", ["case-2"], NOW + timedelta(minutes=1))
    await office.database.write(record_access, "alex", "export", (), NOW + timedelta(minutes=2))
    await office.database.write(record_access, "alex", "search", ["case-1", None], NOW + timedelta(minutes=3))
    assert [(row.actor, row.page, row.at, row.case_ids) for row in (await read(office, case_id="case-2")).rows] == [
        ("alex", "case", NOW + timedelta(minutes=1), ("case-2",)),
        ("riley", "queue", NOW, ("case-2",)),
    ]
    assert [(row.page, row.case_ids) for row in (await read(office, actor="alex")).rows] == [
        ("search", ("case-1",)),
        ("export", ()),
        ("case", ("case-2",)),
    ]
    (view,) = (await read(office, actor="riley")).rows
    assert view.case_ids == ("case-1", "case-2"), "a view is one row, however many cases it showed"
    assert len((await read(office)).rows) == 4


async def test_the_log_of_some_days(office: Office) -> None:
    for days in range(4):
        at = NOW + timedelta(days=days)
        await office.database.write(record_access, "riley", "queue", [f"case-{days}", f"case-{days + 1}"], at)
    since, until = NOW + timedelta(days=1), NOW + timedelta(days=3)
    found = (await read(office, since=since, until=until)).rows
    assert [row.at - NOW for row in found] == [timedelta(days=2), timedelta(days=1)]
    assert [row.at - NOW for row in (await read(office, case_id="case-3", until=until)).rows] == [timedelta(days=2)]


async def test_a_part_of_a_page_is_recorded_where_the_page_was_not(office: Office) -> None:
    minute = timedelta(minutes=1)
    await office.database.write(record_access, "riley", "mail", ["case-1"], NOW)
    for actor, case_id, after in (
        ("riley", "case-1", timedelta(seconds=30)),
        ("riley", "case-2", timedelta(seconds=30)),
        ("alex", "case-1", timedelta(seconds=30)),
        ("riley", "case-1", timedelta(seconds=90)),
    ):
        at = NOW + after
        await office.database.write(record_part, actor, "mail", case_id, at - minute, at)
    assert [(row.actor, row.case_ids[0], row.at - NOW) for row in reversed((await read(office)).rows)] == [
        ("riley", "case-1", timedelta()),
        ("riley", "case-2", timedelta(seconds=30)),
        ("alex", "case-1", timedelta(seconds=30)),
        ("riley", "case-1", timedelta(seconds=90)),
    ]


async def test_the_log_by_pages(office: Office) -> None:
    for number in range(5):
        cases = [f"case-{number}", f"case-{number}-too"]
        await office.database.write(record_access, "riley", "queue", cases, NOW + timedelta(seconds=number))
    first = await read(office, limit=2, actor="riley")
    second = await read(office, first.next, 2, actor="riley")
    third = await read(office, second.next, 2, actor="riley")
    assert [row.case_ids for page in (first, second, third) for row in page.rows] == [
        (f"case-{number}", f"case-{number}-too") for number in (4, 3, 2, 1, 0)
    ]
    assert (third.next, (await read(office, third.previous, 2, actor="riley")).rows) == (None, second.rows)
