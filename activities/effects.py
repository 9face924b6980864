"""An effect made once: intended, made from its intent, its result recorded; the frame of every outside concern."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from temporalio import activity

from adapters.http import Refused
from db.engine import Database
from db.writes.cases import flag_case
from db.writes.effects import EffectResult, Intent, complete_effect, intend_effect, refusal_flag
from domain.shared.cases.messages import CaseRef, Effect


def build_effect_key(order: CaseRef, step: str) -> str:
    """The key of an effect: case, step and occurrence."""
    return f"{order.case_id}:{step}:{order.occurrence}"


def read_clock(ordered_at: datetime) -> datetime:
    """What time it is for who ordered something at this time: now.

    A third party may have been down since the order, for days; what is made is dated by its making. A workflow whose
    time is skipped (in tests) is ahead of the clock.
    """
    return max(ordered_at, datetime.now(UTC))


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
