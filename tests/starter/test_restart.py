"""`certify restart`: what an operator gets for a case that runs, has ended, isn't there, or whose workflow is gone."""

from uuid import uuid4

import pytest

from tests.starter.command import Clerk
from tests.support import documents
from tests.support.temporal import client_of
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_c1_only_an_open_case_whose_workflow_is_gone_is_begun_again(clerk: Clerk, world: World) -> None:
    running, ended = await world.opened(documents.broker()), await world.opened(documents.broker())
    for opened in (running, ended):
        await world.until(opened, "awaiting_decision")
    assert (await world.command(ended, "withdraw", reason="no more")).status_code == 200
    said = {
        running["case_id"]: "The case's workflow is running; there is nothing to begin again.",
        ended["case_id"]: "The case has ended: withdrawn.",
        str(uuid4()): "There is no case with this id.",
    }
    for case_id, sentence in said.items():
        assert (await clerk.refused("restart", case_id)).strip() == sentence
    for opened in (running, ended):
        assert "case.restarted" not in [entry["action"] for entry in await world.audit(opened)]

    handle = (await client_of(world.stack)).get_workflow_handle(running["workflow_id"])
    await handle.terminate("in the wrong window")
    answer = await world.decide(running)
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert (await world.status(running))["flag"] == "workflow_gone"
    begun = await clerk.json("restart", running["case_id"], "--reason", "not meant", "--as", "ana")
    assert begun == {"case_id": running["case_id"], "begun": True, "may_repeat": []}
    await world.until(running, lambda status: status["stage"] == "invited" and not status["flag"])
    [entry] = [entry for entry in await world.audit(running) if entry["action"] == "case.restarted"]
    assert (entry["actor"], entry["reason"]) == ("staff:ana", "not meant")
    await world.reported(running, "account", "profile", "course", "0.9")
    await world.until(running, "certified")
