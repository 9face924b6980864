"""Publications over a real database: staged out of sight, switched at once, read while they change, never lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from db import migrate
from db.engine import Database
from db.tables import Case, PublishedRow
from db.writes import publications
from db.writes.opening import Opened
from db.writes.publications import Edition, Publications, Superseded
from domain.federal.lists import COLUMNS, PublishedList
from domain.federal.registration import NpnStatus
from domain.shared.facts import Fact, FactKind
from tests.support.documents import new_npn
from tests.support.registrations import MINUTE, Desk, profile

NOW = datetime(2023, 10, 3, 16, tzinfo=UTC)
TODAY = date(2023, 10, 3)
RCL, TRACKER = PublishedList.RCL, PublishedList.TRACKER
HELP, DEMAND = PublishedList.FIND_LOCAL_HELP, PublishedList.HELP_ON_DEMAND


class House:
    """A migrated database, the desk that writes registrations, and the publications."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.desk = Desk(self.database)
        self.publications = Publications(self.database)

    async def staged(self, number: int) -> int:
        """Every page; how many lines."""
        lines, more = 0, True
        while more:
            staged, more = await self.publications.stage(number)
            lines += staged
        return lines

    async def published(self, at: datetime = NOW, tidied: bool = True) -> int:
        """A whole publication; its number."""
        number = await self.publications.open(at.date(), at, forced=True)
        await self.staged(number)
        await self.publications.make_current(number, at)
        while tidied and (await self.publications.tidy())[1]:
            pass
        return number

    async def lines(self, name: PublishedList, **which: Any) -> list[dict[str, str]]:
        """What a reader sees now."""
        number = which.pop("number", None) or (await self.publications.current()).number
        pages = self.publications.rows(name, number, **which)
        return [dict(zip(COLUMNS[name], cells, strict=True)) async for page in pages for cells in page]

    async def npns(self, name: PublishedList = RCL, **which: Any) -> list[str]:
        return [line["npn"] for line in await self.lines(name, **which)]

    async def unpublished(self) -> int:
        query = select(func.count()).select_from(Case).where(col(Case.unpublished).is_(True))
        async with self.database.open_reader() as session:
            return int((await session.execute(query)).scalar_one())

    async def kept(self) -> int:
        """How many lines there are, whoever sees them."""
        async with self.database.open_reader() as session:
            return int((await session.execute(select(func.count()).select_from(PublishedRow))).scalar_one())

    async def most_kept(self) -> int:
        """How many lines there are of one key, at most."""
        of_key = select(func.count(col(PublishedRow.key)).label("lines")).group_by(
            col(PublishedRow.list_name), col(PublishedRow.key)
        )
        async with self.database.open_reader() as session:
            return (await session.execute(select(func.max(of_key.subquery().c.lines)))).scalar_one() or 0

    async def execute(self, *statements: str) -> None:
        async with self.database.open_writer() as session:
            for statement in statements:
                await session.execute(text(statement))


@pytest_asyncio.fixture
async def house(url: str) -> AsyncIterator[House]:
    await asyncio.to_thread(migrate.upgrade, url)
    found = House(url)
    yield found
    await found.database.close()


async def test_b19_what_is_staged_is_seen_by_nobody_before_the_switch(house: House) -> None:
    document = profile()
    await house.desk.completed(document, NOW)
    number = await house.publications.open(TODAY, NOW)
    assert (number, await house.staged(number)) == (1, 4)
    assert await house.publications.current() == Edition()
    assert await house.npns() == []
    assert await house.publications.tracker(document["npn"]) == (Edition(), [])
    with pytest.raises(Superseded):
        await house.lines(RCL, number=number)

    assert await house.publications.make_current(number, NOW + MINUTE) == 4
    assert await house.publications.current() == Edition(1, NOW + MINUTE)
    assert await house.npns() == [document["npn"]]
    assert [line["helps"] for line in await house.lines(HELP)] == ["consumers"]


