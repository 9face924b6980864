"""A third party known to be down is not tried at once: first attempts fail without a call, until it has answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Worker

from activities.interceptors.failures import CodedFailures
from activities.interceptors.outages import (
    ASKED,
    FAILURES_IN_A_ROW,
    KNOWN_DOWN,
    TRIAL_EVERY,
    KnownOutages,
    ThirdPartyHealth,
)
from adapters.answers import note_answer
from adapters.http import Refused, Unavailable
from domain.shared.third_parties import ThirdParty
from starter.client import make_plugin
from tests.support.temporal_server import start_temporal


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Called(ActivityInboundInterceptor):
    """The activity behind the interceptor: counts its calls, asks a third party or nobody, and does as it is told."""

    def __init__(self) -> None:
        self.count = 0
        self.failure: Exception | None = None
        self.asks = True

    async def execute_activity(self, input: ExecuteActivityInput) -> str:  # noqa: A002 the SDK's name
        self.count += 1
        if self.asks and not isinstance(self.failure, Unavailable):
            note_answer()
        if self.failure is not None:
            raise self.failure
        return "made"


class Attempts:
    """Attempts of activities in one worker, one after the other."""

    def __init__(self) -> None:
        self.clock, self.called = Clock(), Called()
        self.health = ThirdPartyHealth(self.clock)
        self._around = KnownOutages(self.health).intercept_activity(self.called)

    async def make(
        self, activity_type: str, *, local: bool = True, failure: Exception | None = None, asks: bool = True
    ) -> str:
        """What came of an attempt: "made", or its failure's code; ``asks`` says whether it asked a third party."""
        self.called.failure, self.called.asks = failure, asks
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, activity_type=activity_type, is_local=local)
        given = ExecuteActivityInput(fn=self.make, args=[], executor=None, headers={})
        try:
            return str(await environment.run(self._around.execute_activity, given))
        except ApplicationError as error:
            return str(error.type)
        except (Unavailable, Refused) as error:
            return error.code

    async def go_down(self, activity_type: str = "notices.send") -> None:
        for _ in range(FAILURES_IN_A_ROW):
            assert await self.make(activity_type, failure=Unavailable("mail_unreachable")) == "mail_unreachable"
        self.called.count = 0


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


async def test_three_failures_in_a_row_and_no_first_attempt_is_made_any_more(attempts: Attempts) -> None:
    await attempts.go_down()
    assert await attempts.make("notices.send") == KNOWN_DOWN
    assert await attempts.make("watch.ask_help_desk") == KNOWN_DOWN, "the help desk's mail goes by the same server"
    assert attempts.called.count == 0


async def test_a_regular_attempt_is_always_made_and_its_success_is_known_to_all(attempts: Attempts) -> None:
    await attempts.go_down()
    down = Unavailable("mail_unreachable")
    assert await attempts.make("notices.send", local=False, failure=down) == "mail_unreachable"
    assert await attempts.make("notices.send") == KNOWN_DOWN
    assert await attempts.make("notices.send", local=False) == "made"
    assert await attempts.make("notices.send") == "made"


async def test_one_first_attempt_is_let_through_every_ten_seconds(attempts: Attempts) -> None:
    await attempts.go_down()
    attempts.clock.now += TRIAL_EVERY
    down = Unavailable("mail_unreachable")
    assert await attempts.make("notices.send", failure=down) == "mail_unreachable"
    assert await attempts.make("notices.send") == KNOWN_DOWN
    attempts.clock.now += TRIAL_EVERY
    assert await attempts.make("notices.send") == "made"
    assert await attempts.make("notices.send") == "made"


async def test_of_several_at_once_one_is_the_trial(attempts: Attempts) -> None:
    await attempts.go_down()
    attempts.clock.now += TRIAL_EVERY
    tried = [attempts.health.may_try_at_once(ThirdParty.MAIL) for _ in range(5)]
    assert tried == [True, False, False, False, False]


async def test_failures_count_in_a_row_and_for_each_third_party_alone(attempts: Attempts) -> None:
    for _ in range(FAILURES_IN_A_ROW - 1):
        await attempts.make("portal.activate", failure=Unavailable("portal_unreachable"))
    assert await attempts.make("portal.suspend") == "made"
    for _ in range(FAILURES_IN_A_ROW - 1):
        await attempts.make("portal.activate", failure=Unavailable("portal_unreachable"))
    assert not attempts.health.is_known_down(ThirdParty.PORTAL)
    await attempts.make("portal.activate", failure=Unavailable("portal_unreachable"))
    assert attempts.health.is_known_down(ThirdParty.PORTAL)
    assert await attempts.make("training.invite") == await attempts.make("mlms.enroll") == "made"


