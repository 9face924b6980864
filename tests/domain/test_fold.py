"""The status is a fold over facts: whatever order they come in and however often, it is the same (C4, A23, A30)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.appeals import APPEAL_FACTS
from domain.shared.cases.authority import SuspensionCause
from domain.shared.cases.condensing import condense_facts
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.notices import TOPIC_OF_WAITING
from domain.shared.cases.stages import ENDED, OWNER, REOPENABLE, Stage, WaitingFor
from domain.state.adverse_actions import ADVERSE_FACTS
from domain.state.certification import (
    CertificationOpening,
    CertificationState,
    EligibilityStatus,
    find_certification_group,
    fold_certification,
)
from domain.state.eligibility import Check, Result, Verdict, make_finding
from domain.state.facts import CheckChange
from domain.state.lapses import ReactivationCause
from domain.state.may_assist import describe_certification, is_certificate_due, list_obstacles

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
TODAY = date(2026, 6, 1)
WAITS_OF_FFM = {
    WaitingFor.MARKETPLACE_PROFILE,
    WaitingFor.NPN_VERIFICATION,
    WaitingFor.MARKETPLACE_TRAINING,
    WaitingFor.MARKETPLACE_AGREEMENTS,
    WaitingFor.PUBLICATION,
}

# Appeals and adverse actions are of their own: tests/domain/test_appeals.py, test_adverse_actions.py.
KINDS = [kind for kind in FactKind if kind not in APPEAL_FACTS | ADVERSE_FACTS]

instants = st.integers(0, 500).map(lambda hours: START + timedelta(hours=hours))
openings = st.builds(
    CertificationOpening,
    kind=st.sampled_from(Kind),
    assister_type=st.sampled_from(AssisterType),
    has_lms_account=st.booleans(),
    has_portal_account=st.booleans(),
    npn_unproven=st.booleans(),
)


def findings() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {"check": st.sampled_from(Check), "result": st.sampled_from(Result), "source": st.just("A13")}
    )
    return st.lists(one, max_size=3)


SUSPENDED = st.fixed_dictionaries(
    {
        "suspension_id": st.sampled_from(["s1", "s2", "s3"]),
        "cause": st.sampled_from(SuspensionCause),
        "reason": st.just("a sample reason"),
        "until": st.none() | st.just("2026-03-31"),
        "decided_by": st.just("staff:riley"),
        "notice_date": st.just("2026-01-05"),
    }
)
RESTORED = st.fixed_dictionaries(
    {
        "suspension_id": st.sampled_from(["s1", "s2", "s3"]),
        "cause": st.sampled_from(SuspensionCause),
        "reason": st.just(""),
        "by": st.just("system"),
    }
)
NOTICED = {"by": "staff:riley", "reason": "a sample", "notice_date": "2026-01-05", "last_day": "2026-02-04"}

LAPSED = st.fixed_dictionaries(
    {"number": st.integers(1, 2), "last_day": st.just("2026-02-01"), "reactivate_until": st.just("2028-02-01")}
)
REACTIVATED = st.fixed_dictionaries({"number": st.integers(1, 2), "why": st.sampled_from(ReactivationCause)})

DATA: dict[FactKind, st.SearchStrategy[dict[str, Any]]] = {
    FactKind.SCREENED: st.fixed_dictionaries({"round": st.integers(0, 2), "findings": findings()}),
    FactKind.BACKGROUND_REPORTED: st.fixed_dictionaries(
        {"result": st.sampled_from(["clear", "consider"]), "order": st.integers(0, 2)}
    ),
    FactKind.BACKGROUND_CHANGED: st.fixed_dictionaries(
        {"change": st.sampled_from(CheckChange), "order": st.integers(0, 2)}
    ),
    FactKind.BACKGROUND_REORDERED: st.fixed_dictionaries(
        {"by": st.just("ada"), "reason": st.just("again"), "number": st.integers(1, 2)}
    ),
    FactKind.DECIDED: st.fixed_dictionaries(
        {
            "verdict": st.sampled_from(Verdict),
            "by": st.sampled_from(["ada", "ben"]),
            "reason": st.just("checked"),
            "override": st.none() | st.just("seen on paper"),
        }
    ),
    FactKind.ANSWERED: st.fixed_dictionaries({"round": st.integers(1, 3)}),
    FactKind.QUESTION_TAKEN_BACK: st.just({"by": "ben", "reason": "asked by mistake"}),
    FactKind.EXAM_ATTEMPTED: st.fixed_dictionaries(
        {"event_id": st.uuids().map(str), "score": st.sampled_from(["0.7999", "0.8"]), "passed": st.booleans()}
    ),
    FactKind.CERTIFICATE_ISSUED: st.fixed_dictionaries(
        {
            "number": st.sampled_from(["NM26-A", "NM26-B"]),
            "issued_at": instants.map(datetime.isoformat),
            "valid_until": st.none() | st.sampled_from(["2026-12-31", "2026-05-31"]),
            "sha256": st.just("0" * 64),
        }
    ),
    FactKind.NAME_CORRECTED: st.just({"by": "staff:riley", "reason": "a sample", "method": "paper", "document": "one"}),
    FactKind.TRAINING_LAPSED: LAPSED,
    FactKind.TRAINING_REACTIVATED: REACTIVATED,
    FactKind.AUTHORITY_SUSPENDED: SUSPENDED,
    FactKind.AUTHORITY_RESTORED: RESTORED,
    FactKind.TERMINATION_NOTICED: st.just(NOTICED),
    FactKind.REBUTTAL_FILED: st.just({"by": "assister", "text": "a sample", "answer_by": "2026-02-20"}),
    FactKind.TERMINATION_TAKEN_BACK: st.just({"by": "staff:riley", "reason": "a sample"}),
}


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """What may happen to a case, plausible or not: any kinds, any number of each, at any times, even the same one."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=25))
    return [
        Fact(id=f"fact-{number}", kind=kind, at=draw(instants), data=draw(DATA.get(kind, st.just({}))))
        for number, kind in enumerate(kinds)
    ]


