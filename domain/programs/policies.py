"""The policies shipped: plan year 2024 as in the guides, and the years carried over from it (marked so)."""

from domain.federal.policies import federal_policy_for
from domain.shared.policy import ProgramPolicy
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.policies import policy_for


def any_policy_for(program: str, plan_year: int) -> ProgramPolicy | None:
    """The policy of whichever program, or None where there is none."""
    return federal_policy_for(plan_year) if program == FEDERAL_PROGRAM else policy_for(program, plan_year)
