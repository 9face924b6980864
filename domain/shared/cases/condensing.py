"""The facts of a case that its fold still needs: a few, however many there are.

Every write folds. Somebody who sits the exam five hundred times would make each of their facts cost what five hundred
facts cost, so the facts that can't change any fold any more are left out. Of facts of one group the fold asks for the
first or for the last one; which fact belongs to which group is said beside each program's fold.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from domain.shared.cases.facts import Fact

# Raised whenever a group or a fold changes: what was condensed by another rule is condensed anew from every fact.
RULE = 2

Group = Callable[[Fact], Hashable | None]


@dataclass(frozen=True)
class CondensedFacts:
    """The facts a fold needs, and how many there are in all."""

    facts: tuple[Fact, ...] = ()
    total: int = 0


def condense_facts(facts: Iterable[Fact], find_group: Group) -> list[Fact]:
    """Of each group the first fact and the last one by their times; every fact that has no group."""
    kept: list[Fact] = []
    groups: dict[Hashable, list[Fact]] = {}
    for fact in facts:
        group = find_group(fact)
        if group is None:
            kept.append(fact)
        else:
            groups.setdefault(group, []).append(fact)
    for members in groups.values():
        first, last = min(members, key=_order), max(members, key=_order)
        kept += [first] if first is last else [first, last]
    return kept


def _order(fact: Fact) -> tuple[object, str]:
    return fact.at, fact.id
