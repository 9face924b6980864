"""SIGKILL at every boundary of every effect, and of the server: one certificate, one account, no lost fact (C1).

Many people are brought to the brink of one effect each, so that one kill meets all of them there. Between the worker
and everything it speaks to stand gates that hold a request, or the answer to it: each effect is interrupted before it
was made, after it was made and before it was recorded, and after it was recorded and before Temporal was told.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy.orm import Session
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from db.claim_tables import NpnClaim
from db.engine import Database
from db.writes.imports import import_person
from domain.programs.imports import parse_import
from domain.shared.claims import ClaimState
from starter.cases import now
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
from tests.support import documents, mortal as support
from tests.support.gates import everything
from tests.support.kept import Kept, until
from tests.support.lives import Life
from tests.support.mortal import Mortal
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600), pytest.mark.slow]

AT_ONCE = 0.004
ROUNDS_SECONDS = 600
# The usual worker, whose attempts wait for what is held until everybody has arrived, however slow the machine is, and
# are made again soon after each kill, however many there were.
PATIENT_WORKER = """
import os
from datetime import timedelta
import worker
from temporalio.common import RetryPolicy
from workflows import options

for regular in (options.THIRD_PARTY, options.PATIENT):
    regular["start_to_close_timeout"] = timedelta(seconds=60)
    regular["retry_policy"] = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1)
options.LETTER_AT_ONCE["start_to_close_timeout"] = options.AT_ONCE["start_to_close_timeout"]
worker.HTTP_SECONDS = worker.MAIL_SECONDS = 59
os._exit(worker.main([]))
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mortal]:
    async with support.running(tmp_path_factory.mktemp("mortal"), PATIENT_WORKER) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def world(mortal: Mortal) -> AsyncIterator[World]:
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        yield World(mortal.document(), client)


# What an answer must be an answer to, for the effect to be made when the answer is on its way.
MAKES: dict[str, Callable[[bytes, bytes], bool]] = {
    "registry": everything,
    "background_checks": lambda request, _: b"/v1/invitations" in request,
    "lms": everything,
    "portal": lambda request, _: not request.startswith(b"GET"),
    "smtp": lambda _, data: b"kept" in data,
}
GATE_OF = {"background": "background_checks", "training": "lms", "portal": "portal", "notice": "smtp"}
REACHED = {"registry": 2, "background_checks": 1, "lms": 2, "portal": 3, "smtp": 10}


