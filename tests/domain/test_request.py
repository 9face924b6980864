"""The Certification Request Form: what is taken, and what is refused by the name of its field (A1–A5, A7, A10)."""

from typing import Any

import pytest

from domain.programs.opening import parse_any_request
from domain.shared.documents.faults import Fault
from domain.shared.documents.fields import MAIL_ROUTE
from domain.state.request import StoredRequest, parse_request
from tests.support import documents
from tests.support.refusals import list_faults, list_fields, read_document

Document = dict[str, Any]
KINDS = {"agent": documents.agent, "broker": documents.broker, "enrollment_counselor": documents.counselor}


def refused(request: Any) -> list[str]:
    return list_fields(parse_request, request)


# the kinds


@pytest.mark.parametrize("kind", KINDS)
def test_a1_each_of_the_three_kinds_is_taken(kind: str) -> None:
    assert parse_request(read_document(KINDS[kind]())).kind == kind


@pytest.mark.parametrize("kind", ["navigator", "Broker", "", None, 3, ["broker"], {"kind": "broker"}])
def test_a1_a_fourth_kind_is_refused_with_the_three_named(kind: Any) -> None:
    (fault,) = list_faults(parse_request, documents.broker(kind=kind))
    assert fault.field == "kind"
    if kind is not None:
        assert all(name in fault.sentence() for name in KINDS)


def test_a1_a_request_without_a_kind_has_its_other_faults_named_too() -> None:
    assert refused({"program": "bewellnm", "plan_year": 2024, "email": "nobody"}) == [
        "email",
        "first_name",
        "kind",
        "last_name",
        "phone",
        "physical_address",
    ]


@pytest.mark.parametrize(
    ("kind", "insurers", "field"),
    [
        ("agent", ["Sample Health", "Example Mutual"], "insurers"),
        ("agent", [], "insurers"),
        ("broker", [], "insurers"),
        ("broker", [f"Insurer {number}" for number in range(51)], "insurers"),
        ("broker", ["Sample Health", ""], "insurers.1"),
        ("broker", ["Sample Health", 5], "insurers.1"),
        ("broker", "Sample Health", "insurers"),
        ("broker", {"0": "Sample Health"}, "insurers"),
        ("broker", None, "insurers"),
    ],
)
def test_a2_another_number_of_insurers_is_refused(kind: str, insurers: Any, field: str) -> None:
    assert refused(KINDS[kind](insurers=insurers)) == [field]


def test_a2_a_company_is_named_once_whatever_its_case_and_spaces() -> None:
    named = ["Sample Health", "sample  HEALTH", " Example Mutual", "Straße Health", "STRASSE health"]
    assert parse_request(documents.broker(insurers=named)).insurers == (  # type: ignore[union-attr]
        "Sample Health",
        "Example Mutual",
        "Straße Health",
    )
    assert parse_request(documents.agent(insurers=named[:2])).insurers == ("Sample Health",)  # type: ignore[union-attr]


# how Spanish speaks of them


@pytest.mark.parametrize("kind", KINDS)
def test_a10_how_one_is_addressed_need_not_be_said(kind: str) -> None:
    request = KINDS[kind]()
    unsaid = parse_request(request).model_dump(mode="json")
    assert "addressed_as" not in unsaid, "as what was stored before"
    assert parse_request({**request, "addressed_as": ""}).model_dump(mode="json") == unsaid
    said = parse_request({**request, "addressed_as": "feminine"}).model_dump(mode="json")
    assert said == {**unsaid, "addressed_as": "feminine"}
    assert refused({**request, "addressed_as": "Ms."}) == ["addressed_as"]


# licence and agreement


@pytest.mark.parametrize("kind", ["agent", "broker"])
@pytest.mark.parametrize("field", ["npn", "license_number", "license_state", "business_address", "agreement_accepted"])
def test_a3_a_missing_licence_field_or_agreement_is_refused(kind: str, field: str) -> None:
    request = KINDS[kind]()
    del request[field]
    assert refused(request) == [field]
    assert refused({**request, field: None}) == [field]


@pytest.mark.parametrize("answer", [False, "true", 1, "yes", [True]])
def test_a3_an_agreement_not_accepted_is_refused(answer: Any) -> None:
    assert refused(documents.broker(agreement_accepted=answer)) == ["agreement_accepted"]


@pytest.mark.parametrize("state", ["TX", "NV", "", "N M", "NMX"])
def test_a3_a7_another_states_licence_is_refused(state: str) -> None:
    assert refused(documents.agent(license_state=state)) == ["license_state"]


