"""Every notice in both languages, to everybody who gets it: whole, one line of subject, one contact (A31, B2)."""

import html
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from html.parser import HTMLParser
from itertools import product

import pytest
from jinja2 import UndefinedError

from domain.shared.cases.notices import TOPIC, TOPIC_OF_WAITING, Notice, Topic, find_topic
from domain.shared.codes import CodePurpose
from domain.shared.request_answers import RequestAnswer
from templates.letters import COLUMNS, NoticeRenderer, RenderedNotice
from tests.support.checks import check_each
from tests.templates.contexts import (
    AWAITED,
    BOTH,
    CONTACTS,
    FEDERAL_AWAITED,
    HELP_DESK,
    KINDS,
    LANGUAGES,
    LINKS,
    PHONE,
    PORTALS,
    READERS,
    ROLES,
    TEMPLATES,
    TRAINING,
)
from web.gallery.samples import (
    ACTIVATION_URL,
    FIND_LOCAL_HELP_URL,
    LISTED_URL,
    NOTICES,
    NUMBER,
    OWN_URL,
    PORTAL_URL,
    REFERENCE,
    TRACKER_URL,
    VERIFY_URL,
    build_notice_values,
)

LETTERS = NoticeRenderer(TEMPLATES / "notices")
# The help desk is written to in English; everything else goes to an assister, in their language.
TO_ASSISTERS = [notice for notice in Notice if notice is not Notice.HELP_DESK]
EVERY_NOTICE = [
    *((notice, language, kind) for notice in TO_ASSISTERS for language in LANGUAGES for kind in READERS[notice]),
    (Notice.HELP_DESK, "en", "marketplace_agent_broker"),
]
NO_DEADLINE = {"en": "There is no deadline", "es": "No hay fecha límite"}


