"""Each kind of assister, from the request form to the first day of helping."""

import pytest

from tests.support import documents
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_broker_is_certified(world: World) -> None:
    opened = await world.active(documents.broker())
    status = await world.status(opened)
    assert status["may_assist"]
    assert status["may_assist_reasons"] == []


async def test_a_counselor_is_certified(world: World) -> None:
    opened = await world.active(documents.counselor())
    status = await world.status(opened)
    assert status["may_assist"]
