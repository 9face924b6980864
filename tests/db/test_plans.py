"""The console's pages are read by indexes, however many cases there are: the databases' own plans say so."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest
import pytest_asyncio
from sqlalchemy.orm import Session

from db import migrate
from db.engine import Database
from db.reads.cases import read_case_list
from db.reads.counts import count_desks, count_groups
from db.reads.dashboard import read_dashboard
from db.reads.numbers import StaffNumbers
from db.reads.pending import list_unbegun_cases
from db.reads.queue import NOBODY, Filters, SortedBy, Sorting, View, read_case_page
from db.reads.search import search_everything
from tests.fixtures import postgres
from tests.support import crowd
from tests.support.crowd import Crowd
from tests.support.plans import plans_of

# PostgreSQL weighs: it reads small tables through, and rightly.
PEOPLE = {"sqlite": 2_000, "postgresql": 20_000}
AT = crowd.NOW
# Cases that wait for a decision and were opened: few of all, so that PostgreSQL reads them through.
FEW = ("case_assignment",)
ALL_FILTERS = Filters("bewellnm", 2026, "broker", "awaiting_decision", "decision")


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Crowd]]:
    """A database with a crowd in it; shared, since nothing here writes."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            url = stack.enter_context(postgres.database(request.getfixturevalue("postgres_server")))
        else:
            url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('crowd') / 'app.sqlite'}"
        migrate.upgrade(url)
        yield url, crowd.fill(url, PEOPLE[request.param])


@pytest_asyncio.fixture
async def database(filled: tuple[str, Crowd]) -> AsyncIterator[Database]:
    found = Database(filled[0])
    yield found
    await found.close()


def read_second_page(session: Session) -> None:
    page = read_case_page(session, View.QUEUE, Filters())
    read_case_page(session, View.QUEUE, Filters(), page.next)


@pytest.mark.parametrize(
    ("read", "index"),
    [
        (partial(read_case_page, view=View.QUEUE, filters=Filters()), "ix_case_attention"),
        (partial(read_case_page, view=View.QUEUE, filters=Filters(stage="awaiting_decision")), "ix_case_attention"),
        (read_second_page, "ix_case_attention"),
        (partial(read_case_page, view=View.ALL, filters=Filters()), "ix_case_opened"),
        (partial(read_case_page, view=View.ALL, filters=Filters(program="ffm")), "ix_case_opened"),
    ],
)
async def test_a_list_is_read_from_its_index_alone_and_only_its_rows_from_the_tables(
    database: Database, read: Callable[[Session], object], index: str
) -> None:
    for plan in await plans_of(database, lambda: database.read(read)):
        assert index in plan, plan
        assert "COVERING INDEX" in plan or "Index Only Scan" in plan, plan
        assert_no_table_is_read_through(plan)


@pytest.mark.parametrize("filters", [ALL_FILTERS, Filters(kind="nothing"), Filters(attention="mail_refused")])
async def test_filters_that_few_or_none_fit_read_no_table_through(database: Database, filters: Filters) -> None:
    for view in View:
        for plan in await plans_of(database, partial(database.read, read_case_page, view, filters)):
            assert_no_table_is_read_through(plan)


def read_sorted(session: Session, by: SortedBy, filters: Filters) -> None:
    wanted = replace(filters, sorting=Sorting(by, is_down=True))
    read_case_page(session, View.QUEUE, wanted, read_case_page(session, View.QUEUE, wanted, None, 1).next, 1)


@pytest.mark.parametrize("by", [one for one in SortedBy if one is not SortedBy.DESK])
async def test_the_queue_is_read_in_each_order_from_an_index_of_its_own(database: Database, by: SortedBy) -> None:
    index = {SortedBy.SINCE: "ix_case_attention", SortedBy.CHECKS: "ix_case_by_finding"}.get(by, f"ix_case_by_{by}")
    plans = await plans_of(database, lambda: database.read(read_sorted, by, Filters()))
    lists = [plan for plan in plans if index in plan]
    assert len(lists) == 2
    for plan in lists:
        assert "COVERING INDEX" in plan or "Index Only Scan" in plan, plan
    for filters in (Filters(program="ffm"), ALL_FILTERS, Filters(finding="failed"), Filters(desk=NOBODY, at=AT)):
        for plan in await plans_of(database, partial(database.read, read_sorted, by, filters)):
            assert_no_table_is_read_through(plan, but=FEW)
            if database.is_sqlite and by is not SortedBy.SINCE and "SCAN these" in plan:
                assert index in plan, "read in its order, whatever it is filtered by"