async def test_b18_b19_a_day_has_one_publication_and_an_unfinished_one_is_taken_up_again(house: House) -> None:
    opened = house.publications.open
    assert [await opened(TODAY, NOW), await opened(TODAY, NOW), await opened(TODAY, NOW, forced=True)] == [1, 1, 1]
    await house.publications.make_current(1, NOW)
    assert await opened(TODAY, NOW) == 0
    assert await opened(TODAY, NOW, forced=True) == 2
    assert await opened(TODAY + timedelta(days=1), NOW) == 2
    await house.publications.make_current(2, NOW)
    assert await opened(TODAY + timedelta(days=1), NOW) == 3


async def test_b19_of_several_that_open_at_once_all_get_the_same_number(house: House) -> None:
    other = Publications(house.database)
    found = await asyncio.gather(*(one.open(TODAY, NOW) for one in (house.publications, other) for _ in range(4)))
    assert set(found) == {1}


async def test_b19_many_registrations_are_staged_page_by_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publications, "STAGED", 2)
    for _ in range(5):
        await house.desk.completed(profile(), NOW)
    number = await house.publications.open(TODAY, NOW)
    pages = [await house.publications.stage(number) for _ in range(4)]
    assert pages == [(8, True), (8, True), (4, False), (0, False)]
    await house.publications.make_current(number, NOW)
    assert len(await house.npns()) == 5


BROKEN = {
    "sqlite": [
        "CREATE TRIGGER broken BEFORE UPDATE ON assister_case BEGIN SELECT RAISE(ABORT, 'broken'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
        "CREATE TRIGGER broken BEFORE UPDATE ON assister_case EXECUTE FUNCTION broken()",
    ],
}


async def test_b19_a_page_that_breaks_off_leaves_nothing_and_is_staged_again(house: House) -> None:
    await house.desk.completed(profile(), NOW)
    number = await house.publications.open(TODAY, NOW)
    dialect = "sqlite" if house.database.is_sqlite else "postgresql"
    await house.execute(*BROKEN[dialect])
    with pytest.raises(DBAPIError):  # in the last statement of the page
        await house.publications.stage(number)
    assert (await house.kept(), await house.unpublished()) == (0, 1)
    await house.execute("DROP TRIGGER broken" + ("" if dialect == "sqlite" else " ON assister_case"))
    assert await house.staged(number) == 4


async def test_b19_a_publication_that_was_switched_twice_is_switched_once(house: House) -> None:
    await house.desk.completed(profile(), NOW)
    number = await house.published()
    assert await house.publications.make_current(number, NOW + MINUTE) == 4
    assert (await house.publications.current()).published_at == NOW


async def test_b19_a_change_between_staging_and_the_switch_is_published_next_time(house: House) -> None:
    document = profile()
    opened = await house.desk.opened(document, NOW)
    await house.desk.saved(opened, document, NOW)
    number = await house.publications.open(TODAY, NOW)
    await house.staged(number)
    await house.desk.completed(document, NOW + MINUTE, again=opened)
    await house.publications.make_current(number, NOW + MINUTE)
    assert (await house.npns(), await house.npns(TRACKER)) == ([], [document["npn"]])
    assert await house.publications.stage(number) == (0, False)
    assert await house.unpublished() == 1
    await house.published(NOW + MINUTE)
    assert await house.npns() == [document["npn"]]


async def test_b8_a_change_of_profile_reaches_both_listings_with_the_next_publication(house: House) -> None:
    document = profile(markets=["individual", "shop"])
    opened = await house.desk.completed(document, NOW)
    await house.published()
    contact = {**document["professional_contact"], "phone": "915-555-0199", "languages": ["English", "Vietnamese"]}
    changed = {**document, "professional_contact": contact, "last_name": "Agent-Ejemplo"}
    await house.desk.saved(opened, changed, NOW + MINUTE)
    assert (await house.lines(HELP))[0]["phone"] == "1 915-555-0100"
    await house.published(NOW + MINUTE)
    for name in (HELP, DEMAND):
        (line,) = await house.lines(name)
        assert (line["last_name"], line["phone"]) == ("Agent-Ejemplo", "915-555-0199")
        assert line["languages"] == "English; Vietnamese; Spanish"
    (line,) = await house.lines(RCL)
    assert line["individual_registration_completion_date"] == "10/03/2023"


