"""Notices sent by SMTP from a real database are kept as they were sent, without the secrets of their links."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import SQLModel, select

from activities.notices import NoticesActivities
from activities.sent_mail import LEFT_OUT
from adapters.holidays import list_days_off
from adapters.http import Unavailable
from adapters.mail import Mailer
from db.case_state import list_rows, load_snapshot
from db.engine import Database
from db.reads.own_pages import read_activation
from db.reads.status import read_status
from db.tables import AuditRow, EffectRow, LinkRow, SentMail
from db.writes.cases import end_case, record_facts
from db.writes.links import ACTIVATION, use_activation_link
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import ABOUT_ADVERSE_ACTIONS, ABOUT_APPEALS, AUTHORITY_NOTICES, FAREWELLS, Notice
from domain.shared.cases.review_times import find_review_day
from domain.shared.ids import hash_token
from domain.shared.policy import find_local_date
from domain.state.policies import POLICIES
from templates.dates import format_day
from templates.letters import NoticeRenderer
from tests.support import documents
from tests.support.opening import open_case
from tests.support.postbox import Postbox

KEY = b"a test's key"
NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
NOTICES = Path(__file__).parents[2] / "templates" / "notices"
PDF = b"%PDF-1.7 sample"
DAYS = {"notice_date": "2026-11-02", "last_day": "2026-12-02"}
SUSPENDED = {
    "suspension_id": "s1",
    "cause": "suspended_by_staff",
    "decided_by": "staff:rita",
    "notice_date": "2026-11-02",
}
# That the agency didn't decide, the free copy, and the right to dispute.
FINAL = {
    "en": ("did not make this decision", "Within 60 days", "free of charge", "the right to dispute"),
    "es": ("no tomó esta decisión", "Durante los próximos 60 días", "sin costo", "derecho a disputar"),
}
TAG = re.compile(r"<[^>]*>")
LINK = re.compile(r"/activate/([^\s\"<]+)")
# Those about what these cases have not, a certificate, a course, an appeal say; no link of theirs has a secret.
WITHOUT_LINKS = {
    *AUTHORITY_NOTICES,
    *ABOUT_APPEALS,
    *ABOUT_ADVERSE_ACTIONS,
    Notice.CERTIFICATE_CORRECTED,
    Notice.CERTIFICATE_ISSUED,
    Notice.MARKETPLACE_CERTIFICATE,
    Notice.MARKETPLACE_ENROLLED,
    Notice.HELP_DESK,
}


@dataclass
class Office:
    """The activities that send, the mail server they send to, and their database."""

    database: Database
    certificates: Path
    port: int
    postbox: Postbox
    at: datetime = field(default=NOW)

    @property
    def notices(self) -> NoticesActivities:
        mailer = Mailer("127.0.0.1", self.port, None, None, False, "certification@example.org")
        web, portal, lms, mlms = (f"https://{name}.example.org" for name in ("certify", "portal", "lms", "mlms"))
        return NoticesActivities(
            mailer, NoticeRenderer(NOTICES), self.database, self.certificates, web, portal, lms, mlms, list_days_off
        )

    async def open(self, document: dict[str, Any]) -> str:
        """A case of a request of either program; its id."""
        return (await open_case(self.database, KEY, document, NOW)).case_id

    async def send(self, case_id: str, notice: Notice, occurrence: int = 0, about: str = "") -> None:
        letter = Letter(case_id=case_id, at=self.at, notice=notice, occurrence=occurrence, about=about)
        await self.notices.send_notice(letter)

    async def all(self, table: type[SQLModel]) -> list[Any]:
        return await self.database.read(list_rows, select(table))

    async def kept(self) -> list[SentMail]:
        return sorted(await self.all(SentMail), key=lambda mail: mail.key)


@pytest_asyncio.fixture
async def office(migrated_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    """An empty database and a mail server."""
    database, postbox = Database(migrated_url), Postbox()
    async with postbox.listening() as port:
        yield Office(database, tmp_path, port, postbox)
    await database.close()


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def test_a_mail_is_kept_as_it_was_sent(office: Office) -> None:
    request = documents.counselor()
    case_id = await office.open(request)
    await office.send(case_id, Notice.LMS_INVITATION)
    (message,) = office.postbox.messages()
    (mail,) = await office.kept()
    assert (mail.case_id, mail.notice, mail.language) == (case_id, "lms_invitation", "es")
    assert mail.recipient == request["email"] == message["To"]
    assert mail.subject == message["Subject"]
    assert mail.message_id == message["Message-ID"].strip()
    assert mail.text.strip() == part(message, "plain").strip()
    assert mail.html.strip() == part(message, "html").strip()
    assert mail.attachments == []
    assert NOW < mail.sent_at <= datetime.now(UTC)
    (effect,) = await office.all(EffectRow)
    assert effect.key == mail.key
    assert effect.result is not None


async def test_a_request_that_is_late_or_decided_is_promised_no_day(office: Office) -> None:
    at = office.at = datetime.now(UTC)
    fresh, late = [
        (await open_case(office.database, KEY, documents.broker(), at - timedelta(days=days))).case_id
        for days in (0, 30)
    ]
    await office.send(fresh, Notice.REQUEST_RECEIVED)
    await office.send(late, Notice.REQUEST_RECEIVED)
    decided = {"verdict": "approve", "by": "staff", "reason": "Fine.", "override": None, "round": 0}
    facts = [
        Fact(id="screened", kind=FactKind.SCREENED, at=at, data={"round": 0, "findings": []}),
        Fact(id="decided", kind=FactKind.DECIDED, at=at, data=decided),
    ]
    assert await office.database.write(record_facts, fresh, facts, at, "test")
    await office.send(fresh, Notice.REQUEST_RECEIVED, 1)
    by = f"by {format_day('en', find_review_day(POLICIES['bewellnm', 2024], at, list_days_off))}"
    texts = [" ".join(part(message, "plain").split()) for message in office.postbox.messages()]
    assert [(by in text, "As a rule" in text) for text in texts] == [(True, True), (False, False), (False, False)]


async def test_the_names_of_what_is_attached_are_kept_and_not_the_files(office: Office) -> None:
    case_id = await office.open(documents.broker())
    digest, number = sha256(PDF).hexdigest(), "NM24-7Q4K2-M2XDA-9RTWB-B6HCD"
    (office.certificates / f"{digest}.pdf").write_bytes(PDF)
    shown = {"number": number, "issued_at": NOW.isoformat(), "valid_until": None, "sha256": digest}
    issued = Fact(id="certificate", kind=FactKind.CERTIFICATE_ISSUED, at=NOW, data=shown)
    assert await office.database.write(record_facts, case_id, [issued], NOW, "test")
    await office.send(case_id, Notice.CERTIFICATE_ISSUED)
    (mail,) = await office.kept()
    assert mail.attachments == [f"certificate-{number}.pdf"]
    (message,) = office.postbox.messages()
    assert [one.get_content() for one in message.iter_attachments()] == [PDF]


async def test_e5_a_letter_says_until_when_its_decision_can_be_appealed(office: Office) -> None:
    """By the policy's clock, in the reader's language; a suspension's also whether it waits meanwhile."""
    spanish, english = await office.open(documents.broker(language="es")), await office.open(documents.broker())
    denied = {"verdict": "deny", "by": "staff:rita", "reason": "A sample reason.", "override": None, "round": 0}
    suspended = {"suspension_id": "s1", "cause": "suspended_by_staff", "reason": "A sample reason."}
    suspended |= {
        "decided_by": "staff:rita",
        "notice_date": find_local_date(POLICIES["bewellnm", 2024], NOW).isoformat(),
    }
    for case_id, kind, data in (
        (spanish, FactKind.DECIDED, denied),
        (english, FactKind.AUTHORITY_SUSPENDED, suspended),
        (english, FactKind.REVOKED, {"by": "staff:rita", "reason": "A sample reason."}),
    ):
        fact = Fact(id=f"{case_id}:{kind}", kind=kind, at=NOW, data=data)
        assert await office.database.write(record_facts, case_id, [fact], NOW, "test")
        notice = {FactKind.DECIDED: Notice.DENIED, FactKind.REVOKED: Notice.REVOKED}.get(kind)
        await office.send(case_id, notice or Notice.AUTHORITY_SUSPENDED, about="" if notice else "s1")
    last = find_local_date(POLICIES["bewellnm", 2024], NOW) + timedelta(days=60)
    texts = {mail.notice: " ".join(mail.text.split()) for mail in await office.kept()}
    in_english = f"you can appeal against it on your own pages until {format_day('en', last)}"
    assert f"puede apelarla en sus páginas hasta el {format_day('es', last)}" in texts["denied"]
    assert in_english in texts["revoked"]
    assert in_english in texts["authority_suspended"]
    assert "the suspension does not count: you may help consumers as before" in texts["authority_suspended"]
    assert "does not count" not in texts["revoked"]