@st.composite
def lives(draw: st.DrawFn) -> list[Fact]:
    """A life that goes well for a while, with repeated reports, other attempts and maybe an end on the way."""
    upto = draw(st.integers(0, len(WAY)))
    others = draw(st.lists(st.sampled_from(KINDS), max_size=3))
    kinds = [*WAY[:upto], *draw(st.lists(st.sampled_from(WAY[:upto] or WAY[:1]), max_size=3)), *others]
    times = sorted(draw(st.lists(instants, min_size=len(kinds), max_size=len(kinds))))
    return [
        Fact(id=f"fact-{number}", kind=kind, at=at, data=GOOD.get(kind) or draw(DATA.get(kind, st.just({}))))
        for number, (kind, at) in enumerate(zip(kinds, times, strict=True))
    ]


WAY = [
    FactKind.REQUESTED,
    FactKind.AGREEMENT_ACCEPTED,
    FactKind.BEGUN,
    FactKind.SCREENED,
    FactKind.BACKGROUND_ORDERED,
    FactKind.BACKGROUND_REPORTED,
    FactKind.DECIDED,
    FactKind.LMS_INVITED,
    FactKind.LMS_ENROLLED,
    FactKind.LMS_REGISTERED,
    FactKind.LMS_PROFILE_COMPLETED,
    FactKind.COURSE_STARTED,
    FactKind.COURSE_COMPLETED,
    FactKind.EXAM_ATTEMPTED,
    FactKind.CERTIFICATE_ISSUED,
    FactKind.PORTAL_ACCOUNT_CREATED,
    FactKind.PORTAL_REGISTERED,
    FactKind.PORTAL_ACTIVATED,
    FactKind.PORTAL_PROFILE_COMPLETED,
    FactKind.SCHEDULING_TOOL_READY,
]
GOOD: dict[FactKind, dict[str, Any]] = {
    FactKind.SCREENED: {"round": 0, "findings": []},
    FactKind.BACKGROUND_REPORTED: {"result": "clear"},
    FactKind.DECIDED: {"verdict": "approve", "by": "ada", "reason": "checked", "override": None},
    FactKind.EXAM_ATTEMPTED: {"event_id": "e", "score": "0.8", "passed": True},
    FactKind.CERTIFICATE_ISSUED: {
        "number": "NM26-A",
        "issued_at": START.isoformat(),
        "valid_until": "2026-12-31",
        "sha256": "0" * 64,
    },
}


