"""The policies in force, of whichever program: found by plan year, and put in force at start."""

from collections.abc import Sequence

from domain.federal.policies import find_federal_policy, use_federal_policies
from domain.federal.policy import FederalPolicy
from domain.shared.policy import ProgramPolicy
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.policies import find_state_policy, use_state_policies
from domain.state.policy import Policy


def use_policies(policies: Sequence[ProgramPolicy]) -> None:
    """Puts these policies of both programs in force for this process, in the place of all there were."""
    use_state_policies(policy for policy in policies if isinstance(policy, Policy))
    use_federal_policies(policy for policy in policies if isinstance(policy, FederalPolicy))


def find_policy(program: str, plan_year: int) -> ProgramPolicy | None:
    """The policy of whichever program, or None where there is none."""
    return find_federal_policy(plan_year) if program == FEDERAL_PROGRAM else find_state_policy(program, plan_year)