async def test_b8_only_what_changed_is_written(house: House) -> None:
    document = profile()
    opened = await house.desk.completed(document, NOW)
    await house.published()
    fact = Fact(id="of no list", kind=FactKind.LAUNCHED, at=NOW, data={"curriculum": "shop", "channel": "vendor-a"})
    await house.desk.records.record(opened.case_id, [fact], NOW, "test")
    number = await house.publications.open(TODAY, NOW, forced=True)
    assert await house.publications.stage(number) == (0, False)
    assert await house.unpublished() == 0


async def test_b9_a_corrected_npn_takes_the_place_of_the_old_one(house: House) -> None:
    document = profile()
    opened = await house.desk.completed(document, NOW)
    await house.published()
    corrected = {**document, "npn": new_npn()}
    await house.desk.saved(opened, corrected, NOW + MINUTE)
    await house.published(NOW + MINUTE)
    for name in (RCL, TRACKER, DEMAND):
        assert await house.npns(name) == [corrected["npn"]]
    assert (await house.publications.tracker(document["npn"]))[1] == []
    assert len(await house.lines(HELP)) == 1


async def test_b9_who_is_no_agent_broker_any_more_leaves_every_list(house: House) -> None:
    document = profile()
    opened = await house.desk.completed(document, NOW)
    await house.published()
    await house.desk.saved(opened, {**document, "role": "not_an_agent_broker"}, NOW, npn=NpnStatus.NOT_REQUIRED)
    await house.published(NOW + MINUTE)
    assert [await house.lines(name) for name in PublishedList] == [[]] * len(PublishedList)


async def test_b9_an_npn_that_nobody_confirmed_takes_nobodys_place(house: House) -> None:
    owner = profile()
    await house.desk.completed(owner, NOW)
    await house.published()
    later = datetime(2024, 10, 1, 16, tzinfo=UTC)
    elsewhere = {**owner, "plan_year": 2025, "npn": new_npn()}
    await house.desk.saved(await house.desk.opened({**owner, "plan_year": 2025}, later), elsewhere, later)
    stranger = profile(first_name="Ejemplo")
    claimed = {**stranger, "npn": owner["npn"]}
    opened = await house.desk.opened(stranger, later)
    await house.desk.saved(opened, claimed, later, npn=NpnStatus.UNVERIFIED)
    await house.published(later)
    _, (line,) = await house.publications.tracker(owner["npn"])
    assert dict(zip(COLUMNS[TRACKER], line, strict=True))["individual_completed_on"] == "10/03/2023"


async def test_b18_the_tracker_answers_by_npn_and_plan_year(house: House) -> None:
    document = profile()
    await house.desk.completed(document, NOW)
    later = datetime(2024, 10, 1, 16, tzinfo=UTC)
    again = {**document, "plan_year": 2025}
    await house.desk.saved(await house.desk.opened(again, later), again, later, npn=NpnStatus.UNVERIFIED)
    await house.published(later)
    edition, lines = await house.publications.tracker(document["npn"])
    assert edition == Edition(1, later)
    assert [(line[1], line[3], line[-1]) for line in lines] == [
        ("2024", "verified", "complete"),
        ("2025", "unverified", "in_progress"),
    ]
    assert len((await house.publications.tracker(document["npn"], 2025))[1]) == 1
    assert (await house.publications.tracker(document["npn"], 2026))[1] == []
    assert await house.npns(plan_year=2024) == [document["npn"]]
    assert await house.npns(plan_year=2025) == []


