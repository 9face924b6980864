"""Two workers and two webs over one Temporal server, on both databases: twenty cases of both programs at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from sqlmodel import select
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from db.case_state import list_rows
from db.engine import Database
from db.tables import EffectRow, LeaseRow
from starter.stack.processes import choose_ports
from tests.distributed.conftest import NAMESPACE
from tests.distributed.parts import Apart, Part, workers_of
from tests.support import documents
from tests.support.gates import Gate
from tests.support.lives import Life
from tests.support.marketplace import Marketplace
from tests.support.world import Document, World

pytestmark = pytest.mark.slow

BROKERS, COUNSELORS, REGISTRATIONS = 8, 4, 8
PATIENCE = 150
# What is made at whom, and how its order names the case.
MADE_AT = (("lms", "registration"), ("mlms", "registration"), ("portal", "externalId"))
BEGINS = "background work begins"


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Gate]:
    """What stands before the webs, and sends each connection to another one."""
    gate = Gate(*choose_ports(("first", "second"), {}).values())
    await gate.start()
    yield gate
    await gate.close()


async def test_two_workers_and_two_webs_share_the_work_and_do_nothing_twice(
    temporal: Client, migrated_url: str, proxy: Gate, tmp_path: Path
) -> None:
    apart = Apart(tmp_path, temporal.service_client.config.target_host, NAMESPACE, migrated_url, proxy.port)
    database = Database(migrated_url)
    try:
        async with httpx2.AsyncClient(timeout=60) as http:
            workers = await _start(apart, proxy)
            world, market = World(apart.document, http), Marketplace(apart.document, http)
            state, federal = await _live(world, market)
            await _publish(market, temporal, federal)
            assert await workers_of(temporal, [*state, *federal]) == {worker.pid for worker in workers}
            assert min(proxy.relayed.values()) > 5, "both webs were asked"
            await _everything_was_made_once(world, database, state, federal)
            await _one_does_the_background_work(database, workers)
    finally:
        await database.close()
        await asyncio.to_thread(apart.close)


async def _start(apart: Apart, proxy: Gate) -> list[Part]:
    """Every process; the workers."""
    workers = [asyncio.to_thread(apart.worker, name) for name in ("first", "second")]
    webs = [asyncio.to_thread(apart.web, f"web {port}", port) for port in proxy.upstreams]
    first, second, *_ = await asyncio.gather(*workers, *webs, asyncio.to_thread(apart.sandbox))
    return [first, second]


async def _live(world: World, market: Marketplace) -> tuple[list[Document], list[Document]]:
    """Everybody at once: the state's up to the first day of helping, the federal ones up to their certificate."""
    people = [documents.broker() for _ in range(BROKERS)] + [documents.counselor() for _ in range(COUNSELORS)]
    lives = [Life(world, request) for request in people]
    _, federal = await asyncio.gather(
        asyncio.gather(*(life.until("next_plan_year", PATIENCE) for life in lives)),
        asyncio.gather(*(market.certified(documents.registration()) for _ in range(REGISTRATIONS))),
    )
    return [life.opened for life in lives], federal


async def _publish(market: Marketplace, temporal: Client, federal: list[Document]) -> None:
    """The lists are published, and read on the next business days."""
    for opened in federal:
        await market.until(opened, lambda status: status["publication"]["lists"])
    await market.publish()
    for opened in federal:
        await TimeSkipper(temporal).fast_forward(temporal.get_workflow_handle(opened["workflow_id"]), timedelta(days=4))
    await asyncio.gather(*(market.until(opened, "active") for opened in federal))


async def _everything_was_made_once(
    world: World, database: Database, state: list[Document], federal: list[Document]
) -> None:
    effects = await database.read(list_rows, select(EffectRow))
    async with asyncio.timeout(PATIENCE):
        while not all(row.result for row in effects):
            await asyncio.sleep(0.1)
            effects = await database.read(list_rows, select(EffectRow))
    invited, placed, accounts = [await _made(world, *whose) for whose in MADE_AT]
    assert invited == {opened["case_id"]: 1 for opened in state}
    assert placed == {opened["case_id"]: 1 for opened in federal}
    assert (len(accounts), set(accounts.values())) == (COUNSELORS, {1})
    kinds = Counter((row.case_id, row.kind) for row in effects)
    assert {count for (_, kind), count in kinds.items() if kind == "certificate.issued"} == {1}
    letters = (await world.http.get(f"{world.stack['mailbox']}/messages")).json()
    # A letter whose attempt took too long on a slow machine is sent again: the same letter, by its Message-ID.
    sent = {one["headers"]["Message-ID"].strip() for one in letters}
    assert sent == {row.result["message_id"] for row in effects if row.kind.startswith("notice.") and row.result}


async def _made(world: World, stand_in: str, whose: str) -> Counter[str]:
    """How often something was made at a third party, by case."""
    return Counter(one["body"][whose] for one in await world.calls(stand_in) if one["status"] == 201)


async def _one_does_the_background_work(database: Database, workers: list[Part]) -> None:
    """The other one takes it over from who leaves."""
    (lease,) = await database.read(list_rows, select(LeaseRow))
    holding, standing_by = sorted(workers, key=lambda worker: BEGINS not in worker.said)
    assert [BEGINS in worker.said for worker in (holding, standing_by)] == [True, False]
    holding.ask_to_end()
    assert await asyncio.to_thread(holding.ended) == 0
    async with asyncio.timeout(PATIENCE):
        while BEGINS not in standing_by.said:
            await asyncio.sleep(0.1)
    (taken,) = await database.read(list_rows, select(LeaseRow))
    assert taken.holder != lease.holder
