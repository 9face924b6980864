"""The LMS opens with account and profile, one course a plan year, and nothing earlier counts (A17, A19, A20, C6)."""

import asyncio
from typing import Any

import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

KINDS = {"agent": documents.agent, "broker": documents.broker, "enrollment_counselor": documents.counselor}


async def test_a17_account_and_profile_open_the_training(world: World) -> None:
    opened = await world.opened(documents.broker())
    await world.approved(opened)
    await world.until(opened, lambda status: status["waiting_for"] == "lms_account")
    learner = f"{world.stack['sandbox']['lms']}/learners/{opened['case_id']}"
    await world.http.post(f"{learner}/account")
    status = await world.until(opened, lambda status: status["waiting_for"] == "lms_profile")
    assert (status["stage"], status["training"]["lms_account"]) == ("invited", "ready")
    await world.http.post(f"{learner}/profile")
    status = await world.until(opened, "in_training")
    assert (status["waiting_for"], status["training"]["profile"]) == ("course_completion", "complete")


@pytest.mark.parametrize("order", [("account", "profile"), ("profile", "account")], ids="-".join)
async def test_a17_a_course_completed_before_the_profile_is_held_and_counts_with_it(
    world: World, order: tuple[str, str]
) -> None:
    opened = await world.opened(documents.agent())
    await world.approved(opened)
    await world.until(opened, "invited")
    await world.reported(opened, "course", "0.9", order[0])
    status = await world.status(opened)
    assert (status["stage"], status["certificate"]) == ("invited", None)
    await world.reported(opened, order[1])
    status = await world.until(opened, lambda status: status["certificate"])
    assert status["training"]["completed_at"]


async def test_a19_every_kind_and_type_gets_the_course_of_its_plan_year(world: World) -> None:
    returning, lapsed = documents.agent(), documents.broker()
    known = [documents.earlier(returning, 2023), documents.earlier(lapsed, 2023, portal_account=None)]
    returning_id, _ = await world.all_imported(known)
    await world.know(documents.producer(returning))
    cases = [
        ("new", await world.opened(documents.agent())),
        ("new", await world.opened(documents.broker())),
        ("new", await world.opened(documents.counselor())),
        ("lapsed", await world.opened(lapsed)),
        ("returning", await world.begun(returning_id, 2024)),
    ]
    course = (await world.policy(2024))["lms"]["course_id"]
    for assister_type, opened in cases:
        await world.approved(opened, override="agreement signed on paper")
        await world.until(opened, lambda status: status["waiting_for"] in ("lms_account", "course_completion"))
        status = await world.status(opened)
        assert status["assister_type"] == assister_type
        assert status["training"]["course"] == course
    told = {call["body"]["registration"]: call["body"]["course_id"] for call in await world.calls("lms")}
    assert {told[opened["case_id"]] for _, opened in cases} == {course}


async def test_a19_another_year_has_another_course(world: World) -> None:
    policies = [await world.policy(year) for year in (2023, 2024, 2025, 2026, 2027)]
    assert len({policy["lms"]["course_id"] for policy in policies}) == 5
    assert len({policy["lms"]["exam_id"] for policy in policies}) == 5
    year = await world.later_year()
    opened = await world.opened(documents.broker(plan_year=year))
    status = await world.status(opened)
    assert status["training"]["course"] == (await world.policy(year))["lms"]["course_id"]


async def test_a20_a_2023_certification_leaves_2024_to_be_done(world: World) -> None:
    request = documents.agent()
    await world.know(documents.producer(request))
    assister_id = await world.imported(documents.earlier(request, 2023))
    opened = await world.begun(assister_id, 2024)
    await world.approved(opened, override="agreement signed on paper")
    status = await world.until(opened, "in_training")
    assert status["assister_type"] == "returning"
    assert status["may_assist_reasons"] == ["training_not_complete", "exam_not_passed", "no_certificate"]
    await world.reported(opened, "course", "0.9")
    assert (await world.until(opened, "active"))["may_assist"]


@pytest.mark.parametrize(("role", "verb"), [("exam", "passed"), ("course", "completed")])
async def test_a20_what_the_lms_reports_of_another_years_activity_is_refused(
    world: World, role: str, verb: str
) -> None:
    opened = await world.opened(documents.broker())
    result = {"score": {"scaled": 0.9}}
    for year in (2023, 2025):
        answer = await world.lms(documents.statement(await world.policy(year), opened, verb, role, result))
        assert (answer.status_code, fields(answer)) == (422, ["object.id"])
    assert (await world.status(opened))["exam"]["attempts"] == []


async def test_c6_next_years_case_opens_beside_this_years_and_a_pass_counts_in_its_own(world: World) -> None:
    request, year = documents.broker(), await world.later_year()
    ours = await world.opened(request)
    theirs = await world.opened({**request, "plan_year": year})
    assert ours["assister_id"] == theirs["assister_id"]
    assert ours["case_id"] != theirs["case_id"]
    for opened in (ours, theirs):
        await world.approved(opened)
    await world.reported(ours, "account", "profile", "course", "0.9")
    await world.until(ours, lambda status: status["certificate"])
    crossing = documents.exam(await world.policy(2024), theirs, 0.9)
    assert (await world.lms(crossing)).status_code == 422
    await world.reported(theirs, "account", "profile", "course", plan_year=year)
    await world.until(theirs, "awaiting_exam_pass")
    await world.wait_until_idle(theirs)
    status = await world.status(theirs)
    assert (status["exam"]["attempts"], status["certificate"]) == ([], None)


async def ends(world: World, opened: dict[str, Any], year: int) -> None:
    assert (await world.command(opened, "withdraw", reason="not this year")).status_code == 200
    await world.until(opened, "withdrawn")


async def goes_on(world: World, opened: dict[str, Any], year: int) -> None:
    await world.approved(opened, override="agreement signed on paper")
    await world.reported(opened, "course", "0.9", plan_year=year)
    status = await world.until(opened, "active")
    assert status["certificate"]["valid_until"] == f"{year}-12-31"


@pytest.mark.parametrize("what_happens", [ends, goes_on])
async def test_c6_whatever_becomes_of_next_year_this_year_stays_as_it_is(world: World, what_happens: Any) -> None:
    ours, year = await world.active(documents.broker()), await world.later_year()
    before = await world.status(ours)
    theirs = await world.begun(ours["assister_id"], year)
    assert (await world.status(theirs))["assister_type"] == "returning"
    await what_happens(world, theirs, year)
    assert await world.status(ours) == before
    assert before["may_assist"]


async def test_c6_c8_the_account_both_years_share_is_suspended_with_the_last_of_them(world: World) -> None:
    request, year = documents.agent(), await world.later_year()
    ours = await world.certified(request)
    portal = world.stack["sandbox"]["portal"]
    number = (await world.status(ours))["certificate"]["number"]
    await world.http.post(f"{portal}/register", json={"email": request["email"], "certificate_number": number})
    await world.until(ours, "portal_setup")
    theirs = await world.begun(ours["assister_id"], year)
    await goes_on(world, theirs, year)

    async def is_active() -> bool:
        return bool((await world.portal_account(request["email"]))["active"])

    await world.command(ours, "revoke", reason="this year's is void")
    await world.letter(request["email"], lambda letter: "revoked" in letter["subject"])
    await world.wait_until_idle(ours)
    assert await is_active()
    assert (await world.status(theirs))["may_assist"]
    await world.command(theirs, "revoke", reason="so is the next")
    async with asyncio.timeout(PATIENCE):
        while await is_active():
            await asyncio.sleep(0.1)