TOLD: tuple[tuple[FactKind, dict[str, Any], Notice], ...] = (
    (FactKind.DECIDED, {"verdict": "deny", "round": 0}, Notice.DENIED),
    (FactKind.DECIDED, {"verdict": "ask", "round": 0}, Notice.INFORMATION_NEEDED),
    (FactKind.ADVERSE_ACTION_BEGUN, {"number": 1}, Notice.ADVERSE_ACTION_BEGUN),
    (FactKind.WITHDRAWN, {}, Notice.WITHDRAWN),
    (FactKind.REVOKED, {}, Notice.REVOKED),
    (FactKind.TERMINATED, {}, Notice.TERMINATED),
    (FactKind.AUTHORITY_SUSPENDED, SUSPENDED, Notice.AUTHORITY_SUSPENDED),
    (FactKind.AUTHORITY_RESTORED, {"suspension_id": "s1", "cause": "suspended_by_staff"}, Notice.AUTHORITY_RESTORED),
    (FactKind.TERMINATION_NOTICED, DAYS, Notice.TERMINATION_NOTICED),
    (FactKind.TERMINATION_TAKEN_BACK, {}, Notice.TERMINATION_TAKEN_BACK),
)


async def test_letters_tell_a_reason_in_the_assister_s_language_or_mark_it_as_in_another(office: Office) -> None:
    """Each letter in which staff give a reason; a sentence in English isn't Spanish to a screen reader either."""
    wordings = ({"told": "Una muestra."}, {"written_in": "en"})
    for (kind, data, notice), wording in product(TOLD, wordings):
        case_id = await office.open(documents.counselor())
        given = {"by": "staff:rita", "reason": "A sample.", **data, **wording}
        facts = [
            Fact(id=f"{case_id}:reported", kind=FactKind.BACKGROUND_REPORTED, at=NOW, data={"result": "consider"}),
            Fact(id=f"{case_id}:{kind}", kind=kind, at=NOW, data=given),
        ]
        assert await office.database.write(record_facts, case_id, facts, NOW, "test")
        await office.send(case_id, notice, about="1")
        message = office.postbox.messages()[-1]
        text, html = part(message, "plain"), " ".join(part(message, "html").split())
        words = wording.get("told", "A sample.")
        assert f"> {words}\n" in text, notice
        assert words in html
        is_marked = "written_in" in wording
        assert ("(en inglés, tal como se escribió)" in " ".join(text.split())) is is_marked, notice
        assert ('<blockquote class="quote" lang="en"' in html) is is_marked, notice


