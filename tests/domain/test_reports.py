"""What third parties report, read as it arrives and judged by its case: what counts, and what is refused (A21, C4)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.shared.cases.facts import Fact
from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import parse_statements
from domain.state.background_reports import parse_background_report
from domain.state.lms_statements import build_lms_fact
from domain.state.policies import find_state_policy
from domain.state.portal_reports import parse_portal_report
from tests.support import documents
from tests.support.documents import changed
from tests.support.refusals import list_fields
from tests.support.senders import LMS

Document = dict[str, Any]
POLICY = find_state_policy("bewellnm", 2024)
assert POLICY is not None
IDS = POLICY.model_dump(mode="json")
CASE = {"case_id": "00000000-0000-4000-8000-000000000001", "assister_id": "ast_1"}
NOW = datetime(2026, 11, 21, 17, tzinfo=UTC)


# what the LMS says


def facts_of(body: Any) -> list[Fact]:
    """The facts of one person's statements, as the door takes them."""
    assert POLICY is not None
    return [build_lms_fact(one, POLICY, LMS, frozenset([CASE["assister_id"]]), NOW) for one in parse_statements(body)]


WRONG: dict[str, tuple[Document, list[str]]] = {
    "another person": ({"actor.account.name": "ast_somebody_else"}, ["actor.account.name"]),
    "no name": ({"actor.account.name": None}, ["actor.account.name"]),
    "another LMS": ({"actor.account.homePage": "https://lms.example.org"}, ["actor.account.homePage"]),
    "by another e-mail": ({"actor": {"mbox": "mailto:x@example.com"}}, ["actor.mbox"]),
    "no e-mail": ({"actor": {"mbox": "x"}}, ["actor.mbox"]),
    "no actor": ({"actor": None}, ["actor.account.homePage", "actor.account.name"]),
    "not a uuid": ({"context.registration": "case 7"}, ["context.registration"]),
    "no registration": ({"context": {}}, ["context.registration"]),
    "no context": ({"context": None}, ["context.registration"]),
    "another activity": ({"object.id": "https://lms.example.org/other"}, ["object.id"]),
    "no object": ({"object": None}, ["object.id"]),
    "unknown verb": ({"verb.id": documents.VERBS + "laughed"}, ["verb.id"]),
    "verb without its IRI": ({"verb.id": "passed"}, ["verb.id"]),
    "no verb": ({"verb": None}, ["verb.id"]),
    "a verb the activity has not": ({"verb.id": documents.VERBS + "registered"}, ["object.id"]),
    "no id": ({"id": None}, ["id"]),
    "id not a uuid": ({"id": "7"}, ["id"]),
    "a day": ({"timestamp": "2026-11-21"}, ["timestamp"]),
    "no time": ({"timestamp": "yesterday"}, ["timestamp"]),
    "a time beyond the calendar": ({"timestamp": "0001-01-01T00:00:00+14:00"}, ["timestamp"]),
    "several": (
        {"actor.account.name": "x", "verb.id": documents.VERBS + "laughed"},
        ["actor.account.name", "verb.id"],
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_c4_a_statement_that_does_not_fit_its_case_is_refused_by_its_field(wrong: str) -> None:
    changes, named = WRONG[wrong]
    good = documents.exam(IDS, CASE, 0.9)
    assert list_fields(facts_of, good) == []
    found = list_fields(facts_of, changed(good, changes))
    assert set(named) <= set(found) <= {*named, *(field.rsplit(".", 1)[0] for field in named), "actor"}


@pytest.mark.parametrize(
    ("score", "shown", "passed"),
    [
        ('{"scaled": 0.7999}', "0.7999", False),
        ('{"scaled": 0.80}', "0.8", True),
        ('{"scaled": 0.8}', "0.8", True),
        ('{"scaled": 8e-1}', "0.8", True),
        ('{"scaled": 0.79995}', "0.79995", False),
        ('{"scaled": 0.79999999999999999999}', "0.79999999999999999999", False),
        ('{"raw": 4, "max": 5}', "0.8", True),
        ('{"raw": 3.9999, "max": 5}', "0.79998", False),
        ('{"raw": 79.995, "min": 0, "max": 100}', "0.79995", False),
        ('{"raw": 2, "max": 3}', "0.666666", False),
        ('{"scaled": 0.8, "raw": 1, "max": 100}', "0.8", True),
        ('{"scaled": -1}', "-1", False),
        ('{"scaled": 0}', "0", False),
        ('{"scaled": 1}', "1", True),
    ],
)
def test_a21_an_attempt_passes_from_eighty_percent_and_nothing_is_rounded_up(
    score: str, shown: str, passed: bool
) -> None:
    (fact,) = read_exam(score)
    assert (fact.data["score"], fact.data["passed"]) == (shown, passed)


@pytest.mark.parametrize(
    ("verb", "score", "passed"), [("passed", "0.7999", False), ("failed", "0.85", True), ("scored", "0.8", True)]
)
def test_a21_the_lms_own_verdict_is_not_trusted(verb: str, score: str, passed: bool) -> None:
    (fact,) = read_exam(f'{{"scaled": {score}}}', verb)
    assert fact.data["passed"] is passed


@pytest.mark.parametrize(
    ("score", "field"),
    [
        ('{"scaled": 1.01}', "result.score.scaled"),
        ('{"scaled": -1.01}', "result.score.scaled"),
        ('{"scaled": "0.8"}', "result.score.scaled"),
        ('{"scaled": 1e400}', "result.score.scaled"),
        ('{"scaled": 1e-400}', "result.score.scaled"),
        ('{"scaled": true}', "result.score.scaled"),
        ('{"scaled": null}', "result.score.scaled"),
        ('{"scaled": [0.8]}', "result.score.scaled"),
        ('{"scaled": NaN}', "body"),
        ('{"scaled": Infinity}', "body"),
        ('{"scaled": -Infinity}', "body"),
        ('{"scaled": 1e99999999999999999999}', "body"),
        ('{"raw": 6, "max": 5}', "result.score.raw"),
        ('{"raw": -1, "max": 5}', "result.score.raw"),
        ('{"raw": "4", "max": 5}', "result.score.raw"),
        ('{"max": 5}', "result.score.raw"),
        ('{"raw": 4}', "result.score.max"),
        ('{"raw": 0, "max": 0}', "result.score.max"),
        ("null", "result.score"),
        ("0.8", "result.score"),
    ],
)
def test_a21_c4_an_attempt_with_a_score_that_is_none_is_refused(score: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_exam(score)
    assert [fault.field for fault in refused.value.faults] == [field]


def read_exam(score: str, verb: str = "passed") -> list[Fact]:
    """An exam whose ``score`` is JSON text, so that it is read with exactly these digits."""
    text = json.dumps(documents.statement(IDS, CASE, verb, "exam", {"score": "@"})).replace('"@"', score)
    return facts_of(read_json(text.encode()))


# what the portal says


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"type": "account.deleted"}, ["type"]),
        ({"type": None}, ["type"]),
        ({"case_id": "7"}, ["case_id"]),
        ({"case_id": None}, ["case_id"]),
        ({"occurred_at": None}, ["occurred_at"]),
        ({"occurred_at": "2026-11-21T10:00:00"}, []),
        ({"occurred_at": "yesterday"}, ["occurred_at"]),
        ({"reason": 7}, ["reason"]),
        ({"type": None, "case_id": None}, ["case_id", "type"]),
    ],
    ids=str,
)
def test_c4_a_portal_report_that_is_not_understood_is_refused_by_its_field(changes: Document, named: list[str]) -> None:
    good = {"type": "registration.refused", "case_id": CASE["case_id"], "occurred_at": NOW.isoformat()}
    assert list_fields(parse_portal_report, changed(good, changes)) == named


