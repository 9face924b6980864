"""Ralph, a learning record store, stores what the LMS reports and forwards it to us over xAPI."""

from typing import Any

import pytest

from tests.conformance.peers import RecordStore
from tests.support import documents
from tests.support.world import Document, World

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="session")]

STEPS = (("registered", "account"), ("completed", "profile"), ("initialized", "course"), ("completed", "course"))


async def in_training(world: World, store: RecordStore) -> Document:
    """A broker's case, whose account and profile were reported through the store, in one list."""
    opened = await world.opened(documents.broker())
    await world.approved(opened)
    sent = await store.post(*[documents.statement(await world.policy(), opened, *step) for step in STEPS[:3]])
    assert (sent.status, sent.forwarded) == (200, True), sent
    await world.until(opened, "in_training")
    return opened


def attempts(status: Document) -> list[tuple[str, str, bool]]:
    return [(one["event_id"], one["score"], one["passed"]) for one in status["exam"]["attempts"]]


async def test_a_pass_that_was_posted_is_an_attempt_once(world: World, record_store: RecordStore) -> None:
    opened = await in_training(world, record_store)
    passed = documents.exam(await world.policy(), opened, 0.8)
    sent = await record_store.post(passed)
    assert (sent.status, sent.forwarded) == (200, True), sent
    first = await world.until(opened, lambda status: status["exam"]["passed_at"])
    assert attempts(first) == [(passed["id"], "0.8", True)]
    # Ralph stores a statement once but forwards it again, with another time of storage.
    again = await record_store.post(passed)
    assert (again.status, again.forwarded) == (204, True), again
    assert await world.status(opened) == first
    assert len(await record_store.stored(passed["id"])) == 1


async def test_a_pass_that_was_put_is_an_attempt_once(world: World, record_store: RecordStore) -> None:
    opened = await in_training(world, record_store)
    passed = documents.exam(await world.policy(), opened, 0.95)
    assert (await record_store.put(passed)).forwarded
    first = await world.until(opened, lambda status: status["exam"]["passed_at"])
    for repeat in (record_store.put, record_store.post):
        sent = await repeat(passed)
        assert (sent.status, sent.forwarded) == (204, True), sent
    assert await world.status(opened) == first
    assert attempts(first) == [(passed["id"], "0.95", True)]


@pytest.mark.parametrize("how", ["post", "put"])
async def test_a_score_below_the_mark_is_a_failed_attempt(world: World, record_store: RecordStore, how: str) -> None:
    opened = await in_training(world, record_store)
    failed = documents.exam(await world.policy(), opened, 0.7999)
    assert (await getattr(record_store, how)(failed)).forwarded
    status = await world.until(opened, lambda status: status["exam"]["attempts"])
    assert attempts(status) == [(failed["id"], "0.7999", False)]
    assert (status["stage"], status["exam"]["passed_at"]) == ("in_training", None)


@pytest.mark.parametrize("how", ["post", "put"])
async def test_another_years_exam_is_refused_and_the_store_notes_it(
    world: World, record_store: RecordStore, how: str
) -> None:
    opened = await in_training(world, record_store)
    before = await world.status(opened)
    foreign = documents.exam(await world.policy(2025), opened, 0.9)
    sent = await getattr(record_store, how)(foreign)
    assert not sent.forwarded
    assert "422" in sent.forwarding
    assert await world.status(opened) == before
    assert len(await record_store.stored(foreign["id"])) == 1
    assert (await record_store.post(documents.exam(await world.policy(), opened, 0.9))).forwarded


async def test_a_training_reported_through_the_store_ends_with_the_certificate(
    world: World, record_store: RecordStore
) -> None:
    opened = await in_training(world, record_store)
    policy = await world.policy()
    reports: list[dict[str, Any]] = [
        documents.statement(policy, opened, *STEPS[3]),
        documents.exam(policy, opened, 0.5),
        documents.exam(policy, opened, 0.85),
    ]
    for report in reports:
        assert (await record_store.put(report)).forwarded
    status = await world.until(opened, lambda status: status["certificate"])
    assert [score for _, score, _ in attempts(status)] == ["0.5", "0.85"]