async def test_no_secret_of_a_link_is_kept(office: Office) -> None:
    """Every notice, in both programs and twice; the secrets are those that the mails themselves carried."""
    for document in (documents.counselor(), documents.broker(), documents.registration(), documents.trainee()):
        case_id = await office.open(document)
        federal = document["program"] == "ffm"
        for notice in set(Notice) - WITHOUT_LINKS:
            of_federal = notice.startswith("marketplace_") or notice is Notice.PORTAL_RECOVERY
            of_both = notice in {Notice.REMINDER, *FAREWELLS} - {Notice.DENIED}
            if of_both or of_federal == federal:
                waiting_for = (await office.database.read(load_snapshot, case_id)).case.waiting_for
                for occurrence in (0, 1):
                    about = "2026-12-31:30" if notice is Notice.LICENSE_EXPIRING else f"{waiting_for}:2026-11-02"
                    await office.send(case_id, notice, occurrence, about)
    messages = office.postbox.messages()
    carried = {
        secret for message in messages for kind in ("plain", "html") for secret in LINK.findall(part(message, kind))
    }
    links = {row.token_hash for row in await office.all(LinkRow)}
    assert {hash_token(secret) for secret in carried} <= links
    assert len(carried) >= 2
    mails = await office.kept()
    assert len(mails) == len(messages)
    everything = "\n".join(str(mail.model_dump()) for mail in mails)
    assert [secret for secret in carried if secret in everything] == []
    # They were left out, and nothing else was.
    assert {secret for mail in mails for secret in LINK.findall(mail.text + mail.html)} == {LEFT_OUT}
    by_id = {message["Message-ID"].strip(): message for message in messages}
    for mail in mails:
        sent = part(by_id[mail.message_id], "plain")
        for secret in carried:
            sent = sent.replace(secret, LEFT_OUT)
        assert mail.text.strip() == sent.strip()


