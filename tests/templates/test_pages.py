"""What single pages say: answers kept, faults named, steps in order; test_every_page.py has what all have to stand."""

import re
from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

import pytest

from domain.federal.markets import Curriculum, Market, MarketplaceAgreement, Role
from domain.federal.profile import NPN_FIELDS
from domain.shared.assister import Kind
from domain.shared.cases.notices import TOPIC_OF_WAITING, Topic
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.documents.fields import STATES
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.policies import POLICIES
from domain.state.request import list_fields
from templates import labels
from templates.exchange import find_footer_links
from templates.states import list_states, name_state
from tests.templates import contexts, request
from tests.templates.contexts import (
    ANSWERS,
    AWAITED,
    CONTACTS,
    KINDS,
    LANGUAGES,
)
from tests.templates.pages import EVERY_PAGE
from tests.templates.rendered import Reader, page
from web.http.addresses import set_language
from web.http.environments import format_share
from web.public.request.steps import list_steps

ENDS = ("denied", "withdrawn", "revoked", "terminated", "closed", "suspended", "under_appeal")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_switch_keeps_the_page(language: str) -> None:
    other = "es" if language == "en" else "en"
    switch = [link for link in Reader(page("request", language)).of("a") if "hreflang" in link]
    assert switch == [{"href": f"/request?plan_year=2024&lang={other}", "lang": other, "hreflang": other}]


def test_an_address_in_another_language_keeps_its_query() -> None:
    assert set_language("/request?plan_year=2024&lang=en", "es") == "/request?plan_year=2024&lang=es"
    assert (
        set_language("https://certify.example.org/status/0a#now", "es")
        == "https://certify.example.org/status/0a?lang=es#now"
    )


@pytest.mark.parametrize(("language", "kind"), [*product(LANGUAGES, KINDS)])
def test_each_step_names_every_fault_twice_and_keeps_the_answers(language: str, kind: str) -> None:
    for step in list_steps({"kind": kind}):
        source = page(f"{step.slug}, {kind}, True", language)
        reader = Reader(source)
        for field in request.ids(step):
            assert len(re.findall(rf"Fault of {field}(?![\w.])", reader.text)) == 2, field
        shown = {
            attributes["name"] or "": attributes["value"]
            for attributes in reader.of("input")
            if attributes.get("type") not in {"hidden", "radio", "checkbox"} or "checked" in attributes
        }
        chosen = [option["value"] for option in reader.of("option") if "selected" in option]
        assert chosen == ["" if one["name"] == "addressed_as" else "NM" for one in reader.of("select")]
        kept = {**ANSWERS, "insurers.0": "Sample Health", "insurers.1": "Example Care"}
        assert shown == {name: kept[name] for name in shown}
        assert shown or step.slug == "kind"
        assert "<b>" not in source


def test_the_steps_ask_for_every_field_of_a_request() -> None:
    for kind in KINDS:
        asked = [Reader(page(f"{step.slug}, {kind}, False", "en")) for step in list_steps({"kind": kind})]
        fields = [attributes for reader in asked for attributes in (*reader.of("input"), *reader.of("select"))]
        names = {attributes["name"] or "" for attributes in fields}
        by_hand = {"program", "plan_year", "license_state"}
        assert {name.partition(".")[0] for name in names} >= list_fields(kind) - by_hand
        address = {f"physical_address.{part}" for part in contexts.ADDRESS}
        assert names >= address


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_form_offers_what_the_kind_may_correct(kind: str) -> None:
    reader = Reader(page(f"question, {kind}, False", "en"))
    names = {attributes["name"] for attributes in (*reader.of("input"), *reader.of("select"))}
    of_licensed = {"license_number", "npn", "business_address.state"}
    of_counselors = {"employer.name", "background_check_consent"}
    assert {"first_name", "last_name", "email", "phone", "physical_address.state"} <= names
    assert names & (of_licensed | of_counselors) == (of_counselors if kind == "enrollment_counselor" else of_licensed)


def test_an_npn_can_be_looked_up_from_every_form_that_asks_for_it() -> None:
    for name in ("license, broker, False", "question, broker, False", "profile, npn, good"):
        assert "https://registry.example.org/npn" in _list_links(name, "en"), name
    for name in ("register, npn, good", "profile, npn, faulty"):
        assert "Where do I find my NPN?" in page(name, "en"), name
    assert "Where do I find my NPN?" not in page("question, enrollment_counselor, False", "en")