@pytest.mark.parametrize("desk", [crowd.STAFF[0], NOBODY, "somebody else", None])
async def test_cases_are_found_by_whose_desk_they_are_on_without_reading_the_queue(
    database: Database, desk: str | None
) -> None:
    for by in (SortedBy.DESK, SortedBy.SINCE, SortedBy.NAME):
        filters = Filters(desk=desk, at=AT, sorting=Sorting(by))
        for plan in await plans_of(database, partial(database.read, read_case_page, View.QUEUE, filters)):
            assert_no_table_is_read_through(plan, but=FEW)
            if desk not in (None, NOBODY):
                assert "ix_case_assignment_actor" in plan or not database.is_sqlite
                assert "ix_case_attention" not in plan
                assert "ix_case_by_name" not in plan
    if desk not in (None, NOBODY):
        for plan in await plans_of(database, lambda: database.read(read_case_list, Filters(desk=desk, at=AT))):
            assert_no_table_is_read_through(plan, but=FEW)
    for plan in await plans_of(database, lambda: database.read(count_desks, AT)):
        assert_no_table_is_read_through(plan, but=FEW)


async def test_counts_are_one_pass_over_an_index(database: Database) -> None:
    (plan,) = await plans_of(database, lambda: database.read(count_groups))
    assert "ix_case_counts" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "words", ["ana", "an exam", "ana example-00017", "nobody at all", "person.00017@", "505 555 0100", "qwertz asdfgh"]
)
async def test_a_search_goes_by_the_words(database: Database, words: str) -> None:
    plans = await plans_of(database, lambda: database.read(search_everything, words, 50))
    assert len(plans) >= 3
    for plan in plans:
        assert_no_table_is_read_through(plan)


async def test_the_dashboard_reads_no_table_through_but_small_ones(database: Database) -> None:
    groups = await database.read(count_groups)
    for plan in await plans_of(database, lambda: database.read(read_dashboard, groups, crowd.NOW)):
        assert_no_table_is_read_through(plan, but=("inbox", *FEW))


async def test_the_delivery_finds_at_once_that_there_is_nothing_to_begin(database: Database) -> None:
    (plan,) = await plans_of(database, lambda: database.read(list_unbegun_cases, crowd.NOW, crowd.NOW))
    assert "ix_case_unbegun" in plan


async def test_what_is_found_is_what_is_there(database: Database, filled: tuple[str, Crowd]) -> None:
    """The crowd is found like everybody else, and counted."""
    numbers, people = StaffNumbers(database), filled[1]
    first, last = people.name(17)
    (case,) = (await database.read(search_everything, f"{first} {last}", 50)).cases
    assert (case.first_name, case.last_name) == (first, last)
    assert (await database.read(search_everything, people.npn(17), 50)).cases == [case]
    counts = await numbers.count_cases(View.ALL, Filters())
    assert counts.total == people.number
    waiting = await numbers.count_cases(View.QUEUE, ALL_FILTERS)
    rows = (await database.read(read_case_page, View.QUEUE, ALL_FILTERS, None, 200)).rows
    assert waiting.total == len(rows)
    assert rows == sorted(rows, key=lambda row: (row.attention_since, row.case_id))


def assert_no_table_is_read_through(plan: str, but: tuple[str, ...] = ()) -> None:
    """Neither "SCAN table" of SQLite nor "Seq Scan on table" of PostgreSQL, of a table of ours."""
    for line in map(str.strip, plan.splitlines()):
        ours = any(f" {table}" in line for table in crowd.COLUMNS if table not in but)
        through = "Seq Scan" in line or (line.startswith("SCAN ") and "USING COVERING INDEX" not in line)
        assert not (ours and through), plan
