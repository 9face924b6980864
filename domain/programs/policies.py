"""The policies shipped: plan year 2024 as in the guides, and the years carried over from it (marked so)."""

from domain.federal.policies import find_federal_policy
from domain.shared.policy import ProgramPolicy
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.policies import find_state_policy


def find_policy(program: str, plan_year: int) -> ProgramPolicy | None:
    """The policy of whichever program, or None where there is none."""
    return find_federal_policy(plan_year) if program == FEDERAL_PROGRAM else find_state_policy(program, plan_year)