# what the background-check vendor says


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"id": None}, ["id"]),
        ({"type": None}, ["type"]),
        ({"data": None}, ["data.object"]),
        ({"data.object": None}, ["data.object"]),
        ({"data.object.candidate_id": None}, ["data.object.candidate_id"]),
        ({"data.object.candidate_id": {"id": 7}}, ["data.object.candidate_id"]),
        ({"data.object.result": "fine"}, ["data.object.result"]),
        ({"data.object.result": None}, ["data.object.result"]),
    ],
    ids=str,
)
def test_c4_a_background_report_without_sense_is_refused_by_its_field(changes: Document, named: list[str]) -> None:
    subject = {"id": "r1", "object": "report", "status": "complete", "result": "clear", "candidate_id": "c1"}
    good = {"id": "e1", "object": "event", "type": "report.completed", "data": {"object": subject}}
    assert list_fields(parse_background_report, changed(good, changes)) == named


# what is nobody's report


@pytest.mark.parametrize(
    "judge", [facts_of, parse_portal_report, parse_background_report], ids=lambda judge: judge.__name__
)
@pytest.mark.parametrize("document", [[], 7, None, "text"], ids=str)
def test_c4_what_is_no_report_is_refused(judge: Any, document: Any) -> None:
    assert list_fields(judge, document) == ["body"]