class Reader(HTMLParser):
    """Reads an e-mail as a mail program would: its words, its links, and whether the tags match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.opened: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.source = source
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.opened.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.opened[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def letter(notice: Notice, language: str, kind: str | None = None, **values: object) -> RenderedNotice:
    kind = kind or ("broker" if "broker" in READERS[notice] else "marketplace_agent_broker")
    return LETTERS.render_notice(notice, language, build_notice_values(notice, language, kind, **values))


@pytest.mark.parametrize(
    ("addressed_as", "dear"),
    [("", "Estimado(a)"), ("neutral", "Estimado(a)"), ("feminine", "Estimada"), ("masculine", "Estimado")],
)
def test_b2_a_letter_in_spanish_addresses_its_reader_as_they_wish(addressed_as: str, dear: str) -> None:
    values = build_notice_values(Notice.ACTIVE, "es", "broker")
    rendered = LETTERS.render_notice(Notice.ACTIVE, "es", values, addressed_as)
    assert rendered.text.startswith(f"{dear} {values['first_name']}:")
    assert f"{dear} {values['first_name']}:" in html.unescape(rendered.html)
    english = {**values, "language": "en"}
    assert LETTERS.render_notice(Notice.ACTIVE, "en", english, addressed_as).text.startswith("Dear ")


def contacts_in(text: str) -> set[str]:
    return {contact for contact in (PHONE, PORTALS, TRAINING, HELP_DESK) if contact in text}


def contact_of(topic: Topic) -> set[str]:
    return {value for value in (CONTACTS[topic]["phone"], CONTACTS[topic]["email"]) if value}


@dataclass(frozen=True)
class Letter:
    """A notice to a kind of reader in a language, rendered and read once."""

    notice: Notice
    language: str
    kind: str

    def __str__(self) -> str:
        return f"{self.notice} to {self.kind} ({self.language})"

    @cached_property
    def rendered(self) -> RenderedNotice:
        return letter(self.notice, self.language, self.kind)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.rendered.html)


def shows_the_contact_of_its_topic_and_no_other(one: Letter) -> None:
    awaited = FEDERAL_AWAITED if one.kind in ROLES else AWAITED
    for waiting_for in awaited if one.notice is Notice.REMINDER else ("decision",):
        rendered = letter(one.notice, one.language, one.kind, waiting_for=waiting_for)
        expected = {HELP_DESK} if one.kind in ROLES else contact_of(find_topic(one.notice, waiting_for))
        if one.notice is Notice.HELP_DESK:
            expected = set()
        assert contacts_in(rendered.text) == expected, waiting_for
        assert contacts_in(rendered.html) == expected, waiting_for


def has_one_short_line_as_its_subject(one: Letter) -> None:
    subject = one.rendered.subject
    assert subject
    assert len(subject.splitlines()) == 1
    assert len(subject) <= 78


def has_every_link_in_both_parts_and_bare_in_the_text(one: Letter) -> None:
    for link in {*LINKS[one.notice], *(link for link in one.reader.links if link.startswith("http"))}:
        assert link in one.rendered.text.splitlines()
        assert link in one.reader.links
        assert link in one.reader.text


def has_whole_html_that_needs_no_image(one: Letter) -> None:
    names = [tag for tag, _ in one.reader.tags]
    assert one.reader.opened == []
    assert ("html", {"lang": one.language, "dir": "ltr"}) in one.reader.tags
    assert names.count("title") == names.count("h1") == 1
    assert not {"img", "script", "link", "base", "form", "iframe"} & set(names)
    assert not re.search(r"url\(|@import|src=|background=", one.reader.source)


def says_the_same_in_text_and_html(one: Letter) -> None:
    """Every sentence of the text part is in the HTML, but for links and what introduces them."""
    shown = _letters_only(one.reader.text)
    paragraphs = re.split(r"\n\n|\n(?=- |> |\d\. |https)", one.rendered.text)
    lost = [paragraph for paragraph in paragraphs if _letters_only(paragraph) not in shown]
    assert len(lost) <= 2, lost


def has_wrapped_text(one: Letter) -> None:
    for line in one.rendered.text.splitlines():
        assert len(line) <= COLUMNS or line.startswith("http"), line
        assert line == line.rstrip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_leads_back_to_ones_own_pages_and_carries_the_number_of_its_case(language: str) -> None:
    """Of both programs, in each variant of the gallery; the marketplace's help desk has no such pages."""
    samples = [one for one in NOTICES if one.notice is not Notice.HELP_DESK]
    assert {one.program for one in samples} == {"bewellnm", "ffm"}
    assert {one.notice for one in samples} == set(TO_ASSISTERS)
    lost = []
    for one in samples:
        rendered = LETTERS.render_notice(one.notice, language, one.build_values(language))
        reader = Reader(rendered.html)
        leads = OWN_URL in rendered.text.splitlines() and OWN_URL in reader.links
        if not (leads and REFERENCE in rendered.text and REFERENCE in reader.text):
            lost.append(f"{one.notice} {one.name}")
    assert lost == []


@pytest.mark.parametrize(("language", "kind"), [*product(LANGUAGES, ["broker", "enrollment_counselor"])])
def test_who_sent_a_request_is_told_within_what_time_it_is_decided_and_not_once_that_is_over(
    language: str, kind: str
) -> None:
    span = {"en": "As a rule within 5 business days", "es": "Por lo general, en un plazo de 5 días laborables"}[
        language
    ]
    day = {"en": "by March 12, 2024", "es": "12 de marzo de 2024"}[language]
    for is_told, changes in ((True, {}), (False, {"review": None})):
        rendered = letter(Notice.REQUEST_RECEIVED, language, kind, **changes)
        for text in (" ".join(rendered.text.split()), Reader(rendered.html).text):
            assert (span in text) == is_told
            assert (day in text) == (is_told and kind == "broker")


def differs_from_english(one: Letter) -> None:
    english, spanish = letter(one.notice, "en", one.kind), one.rendered
    assert english.subject != spanish.subject
    shared = {line for line in english.text.splitlines() if line} & set(spanish.text.splitlines())
    values = ("http", "> ", "- ")  # links, somebody's words, the policy's words
    assert not [line for line in shared if not line.startswith(values) and line.strip() != HELP_DESK]