async def test_a_refusal_is_an_answer_and_a_bug_is_nobody_s_outage(attempts: Attempts) -> None:
    await attempts.go_down("training.invite")
    assert await attempts.make("training.enroll", local=False, failure=Refused("lms_refused")) == "lms_refused"
    assert await attempts.make("training.enroll") == "made"
    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(ValueError, match="a bug"):
            await attempts.make("training.enroll", failure=ValueError("a bug"), asks=False)
    assert await attempts.make("training.enroll") == "made"


async def test_a_profile_saved_without_an_answer_does_not_say_that_the_registry_is_up(attempts: Attempts) -> None:
    await attempts.go_down("licensing.look_up")
    assert await attempts.make("profiles.save", local=False, asks=False) == "made"
    assert await attempts.make("profiles.save") == await attempts.make("licensing.look_up") == KNOWN_DOWN


async def test_an_effect_that_was_found_made_does_not_say_that_anybody_is_up(attempts: Attempts) -> None:
    await attempts.go_down()
    assert await attempts.make("notices.send", local=False, asks=False) == "made"
    assert await attempts.make("notices.send") == KNOWN_DOWN
    assert await attempts.make("notices.send", local=False) == "made"
    assert await attempts.make("notices.send") == "made"


async def test_what_asks_no_third_party_is_never_held_back(attempts: Attempts) -> None:
    for activity_type in ("records.apply", "certificates.issue", "publications.stage"):
        assert activity_type not in ASKED
        for _ in range(FAILURES_IN_A_ROW):
            await attempts.make(activity_type, failure=Unavailable("database_unreachable"))
        assert await attempts.make(activity_type) == "made"


# on a real server

BOUND = timedelta(milliseconds=300)
_calls: list[str] = []
_hangs = asyncio.Event()
_finds = asyncio.Event()


@activity.defn(name="notices.send")
async def send_notice() -> str:
    _calls.append("local" if activity.info().is_local else "regular")
    if _hangs.is_set():
        await asyncio.sleep(60)
    if not _finds.is_set():
        note_answer()
    return "made"


@workflow.defn(name="OneEffect", sandboxed=False)
class OneEffect:
    """An effect tried at once, within a bound, or by a regular activity; what comes of that."""

    @workflow.run
    async def run(self, regular: bool) -> str:
        if regular:
            return await workflow.execute_activity(send_notice, start_to_close_timeout=timedelta(seconds=10))
        try:
            return await workflow.execute_local_activity(
                send_notice, start_to_close_timeout=BOUND, retry_policy=RetryPolicy(maximum_attempts=1)
            )
        except ApplicationError as error:  # of a local activity, the SDK hands on the failure as it is
            return str(error.type)
        except ActivityError as error:
            return type(error.cause).__name__


@pytest_asyncio.fixture
async def run_effect() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Runs an effect in a workflow on a real server, with the interceptors of a worker of ours."""
    interceptors = [CodedFailures(), KnownOutages(ThirdPartyHealth())]
    environment = await start_temporal(plugins=[make_plugin(interceptors)])
    client: Client = environment.client
    queue = uuid4().hex
    _calls.clear()
    _hangs.clear()
    _finds.clear()

    async def run(regular: bool = False) -> str:
        return str(await client.execute_workflow(OneEffect.run, regular, id=uuid4().hex, task_queue=queue))

    async with Worker(client, task_queue=queue, workflows=[OneEffect], activities=[send_notice]):
        yield run
    await environment.shutdown()


async def test_first_attempts_cut_off_at_their_bound_count_as_failures(
    run_effect: Callable[..., Awaitable[str]],
) -> None:
    _hangs.set()
    for _ in range(FAILURES_IN_A_ROW):
        assert await run_effect() == "TimeoutError"
    assert await run_effect() == KNOWN_DOWN
    assert _calls == ["local"] * FAILURES_IN_A_ROW


async def test_an_effect_found_made_leaves_the_third_party_known_to_be_down_until_it_has_answered(
    run_effect: Callable[..., Awaitable[str]],
) -> None:
    _hangs.set()
    for _ in range(FAILURES_IN_A_ROW):
        await run_effect()
    _hangs.clear()
    _finds.set()
    assert await run_effect(regular=True) == "made"
    assert await run_effect() == KNOWN_DOWN
    _finds.clear()
    assert await run_effect(regular=True) == "made"
    assert await run_effect() == "made"
