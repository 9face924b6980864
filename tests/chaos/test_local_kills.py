"""SIGKILL while an effect is made inside its workflow's task: what Temporal knows nothing of yet is made once (C1).

An effect is tried at once before it is an activity of its own. A worker that dies meanwhile leaves an intent in the
database and nothing in the history: the next worker makes the attempt again. Each effect is met there before it was
made, after it was made and before it was recorded, and after it was recorded and before Temporal was told.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.chaos.checks import (
    check_accounts,
    check_background_checks,
    check_certificates,
    check_facts,
    check_letters,
    check_places,
    list_pending,
    list_printed,
)
from tests.chaos.test_kills import MAKES, begin_again, prepare_returning
from tests.support import documents, mortal as support
from tests.support.gates import everything
from tests.support.kept import Kept, until
from tests.support.lives import Life
from tests.support.marketplace import Marketplace
from tests.support.mortal import Mortal
from tests.support.patience import PATIENCE
from tests.support.world import Document, World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

# The usual worker, whose first attempts last until the kill comes, however slow the machine is.
PATIENT_WORKER = """
import os
from datetime import timedelta
import worker
from workflows import options

options.AT_ONCE["start_to_close_timeout"] = options.LETTER_AT_ONCE["start_to_close_timeout"] = timedelta(minutes=2)
worker.HTTP_SECONDS = worker.MAIL_SECONDS = 120
os._exit(worker.main([]))
"""
AT_ONCE = 0.004
COURSE = "individual_full"
HELD = {"registry": 2, "background_checks": 1, "lms": 2, "portal": 4, "mlms": 1, "smtp": 3}
MADE = {**MAKES, "mlms": everything}
# What is only asked is not held any more, as who reuses an account that isn't there; two more letters have come up.
HELD_ONCE_MADE = {**HELD, "portal": 3, "smtp": 5}
# An account that was suspended and not recorded is found suspended.
HELD_AGAIN = {**HELD_ONCE_MADE, "portal": 2}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mortal]:
    async with support.running(tmp_path_factory.mktemp("mortal"), PATIENT_WORKER) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        yield client


async def test_c1_a_worker_killed_while_effects_are_tried_at_once_makes_each_of_them_once(
    mortal: Mortal, http: httpx2.AsyncClient
) -> None:
    world, market = World(mortal.document(), http), Marketplace(mortal.document(), http)
    kept, certificates = Kept(mortal.plan.data / "app.sqlite"), mortal.plan.data / "certificates"
    client = await mortal.client()
    screened, greeted, invited, mailed, certified, ready, revoked = (Life(world, documents.broker()) for _ in range(7))
    ordered, account, activation = (Life(world, documents.counselor()) for _ in range(3))
    enrolled, reused = [await prepare_returning(mortal, world) for _ in range(2)]
    await begin_again(world, reused)
    saving, enrolling = await asyncio.gather(
        market.opened(documents.registration()), market.profiled(documents.registration())
    )
    await asyncio.gather(
        invited.until("decision"),
        *(one.until("exam_pass") for one in (mailed, certified, account, reused)),
        activation.until("portal_activation"),
        ready.until("scheduling_tool"),
        revoked.until("next_plan_year"),
    )
    prepared = [reused, invited, mailed, certified, account, activation, ready, revoked]
    await world.wait_until_idle(*(one.opened for one in prepared), saving, enrolling)
    for life in (screened, greeted):
        await world.know(documents.producer(life.request))

    # A stand-in closes a connection that has been idle for some seconds, even one on which a request is held.
    for name in HELD:
        mortal.gates[name].cut()
    # Before: every request is held; of letters those to three people, since others come before what is held.
    addressed = [life.request["email"].encode() for life in (greeted, mailed, ready)]
    mortal.gates["smtp"].hold(requests=lambda _, data: any(address in data for address in addressed))
    for name in HELD.keys() - {"smtp"}:
        mortal.gates[name].hold(requests=everything)
    pressed = asyncio.create_task(_press_save(market, saving))
    began = [asyncio.create_task(one) for one in (revoked_by_staff(world, revoked), invited.act("decision"))]
    await asyncio.gather(
        *(life.begin() for life in (screened, greeted, ordered)),
        begin_again(world, enrolled),
        *(life.act("exam_pass") for life in (mailed, account, reused)),
        activation.act("portal_activation"),
        ready.act("scheduling_tool"),
        market.done(enrolling, "enrollments", {"curriculum": COURSE, "channel": "mlms"}),
    )
    everybody = [screened, greeted, invited, mailed, certified, ready, revoked, ordered, account, activation]
    everybody += [enrolled, reused]
    ids = [*(life.opened["workflow_id"] for life in everybody), saving["workflow_id"], enrolling["workflow_id"]]
    await _all_are_held(mortal, kept, HELD)
    # And one certificate, printed and not recorded.
    printed = len(list_printed(certificates))
    await certified.act("exam_pass")
    await until(lambda: kept.intended(certified.case_id, "certificate.issued"), pause=AT_ONCE)
    with kept.locked():
        await until(lambda: len(list_printed(certificates)) == printed + 1)
        await mortal.kill("worker")
    await _none_is_an_activity(client, ids)

    # Between: every answer is held.
    for name, holds in MADE.items():
        mortal.gates[name].hold(answers=holds)
    await mortal.start("worker")
    await _all_are_held(mortal, kept, HELD_ONCE_MADE)
    await mortal.kill("worker")
    await _none_is_an_activity(client, ids)

    # After: recorded, and Temporal is not told.
    await mortal.start("worker")
    await _all_are_held(mortal, kept, HELD_AGAIN)
    mortal.gates["temporal"].hold(requests=everything)
    for name in HELD:
        mortal.gates[name].open()
    begun = len(kept.unfinished())
    with suppress(TimeoutError):  # a case whose task had not come before Temporal was held is the next worker's
        await until(lambda: not kept.unfinished(), 30)
    assert len(kept.unfinished()) <= begun // 2
    await mortal.kill("worker")
    mortal.gates["temporal"].open()
    await _none_is_an_activity(client, ids)

    await mortal.start("worker")
    await asyncio.gather(pressed, *began)
    lives = [life for life in everybody if life is not revoked]
    await asyncio.gather(*(life.until("next_plan_year") for life in lives))
    await world.until(revoked.opened, "revoked")
    await market.until(saving, lambda status: status["profile"]["version"] == 1)
    await market.trained(enrolling, COURSE)
    await until(lambda: not kept.unfinished() and not list_pending(kept))
    check_facts(kept, everybody)
    check_certificates(kept, certificates, everybody)
    await check_accounts(world, [ordered, account, activation])
    await check_places(world, everybody, [enrolled, reused])
    await check_background_checks(world, kept, [ordered, account, activation])
    await check_letters(world, kept, everybody)
    places = [one["body"]["registration"] for one in await market.calls("mlms") if one["status"] == 201]
    assert places == [enrolling["case_id"]]


async def revoked_by_staff(world: World, life: Life) -> None:
    await world.command(life.opened, "revoke", reason="as agreed")


async def _press_save(market: Marketplace, opened: Document) -> None:
    """Save/Update, whose answer is no matter: its command is kept, and sent again until it is applied."""
    answer = await market.act(opened, "profile", {"language": "es"})
    assert answer.status_code in (200, 202), answer.text


async def _all_are_held(mortal: Mortal, kept: Kept, wanted: Mapping[str, int]) -> None:
    """Every effect is under way, at whoever makes it."""
    try:
        await until(lambda: all(mortal.gates[name].held >= count for name, count in wanted.items()))
    except TimeoutError:
        held = {name: mortal.gates[name].held for name in HELD}
        raise AssertionError(f"{held} instead of {wanted}; {kept.unfinished()}") from None


async def _none_is_an_activity(client: Client, ids: Sequence[str]) -> None:
    """What was under way was tried at once: the server knows of no activity."""
    for workflow_id in ids:
        pending = (await client.get_workflow_handle(workflow_id).describe()).raw_description.pending_activities
        assert [one.activity_type.name for one in pending] == []
