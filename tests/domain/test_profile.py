"""The federal request and the MLMS profile: fields by role, whose NPNs they name, and what is never taken (B5–B10)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.federal.markets import Market, Role
from domain.federal.policies import find_federal_policy
from domain.federal.profile import (
    NPN_FIELDS,
    REQUIRED,
    StoredProfile,
    find_npn_faults,
    parse_profile,
    parse_registration,
)
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.licensing import License, Producer
from domain.shared.policy import find_local_date, find_window_faults
from tests.support.registrations import profile

NPN, FIRM, OTHER = "1000000017", "1000000025", "1000000033"
ADDRESS = {"line1": "1 Sample Street", "city": "Sampletown", "state": "TX", "postal_code": "79901"}
CONTACT = {"email": "help@example.org", "phone": "915-555-0100"}
BUSINESS = {**CONTACT, "name": "Sample Insurance", "address": ADDRESS}
AGENT, NO_AGENT = Role.MARKETPLACE_AGENT_BROKER, Role.NOT_AN_AGENT_BROKER
ALL = {"npn": NPN, "business_contact": BUSINESS, "professional_contact": CONTACT}
LEFT_OUT = object()


def request(**changes: Any) -> dict[str, Any]:
    document = {**profile(NPN), **changes}
    return {name: value for name, value in document.items() if value is not LEFT_OUT}


def saved(**changes: Any) -> StoredProfile:
    return StoredProfile.model_validate(request(**changes))


def faults(changes: dict[str, Any], draft: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """The fields at fault, with their codes; none when the profile is taken."""
    try:
        parse_profile(request() if draft is None else draft, changes)
    except Invalid as invalid:
        return [(fault.field, fault.code) for fault in invalid.faults]
    return []


# the request


def test_b6_there_are_two_roles_and_another_is_refused_naming_both() -> None:
    with pytest.raises(Invalid) as caught:
        parse_registration(request(role="navigator"))
    (fault,) = caught.value.faults
    assert (fault.field, fault.code) == ("role", "choice")
    assert fault.sentence() == "Choose one of: marketplace_agent_broker, not_an_agent_broker."


@pytest.mark.parametrize(("role", "needed"), [(AGENT, True), (NO_AGENT, False)])
def test_b9_a_request_needs_an_npn_unless_the_role_is_not_an_agent_broker(role: Role, needed: bool) -> None:
    """The request is a draft: contacts may come with the profile."""
    document = request(role=role, npn=LEFT_OUT, business_contact=LEFT_OUT, professional_contact=LEFT_OUT)
    if not needed:
        assert parse_registration(document).npn is None
        return
    with pytest.raises(Invalid) as caught:
        parse_registration(document)
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [("npn", "npn_required")]


@pytest.mark.parametrize(
    ("given", "markets"),
    [
        (["individual"], (Market.INDIVIDUAL,)),
        (["shop"], (Market.SHOP,)),
        (["shop", "individual"], (Market.INDIVIDUAL, Market.SHOP)),
        (["shop", "shop"], (Market.SHOP,)),
    ],
)
def test_b12_one_market_or_both(given: list[str], markets: tuple[Market, ...]) -> None:
    assert parse_registration(request(markets=given)).markets == markets


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"markets": []}, ("markets", "too_short")),
        ({"markets": ["individual", "shop", "shop"]}, ("markets", "too_long")),
        ({"markets": ["shop", "medicare"]}, ("markets.1", "choice")),
        ({"plan_year": 2019}, ("plan_year", "no_policy")),
        ({"plan_year": "2024"}, ("plan_year", "number")),
        ({"program": "bewellnm"}, ("program", "choice")),
        ({"kind": "broker"}, ("kind", "unknown_field")),
        ({"ssn": "000-00-0000"}, ("ssn", "unknown_field")),
        ({"verified": True}, ("verified", "unknown_field")),
        ({"last_name": LEFT_OUT}, ("last_name", "required")),
    ],
)
def test_a_request_that_is_none_names_its_fault(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        parse_registration(request(**changes))
    assert [(one.field, one.code) for one in caught.value.faults] == [fault]


@pytest.mark.parametrize("document", [None, 7, "text", ["a", "list"]])
def test_what_is_no_object_is_refused_as_a_whole(document: object) -> None:
    for parse in (parse_registration, lambda changes: parse_profile(request(), changes)):
        with pytest.raises(Invalid) as caught:
            parse(document)
        assert [(one.field, one.code) for one in caught.value.faults] == [("body", "object")]


# the profile

# What each role has to say, of all there is: nothing more, nothing less.
NEEDED = [
    (AGENT, "npn", "npn_required"),
    (AGENT, "business_npn", None),
    (AGENT, "web_entity_npn", None),
    (AGENT, "business_contact", "required_of_role"),
    (AGENT, "professional_contact", "required_of_role"),
    (NO_AGENT, "npn", None),
    (NO_AGENT, "business_npn", None),
    (NO_AGENT, "web_entity_npn", None),
    (NO_AGENT, "business_contact", None),
    (NO_AGENT, "professional_contact", "required_of_role"),
]


@pytest.mark.parametrize(("role", "field", "code"), NEEDED)
def test_b5_b7_every_field_of_the_role_is_needed_and_no_other(role: Role, field: str, code: str | None) -> None:
    draft = request(role=role, business_npn=FIRM, web_entity_npn=OTHER, **ALL)
    assert faults({}, draft) == []
    assert faults({field: None}, draft) == ([(field, code)] if code else [])
    del draft[field]
    assert faults({}, draft) == ([(field, code)] if code else [])


def test_b5_the_table_above_is_whole() -> None:
    assert {(role, field) for role, field, code in NEEDED if code} == {
        (role, field) for role, fields in REQUIRED.items() for field in fields
    }
    assert set(REQUIRED) == set(Role)


def test_b5_switching_the_role_changes_what_is_needed() -> None:
    draft = request(role=NO_AGENT, npn=LEFT_OUT, business_contact=LEFT_OUT)
    assert faults({}, draft) == []
    assert faults({"role": AGENT}, draft) == [("npn", "npn_required"), ("business_contact", "required_of_role")]
    assert faults({"role": AGENT, **ALL}, draft) == []
    assert faults({"role": "navigator"}, draft) == [("role", "choice")]


def test_b7_changes_are_laid_over_what_is_known_and_the_rest_stays() -> None:
    known = parse_profile(request(), {})
    changed = parse_profile(known, {"phone": "915-555-0199", "business_npn": FIRM})
    assert {name for name in changed if changed[name] != known[name]} == {"phone", "business_npn"}
    assert parse_profile(changed, {"business_npn": None}) == {**known, "phone": "915-555-0199"}
    assert "verified" not in parse_profile(known, {"verified": True})


def test_b7_null_takes_a_field_away_that_may_be_missing_and_no_other() -> None:
    known = parse_profile(request(web_entity_npn=OTHER), {})
    assert parse_profile(known, {"web_entity_npn": None})["web_entity_npn"] is None
    assert faults({"last_name": None}) == [("last_name", "required")]
    assert faults({"email": None, "npn": None}) == [("email", "required"), ("npn", "npn_required")]


def test_b7_who_says_that_nothing_was_checked_saves_nothing() -> None:
    assert faults({"verified": False}) == [("verified", "verify_first")]
    assert faults({"verified": "yes"}) == [("verified", "yes_or_no")]


@pytest.mark.parametrize("changes", [{"program": "bewellnm"}, {"plan_year": 2025}, {"markets": ["shop"]}])
def test_what_a_registration_is_doesn_t_change_by_its_profile(changes: dict[str, Any]) -> None:
    (field,) = changes
    assert (field, "not_changeable") in faults(changes)
    assert faults({field: request()[field]}) == []


def test_b7_every_fault_is_named_at_once_and_each_once() -> None:
    found = faults(
        {
            "phone": "0",
            "npn": None,
            "business_contact": {**BUSINESS, "address": {**ADDRESS, "state": "ZZ"}},
            "plan_year": 2025,
            "favourite_color": "blue",
        }
    )
    assert sorted(found) == [
        ("business_contact.address.state", "state"),
        ("favourite_color", "unknown_field"),
        ("npn", "npn_required"),
        ("phone", "phone"),
        ("plan_year", "not_changeable"),
    ]


# whose NPNs they are


def license_of(*lines: str) -> License:
    return License(state="TX", number="TX-1", residency="resident", active=True, expires=None, lines=lines)


PERSON = Producer(npn=NPN, entity="individual", first_name="TESTA", last_name="AGENT JR", company="", licenses=())
NAMESAKE = PERSON.model_copy(update={"first_name": "Ejemplo"})
A_FIRM = PERSON.model_copy(update={"entity": "firm", "first_name": "", "last_name": "", "company": "Sample, Ltd"})
# Field, what the registry says of its NPN, and what is wrong with that.
SAID: list[tuple[str, Producer | None, str | None]] = [
    ("npn", PERSON, None),
    ("npn", None, "npn_unknown"),
    ("npn", A_FIRM, "npn_of_firm"),
    ("npn", NAMESAKE, "npn_other_name"),
    ("npn", PERSON.model_copy(update={"first_name": "TESTA MARIA", "last_name": "AGENT-EJEMPLO"}), None),
    ("npn", PERSON.model_copy(update={"licenses": (license_of("PROPERTY", "CASUALTY"),)}), "npn_no_health_line"),
    ("npn", PERSON.model_copy(update={"licenses": (license_of("PROPERTY"), license_of("Health"))}), None),
    ("npn", PERSON.model_copy(update={"licenses": (license_of("Individual Health Benefits"),)}), None),
    ("business_npn", A_FIRM, None),
    ("business_npn", None, "npn_unknown"),
    ("business_npn", PERSON, "npn_of_individual"),
    ("business_npn", NAMESAKE, "npn_of_individual"),
    ("web_entity_npn", A_FIRM, None),
    ("web_entity_npn", None, "npn_unknown"),
    ("web_entity_npn", PERSON, "npn_of_individual"),
    ("web_entity_npn", NAMESAKE, "npn_of_individual"),
]


@pytest.mark.parametrize(("field", "said", "code"), SAID)
def test_b9_b10_p16_p19_each_field_names_an_npn_of_its_own_sort(
    field: str, said: Producer | None, code: str | None
) -> None:
    assert find_npn_faults(saved(), {field: said}) == ([Fault(field, code)] if code else [])


def test_b9_b10_every_npn_at_fault_is_named() -> None:
    found = find_npn_faults(saved(), {"npn": A_FIRM, "business_npn": PERSON, "web_entity_npn": None})
    assert [(fault.field, fault.code) for fault in found] == [
        ("npn", "npn_of_firm"),
        ("business_npn", "npn_of_individual"),
        ("web_entity_npn", "npn_unknown"),
    ]


@pytest.mark.parametrize(
    ("npns", "at_fault"),
    [
        ({"npn": NPN, "business_npn": FIRM, "web_entity_npn": OTHER}, []),
        ({"npn": NPN, "business_npn": NPN}, ["business_npn"]),
        ({"npn": NPN, "web_entity_npn": NPN}, ["web_entity_npn"]),
        ({"npn": NPN, "business_npn": NPN, "web_entity_npn": NPN}, ["business_npn", "web_entity_npn"]),
        ({"npn": NPN, "business_npn": FIRM, "web_entity_npn": FIRM}, ["web_entity_npn"]),
        ({"npn": NPN, "business_npn": f"  {NPN} "}, ["business_npn"]),
        ({"npn": NPN, "business_npn": f"00{NPN}"}, ["business_npn"]),
        ({"npn": NPN, "business_npn": f"{NPN[:3]}-{NPN[3:]}"}, ["business_npn"]),
    ],
)
def test_b10_a_copied_npn_is_refused_before_the_registry_is_asked(npns: dict[str, str], at_fault: list[str]) -> None:
    assert faults(npns) == [(field, "npn_copied") for field in at_fault]


@pytest.mark.parametrize("code", ["npn_copied", "npn_of_individual"])
def test_b10_the_refusal_warns_of_compensation_that_issuers_may_deny(code: str) -> None:
    assert "Issuers may deny compensation" in Fault("business_npn", code).sentence()


def test_b9_npns_are_asked_about_by_their_fields() -> None:
    assert saved().npns == {"npn": NPN}
    assert saved(npn=None).npns == {}
    assert tuple(saved(business_npn=FIRM, web_entity_npn=OTHER).npns) == NPN_FIELDS


@pytest.mark.parametrize("field", NPN_FIELDS)
def test_p20_an_npn_of_a_profile_is_kept_without_leading_zeros(field: str) -> None:
    kept = parse_profile(request(), {"npn": NPN, "business_npn": FIRM, "web_entity_npn": OTHER, field: "00987654"})
    assert kept[field] == "987654"


@pytest.mark.parametrize("npn", ["", " ", "000", "12345678901", "1x", "１２３", "-7", 1000000017, ["1"], "1\n2"])
@pytest.mark.parametrize("field", NPN_FIELDS)
def test_b9_what_can_t_be_an_npn_is_refused(field: str, npn: object) -> None:
    assert {name for name, _ in faults({field: npn})} == {field}


# limits and what lists could be harmed by


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_a_name_is_no_formula(sign: str, field: str) -> None:
    assert faults({field: f"{sign}HYPERLINK(A1)"}) == [(field, "person_name")]
    assert faults({field: f"  {sign}A"}) == [(field, "person_name")]


@pytest.mark.parametrize(
    ("contact", "fault"),
    [
        ({"name": "=1+1"}, ("name", "no_formula")),
        ({"languages": ["English", "@SUM"]}, ("languages.1", "no_formula")),
        ({"languages": ["English"] * 11}, ("languages", "too_long")),
        ({"languages": "English"}, ("languages", "list")),
        ({"name": "x" * 101}, ("name", "too_long")),
        ({"name": "one\ntwo"}, ("name", "control_characters")),
        ({"website": "javascript:alert(1)"}, ("website", "website")),
        ({"website": "https://example.com/a b"}, ("website", "website")),
        ({"website": "https://exämple.com"}, ("website", "website")),
        ({"website": "https://example.com/" + "x" * 200}, ("website", "too_long")),
        ({"email": "x" * 250 + "@example.com"}, ("email", "too_long")),
        ({"phone": "9" * 41}, ("phone", "too_long")),
        ({"fax": "915-555-0100"}, ("fax", "unknown_field")),
    ],
)
def test_contacts_have_their_limits(contact: dict[str, Any], fault: tuple[str, str]) -> None:
    for name, known in (("professional_contact", CONTACT), ("business_contact", BUSINESS)):
        assert faults({name: {**known, **contact}}) == [(f"{name}.{fault[0]}", fault[1])]


def test_b8_a_business_has_an_address_and_a_professional_contact_may() -> None:
    assert faults({"business_contact": CONTACT}) == [("business_contact.address", "required")]
    assert faults({"professional_contact": {**CONTACT, "address": ADDRESS, "website": None}}) == []
    assert faults({"professional_contact": "by phone"}) == [("professional_contact", "object")]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"first_name": "x" * 61}, ("first_name", "too_long")),
        ({"last_name": "姓"}, ("last_name", "name_letters")),
        ({"email": "nobody"}, ("email", "email")),
        ({"phone": "555"}, ("phone", "phone")),
        ({"language": "fr"}, ("language", "choice")),
    ],
)
def test_b7_the_person_s_own_fields_have_theirs(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert faults(changes) == [fault]


# the window: US Eastern days


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (datetime(2026, 8, 1, 3, 59, tzinfo=UTC), "window_not_open"),  # still the last day of July in the East
        (datetime(2026, 8, 1, 4, 0, tzinfo=UTC), None),
        (datetime(2028, 1, 1, 4, 59, tzinfo=UTC), None),  # still the last day of December in the East
        (datetime(2028, 1, 1, 5, 0, tzinfo=UTC), "window_closed"),
    ],
)
def test_c6_the_window_opens_and_closes_at_midnight_in_the_east(now: datetime, code: str | None) -> None:
    policy = find_federal_policy(2027)
    assert policy is not None
    assert find_window_faults(policy, find_local_date(policy, now)) == ([Fault("plan_year", code)] if code else [])
