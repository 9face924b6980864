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
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import load_snapshot
from db.engine import Database
from db.reads.federal import published_lists
from db.reads.federal.published_lists import Edition, Superseded, find_current, find_tracked, stream_list
from db.tables import Case, PublishedRow
from db.writes.cases import record_facts
from db.writes.federal import publications
from db.writes.federal.profiles import record_npn_verdict
from db.writes.federal.publications import make_current, open_publication, stage_changes, tidy_lines
from db.writes.opening import Opened
from domain.federal.lists import COLUMNS, PublishedList
from domain.federal.markets import NpnStatus
from domain.federal.may_assist import list_marketplace_obstacles
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.claims import RegisteredOwner
from domain.shared.documents.faults import Fault
from tests.support.documents import new_npn
from tests.support.patience import PATIENCE
from tests.support.publishing import publish_lists, read_list, stage_all
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

    async def open(self, day: date, at: datetime, forced: bool = False) -> int:
        return await self.database.write(open_publication, day, at, forced=forced)

    async def stage(self, number: int) -> tuple[int, bool]:
        return await self.database.write(stage_changes, number)

    async def staged(self, number: int) -> int:
        return await stage_all(self.database, number)

    async def make_current(self, number: int, at: datetime) -> int:
        return await self.database.write(make_current, number, at)

    async def current(self) -> Edition:
        return await self.database.read(find_current)

    async def tracked(self, npn: str, plan_year: int | None = None) -> tuple[Edition, list[list[str]]]:
        return await self.database.read(find_tracked, npn, plan_year)

    async def published(self, at: datetime = NOW, tidied: bool = True) -> int:
        return await publish_lists(self.database, at, tidied)

    async def lines(self, name: PublishedList, **which: Any) -> list[dict[str, str]]:
        """What a reader sees now."""
        return [dict(zip(COLUMNS[name], cells, strict=True)) for cells in await read_list(self.database, name, **which)]

    async def npns(self, name: PublishedList = RCL, **which: Any) -> list[str]:
        return [line["npn"] for line in await self.lines(name, **which)]

    async def unpublished(self) -> int:
        query = select(func.count()).select_from(Case).where(col(Case.unpublished).is_(True))
        return int(await self.database.read(Session.scalar, query) or 0)

    async def kept(self) -> int:
        """How many lines there are, whoever sees them."""
        return int(await self.database.read(Session.scalar, select(func.count()).select_from(PublishedRow)) or 0)

    async def most_kept(self) -> int:
        """How many lines there are of one key, at most."""
        of_key = select(func.count(col(PublishedRow.key)).label("lines")).group_by(
            col(PublishedRow.list_name), col(PublishedRow.key)
        )
        return await self.database.read(Session.scalar, select(func.max(of_key.subquery().c.lines))) or 0

    async def execute(self, *statements: str) -> None:
        for statement in statements:
            await self.database.write(Session.execute, text(statement))


@pytest_asyncio.fixture
async def house(migrated_url: str) -> AsyncIterator[House]:
    found = House(migrated_url)
    yield found
    await found.database.close()


async def test_b19_what_is_staged_is_seen_by_nobody_before_the_switch(house: House) -> None:
    document = profile()
    await house.desk.completed(document, NOW)
    number = await house.open(TODAY, NOW)
    assert (number, await house.staged(number)) == (1, 4)
    assert await house.current() == Edition()
    assert await house.npns() == []
    assert await house.tracked(document["npn"]) == (Edition(), [])
    with pytest.raises(Superseded):
        await house.lines(RCL, number=number)

    assert await house.make_current(number, NOW + MINUTE) == 4
    assert await house.current() == Edition(1, NOW + MINUTE)
    assert await house.npns() == [document["npn"]]
    assert [line["helps"] for line in await house.lines(HELP)] == ["consumers"]


async def test_b18_b19_a_day_has_one_publication_and_an_unfinished_one_is_taken_up_again(house: House) -> None:
    opened = house.open
    assert [await opened(TODAY, NOW), await opened(TODAY, NOW), await opened(TODAY, NOW, forced=True)] == [1, 1, 1]
    await house.make_current(1, NOW)
    assert await opened(TODAY, NOW) == 0
    assert await opened(TODAY, NOW, forced=True) == 2
    assert await opened(TODAY + timedelta(days=1), NOW) == 2
    await house.make_current(2, NOW)
    assert await opened(TODAY + timedelta(days=1), NOW) == 3