def way(start: datetime = START) -> list[Fact]:
    """Everything that happens on the way to the first day of helping."""
    return [
        Fact(id=kind, kind=kind, at=start + timedelta(hours=number), data=GOOD.get(kind, {}))
        for number, kind in enumerate(WAY)
    ]


def suspension(suspension_id: str, hours: float = 100, **more: Any) -> Fact:
    """A suspension by staff, unless it says otherwise."""
    data = {
        "suspension_id": suspension_id,
        "cause": "suspended_by_staff",
        "until": None,
        "decided_by": "staff:riley",
        "notice_date": "2026-01-09",
        **more,
    }
    at = START + timedelta(hours=hours)
    return Fact(id=f"suspended:{suspension_id}", kind=FactKind.AUTHORITY_SUSPENDED, at=at, data=data)


def restoration(suspension_id: str, hours: float = 200, cause: str = "suspended_by_staff") -> Fact:
    """The end of a suspension."""
    data = {"suspension_id": suspension_id, "cause": cause, "by": "staff:riley"}
    at = START + timedelta(hours=hours)
    return Fact(id=f"restored:{suspension_id}", kind=FactKind.AUTHORITY_RESTORED, at=at, data=data)


NEW_BROKER = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.NEW)
UNPROVEN_BROKER = NEW_BROKER.model_copy(update={"npn_unproven": True})
NEW_COUNSELOR = CertificationOpening(kind=Kind.ENROLLMENT_COUNSELOR, assister_type=AssisterType.NEW)


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives(), data=st.data())
def test_c1_c4_facts_permuted_and_repeated_give_the_same_state(
    opening: CertificationOpening, happened: list[Fact], data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(happened), max_size=10)) if happened else []
    shuffled = data.draw(st.permutations([*happened, *repeated]))
    assert fold_certification(opening, shuffled) == fold_certification(opening, happened)


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives())
def test_a30_nobody_may_assist_before_every_step_is_there(opening: CertificationOpening, happened: list[Fact]) -> None:
    state = fold_certification(opening, happened)
    if list_obstacles(state, TODAY):
        return
    kinds = {fact.kind for fact in happened}
    assert not state.ended
    assert FactKind.CERTIFICATE_ISSUED in kinds
    assert any(fact.data["passed"] for fact in happened if fact.kind is FactKind.EXAM_ATTEMPTED)
    assert FactKind.COURSE_COMPLETED in kinds
    assert any(fact.data["verdict"] == "approve" for fact in happened if fact.kind is FactKind.DECIDED)
    if not opening.has_portal_account:
        account = {FactKind.PORTAL_ACTIVATED} | ({FactKind.PORTAL_REGISTERED} if opening.kind.is_licensed else set())
        assert kinds & account
    if opening.assister_type is not AssisterType.RETURNING:
        assert {FactKind.PORTAL_PROFILE_COMPLETED, FactKind.SCHEDULING_TOOL_READY} <= kinds


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives())
def test_a23_a_certificate_is_due_in_one_combination_only(opening: CertificationOpening, happened: list[Fact]) -> None:
    state = fold_certification(opening, happened)
    eligible = state.eligibility is EligibilityStatus.APPROVED
    all_three = eligible and state.trained_at is not None and state.passed_at is not None
    assert is_certificate_due(state) == (all_three and state.certificate is None and not state.ended)


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives())
def test_c2_every_state_can_be_shown_and_its_wait_has_an_owner(
    opening: CertificationOpening, happened: list[Fact]
) -> None:
    state = fold_certification(opening, happened)
    assert state.ended == (state.waiting_for is None)
    assert state.waiting_for is None or OWNER[state.waiting_for]
    assert describe_certification(state)["stage"] is state.stage
    assert CertificationState.model_validate_json(state.model_dump_json()) == state


