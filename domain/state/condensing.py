"""Which facts of a certification stand for each other in its fold."""

from collections.abc import Hashable

from domain.shared.cases.facts import Fact, FactKind

# Each is a step of its own: what staff decided and asked, what was answered, what each screening found.
_ALL_COUNT = frozenset({FactKind.DECIDED, FactKind.ANSWERED, FactKind.SCREENED})


def find_group(fact: Fact) -> Hashable | None:
    """The group of facts of which the first and the last count; None where every one counts."""
    if fact.kind in _ALL_COUNT:
        return None
    if fact.kind is FactKind.EXAM_ATTEMPTED:
        return fact.kind, bool(fact.data.get("passed"))
    return fact.kind
