"""Third parties known to be down: no first attempt is made at one that has just failed several times in a row.

An effect is tried at once, inside the workflow's task, before it becomes an activity of its own: while a third party
is down, that costs each case the whole bound of the first attempt, and holds up its messages for as long. So the
worker counts failures in a row, and refuses first attempts until the third party has answered once, which an effect
that is found made is not: the adapters note when somebody answers (`adapters/answers.py`). What is refused goes the
regular way, which is never refused: its attempts find out that it is up again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.interceptors.failures import has_run_out_of_time
from adapters.answers import watch_answers
from adapters.http import Unavailable
from domain.shared.third_parties import ThirdParty

log = structlog.get_logger(__name__)

KNOWN_DOWN = "known_down"
FAILURES_IN_A_ROW = 3
TRIAL_EVERY = 10.0  # seconds


ASKED: dict[str, ThirdParty] = {
    "notices.send": ThirdParty.MAIL,
    "watch.ask_help_desk": ThirdParty.MAIL,
    "licensing.look_up": ThirdParty.REGISTRY,
    "licensing.repeat_checks": ThirdParty.REGISTRY,
    "profiles.save": ThirdParty.REGISTRY,
    "profiles.verify": ThirdParty.REGISTRY,
    "background.order": ThirdParty.BACKGROUND_CHECKS,
    "training.invite": ThirdParty.LMS,
    "training.enroll": ThirdParty.LMS,
    "mlms.enroll": ThirdParty.MLMS,
    "portal.create_account": ThirdParty.PORTAL,
    "portal.activate": ThirdParty.PORTAL,
    "portal.reuse_account": ThirdParty.PORTAL,
    "portal.suspend": ThirdParty.PORTAL,
    "portal.align_account": ThirdParty.PORTAL,
    "portal.rename_account": ThirdParty.PORTAL,
}


@dataclass
class _Record:
    failures: int = 0
    tried_at: float = 0.0

    @property
    def is_down(self) -> bool:
        return self.failures >= FAILURES_IN_A_ROW


class ThirdPartyHealth:
    """Which third parties are known to be down, as far as this worker has seen; ``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records = {third_party: _Record() for third_party in ThirdParty}

    def is_known_down(self, third_party: ThirdParty) -> bool:
        """Whether its last attempts, several in a row, all failed."""
        return self._records[third_party].is_down

    def may_try_at_once(self, third_party: ThirdParty) -> bool:
        """Whether a first attempt is worth its time: while it is known to be down, one every ten seconds."""
        record = self._records[third_party]
        if record.is_down and self._clock() < record.tried_at + TRIAL_EVERY:
            return False
        record.tried_at = self._clock()
        return True

    def record_failure(self, third_party: ThirdParty) -> None:
        """It did not answer, or not in time."""
        record = self._records[third_party]
        record.failures += 1
        record.tried_at = self._clock()
        if record.failures == FAILURES_IN_A_ROW:
            log.warning("third party known to be down", third_party=third_party.value)

    def record_answer(self, third_party: ThirdParty) -> None:
        """It answered: it is up."""
        record = self._records[third_party]
        if record.is_down:
            log.info("third party up again", third_party=third_party.value)
        record.failures = 0


class _HealthInbound(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, health: ThirdPartyHealth) -> None:
        super().__init__(following)
        self._health = health

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        info = activity.info()
        asked = ASKED.get(info.activity_type)
        if asked is None:
            return await self.next.execute_activity(input)
        if info.is_local and not self._health.may_try_at_once(asked):
            # Benign: nothing has gone wrong here, and no log needs a traceback of it.
            raise ApplicationError(
                f"{asked} is known to be down",
                type=KNOWN_DOWN,
                non_retryable=True,
                category=ApplicationErrorCategory.BENIGN,
            )
        with watch_answers() as answers:
            try:
                return await self.next.execute_activity(input)
            except (Unavailable, TimeoutError):
                answers.heard = False  # of several calls the last one counts
                self._health.record_failure(asked)
                raise
            except asyncio.CancelledError:
                answers.heard = False
                if has_run_out_of_time():
                    self._health.record_failure(asked)
                raise
            finally:
                # Nobody was asked where an effect was found made, or a profile is saved though the registry is silent.
                if answers.heard:
                    self._health.record_answer(asked)


class KnownOutages(Interceptor):
    """Worker interceptor that spares cases the first attempt at a third party known to be down."""

    def __init__(self, health: ThirdPartyHealth) -> None:
        self._health = health

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wraps each activity."""
        return _HealthInbound(super().intercept_activity(next), self._health)
