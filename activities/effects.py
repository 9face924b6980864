"""An effect made once: intended, made from its intent, its result recorded; the frame of every outside concern."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.http import Refused
from db.engine import Database
from db.tables import CertificateRow, SentMail
from db.writes.cases import flag_case
from db.writes.effects import Intent, complete_effect, intend_effect, refused
from domain.shared.facts import Fact
from domain.shared.messages import CaseRef, Effect


@dataclass(frozen=True)
class EffectResult:
    """What making an effect came to: its result, and what is kept with it."""

    result: dict[str, Any] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    external_id: str | None = None
    certificate: CertificateRow | None = None
    mail: SentMail | None = None


def build_effect_key(order: CaseRef, step: str) -> str:
    """The key of an effect: case, step and occurrence."""
    return f"{order.case_id}:{step}:{order.occurrence}"


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
        intent = await database.write(intend_effect, key, order.case_id, kind, {}, order.at, after_end=after_end)
    if intent.ended:
        return Effect(ended=True)
    if intent.result is not None:
        return Effect()
    try:
        made = await make(intent)
    except Refused as refusal:
        # It is tried again all the same: whoever looks at the case may put right what is refused.
        await database.write(flag_case, order.case_id, refused(kind), order.at, refusal.code)
        raise
    ended = await database.write(
        complete_effect,
        key,
        order.case_id,
        made.result,
        made.facts,
        order.at,
        external_id=made.external_id,
        certificate=made.certificate,
        mail=made.mail,
        after_end=after_end,
    )
    if ended and undo is not None:
        await undo(made)
    return Effect(ended=ended)
