"""An effect made once: intended, made from its intent, its result recorded; the frame of every outside concern."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from temporalio import activity

from adapters.http import Refused
from db.engine import Database
from db.writes.cases import flag_case
from db.writes.effects import EffectResult, Intent, complete_effect, intend_effect, refusal_flag
from domain.shared.cases.messages import CaseRef, Effect
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)
Made = TypeVar("Made")


def build_effect_key(order: CaseRef, step: str) -> str:
    """The key of an effect: case, step and occurrence."""
    return f"{order.case_id}:{step}:{order.occurrence}"


def read_clock(ordered_at: datetime) -> datetime:
    """What time it is for who ordered something at this time: now.

    A third party may have been down since the order, for days; what is made is dated by its making. A workflow whose
    time is skipped (in tests) is ahead of the clock.
    """
    return max(ordered_at, datetime.now(UTC))


async def see_through(work: Coroutine[Any, Any, Made]) -> Made:
    """What comes of work that is seen through where its workflow waits for it no more.

    A case's end cancels a local attempt in the middle: what has been made outside by then must be recorded, or taken
    back. What is cut off at its bound, or by its worker's end, is not seen through: it is made again.
    """
    task = asyncio.ensure_future(work)
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            is_cancelled = True
            if not _is_unwanted():
                task.cancel()
    if is_cancelled:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("not seen through", error=type(error).__name__, where=locate_error(error))
        raise asyncio.CancelledError
    return task.result()


def _is_unwanted() -> bool:
    """Whether this attempt was cancelled by its workflow."""
    details = activity.cancellation_details() if activity.in_activity() else None
    return details is not None and details.cancel_requested


async def make_once(
    database: Database,
    order: CaseRef,
    kind: str,
    make: Callable[[Intent], Awaitable[EffectResult]],
    *,
    intent: Intent | None = None,
    key: str | None = None,
    after_end: bool = False,
    undo: Callable[[EffectResult], Awaitable[None]] | None = None,
) -> Effect:
    """Makes an effect at most once as far as we can tell: a retry finds the recorded result.

    A case that has ended gets no effect; where it ends while the effect is made, ``undo`` takes it back.
    """
    key = key or build_effect_key(order, kind)
    return await see_through(_make_intended(database, order, kind, make, intent, key, after_end, undo))


async def _make_intended(
    database: Database,
    order: CaseRef,
    kind: str,
    make: Callable[[Intent], Awaitable[EffectResult]],
    intent: Intent | None,
    key: str,
    after_end: bool,
    undo: Callable[[EffectResult], Awaitable[None]] | None,
) -> Effect:
    if intent is None:
        intent = await database.write(
            intend_effect, key, order.case_id, kind, {}, read_clock(order.at), after_end=after_end
        )
    if intent.ended:
        return Effect(ended=True)
    if intent.result is not None:
        return Effect(standing=intent.snapshot.take_registration_snapshot())
    try:
        made = await make(intent)
    except Refused as refusal:
        # It is tried again all the same: whoever looks at the case may put right what is refused.
        await database.write(
            flag_case, order.case_id, refusal_flag(kind), read_clock(order.at), refusal.code, after_end=after_end
        )
        raise
    activity_type = activity.info().activity_type if activity.in_activity() else ""
    effect = await database.write(
        complete_effect,
        key,
        order.case_id,
        made,
        read_clock(order.at),
        activity_type=activity_type,
        after_end=after_end,
    )
    if effect.ended and undo is not None:
        await undo(made)
    return effect
