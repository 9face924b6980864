"""Which cases may be approved in bulk: those alone in which there is nothing for anybody to read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind
from domain.state.certification import CertificationOpening, CertificationState, fold_certification
from domain.state.commands import Decide, find_refusal, is_for_bulk
from domain.state.eligibility import LICENSING, Check, Result, Verdict, make_finding

NOW = datetime(2024, 10, 3, 9, tzinfo=UTC)
OPENING = CertificationOpening(
    kind=Kind.BROKER, assister_type=AssisterType.NEW, has_lms_account=False, has_portal_account=False
)
IN_BULK = Decide(verdict=Verdict.APPROVE, in_bulk=True)


def build_fact(kind: FactKind, **data: Any) -> Fact:
    return Fact(id=f"{kind}:{data.get('round', 0)}", kind=kind, at=NOW, data=data)


def fold_screened(result: Result = Result.PASS, answers: int = 0) -> CertificationState:
    """A broker's case that waits for a decision, with one check that came to this, after so many answers."""
    found = [make_finding(check, result if check is Check.LICENSE_ACTIVE else Result.PASS) for check in LICENSING]
    facts = [build_fact(FactKind.AGREEMENT_ACCEPTED)]
    for number in range(answers):
        facts.append(build_fact(FactKind.DECIDED, verdict="ask", by="staff", reason="Which one?", round=number))
        facts.append(build_fact(FactKind.ANSWERED, round=number + 1))
    listed = [one.model_dump(mode="json") for one in found]
    facts.append(build_fact(FactKind.SCREENED, round=answers, findings=listed))
    return fold_certification(OPENING, facts)


def test_a_case_whose_checks_have_all_passed_is_for_bulk() -> None:
    state = fold_screened()
    assert is_for_bulk(state)
    assert find_refusal(IN_BULK, state) is None


@pytest.mark.parametrize("result", [Result.FAIL, Result.CONSIDER, Result.UNKNOWN, Result.PENDING])
def test_one_check_that_is_no_pass_keeps_a_case_out_even_with_an_override(result: Result) -> None:
    state = fold_screened(result)
    assert not is_for_bulk(state)
    over = IN_BULK.model_copy(update={"override": "They all look fine."})
    assert find_refusal(IN_BULK, state) is not None
    assert find_refusal(over, state).code == "not_for_bulk"  # type: ignore[union-attr]
    assert find_refusal(over.model_copy(update={"in_bulk": False}), state) is None


def test_an_answer_is_read_by_somebody_whatever_the_checks_say() -> None:
    state = fold_screened(answers=1)
    assert not is_for_bulk(state)
    assert find_refusal(IN_BULK, state).code == "not_for_bulk"  # type: ignore[union-attr]
    assert find_refusal(Decide(verdict=Verdict.APPROVE), state) is None


def test_a_case_of_which_somebody_asked_is_opened_though_the_question_was_taken_back() -> None:
    asked = build_fact(FactKind.DECIDED, verdict="ask", by="staff", reason="Which one?", round=0)
    back = build_fact(FactKind.QUESTION_TAKEN_BACK, by="staff", reason="Asked by mistake.")
    listed = [make_finding(check, Result.PASS).model_dump(mode="json") for check in LICENSING]
    screened = build_fact(FactKind.SCREENED, round=0, findings=listed)
    state = fold_certification(OPENING, [build_fact(FactKind.AGREEMENT_ACCEPTED), screened, asked, back])
    assert find_refusal(IN_BULK, state).code == "not_for_bulk"  # type: ignore[union-attr]
    assert find_refusal(Decide(verdict=Verdict.APPROVE), state) is None


def test_a_case_that_waits_for_no_decision_is_not_for_bulk() -> None:
    assert not is_for_bulk(fold_certification(OPENING, []))
    decided = build_fact(FactKind.DECIDED, verdict="approve", by="staff", reason="Fine.", round=0)
    listed = [make_finding(check, Result.PASS).model_dump(mode="json") for check in LICENSING]
    screened = build_fact(FactKind.SCREENED, round=0, findings=listed)
    facts = [build_fact(FactKind.AGREEMENT_ACCEPTED), screened, decided]
    assert not is_for_bulk(fold_certification(OPENING, facts))


def test_only_a_decision_in_bulk_says_so_where_it_is_stored() -> None:
    assert Decide(verdict=Verdict.APPROVE).to_json() == {"verdict": "approve", "override": None}
    assert IN_BULK.to_json() == {"verdict": "approve", "override": None, "in_bulk": True}