async def test_b19_of_several_that_open_at_once_all_get_the_same_number(house: House) -> None:
    found = await asyncio.gather(*(house.open(TODAY, NOW) for _ in range(8)))
    assert set(found) == {1}


async def test_b19_many_registrations_are_staged_page_by_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publications, "STAGED_AT_ONCE", 2)
    for _ in range(5):
        await house.desk.completed(profile(), NOW)
    number = await house.open(TODAY, NOW)
    pages = [await house.stage(number) for _ in range(4)]
    assert pages == [(8, True), (8, True), (4, False), (0, False)]
    await house.make_current(number, NOW)
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
    number = await house.open(TODAY, NOW)
    dialect = "sqlite" if house.database.is_sqlite else "postgresql"
    await house.execute(*BROKEN[dialect])
    with pytest.raises(DBAPIError):  # in the last statement of the page
        await house.stage(number)
    assert (await house.kept(), await house.unpublished()) == (0, 1)
    await house.execute("DROP TRIGGER broken" + ("" if dialect == "sqlite" else " ON assister_case"))
    assert await house.staged(number) == 4


async def test_b19_a_publication_that_was_switched_twice_is_switched_once(house: House) -> None:
    await house.desk.completed(profile(), NOW)
    number = await house.published()
    assert await house.make_current(number, NOW + MINUTE) == 4
    assert (await house.current()).published_at == NOW


async def test_b19_a_change_between_staging_and_the_switch_is_published_next_time(house: House) -> None:
    document = profile()
    opened = await house.desk.opened(document, NOW)
    await house.desk.saved(opened, document, NOW)
    number = await house.open(TODAY, NOW)
    await house.staged(number)
    await house.desk.completed(document, NOW + MINUTE, again=opened)
    await house.make_current(number, NOW + MINUTE)
    assert (await house.npns(), await house.npns(TRACKER)) == ([], [document["npn"]])
    assert await house.stage(number) == (0, False)
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
    await house.desk.database.write(record_facts, opened.case_id, [fact], NOW, "test")
    number = await house.open(TODAY, NOW, forced=True)
    assert await house.stage(number) == (0, False)
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
    assert (await house.tracked(document["npn"]))[1] == []
    assert len(await house.lines(HELP)) == 1


async def test_d2_what_was_listed_of_an_npn_from_before_stays_until_it_is_proven(house: House) -> None:
    """Nothing new is listed meanwhile, and who changes the NPN is listed under neither."""
    document, another = profile(), new_npn()
    opened = await house.desk.opened(document, NOW)
    await house.desk.saved(opened, document, NOW)
    await house.published()
    assert await house.npns(TRACKER) == [document["npn"]]
    await house.execute(
        "UPDATE npn_claim SET state = 'unproven_legacy'", "UPDATE assister_case SET npn_unproven = true"
    )
    nobody = RegisteredOwner(document["npn"])
    await house.desk.saved(opened, {**document, "phone": "915-555-0142"}, NOW + MINUTE, owner=nobody)
    await house.published(NOW + MINUTE)
    assert await house.npns(TRACKER) == [document["npn"]]
    await house.desk.saved(opened, {**document, "npn": another}, NOW + 2 * MINUTE, owner=RegisteredOwner(another))
    await house.published(NOW + 2 * MINUTE)
    assert await house.npns(TRACKER) == []


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
    _, (line,) = await house.tracked(owner["npn"])
    assert dict(zip(COLUMNS[TRACKER], line, strict=True))["individual_completed_on"] == "10/03/2023"


@pytest.mark.parametrize("change", ["another name", "another NPN", "another NPN of the business"])
async def test_b9_an_outage_of_the_registry_takes_nobody_off_the_lists(house: House, change: str) -> None:
    """Saved anew while the registry is silent: listed as before until it has answered, then as it says."""
    document = profile()
    changed = {
        "another name": {**document, "last_name": "Newlywed"},
        "another NPN": {**document, "npn": new_npn()},
        "another NPN of the business": {**document, "business_npn": new_npn()},
    }[change]
    opened = await house.desk.completed(document, NOW)
    await house.published()
    names = [name for name in PublishedList if name is not TRACKER]
    before = {name: await house.lines(name) for name in names}
    assert [len(before[name]) for name in (RCL, HELP, DEMAND)] == [1, 1, 1]
    await house.desk.saved(opened, changed, NOW + MINUTE, npn=NpnStatus.UNVERIFIED)
    await house.published(NOW + 2 * MINUTE)
    assert {name: await house.lines(name) for name in names} == before
    state = (await house.database.read(load_snapshot, opened.case_id)).registration
    assert list_marketplace_obstacles(state, TODAY) == ["no_certificate"], "none was issued here; all else is as it was"
    assert state.take_snapshot().npn_unverified, "the registry is asked until it answers"
    owner = RegisteredOwner(changed.get("npn"), (document["email"],))
    await house.database.write(record_npn_verdict, b"a test's key", opened.case_id, 2, (), {}, NOW + 3 * MINUTE, owner)
    await house.published(NOW + 4 * MINUTE)
    assert [line["last_name"] for line in await house.lines(HELP)] == [changed["last_name"]]
    assert await house.npns() == await house.npns(DEMAND) == await house.npns(TRACKER) == [changed["npn"]]


