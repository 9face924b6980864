"""Both stores restored from backups of different moments, either the older: every case is brought to its end.

Thirty people of both programs are on their way. Both stores are backed up at one moment, and again when all have gone a
step on; some go on after that, and then everything is killed. One store comes back from the first backup, the other
from the second; third parties are where they were. What was done twice is named on the case.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client

from starter.schedules import RECONCILIATION_ID
from tests.support import documents, mortal as support
from tests.support.kept import Kept, until
from tests.support.lives import Life
from tests.support.marketplace import COURSE, Marketplace, markets_of
from tests.support.mortal import Mortal
from tests.support.patience import PATIENCE
from tests.support.world import Document, World

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(1800), pytest.mark.slow]

STORES = ("app.sqlite", "temporal.sqlite")
# What a minute ago was new is looked after at once.
WORKER = """
import sys, os
from datetime import timedelta
from activities import reconciliation
reconciliation.YOUNG = timedelta()
import worker
os._exit(worker.main([]))
"""
# How far people are at the first backup, and at the second one.
WAYS = {
    "decision": "lms_account",
    "lms_account": "course_completion",
    "lms_profile": "exam_pass",
    "course_completion": "portal_registration",
    "exam_pass": "scheduling_tool",
    "portal_registration": "next_plan_year",
    "portal_profile": "next_plan_year",
}
# And how many steps a registration has taken by then.
STEPS = [(1, 3), (2, 3), (3, 4), (3, 5), (4, 5), (4, 5), (5, 5)]
MARKET = "individual"


@dataclass
class Registration:
    """Somebody who registers for a market; every step may be taken again."""

    market: Marketplace
    request: Document = field(default_factory=documents.registration)
    opened: Document = field(default_factory=dict)

    async def go_on(self, steps: int) -> "Registration":
        """So many steps: asked for, profile saved, gone on, trained, agreed."""
        for step in (self._open, self._save, self._complete_profile, self._train, self._agree)[:steps]:
            await step()
        return self

    async def finish(self) -> Document:
        await self.go_on(5)
        return await self.market.until(self.opened, lambda status: MARKET in markets_of(status))

    async def _open(self) -> None:
        if not self.opened:
            self.opened = await self.market.opened(self.request)

    async def _save(self) -> None:
        if (await self.market.status(self.opened))["profile"]["status"] == "incomplete":
            await self._done("profile", {})

    async def _complete_profile(self) -> None:
        if (await self.market.status(self.opened))["profile"]["status"] != "complete":
            await self._done("profile/next")

    async def _train(self) -> None:
        status = await self.market.status(self.opened)
        if not any(one["completed_at"] for one in status["enrollments"]):
            await self.market.trained(self.opened, COURSE[MARKET])

    async def _agree(self) -> None:
        if MARKET not in markets_of(await self.market.status(self.opened)):
            await self.market.agreed(self.opened, MARKET)

    async def _done(self, step: str, body: object = None) -> None:
        """A step that a workflow begun again carries out once it is there."""
        async with asyncio.timeout(PATIENCE):
            while (await self.market.act(self.opened, step, body)).status_code != 200:
                await asyncio.sleep(0.2)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Mortal]:
    async with support.running(folder, WORKER) as mortal:
        yield mortal


@pytest.mark.parametrize("older", STORES)
async def test_c1_both_stores_restored_from_different_moments_lose_no_case(tmp_path: Path, older: str) -> None:
    async with running(tmp_path) as mortal, httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        world, market = World(mortal.document(), client), Marketplace(mortal.document(), client)
        kept = Kept(mortal.plan.data / "app.sqlite")
        lives = [(Life(world, documents.broker()), first, then) for first, then in list(WAYS.items()) * 3]
        counselors = [Life(world, documents.counselor()) for _ in range(2)]
        registrations = [(Registration(market), steps) for steps in STEPS]
        late = Life(world, documents.broker())

        await asyncio.gather(*(life.until(first) for life, first, _ in lives))
        await asyncio.gather(*(life.until("lms_account") for life in counselors))
        await asyncio.gather(*(one.go_on(steps) for one, (steps, _) in registrations))
        people = [*(life for life, _, _ in lives), *counselors]
        underway = [*(life.opened for life in people), *(one.opened for one, _ in registrations)]
        await world.wait_until_idle(*underway)
        _back_up(mortal, "first")
        await asyncio.gather(*(life.until(then) for life, _, then in lives))
        await asyncio.gather(*(life.until("portal_activation") for life in counselors))
        await asyncio.gather(*(one.go_on(steps) for one, (_, steps) in registrations))
        await late.until("decision")
        await world.wait_until_idle(*underway, late.opened)
        _back_up(mortal, "second")
        learning = [life for life, _, then in lives if then == "course_completion"]
        await asyncio.gather(*(life.act("course_completion") for life in learning))  # which neither backup knows

        await mortal.kill("web", "worker", "temporal")
        for store in STORES:
            _restore(mortal, store, "first" if store == older else "second")
        recorded, before = _list_recorded_letters(kept), await _count_letters(world, *people, late)
        await mortal.start("temporal")
        await mortal.start("web", "worker")
        temporal = await mortal.client()
        await _reconcile(kept, temporal)

        if older == "app.sqlite":  # nobody here knows of the one who came last, but that a workflow runs
            # By visibility, which is some seconds late, after a reconciliation or two.
            async with asyncio.timeout(PATIENCE):
                while late.case_id not in kept.rows("SELECT unknown FROM reconciliation")[0][0]:
                    await _reconcile(kept, temporal)
        else:
            people.append(late)
        reconciling = asyncio.create_task(_keep_reconciling(kept, temporal))
        await asyncio.gather(
            *(_finish(life) for life in people), *(registration.finish() for registration, _ in registrations)
        )
        reconciling.cancel()
        await until(lambda: not kept.unfinished())
        for life in people:
            status = await world.status(life.opened)
            assert (status["stage"], status["may_assist"]) == ("active", True)
        begun_again = kept.rows("SELECT DISTINCT case_id FROM audit WHERE action = 'case.restarted'")
        assert len(begun_again) >= (27 if older == "app.sqlite" else 4), "the others were told what they had missed"
        repeated = [await _list_repeated_letters(world, kept, life, before) for life in people]
        assert not recorded & {message_id for found in repeated for message_id in found}, "what is recorded is done"
        assert any(repeated) == (older == "app.sqlite")


async def _finish(life: Life) -> None:
    """Does whatever the case waits for, again where it has to be, until the first day of helping."""
    async with asyncio.timeout(PATIENCE):
        while (status := await life.world.status(life.opened))["waiting_for"] != "next_plan_year":
            with suppress(AssertionError):  # it was done before the restore, and is reported again
                await life.act(str(status["waiting_for"]))
            await asyncio.sleep(0.5)


def _list_recorded_letters(kept: Kept) -> set[str]:
    return {row[0] for row in kept.rows("SELECT result ->> 'message_id' FROM effect WHERE kind LIKE 'notice.%'")}


async def _list_repeated_letters(world: World, kept: Kept, life: Life, before: Counter[str]) -> list[str]:
    """Which letters somebody got again after the restore; each is named where it is said that the case is restarted."""
    of_case = "WHERE case_id = ? AND"
    restarts = kept.rows(f"SELECT details FROM audit {of_case} action = 'case.restarted'", life.case_id)
    named = " ".join(details for (details,) in restarts)
    notices = kept.rows(
        f"SELECT result ->> 'message_id', kind FROM effect {of_case} kind LIKE 'notice.%'", life.case_id
    )
    sent = dict[str, str](notices)
    letters = await _count_letters(world, life)
    again = [message_id for message_id, times in letters.items() if 0 < before[message_id] < times]
    assert [sent[one] for one in again if sent[one].replace(".", " ") not in named] == []
    return again


async def _count_letters(world: World, *lives: Life) -> Counter[str]:
    found = [await _letters(world, life) for life in lives]
    return Counter(one["headers"]["Message-ID"].strip() for letters in found for one in letters)


async def _letters(world: World, life: Life) -> list[Document]:
    return await world.letters(life.request["email"])


async def _reconcile(kept: Kept, temporal: Client) -> None:
    """A reconciliation at once, as the schedule does it, and waits for its end."""
    (before,) = kept.rows("SELECT max(number) FROM reconciliation")[0]
    await temporal.get_schedule_handle(RECONCILIATION_ID).trigger()
    await until(lambda: kept.rows("SELECT max(number) FROM reconciliation")[0][0] not in (None, before), 120, 0.2)


async def _keep_reconciling(kept: Kept, temporal: Client) -> None:
    while True:
        await asyncio.sleep(2)
        await _reconcile(kept, temporal)


def _back_up(mortal: Mortal, name: str) -> None:
    for store in STORES:
        with (
            closing(sqlite3.connect(mortal.plan.data / store, timeout=20)) as source,
            closing(sqlite3.connect(mortal.plan.data / f"{name}.{store}")) as copy,
        ):
            source.backup(copy)


def _restore(mortal: Mortal, store: str, name: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        (mortal.plan.data / f"{store}{suffix}").unlink(missing_ok=True)
    (mortal.plan.data / f"{name}.{store}").rename(mortal.plan.data / store)
