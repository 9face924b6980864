"""Accesses to personal data: each one recorded with who, when and where, and read page by page."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from db.cursors import Page
from db.reads.access_log import read_access_log
from db.tables import AccessLogRow
from db.writes.access_log import record_access
from tests.support.office import NOW, Office, office_over


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def read(office: Office, after: str | None = None, limit: int = 50, **wanted: str) -> Page[AccessLogRow]:
    return await office.database.read(read_access_log, after, limit, **wanted)


async def test_who_looked_at_a_case_and_at_what_somebody_looked(office: Office) -> None:
    await office.database.write(record_access, "riley", "queue", ["case-1", "case-2", "case-1"], NOW)
    await office.database.write(record_access, "alex", "case", ["case-2"], NOW + timedelta(minutes=1))
    await office.database.write(record_access, "alex", "export", (), NOW + timedelta(minutes=2))
    assert [(row.actor, row.page, row.at) for row in (await read(office, case_id="case-2")).rows] == [
        ("alex", "case", NOW + timedelta(minutes=1)),
        ("riley", "queue", NOW),
    ]
    assert [(row.page, row.case_id) for row in (await read(office, actor="alex")).rows] == [
        ("export", None),
        ("case", "case-2"),
    ]
    assert [row.case_id for row in (await read(office, actor="riley")).rows] == ["case-2", "case-1"]
    assert len((await read(office)).rows) == 4


async def test_the_log_by_pages(office: Office) -> None:
    await office.database.write(record_access, "riley", "queue", [f"case-{number}" for number in range(5)], NOW)
    first = await read(office, limit=2, actor="riley")
    second = await read(office, first.next, 2, actor="riley")
    third = await read(office, second.next, 2, actor="riley")
    assert [row.case_id for page in (first, second, third) for row in page.rows] == [
        f"case-{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert (third.next, (await read(office, third.previous, 2, actor="riley")).rows) == (None, second.rows)