async def test_b19_revoked_and_registered_again(house: House) -> None:
    document = profile()
    opened = await house.desk.completed(document, NOW)
    await house.desk.ended(opened, FactKind.REVOKED, NOW + MINUTE)
    await house.published()
    assert [line["status"] for line in await house.lines(PublishedList.TERMINATIONS)] == ["T4"]
    assert await house.lines(HELP) == []
    await house.desk.completed(document, NOW + timedelta(days=30))
    await house.published(NOW + timedelta(days=30))
    (line,) = await house.lines(RCL)
    assert (line["status"], line["individual_registration_completion_date"]) == ("R4", "11/02/2023")
    assert len(await house.lines(HELP)) == 1


async def test_b19_a_reader_goes_on_with_the_publication_it_began_and_no_further_than_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "READ", 4)
    documents = [profile() for _ in range(12)]
    cases = [await house.desk.completed(document, NOW) for document in documents]
    number = await house.published()
    slow, slower = (house.publications.rows(RCL, number) for _ in range(2))
    read = [*await anext(slow)]
    await anext(slower)

    for opened in cases[::2]:
        await house.desk.ended(opened, FactKind.REVOKED, NOW + MINUTE)
    await house.published(NOW + MINUTE)
    read += [cells async for page in slow for cells in page]
    assert [cells[0] for cells in read] == [document["npn"] for document in documents]
    assert {cells[-1] for cells in read} == {""}
    assert [line["status"] for line in await house.lines(RCL)] == ["T4", ""] * 6

    await house.published(NOW + 2 * MINUTE)
    with pytest.raises(Superseded):
        await anext(slower)


async def test_b8_b19_lists_and_what_is_kept_of_them_are_right_through_many_publications(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People rename themselves, are revoked and register again; with pages so small that everything falls apart."""
    for name, size in (("STAGED", 2), ("READ", 5), ("TIDIED", 3)):
        monkeypatch.setattr(publications, name, size)
    chance, at = random.Random(20231003), NOW
    documents = [profile() for _ in range(7)]
    cases: list[Opened | None] = [None] * 7
    before: list[dict[str, str]] = []
    for number in range(1, 13):
        for one in chance.sample(range(7), chance.randrange(6)):
            document, opened, at = documents[one], cases[one], at + MINUTE
            if opened is None:
                cases[one] = await house.desk.completed(document, at)
            elif chance.random() < 0.5:
                document["last_name"] = f"Agent-{'I' * number}"
                await house.desk.saved(opened, document, at)
            else:
                await house.desk.ended(opened, FactKind.REVOKED, at)
                cases[one] = None
        assert await house.published(at, tidied=False) == number
        listed = {one["npn"]: one["last_name"] for one, opened in zip(documents, cases, strict=True) if opened}
        more = True
        while more:
            _, more = await house.publications.tidy()
            assert {line["npn"]: line["last_name"] for line in await house.lines(DEMAND)} == listed
            assert number == 1 or await house.lines(DEMAND, number=number - 1) == before
        before = await house.lines(DEMAND)
        assert await house.most_kept() <= 2
    await house.published(at)
    await house.published(at)
    assert await house.kept() == sum([len(await house.lines(name)) for name in PublishedList])


async def test_b19_changes_made_while_pages_are_staged_are_all_published_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Two processes: one stages and switches over and over, the other completes registrations meanwhile."""
    monkeypatch.setattr(publications, "STAGED", 3)
    other = House(url)
    documents = [profile() for _ in range(12)]
    done = asyncio.Event()

    async def publish() -> None:
        while not done.is_set():
            await house.published()

    async def register() -> None:
        try:
            for number in range(0, 12, 3):
                await asyncio.gather(*(other.desk.completed(one, NOW) for one in documents[number : number + 3]))
        finally:
            done.set()

    async with asyncio.timeout(60):
        await asyncio.gather(publish(), register())
    await house.published()
    assert await house.npns() == sorted(document["npn"] for document in documents)
    assert await house.unpublished() == 0
    await other.database.close()
