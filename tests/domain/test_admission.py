"""Whom the exchange takes in: the intake scope of new agents and brokers, and the plan year's window (A7, C6)."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from domain.shared.assister import AssisterType
from domain.shared.policy import Windows
from domain.state.opening import find_admission_faults
from domain.state.policies import find_state_policy
from domain.state.request import parse_request
from tests.support import documents

TODAY = date(2026, 11, 20)
MOUNTAIN = timezone(timedelta(hours=-7))
POLICY = find_state_policy("bewellnm", 2024)
assert POLICY is not None
NEW, RETURNING, LAPSED = AssisterType.NEW, AssisterType.RETURNING, AssisterType.LAPSED


def refused(kind: str, assister_type: AssisterType, business: str, physical: str) -> list[str]:
    """The fields that keep this person out."""
    if kind == "enrollment_counselor":
        document = documents.counselor(physical_address=documents.address(physical))
    else:
        make = documents.agent if kind == "agent" else documents.broker
        document = make(business_address=documents.address(business), physical_address=documents.address(physical))
    assert POLICY is not None
    faults = find_admission_faults(parse_request(document), POLICY, assister_type, TODAY)
    assert {fault.code for fault in faults} <= {"intake_scope"}
    assert all(fault.field.endswith("_address.state") for fault in faults)
    return [fault.field.partition("_")[0] for fault in faults]


@pytest.mark.parametrize("kind", ["agent", "broker"])
@pytest.mark.parametrize(
    ("business", "physical", "expected"),
    [
        ("NM", "NM", []),
        ("NV", "NM", []),
        ("NY", "NM", []),
        ("TX", "NM", []),
        ("AZ", "AZ", []),
        ("AZ", "CO", []),
        ("CO", "AZ", []),
        ("OK", "UT", []),
        ("TX", "TX", []),
        ("tx", "ut", []),
        ("TX", "NV", ["physical"]),
        ("NV", "TX", ["business"]),
        ("NM", "TX", ["business"]),
        ("NM", "NV", ["physical", "business"]),
        ("NV", "NV", ["physical", "business"]),
        ("PR", "CA", ["physical", "business"]),
        ("CA", "NY", ["physical", "business"]),
    ],
)
def test_a7_new_agents_and_brokers_are_in_new_mexico_or_wholly_in_the_five_states(
    kind: str, business: str, physical: str, expected: list[str]
) -> None:
    assert refused(kind, NEW, business, physical) == expected


@pytest.mark.parametrize("assister_type", [RETURNING, LAPSED])
def test_a7_who_was_here_before_may_have_moved(assister_type: AssisterType) -> None:
    assert refused("broker", assister_type, "NV", "NV") == []


def test_a7_counselors_are_not_restricted() -> None:
    assert refused("enrollment_counselor", NEW, "", "NV") == []


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 8, 31), ["window_not_open"]),
        (date(2026, 9, 1), []),
        (date(2027, 12, 31), []),
        (date(2028, 1, 1), ["window_closed"]),
    ],
)
def test_c6_a_window_is_open_from_its_first_to_its_last_day(today: date, expected: list[str]) -> None:
    policy = find_state_policy("bewellnm", 2027)
    assert policy is not None
    request = parse_request(documents.broker(plan_year=2027))
    assert [fault.code for fault in find_admission_faults(request, policy, NEW, today)] == expected


def test_c6_2024_s_window_never_closes() -> None:
    assert POLICY is not None
    request = parse_request(documents.broker())
    assert find_admission_faults(request, POLICY, NEW, date(2060, 1, 1)) == []
    assert POLICY.windows.find_closing_time(MOUNTAIN) is None


def test_c6_a_window_closes_at_the_exchange_s_midnight() -> None:
    assert Windows(closes_on=date(2026, 12, 31)).find_closing_time(MOUNTAIN) == datetime(2027, 1, 1, 7, tzinfo=UTC)
