"""Looks at personal data: each one noted with who, when and where, and never changed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from db import migrate
from tests.support.office import NOW, Office, office_over


@pytest_asyncio.fixture
async def office(url: str) -> AsyncIterator[Office]:
    await asyncio.to_thread(migrate.upgrade, url)
    async with office_over(url) as found:
        yield found


async def test_who_looked_at_a_case_and_at_what_somebody_looked(office: Office) -> None:
    await office.looks.note("riley", "queue", ["case-1", "case-2", "case-1"], NOW)
    await office.looks.note("alex", "case", ["case-2"], NOW + timedelta(minutes=1))
    await office.looks.note("alex", "export", (), NOW + timedelta(minutes=2))
    assert [(row.actor, row.page, row.at) for row in (await office.looks.of_case("case-2")).rows] == [
        ("alex", "case", NOW + timedelta(minutes=1)),
        ("riley", "queue", NOW),
    ]
    assert [(row.page, row.case_id) for row in (await office.looks.of_actor("alex")).rows] == [
        ("export", None),
        ("case", "case-2"),
    ]
    assert [row.case_id for row in (await office.looks.of_actor("riley")).rows] == ["case-2", "case-1"]
    assert len((await office.looks.all()).rows) == 4


async def test_looks_by_pages(office: Office) -> None:
    await office.looks.note("riley", "queue", [f"case-{number}" for number in range(5)], NOW)
    first = await office.looks.of_actor("riley", limit=2)
    second = await office.looks.of_actor("riley", first.next, 2)
    third = await office.looks.of_actor("riley", second.next, 2)
    assert [row.case_id for page in (first, second, third) for row in page.rows] == [
        f"case-{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert (third.next, (await office.looks.of_actor("riley", third.previous, 2)).rows) == (None, second.rows)


async def test_a_look_is_of_now_unless_something_else_is_said(office: Office) -> None:
    before = datetime.now(UTC)
    await office.looks.note("riley", "case", ["case-1"])
    (row,) = (await office.looks.of_case("case-1")).rows
    assert before <= row.at <= datetime.now(UTC)
