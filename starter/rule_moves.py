"""Moves chosen cases to other rules: what would come out otherwise first, then each by a command of its own (E12)."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from db.engine import Database
from db.reads.rule_moves import RulesMove, list_rule_moves
from db.writes.kept_rules import keep_rules
from domain.shared.cases.reasons import Refusal
from domain.shared.policy import ProgramPolicy
from starter.cases import Cases, now


@dataclass(frozen=True)
class MovedCase:
    """A case that was told to go by other rules: ``state`` is applied, pending, or refused with a sentence why."""

    move: RulesMove
    state: str
    why: str = ""


async def iterate_moves(
    database: Database, policy: ProgramPolicy, chosen: Collection[str] = ()
) -> AsyncIterator[RulesMove]:
    """The open cases of the policy's plan year that go by other rules, or those chosen among them, page by page."""
    after = ""
    while True:
        moves, after = await database.read(list_rule_moves, policy, chosen, after, now())
        for move in moves:
            yield move
        if not after:
            return


async def move_cases(
    cases: Cases, database: Database, policy: ProgramPolicy, chosen: Collection[str], reason: str, actor: str
) -> AsyncIterator[MovedCase]:
    """Has these cases go by the policy's rules, one after the other; who is refused keeps what it has."""
    rules_hash = await database.write(keep_rules, policy, now())
    async for move in iterate_moves(database, policy, chosen):
        try:
            outcome = await cases.move_rules(move, rules_hash, reason, actor)
        except Refusal as refused:
            yield MovedCase(move, "refused", refused.reason.sentence())
        else:
            yield MovedCase(move, outcome.state)
