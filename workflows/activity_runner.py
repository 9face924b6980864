"""How a workflow runs its activities: inside its own task first, and as activities of their own when that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from workflows.options import AT_ONCE, DATABASE, THIRD_PARTY, LocalOptions
from workflows.patches import LOCAL_FIRST

Order = TypeVar("Order")
Answer = TypeVar("Answer")
Method = Callable[[Any, Order], Awaitable[Answer]]

# A message waits for the local attempts that were begun before it came: two or three of them in an ordinary task.
ATTEMPTS_IN_A_ROW = 4


class ActivityRunner:
    """The activities of one run: at most one local activity at a time, since results of several may be mixed up.

    The SDK hands out results of local activities side by side in the order of completion when they are run, and in the
    order of scheduling when they are replayed (temporalio/sdk-python issues 1578 and 1881).
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._pending = 0
        self._allow_attempts()

    @property
    def has_pending(self) -> bool:
        """Whether an effect is an activity of its own now, since it could not be made at once."""
        return self._pending > 0

    def note_message(self) -> None:
        """Something came from outside: what follows from it may be tried at once again."""
        self._allow_attempts()

    def _allow_attempts(self) -> None:
        self._attempts, self._spent = 0, timedelta()

    async def record(self, work: Method[Order, Answer], order: Order) -> Answer:
        """Short work in our own database: a local activity; a regular one when the database stays away.

        A local activity that is retried writes six events of history each half minute, a regular one none.
        """
        try:
            async with self._turn if workflow.patched(LOCAL_FIRST) else nullcontext():
                return await workflow.execute_local_activity_method(work, order, **DATABASE)
        except FailureError as error:
            # Not an ActivityError: the failure of a local activity comes as it was raised.
            if is_cancelled_exception(error) or (isinstance(error, ApplicationError) and error.non_retryable):
                raise
        return await self._run_regular(work, order, "in the database")

    async def make(
        self,
        effect: Method[Order, Answer],
        order: Order,
        summary: str,
        patience: timedelta | None = None,
        at_once: LocalOptions = AT_ONCE,
    ) -> Answer:
        """An effect outside: tried once at once, and only then an activity of its own, retried until it is recorded.

        ``patience`` is for how long, at the most; None means for ever. ``at_once`` bounds the first attempt. Operators
        see what is pending; whoever sends a message meanwhile waits for a row of attempts at most: for two and a half
        seconds, and for the bound of the attempt that began within them.
        """
        if workflow.patched(LOCAL_FIRST):
            async with self._turn:
                # Third parties that are slow one after the other make a row long without failing: it is as long as one.
                if self._attempts < ATTEMPTS_IN_A_ROW and self._spent < AT_ONCE["start_to_close_timeout"]:
                    self._attempts += 1
                    began = workflow.now()
                    try:
                        answer = await workflow.execute_local_activity_method(effect, order, summary=summary, **at_once)
                        self._spent += workflow.now() - began  # the workflow's time goes on with a local activity's end
                        return answer
                    except FailureError as error:
                        if is_cancelled_exception(error):  # the case ended meanwhile
                            raise
                        self._attempts = ATTEMPTS_IN_A_ROW
        return await self._run_regular(effect, order, summary, patience)

    async def _run_regular(
        self, work: Method[Order, Answer], order: Order, summary: str, patience: timedelta | None = None
    ) -> Answer:
        self._pending += 1
        try:
            answer = await workflow.execute_activity_method(
                work, order, summary=summary, schedule_to_close_timeout=patience, **THIRD_PARTY
            )
        finally:
            self._pending -= 1
        self._allow_attempts()
        return answer
