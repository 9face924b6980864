"""The same processes apart: a Temporal server, PostgreSQL, two workers, web and stand-ins, told by the environment."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client

import worker
from db.engine import Database
from db.writes.sessions import open_session
from starter import calls, letters
from tests.distributed.conftest import NAMESPACE
from tests.distributed.parts import Apart, Part, workers_of
from tests.fixtures.postgres import make_role
from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import Document, World
from web.http.permissions import StaffRole

SECONDS = 180
SESSION_COOKIE = "staff"


@pytest_asyncio.fixture
async def apart(temporal: Client, postgres_url: str, tmp_path: Path) -> AsyncIterator[Apart]:
    """The set-up, with its database migrated."""
    # As in production: the tables belong to the role that migrates, and the processes may do what it grants them.
    set_up = Apart(tmp_path, temporal.service_client.config.target_host, NAMESPACE, make_role(postgres_url))
    set_up.environment["CERTIFY_MIGRATION_URL"] = postgres_url
    try:
        await asyncio.to_thread(set_up.migrate)
        yield set_up
    finally:
        await asyncio.to_thread(set_up.close)


async def shared_out(world: World, client: Client, workers: tuple[Part, Part]) -> list[Document]:
    """Cases begun until both workers have had a part in them."""
    cases: list[Document] = []
    while await workers_of(client, cases) != {worker.pid for worker in workers}:
        cases += await asyncio.gather(*(world.opened(documents.broker()) for _ in range(4)))
        await asyncio.gather(*(world.until(opened, "awaiting_decision") for opened in cases))
    return cases


async def figures(world: World) -> dict[str, float]:
    """What /metrics says."""
    text = (await world.http.get(f"{world.web}/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def mail_goes_down(apart: Apart, world: World, stand_ins: Part) -> None:
    """Within half a minute the metrics say so, the operator's page and `certify doctor`, though no letter is due."""
    up = 'certify_third_party_up{third_party="mail"}'
    async with asyncio.timeout(PATIENCE):  # a call that a busy machine has made late is answered the next time
        while not (await figures(world)).get(up) or (await asyncio.to_thread(apart.run_doctor))["outages"]:
            await asyncio.sleep(0.5)
    stand_ins.ask_to_end()
    assert await asyncio.to_thread(stand_ins.ended) == 0
    async with asyncio.timeout(PATIENCE):
        while (await figures(world))[up]:
            await asyncio.sleep(0.5)
    assert letters.CHECKED_EVERY + worker.MAIL_SECONDS + calls.EVERY < 30, "at the most, on a machine that has time"
    (told,) = (await asyncio.to_thread(apart.run_doctor))["outages"]
    assert (told["setting"], "mail_unreachable" in told["fault"]) == ("mail", True)
    database = Database(apart.environment["CERTIFY_DATABASE_URL"])
    secret = await database.write(
        open_session, "olga", "Olga Example", [StaffRole.OPERATOR], timedelta(hours=1), datetime.now(UTC)
    )
    await database.close()
    page = await world.http.get(f"{world.web}/staff/operations", headers={"Cookie": f"{SESSION_COOKIE}={secret}"})
    assert "Mail server: down." in page.text


@pytest.mark.slow
async def test_separate_processes_certify_and_one_worker_may_leave(apart: Apart, temporal: Client) -> None:
    stand_ins, web, first, second = await asyncio.gather(
        *(
            asyncio.to_thread(start)
            for start in (
                apart.sandbox,
                apart.web,
                lambda: apart.worker("first"),
                lambda: apart.worker("second", shows_metrics=True),
            )
        )
    )
    async with asyncio.timeout(SECONDS), httpx2.AsyncClient(timeout=PATIENCE) as http:
        world = World(apart.document, http)

        broker, counselor = await asyncio.gather(world.active(documents.broker()), world.active(documents.counselor()))
        assert (await world.status(broker))["may_assist"]
        assert (await world.status(counselor))["may_assist"]

        cases = await shared_out(world, temporal, (first, second))
        await asyncio.gather(*(world.approved(opened) for opened in cases))
        first.ask_to_end()
        await asyncio.gather(*(world.reported(opened, "account", "profile", "course", "0.9") for opened in cases))
        await asyncio.gather(*(world.until(opened, lambda status: status["certificate"]) for opened in cases))
        assert await asyncio.to_thread(first.ended) == 0

        assert (await world.http.get(f"{world.web}/readyz")).json() == {"status": "ready"}
        told = await figures(world)
        assert told['certify_cases{stage="active"}'] == 2
        assert told['certify_cases{stage="certified"}'] == len(cases)
        shown = (await http.get(apart.sdk_metrics)).text
        assert {"temporal_worker_task_slots_used", "temporal_request"} <= set(re.findall(r"^temporal_\w+", shown, re.M))

        await mail_goes_down(apart, world, stand_ins)
    for part in (second, web):
        part.ask_to_end()
    assert await asyncio.to_thread(second.ended) == 0
    assert await asyncio.to_thread(web.ended) in (0, -signal.SIGTERM)  # uvicorn ends in good order, then by the signal
