"""The authority to assist: what its facts come to, when staff may act, and what the policy allows (E2–E4)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.programs.certificates import find_certificate_status
from domain.programs.commands import find_refusal
from domain.shared.cases.authority import (
    Authority,
    SuspensionCause,
    SuspensionKind,
    find_letter_fact,
    take_authority_snapshot,
)
from domain.shared.cases.authority_commands import (
    AuthorityCommand,
    build_authority_facts,
    find_rebuttal_refusal,
    find_term_faults,
)
from domain.shared.cases.commands import CommandData, CommandOrigin, GiveNotice, Lift, Suspend, Terminate
from domain.shared.cases.facts import Fact, FactKind, GivenReason, ToldReason
from domain.shared.cases.notices import Notice
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.documents.faults import Fault
from domain.shared.policy import SuspensionRules
from domain.state.certification import CertificationState, fold_certification
from domain.state.may_assist import list_obstacles
from tests.domain.test_fold import NEW_BROKER, START, TODAY, restoration, suspension, way

AGREEMENT, SYSTEM = SuspensionKind.AGREEMENT, SuspensionKind.SYSTEM
RULES = SuspensionRules()
NOTICE_DAY = date(2026, 3, 1)
ORIGIN = CommandOrigin("c1", "case", "staff:riley", "a sample reason", datetime(2026, 3, 1, 18, tzinfo=UTC))


def fold(*more: Fact) -> CertificationState:
    return fold_certification(NEW_BROKER, [*way(), *more])


def happened(kind: FactKind, hours: float, **data: object) -> Fact:
    return Fact(id=f"{kind} {hours}", kind=kind, at=START + timedelta(hours=hours), data=dict(data))


def noticed(hours: float = 300) -> Fact:
    days = {"notice_date": "2026-03-01", "last_day": "2026-03-31"}
    return happened(FactKind.TERMINATION_NOTICED, hours, by="staff:riley", reason="a sample", **days)


def test_e2_a_suspended_case_says_so_and_is_then_again_where_it_stood() -> None:
    active = fold()
    state = fold(suspension("s1"))
    assert (state.stage, state.waiting_for) == (Stage.SUSPENDED, WaitingFor.RESTORATION)
    assert state.waiting_since == START + timedelta(hours=100)
    assert (state.position.stage, state.position.waiting_for) == (active.stage, active.waiting_for)
    assert list_obstacles(state, TODAY) == ["suspended_by_staff"]
    again = fold(suspension("s1"), restoration("s1"))
    assert (again.stage, again.waiting_for, again.waiting_since) == tuple(dict(active.position).values())
    assert list_obstacles(again, TODAY) == []


def test_e3_each_suspension_ends_alone() -> None:
    lapse = suspension("s1", cause="license_lapsed")
    state = fold(lapse, suspension("s2", 110), restoration("s1", cause="license_lapsed"))
    assert list_obstacles(state, TODAY) == ["suspended_by_staff"]
    both = fold(lapse, suspension("s2", 110))
    assert both.authority.causes == [SuspensionCause.LICENSE_LAPSED, SuspensionCause.SUSPENDED_BY_STAFF]


def test_the_end_of_a_suspension_counts_though_it_is_told_first() -> None:
    assert fold(restoration("s1", 50), suspension("s1", 100)).stage is Stage.ACTIVE


@pytest.mark.parametrize("end", [FactKind.REVOKED, FactKind.WITHDRAWN, FactKind.TERMINATED, FactKind.CLOSED])
def test_c7_an_end_of_the_case_ends_what_is_open(end: FactKind) -> None:
    state = fold(suspension("s1"), noticed(), happened(end, 400))
    assert state.stage.value == end.value
    assert (state.authority.suspensions, state.authority.termination) == ((), None)
    assert list_obstacles(state, TODAY) == [end.value]


def test_e2_the_certificate_stays_valid_while_the_authority_is_suspended_and_not_after_a_termination() -> None:
    def status(state: CertificationState) -> str:
        return find_certificate_status(state, "NM26-A", "", None, TODAY, is_unproven=False)

    assert status(fold(suspension("s1"))) == "valid"
    assert status(fold(happened(FactKind.TERMINATED, 400))) == "revoked"


def test_e4_a_termination_stays_pending_until_it_is_taken_back() -> None:
    pending = fold(noticed()).authority.termination
    assert pending is not None
    assert pending.last_day == date(2026, 3, 31)
    back = happened(FactKind.TERMINATION_TAKEN_BACK, 310, by="staff:riley")
    assert fold(noticed(), back).authority.termination is None
    assert fold(noticed(), back, noticed(320)).authority.termination is not None
    assert list_obstacles(fold(noticed()), TODAY) == []


@pytest.mark.parametrize(
    ("command", "facts", "code"),
    [
        (Suspend(suspension=AGREEMENT), [], None),
        (Suspend(suspension=AGREEMENT), [suspension("s1")], "suspended_before"),
        (Suspend(suspension=SYSTEM), [suspension("s1")], None),
        (Lift(), [], "not_suspended"),
        (Lift(), [suspension("s1")], None),
        (Lift(suspension_id="s2"), [suspension("s1")], "not_suspended"),
        (Lift(suspension_id="s1"), [suspension("s1")], None),
        (Lift(suspension_id="s1"), [suspension("s1"), restoration("s1")], "not_suspended"),
        (Lift(), [suspension("s1", cause="license_lapsed")], "not_ordered"),
        (Lift(suspension_id="s1"), [suspension("s1", cause="license_lapsed")], None),
        (Lift(termination=True), [suspension("s1")], "no_termination"),
        (Lift(termination=True), [noticed()], None),
        (GiveNotice(), [], None),
        (GiveNotice(), [noticed()], "termination_noticed"),
        (Terminate(), [noticed(), suspension("s1")], None),
        (Terminate(), [happened(FactKind.TERMINATED, 400)], "case_ended"),
        (GiveNotice(), [happened(FactKind.TERMINATED, 400)], "case_ended"),
    ],
)
def test_e4_when_staff_may_suspend_lift_and_terminate(
    command: CommandData, facts: list[Fact], code: str | None
) -> None:
    refused = find_refusal(command, fold(*facts))
    assert (refused.code if refused else None) == code


@pytest.mark.parametrize("command", [Suspend(suspension=AGREEMENT), GiveNotice(), Terminate()])
def test_e4_nothing_is_taken_from_who_has_no_certificate(command: CommandData) -> None:
    before = [fact for fact in way() if fact.kind is not FactKind.CERTIFICATE_ISSUED]
    refused = find_refusal(command, fold_certification(NEW_BROKER, before))
    assert refused is not None
    assert refused.code == "no_authority"


@pytest.mark.parametrize(
    ("kind", "days", "fault"),
    [
        (AGREEMENT, -1, Fault("until", "day_past")),
        (AGREEMENT, 0, None),
        (AGREEMENT, 90, None),
        (AGREEMENT, 91, Fault("until", "day_too_late", {"last": "2026-05-30"})),
        (SYSTEM, -1, Fault("until", "day_past")),
        (SYSTEM, 4000, None),
        (SYSTEM, (date.max - NOTICE_DAY).days, Fault("until", "day_too_late", {"last": "2126-03-02"})),
        (AGREEMENT, None, None),
    ],
)
def test_e4_a_last_day_is_neither_past_nor_later_than_the_policy_allows(
    kind: SuspensionKind, days: int | None, fault: Fault | None
) -> None:
    until = None if days is None else NOTICE_DAY + timedelta(days=days)
    found = find_term_faults(Suspend(suspension=kind, until=until), RULES, NOTICE_DAY)
    assert found == ([fault] if fault else [])


@pytest.mark.parametrize(("kind", "last"), [(AGREEMENT, "2026-05-30"), (SYSTEM, None)])
def test_e4_without_a_last_day_it_is_the_policy_s(kind: SuspensionKind, last: str | None) -> None:
    (fact,) = build_authority_facts(Suspend(suspension=kind), ORIGIN, Authority(), RULES, NOTICE_DAY, "en")
    assert fact.data["until"] == last
    assert fact.data["suspension_id"] == "c1"


def test_e4_a_termination_has_the_policy_s_days_of_notice() -> None:
    (fact,) = build_authority_facts(GiveNotice(), ORIGIN, Authority(), RULES, NOTICE_DAY, "en")
    assert fact.data["last_day"] == "2026-03-31"
    rules = SuspensionRules(termination_notice_days=10)
    (fact,) = build_authority_facts(GiveNotice(), ORIGIN, Authority(), rules, NOTICE_DAY, "en")
    assert fact.data["last_day"] == "2026-03-11"


def test_e2_e4_one_command_lifts_the_one_that_is_named_or_each_that_staff_ordered() -> None:
    of_license = suspension("s3", cause="license_lapsed")
    authority = fold(suspension("s1"), suspension("s2", cause="system_suspension"), of_license).authority
    for command, lifted in (
        (Lift(), ["s1", "s2"]),
        (Lift(suspension_id="s2"), ["s2"]),
        (Lift(suspension_id="s3"), ["s3"]),
    ):
        facts = build_authority_facts(command, ORIGIN, authority, RULES, NOTICE_DAY, "en")
        assert [fact.data["suspension_id"] for fact in facts] == lifted


@pytest.mark.parametrize(
    "command",
    [Suspend(suspension=AGREEMENT), Lift(), Lift(termination=True), GiveNotice()],
    ids=lambda command: command.kind,
)
def test_the_assister_is_told_in_their_language_or_that_it_is_in_another(command: AuthorityCommand) -> None:
    authority = fold(suspension("s1"), noticed()).authority

    def tell(language: str, **wording: str) -> ToldReason:
        given: AuthorityCommand = command.model_copy(update=wording)
        (fact,) = build_authority_facts(given, ORIGIN, authority, RULES, NOTICE_DAY, language)
        return GivenReason.model_validate(fact.data).told_reason

    assert tell("en") == tell("es", written_in="es") == ToldReason("a sample reason")
    assert tell("es") == ToldReason("a sample reason", written_in="en")
    assert tell("en", written_in="es") == ToldReason("a sample reason", written_in="es")
    assert tell("es", told="un motivo") == ToldReason("un motivo")


def test_a_workflow_sleeps_until_the_first_last_day_is_over_in_the_program_s_zone() -> None:
    state = fold(suspension("s1", until="2026-04-30"), suspension("s2", cause="system_suspension"), noticed())
    snapshot = take_authority_snapshot(state.authority, UTC)
    assert snapshot.due_at == datetime(2026, 4, 1, tzinfo=UTC)
    assert snapshot.facts == 3
    assert [letter.notice for letter in snapshot.letters] == [
        Notice.AUTHORITY_SUSPENDED,
        Notice.AUTHORITY_SUSPENDED,
        Notice.TERMINATION_NOTICED,
    ]
    assert take_authority_snapshot(fold().authority, UTC).due_at is None


def test_a_letter_is_about_its_own_change_and_one_sent_again_about_the_last() -> None:
    facts = [suspension("s1", 100), suspension("s2", 110)]
    for about, found in (("s1", "s1"), ("s2", "s2"), ("some command", "s2")):
        fact = find_letter_fact(facts, Notice.AUTHORITY_SUSPENDED, about)
        assert fact is not None
        assert fact.data["suspension_id"] == found
    assert find_letter_fact(facts, Notice.REVOKED, "s1") is None


def said(hours: float) -> Fact:
    return happened(FactKind.REBUTTAL_FILED, hours, by="assister", text=f"said at {hours}", answer_by="2026-04-15")


def test_e4_what_is_said_counts_against_what_is_open_and_staff_have_ordered() -> None:
    state = fold(suspension("s1", 100), said(120))
    assert [one.text for one in state.authority.rebuttals] == ["said at 120"]
    assert fold(suspension("s1", 100), said(120), restoration("s1")).authority.rebuttals == ()
    again = fold(suspension("s1", 100), said(120), restoration("s1", 150), suspension("s2", 160))
    assert again.authority.rebuttals == (), "what was said against an earlier one is answered"
    assert fold(noticed(300), said(310)).authority.rebuttals


def test_e4_nothing_is_said_against_a_lapse_and_not_without_end() -> None:
    lapse = fold(suspension("s1", cause="license_lapsed")).authority
    for authority, code in (
        (fold().authority, "nothing_to_rebut"),
        (lapse, "nothing_to_rebut"),
        (fold(suspension("s1"), *(said(120 + number) for number in range(5))).authority, "rebuttals_enough"),
        (fold(suspension("s1"), *(said(120 + number) for number in range(4))).authority, None),
    ):
        refused = find_rebuttal_refusal(authority)
        assert (refused.code if refused else None) == code