CHECKS = (
    shows_the_contact_of_its_topic_and_no_other,
    has_one_short_line_as_its_subject,
    has_every_link_in_both_parts_and_bare_in_the_text,
    has_whole_html_that_needs_no_image,
    says_the_same_in_text_and_html,
    has_wrapped_text,
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a31_b2_every_notice_stands_every_check(language: str) -> None:
    checks = CHECKS if language == "en" else (*CHECKS, differs_from_english)
    letters = [Letter(*one) for one in EVERY_NOTICE if one[1] == language]
    assert len(letters) > 50
    check_each(letters, checks)


@pytest.mark.parametrize(
    ("language", "kind", "waiting_for"),
    [*product(LANGUAGES, ["broker"], AWAITED), *product(LANGUAGES, ROLES, FEDERAL_AWAITED)],
)
def test_a_reminder_says_what_is_waited_for_and_that_there_is_no_deadline(
    language: str, kind: str, waiting_for: str
) -> None:
    rendered = letter(Notice.REMINDER, language, kind, waiting_for=waiting_for)
    assert NO_DEADLINE[language] in rendered.text
    assert NO_DEADLINE[language] in rendered.html
    others = {*AWAITED, *FEDERAL_AWAITED} - {waiting_for}
    assert rendered.text not in [letter(Notice.REMINDER, language, kind, waiting_for=other).text for other in others]


@pytest.mark.parametrize(("notice", "language", "role"), [*product(sorted(BOTH), LANGUAGES, ROLES)])
def test_a_federal_registration_is_not_called_a_certification_of_the_exchange(
    notice: Notice, language: str, role: str
) -> None:
    rendered = letter(notice, language, role, waiting_for="marketplace_training")
    for part in (rendered.subject, rendered.text, Reader(rendered.html).text):
        assert not re.search("beWellnm|certification|certificación", part, re.IGNORECASE)
        assert {"en": "Marketplace", "es": "Mercado"}[language] in part


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_no_agent_or_broker_is_told_of_no_list_to_appear_in(language: str) -> None:
    for notice in (Notice.MARKETPLACE_CERTIFICATE, Notice.MARKETPLACE_ACTIVE):
        assert "Not an Agent Broker" in letter(notice, language, "not_an_agent_broker").text
        assert "Not an Agent Broker" not in letter(notice, language, "marketplace_agent_broker").text
    for url in (TRACKER_URL, LISTED_URL, FIND_LOCAL_HELP_URL):
        assert url not in letter(Notice.MARKETPLACE_ACTIVE, language, "not_an_agent_broker").text
        assert url in letter(Notice.MARKETPLACE_ACTIVE, language, "marketplace_agent_broker").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_automatic_enrolment_speaks_of_the_year_before(language: str) -> None:
    automatic, added = (
        letter(Notice.MARKETPLACE_ENROLLED, language, automatic=automatic, curriculum="shop").text
        for automatic in (True, False)
    )
    word = {"en": "automatically", "es": "automáticamente"}[language]
    assert word in automatic
    assert word not in added
    assert {"en": "SHOP curriculum", "es": "Plan de estudios de SHOP"}[language] in added


def test_the_help_desk_is_told_the_facts_in_the_time_of_the_east() -> None:
    text = " ".join(letter(Notice.HELP_DESK, "en").text.split())
    for fact in (
        "Testa Broker",
        "1234567",
        "Individual Market: completed on March 5, 2024",
        "by March 8, 2024",
    ):
        assert fact in text
    assert "We looked on March 11, 2024, 12:00 PM EDT" in text


def test_every_notice_has_a_topic_and_its_templates() -> None:
    assert {*TOPIC, Notice.REMINDER} == set(Notice)
    named = {
        f"{notice}.{ending}"
        for notice in (*Notice, "one_time_code", "request_answer", "address_changed")
        for ending in ("subject.txt", "txt", "html")
    }
    shared = {"base.html", "base.txt", "parts.html", "_words.jinja", "_awaited.jinja"}
    assert {file.name for file in (TEMPLATES / "notices").iterdir()} == named | shared


def test_a_reminder_takes_the_topic_of_what_is_waited_for() -> None:
    assert find_topic("reminder", "background_check") is Topic.GENERAL
    assert find_topic("reminder", "exam_pass") is Topic.TRAINING
    assert find_topic("reminder", "scheduling_tool") is Topic.PORTALS
    assert find_topic("reminder", None) is Topic.GENERAL
    assert {find_topic("reminder", waited) for waited in TOPIC_OF_WAITING} == set(Topic)


@pytest.mark.parametrize("language", LANGUAGES)
def test_agents_and_brokers_are_sent_to_the_broker_portal_with_their_certificate_number(language: str) -> None:
    for kind in ("agent", "broker"):
        rendered = letter(Notice.CERTIFICATE_ISSUED, language, kind)
        assert PORTAL_URL in rendered.text
        assert NUMBER in rendered.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_counselor_is_told_not_to_register_alone(language: str) -> None:
    text = letter(Notice.CERTIFICATE_ISSUED, language, "enrollment_counselor").text
    assert PORTAL_URL not in text
    assert {"en": "do not register", "es": "no se registre"}[language] in " ".join(text.split())


@pytest.mark.parametrize(("language", "kind"), [*product(LANGUAGES, KINDS)])
def test_whoever_already_has_a_portal_account_is_not_told_to_register(language: str, kind: str) -> None:
    rendered = letter(Notice.CERTIFICATE_ISSUED, language, kind, has_portal_account=True)
    assert PORTAL_URL not in rendered.text + rendered.html
    assert {"en": "You already have a portal account", "es": "Ya tiene una cuenta"}[language] in rendered.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_without_an_end_shows_none(language: str) -> None:
    certificate = {
        "number": NUMBER,
        "issued_on": date(2024, 3, 5),
        "valid_until": None,
        "verify_url": VERIFY_URL,
    }
    rendered = letter(Notice.CERTIFICATE_ISSUED, language, certificate=certificate)
    for part in (rendered.text, rendered.html):
        assert {"en": "Valid until", "es": "Válido hasta"}[language] not in part
        assert "None" not in part


@pytest.mark.parametrize(("language", "kind"), [*product(LANGUAGES, KINDS)])
def test_a_returning_assister_has_nothing_left_to_do_in_the_portal(language: str, kind: str) -> None:
    text = letter(Notice.CERTIFICATE_ISSUED, language, kind, has_portal_account=True, portal_ready=True).text
    assert PORTAL_URL not in text
    assert {"en": "nothing left for you to do", "es": "No tiene nada pendiente"}[language] in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_referrals_are_for_counselors(language: str) -> None:
    referral = {"en": "a tax professional", "es": "un profesional de impuestos"}[language]
    assert referral in letter(Notice.ACTIVE, language, "enrollment_counselor").text
    assert referral not in letter(Notice.ACTIVE, language, "broker").text


@pytest.mark.parametrize(
    ("notice", "language"), [*product((Notice.DENIED, Notice.WITHDRAWN, Notice.REVOKED), LANGUAGES)]
)
def test_a_reason_is_left_out_where_there_is_none(notice: Notice, language: str) -> None:
    for reason in (None, ""):
        rendered = letter(notice, language, reason=reason)
        assert "> " not in rendered.text
        assert "None" not in rendered.text
        assert "<blockquote" not in rendered.html


def test_dates_are_written_as_the_language_writes_them() -> None:
    assert "Issued: March 5, 2024" in letter(Notice.CERTIFICATE_ISSUED, "en").text
    assert "Fecha de emisión: 5 de marzo de 2024" in letter(Notice.CERTIFICATE_ISSUED, "es").text


def test_moments_are_given_in_the_time_of_new_mexico() -> None:
    just_past_midnight_utc = datetime(2024, 3, 13, 0, 30, tzinfo=UTC)
    english = letter(Notice.PORTAL_ACTIVATION, "en", activation_expires=just_past_midnight_utc).text
    spanish = letter(Notice.PORTAL_ACTIVATION, "es", activation_expires=just_past_midnight_utc).text
    assert ACTIVATION_URL in english
    assert "March 12, 2024, 6:30 PM MDT" in " ".join(english.split())
    assert "12 de marzo de 2024, 6:30 p.m. MDT" in " ".join(spanish.split())


def test_values_are_escaped_in_html_and_only_there() -> None:
    rendered = letter(Notice.DENIED, "en", reason="<b>Not</b> active & expired", first_name="Testa & <i>Co</i>")
    assert "> <b>Not</b> active & expired" in rendered.text
    assert "Dear Testa & <i>Co</i>," in rendered.text
    assert "&lt;b&gt;Not&lt;/b&gt; active &amp; expired" in rendered.html
    assert "<i>" not in rendered.html


def test_a_line_break_in_a_value_adds_no_header() -> None:
    rendered = letter(Notice.ACTIVE, "en", plan_year="2024\r\nBcc: everybody@example.com\u2028\x00")
    assert rendered.subject == "You may begin helping consumers for plan year 2024 Bcc: everybody@example.com"


def test_the_lines_of_a_question_are_kept() -> None:
    rendered = letter(Notice.INFORMATION_NEEDED, "en", question="First line\n\nSecond line")
    assert "> First line\n>\n> Second line" in rendered.text
    assert "First line<br>" in rendered.html


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["What they ask about:", "New Mexico license number", "Phone number"]),
        ("es", ["Sobre qué preguntan:", "Número de licencia de Nuevo México", "Número de teléfono"]),
    ],
)
def test_a_question_names_the_fields_it_is_about_as_the_form_does(language: str, said: list[str]) -> None:
    rendered = letter(Notice.INFORMATION_NEEDED, language, asked=("license_number", "phone"))
    for part in (rendered.text, rendered.html):
        assert all(one in part for one in said)
    assert said[0] not in letter(Notice.INFORMATION_NEEDED, language).text, "all fields are open then"


