"""What senders report, each in its dialect: what counts of it, and what can't be counted (P1–P10, D7)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from adapters.absorb import describe_enrollment
from domain.federal.mlms_statements import build_course_fact
from domain.federal.policies import find_federal_policy
from domain.shared.cases.facts import Fact
from domain.shared.documents.dialects import DIALECTS, ScaledRange
from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json, write_exact
from domain.shared.documents.statements import number_faults, parse_statements, read_statements
from domain.shared.senders import KINDS_OF_PROGRAM, ForbiddenReport, ReportKind, Sender, build_sender
from domain.state.exam import parse_score
from domain.state.lms_statements import build_lms_fact
from domain.state.policies import find_state_policy
from settings import DialectName, ProgramName, ReportKindName
from tests.support import documents
from tests.support.documents import changed
from tests.support.refusals import list_fields
from tests.support.senders import LMS, MLMS

Document = dict[str, Any]
SAMPLES = Path(__file__).parent.parent / "fixtures" / "senders"
POLICY, FEDERAL = find_state_policy("bewellnm", 2024), find_federal_policy(2024)
assert POLICY is not None
assert FEDERAL is not None
IDS = POLICY.model_dump(mode="json")
CASE = {"case_id": "00000000-0000-4000-8000-000000000001", "assister_id": "ast_1"}
NOW = datetime(2026, 11, 21, 17, tzinfo=UTC)
LEARNING = ["training", "exam"]


def read_facts(body: Any, sender: Sender = LMS, account: str = "ast_1", email: str = "") -> list[Fact]:
    """The facts of one person's statements, as the door takes them."""
    assert POLICY is not None
    found = parse_statements(as_read(body), sender.dialect, sender.zone)
    return [build_lms_fact(one, POLICY, sender, frozenset([account]), NOW, email) for one in found]


def as_read(body: Any) -> Any:
    """A body as it is read from a webhook: numbers are exact."""
    return read_json(write_exact(body).encode())


def load_sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


# scores (P1–P4)


@pytest.mark.parametrize(
    ("score", "passed", "shown", "witness"),
    [
        ('{"scaled": 0.7999999999999999, "raw": 80, "min": 0, "max": 100}', True, "0.8", "raw"),
        ('{"scaled": 0.79999}', False, "0.79999", "scaled"),
        ('{"scaled": 0.8, "raw": 79.99, "min": 0, "max": 100}', False, "0.7999", "raw"),
        ('{"scaled": null, "raw": 90, "max": 100}', True, "0.9", "raw"),
        ('{"scaled": 0.9, "raw": 85}', True, "0.9", "scaled"),
        ('{"scaled": 0.9, "raw": 85, "min": 0, "max": null}', True, "0.9", "scaled"),
        ('{"scaled": 0.75, "raw": 4, "max": 5}', False, "0.75", "scaled"),
        ('{"raw": 90, "min": 50, "max": 100}', True, "0.8", "raw"),
        ('{"raw": -5, "min": -10, "max": 10}', False, "0.25", "raw"),
    ],
)
def test_p1_p2_complete_marks_are_the_better_witness(score: str, passed: bool, shown: str, witness: str) -> None:
    (fact,) = read_facts(build_exam(score))
    assert fact.data == {"event_id": fact.data["event_id"], "score": shown, "passed": passed, "witness": witness}


@pytest.mark.parametrize(
    ("score", "field"),
    [
        ('{"scaled": 0, "raw": 34, "min": 0, "max": 0}', "result.score.max"),
        ('{"scaled": 0, "raw": 34, "max": 0}', "result.score.max"),
        ('{"scaled": 0.9, "raw": 101, "min": 0, "max": 100}', "result.score.raw"),
        ('{"scaled": 0.9, "raw": 90, "min": 100, "max": 100}', "result.score.max"),
        ('{"scaled": 0.9, "raw": 90, "min": "0", "max": 100}', "result.score.min"),
        ('{"raw": 85}', "result.score.max"),
        ('{"scaled": null, "raw": 85}', "result.score.max"),
        ('{"scaled": null}', "result.score.scaled"),
        ('{"scaled": null, "min": 0}', "result.score.scaled"),
    ],
)
def test_p3_p4_a_score_that_can_t_be_one_is_no_failed_attempt(score: str, field: str) -> None:
    assert list_fields(read_facts, build_exam(score)) == [field]


