"""The federal marketplace's policies in force, by plan year; they are read from files at start (E12)."""

from collections.abc import Iterable
from datetime import date

from domain.federal.policy import FederalPolicy

FEDERAL_POLICIES: dict[int, FederalPolicy] = {}


def use_federal_policies(policies: Iterable[FederalPolicy]) -> None:
    """Puts these policies in force for this process, in the place of all there were."""
    given = {policy.plan_year: policy for policy in policies}
    FEDERAL_POLICIES.clear()
    FEDERAL_POLICIES.update(given)


def find_federal_policy(plan_year: int) -> FederalPolicy | None:
    """The federal marketplace's policy in force, or None where there is none for that year."""
    return FEDERAL_POLICIES.get(plan_year)


def list_closed_days() -> frozenset[date]:
    """The days on which federal offices were closed by executive order, of all years' policies.

    A day is closed for everybody, whichever rules a registration began with.
    """
    return frozenset(day for policy in FEDERAL_POLICIES.values() for day in policy.closed_days)
