"""The policies shipped are data that is whole: one course and one exam a year, contacts, links, both languages."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.programs.kept_rules import AT_ONCE, describe_rules, hash_rules, is_rule
from domain.programs.policies import build_policy_of_rules
from domain.programs.policy_files import POLICY_MODELS
from domain.shared.assister import Kind
from domain.shared.policy import find_local_date
from domain.state.policies import POLICIES, find_state_policy
from domain.state.policy import Policy

YEARS = sorted(year for program, year in POLICIES if program == "bewellnm")
each = pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: str(policy.plan_year))


def test_plan_years_shipped() -> None:
    assert YEARS == [2023, 2024, 2025, 2026, 2027]
    assert find_state_policy("bewellnm", 2022) is None
    assert find_state_policy("other", 2024) is None
    marks = {year: policy.carried_over_from for (_, year), policy in POLICIES.items()}
    assert marks == {year: None if year == 2024 else 2024 for year in YEARS}


def test_a19_a20_every_year_has_its_own_course_and_exam() -> None:
    for field in ("course_id", "exam_id"):
        assert len({getattr(policy.lms, field) for policy in POLICIES.values()}) == len(POLICIES)


@each
def test_a6_a21_a28_a31_a32_a_policy_is_whole(policy: Policy) -> None:
    assert policy.pass_mark == Decimal("0.8")
    assert policy.model_dump(mode="json")["pass_mark"] == "0.80"
    contacts = policy.contacts
    assert (contacts.general.phone, contacts.general.email) == ("1-833-862-3935", None)
    assert (contacts.portals.phone, contacts.portals.email) == (None, "brokers@nmhix.com")
    assert (contacts.training.phone, contacts.training.email) == (None, "partners@nmhix.com")
    assert set(policy.resources) == set(Kind)
    for link in (link for links in policy.resources.values() for link in links):
        assert set(link.label) == {"en", "es"}
        assert link.url.startswith("https://")
    assert len(policy.referrals["en"]) == len(policy.referrals["es"]) == 3
    assert policy.activation_link_days == 7
    assert policy.license_unknown_after_seconds == 3600
    assert set(policy.intake.kinds) == {Kind.AGENT, Kind.BROKER}
    assert policy.intake.neighbour_states == ("AZ", "CO", "OK", "TX", "UT")


@each
def test_a_policy_kept_with_a_case_is_read_as_it_was(policy: Policy) -> None:
    rules = json.loads(json.dumps(describe_rules(policy)))
    assert build_policy_of_rules(hash_rules(rules), rules) == policy


def test_e12_what_is_no_rule_is_named_as_policies_call_it() -> None:
    fields = {name for model in POLICY_MODELS.values() for name in model.model_fields}
    assert fields >= AT_ONCE
    assert all(map(is_rule, ("pass_mark", "windows", "lags", "home_state", "reminder_every_days")))


def test_e12_the_hash_of_rules_is_of_what_they_say_and_of_nothing_else() -> None:
    policy = POLICIES["bewellnm", 2026]
    rules = describe_rules(policy)
    general = policy.contacts.general.model_copy(update={"phone": "505-555-0100"})
    elsewhere = policy.model_copy(update={"contacts": policy.contacts.model_copy(update={"general": general})})
    assert hash_rules(dict(reversed(rules.items()))) == hash_rules(describe_rules(elsewhere)) == hash_rules(rules)
    harder = policy.model_copy(update={"pass_mark": Decimal("0.90")})
    assert hash_rules(describe_rules(harder)) != hash_rules(rules)


def test_c6_windows_overlap_and_end_with_their_year() -> None:
    for year in (2023, 2025, 2026, 2027):
        policy = find_state_policy("bewellnm", year)
        assert policy is not None
        assert (policy.windows.opens_on, policy.windows.closes_on) == (date(year - 1, 9, 1), date(year, 12, 31))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2027, 1, 1, 6, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2027, 1, 1, 7, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_dates_are_the_exchange_s(now: datetime, expected: date) -> None:
    policy = find_state_policy("bewellnm", 2026)
    assert policy is not None
    assert find_local_date(policy, now) == expected