@settings(max_examples=200, deadline=None)
@given(opening=openings, happened=facts() | lives(), later=facts())
def test_c8_nothing_that_happens_after_an_end_takes_it_back(
    opening: CertificationOpening, happened: list[Fact], later: list[Fact]
) -> None:
    before = fold_certification(opening, happened)
    if before.stage not in ENDED - {Stage.DENIED}:
        return
    much_later = [
        fact.model_copy(update={"id": f"later-{fact.id}", "at": fact.at + timedelta(days=100)}) for fact in later
    ]
    assert fold_certification(opening, [*happened, *much_later]).stage is before.stage


@settings(max_examples=200, deadline=None)
@given(happened=lives(), extra=st.lists(st.booleans(), max_size=20))
def test_a22_every_attempt_is_kept_and_a_fail_after_a_pass_changes_nothing(
    happened: list[Fact], extra: list[bool]
) -> None:
    before = fold_certification(NEW_BROKER, happened)
    attempts = [
        Fact(
            id=f"again-{number}",
            kind=FactKind.EXAM_ATTEMPTED,
            at=START + timedelta(days=100 + number),
            data={"event_id": f"again-{number}", "score": "0.8" if passed else "0.1", "passed": passed},
        )
        for number, passed in enumerate(extra)
    ]
    after = fold_certification(NEW_BROKER, [*happened, *attempts])
    assert len(after.attempts) == len(before.attempts) + len(attempts)
    assert before.passed_at is None or after.passed_at == before.passed_at


@pytest.mark.parametrize(
    ("opening", "removed", "named"),
    [
        (NEW_BROKER, FactKind.DECIDED, "not_eligible"),
        (NEW_BROKER, FactKind.COURSE_COMPLETED, "training_not_complete"),
        (NEW_BROKER, FactKind.LMS_PROFILE_COMPLETED, "training_not_complete"),
        (NEW_BROKER, FactKind.EXAM_ATTEMPTED, "exam_not_passed"),
        (NEW_BROKER, FactKind.CERTIFICATE_ISSUED, "no_certificate"),
        (NEW_BROKER, FactKind.PORTAL_PROFILE_COMPLETED, "portal_not_ready"),
        (NEW_BROKER, FactKind.SCHEDULING_TOOL_READY, "portal_not_ready"),
        (NEW_COUNSELOR, FactKind.PORTAL_ACTIVATED, "portal_not_ready"),
    ],
)
def test_a30_the_step_that_is_missing_is_named(opening: CertificationOpening, removed: FactKind, named: str) -> None:
    assert list_obstacles(fold_certification(opening, way()), TODAY) == []
    assert list_obstacles(fold_certification(opening, [fact for fact in way() if fact.kind is not removed]), TODAY) == [
        named
    ]


def test_a13_what_the_registry_said_stands_over_a_silence_that_is_recorded_later() -> None:
    """The look-up was given up, and the silence recorded, just as its answer came; each may be the first one."""

    def screened(name: str, hours: float, result: Result) -> Fact:
        findings = [
            make_finding(check, result).model_dump(mode="json") for check in (Check.NPN_FOUND, Check.NAME_MATCHES)
        ]
        data = {"round": 0, "findings": findings}
        return Fact(id=name, kind=FactKind.SCREENED, at=START + timedelta(hours=hours), data=data)

    for silence, answer in ((4, 3), (3, 4), (3, 3)):
        happened = [screened("unknown", silence, Result.UNKNOWN), screened("answered", answer, Result.PASS)]
        findings = fold_certification(NEW_BROKER, [*way()[:3], *happened]).findings
        assert {one.result for one in findings if one.check is Check.NPN_FOUND} == {Result.PASS}


