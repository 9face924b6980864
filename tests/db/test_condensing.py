"""What a fact costs doesn't rise with the facts there are: a write folds from the few that are kept for it."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, event, insert, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import condense_case, facts_of, fold_case, list_rows, load_case, load_condensed, load_snapshot
from db.engine import Database
from db.reads.status import read_status
from db.tables import CondensedRow, FactRow
from db.writes.cases import record_facts
from db.writes.opening import Opened
from domain.shared.cases.condensing import RULE
from domain.shared.cases.facts import Fact, FactKind
from tests.support import documents
from tests.support.office import KEY, NOW, Office, office_over
from tests.support.opening import open_case

ATTEMPTS = 60


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


def attempt(opened: Opened, number: int, passed: bool = False) -> Fact:
    data = {"event_id": f"{number}", "score": "0.9" if passed else "0.1", "passed": passed}
    at = NOW + timedelta(hours=1, minutes=number)
    return Fact(id=f"{opened.case_id}:{number}", kind=FactKind.EXAM_ATTEMPTED, at=at, data=data)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement of the block."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.split()))

    event.listen(database._writing, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(database._writing, "before_cursor_execute", note)


def compare(session: Session, case_id: str) -> None:
    """What is kept is what every fact comes to."""
    case = load_case(session, case_id)
    every, kept = facts_of(session, case_id), load_condensed(session, case)
    whole = condense_case(case, every)
    assert sorted(kept.facts, key=lambda fact: fact.id) == sorted(whole.facts, key=lambda fact: fact.id)
    assert kept.total == whole.total == len(every)
    left, right = fold_case(case, kept.facts, kept.total), fold_case(case, every)
    assert left.model_copy(update={"attempts": ()}) == right.model_copy(update={"attempts": ()})
    assert (case.stage, case.waiting_for, case.waiting_since) == (right.stage, right.waiting_for, right.waiting_since)


async def test_a22_the_last_of_many_attempts_costs_what_the_first_one_does(office: Office) -> None:
    opened = await office.opened()
    counts = []
    for number in range(ATTEMPTS):
        with statements(office.database) as said:
            await office.database.write(record_facts, opened.case_id, [attempt(opened, number)], office.now, "test")
        counts.append(len(said))
        # Facts are looked up by their ids, never all of a case's.
        assert all("fact.id IN" in one for one in said if "FROM fact" in one)
    assert counts[2] == counts[-1]
    (row,) = await office.all(CondensedRow, case_id=opened.case_id)
    assert (row.total, len(row.facts)) == (ATTEMPTS + 3, 5), "how it began, the first attempt and the last"
    assert len((await office.status(opened))["exam"]["attempts"]) == ATTEMPTS, "all of them are shown"


async def test_a22_an_attempt_that_arrives_late_counts_by_its_time(office: Office) -> None:
    """Reports overtake each other: whichever comes first, the first passed attempt is the one that counts."""
    opened = await office.opened()
    attempts = [attempt(opened, number, passed=number % 3 == 0) for number in range(30)]
    for one in random.Random(5).sample(attempts, len(attempts)):
        await office.database.write(record_facts, opened.case_id, [one], office.later(), "test")
        await office.database.read(compare, opened.case_id)
    assert (await office.status(opened))["exam"]["passed_at"] == (NOW + timedelta(hours=1)).isoformat().replace(
        "+00:00", "Z"
    )


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_kept_is_what_every_fact_comes_to_in_any_order(office: Office, seed: int) -> None:
    """A whole life whose facts arrive in any order, some of them twice."""
    source = await office.opened()
    await office.screened(source)
    await office.decided(source)
    await office.certified(source)
    life = await office.database.read(facts_of, source.case_id)
    opened = await open_case(office.database, KEY, documents.broker(), NOW)
    moved = [fact.model_copy(update={"id": f"{opened.case_id}:{number}"}) for number, fact in enumerate(life)]
    order = random.Random(seed)
    arriving = order.sample(moved, len(moved)) + order.choices(moved, k=3)
    while arriving:
        some, arriving = arriving[:2], arriving[2:]
        once = list({fact.id: fact for fact in some}.values())
        await office.database.write(record_facts, opened.case_id, once, office.later(), "test")
        await office.database.read(compare, opened.case_id)
    assert len(await office.all(FactRow, case_id=opened.case_id)) == len(life) + 2


async def test_facts_of_before_are_chosen_when_they_are_needed_first(office: Office) -> None:
    """A case of before the table; and one whose facts were chosen by another release's rule."""
    opened = await office.opened()
    for number in range(5):
        await office.database.write(record_facts, opened.case_id, [attempt(opened, number)], office.later(), "test")
    of_case = col(CondensedRow.case_id) == opened.case_id
    undone = (delete(CondensedRow).where(of_case), update(CondensedRow).where(of_case).values(rule=0, facts=[]))
    for number, undo in enumerate(undone):
        await office.database.write(Session.execute, undo)
        snapshot = await office.database.read(load_snapshot, opened.case_id)
        assert (snapshot.condensed.total, len(snapshot.facts)) == (8 + number, 5)
        one = attempt(opened, 5 + number)
        await office.database.write(record_facts, opened.case_id, [one], office.later(), "test")
        await office.database.read(compare, opened.case_id)
        (row,) = await office.database.read(list_rows, select(CondensedRow).where(of_case))
        assert (row.rule, row.total, len(row.facts)) == (RULE, 9 + number, 5)


async def test_a_fact_written_by_a_release_that_knows_no_condensed_facts_is_not_left_out(office: Office) -> None:
    """While a release goes out, both write: the old one's fact takes away what the new one has kept."""
    opened = await office.opened()
    await office.database.write(record_facts, opened.case_id, [attempt(opened, 0)], office.later(), "test")
    passed = attempt(opened, 1, passed=True)
    row = {**passed.model_dump(), "case_id": opened.case_id, "recorded_at": office.later()}
    await office.database.write(Session.execute, insert(FactRow).values(**row))
    state = (await office.database.read(load_snapshot, opened.case_id)).certification
    assert state.passed_at == passed.at
    await office.database.write(record_facts, opened.case_id, [attempt(opened, 2)], office.later(), "test")
    await office.database.read(compare, opened.case_id)


async def test_facts_in_one_transaction_see_each_other(office: Office) -> None:
    opened = await office.opened()

    def record_twice(session: Session) -> None:
        for number in range(3):
            record_facts(session, opened.case_id, [attempt(opened, number)], NOW, "test")
            compare(session, opened.case_id)

    await office.database.write(record_twice)
    await office.database.read(compare, opened.case_id)


async def test_a_workflow_is_told_of_an_attempt_that_no_fold_needs(office: Office) -> None:
    opened = await office.opened()
    for number in range(5):
        await office.database.write(record_facts, opened.case_id, [attempt(opened, number)], office.later(), "test")
    told = attempt(opened, 2)
    snapshot = await office.database.read(load_snapshot, opened.case_id, [told.id])
    assert told in snapshot.facts
    assert (
        snapshot.state.waiting_since == (await office.database.read(load_snapshot, opened.case_id)).state.waiting_since
    )


async def test_a_fact_told_twice_is_one(office: Office) -> None:
    opened = await office.opened()
    for _ in range(2):
        await office.database.write(record_facts, opened.case_id, [attempt(opened, 1)], office.later(), "test")
    assert (await office.database.read(load_snapshot, opened.case_id)).condensed.total == 4
    assert len((await office.database.read(read_status, opened.case_id, office.now))["exam"]["attempts"]) == 1