async def test_a_notice_sent_again_has_a_row_of_its_own(office: Office) -> None:
    case_id = await office.open(documents.broker())
    for about in ("", "command-1", "command-2"):
        await office.send(case_id, Notice.REQUEST_RECEIVED, about=about)
    first, *others = mails = await office.kept()
    assert len({mail.message_id for mail in mails}) == 3
    assert {mail.text for mail in others} == {first.text}
    # The same order once more is no other letter.
    await office.send(case_id, Notice.REQUEST_RECEIVED, about="command-1")
    assert len(await office.kept()) == len(office.postbox.messages()) == 3


async def test_what_did_not_go_out_is_not_kept(office: Office) -> None:
    case_id = await office.open(documents.broker())
    office.postbox.on_data = "451 try later"
    with pytest.raises(Unavailable):
        await office.send(case_id, Notice.REQUEST_RECEIVED)
    assert await office.kept() == []
    office.postbox.on_data = "550 no such mailbox"
    await office.send(case_id, Notice.REQUEST_RECEIVED)
    assert await office.kept() == []
    (effect,) = await office.all(EffectRow)
    assert effect.result == {"notice": "request_received", "refused": "mail_refused"}


async def test_what_went_out_is_kept_though_the_case_ended_meanwhile(office: Office) -> None:
    case_id = await office.open(documents.broker())

    async def ends() -> None:
        await office.database.write(end_case, case_id, FactKind.CLOSED, NOW)

    office.postbox.meanwhile = ends
    await office.send(case_id, Notice.LMS_INVITATION)
    (mail,) = await office.kept()
    assert mail.notice == "lms_invitation"


# letters that an outage holds up


async def link_to(office: Office, purpose: str) -> LinkRow:
    found: list[LinkRow] = [row for row in await office.all(LinkRow) if row.purpose == purpose]
    return found[0]


async def held_up(office: Office, case_id: str, notice: Notice, ordered_at: datetime) -> datetime:
    """A letter ordered at this time, first tried then, and sent now; when the mail server took mail again."""
    office.at = ordered_at
    office.postbox.on_data = "451 try later"
    with pytest.raises(Unavailable):
        await office.send(case_id, notice)
    office.postbox.on_data = ""
    up_at = datetime.now(UTC)
    await office.send(case_id, notice)
    return up_at


async def test_a_letter_held_up_is_dated_by_its_sending(office: Office) -> None:
    case_id = await office.open(documents.broker())
    up_at = await held_up(office, case_id, Notice.REQUEST_RECEIVED, datetime.now(UTC) - timedelta(hours=3))
    (mail,), (effect,) = await office.kept(), await office.all(EffectRow)
    (audited,) = [row for row in await office.all(AuditRow) if row.action == "notice.request_received"]
    assert effect.intended_at < up_at
    for at in (mail.sent_at, effect.done_at, audited.at):
        assert up_at <= at <= datetime.now(UTC)


