"""A file of earlier years that contradicts itself is refused by the rows and fields that do (D8)."""

from typing import Any

import pytest

from domain.programs.imports import parse_import
from domain.shared.documents.faults import Invalid
from tests.support import documents

YEAR = {"plan_year": 2023, "registered": True, "trained": True, "certified": True}
WHO = documents.broker()


def find_faults(*people: dict[str, Any]) -> dict[str, str]:
    """The fields at fault in a file, with the sentence of each."""
    try:
        parse_import(list(people))
    except Invalid as invalid:
        return {fault.field: fault.sentence() for fault in invalid.faults}
    return {}


def of(*years: dict[str, Any], person: dict[str, Any] = WHO, **changes: Any) -> dict[str, Any]:
    return documents.earlier(person, **{"years": list(years), **changes})


@pytest.mark.parametrize("answer", ["registered", "trained", "certified", "individual_market"])
@pytest.mark.parametrize("given", ["true", "false", "yes", 1, 0, 1.0, None, [], {}])
def test_d8_an_answer_that_is_no_boolean_is_refused_by_row_and_field(answer: str, given: Any) -> None:
    faults = find_faults(of(YEAR), of(YEAR, {**YEAR, "plan_year": 2022, answer: given}, person=documents.broker()))
    assert faults == {f"1.years.1.{answer}": "Answer true or false."}


@pytest.mark.parametrize("given", ["2023", 2023.0, True, 1999, None])
def test_d8_a_plan_year_is_a_number(given: Any) -> None:
    assert list(find_faults(of({**YEAR, "plan_year": given}))) == ["0.years.0.plan_year"]


@pytest.mark.parametrize("account", ["lms_account", "portal_account"])
@pytest.mark.parametrize("given", [1, "x" * 201, "two\nlines", ["a"]])
def test_d8_an_account_is_a_name_or_a_boolean(account: str, given: Any) -> None:
    assert set(find_faults(of(YEAR, **{account: given}))) == {f"0.{account}"}


@pytest.mark.parametrize(
    ("denied", "needed"), [(["trained"], "trained"), (["registered", "trained"], "registered, trained")]
)
def test_d8_nobody_was_certified_without_training(denied: list[str], needed: str) -> None:
    year = {"plan_year": 2022, "certified": True, **dict.fromkeys(denied, False)}
    told = f"This is true and {needed} is false, which can't both be; correct one of them."
    assert find_faults(of(YEAR, year)) == {"0.years.1.certified": told}


def test_d8_what_was_not_said_contradicts_nothing() -> None:
    assert find_faults(of({"plan_year": 2023, "certified": True}, {"plan_year": 2022, "trained": True})) == {}
    federal = documents.registered(WHO, 2023, registered=False, trained=False)  # its records have each for itself
    assert find_faults(federal) == {}


def test_d8_a_year_told_in_two_ways_is_refused_in_one_row_and_in_two() -> None:
    otherwise = {**YEAR, "certified": False}
    told = "This contradicts 0.years.0.certified in the same file; correct one of the two."
    assert find_faults(of(YEAR, otherwise)) == {"0.years.1.certified": told}
    assert find_faults(of(YEAR), of(otherwise)) == {"1.years.0.certified": told}
    assert find_faults(of(YEAR, YEAR), of(YEAR)) == {}
    # What another program says is about something else.
    assert find_faults(of(YEAR), of(otherwise, person=documents.registered(WHO)["person"], program="ffm")) == {}


@pytest.mark.parametrize(
    ("other", "field"), [({"last_name": "Anotherone"}, "last_name"), ({"email": "other@example.com"}, "email")]
)
def test_d8_one_npn_is_one_person_s_in_a_file(other: dict[str, str], field: str) -> None:
    faults = find_faults(of(YEAR, person=documents.broker()), of(YEAR), of(YEAR, person={**WHO, **other}))
    assert list(faults) == [f"2.person.{field}"]
    assert faults[f"2.person.{field}"].startswith("Row 1, the first being 0, has the same NPN")
    spelled = {**WHO, "email": WHO["email"].upper(), "last_name": WHO["last_name"].upper()}
    assert find_faults(of(YEAR), of(YEAR, person=spelled)) == {}
