"""What the registry's answer says of a licence: which check fails for what, and that nothing else does (A3, A13)."""

from datetime import date
from typing import Any

import pytest

from domain.shared.licensing import License, Producer
from domain.state.eligibility import LICENSING, Check, Result, check_license

TODAY = date(2026, 11, 20)
LICENSE = License(
    state="NM", number="NM-7", residency="resident", active=True, expires=date(2027, 12, 31), lines=("health",)
)
PERSON = Producer(
    npn="1234567", entity="individual", first_name="Testa", last_name="Broker", company="", licenses=(LICENSE,)
)


def failed(producer: Producer | None, number: str | None = "NM-7") -> set[Check]:
    """The checks that fail for somebody who asks as Testa Broker with this licence number."""
    findings = check_license(producer, "Testa", "Broker", number, TODAY)
    assert [one.check for one in findings] == list(LICENSING)
    assert {one.source for one in findings} == {"A13"}
    return {one.check for one in findings if one.result is Result.FAIL}


def licensed(**changes: Any) -> dict[str, Any]:
    return {"licenses": (LICENSE.model_copy(update=changes),)}


GONE = {Check.LICENSE_FOUND, Check.LICENSE_ACTIVE, Check.LICENSE_NOT_EXPIRED}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        (licensed(residency="nonresident"), set()),
        (licensed(expires=None), set()),
        (licensed(expires=TODAY), set()),
        (licensed(number="nm 0007"), GONE),
        (licensed(number="nm7"), set()),
        (licensed(active=False), {Check.LICENSE_ACTIVE}),
        (licensed(expires=date(2023, 12, 31)), {Check.LICENSE_NOT_EXPIRED}),
        (licensed(expires=date(2026, 11, 19)), {Check.LICENSE_NOT_EXPIRED}),
        (licensed(state="TX"), GONE),
        (licensed(number="NM-SOMEBODY-ELSES"), GONE),
        ({"licenses": ()}, GONE),
        (
            {"entity": "firm", "company": "Example Agency LLC", "first_name": "", "last_name": ""},
            {Check.NPN_INDIVIDUAL, Check.NAME_MATCHES},
        ),
        ({"last_name": "Persona"}, {Check.NAME_MATCHES}),
        ({"first_name": "Otra"}, {Check.NAME_MATCHES}),
        ({"first_name": "Broker", "last_name": "Testa"}, {Check.NAME_MATCHES}),
    ],
)
def test_a3_a13_each_check_fails_for_its_own_reason(changes: dict[str, Any], expected: set[Check]) -> None:
    assert failed(PERSON.model_copy(update=changes)) == expected


def test_a13_of_an_npn_nobody_has_everything_fails() -> None:
    assert failed(None) == set(LICENSING)


def test_a13_who_was_imported_without_a_licence_number_has_any_of_the_state() -> None:
    assert failed(PERSON, None) == set()
    assert failed(PERSON.model_copy(update=licensed(state="TX")), None) == GONE


def test_a13_an_active_licence_counts_beside_one_that_has_lapsed() -> None:
    lapsed = LICENSE.model_copy(update={"active": False, "expires": date(2020, 1, 1)})
    assert failed(PERSON.model_copy(update={"licenses": (lapsed, LICENSE)})) == set()
