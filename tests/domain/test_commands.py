"""What people may tell a case to do, and when: as a table of stages (A12–A14, A28, C8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.programs.commands import COMMANDS, build_facts, find_refusal, parse_command
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.commands import (
    ActivateAccount,
    CommandData,
    CommandKind,
    CommandOrigin,
    ResendNotice,
    Revoke,
    Terminate,
    ToldCommand,
    ToldEnding,
    Withdraw,
    Wording,
    find_told_ending,
)
from domain.shared.cases.facts import Fact, FactKind, GivenReason, ToldReason
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage
from domain.shared.ids import ASSISTER
from domain.state.agreements import find_consent_text
from domain.state.certification import CertificationOpening, CertificationState, fold_certification
from domain.state.commands import (
    AnswerQuestion,
    BeginAdverseAction,
    Decide,
    TakeQuestionBack,
    build_adverse_facts,
    is_sendable,
    moves_person,
)
from domain.state.eligibility import (
    Check,
    Result,
    Verdict,
    check_license,
    find_override_refusal,
    list_unknown_findings,
    make_finding,
)

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
BROKER = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.NEW)
COUNSELOR = CertificationOpening(kind=Kind.ENROLLMENT_COUNSELOR, assister_type=AssisterType.NEW)
GOOD_LICENSE: list[dict[str, Any]] = []

ASK = {"verdict": "ask", "by": "ada", "reason": "Which?", "override": None}
APPROVE = {**ASK, "verdict": "approve"}
DENY = {**ASK, "verdict": "deny"}
CERTIFICATE = {"number": "NM24-A", "issued_at": START.isoformat(), "valid_until": None, "sha256": "0" * 64}
ATTEMPT = {"event_id": "e", "score": "0.8", "passed": True}

Step = tuple[FactKind, dict[str, Any]]
REQUESTED: list[Step] = [(FactKind.REQUESTED, {}), (FactKind.AGREEMENT_ACCEPTED, {})]
SCREENING: list[Step] = [*REQUESTED, (FactKind.BEGUN, {})]
SCREENED: list[Step] = [*SCREENING, (FactKind.SCREENED, {"round": 0, "findings": GOOD_LICENSE})]
ASKED: list[Step] = [*SCREENED, (FactKind.DECIDED, ASK)]
APPROVED: list[Step] = [*SCREENED, (FactKind.DECIDED, APPROVE)]
INVITED: list[Step] = [*APPROVED, (FactKind.LMS_INVITED, {})]
TRAINED: list[Step] = [
    *INVITED,
    (FactKind.LMS_REGISTERED, {}),
    (FactKind.LMS_PROFILE_COMPLETED, {}),
    (FactKind.COURSE_COMPLETED, {}),
    (FactKind.EXAM_ATTEMPTED, ATTEMPT),
]
CERTIFIED: list[Step] = [*TRAINED, (FactKind.CERTIFICATE_ISSUED, CERTIFICATE)]
ACTIVE: list[Step] = [
    *CERTIFIED,
    (FactKind.PORTAL_REGISTERED, {}),
    (FactKind.PORTAL_PROFILE_COMPLETED, {}),
    (FactKind.SCHEDULING_TOOL_READY, {}),
]


def state(steps: list[Step], opening: CertificationOpening = BROKER) -> CertificationState:
    facts = [
        Fact(id=str(number), kind=kind, at=START + timedelta(hours=number), data=data)
        for number, (kind, data) in enumerate(steps)
    ]
    return fold_certification(opening, facts)


STATES: dict[Stage, CertificationState] = {
    Stage.REQUESTED: state(REQUESTED),
    Stage.SCREENING: state(SCREENING),
    Stage.AWAITING_DECISION: state(SCREENED),
    Stage.AWAITING_INFORMATION: state(ASKED),
    Stage.AWAITING_BACKGROUND_CHECK: state(SCREENED, COUNSELOR),
    Stage.INVITED: state(INVITED),
    Stage.CERTIFIED: state(CERTIFIED),
    Stage.ACTIVE: state(ACTIVE),
    Stage.DENIED: state([*SCREENED, (FactKind.DECIDED, DENY)]),
    Stage.WITHDRAWN: state([*ACTIVE, (FactKind.WITHDRAWN, {})]),
    Stage.REVOKED: state([*ACTIVE, (FactKind.REVOKED, {})]),
    Stage.CLOSED: state([*ACTIVE, (FactKind.CLOSED, {})]),
}
ENDED = (Stage.DENIED, Stage.WITHDRAWN, Stage.REVOKED, Stage.CLOSED)


def test_the_table_has_the_states_it_names() -> None:
    assert {stage: one.stage for stage, one in STATES.items()} == {stage: stage for stage in STATES}


DECISIONS: list[tuple[Stage, Verdict, str | None]] = [
    *((Stage.REQUESTED, verdict, "still_screening") for verdict in Verdict),
    *((Stage.SCREENING, verdict, "still_screening") for verdict in Verdict),
    *((Stage.AWAITING_DECISION, verdict, None) for verdict in Verdict),
    (Stage.AWAITING_BACKGROUND_CHECK, Verdict.APPROVE, "awaiting_background_check"),
    (Stage.AWAITING_BACKGROUND_CHECK, Verdict.DENY, None),
    (Stage.AWAITING_BACKGROUND_CHECK, Verdict.ASK, None),
    (Stage.AWAITING_INFORMATION, Verdict.APPROVE, "awaiting_information"),
    (Stage.AWAITING_INFORMATION, Verdict.ASK, "awaiting_information"),
    (Stage.AWAITING_INFORMATION, Verdict.DENY, None),
    *((stage, verdict, "already_decided") for stage in (Stage.INVITED, Stage.ACTIVE) for verdict in Verdict),
    *((stage, verdict, "case_ended") for stage in ENDED for verdict in Verdict),
]


@pytest.mark.parametrize(("stage", "verdict", "expected"), DECISIONS)
def test_a12_when_staff_may_decide(stage: Stage, verdict: Verdict, expected: str | None) -> None:
    why = find_refusal(Decide(verdict=verdict), STATES[stage])
    details = {"already_decided": {"by": "ada"}, "case_ended": {"stage": stage.value}}
    assert why == (Reason(expected, details.get(expected, {})) if expected else None)


@pytest.mark.parametrize("command", [Withdraw(), Revoke(), ActivateAccount()])
@pytest.mark.parametrize("stage", STATES)
def test_c8_an_open_case_can_be_ended_and_an_ended_one_can_t(command: CommandData, stage: Stage) -> None:
    assert (find_refusal(command, STATES[stage]) is None) == (stage not in ENDED)


@pytest.mark.parametrize("stage", STATES)
def test_a12_only_who_was_asked_answers(stage: Stage) -> None:
    assert (find_refusal(AnswerQuestion(changes={}), STATES[stage]) is None) == (stage is Stage.AWAITING_INFORMATION)


@pytest.mark.parametrize("stage", STATES)
def test_a12_only_an_open_question_is_taken_back(stage: Stage) -> None:
    assert (find_refusal(TakeQuestionBack(), STATES[stage]) is None) == (stage is Stage.AWAITING_INFORMATION)


def test_a12_a_question_that_is_taken_back_leaves_the_case_where_it_was() -> None:
    taken_back: Step = (FactKind.QUESTION_TAKEN_BACK, {"by": "ben", "reason": "asked by mistake"})
    back = state([*ASKED, taken_back])
    assert (back.stage, back.eligibility, back.round, back.take_backs) == (Stage.AWAITING_DECISION, "pending", 0, 1)
    assert back.waiting_since == START + timedelta(hours=len(ASKED)), "since then staff have the next step"
    assert back.taken_back is not None
    assert (back.taken_back.by, back.taken_back.reason) == ("ben", "asked by mistake")
    assert find_refusal(AnswerQuestion(changes={}), back) == Reason("question_taken_back")
    assert find_refusal(TakeQuestionBack(), back) == Reason("no_open_question")
    assert is_sendable(Notice.QUESTION_TAKEN_BACK, back)
    assert state([*ASKED, taken_back], COUNSELOR).stage is Stage.AWAITING_BACKGROUND_CHECK

    asked_anew = state([*ASKED, taken_back, (FactKind.DECIDED, ASK)])
    assert (asked_anew.stage, asked_anew.taken_back) == (Stage.AWAITING_INFORMATION, None)
    answered = state([*ASKED, taken_back, (FactKind.DECIDED, ASK), (FactKind.ANSWERED, {"round": 1})])
    assert (answered.stage, answered.round, answered.taken_back) == (Stage.SCREENING, 1, None)
    assert find_refusal(AnswerQuestion(changes={}), answered) == Reason("not_asked")
    approved = state([*ASKED, taken_back, (FactKind.DECIDED, APPROVE)])
    assert (approved.stage, approved.taken_back) == (Stage.INVITED, None)


SENDABLE: dict[Notice, set[Stage]] = {
    Notice.REQUEST_RECEIVED: set(STATES) - set(ENDED),
    Notice.INFORMATION_NEEDED: {Stage.AWAITING_INFORMATION},
    Notice.LMS_INVITATION: {Stage.INVITED},
    Notice.LMS_ENROLLED: set(),
    Notice.CERTIFICATE_ISSUED: {Stage.CERTIFIED, Stage.ACTIVE},
    Notice.PORTAL_ACTIVATION: set(),
    Notice.ACTIVE: {Stage.ACTIVE},
    Notice.DENIED: set(),
    Notice.REMINDER: set(),
    Notice.WITHDRAWN: set(),
    Notice.REVOKED: set(),
    Notice.CLOSED: set(),
}


@pytest.mark.parametrize("notice", Notice)
def test_a_notice_is_sent_again_only_while_it_is_true(notice: Notice) -> None:
    found = {stage for stage, one in STATES.items() if not find_refusal(ResendNotice(notice=notice), one)}
    assert found == SENDABLE.get(notice, set())  # those of the federal program never


def test_a28_an_activation_link_is_sent_again_until_it_was_used() -> None:
    created = [*CERTIFIED, (FactKind.PORTAL_ACCOUNT_CREATED, {})]
    assert is_sendable(Notice.PORTAL_ACTIVATION, state(created, COUNSELOR))
    activated = [*created, (FactKind.PORTAL_ACTIVATED, {})]
    assert not is_sendable(Notice.PORTAL_ACTIVATION, state(activated, COUNSELOR))


def test_a15_a16_an_lms_letter_is_sent_again_once_the_lms_is_open() -> None:
    assert not is_sendable(Notice.LMS_INVITATION, state(APPROVED))
    early = [*SCREENING, (FactKind.LMS_REGISTERED, {})]
    assert not is_sendable(Notice.LMS_INVITATION, state(early)), "an account that is reported too early opens nothing"
    returning = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.RETURNING, has_lms_account=True)
    assert not is_sendable(Notice.LMS_ENROLLED, state(SCREENING, returning))
    assert is_sendable(Notice.LMS_ENROLLED, state([*SCREENING, (FactKind.LMS_ENROLLED, {})], returning))
    assert not is_sendable(Notice.LMS_INVITATION, state([*APPROVED, (FactKind.LMS_ENROLLED, {})], returning))


@pytest.mark.parametrize(
    ("result", "override", "expected"),
    [
        (Result.PASS, None, None),
        (Result.FAIL, None, "override_needed"),
        (Result.UNKNOWN, None, "override_needed"),
        (Result.CONSIDER, None, "override_needed"),
        (Result.FAIL, "", "override_needed"),
        (Result.FAIL, "seen on paper", None),
        (Result.UNKNOWN, "seen on paper", None),
        (Result.CONSIDER, "long ago", None),
    ],
)
@pytest.mark.parametrize("check", [check for check in Check if check is not Check.AGREEMENT_ACCEPTED])
def test_a13_a14_what_did_not_pass_needs_an_override(
    check: Check, result: Result, override: str | None, expected: str | None
) -> None:
    findings = [make_finding(Check.AGREEMENT_ACCEPTED, True), make_finding(check, result)]
    found = find_override_refusal(Verdict.APPROVE, findings, override)
    assert found == (Reason(expected, {"checks": check.value}) if expected else None)
    assert find_override_refusal(Verdict.DENY, findings, None) is None
    assert find_override_refusal(Verdict.ASK, findings, None) is None


def test_a14_a_background_check_that_has_not_come_can_t_be_overridden() -> None:
    findings = [make_finding(Check.BACKGROUND_CHECK, Result.PENDING), make_finding(Check.NPN_FOUND, False)]
    assert find_override_refusal(Verdict.APPROVE, findings, "never mind") == Reason("awaiting_background_check")


def test_a3_an_agreement_that_was_not_accepted_is_said_so() -> None:
    findings = [make_finding(Check.AGREEMENT_ACCEPTED, False)]
    assert find_override_refusal(Verdict.APPROVE, findings, None) == Reason("agreement_needed")
    assert find_override_refusal(Verdict.APPROVE, findings, "on paper") is None


def test_a13_unknown_covers_the_same_checks_as_an_answer() -> None:
    unknown = {one.check for one in list_unknown_findings()}
    assert {one.result for one in list_unknown_findings()} == {Result.UNKNOWN}
    answered = check_license(None, "Testa", "Broker", "NM-1", START.date())
    assert {one.check for one in answered} == unknown
    assert {one.result for one in answered} == {Result.FAIL}


ORIGIN = CommandOrigin("7", "case", "ada", "as asked", START)


def come_to(command: CommandData, steps: list[Step]) -> list[tuple[str, FactKind, dict[str, Any]]]:
    return [(fact.id, fact.kind, fact.data) for fact in build_facts(command, ORIGIN, state(steps), "es")]


def test_every_kind_of_command_has_a_shape_and_is_read_as_it_was_kept() -> None:
    assert {kind: shape.kind for kind, shape in COMMANDS.items()} == {kind: kind for kind in CommandKind}
    for one in (
        Decide(verdict=Verdict.APPROVE, override="seen"),
        AnswerQuestion(changes={"phone": "505-555-0100"}, language="es"),
        ResendNotice(notice=Notice.ACTIVE),
        Revoke(),
    ):
        assert parse_command(one.kind.value, {**one.to_json(), "faults": []}) == one


def test_a12_a_decision_is_a_fact_of_who_and_why_in_this_round() -> None:
    decided = {"verdict": "deny", "by": "ada", "reason": "as asked", "override": None, "round": 0, "written_in": "en"}
    assert come_to(Decide(verdict=Verdict.DENY), SCREENED) == [("command:7", FactKind.DECIDED, decided)]


def test_a3_an_override_over_a_missing_agreement_records_it_in_the_request_s_language() -> None:
    without = [step for step in SCREENED if step[0] is not FactKind.AGREEMENT_ACCEPTED]
    approval = Decide(verdict=Verdict.APPROVE, override="signed on paper")
    _, (fact_id, kind, data) = come_to(approval, without)
    said = data["source"], data["language"], data["by"], data["evidence"]
    assert (fact_id, kind, *said) == (
        "case:agreement",
        FactKind.AGREEMENT_ACCEPTED,
        "staff",
        "es",
        "ada",
        "signed on paper",
    )
    for other in (Decide(verdict=Verdict.APPROVE), Decide(verdict=Verdict.DENY, override="signed on paper")):
        assert [kind for _, kind, _ in come_to(other, without)] == [FactKind.DECIDED]
    assert [kind for _, kind, _ in come_to(approval, SCREENED)] == [FactKind.DECIDED]


def test_a12_an_answer_counts_the_rounds_and_may_bring_the_agreement_along() -> None:
    assert come_to(AnswerQuestion(changes={"phone": "505-555-0100"}), ASKED) == [
        ("command:7", FactKind.ANSWERED, {"round": 1})
    ]
    accepted = {"agreement_accepted": True}
    for language, expected in ((None, "es"), ("en", "en")):
        _, (_, kind, data) = come_to(AnswerQuestion(changes=accepted, language=language), ASKED)
        assert (kind, data["source"], data["language"]) == (FactKind.AGREEMENT_ACCEPTED, "page", expected)


def test_d5_a_consent_given_anew_is_kept_with_the_text_it_was_given_to() -> None:
    consented = {"background_check_consent": True, "last_name": "Renamed"}
    _, (fact_id, kind, data) = come_to(AnswerQuestion(changes=consented, language="en"), ASKED)
    assert (fact_id, kind, data["source"]) == ("command:7:consent", FactKind.BACKGROUND_CONSENTED, "page")
    assert data["sha256"] == find_consent_text("en").sha256


def test_c8_an_end_is_a_fact_and_what_is_sent_again_is_none() -> None:
    said = {"by": "ada", "reason": "as asked", "written_in": "en"}
    assert come_to(Withdraw(), ACTIVE) == [("command:7", FactKind.WITHDRAWN, said)]
    assert come_to(Revoke(), ACTIVE) == [("command:7", FactKind.REVOKED, said)]
    assert come_to(ResendNotice(notice=Notice.ACTIVE), ACTIVE) == come_to(ActivateAccount(), ACTIVE) == []


@pytest.mark.parametrize(
    ("command", "steps"),
    [
        (Decide(verdict=Verdict.DENY), SCREENED),
        (Decide(verdict=Verdict.ASK), SCREENED),
        (Withdraw(), ACTIVE),
        (Revoke(), ACTIVE),
        (Terminate(), ACTIVE),
    ],
)
def test_a_reason_is_told_in_the_assister_s_language_or_as_one_in_another(
    command: ToldCommand, steps: list[Step]
) -> None:
    def tell(**wording: str) -> ToldReason:
        (_, _, data) = come_to(command.model_copy(update=wording), steps)[0]
        return GivenReason.model_validate(data).told_reason

    assert tell() == ToldReason("as asked", written_in="en")
    assert tell(written_in="es") == ToldReason("as asked")
    assert tell(told="según lo pedido") == ToldReason("según lo pedido")
    assert not {"told", "written_in"} & command.to_json().keys(), "stored as it was before"
    said = command.model_copy(update={"told": "según lo pedido"})
    assert parse_command(said.kind.value, said.to_json()) == said


def test_e8_a_notice_before_a_denial_tells_its_reason_as_a_decision_does() -> None:
    command, begun = BeginAdverseAction(told="una anotación"), state(SCREENED)
    (fact,) = build_adverse_facts(command, ORIGIN, begun, START.date(), "es")
    assert (fact.data["reason"], fact.data["told"]) == ("as asked", "una anotación")
    (fact,) = build_adverse_facts(BeginAdverseAction(), ORIGIN, begun, START.date(), "es")
    assert fact.data["written_in"] == "en"


def test_of_an_approval_no_reason_is_told() -> None:
    (_, _, data) = come_to(Decide(verdict=Verdict.APPROVE), SCREENED)[0]
    assert not {"told", "written_in"} & data.keys()


def test_what_was_told_before_languages_were_kept_is_marked_in_none() -> None:
    assert GivenReason(reason="as asked").told_reason == ToldReason("as asked")


def test_c8_of_several_ends_the_last_one_is_told() -> None:
    ends = [
        Fact(id=str(day), kind=kind, at=START + timedelta(days=day), data={"reason": kind.value, "told": told})
        for day, (kind, told) in enumerate([(FactKind.REVOKED, None), (FactKind.TERMINATED, "terminada")])
    ]
    assert find_told_ending(ends[:1]) == ToldEnding(ToldReason("revoked"))
    assert find_told_ending(reversed(ends)) == ToldEnding(ToldReason("terminada"))
    assert find_told_ending([]) == ToldEnding()


@pytest.mark.parametrize(
    ("by", "told", "expected"),
    [
        (ASSISTER, {"written_in": "es"}, ToldEnding(ToldReason("words", "es"), START)),
        (ASSISTER, {"told": "Retirado por la propia persona."}, ToldEnding(ToldReason(), START)),
        ("staff", {"told": "palabras"}, ToldEnding(ToldReason("palabras"))),
    ],
)
def test_c8_who_withdraws_a_case_of_their_own_is_told_so_and_no_reason_of_ours(
    by: str, told: dict[str, str], expected: ToldEnding
) -> None:
    data = {"by": by, "reason": "words", **told}
    assert find_told_ending([Fact(id="1", kind=FactKind.WITHDRAWN, at=START, data=data)]) == expected


def test_a_reason_is_given_to_a_command_by_what_is_said_of_it() -> None:
    assert Wording(" ", "en").list_given() == {}
    assert Wording(" lo dicho ", "es").list_given() == {"told": "lo dicho", "written_in": "es"}


@pytest.mark.parametrize(
    ("command", "when_known", "when_doubted"),
    [
        (AnswerQuestion(changes={}), True, False),
        (Decide(verdict=Verdict.APPROVE), False, True),
        (Decide(verdict=Verdict.DENY), False, False),
        (Withdraw(), False, False),
    ],
)
def test_a10_a_stranger_s_request_moves_the_person_once_staff_approve_it(
    command: CommandData, when_known: bool, when_doubted: bool
) -> None:
    assert moves_person(command, identity_matches=True) is when_known
    assert moves_person(command, identity_matches=False) is when_doubted
