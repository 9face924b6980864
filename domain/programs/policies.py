"""The policies in force, of whichever program: found by plan year, and put in force at start."""

from collections.abc import Sequence
from datetime import date

from domain.federal.policies import find_federal_policy, use_federal_policies
from domain.federal.policy import FederalPolicy
from domain.shared.policy import ProgramPolicy, Rules, Windows, find_plan_year_end
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.policies import find_state_policy, use_state_policies
from domain.state.policy import Policy

# Whom to ask and where to look: no rules, and the newest is right for every case.
AT_ONCE = frozenset({"contacts", "resources", "referrals", "links", "help_desk"})


def use_policies(policies: Sequence[ProgramPolicy], *, trying: bool = False) -> None:
    """Puts these policies of both programs in force for this process, in the place of all there were.

    Those for trying only have no window where they may be tried; elsewhere they are policies like any other (E13).
    """
    policies = [_open_for_trying(policy) if trying else _keep_for_real(policy) for policy in policies]
    use_state_policies(policy for policy in policies if isinstance(policy, Policy))
    use_federal_policies(policy for policy in policies if isinstance(policy, FederalPolicy))


def find_policy(program: str, plan_year: int) -> ProgramPolicy | None:
    """The policy of whichever program, or None where there is none."""
    return find_federal_policy(plan_year) if program == FEDERAL_PROGRAM else find_state_policy(program, plan_year)


def find_last_day(program: str, plan_year: int, valid_until: date | None = None) -> date | None:
    """The last day of a certificate: its own; of one that was issued without, its plan year's (E13).

    None for that of a plan year that is for trying only, where it may be tried.
    """
    if valid_until is not None:
        return valid_until
    policy = find_policy(program, plan_year)
    return None if policy is not None and policy.for_trying_only else find_plan_year_end(plan_year)


def update_kept_policy(kept: Rules) -> Rules:
    """The policy that a case was handed: its rules as they were, with the contacts and links in force (E12).

    What the files didn't have yet when it was kept is taken from them too.
    """
    current = find_policy(kept.program, kept.plan_year)
    if current is None:
        return kept
    names = [name for name in type(kept).model_fields if name in AT_ONCE or name not in kept.model_fields_set]
    return kept.model_copy(update={name: getattr(current, name) for name in names})


def _open_for_trying(policy: ProgramPolicy) -> ProgramPolicy:
    return policy.model_copy(update={"windows": Windows()}) if policy.for_trying_only else policy


def _keep_for_real(policy: ProgramPolicy) -> ProgramPolicy:
    return policy.model_copy(update={"for_trying_only": False})