# employers, and what counselors don't have


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("insurers", ["Sample Health"]),
        ("insurers", []),
        ("commission", "5 %"),
        ("commission_accepted", True),
        ("npn", "1234567"),
        ("license_number", "NM-1"),
        ("license_state", "NM"),
        ("business_address", documents.address("NM")),
    ],
)
def test_a4_a_counselors_request_has_no_insurer_commission_or_licence(field: str, value: Any) -> None:
    assert list_faults(parse_request, documents.counselor(**{field: value})) == [Fault(field, "unknown_field")]


@pytest.mark.parametrize(
    "employer",
    [
        {"kind": "exchange"},
        {"kind": "exchange", "name": "beWellnm"},
        {"kind": "hospital", "name": "Sample Hospital"},
        {"kind": "clinic", "name": "Sample Clinic"},
        {"kind": "school", "name": "Escuela de Ejemplo"},
        {"kind": "other", "name": "Sample Library"},
    ],
)
def test_a5_counselors_are_employed_here(employer: Document) -> None:
    assert refused(documents.counselor(employer=employer)) == []


@pytest.mark.parametrize(
    ("employer", "field"),
    [
        ({"kind": "hospital"}, "employer.name"),
        ({"kind": "clinic", "name": ""}, "employer.name"),
        ({"kind": "school", "name": "  "}, "employer.name"),
        ({"kind": "other", "name": None}, "employer.name"),
        ({"kind": "clinic", "name": ["Sample"]}, "employer.name"),
        ({"kind": "bank", "name": "Sample Bank"}, "employer.kind"),
        ({"name": "Sample"}, "employer.kind"),
        ({"kind": "exchange", "salary": 1}, "employer.salary"),
        ("exchange", "employer"),
        (None, "employer"),
    ],
)
def test_a5_any_other_employer_is_refused(employer: Any, field: str) -> None:
    assert refused(documents.counselor(employer=employer)) == [field]


def test_a5_brokers_name_no_employer() -> None:
    assert refused(documents.broker(employer={"kind": "exchange"})) == ["employer"]


# every field


@pytest.mark.parametrize("document", [None, [], "broker", True, 7], ids=str)
def test_what_is_no_document_is_no_request(document: Any) -> None:
    assert list_fields(parse_any_request, document) == ["body"]


FAULTY: dict[str, tuple[Any, ...]] = {
    "npn": (
        "",
        "0",
        "-1",
        "1-",
        "1 - -",
        "12-34x",
        "1.2",
        "1\n2",
        "12345678901",
        "12a",
        "1.5",
        "١٢٣",
        "１２３",
        12345,
        None,
        ["1"],
    ),
    "email": (
        *("", "a b@example.com", "a@b", "a@@example.com", "a@example.com\nBcc: b@c.de", "ä@example.com"),
        *(".a@example.com", "a..b@example.com", "x" * 250 + "@a.bc", 5, None),
    ),
    "phone": ("", "call me", "505-555", "505\n555\t0100", "5" * 16, 5055550100),
    "first_name": ("", "x" * 101, "Tes\0ta", "Tes\nta", "Tes\u2028ta", "Tes\x9bta", True),
    "last_name": (None, 7, {"last": "Broker"}, ["Broker"], "x" * 100_000),
    "plan_year": ("2024", 2024.0, True, None, -1, 10**400, 1999, 2100, [2024]),
    "program": ("ffm2", "", None, 1),
    "language": ("de", "EN", None, ["en"]),
    "physical_address": ("1 Sample Street", None, [], {"line1": {}}),
    "__proto__": ({"kind": "agent"},),
    "shoe size": (44,),
    "": ("nameless",),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in FAULTY.items() for value in values],
    ids=lambda value: ascii(value)[:24],
)
def test_a_fault_is_refused_by_its_name(field: str, value: Any) -> None:
    named = refused({**documents.broker(), field: value})
    assert {name.partition(".")[0] for name in named} == {field or "body"}


@pytest.mark.parametrize(
    "name",
    [
        "Zoë-Ñuñez",
        "O’Ejemplo",
        "Łukasz",
        "Ελένη",
        "Мария",
        "éjemplo",
        "X",
        "-",
        "'t Ejemplo",
        "J.R. Sample",
        "J. R.",
        "Ma. Ejemplo",
        "Sample Jr.",
        "Sample III",
        "María de los Ejemplos de la Muestra",
        "Sample-Ejemplo",
        "St. John-Sample",
        "J.R.R. Ejemplo",
        "J.R",
        "Dr. Ma. Sample",
        "María del Carmen de los Ejemplos",
    ],
)
def test_names_are_taken_as_they_are_written(name: str) -> None:
    assert parse_request(read_document(documents.counselor(first_name=name))).first_name == name