async def reported_adversely(office: Office, **changes: Any) -> str:
    """A counselor's case whose report counts against them, and of which notice is to be given."""
    case_id = await office.open(documents.counselor(**changes))
    told: dict[FactKind, dict[str, Any]] = {
        FactKind.BACKGROUND_REPORTED: {"result": "consider"},
        FactKind.ADVERSE_ACTION_BEGUN: {"number": 1, "by": "staff:riley", "reason": "an entry of 2022"},
    }
    facts = [Fact(id=f"{case_id}:{kind}", kind=kind, at=NOW, data=data) for kind, data in told.items()]
    assert await office.database.write(record_facts, case_id, facts, NOW, "test")
    return case_id


async def shown_days(office: Office, case_id: str) -> tuple[str, str | None, str | None]:
    shown = (await office.database.read(read_status, case_id, office.at))["adverse_action"]
    return shown["status"], shown["notice_date"], shown["last_day"]


async def test_e8_the_days_before_a_denial_run_from_when_the_mail_server_takes_the_notice(office: Office) -> None:
    """It is down from a Monday to a Friday: the letter says the days that both sides are shown, and gives each."""
    case_id = await reported_adversely(office)
    office.at, office.postbox.on_data = datetime(2031, 3, 3, 17, tzinfo=UTC), "451 try later"
    for _ in range(2):
        with pytest.raises(Unavailable):
            await office.send(case_id, Notice.ADVERSE_ACTION_BEGUN, about="1")
    assert await shown_days(office, case_id) == ("noticing", None, None)
    office.at, office.postbox.on_data = datetime(2031, 3, 7, 17, tzinfo=UTC), ""
    await office.send(case_id, Notice.ADVERSE_ACTION_BEGUN, about="1")
    days = date(2031, 3, 7), date(2031, 3, 14)
    assert await shown_days(office, case_id) == ("waiting", *map(str, days))
    text = " ".join(part(office.postbox.messages()[0], "plain").split())
    assert [format_day("es", day) in text for day in days] == [True, True]
    office.at = datetime(2031, 3, 12, 17, tzinfo=UTC)
    await office.send(case_id, Notice.ADVERSE_ACTION_BEGUN, about="command-1")
    assert await shown_days(office, case_id) == ("waiting", *map(str, days)), "sent again it begins nothing"
    actions = [row.action for row in await office.all(AuditRow)]
    assert actions.count("adverse_action.noticed") == 1


@pytest.mark.parametrize("language", ["en", "es"])
async def test_e8_the_final_notice_names_who_made_the_report_and_the_rights(office: Office, language: str) -> None:
    """Its name, address and phone, that it didn't decide, a free copy within 60 days, and the right to dispute."""
    case_id = await reported_adversely(office, language=language)
    denied = {"verdict": "deny", "by": "staff:riley", "reason": "an entry of 2022", "round": 0}
    told = Fact(id=f"{case_id}:decided", kind=FactKind.DECIDED, at=NOW, data=denied)
    assert await office.database.write(record_facts, case_id, [told], NOW, "test")
    await office.send(case_id, Notice.ADVERSE_ACTION_FINAL, about="1")
    agency = (await office.database.read(load_snapshot, case_id)).state_policy.report_agency
    assert agency is not None
    (message,) = office.postbox.messages()
    for kind in ("plain", "html"):
        text = " ".join(unescape(TAG.sub(" ", part(message, kind))).replace("> ", "").split())
        said = [agency.name, agency.address, agency.phone, "an entry of 2022", *FINAL[language]]
        said += [line for line in agency.summary_of_rights[language].splitlines() if line.strip()]
        assert [one for one in said if one not in text] == []


