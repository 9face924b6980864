"""Which facts of a federal registration stand for each other in its fold."""

from collections.abc import Hashable

from domain.shared.cases.facts import Fact, FactKind

# What the registry says is about one version of the profile.
_ALL_COUNT = frozenset({FactKind.PROFILE_SAVED, FactKind.NPN_VERIFIED, FactKind.NPN_REFUSED, FactKind.WATCH_OPENED})

# Of the other kinds, by what facts of one kind are told apart.
_TOLD_APART: dict[FactKind, tuple[str, ...]] = {
    FactKind.ENROLLED: ("curriculum", "channel"),
    FactKind.COURSE_STARTED: ("curriculum", "channel"),
    FactKind.COURSE_COMPLETED: ("curriculum", "channel"),
    FactKind.AGREEMENT_OPENED: ("agreement", "version", "language", "sha256"),
    FactKind.AGREEMENT_ACCEPTED: ("agreement", "version"),
    FactKind.MARKET_COMPLETED: ("market",),
    FactKind.CERTIFICATE_ISSUED: ("market",),
    FactKind.LISTED: ("market", "list"),
    FactKind.LIST_LATE: ("market", "list"),
}


def find_group(fact: Fact) -> Hashable | None:
    """The group of facts of which the first and the last count; None where every one counts."""
    if fact.kind in _ALL_COUNT:
        return None
    return fact.kind, *(fact.data.get(name) for name in _TOLD_APART.get(fact.kind, ()))
