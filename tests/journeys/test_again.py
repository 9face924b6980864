"""Certified again after a case has ended: the portal account is the same one, handed to the new case."""

import pytest

from tests.support import documents
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a10_c8_a_broker_whose_certification_was_revoked_is_certified_again(world: World) -> None:
    request = documents.broker()
    first = await world.active(request)
    assert (await world.command(first, "revoke", reason="a complaint")).status_code == 200
    await world.until(first, "revoked")
    second = await world.opened(request)
    await world.approved(second)
    await world.until(second, lambda status: status["training"]["lms_account"] == "ready")
    await world.reported(second, "course", "0.95")
    status = await world.until(second, "active")
    assert status["may_assist"]
    assert status["assister_type"] == "lapsed"
    assert status["certificate"]["number"] != (await world.status(first))["certificate"]["number"]


async def test_a28_a29_what_a_counselor_left_undone_is_done_on_the_new_case(world: World) -> None:
    request = documents.counselor()
    first = await world.certified(request)
    await world.until(first, lambda status: status["portal"]["account"] == "created")
    assert (await world.command(first, "withdraw", reason="changed jobs")).status_code == 200
    second = await world.opened(request)
    await world.approved(second)
    await world.reported(second, "course", "0.95")
    await world.until(second, lambda status: status["portal"]["account"] == "created")
    portal = world.stack["sandbox"]["portal"]
    shown = (await world.http.get(f"{portal}/accounts/{second['case_id']}")).json()
    assert shown["case_id"] == second["case_id"]
    assert (await world.http.get(f"{portal}/accounts/{first['case_id']}")).status_code == 404
    await world.reported_by_portal(second, "account.activated", "profile.completed", "scheduling_tool.ready")
    await world.until(second, "active")