@pytest.mark.parametrize(
    ("scaled", "text", "shown"),
    [("unit", "0.6", "0.6"), ("signed", "0.6", "0.8"), ("signed", "-1", "0"), ("percent", "79.99", "0.7999")],
)
def test_p10_scaled_goes_from_where_to_where_its_dialect_says(scaled: str, text: str, shown: str) -> None:
    score = parse_score({"score": read_json(f"""{{"scaled": {text}}}""".encode())}, ScaledRange(scaled))
    assert float(score.value) == float(shown)


def test_p4_one_that_can_t_be_read_keeps_no_other_from_being_read() -> None:
    good = documents.exam(IDS, CASE, 0.9)
    read = read_statements(as_read([good, 7, changed(good, {"timestamp": "soon"}), changed(good, {"id": None})]))
    assert [one.statement is not None for one in read] == [True, False, False, False]
    assert [one.case_id for one in read] == [CASE["case_id"], None, CASE["case_id"], CASE["case_id"]]
    named = [fault.field for number, one in enumerate(read) for fault in number_faults(one.faults, number, 4)]
    assert named == ["1.body", "2.timestamp", "3.id"]


# times (P5, P6)


@pytest.mark.parametrize(
    ("said", "zone", "at"),
    [
        ("2026-10-01T12:00:00", "UTC", "2026-10-01T12:00:00+00:00"),
        ("2026-10-01T12:00:00", "America/Denver", "2026-10-01T18:00:00+00:00"),
        ("2026-10-01T12:00:00+02:00", "America/Denver", "2026-10-01T10:00:00+00:00"),
        ("2026-10-01T12:00:60Z", "UTC", "2026-10-01T12:01:00+00:00"),
        ("2026-10-01T23:59:60.5+00:00", "UTC", "2026-10-02T00:00:00+00:00"),
        ("2026-10-01T12:00:60", "UTC", "2026-10-01T12:01:00+00:00"),
        ("2031-01-01T00:00:00Z", "UTC", NOW.isoformat()),
    ],
)
def test_p5_p6_a_time_is_read_by_the_sender_s_zone_and_is_never_after_receipt(said: str, zone: str, at: str) -> None:
    sender = build_sender("lms", "bewellnm", LEARNING, LMS.dialect, ZoneInfo(zone))
    (fact,) = read_facts(documents.exam(IDS, CASE, 0.9, timestamp=said), sender)
    assert fact.at.isoformat() == at


@pytest.mark.parametrize(
    "said", ["2026-10-01T12:00:61Z", "2026-10-01T12:60:60Z", "2026-10-01", "60", "1999-01-01T00:00Z"]
)
def test_p5_what_is_no_time_is_refused(said: str) -> None:
    assert list_fields(read_facts, documents.exam(IDS, CASE, 0.9, timestamp=said)) == ["timestamp"]


# persons (P7) and bodies (P9)


def test_p7_a_mailbox_without_a_registration_is_the_person_s_whose_address_it_is() -> None:
    document = documents.exam(IDS, CASE, 0.9) | {"actor": {"mbox": "mailto:Rosa.Example@example.com"}, "context": {}}
    (statement,) = parse_statements(as_read(document))
    assert (statement.case_id, statement.account, statement.email) == (None, "", "rosa.example@example.com")
    assert len(read_facts(document, email="rosa.example@example.com")) == 1
    assert list_fields(read_facts, document) == ["actor.mbox"]


