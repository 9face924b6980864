"""By which rules each program opens a case: whose it is, what earlier years make of a person, what it begins with."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.federal.markets import MLMS, Curriculum
from domain.federal.opening import FederalOpening, is_returning
from domain.federal.profile import RegistrationRequest
from domain.programs.opening import OPENING_RULES, parse_any_request
from domain.shared.applicant import Applicant
from domain.shared.assister import AssisterHistory, AssisterType, Identity, YearRecord
from domain.shared.cases.facts import FactKind
from domain.shared.cases.opening import Accounts, IdentityMatch, OpeningRules, Origin, merge_details
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Invalid
from domain.state.agreements import AGREEMENT_NAME, CONSENT_NAME, find_consent_text
from domain.state.opening import StateOpening, classify_assister
from domain.state.request import BrokerRequest
from tests.support import documents

STATE, FEDERAL = StateOpening(), FederalOpening()
NOW = datetime(2024, 11, 4, 17, tzinfo=UTC)
BY_FORM, BY_STAFF = Origin("applicant", "form", NOW), Origin("riley", "staff", NOW)
NEW, RETURNING, LAPSED = AssisterType.NEW, AssisterType.RETURNING, AssisterType.LAPSED


def test_a_request_is_read_by_the_program_it_names() -> None:
    assert isinstance(parse_any_request(documents.broker()), BrokerRequest)
    assert isinstance(parse_any_request(documents.registration()), RegistrationRequest)
    others: list[object] = [{**documents.broker(), "program": "other"}, [], None]
    for unreadable in others:
        with pytest.raises(Invalid):
            parse_any_request(unreadable)


@pytest.mark.parametrize("document", [documents.broker(), documents.counselor(), documents.registration()])
def test_what_is_stored_of_a_request_reads_as_the_same_request(document: dict[str, Any]) -> None:
    rules, request = OPENING_RULES[document["program"]], parse_any_request(document)
    stored = rules.describe_request(request)
    assert parse_any_request(stored) == request
    assert rules.identify_applicant(request) == Applicant.model_validate(stored).identity


# whose case it is

OWNER = Identity("1234567", "testa@example.com", "Testa", "Sample")
SPELLED = replace(OWNER, email="TESTA@example.com", first_name="TESTA", last_name="Sample Jr.")
OTHER_NAME, OTHER_EMAIL = replace(OWNER, last_name="Somebody-Else"), replace(OWNER, email="other@example.com")
SAME, DOUBTFUL, CONFLICT = IdentityMatch.SAME, IdentityMatch.DOUBTFUL, IdentityMatch.CONFLICT


@pytest.mark.parametrize(
    ("asking", "known", "running", "expected"),
    [
        (OWNER, None, None, SAME),
        (SPELLED, OWNER, None, SAME),
        (SPELLED, OWNER, OWNER, SAME),
        (OTHER_NAME, OWNER, None, DOUBTFUL),
        (OTHER_EMAIL, OWNER, None, DOUBTFUL),
        (OTHER_NAME, OWNER, OWNER, CONFLICT),
        (OTHER_EMAIL, OWNER, OWNER, CONFLICT),
        (OTHER_NAME, OWNER, OTHER_NAME, SAME),  # a stranger's own request again, while staff look at it
        (OWNER, OWNER, OTHER_NAME, CONFLICT),  # and its owner's, meanwhile
        (replace(OTHER_NAME, npn=None), replace(OWNER, npn=None), OWNER, SAME),  # a counselor is their e-mail
    ],
)
def test_a10_an_npn_is_one_persons_and_staff_look_at_what_differs(
    asking: Identity, known: Identity | None, running: Identity | None, expected: IdentityMatch
) -> None:
    assert STATE.match_identity(asking, known, running) is expected


@pytest.mark.parametrize("running", [None, OWNER, OTHER_NAME])
@pytest.mark.parametrize(
    ("asking", "known", "expected"),
    [
        (OWNER, None, SAME),
        (SPELLED, OWNER, SAME),
        (replace(SPELLED, npn=None), OWNER, SAME),
        (OWNER, replace(OWNER, npn=None), SAME),
        (replace(OWNER, npn="7654321"), OWNER, CONFLICT),
        (OTHER_NAME, OWNER, CONFLICT),
        (OTHER_EMAIL, OWNER, CONFLICT),
        (replace(OTHER_NAME, npn=None), replace(OWNER, npn=None), CONFLICT),
    ],
)
def test_b3_an_account_is_its_owners_alone(
    asking: Identity, known: Identity | None, running: Identity | None, expected: IdentityMatch
) -> None:
    assert FEDERAL.match_identity(asking, known, running) is expected


def test_b3_who_has_an_account_in_the_marketplace_is_pointed_at_it() -> None:
    assert [FEDERAL.name_conflict(known).code for known in (True, False)] == ["second_account", "npn_in_use"]
    assert {STATE.name_conflict(known).code for known in (True, False)} == {"npn_in_use"}


# who is new, returning or lapsed

CERTIFIED = (YearRecord(plan_year=2023, certified=True),)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (AssisterHistory(), NEW),
        (AssisterHistory(has_portal_account=True), NEW),
        (AssisterHistory(years=(YearRecord(plan_year=2022, registered=True),)), LAPSED),
        (AssisterHistory(years=(YearRecord(plan_year=2022, trained=True),)), LAPSED),
        (AssisterHistory(years=(YearRecord(plan_year=2023),)), NEW),
        (AssisterHistory(has_lms_account=True), LAPSED),
        (AssisterHistory(years=(YearRecord(plan_year=2015, certified=True),), has_portal_account=True), RETURNING),
        (AssisterHistory(years=(YearRecord(plan_year=2023, registered=True),), has_portal_account=True), LAPSED),
        (
            AssisterHistory(
                years=(YearRecord(plan_year=2024, registered=True, certified=True),),
                has_lms_account=True,
                has_portal_account=True,
            ),
            LAPSED,
        ),
        (
            AssisterHistory(
                years=(YearRecord(plan_year=2025, registered=True, certified=True),),
                has_lms_account=True,
                has_portal_account=True,
            ),
            LAPSED,
        ),
        (AssisterHistory(years=CERTIFIED), LAPSED),
        (AssisterHistory(years=CERTIFIED, has_lms_account=True), LAPSED),
        (AssisterHistory(years=CERTIFIED, has_portal_account=True), RETURNING),
        (AssisterHistory(years=CERTIFIED, has_portal_account=True, has_lms_account=True), RETURNING),
        (AssisterHistory(years=(YearRecord(plan_year=2022, trained=True),), has_portal_account=True), LAPSED),
    ],
)
def test_a8_a9_new_returning_or_lapsed(history: AssisterHistory, expected: AssisterType) -> None:
    assert STATE.classify_assister(history, 2024) is classify_assister(history, 2024) is expected


@pytest.mark.parametrize(("plan_year", "expected"), [(2022, NEW), (2023, NEW), (2024, RETURNING), (2030, RETURNING)])
def test_a9_a20_only_earlier_years_count(plan_year: int, expected: AssisterType) -> None:
    history = AssisterHistory(years=(*CERTIFIED, YearRecord(plan_year=2030, certified=True)), has_portal_account=True)
    assert classify_assister(history, plan_year) is expected


YEAR = YearRecord(plan_year=2025, registered=True, trained=True, individual_market=True)


@pytest.mark.parametrize(
    ("years", "returning"),
    [
        ([], False),
        ([YEAR], True),
        ([YEAR.model_copy(update={"plan_year": 2024})], False),  # a gap year
        ([YEAR.model_copy(update={"plan_year": 2026})], False),  # this year itself
        ([YEAR.model_copy(update={"plan_year": 2024}), YEAR], True),
        ([YEAR.model_copy(update={"registered": False})], False),
        ([YEAR.model_copy(update={"trained": False})], False),
        ([YEAR.model_copy(update={"individual_market": False})], False),  # SHOP only
        (
            [
                YEAR.model_copy(update={"individual_market": False}),
                YEAR.model_copy(update={"plan_year": 2024}),
            ],
            False,
        ),
    ],
)
def test_b1_returning_is_registered_trained_and_in_the_individual_market_the_year_before(
    years: list[YearRecord], returning: bool
) -> None:
    assert is_returning(years, 2026) is returning


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        ((), NEW),
        ((YEAR,), RETURNING),
        ((YEAR.model_copy(update={"plan_year": 2024}),), LAPSED),
        ((YEAR.model_copy(update={"individual_market": False}),), LAPSED),
        ((YEAR.model_copy(update={"plan_year": 2026}),), NEW),
    ],
)
def test_b1_who_registered_before_but_not_last_year_is_lapsed(
    years: tuple[YearRecord, ...], expected: AssisterType
) -> None:
    assert FEDERAL.classify_assister(AssisterHistory(years=years), 2026) is expected


# a case without a form


@pytest.mark.parametrize(
    ("details", "history", "why"),
    [
        ({"kind": "agent"}, AssisterHistory(years=CERTIFIED, has_portal_account=True), None),
        ({}, AssisterHistory(years=CERTIFIED, has_portal_account=True), "not_returning"),
        ({"kind": "agent"}, AssisterHistory(years=CERTIFIED), "not_returning"),
        ({"kind": "agent"}, AssisterHistory(), "not_returning"),
    ],
)
def test_a11_only_who_returns_is_spared_the_form(
    details: dict[str, str], history: AssisterHistory, why: str | None
) -> None:
    assert STATE.find_begin_refusal(details, history, 2024) == (Reason(why) if why else None)


def test_b1_whoever_registered_before_begins_without_a_request() -> None:
    assert FEDERAL.find_begin_refusal({}, AssisterHistory(years=(YEAR,)), 2026) is None
    assert FEDERAL.find_begin_refusal({"role": "x"}, AssisterHistory(), 2026) == Reason("never_registered")


def test_a11_a_case_without_a_form_holds_what_is_known_and_no_agreement() -> None:
    known = {**documents.broker(), "role": "not_an_agent_broker", "plan_year": 2023}
    draft = STATE.draft_request(known, 2024)
    assert (draft["plan_year"], draft["agreement_accepted"], "role" in draft) == (2024, False, False)
    assert draft["physical_address"] == known["physical_address"]


@pytest.mark.parametrize(
    ("known", "role", "markets"),
    [
        ({"npn": "1234567"}, "marketplace_agent_broker", ["individual"]),
        ({}, "not_an_agent_broker", ["individual"]),
        ({"npn": "1234567", "role": "not_an_agent_broker", "markets": ["shop"]}, "not_an_agent_broker", ["shop"]),
    ],
)
def test_b1_a_registration_without_a_request_guesses_role_and_market(
    known: dict[str, Any], role: str, markets: list[str]
) -> None:
    draft = FEDERAL.draft_request({**known, "kind": "agent"}, 2026)
    assert (draft["role"], draft["markets"], draft["program"], draft["plan_year"]) == (role, markets, "ffm", 2026)
    assert "kind" not in draft


def test_what_only_other_forms_ask_is_kept_of_a_person() -> None:
    details = {"kind": "agent", "phone": "1", "role": "not_an_agent_broker"}
    assert merge_details(details, {"kind": "broker"}, STATE.form) == {"kind": "broker", "role": "not_an_agent_broker"}


# what a case begins with


def test_a9_a11_a_portal_account_brings_its_profile_and_tool_along() -> None:
    nothing_reported = AssisterHistory(has_portal_account=True)
    reported = AssisterHistory(has_portal_account=True, has_portal_profile=True, has_scheduling_tool=True)
    no_account = AssisterHistory(has_lms_account=True, has_portal_profile=True, has_scheduling_tool=True)
    assert STATE.describe_accounts(nothing_reported, LAPSED) == Accounts(has_portal_account=True)
    assert STATE.describe_accounts(nothing_reported, RETURNING) == Accounts(False, True, True, True)
    assert STATE.describe_accounts(reported, LAPSED) == Accounts(False, True, True, True)
    assert STATE.describe_accounts(no_account, LAPSED) == Accounts(has_lms_account=True)


def first_facts(
    rules: OpeningRules[Any, Any, Any], document: dict[str, Any], history: AssisterHistory, by: Origin
) -> Any:
    policy = rules.find_policy(document["plan_year"])
    assert policy is not None
    new = rules.plan_case("a-case", document, policy, history, by)
    assert (new.kind, new.request, new.policy) == (document[rules.kind_field], document, policy)
    requested, *others = new.facts
    assert (requested.kind, requested.at, requested.data) == (FactKind.REQUESTED, NOW, {"opened_by": by.source})
    return [(one.kind, one.at, one.data) for one in others]


@pytest.mark.parametrize(("shown", "expected"), [(None, "en"), ("es", "es")])
def test_a3_an_agreement_that_comes_with_the_request_is_recorded_as_it_was_shown(
    shown: str | None, expected: str
) -> None:
    [(kind, at, data)] = first_facts(STATE, documents.broker(), AssisterHistory(), _shown_in(AGREEMENT_NAME, shown))
    assert (kind, at, data["language"], data["source"]) == (FactKind.AGREEMENT_ACCEPTED, NOW, expected, "form")
    assert first_facts(STATE, documents.broker(agreement_accepted=False), AssisterHistory(), BY_STAFF) == []


def _shown_in(name: str, language: str | None) -> Origin:
    return replace(BY_FORM, shown={name: language} if language else {})


@pytest.mark.parametrize(("shown", "expected"), [(None, "es"), ("en", "en")])
def test_a14_what_a_counselor_consented_to_is_kept_by_version_and_hash(shown: str | None, expected: str) -> None:
    request = documents.counselor(agreement_accepted=False, language="es")
    [(kind, at, data)] = first_facts(STATE, request, AssisterHistory(), _shown_in(CONSENT_NAME, shown))
    text = find_consent_text(expected)
    assert (kind, at) == (FactKind.BACKGROUND_CONSENTED, NOW)
    assert data == {"version": text.version, "language": expected, "sha256": text.sha256, "source": "form"}
    assert first_facts(STATE, request, AssisterHistory(), BY_STAFF) == [], (
        "what is known of an earlier year is no consent"
    )


@pytest.mark.parametrize(
    ("markets", "enrolled"), [(["individual"], True), (["individual", "shop"], True), (["shop"], False)]
)
def test_b11_who_returns_to_the_individual_market_is_enrolled_in_the_short_course(
    markets: list[str], enrolled: bool
) -> None:
    document, returning = documents.registration(markets=markets, plan_year=2026), AssisterHistory(years=(YEAR,))
    course = {"curriculum": Curriculum.INDIVIDUAL_RETURNING.value, "channel": MLMS, "automatic": True}
    expected = [(FactKind.ENROLLED, NOW, course)] if enrolled else []
    assert first_facts(FEDERAL, document, returning, BY_FORM) == expected
    assert first_facts(FEDERAL, document, AssisterHistory(), BY_FORM) == []