async def test_e8_a_notice_that_is_refused_begins_no_days_and_one_of_nothing_open_is_not_sent(office: Office) -> None:
    case_id = await reported_adversely(office)
    office.postbox.on_data = "550 no such mailbox"
    await office.send(case_id, Notice.ADVERSE_ACTION_BEGUN, about="1")
    assert await shown_days(office, case_id) == ("noticing", None, None)
    office.postbox.on_data = ""
    effect = await office.notices.send_notice(
        Letter(case_id=case_id, at=NOW, notice=Notice.ADVERSE_ACTION_BEGUN, about="command-1")
    )
    assert effect.adverse_action is not None, "sent again, to an address that takes it"
    assert ((await shown_days(office, case_id))[0], effect.adverse_action.version) == ("waiting", 2)
    over = await reported_adversely(office)
    clear = Fact(id="clear", kind=FactKind.BACKGROUND_REPORTED, at=NOW + timedelta(days=1), data={"result": "clear"})
    assert await office.database.write(record_facts, over, [clear], NOW, "test")
    await office.send(over, Notice.ADVERSE_ACTION_BEGUN, about="1")
    assert [mail.case_id for mail in await office.kept()] == [case_id]


async def test_a28_a_link_held_up_for_eight_days_of_mail_trouble_lives_from_its_sending(office: Office) -> None:
    case_id = await office.open(documents.counselor())
    up_at = await held_up(office, case_id, Notice.PORTAL_ACTIVATION, datetime.now(UTC) - timedelta(days=8))
    link = await link_to(office, ACTIVATION)
    assert link.expires_at >= up_at + timedelta(days=7)
    assert link.voided_at is None


async def test_a28_the_link_that_was_kept_at_the_first_attempt_is_renewed_by_the_last(office: Office) -> None:
    """The first attempt was eight days ago: the link kept then has expired by now."""
    case_id = await office.open(documents.counselor())
    up_at = await held_up(office, case_id, Notice.PORTAL_ACTIVATION, datetime.now(UTC))
    link = await link_to(office, ACTIVATION)
    assert link.created_at < up_at <= link.expires_at - timedelta(days=7)


async def test_d6_a_letter_that_came_twice_has_two_random_links_of_which_one_can_be_used(office: Office) -> None:
    """The mail server took the first letter, and its answer was lost: nobody knows which of the two is read."""
    case_id = await office.open(documents.counselor())

    async def lose_answer() -> None:
        office.postbox.on_data = "451 try later"

    office.postbox.meanwhile = lose_answer
    with pytest.raises(Unavailable):
        await office.send(case_id, Notice.PORTAL_ACTIVATION)
    office.postbox.meanwhile, office.postbox.on_data = None, ""
    await office.send(case_id, Notice.PORTAL_ACTIVATION)
    messages = office.postbox.messages()
    assert len({message["Message-ID"] for message in messages}) == 1
    secrets = [LINK.findall(part(message, "plain"))[0] for message in messages]
    assert len(set(secrets)) == len(secrets) == 2
    now = datetime.now(UTC)
    used = [await office.database.write(use_activation_link, secret, now) for secret in secrets]
    assert [one is not None for one in used] == [True, False]
    assert [state for state, _ in [await office.database.read(read_activation, one, now) for one in secrets]] == [
        "used",
        "used",
    ]


async def test_a28_the_next_letter_voids_the_links_of_the_one_before(office: Office) -> None:
    case_id = await office.open(documents.counselor())
    for occurrence in (0, 1):
        await office.send(case_id, Notice.PORTAL_ACTIVATION, occurrence)
    first, second = (LINK.findall(part(message, "plain"))[0] for message in office.postbox.messages())
    now = datetime.now(UTC)
    states = [await office.database.read(read_activation, secret, now) for secret in (first, second)]
    assert [state for state, _ in states] == ["void", "ready"]


async def test_a28_a_letter_that_was_sent_renews_its_link_no_more(office: Office) -> None:
    case_id = await office.open(documents.counselor())
    await office.send(case_id, Notice.PORTAL_ACTIVATION)
    before = (await link_to(office, ACTIVATION)).expires_at
    await office.send(case_id, Notice.PORTAL_ACTIVATION)
    assert (await link_to(office, ACTIVATION)).expires_at == before


async def test_a_reminder_of_what_was_done_meanwhile_is_neither_sent_nor_intended(office: Office) -> None:
    case_id = await office.open(documents.broker())
    await office.send(case_id, Notice.REMINDER, about="exam_pass:2026-11-02")
    assert (office.postbox.messages(), await office.all(EffectRow), await office.all(LinkRow)) == ([], [], [])