def test_a25_a_counselor_who_registered_is_not_active_and_a_broker_is() -> None:
    happened = [fact for fact in way() if fact.kind is not FactKind.PORTAL_ACTIVATED]
    assert fold_certification(NEW_BROKER, happened).stage is Stage.ACTIVE
    assert fold_certification(NEW_COUNSELOR, happened).waiting_for is WaitingFor.PORTAL_ACTIVATION


def test_c6_a_certificate_is_good_through_its_last_day_and_not_after() -> None:
    state = fold_certification(NEW_BROKER, way())
    assert list_obstacles(state, date(2026, 12, 31)) == []
    assert list_obstacles(state, date(2027, 1, 1)) == ["certificate_expired"]


@pytest.mark.parametrize("ending", [FactKind.WITHDRAWN, FactKind.REVOKED, FactKind.CLOSED])
def test_c8_an_ended_case_may_not_assist_and_says_why(ending: FactKind) -> None:
    end = Fact(id="end", kind=ending, at=START + timedelta(days=90))
    assert list_obstacles(fold_certification(NEW_BROKER, [*way(), end]), TODAY) == [ending.value]


def test_a11_an_account_that_is_to_be_enrolled_waits_for_us_and_not_for_its_owner() -> None:
    lapsed = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.LAPSED, has_lms_account=True)
    happened = [fact for fact in way() if WAY.index(fact.kind) <= WAY.index(FactKind.DECIDED)]
    state = fold_certification(lapsed, happened)
    assert (state.stage, state.waiting_for) == (Stage.INVITED, WaitingFor.LMS_INVITATION)
    assert OWNER[WaitingFor.LMS_INVITATION] == "us"
    enrolled = Fact(id="enrolled", kind=FactKind.LMS_ENROLLED, at=START + timedelta(days=30))
    assert fold_certification(lapsed, [*happened, enrolled]).waiting_for is WaitingFor.COURSE_COMPLETION


def test_a13_a_registry_that_answers_replaces_unknown_even_in_the_same_instant() -> None:
    at = START + timedelta(hours=9)
    unknown, answered = (
        Fact(
            id=f"case:screened:0:{how}",
            kind=FactKind.SCREENED,
            at=at,
            data={"round": 0, "findings": [{"check": "npn_found", "result": result, "source": "A13"}]},
        )
        for how, result in (("unknown", "unknown"), ("answered", "pass"))
    )
    for happened in ([unknown, answered], [answered, unknown]):
        found = {one.check: one.result for one in fold_certification(NEW_BROKER, happened).findings}
        assert found[Check.NPN_FOUND] is Result.PASS


def _answered(hours: int, number: int, inputs: str | None) -> Fact:
    data = {"round": number} | ({"check_inputs": inputs} if inputs else {})
    return Fact(id=f"answer {number}", kind=FactKind.ANSWERED, at=START + timedelta(hours=hours), data=data)


def _checked(hours: int, result: str, inputs: str | None) -> Fact:
    data = {"result": result} | ({"inputs": inputs} if inputs else {})
    return Fact(id=f"check {hours}", kind=FactKind.BACKGROUND_REPORTED, at=START + timedelta(hours=hours), data=data)


@pytest.mark.parametrize(
    ("happened", "result"),
    [
        ([_checked(1, "clear", None)], Result.PASS),
        ([_checked(1, "clear", None), _answered(2, 1, None)], Result.PASS),
        ([_checked(1, "clear", None), _answered(2, 1, "b")], Result.PENDING),
        ([_checked(1, "clear", "a"), _answered(2, 1, "b")], Result.PENDING),
        ([_answered(2, 1, "b"), _checked(3, "clear", "a")], Result.PENDING),
        ([_checked(1, "clear", "a"), _answered(2, 1, "b"), _checked(3, "consider", "b")], Result.CONSIDER),
        ([_answered(2, 1, "b"), _checked(3, "clear", "b"), _checked(4, "consider", "a")], Result.PASS),
        ([_checked(1, "clear", "a"), _answered(2, 1, "b"), _answered(3, 2, None)], Result.PENDING),
        ([_checked(1, "clear", "a"), _answered(2, 1, "b"), _answered(3, 2, "a")], Result.PASS),
    ],
)
def test_d5_a_background_check_counts_for_who_it_was_made_on(happened: list[Fact], result: Result) -> None:
    for facts in (happened, condense_facts(happened, find_certification_group)):
        found = {one.check: one.result for one in fold_certification(NEW_COUNSELOR, facts).findings}
        assert found[Check.BACKGROUND_CHECK] is result