@pytest.mark.parametrize(
    "name",
    [
        "sample@example.com",
        "www.example.com",
        "example.com",
        "https://example.com",
        "Call 505-555-0100",
        "Ana; Berta",
        "Your account is closed. Call us",
        "Sample, your account",
        "Win!",
        "=1+1",
        "--",
        "-Ana",
        "Ana-",
        ".",
        "A" * 61,
        "a/b",
        "x.com",
        "X.Com",
        "t.co",
        "a.b.com",
        "x.com.",
        "x.com y.com",
        "J.Sample",
        "Dr. No. Pay. Now.",
        "Certified By The State Of New Mexico",
        "Certified by the state of New Mexico",
        "Certified-By-The-State Of New Mexico",
    ],
)
def test_an_address_or_a_sentence_is_no_name(name: str) -> None:
    assert refused(documents.counselor(first_name=name)) == ["first_name"]


def test_names_have_one_space_between_their_words() -> None:
    request = parse_request(documents.broker(first_name=" Testa   Prueba ", last_name="de\u00a0la  Muestra"))
    assert (request.first_name, request.last_name) == ("Testa Prueba", "de la Muestra")


def test_who_has_one_name_alone_is_shown_by_it() -> None:
    request = parse_request(read_document(documents.counselor(first_name="-", last_name="Ejemplo")))
    assert StoredRequest.model_validate(request.model_dump(mode="json")).name == "Ejemplo"
    assert refused(documents.counselor(first_name="-", last_name="-")) == ["last_name"]


@pytest.mark.parametrize("name", ["李", "🌵", "7", "\u202eatseT", "\u200b"])
def test_names_a_certificate_cannot_show_are_refused(name: str) -> None:
    assert refused(documents.counselor(last_name=name)) == ["last_name"]


@pytest.mark.parametrize(
    "written", ["0012345678", " 012345678", "12345678", "1234-5678", "12 345 678", "012\u00a0345\u2011678"]
)
def test_p20_an_npn_is_kept_as_its_digits_however_it_is_written(written: str) -> None:
    request = parse_request(documents.broker(npn=written, email="a.broker@example.com"))
    assert request.model_dump()["npn"] == "12345678"


@pytest.mark.parametrize("state", ["AA", "AE", "AP", "FM", "MH", "PW", "pr"])
def test_p21_an_address_may_be_with_the_armed_forces_or_in_a_freely_associated_state(state: str) -> None:
    address = {"line1": "PSC 1 Box 1", "city": "APO", "state": state, "postal_code": "09012"}
    request = parse_request(documents.counselor(physical_address=address))
    assert request.physical_address.state == state.upper()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("09012", "09012"),
        ("87501 1234", "87501-1234"),
        ("875011234", "87501-1234"),
        ("87501-1234", "87501-1234"),
    ],
)
def test_p21_a_zip_code_has_a_hyphen_a_space_or_nothing_between_its_parts(written: str, kept: str) -> None:
    address = documents.counselor()["physical_address"] | {"postal_code": written}
    assert parse_request(documents.counselor(physical_address=address)).physical_address.postal_code == kept


@pytest.mark.parametrize("phone", ["505-555-0142 x123", "505-555-0142 ext. 123", "+52 33 3333 0000"])
def test_p21_a_phone_number_may_have_an_extension(phone: str) -> None:
    assert parse_request(documents.counselor(phone=phone)).phone == phone


def test_p22_an_address_has_its_domain_in_ascii_and_other_letters_before_it_where_mail_carries_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert parse_request(documents.counselor(email="ana@ejemplo.méx")).email == "ana@ejemplo.xn--mx-bja"
    assert list_faults(parse_request, documents.counselor(email="josé@example.org")) == [
        Fault("email", "email_letters")
    ]
    monkeypatch.setattr(MAIL_ROUTE, "carries_letters", True)
    assert parse_request(documents.counselor(email="josé@example.org")).email == "josé@example.org"
    assert parse_request(documents.counselor(email="josé@ejemplo.méx")).email == "josé@ejemplo.xn--mx-bja"
    assert parse_request(documents.counselor(email="jose\u0301@example.org")).email == "josé@example.org", (
        "one spelling"
    )
    assert list_faults(parse_request, documents.counselor(email="jo sé@example.org")) == [Fault("email", "email")]