async def test_c1_every_process_killed_at_every_boundary_loses_nothing_and_does_nothing_twice(
    mortal: Mortal, world: World
) -> None:
    kept = Kept(mortal.plan.data / "app.sqlite")
    certificates = mortal.plan.data / "certificates"
    screened, background, enrolled = _broker(world), _counselor(world), await prepare_returning(mortal, world)
    letter, invited, certified, mailed = (_broker(world) for _ in range(4))
    account, link, activation = (_counselor(world) for _ in range(3))
    ready, revoked, undecided, learning = (_broker(world) for _ in range(4))
    later = _broker(world)
    await asyncio.gather(
        *(one.until("decision") for one in (letter, invited, undecided)),
        *(one.until("exam_pass") for one in (certified, mailed, account, link)),
        *(one.until("course_completion") for one in (learning,)),
        activation.until("portal_activation"),
        ready.until("scheduling_tool"),
        revoked.until("next_plan_year"),
    )
    prepared = [letter, invited, undecided, certified, mailed, account, link, learning, activation, ready, revoked]
    await world.wait_until_idle(*(one.opened for one in prepared))  # the letter of the last step may still be to come
    reaching = _Reaching(mortal, kept)

    # Before: every request is held. First those whose effect follows another one that is let through.
    mortal.gates["smtp"].hold(requests=everything)
    await asyncio.gather(letter.act("decision"), link.act("exam_pass"))
    await until(lambda: kept.intended(letter.case_id, "notice.lms_invitation"))
    await until(lambda: kept.intended(link.case_id, "notice.portal_activation"))
    reaching.hold(requests=True)
    await world.know(documents.producer(screened.request))
    await asyncio.gather(
        screened.begin(),
        background.begin(),
        begin_again(world, enrolled),
        invited.act("decision"),
        mailed.act("exam_pass"),
        account.act("exam_pass"),
        activation.act("portal_activation"),
        ready.act("scheduling_tool"),
        world.command(revoked.opened, "revoke", reason="as agreed"),
    )
    on_the_brink = (
        *((life, "notice.request_received") for life in (screened, background)),
        (background, "background.ordered"),
        (enrolled, "training.enrolled"),
        (invited, "training.invited"),
        (mailed, "notice.certificate_issued"),
        *((account, kind) for kind in ("notice.certificate_issued", "portal.account_created")),
        (ready, "notice.active"),
        *((revoked, kind) for kind in ("notice.revoked", "portal.suspended")),
    )
    await until(lambda: all(kept.intended(life.case_id, kind) for life, kind in on_the_brink))
    await reaching.asked()
    await all_are_activities(mortal, [*(life for life, _ in on_the_brink), letter, link, activation])
    # And one certificate, printed and not recorded.
    printed = len(list_printed(certificates))
    await certified.act("exam_pass")
    await until(lambda: kept.intended(certified.case_id, "certificate.issued"), pause=AT_ONCE)
    with kept.locked():
        await until(lambda: len(list_printed(certificates)) == printed + 1)
        await mortal.kill("worker")

    # Between: every answer is held.
    everybody = [screened, background, enrolled, letter, invited, certified, mailed, account, link, activation]
    everybody += [ready, revoked]

    async def is_held_everywhere() -> bool:
        await all_due_again(mortal, everybody)
        reaching.hold(answers=True)
        await mortal.start("worker")
        return await reaching.reached()

    # Whose attempt was given up before the last one arrived is there next time.
    async with _within_rounds(reaching):
        while not await is_held_everywhere():
            await mortal.kill("worker")
    await mortal.kill("worker")

    # After: recorded, and Temporal is not told. What misses its moment, given up while it was held say, gets another.
    def unscreened() -> int:
        return _unscreened(kept, [screened.case_id, enrolled.case_id])

    async with _within_rounds(reaching):
        while kept.unfinished() or unscreened():
            await all_due_again(mortal, everybody)
            reaching.hold(answers=True)
            await mortal.start("worker")
            with suppress(TimeoutError):
                await until(lambda: reaching.has_all(unscreened()), 55)
            mortal.gates["temporal"].hold(requests=everything)
            reaching.hold()
            with suppress(TimeoutError):
                await until(lambda: not kept.unfinished() and not unscreened(), 20)
            await mortal.kill("worker")
            mortal.gates["temporal"].open()
    await mortal.kill("temporal")

    # Nothing but the web answers, and it takes everything.
    await world.know(documents.producer(later.request))
    submitted, decided, _ = await asyncio.gather(
        world.submit(later.request), world.decide(undecided.opened), learning.act("course_completion")
    )
    assert (submitted.status_code, decided.status_code) == (201, 202)
    later.opened = submitted.json()
    await mortal.kill("web")
    await learning.learn("exam", score="0.1")
    await mortal.start("temporal")
    await mortal.start("web", "worker")

    everybody += [undecided, learning, later]
    lives = [life for life in everybody if life is not revoked]
    await asyncio.gather(*(one.until("next_plan_year") for one in lives))
    await world.until(revoked.opened, "revoked")
    await until(lambda: not kept.unfinished() and not list_pending(kept))

    for life in lives:
        status = await world.status(life.opened)
        assert (status["stage"], status["may_assist"]) == ("active", True)
        assert status["flag"] is None
    check_facts(kept, everybody)
    check_certificates(kept, certificates, everybody)
    await check_accounts(world, [background, account, link, activation])
    await check_places(world, everybody, [enrolled])
    await check_background_checks(world, kept, [background, account, link, activation])
    await check_letters(world, kept, everybody)


async def all_are_activities(mortal: Mortal, lives: list[Life]) -> None:
    """Waits until each effect is an activity of its own, since its first attempt has failed: one for each mention.

    What a kill meets before, in the first attempt, is tests/chaos/test_local_kills.py.
    """
    client = await mortal.client()
    async with asyncio.timeout(PATIENCE):
        for life, count in Counter(str(life.opened["workflow_id"]) for life in lives).items():
            handle = client.get_workflow_handle(life)
            while len((await handle.describe()).raw_description.pending_activities) < count:
                await asyncio.sleep(0.1)