def test_p9_a_byte_order_mark_is_no_part_of_the_document() -> None:
    assert read_json(b"\xef\xbb\xbf[1]") == [1]
    with pytest.raises(Invalid):
        read_json("[1]".encode("utf-16"))


# dialects (P10)


def build_profile(dialect: str, exam: str, **more: Any) -> Sender:
    """A sender as its settings have it; ``exam`` is the exam's id there."""
    assert POLICY is not None
    activities = {exam: POLICY.lms.exam_id, "course": POLICY.lms.course_id, **more.pop("activities", {})}
    zone = ZoneInfo(more.pop("zone", "UTC"))
    return build_sender(dialect, "bewellnm", LEARNING, DIALECTS[dialect], zone, activities=activities, **more)


MOODLE = build_profile(
    "moodle",
    "https://moodle.example.org/mod/quiz/view.php?id=31",
    home_page="https://moodle.example.org/",
    activities={"https://moodle.example.org/course/view.php?id=7": IDS["lms"]["course_id"]},
)
SCORM = build_profile("scorm-cloud", "ASSISTER-EXAM-2024")
DOCEBO = build_profile("docebo", "unused", activities={"4711": IDS["lms"]["course_id"]})


@pytest.mark.parametrize(
    ("sample", "sender", "account", "facts"),
    [
        (
            "moodle-quiz-passed",
            MOODLE,
            "1207",
            [("exam_attempted", "2026-10-01T18:04:11+00:00", {"score": "0.8", "passed": True, "witness": "raw"})],
        ),
        (
            "moodle-quiz-failed-without-marks",
            MOODLE,
            "1207",
            [("exam_attempted", "2026-10-01T18:04:11+00:00", {"score": "0.795", "passed": False, "witness": "scaled"})],
        ),
        ("moodle-course-completed", MOODLE, "1207", [("course_completed", "2026-10-01T17:30:00+00:00", {})]),
        (
            "scorm-cloud-passed",
            SCORM,
            "ast_1",
            [("exam_attempted", "2026-10-01T18:04:11+00:00", {"score": "0.85", "passed": True, "witness": "scaled"})],
        ),
        (
            "scorm-cloud-failed",
            SCORM,
            "ast_1",
            [("exam_attempted", "2026-10-01T18:04:11+00:00", {"score": "0.795", "passed": False, "witness": "scaled"})],
        ),
        ("docebo-completed", DOCEBO, "90210", [("course_completed", "2026-10-01T18:04:11+00:00", {})]),
        (
            "docebo-batch",
            DOCEBO,
            "90210",
            [
                ("course_completed", "2026-10-01T18:04:11+00:00", {}),
                ("course_completed", "2026-10-02T18:04:11+00:00", {}),
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_p10_what_each_system_sends_is_read_by_its_profile(
    sample: str, sender: Sender, account: str, facts: list[tuple[str, str, Document]]
) -> None:
    found = read_facts(load_sample(sample), sender, account)
    said = [(one.kind, one.at.isoformat(), {k: v for k, v in one.data.items() if k != "event_id"}) for one in found]
    assert said == facts
    assert len({one.id for one in found}) == len(facts)
    assert [one.id for one in read_facts(load_sample(sample), sender, account)] == [one.id for one in found]


def test_p10_absorb_s_answer_is_read_by_its_profile() -> None:
    """It sends nothing: this is what it answers when it is asked. What is only begun reports nothing."""
    exam = build_profile("absorb", "0a2b6f10-2222-4d5e-8f3b-000000000002")
    rows = load_sample("absorb-enrollments")["enrollments"]
    documents_read = [describe_enrollment(row, CASE["case_id"], "ast_1") for row in rows]
    completed, failed, begun = [read_statements(as_read(one), exam.dialect)[0].statement for one in documents_read]
    assert [one.meanings if one else None for one in (completed, failed, begun)] == [
        ("completed", "scored"),
        ("failed",),
        (),
    ]
    facts = [fact for one in documents_read[:2] for fact in read_facts(one, exam)]
    said = [(one.kind, one.at.isoformat(), {k: v for k, v in one.data.items() if k != "event_id"}) for one in facts]
    assert said == [
        (
            "exam_attempted",
            "2026-10-01T18:04:11.120000+00:00",
            {"score": "0.795", "passed": False, "witness": "scaled"},
        ),
        ("exam_attempted", "2026-10-02T18:04:12.500000+00:00", {"score": "0.62", "passed": False, "witness": "scaled"}),
    ]
    course = build_profile("absorb", "unused", activities={rows[0]["courseId"]: IDS["lms"]["course_id"]})
    assert [one.kind for one in read_facts(documents_read[0], course)] == ["course_completed"]


def test_p10_of_moodle_person_and_exam_say_whose_case_it_is_not_the_session() -> None:
    (statement,) = parse_statements(as_read(load_sample("moodle-quiz-passed")), MOODLE.dialect)
    assert (statement.case_id, statement.account) == (None, "1207")


def test_p10_scorm_cloud_reports_no_attempt_before_there_is_one() -> None:
    sample = load_sample("scorm-cloud-passed") | {"registrationSuccess": "UNKNOWN", "registrationCompletion": "UNKNOWN"}
    (one,) = read_statements(as_read(sample), SCORM.dialect)
    assert one.statement is not None
    assert one.statement.meanings == ()


def test_p10_an_exam_is_not_passed_by_a_completion_without_a_score() -> None:
    sender = build_profile("docebo", "4711")
    assert list_fields(lambda body: read_facts(body, sender, "90210"), load_sample("docebo-completed")) == [
        "payload.course_id"
    ]


def test_p10_what_is_sent_in_another_dialect_is_not_counted() -> None:
    for sample, sender in (("moodle-quiz-passed", SCORM), ("scorm-cloud-passed", LMS), ("docebo-completed", MOODLE)):
        with pytest.raises(Invalid):
            read_facts(load_sample(sample), sender)


# what a sender may report (D7)


def test_d7_a_sender_reports_of_its_own_program_and_kinds_alone() -> None:
    assert FEDERAL is not None
    federal = FEDERAL.model_dump(mode="json")
    (course,) = parse_statements(documents.course(federal, CASE, "shop"))
    mine = frozenset(["ast_1"])
    assert build_course_fact(course, FEDERAL, MLMS, mine, NOW).kind == "course_completed"
    with pytest.raises(ForbiddenReport, match="of the program bewellnm"):
        build_course_fact(course, FEDERAL, LMS, mine, NOW)
    trainer = build_sender("trainer", "bewellnm", ["training"], LMS.dialect, UTC)
    with pytest.raises(ForbiddenReport, match="reports of training of the program bewellnm, and for nothing else"):
        read_facts(documents.exam(IDS, CASE, 0.9), trainer)
    assert read_facts(documents.statement(IDS, CASE, "completed", "course"), trainer)


def test_d7_a_program_has_its_own_kinds_of_report() -> None:
    with pytest.raises(ValueError, match="CERTIFY_SENDERS: store can't report this in ffm: exam"):
        build_sender("store", "ffm", LEARNING, LMS.dialect, UTC)


def test_the_settings_name_what_there_is() -> None:
    assert set(get_args(ReportKindName)) == set(ReportKind)
    assert set(get_args(DialectName)) == set(DIALECTS) - {"absorb"}, "which is asked, and sends nothing"
    assert set(get_args(ProgramName)) == set(KINDS_OF_PROGRAM)


def build_exam(score: str) -> Any:
    """An exam with a ``score`` as JSON text."""
    text = json.dumps(documents.statement(IDS, CASE, "passed", "exam", {"score": "@"})).replace('"@"', score)
    return json.loads(text)