def test_p21_every_state_of_an_address_has_a_name_in_each_language() -> None:
    for language in LANGUAGES:
        listed = [one for group in list_states(language).values() for one in group]
        assert sorted(code for code, _ in listed) == sorted(STATES)
        assert len({name for _, name in listed}) == len(listed)
    assert [code for code, _ in list_states("es")["states"]][-6:] == ["VT", "VA", "WV", "WA", "WI", "WY"]
    spanish = [name for _, name in list_states("es")["states"]]
    assert spanish.index("Oklahoma") < spanish.index("Oregón") < spanish.index("Pensilvania")
    assert (name_state("es", "NM"), name_state("en", "??")) == ("Nuevo México", "??")


def test_e14_the_status_page_says_until_when_the_training_is_to_be_complete() -> None:
    said = {how: Reader(page(f"status, deadline {how}", "en")).text for how in contexts.DEADLINES}
    assert "pass the final exam by June 3, 2024" in said["to come"]
    assert "There is no deadline" not in " ".join(said.values())
    assert "your certification has lapsed. It has not failed" in said["lapsed"]
    assert "by June 3, 2026, and it goes on where it stood" in said["lapsed"]
    assert "not complete by June 3, 2026, so your certification is closed for good" in said["closed"]
    assert "There is no deadline" in Reader(page("status, waiting for course_completion, broker", "en")).text


def test_the_summary_names_the_field_of_each_fault_unless_its_sentence_does() -> None:
    def summary(name: str) -> str:
        return page(name, "en").split('id="summary"')[1].split("</ul>")[0]

    assert "Business address, State: Fault of business_address.state" in summary("question, broker, True")
    assert "Insurance companies you represent: Fault of insurers.1" in summary("question, broker, True")
    assert '<a href="#first_name">First name: Fault of first_name</a>' in summary("name, broker, True")
    assert '<a href="#last_name">Fault of last_name</a>' in summary("name, broker, True")
    assert '<a href="/request/name#x">Business address, State: Fault of it</a>' in summary("check, refused")


def test_a_certificate_page_shows_what_the_interface_promises() -> None:
    text = Reader(page("certificate, valid", "en")).text
    for value in (
        "NM24-7Q4K-M2XD-9RTW-B6HC",
        "This certificate is valid",
        "Testa Broker",
        "Broker",
        "2024",
        "March 5, 2024",
    ):
        assert value in text


def test_e2_a_valid_certificate_says_where_its_holder_may_not_assist_at_present() -> None:
    text = Reader(page("certificate of one who may not assist", "en")).text
    assert "This certificate is valid" in text
    assert "Its holder may not assist at present" in text
    assert "may not assist" not in Reader(page("certificate, valid", "en")).text


def test_a23_a24_a_certificate_s_page_says_that_the_portal_account_isn_t_ready() -> None:
    text = Reader(page("certificate of one whose portal account isn't ready", "en")).text
    assert "They may help consumers once their portal account is ready." in text
    assert "may not assist at present" not in text


def test_e4_one_s_own_page_says_until_when_and_what_to_do() -> None:
    for own in ("status", "home"):
        assert "June 3, 2024" in Reader(page(f"{own}, suspended, until a day", "en")).text
        assert "A complaint & its check" in Reader(page(f"{own}, suspended, until a day", "en")).text
        assert "Please have it renewed" in Reader(page(f"{own}, suspended, license lapsed", "en")).text
        assert "Please contact us" in Reader(page(f"{own}, suspended, without a term", "en")).text
        assert "April 4, 2024" in Reader(page(f"{own}, to be terminated", "en")).text


def test_e7_one_s_own_page_says_what_one_may_do_while_a_suspension_is_appealed() -> None:
    for own in ("status", "home"):
        text = Reader(page(f"{own}, suspension waits", "en")).text
        assert "While your appeal against it is under way this suspension does not count." in text
    assert "you may help consumers as before" in Reader(page("own, appeal of a suspension", "en")).text
    assert "It was over before we decided" in Reader(page("own, appeal overtaken", "en")).text


def test_e13_p27_a_certificate_of_a_year_past_is_never_called_valid_today() -> None:
    text = Reader(page("certificate for trying", "en")).text
    assert "This certificate is for trying only" in text
    assert "It is not valid today." in text
    assert "2024 (has ended)" in text
    assert "This certificate is valid" not in text


@pytest.mark.parametrize("name", ["certificate without an end", "status, certificate without an end"])
def test_a_certificate_without_an_end_shows_none(name: str) -> None:
    assert "Valid until" not in page(name, "en")


def test_the_form_asks_agents_and_brokers_for_the_agreement_and_counselors_only_if_they_like() -> None:
    for kind in KINDS:
        text = Reader(page(f"agreement, {kind}, False", "en")).text
        assert ("you need not" in text) == (kind == "enrollment_counselor")
        assert ("Agents and brokers need to accept the agreement." in text) == (kind != "enrollment_counselor")