async def all_due_again(mortal: Mortal, lives: list[Life]) -> None:
    """Waits until the server has given up every attempt and task of a worker that is gone, and hands out the next."""
    client = await mortal.client()
    async with asyncio.timeout(PATIENCE):
        for life in lives:
            handle = client.get_workflow_handle(str(life.opened["workflow_id"]))
            while not _due((await handle.describe()).raw_description):
                await asyncio.sleep(0.3)


@asynccontextmanager
async def _within_rounds(reaching: "_Reaching") -> AsyncIterator[None]:
    """Rounds of two minutes each, of which one is enough as a rule; what is still to come is said otherwise."""
    try:
        async with asyncio.timeout(ROUNDS_SECONDS):
            yield
    except TimeoutError:
        raise AssertionError(reaching.describe()) from None


def _due(description: DescribeWorkflowExecutionResponse) -> bool:
    if description.pending_workflow_task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED:
        return False
    scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return all(
        one.state == scheduled and one.next_attempt_schedule_time.ToDatetime(tzinfo=UTC) <= now()
        for one in description.pending_activities
    )


class _Reaching:
    """Holds at every third party, and waits until everybody has arrived there."""

    def __init__(self, mortal: Mortal, kept: Kept) -> None:
        self._gates = {name: mortal.gates[name] for name in MAKES}
        self._kept = kept

    def hold(self, *, requests: bool = False, answers: bool = False) -> None:
        for name, gate in self._gates.items():
            holds = {"requests": everything} if requests else {"answers": MAKES[name]} if answers else {}
            gate.hold(**holds)

    async def asked(self) -> None:
        """Requests are under way to every third party."""
        await until(lambda: all(gate.held for gate in self._gates.values()))

    async def reached(self) -> bool:
        """Whether every effect is made, and its answer under way, within some seconds."""
        with suppress(TimeoutError):
            await until(lambda: self._hold_at_least(REACHED), 55)
            return True
        return False

    def has_all(self, look_ups: int) -> bool:
        """Every effect that has no result yet is under way, and so many look-ups."""
        left = Counter(GATE_OF[kind.partition(".")[0]] for _, kind in self._kept.unfinished())
        return self._hold_at_least({**left, "registry": look_ups})

    def describe(self) -> str:
        """What is held where, and which effects have no result."""
        held = {name: gate.held for name, gate in self._gates.items()}
        return f"held: {held}; without a result: {self._kept.unfinished()}"

    def _hold_at_least(self, wanted: Mapping[str, int]) -> bool:
        return all(self._gates[name].held >= count for name, count in wanted.items())


def _broker(world: World) -> Life:
    return Life(world, documents.broker())


def _counselor(world: World) -> Life:
    return Life(world, documents.counselor())


async def prepare_returning(mortal: Mortal, world: World) -> Life:
    """Somebody with earlier years, who has proven then whose the NPN is, and whose case is not begun yet."""
    life = _broker(world)
    await world.know(documents.producer(life.request))
    database = Database(mortal.plan.settings["CERTIFY_DATABASE_URL"])
    key = bytes.fromhex(mortal.plan.settings["CERTIFY_IDENTITY_KEY"])
    [earlier] = parse_import([documents.earlier(life.request, 2023)])
    assister_id, *_ = await database.write(import_person, key, earlier, "staff", now())
    await database.write(_keep_proven, assister_id, life.request["npn"])
    await database.close()
    life.request["assister_id"] = assister_id
    return life


def _keep_proven(session: Session, assister_id: str, npn: str) -> None:
    at = now()
    session.add(NpnClaim(assister_id=assister_id, npn=npn, state=ClaimState.PROVEN, claimed_at=at, proven_at=at))


async def begin_again(world: World, life: Life) -> None:
    life.opened = await world.begun(life.request.pop("assister_id"), 2024)


def _unscreened(kept: Kept, case_ids: list[str]) -> int:
    return sum(not kept.rows("SELECT 1 FROM fact WHERE case_id = ? AND kind = 'screened'", one) for one in case_ids)
