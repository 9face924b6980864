"""Folding the facts that were kept and the fresh ones comes to what folding every fact comes to, in any order."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings, strategies as st

from domain.federal.registration import RegistrationOpening, find_registration_group
from domain.shared.cases.condensing import condense_facts
from domain.shared.cases.facts import Fact, FactKind
from domain.state.certification import (
    CertificationOpening,
    CertificationState,
    find_certification_group,
    fold_certification,
)
from tests.domain import test_fold, test_registration

CUTS = st.lists(st.integers(0, 30), max_size=4)


def condense_step_by_step(happened: list[Fact], cuts: list[int], find_group: Callable[[Fact], Any]) -> list[Fact]:
    """The facts that are kept when they arrive a few at a time, each time condensed."""
    kept: list[Fact] = []
    ends = sorted({*(min(cut, len(happened)) for cut in cuts), len(happened)})
    for start, end in zip([0, *ends], ends, strict=False):
        kept = condense_facts([*kept, *happened[start:end]], find_group)
    return kept


def without_attempts(found: CertificationState) -> CertificationState:
    return found.model_copy(update={"attempts": ()})


@settings(max_examples=400, deadline=None)
@given(opening=test_fold.openings, happened=test_fold.facts() | test_fold.lives(), cuts=CUTS, data=st.data())
def test_a_certification_comes_to_the_same_from_the_facts_that_were_kept(
    opening: CertificationOpening, happened: list[Fact], cuts: list[int], data: st.DataObject
) -> None:
    arrived = data.draw(st.permutations(happened))
    kept = condense_step_by_step(arrived, cuts, find_certification_group)
    whole = fold_certification(opening, happened)
    assert without_attempts(fold_certification(opening, kept)) == without_attempts(whole)
    assert {fact.kind for fact in kept} == {fact.kind for fact in happened}


@settings(max_examples=400, deadline=None)
@given(
    opening=test_registration.openings,
    happened=test_registration.facts() | test_registration.lives(),
    cuts=CUTS,
    newer=st.booleans(),
    data=st.data(),
)
def test_a_registration_comes_to_the_same_from_the_facts_that_were_kept(
    opening: RegistrationOpening, happened: list[Fact], cuts: list[int], newer: bool, data: st.DataObject
) -> None:
    """Under the agreements in force then, and under a version that comes later."""
    arrived = data.draw(st.permutations(happened))
    kept = condense_step_by_step(arrived, cuts, find_registration_group)
    folded = test_registration.fold(opening, kept, newer).model_copy(update={"facts": len(happened)})
    assert folded == test_registration.fold(opening, happened, newer)


def test_a22_of_five_hundred_attempts_four_at_most_are_kept() -> None:
    attempts = [
        Fact(
            id=f"attempt-{number}",
            kind=FactKind.EXAM_ATTEMPTED,
            at=test_fold.START + timedelta(hours=number),
            data={"event_id": f"{number}", "score": "0.1", "passed": number > 400},
        )
        for number in range(500)
    ]
    kept = condense_facts(attempts, find_certification_group)
    assert sorted(fact.id for fact in kept) == ["attempt-0", "attempt-400", "attempt-401", "attempt-499"]
