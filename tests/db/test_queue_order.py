"""What the queue says of checks, and its orders: kept by every write, gone through page by page, never out of place."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from db.case_state import load_snapshot
from db.reads.counts import add_desks, count_desks
from db.reads.queue import NOBODY, Filters, ListedCase, SortedBy, Sorting, View, find_next_in_queue, read_case_page
from db.tables import Case
from db.writes.cases import flag_case
from db.writes.desk.assignments import assign_case
from db.writes.opening import Opened
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.state.eligibility import Check, Result, make_finding
from tests.support.office import Office, office_over


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def case_of(office: Office, case_id: str) -> Case:
    return (await office.database.read(load_snapshot, case_id)).case


async def screened(office: Office, results: dict[Check, Result], **changes: Any) -> Opened:
    """A case that waits for a decision with these findings, and the agreement accepted."""
    opened = await office.opened(**changes)
    found = [make_finding(check, result).model_dump(mode="json") for check, result in results.items()]
    await office.fact(opened, FactKind.SCREENED, {"round": 0, "findings": found})
    return opened


CLEAN = {Check.NPN_FOUND: Result.PASS, Check.LICENSE_ACTIVE: Result.PASS}
FAILED = {**CLEAN, Check.LICENSE_ACTIVE: Result.FAIL, Check.NAME_MATCHES: Result.CONSIDER}
CONSIDER = {**CLEAN, Check.NAME_MATCHES: Result.CONSIDER, Check.HEALTH_LINE: Result.UNKNOWN}
UNKNOWN = {Check.NPN_FOUND: Result.UNKNOWN}


@pytest.mark.parametrize(
    ("results", "finding", "number", "open_checks"),
    [
        (CLEAN, "passed", 3, {}),
        (FAILED, "failed", 4, {"license_active": "fail", "name_matches": "consider"}),
        (CONSIDER, "consider", 5, {"name_matches": "consider", "health_line": "unknown"}),
        (UNKNOWN, "unknown", 2, {"npn_found": "unknown"}),
    ],
)
async def test_a_case_that_waits_for_a_decision_says_what_its_checks_come_to(
    office: Office, results: dict[Check, Result], finding: str, number: int, open_checks: dict[str, str]
) -> None:
    opened = await screened(office, results)
    case = await case_of(office, opened.case_id)
    assert (case.finding, case.checks) == (finding, {"number": number, "open": open_checks})
    await office.decided(opened, "deny")
    case = await case_of(office, opened.case_id)
    assert (case.finding, case.checks) == ("without", None), "nobody decides on it any more"


async def test_an_answer_is_to_be_read_whatever_the_checks_say(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened, "ask")
    assert (await case_of(office, opened.case_id)).finding == "without", "it waits for the assister"
    await office.command(opened, CommandKind.ANSWER, changes={"phone": "505-555-0111"})
    await office.screened(opened, number=1)
    case = await case_of(office, opened.case_id)
    assert (case.finding, case.checks) == ("answered", {"number": 4, "open": {}})


async def many(office: Office) -> list[str]:
    """Cases of different people, kinds, findings and reasons, in the order of their age."""
    cases = [
        await screened(office, CLEAN, first_name="Zoe", last_name="Ábaco"),
        await screened(office, FAILED, first_name="Ana", last_name="Zeta"),
        await screened(office, CONSIDER, first_name="Bea", last_name="Abaco", kind="agent", insurers=["X"]),
        await office.registered(first_name="Cid", last_name="Medio"),
        await screened(office, CLEAN, first_name="Dora", last_name="Medio"),
    ]
    for place, who in ((1, "riley"), (2, "alex"), (4, "riley")):
        await office.database.write(assign_case, cases[place].case_id, who, office.later(), timedelta(days=1))
    for place in (3, 4):
        await office.database.write(
            flag_case, cases[place].case_id, ("mail_refused", "list_late")[place % 2], office.later()
        )
    return [one.case_id for one in cases]


def key_of(case: ListedCase, by: SortedBy) -> tuple[object, ...]:
    """By what a case has its place, told by what the page shows of it."""
    plain = (case.last_name.replace("Á", "A").lower(), case.first_name.lower())
    values: dict[SortedBy, tuple[object, ...]] = {
        SortedBy.SINCE: (case.attention_since,),
        SortedBy.NAME: plain,
        SortedBy.REASON: (case.attention, case.attention_since),
        SortedBy.CHECKS: (case.finding, case.attention_since),
        SortedBy.KIND: (case.kind, case.attention_since),
        SortedBy.PROGRAM: (case.program, case.attention_since),
        SortedBy.DESK: (case.desk is None, case.desk or "", case.attention_since),
    }
    return values[by]


def ordered_by(by: SortedBy, office: Office) -> Filters:
    return Filters(sorting=Sorting(by), at=office.now)


async def test_each_order_goes_page_by_page_there_and_back_and_on_to_the_next_after_a_decision(office: Office) -> None:
    cases = await many(office)
    for by in SortedBy:
        for is_down in (False, True):
            filters = Filters(sorting=Sorting(by, is_down), at=office.now)
            whole = (await office.database.read(read_case_page, View.QUEUE, filters)).rows
            assert {one.case_id for one in whole} == set(cases)
            assert whole == sorted(whole, key=lambda one: key_of(one, by), reverse=is_down)
            pages = [await office.database.read(read_case_page, View.QUEUE, filters, None, 2)]
            while pages[-1].next:
                pages.append(await office.database.read(read_case_page, View.QUEUE, filters, pages[-1].next, 2))
            assert [row for page in pages for row in page.rows] == whole
            assert (await office.database.read(read_case_page, View.QUEUE, filters, pages[-1].previous, 2)) == pages[1]
            found = [await office.database.read(find_next_in_queue, filters, one.case_id) for one in whole]
            assert found == [one.case_id for one in (*whole[1:], whole[0])]
    before = {
        by: [
            one.case_id for one in (await office.database.read(read_case_page, View.QUEUE, ordered_by(by, office))).rows
        ]
        for by in SortedBy
    }
    await office.decided(Opened("", cases[1], "", True), "deny")
    for by, order in before.items():
        place = order.index(cases[1])
        following = await office.database.read(find_next_in_queue, ordered_by(by, office), cases[1])
        assert following == order[(place + 1) % len(order)], by


async def test_who_has_another_name_stands_elsewhere_and_no_cursor_holds_a_name(office: Office) -> None:
    cases = await many(office)
    by_name = Filters(sorting=Sorting(SortedBy.NAME))
    first = await office.database.read(read_case_page, View.QUEUE, by_name, None, 1)
    assert first.rows[0].case_id == cases[2]
    opened = Opened("", cases[2], "", True)
    await office.decided(opened, "ask")
    await office.command(opened, CommandKind.ANSWER, changes={"last_name": "Zuletzt"})
    await office.screened(opened, number=1)
    assert (await case_of(office, cases[2])).sort_name == "zuletzt, bea"
    whole = (await office.database.read(read_case_page, View.QUEUE, by_name)).rows
    assert whole[-1].case_id == cases[2]
    assert len(first.next or "") < 30


async def test_a_case_is_on_a_desk_until_its_time_is_over_and_filters_agree_with_the_counts(office: Office) -> None:
    cases = await many(office)
    at = office.now
    late = at + timedelta(days=2)
    for desk, places, over in (("riley", [1, 4], []), ("alex", [2], []), (NOBODY, [0, 3], range(5)), ("sam", [], [])):
        for when, expected in ((at, places), (late, over)):
            filters = Filters(desk=desk, at=when)
            assert set(await office.queued(desk=desk, at=when)) == {cases[place] for place in expected}
            office.numbers.forget()
            held = await office.database.read(count_desks, when)
            found = add_desks(await office.numbers.count_cases(View.QUEUE, filters), held, filters)
            assert found.total == len(expected)
            assert sum(found.facets["kind"].values()) == len(expected)
            others = {} if when is late else {"alex": 1, "riley": 2}
            assert found.facets["desk"] == {NOBODY: 5 - sum(others.values()), **others}
    narrowed = Filters(kind="agent", desk="riley", at=at)
    counts = await office.numbers.count_cases(View.QUEUE, narrowed)
    found = add_desks(counts, await office.database.read(count_desks, at), narrowed)
    assert (found.total, found.facets["desk"]) == (0, {NOBODY: 0, "alex": 1})
    assert found.facets["kind"] == {"broker": 2}
    shown = (await office.queue(at=at, sorting=Sorting(SortedBy.KIND))).rows
    assert {one.case_id: one.desk for one in shown} == {
        cases[place]: who for place, who in enumerate((None, "riley", "alex", None, "riley"))
    }
