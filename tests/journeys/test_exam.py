"""The exam's pass mark, its attempts, and what they come to together with approval and training (A21–A23, C3)."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import documents
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def sit(world: World, opened: dict[str, Any], score: str, verb: str = "passed", **changes: Any) -> Any:
    """Reports an exam whose ``score`` is JSON text, so that it arrives with exactly these digits."""
    document = documents.statement(await world.policy(), opened, verb, "exam", {"score": "@"}, **changes)
    return await world.lms(json.dumps(document).replace('"@"', score))


@pytest.mark.parametrize(
    ("score", "shown", "passed"),
    [
        ('{"scaled": 0.79999999999999999999}', "0.79999999999999999999", False),
        ('{"raw": 4, "max": 5}', "0.8", True),
    ],
)
async def test_a21_eighty_percent_passes_and_nothing_is_rounded_up(
    world: World, score: str, shown: str, passed: bool
) -> None:
    opened = await world.opened(documents.broker())
    # The LMS's own verdict is not trusted.
    assert (await sit(world, opened, score, "failed" if passed else "passed")).status_code == 202
    status = await world.status(opened)
    (attempt,) = status["exam"]["attempts"]
    assert (attempt["score"], attempt["passed"]) == (shown, passed)
    assert bool(status["exam"]["passed_at"]) is passed


@pytest.mark.parametrize(
    ("score", "field"), [('{"scaled": 1.01}', "result.score.scaled"), ('{"scaled": 1e99999999999999999999}', "body")]
)
async def test_a21_c4_a_score_that_is_none_is_refused_and_nothing_is_stored(
    world: World, score: str, field: str
) -> None:
    opened = await world.opened(documents.broker())
    same: dict[str, Any] = documents.statement(await world.policy(), opened, "passed", "exam")
    answer = await sit(world, opened, score, id=same["id"])
    assert (answer.status_code, fields(answer)) == (422, [field])
    assert (await world.status(opened))["exam"]["attempts"] == []
    # Nothing is known of the id either: the right score is welcome under it.
    assert (await sit(world, opened, '{"scaled": 0.8}', id=same["id"])).status_code == 202


async def test_a22_attempts_are_unlimited_and_every_one_is_kept(world: World) -> None:
    opened = await world.opened(documents.broker())
    policy, began = await world.policy(), datetime.now(UTC) - timedelta(days=1)
    attempts = [
        documents.exam(policy, opened, 0.5, timestamp=(began + timedelta(minutes=n)).isoformat()) for n in range(499)
    ]
    for start in range(0, len(attempts), 100):
        assert (await world.lms(attempts[start : start + 100])).status_code == 202
    await world.reported(opened, "0.8")
    status = await world.status(opened)
    assert [attempt["passed"] for attempt in status["exam"]["attempts"]] == [False] * 499 + [True]
    assert {attempt["event_id"] for attempt in status["exam"]["attempts"]} >= {attempt["id"] for attempt in attempts}


async def test_a22_a_fail_after_a_pass_changes_nothing(world: World) -> None:
    opened = await world.certified(documents.broker())
    before = await world.status(opened)
    await world.reported(opened, "0.3", "0.95")
    after = await world.status(opened)
    assert [attempt["score"] for attempt in after["exam"]["attempts"]] == ["0.9", "0.3", "0.95"]
    assert after["exam"]["passed_at"] == before["exam"]["passed_at"]
    assert {**after, "exam": None} == {**before, "exam": None}
    assert await certificates(world, opened) == 1


async def test_a22_a_pass_counts_after_many_fails(world: World) -> None:
    opened = await world.opened(documents.agent())
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "course", "0.1", "0.7999", "0.5")
    assert (await world.until(opened, "awaiting_exam_pass"))["certificate"] is None
    await world.reported(opened, "0.8")
    await world.until(opened, lambda status: status["certificate"])


THREE = ("eligible", "trained", "passed")


async def do(world: World, opened: dict[str, Any], step: str) -> None:
    if step == "eligible":
        await world.approved(opened)
    elif step == "trained":
        await world.reported(opened, "account", "profile", "course")
    else:
        await world.reported(opened, "0.8")


async def certificates(world: World, opened: dict[str, Any]) -> int:
    """How many certificates were issued by all that was done so far."""
    await world.wait_until_idle(opened)
    return (await world.history(opened)).count("certificate_issued")


@pytest.mark.parametrize("done", [steps for n in range(4) for steps in itertools.combinations(THREE, n)], ids="+".join)
async def test_a23_of_the_eight_combinations_exactly_one_issues(world: World, done: tuple[str, ...]) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    for step in done:
        await do(world, opened, step)
    complete = len(done) == 3
    if complete:
        await world.until(opened, lambda status: status["certificate"])
        await world.letter(request["email"], lambda letter: "certificate" in letter["subject"])
    assert await certificates(world, opened) == complete
    assert bool((await world.status(opened))["certificate"]) is complete
    subjects = [letter["subject"] for letter in await world.letters(request["email"])]
    assert sum("certificate for plan year" in subject for subject in subjects) == complete


@pytest.mark.parametrize("order", list(itertools.permutations(THREE)), ids="-".join)
async def test_a23_c3_whichever_of_the_three_comes_last_issues_once(world: World, order: tuple[str, ...]) -> None:
    opened = await world.opened(documents.agent())
    for step in order[:2]:
        await do(world, opened, step)
    assert (await world.status(opened))["certificate"] is None
    await do(world, opened, order[2])
    await world.until(opened, lambda status: status["certificate"])
    assert await certificates(world, opened) == 1


async def test_c3_a_pass_before_eligibility_is_held_and_counts_once_eligible(world: World) -> None:
    opened = await world.opened(documents.counselor())
    await world.reported(opened, "0.9")
    status = await world.until(opened, "awaiting_decision")
    assert status["exam"]["passed_at"]
    assert "not_eligible" in status["may_assist_reasons"]
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "course")
    status = await world.until(opened, lambda status: status["certificate"])
    assert len(status["exam"]["attempts"]) == 1
