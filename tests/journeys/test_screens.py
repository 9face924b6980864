"""Everybody's screen shows what they need without reading code: the person, staff, and operators in Temporal (C2)."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

from tests.support import documents
from tests.support.idle import wait_until_idle
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of, history_of
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def handle(world: World, opened: dict[str, Any]) -> tuple[Client, str]:
    return await client_of(world.stack), opened["workflow_id"]


async def test_c2_decisions_and_exam_results_reach_the_workflow_as_what_they_are(world: World) -> None:
    opened = await world.certified(documents.broker())
    history = await history_of(*await handle(world, opened))
    names = re.findall(r'"(?:signalName|name)": "(lms_reported|decide|portal_reported)"', history)
    assert names.count("lms_reported") == 5
    assert "decide" in names
    await world.reported_by_portal(opened, "account.registered")
    await wait_until_idle(world.stack, opened)
    assert '"signalName": "portal_reported"' in await history_of(*await handle(world, opened))


async def test_c2_operators_see_where_a_case_is_and_whose_move_it_is(world: World) -> None:
    opened = await world.opened(documents.counselor())
    await world.approved(opened)
    await world.until(opened, lambda status: status["waiting_for"] == "lms_account")
    client, workflow_id = await handle(world, opened)
    query = f"WaitsOn = 'assister' AND WaitingFor = 'lms_account' AND WorkflowId = '{workflow_id}'"
    async with asyncio.timeout(PATIENCE):  # the list follows a moment later
        while [one.id async for one in client.list_workflows(query)] != [workflow_id]:
            await asyncio.sleep(0.1)
    workflow = client.get_workflow_handle(workflow_id)
    described = await workflow.describe()
    shown = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    since = shown.pop("WaitingSince")
    assert isinstance(since, datetime)
    assert abs(datetime.now(UTC) - since) < timedelta(minutes=5)
    assert {name: value for name, value in shown.items() if not name.startswith(("Build", "Temporal"))} == {
        "Program": "bewellnm",
        "PlanYear": 2024,
        "AssisterKind": "enrollment_counselor",
        "Stage": "invited",
        "WaitingFor": "lms_account",
        "WaitsOn": "assister",
    }
    assert await described.static_summary() == "enrollment counselor, plan year 2024, new"
    progress = await workflow.query("progress")
    assert (progress["stage"], progress["waiting_for"]) == ("invited", "lms_account")
    details = str(await workflow.query("__temporal_workflow_metadata"))
    assert "**invited**, waiting for **lms_account** (assister) since" in details
    assert (await world.http.get(world.stack["temporal_ui"])).status_code == 200


async def test_nothing_personal_is_in_temporal(world: World) -> None:
    request = documents.broker(first_name="Inventada", last_name="Persona-Sintética")
    opened = await world.active(request)
    history = await history_of(*await handle(world, opened))
    assert opened["case_id"] in history
    for private in ("Inventada", "Persona", request["npn"], request["email"], request["phone"], "Sampletown"):
        assert private not in history


async def test_c2_staff_find_what_waits_for_them(world: World) -> None:
    opened = await world.opened(documents.agent())
    await world.until(opened, "awaiting_decision")
    query = "/api/cases?program=bewellnm&plan_year=2024&kind=agent&stage=awaiting_decision"
    (found,) = [one for one in (await world.get(query)).json() if one["case_id"] == opened["case_id"]]
    assert (found["waiting_for"], bool(found["waiting_since"])) == ("decision", True)
    assert (await world.http.get(world.web + query)).status_code == 401


async def test_c2_the_assister_reads_what_to_do_now(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    link = await world.own_page(opened, request["email"])

    async def shows(sentence: str) -> bool:
        return sentence in (await world.http.get(link)).text

    await world.until(opened, "awaiting_decision")
    assert await shows("Our staff are reviewing your request.")
    await world.approved(opened)
    await world.until(opened, lambda status: status["waiting_for"] == "lms_account")
    assert await shows("Set up your account in the Learning Management System (LMS).")
    await world.reported(opened, "account", "profile", "course")
    assert await shows("Pass the final exam in the Learning Management System (LMS) with a score of 80% or better.")
    await world.reported(opened, "0.9")
    await world.until(opened, "certified")
    assert await shows("Register on the Broker Portal with your e-mail address and your certificate number.")