def test_each_status_of_a_certificate_reads_differently() -> None:
    states = ("valid", "superseded", "withdrawn", "revoked", "expired", "unproven", None)
    pages = [page(f"certificate, {state}", "en") for state in states]
    headings = {re.findall(r"<h2[^>]*>([^<]*)</h2>", source)[0] for source in pages}
    assert len(headings) == len(states)


def test_a_certificate_s_page_has_an_address_to_share_without_scripts() -> None:
    address = "https://certify.example.org/certificates/NM24-7Q4K-M2XD-9RTW-B6HC"
    for language, said in (("en", "Certificate%20NM24"), ("es", "Certificado%20NM24")):
        links = _list_links("certificate, valid", language)
        assert address in links
        (mail,) = [link for link in links if link.startswith("mailto:?")]
        assert (said in mail, quote(address, safe="/") in mail) == (True, True)
    assert "mailto:?" not in page("certificate, None", "en")


def test_every_page_leads_to_the_notices_of_its_own_exchange() -> None:
    for name, program in (("own", "bewellnm"), ("registered", "ffm"), ("certificate, valid", "bewellnm")):
        for language in LANGUAGES:
            links = find_footer_links(program, language)
            assert list(links) == ["privacy", "accessibility", "nondiscrimination"]
            assert set(links.values()) <= set(_list_links(name, language)), name


def test_the_certificate_s_owner_is_told_that_the_portal_is_still_to_come() -> None:
    said = "You may help consumers once your portal account is ready."
    assert said in Reader(page("status, certificate before the portal", "en")).text
    assert said not in Reader(page("status, may assist", "en")).text


def _list_links(name: str, language: str) -> list[str]:
    return [attributes["href"] or "" for attributes in Reader(page(name, language)).of("a")]


def test_the_status_page_says_what_to_do_now() -> None:
    told = [_now(f"status, waiting for {waiting_for}, broker") for waiting_for in (*AWAITED, "portal_account", None)]
    told += [_now(f"status, {stage}") for stage in ENDS]
    assert len(told) == len(set(told))
    assert "80%" in _now("status, waiting for exam_pass, broker")


def test_the_steps_are_done_next_or_later() -> None:
    steps = [
        attributes
        for attributes in Reader(page("status, waiting for exam_pass, broker", "en")).of("li")
        if "class" in attributes
    ]
    assert [step["class"] for step in steps] == ["done"] * 3 + ["next"] + ["later"] * 3
    assert [step.get("aria-current") for step in steps] == [None] * 3 + ["step"] + [None] * 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_a_registration_names_its_person(language: str) -> None:
    """The frame's own variables don't stand in for a page's."""
    names = re.findall(
        r"<dd>(Testa Broker)</dd>", page("home, waiting for publication, marketplace_agent_broker", language)
    )
    assert len(names) == 1


def test_referrals_are_for_counselors() -> None:
    assert "Social Security" in page("resources, enrollment_counselor", "en")
    assert "Social Security" not in page("resources, broker", "en")


def test_only_a_ready_link_can_be_confirmed() -> None:
    forms = {name: Reader(source).of("form") for name, source in _activations()}
    assert [name for name, form in forms.items() if form] == ["activate, ready"]


def test_every_value_has_a_label() -> None:
    assert set(labels.KINDS) == {*Kind, *Role}
    assert set(labels.PROGRAMS) == {program for program, _ in POLICIES} | {FEDERAL_PROGRAM}
    assert set(labels.STAGES) == set(Stage)
    assert set(labels.WAITING_FOR) == set(TOPIC_OF_WAITING) == set(WaitingFor)
    assert set(labels.MARKETS) == set(Market)
    assert set(labels.CURRICULA) == set(Curriculum)
    assert set(labels.AGREEMENTS) == set(MarketplaceAgreement)
    assert set(NPN_FIELDS) <= set(labels.FIELDS)
    assert set(CONTACTS) == set(Topic)


def test_a_pass_mark_is_not_rounded() -> None:
    assert format_share("en", "0.80") == "80%"
    assert format_share("en", "0.7999") == "79.99%"


def _activations() -> Iterator[tuple[str, str]]:
    return ((name, page(name, "en")) for name in EVERY_PAGE if name.startswith("activate"))


def _now(name: str) -> str:
    found = re.search(r'<h2 class="[^"]*" id="now">.*?</div>', page(name, "en"), re.DOTALL)
    assert found
    return " ".join(Reader(found[0].removesuffix("</div>")).text.split())