async def test_b9_an_npn_that_turns_out_wrong_leaves_the_lists_after_an_outage(house: House) -> None:
    document = profile()
    opened = await house.desk.completed(document, NOW)
    await house.published()
    await house.desk.saved(opened, {**document, "npn": new_npn()}, NOW + MINUTE, npn=NpnStatus.UNVERIFIED)
    fault = Fault("npn", "npn_other_name")
    await house.database.write(record_npn_verdict, b"a test's key", opened.case_id, 2, (fault,), {}, NOW + 2 * MINUTE)
    await house.published(NOW + 3 * MINUTE)
    assert [await house.lines(name) for name in PublishedList] == [[]] * len(PublishedList)


async def test_b9_a_reinstatement_is_not_taken_back_by_an_outage(house: House) -> None:
    """Of two attempts under one NPN the first is revoked: alone it would say so of both."""
    document = profile()
    first = await house.desk.completed(document, NOW)
    revoked = Fact(id="revoked", kind=FactKind.REVOKED, at=NOW, data={"reason": "a sample"})
    await house.database.write(record_facts, first.case_id, [revoked], NOW, "test")
    second = await house.desk.completed(document, NOW + MINUTE)
    await house.published(NOW + 2 * MINUTE)
    (line,) = before = await house.lines(RCL)
    assert line["status"] == "R4"
    await house.desk.saved(second, {**document, "last_name": "Newlywed"}, NOW + 3 * MINUTE, npn=NpnStatus.UNVERIFIED)
    await house.published(NOW + 4 * MINUTE)
    assert await house.lines(RCL) == before


async def test_b18_the_tracker_answers_by_npn_and_plan_year(house: House) -> None:
    document = profile()
    await house.desk.completed(document, NOW)
    later = datetime(2024, 10, 1, 16, tzinfo=UTC)
    again = {**document, "plan_year": 2025}
    await house.desk.saved(await house.desk.opened(again, later), again, later, npn=NpnStatus.UNVERIFIED)
    await house.published(later)
    edition, lines = await house.tracked(document["npn"])
    assert edition == Edition(1, later)
    assert [(line[1], line[3], line[-1]) for line in lines] == [
        ("2024", "verified", "complete"),
        ("2025", "unverified", "in_progress"),
    ]
    assert len((await house.tracked(document["npn"], 2025))[1]) == 1
    assert (await house.tracked(document["npn"], 2026))[1] == []
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
    monkeypatch.setattr(published_lists, "READ_AT_ONCE", 4)
    documents = [profile() for _ in range(12)]
    cases = [await house.desk.completed(document, NOW) for document in documents]
    number = await house.published()
    slow, slower = (stream_list(house.database, RCL, number) for _ in range(2))
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
    monkeypatch.setattr(published_lists, "READ_AT_ONCE", 5)
    monkeypatch.setattr(publications, "STAGED_AT_ONCE", 2)
    monkeypatch.setattr(publications, "TIDIED_AT_ONCE", 3)
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
            _, more = await house.database.write(tidy_lines)
            assert {line["npn"]: line["last_name"] for line in await house.lines(DEMAND)} == listed
            assert number == 1 or await house.lines(DEMAND, number=number - 1) == before
        before = await house.lines(DEMAND)
        assert await house.most_kept() <= 2
    await house.published(at)
    await house.published(at)
    assert await house.kept() == sum([len(await house.lines(name)) for name in PublishedList])


async def test_b19_changes_made_while_pages_are_staged_are_all_published_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch, migrated_url: str
) -> None:
    """Two processes: one stages and switches over and over, the other completes registrations meanwhile."""
    monkeypatch.setattr(publications, "STAGED_AT_ONCE", 3)
    other = House(migrated_url)
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

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(publish(), register())
    await house.published()
    assert await house.npns() == sorted(document["npn"] for document in documents)
    assert await house.unpublished() == 0
    await other.database.close()