@pytest.mark.parametrize("notice", Notice)
def test_a_missing_value_is_an_error(notice: Notice) -> None:
    values = build_notice_values(notice, "en", READERS[notice][-1])
    for missing in ("first_name", "program") if notice is Notice.HELP_DESK else ("first_name", "contact", "program"):
        with pytest.raises(UndefinedError):
            LETTERS.render_notice(notice, "en", {name: value for name, value in values.items() if name != missing})


def _letters_only(text: str) -> str:
    return re.sub(r"^\d\.|\W", "", html.unescape(text))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", list(CodePurpose))
def test_d1_the_letter_with_a_code_has_fixed_words_and_the_code_alone_on_a_line(purpose: str, language: str) -> None:
    contact = CONTACTS[Topic.GENERAL]
    values = {"program": "bewellnm", "code": "012345", "minutes": 10, "purpose": purpose, "contact": contact}
    values["own_url"] = OWN_URL
    rendered = LETTERS.render_notice("one_time_code", language, values)
    assert "012345" in rendered.text.splitlines()
    assert "012345" in Reader(rendered.html).text
    assert "012345" not in rendered.subject
    other = LETTERS.render_notice("one_time_code", language, {**values, "code": "987654"})
    assert other.text.replace("987654", "012345") == rendered.text
    assert Reader(rendered.html).opened == []
    assert PHONE in rendered.text
    assert (OWN_URL in rendered.text.splitlines(), OWN_URL in Reader(rendered.html).links) == (True, True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("program", ["bewellnm", "ffm"])
@pytest.mark.parametrize("answer", [RequestAnswer.REPEATED, RequestAnswer.REFUSED, RequestAnswer.CONFLICT])
def test_d4_the_answer_to_a_request_says_what_became_of_it_and_leads_to_ones_own_pages(
    answer: RequestAnswer, program: str, language: str
) -> None:
    values = {
        "program": program,
        "plan_year": 2024,
        "answer": answer,
        "problems": ["Said of the scope.", "Said of the window."],
        "contact": CONTACTS[Topic.GENERAL],
        "own_url": OWN_URL,
        "reference": REFERENCE if answer is RequestAnswer.REPEATED else None,  # where there is a case
    }
    rendered = LETTERS.render_notice("request_answer", language, values)
    reader = Reader(rendered.html)
    for text in (rendered.text, reader.text):
        assert ("Said of the scope." in text) == (answer is RequestAnswer.REFUSED)
        assert OWN_URL in text
        assert (REFERENCE in text) == (values["reference"] is not None)
    assert OWN_URL in rendered.text.splitlines()
    assert "2024" in rendered.subject
    assert reader.opened == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("program", ["bewellnm", "ffm"])
def test_d6_the_old_address_is_told_in_fixed_words_and_not_what_the_new_one_is(program: str, language: str) -> None:
    values = {
        "program": program,
        "plan_year": 2024,
        "answer": RequestAnswer.ADDRESS_CHANGED,
        "problems": [],
        "contact": CONTACTS[Topic.GENERAL],
        "own_url": OWN_URL,
    }
    rendered = LETTERS.render_notice("address_changed", language, values)
    reader = Reader(rendered.html)
    for text in (rendered.text, reader.text):
        assert PHONE in text
        assert OWN_URL not in text, "codes go to this address no more"
    assert reader.opened == []
