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
    assert {one.source for one in findings} == {"A13", "E15"}
    return {one.check for one in findings if one.result is Result.FAIL}


def licensed(**changes: Any) -> dict[str, Any]:
    return {"licenses": (LICENSE.model_copy(update=changes),)}


GONE = {Check.LICENSE_FOUND, Check.LICENSE_ACTIVE, Check.LICENSE_NOT_EXPIRED, Check.HEALTH_LINE}


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
        (licensed(expires=date(2026, 10, 20)), {Check.LICENSE_NOT_EXPIRED}),
        (licensed(active=False, expires=date(2026, 11, 19)), {Check.LICENSE_ACTIVE, Check.LICENSE_NOT_EXPIRED}),
        (licensed(lines=("PROPERTY", "CASUALTY")), {Check.HEALTH_LINE}),
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


def considered(producer: Producer, first: str = "Testa", last: str = "Broker", state: str = "NM") -> dict[Check, str]:
    """What is for a person to look at, with its note; nothing fails."""
    findings = check_license(producer, first, last, "NM-7", TODAY, state)
    assert [one.check for one in findings if one.result not in (Result.PASS, Result.CONSIDER)] == []
    return {one.check: one.note or "" for one in findings if one.result is Result.CONSIDER}


@pytest.mark.parametrize("expires", [date(2026, 11, 19), date(2026, 10, 21)])
def test_p17_e15_an_active_licence_past_its_last_day_is_being_renewed(expires: date) -> None:
    found = considered(PERSON.model_copy(update=licensed(expires=expires)))
    assert found == {Check.LICENSE_NOT_EXPIRED: "renewal_under_way"}


def test_p18_a_state_that_numbers_its_licences_by_the_npn_is_said_to() -> None:
    found = considered(PERSON.model_copy(update=licensed(number="0001234567")))
    assert found == {Check.LICENSE_FOUND: "license_numbered_by_npn"}


def test_p18_another_states_licence_under_the_npn_is_none() -> None:
    assert failed(PERSON.model_copy(update=licensed(number="1234567", state="TX"))) == GONE


@pytest.mark.parametrize(
    ("form", "registry"),
    [
        (("Mary Ann", "García López"), ("MARY", "GARCIA")),
        (("Mary", "García"), ("MARY ANN", "GARCIA LOPEZ")),
        (("Testa", "Broker"), ("TESTA", "BROKER-PRUEBA")),
        (("Søren", "De la Muestra Ejemplo"), ("SOREN", "DELAMUESTRA")),
    ],
)
def test_p19_names_that_are_alike_are_for_a_person_to_look_at(form: tuple[str, str], registry: tuple[str, str]) -> None:
    producer = PERSON.model_copy(update={"first_name": registry[0], "last_name": registry[1]})
    assert considered(producer, *form) == {Check.NAME_MATCHES: "names_alike"}


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("NM", "Accident & Health or Sickness"),
        ("NM", "ACCIDENT AND HEALTH"),
        ("OK", "Accident & Health or Sickness"),
        ("AZ", "Accident & Health or Sickness"),
        ("OR", "HEALTH"),
        ("TX", "Life, Accident, Health and Sickness"),
    ],
)
def test_p16_e15_each_state_has_its_own_words_for_the_health_line(state: str, line: str) -> None:
    assert considered(PERSON.model_copy(update=licensed(state=state, lines=("PROPERTY", line))), state=state) == {}


@pytest.mark.parametrize(
    ("lines", "note"),
    [(("Individual Health Benefits",), "health_line_in_other_words"), ((), "lines_not_reported")],
)
def test_e15_other_words_and_silence_are_for_a_person_to_look_at(lines: tuple[str, ...], note: str) -> None:
    assert considered(PERSON.model_copy(update=licensed(lines=lines))) == {Check.HEALTH_LINE: note}


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": ("PROPERTY", "CASUALTY")},
        {"lines": ("Fraternal Accident and Health",)},
        {"lines": ("Navigator",)},
        {"lines": ("H",)},
        {"lines": (), "ended_lines": ("Accident and Health",)},
    ],
)
def test_p16_e15_without_a_health_line_the_finding_says_so(changes: dict[str, Any]) -> None:
    (found,) = [
        one
        for one in check_license(PERSON.model_copy(update=licensed(**changes)), "Testa", "Broker", "NM-7", TODAY)
        if one.result is not Result.PASS
    ]
    assert (found.check, found.result, found.note) == (Check.HEALTH_LINE, Result.FAIL, "no_health_line")