def test_a14_the_last_background_report_counts() -> None:
    """A vendor's later report of the same person replaces the earlier one, whichever is stored first."""
    reports = [
        Fact(id=result, kind=FactKind.BACKGROUND_REPORTED, at=START + timedelta(hours=hours), data={"result": result})
        for hours, result in ((40, "clear"), (50, "consider"))
    ]
    for happened in (reports, reports[::-1]):
        found = {one.check: one.result for one in fold_certification(NEW_COUNSELOR, happened).findings}
        assert found[Check.BACKGROUND_CHECK] is Result.CONSIDER


def test_every_status_has_an_owner() -> None:
    assert set(OWNER) == set(WaitingFor)
    assert OWNER[WaitingFor.NPN_PROOF] == "assister", "who has to prove it is reminded by mail"
    assert set(OWNER.values()) == {"us", "staff", "assister", "background-check vendor", "appeals reviewer", "nobody"}
    assert set(TOPIC_OF_WAITING) == {wait.value for wait in WaitingFor}
    assert REOPENABLE < ENDED


def test_every_stage_and_wait_is_reached_by_some_facts() -> None:
    """The stage of appeals comes with those; those of the federal program are its own."""
    states = [
        fold_certification(opening, way()[:upto])
        for opening in (NEW_BROKER, NEW_COUNSELOR)
        for upto in range(len(WAY) + 1)
    ]
    ask = Fact(
        id="ask", kind=FactKind.DECIDED, at=START, data={"verdict": "ask", "by": "ada", "reason": "?", "override": None}
    )
    deny = ask.model_copy(update={"data": {**ask.data, "verdict": "deny"}})
    states += [fold_certification(NEW_BROKER, [ask]), fold_certification(NEW_BROKER, [deny])]
    states.append(
        fold_certification(UNPROVEN_BROKER, [fact for fact in way() if fact.kind is not FactKind.CERTIFICATE_ISSUED])
    )
    endings = FactKind.WITHDRAWN, FactKind.REVOKED, FactKind.TERMINATED, FactKind.CLOSED
    states += [fold_certification(NEW_BROKER, [Fact(id="end", kind=kind, at=START)]) for kind in endings]
    unregistered = [fact for fact in way() if fact.kind is not FactKind.EXAM_ATTEMPTED]
    states.append(
        fold_certification(NEW_BROKER, [fact for fact in unregistered if fact.kind is not FactKind.CERTIFICATE_ISSUED])
    )
    late = FactKind.LMS_ENROLLED, FactKind.PORTAL_ACCOUNT_CREATED
    broker = [fact for fact in way() if fact.kind not in late]
    states += [fold_certification(NEW_BROKER, broker[:upto]) for upto in range(len(broker) + 1)]
    unproven = NEW_BROKER.model_copy(update={"npn_unproven": True})
    states += [fold_certification(unproven, broker[:upto]) for upto in range(len(broker) + 1)]
    federal = {Stage.AWAITING_PROFILE, Stage.AWAITING_AGREEMENTS}
    states.append(fold_certification(NEW_BROKER, [*way(), suspension("s1")]))
    days = {"number": 1, "last_day": "2026-02-01", "reactivate_until": "2028-02-01"}
    lapse = Fact(id="lapse", kind=FactKind.TRAINING_LAPSED, at=START, data=days)
    states.append(fold_certification(NEW_BROKER, [*way()[: WAY.index(FactKind.EXAM_ATTEMPTED)], lapse]))
    assert {state.stage for state in states} == set(Stage) - federal - {Stage.UNDER_APPEAL}
    of_others = WAITS_OF_FFM | {WaitingFor.APPEAL_DECISION}
    assert {state.waiting_for for state in states} - {None} == set(WaitingFor) - of_others


