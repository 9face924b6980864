"""The policies in force, of whichever program: found by plan year, and put in force at start."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from domain.federal.policies import FEDERAL_POLICIES, find_federal_policy, use_federal_policies
from domain.federal.policy import FederalPolicy
from domain.programs.kept_rules import ONLY_IF_KEPT, is_rule
from domain.shared.policy import LicenseWatch, ProgramPolicy, Windows, find_current_policy, find_plan_year_end
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.policies import POLICIES, find_state_policy, use_state_policies
from domain.state.policy import Policy

# Policies of cases by the hash of their rules, with the rest as it is in force: few, and asked for all the time.
_OF_CASES: dict[str, ProgramPolicy] = {}


def use_policies(policies: Sequence[ProgramPolicy], *, trying: bool = False) -> None:
    """Puts these policies of both programs in force for this process, in the place of all there were.

    Those for trying only have no window where they may be tried; elsewhere they are policies like any other (E13).
    """
    policies = [_open_for_trying(policy) if trying else _keep_for_real(policy) for policy in policies]
    use_state_policies(policy for policy in policies if isinstance(policy, Policy))
    use_federal_policies(policy for policy in policies if isinstance(policy, FederalPolicy))
    _OF_CASES.clear()


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


def find_newest_policy(program: str, plan_year: int) -> ProgramPolicy:
    """The policy in force of a plan year; of one that has no file any more, that of the program's newest."""
    return find_policy(program, plan_year) or max(_list_policies(program), key=lambda policy: policy.plan_year)


def _list_policies(program: str) -> Sequence[ProgramPolicy]:
    """A program's policies in force, of every plan year."""
    if program == FEDERAL_PROGRAM:
        return [*FEDERAL_POLICIES.values()]
    return [policy for policy in POLICIES.values() if policy.program == program]


def find_license_watch(program: str, plan_year: int) -> LicenseWatch:
    """How the licences of a program's cases of a plan year are watched, by the policy in force (E1)."""
    policy = find_policy(program, plan_year)
    return policy.license_watch if policy is not None else LicenseWatch()


def find_calls_a_day(program: str, now: datetime) -> int:
    """How many look-ups a program may make a day for its watch, by its current policy; none where it has none."""
    policies = _list_policies(program)
    return find_current_policy(policies, now).license_watch.calls_a_day if policies else 0


def find_policy_of_rules(rules_hash: str) -> ProgramPolicy | None:
    """The policy of cases with these rules, where this process has built it since its policies came into force."""
    return _OF_CASES.get(rules_hash)


def build_policy_of_rules(rules_hash: str, rules: Mapping[str, Any]) -> ProgramPolicy:
    """The policy of cases with these rules, as `describe_rules` gave them; all that is no rule is as in force (E12)."""
    current = find_newest_policy(rules["program"], rules["plan_year"])
    names = type(current).model_fields.keys()
    added = names - rules.keys() - ONLY_IF_KEPT
    newest = {name: getattr(current, name) for name in names if not is_rule(name) or name in added}
    kept = {name: value for name, value in rules.items() if name in names and is_rule(name)}
    built = type(current).model_validate({**newest, **kept})
    _OF_CASES[rules_hash] = built
    return built


def _open_for_trying(policy: ProgramPolicy) -> ProgramPolicy:
    return policy.model_copy(update={"windows": Windows()}) if policy.for_trying_only else policy


def _keep_for_real(policy: ProgramPolicy) -> ProgramPolicy:
    return policy.model_copy(update={"for_trying_only": False})
