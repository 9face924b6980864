"""Checks that staff have made again: which counts, what stood before, when they may be; and what differs (A13)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.licensing import License, Producer
from domain.state.certification import (
    CertificationOpening,
    CertificationState,
    find_former_screening,
    fold_certification,
)
from domain.state.commands import RepeatChecks, find_refusal
from domain.state.comparisons import Likeness, compare_with_registry
from domain.state.eligibility import LICENSING, Check, CheckSource, Result, make_finding
from domain.state.request import StoredRequest
from tests.support import documents

NOW = datetime(2024, 10, 3, 9, tzinfo=UTC)
LATER = timedelta(hours=5)
TODAY = date(2026, 3, 1)


def screen(result: Result, at: datetime, **data: Any) -> Fact:
    """A screening in which the licence's activity came to this."""
    found = [make_finding(check, result if check is Check.LICENSE_ACTIVE else Result.PASS) for check in LICENSING]
    listed = [one.model_dump(mode="json") for one in found]
    return Fact(id=f"screened:{at}", kind=FactKind.SCREENED, at=at, data={"round": 0, "findings": listed, **data})


def fold(*facts: Fact, kind: Kind = Kind.BROKER) -> CertificationState:
    opening = CertificationOpening(kind=kind, assister_type=AssisterType.NEW)
    return fold_certification(opening, [Fact(id="begun", kind=FactKind.BEGUN, at=NOW, data={}), *facts])


def read_result(state: CertificationState) -> Result:
    return next(one.result for one in state.findings if one.check is Check.LICENSE_ACTIVE)


def test_what_comes_of_a_repeat_counts_and_what_was_found_before_is_known() -> None:
    facts = [screen(Result.FAIL, NOW), screen(Result.PASS, NOW + LATER, asked_by="staff:riley")]
    state = fold(*facts)
    assert read_result(state) is Result.PASS
    former = find_former_screening(facts)
    assert former is not None
    assert former[0].at == NOW
    assert {one.result for one in former[1].findings} == {Result.PASS, Result.FAIL}
    assert find_former_screening(facts[:1]) is None


def test_the_registry_s_silence_in_a_repeat_takes_nothing_back() -> None:
    assert read_result(fold(screen(Result.FAIL, NOW), screen(Result.UNKNOWN, NOW + LATER, asked_by="staff:riley"))) is (
        Result.FAIL
    )


def test_a_repeat_makes_no_case_younger() -> None:
    first = screen(Result.FAIL, NOW)
    assert fold(first, screen(Result.PASS, NOW + LATER, asked_by="staff:riley")).waiting_since == NOW
    assert fold(first, screen(Result.PASS, NOW + LATER)).waiting_since == NOW + LATER


@pytest.mark.parametrize(
    ("kind", "source", "code"),
    [
        (Kind.BROKER, None, None),
        (Kind.BROKER, CheckSource.REGISTRY, None),
        (Kind.BROKER, CheckSource.RECORDS, None),
        (Kind.BROKER, CheckSource.BACKGROUND_CHECK, "no_check"),
        (Kind.ENROLLMENT_COUNSELOR, CheckSource.BACKGROUND_CHECK, None),
        (Kind.ENROLLMENT_COUNSELOR, CheckSource.REGISTRY, "no_license_to_look_up"),
    ],
)
def test_who_is_asked_is_who_knows_of_such_a_person(kind: Kind, source: CheckSource | None, code: str | None) -> None:
    refusal = find_refusal(RepeatChecks(source=source), fold(screen(Result.FAIL, NOW), kind=kind))
    assert (refusal.code if refusal else None) == code


def test_checks_are_made_again_neither_before_they_were_made_nor_after_the_decision() -> None:
    decided = Fact(
        id="decided", kind=FactKind.DECIDED, at=NOW + LATER, data={"verdict": "deny", "by": "riley", "reason": "no"}
    )
    for state, code in ((fold(), "still_screening"), (fold(screen(Result.FAIL, NOW), decided), "already_decided")):
        refusal = find_refusal(RepeatChecks(), state)
        assert refusal is not None
        assert refusal.code == code


# the request beside the registry


def build_license(**changes: Any) -> License:
    held: dict[str, Any] = {"state": "NM", "number": "12-34", "residency": None, "active": True, "lines": ("Health",)}
    return License(**{**held, "expires": date(2026, 12, 31), **changes})


def build_producer(**changes: Any) -> Producer:
    held: dict[str, Any] = {
        "npn": "77",
        "entity": "individual",
        "first_name": "Ána",
        "last_name": "Muestra",
        "company": "",
    }
    return Producer(**{**held, "contact_emails": ("ana@example.org",), "licenses": (build_license(),), **changes})


def build_request(**changes: Any) -> StoredRequest:
    said = {"npn": "77", "first_name": "ANA", "last_name": "Muestra", "email": "Ana@example.org"}
    return StoredRequest.model_validate(documents.broker(**{**said, "license_number": "1234", **changes}))


def compare(request: StoredRequest, producer: Producer) -> dict[str, Likeness]:
    found = compare_with_registry(request, producer, TODAY, "NM").fields
    return {one.name: one.likeness for one in found}


def test_who_is_the_same_in_both_differs_in_nothing() -> None:
    assert set(compare(build_request(), build_producer()).values()) == {Likeness.SAME}
    (held,) = compare_with_registry(build_request(), build_producer(), TODAY, "NM").licenses
    assert (held.is_asked_for, held.is_in_force) == (True, True)


@pytest.mark.parametrize(
    ("request_changes", "producer_changes", "name", "likeness"),
    [
        ({"first_name": "Otra"}, {}, "first_name", Likeness.DIFFERENT),
        ({"last_name": "Muestra Ejemplo"}, {}, "last_name", Likeness.ALIKE),
        ({"license_number": "999"}, {}, "license_number", Likeness.DIFFERENT),
        ({"license_number": None}, {}, "license_number", Likeness.ONE_SIDED),
        ({"email": "other@example.org"}, {}, "email", Likeness.DIFFERENT),
        ({}, {"contact_emails": ()}, "email", Likeness.ONE_SIDED),
        ({}, {"licenses": (build_license(state="TX"),)}, "license_number", Likeness.ONE_SIDED),
    ],
)
def test_what_differs_is_found_field_by_field(
    request_changes: dict[str, Any], producer_changes: dict[str, Any], name: str, likeness: Likeness
) -> None:
    found = compare(build_request(**request_changes), build_producer(**producer_changes))
    assert found.pop(name) is likeness
    assert set(found.values()) == {Likeness.SAME}


def test_who_is_not_in_the_registry_is_beside_nobody() -> None:
    found = compare_with_registry(build_request(), None, TODAY, "NM")
    assert (found.is_known, found.fields, found.licenses) == (False, (), ())