# checks that end badly (P12-P14, E8)


def _changed(hours: int, change: str, order: int = 0) -> Fact:
    data = {"change": change} | ({"order": order} if order else {})
    return Fact(id=f"{change} {hours}", kind=FactKind.BACKGROUND_CHANGED, at=START + timedelta(hours=hours), data=data)


def _came_to(hours: int, result: str, order: int = 0, **more: Any) -> Fact:
    data = {"result": result, **more} | ({"order": order} if order else {})
    return Fact(id=f"check {hours}", kind=FactKind.BACKGROUND_REPORTED, at=START + timedelta(hours=hours), data=data)


def _reordered(hours: int, number: int, inputs: str | None = None) -> Fact:
    data = {"by": "staff:riley", "reason": "again", "number": number} | ({"inputs": inputs} if inputs else {})
    at = START + timedelta(hours=hours)
    return Fact(id=f"reorder {number}", kind=FactKind.BACKGROUND_REORDERED, at=at, data=data)


@pytest.mark.parametrize(
    ("happened", "result", "note", "is_stopped"),
    [
        ([_changed(1, "canceled")], Result.PENDING, "check_canceled", True),
        ([_changed(1, "expired")], Result.PENDING, "check_expired", True),
        ([_changed(1, "suspended")], Result.PENDING, "check_suspended", False),
        ([_changed(1, "suspended"), _changed(960, "resumed")], Result.PENDING, None, False),
        (
            [_changed(1, "suspended"), _changed(960, "resumed"), _came_to(961, "clear")],
            Result.PASS,
            None,
            False,
        ),
        ([_came_to(3, "clear"), _changed(2, "suspended")], Result.PASS, None, False),
        ([_came_to(2, "clear"), _changed(3, "canceled")], Result.PENDING, "check_canceled", True),
        ([_came_to(1, "consider"), _came_to(2, "clear")], Result.PASS, None, False),
        (
            [_came_to(1, "consider", includes_canceled=True)],
            Result.CONSIDER,
            "check_includes_canceled",
            True,
        ),
        ([_changed(1, "canceled"), _reordered(2, 1)], Result.PENDING, None, False),
        ([_changed(1, "canceled"), _reordered(2, 1), _came_to(3, "clear")], Result.PENDING, None, False),
        ([_changed(1, "canceled"), _reordered(2, 1), _came_to(3, "clear", 1)], Result.PASS, None, False),
        ([_changed(1, "canceled"), _reordered(2, 1), _changed(3, "expired", 1)], Result.PENDING, "check_expired", True),
    ],
)
def test_p12_p13_p14_e8_the_newest_word_on_the_check_that_counts(
    happened: list[Fact], result: Result, note: str | None, is_stopped: bool
) -> None:
    for facts in (happened, happened[::-1], condense_facts(happened, find_certification_group)):
        state = fold_certification(NEW_COUNSELOR, facts)
        (found,) = [one for one in state.findings if one.check is Check.BACKGROUND_CHECK]
        assert (found.result, found.note, state.check.is_stopped) == (result, note, is_stopped)


def test_e8_each_order_has_a_number_of_its_own() -> None:
    facts = [_changed(1, "canceled"), _reordered(2, 1)]
    assert fold_certification(NEW_COUNSELOR, facts).check.number == 1
    answered = {"round": 1, "check_inputs": "b", "check_number": 2}
    facts.append(Fact(id="answer", kind=FactKind.ANSWERED, at=START + timedelta(hours=3), data=answered))
    assert fold_certification(NEW_COUNSELOR, facts).check.number == 2
    facts.append(_reordered(4, 3, "b"))
    check = fold_certification(NEW_COUNSELOR, facts).check
    assert (check.number, check.first) == (3, 3)
    assert (check.is_current("b", 3), check.is_current("b", 2), check.is_current(None, 3)) == (True, False, False)
