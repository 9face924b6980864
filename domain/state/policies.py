"""The exchange's policies in force, by program and plan year; they are read from files at start (E12)."""

from collections.abc import Iterable

from domain.state.policy import Policy

POLICIES: dict[tuple[str, int], Policy] = {}


def use_state_policies(policies: Iterable[Policy]) -> None:
    """Puts these policies in force for this process, in the place of all there were."""
    given = {(policy.program, policy.plan_year): policy for policy in policies}
    POLICIES.clear()
    POLICIES.update(given)


def find_state_policy(program: str, plan_year: int) -> Policy | None:
    """The exchange's policy in force, or None where it has none for that year."""
    return POLICIES.get((program, plan_year))
