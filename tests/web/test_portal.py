"""The portal of the federal program as a browser meets it, over the real database, without scripts (B3–B17)."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pytest
import time_machine
from sqlmodel import col, select

from db.case_state import list_rows
from db.own_tables import AnswerRow, CodeRow
from db.tables import CertificateRow, CommandRow, FactRow
from db.writes.cases import record_facts
from db.writes.drafts import begin_draft
from db.writes.effects import EffectResult, complete_effect, intend_effect
from db.writes.federal.profiles import save_profile
from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import Curriculum, FederalList, Market, MarketplaceAgreement, NpnStatus, list_agreements
from domain.federal.profile import parse_registration
from domain.programs.imports import parse_import
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CurriculumOrder
from domain.shared.documents.faults import Fault
from templates.catalogs import translate
from tests.support import documents, federal_form, form
from tests.support.browser import Browser, Page
from tests.support.federal_form import form_of
from tests.support.form import place, press
from tests.support.registrations import Desk
from tests.support.tables import add_rows
from tests.templates.rendered import Reader
from tests.web.house import PDF, House
from tests.web.test_pages import answers, read
from web.marketplace.request import DRAFTS

HELP = "FFMProducer-AssisterHelpDesk@cms.hhs.gov"
TAB = "Marketplace Training – Agent Broker"
ROLES = {"marketplace_agent_broker", "not_an_agent_broker"}
AGENT_ONLY = ("npn", "business_npn", "web_entity_npn", "business_contact")


class Visitor:
    """Somebody with a registration, in a browser; what a worker would do is done by hand."""

    def __init__(self, house: House, case_id: str, link: str, document: dict[str, Any]) -> None:
        self.house = house
        self.case_id = case_id
        self.link = link
        self.document = document
        self.desk = Desk(house.database, house.services.settings.identity_key_bytes)

    async def get(self, path: str = "", language: str = "en") -> httpx2.Response:
        return await self.house.browser.get(f"{self.link}{path}", params={"lang": language})

    async def post(self, path: str, language: str = "en", **form: str) -> httpx2.Response:
        return await self.house.post(f"{self.link}{path}?lang={language}", form)

    async def home(self, language: str = "en") -> Reader:
        return read(await self.get(language=language))

    async def groups(self, language: str = "en") -> dict[str, Reader]:
        """The steps of the profile by their addresses, as they are shown."""
        there = f"{self.link}/profile/"
        found = dict.fromkeys(re.findall(rf'href="{there}([a-z-]+)\?', (await self.get("/profile", language)).text))
        return {slug: Reader((await self.get(f"/profile/{slug}", language)).text) for slug in found}

    async def form(self, language: str = "en") -> dict[str, str]:
        """The profile's fields as they are shown, ready to be posted again."""
        return {name: text for reader in (await self.groups(language)).values() for name, text in _own(reader).items()}

    async def filled(self, language: str = "en", **changes: str) -> None:
        """Changes posted at their steps, those that follow from the role after it."""
        left = dict(changes)
        while left:
            groups = await self.groups(language)
            slug, fields = next((slug, _own(reader)) for slug, reader in groups.items() if _own(reader).keys() & left)
            mine = {name: left.pop(name) for name in fields.keys() & left}
            kept = await self.house.post(f"{self.link}/profile/{slug}?lang={language}", {**fields, **mine})
            assert kept.status_code == 303

    async def submitted(self, step: str, language: str = "en", **changes: str) -> httpx2.Response:
        """Changes posted at their steps, then the profile by one of its buttons, with the box ticked."""
        verified = changes.pop("verified", "true")
        await self.filled(language, **changes)
        return await self.post("/profile", language, verified=verified, step=step)

    async def work(self, npn: NpnStatus = NpnStatus.VERIFIED, *faults: Fault) -> list[str]:
        """What the worker does with profiles that wait; the outcomes."""
        pending = await self.house.database.read(
            list_rows, select(CommandRow).where(col(CommandRow.state) == "pending")
        )
        at = datetime.now(UTC)
        saves = [row for row in pending if row.kind == "save_profile"]
        return [
            (await self.desk.database.write(save_profile, self.desk.key, row.id, npn, faults, {}, at)).outcome
            for row in saves
        ]

    async def profiled(self, npn: NpnStatus = NpnStatus.VERIFIED) -> None:
        """A profile that is saved and completed, by the page's own buttons."""
        await self.begun()
        assert (await self.submitted("save")).status_code == 303
        assert await self.work(npn) == ["applied"]
        assert (await self.submitted("next")).status_code == 303

    async def begun(self) -> None:
        await self.record(FactKind.BEGUN)

    async def record(self, kind: FactKind, **data: Any) -> None:
        at = datetime.now(UTC)
        assert await self.desk.database.write(
            record_facts, self.case_id, [Fact(id=str(uuid4()), kind=kind, at=at, data=data)], at, "t"
        )

    async def trained(self, *curricula: Curriculum, channel: str = "mlms") -> None:
        for curriculum in curricula:
            done = await self.post("/training", curriculum=curriculum.value, channel=channel)
            assert done.status_code == 303
            await self.record(FactKind.COURSE_COMPLETED, curriculum=curriculum.value, channel=channel)

    async def agreed(self, *names: MarketplaceAgreement) -> None:
        for name in names:
            page = read(await self.post(f"/agreements/{name}/open"))
            done = await self.post(f"/agreements/{name}/accept", sha256=hidden(page)["sha256"])
            assert done.status_code == 303

    async def certified(self, market: Market = Market.INDIVIDUAL) -> str:
        """What the worker does once a market is complete; the certificate's number."""
        at, number = datetime.now(UTC), f"FM24-{market.upper()}"
        await self.record(FactKind.MARKET_COMPLETED, market=market.value)
        shown = {"number": number, "issued_at": at.isoformat(), "valid_until": None, "sha256": "5a" * 32}
        await self.record(FactKind.CERTIFICATE_ISSUED, market=market.value, **shown)
        certificate = CertificateRow(
            number=number,
            case_id=self.case_id,
            market=market.value,
            issued_at=at,
            sha256="5a" * 32,
            uri=f"{market}.pdf",
        )
        await self.house.database.write(add_rows, certificate)
        folder = self.house.services.settings.certificates_dir
        folder.mkdir(exist_ok=True)
        (folder / f"{market}.pdf").write_bytes(PDF)
        return number

    async def facts(self, kind: FactKind) -> list[dict[str, Any]]:
        return [row.data for row in await self.house.database.read(list_rows, select(FactRow)) if row.kind == kind]


async def visitor(house: House, document: dict[str, Any] | None = None) -> Visitor:
    document = document or documents.registration()
    opened = await house.services.cases.submit_request(parse_registration(document))
    return Visitor(house, opened.case_id, await house.link(opened.case_id), document)


def fields_of(reader: Reader) -> dict[str, str]:
    """What a browser would post of a page's forms, button aside."""
    found = {}
    for field in reader.of("input"):
        boxed = field.get("type") in {"radio", "checkbox"}
        if not boxed or "checked" in field:
            found[field["name"] or ""] = field.get("value") or ""
    return found | reader.chosen | {area["name"] or "": "" for area in reader.of("textarea")}


def hidden(reader: Reader) -> dict[str, str]:
    return {field["name"] or "": field["value"] or "" for field in reader.of("input") if field.get("type") == "hidden"}


def links(reader: Reader) -> list[str]:
    return [link["href"] or "" for link in reader.of("a")]


def _own(reader: Reader) -> dict[str, str]:
    """The fields of a step; those of the frame have no name of theirs."""
    return {name: text for name, text in fields_of(reader).items() if name not in ("", "form_token")}


def at_fault(reader: Reader) -> set[str]:
    """The fields that a summary leads to, on whatever page they are."""
    found = (link.partition("#") for link in links(reader))
    return {field for path, _, field in found if field and path and not path.startswith("/me/sign-out")}


def faulty(reader: Reader) -> set[str]:
    """The fields that are marked; a group of boxes by its first."""
    tags = ("input", "select", "textarea")
    marked = {field["id"] or "" for tag in tags for field in reader.of(tag) if "aria-invalid" in field}
    groups = [group.get("aria-describedby") or "" for group in reader.of("fieldset")]
    return marked | {group.removesuffix("-error") for group in groups if group}


def steps(reader: Reader) -> list[str | None]:
    return [item["class"] for item in reader.of("li") if "class" in item]


# log-in and recovery


@pytest.mark.parametrize("path", ["/portal", "/portal/recovery"])
@pytest.mark.parametrize(
    ("language", "said"), [("en", "do not open a second account"), ("es", "No cree una cuenta duplicada")]
)
async def test_b3_the_log_in_page_guides_past_a_second_account(
    house: House, path: str, language: str, said: str
) -> None:
    answer = await house.browser.get(path, params={"lang": language})
    reader = read(answer)
    assert said in reader.text
    assert reader.forms == [{"method": "post", "action": f"/me/code?lang={language}", "novalidate": None}]
    assert f"/portal/register?lang={language}" in links(reader)
    assert HELP in answer.text


async def test_b3_a_user_id_logs_in_and_tells_nothing(house: House) -> None:
    one = await visitor(house)
    (case,) = await house.cases()
    house.browser.cookies.clear()
    seen = []
    for user_id in (f"ast_{'0' * 24}", case.assister_id):
        person = Browser(house.browser)
        await person.open("/portal")
        page = await press(person, "Send me a code", email=f" {user_id.upper()} ")
        wrong = await press(person, "Go on", code="no code")
        seen.append([(one.status, one.url, one.text.replace(user_id, "…")) for one in (page, wrong)])
        assert one.document["email"] not in page.source
    assert seen[0] == seen[1]
    page = await press(person, "Go on", code=await house.code(one.document["email"]))
    assert (page.status, place(page), case.assister_id in page.text) == (200, "/me", True)
    rows = await house.database.read(list_rows, select(CodeRow))
    assert [row.next_attempt_at for row in rows] == [None, None], "nothing is sent where there is no account"


# back from a vendor


async def test_b15_back_from_the_vendor_leads_to_the_next_step(house: House) -> None:
    one = await visitor(house)
    await one.post("/training", curriculum="individual_full", channel="vendor-a")
    launched = await one.post("/launches", curriculum="individual_full", channel="vendor-a")
    ticket = parse_qs(urlsplit(launched.headers["location"]).query)["ticket"][0]
    redeemed = await house.services.registrations.redeem_launch_ticket("vendor-a", ticket)
    back = f"/portal/return/{redeemed.learner}?lang=en"

    async def lands() -> str:
        hop = await house.browser.get(back)
        assert hop.headers["location"] == f"/me/launches/{redeemed.learner}?lang=en"
        return (await house.browser.get(hop.headers["location"])).headers["location"]

    assert await lands() == f"{one.link}/profile?back=1&lang=en"
    await one.profiled()
    assert await lands() == f"{one.link}/training?back=1&lang=en"
    waiting = read(await house.browser.get(await lands()))
    assert "has not told us yet" in waiting.text
    again = f"{one.link}/training?back=1&lang=en"
    assert again in links(waiting), "looked at again by a link, without scripts"
    assert "MST" not in waiting.text, "a page of the program has one clock"
    await one.record(FactKind.COURSE_COMPLETED, curriculum="individual_full", channel="vendor-a")
    assert await lands() == f"{one.link}/agreements/individual_general?back=1&lang=en"
    assert "Your course is complete" in read(await house.browser.get(await lands())).text
    assert (await house.browser.get(again)).headers["location"] == await lands(), "no training is left to do"
    await one.agreed(*list_agreements(Market.INDIVIDUAL))
    assert await lands() == (await house.browser.get(again)).headers["location"] == f"{one.link}?back=1&lang=en"
    await one.record(FactKind.MARKET_COMPLETED, market=Market.INDIVIDUAL.value)
    for shown in (one.link, "/me"):
        text = read(await house.browser.get(f"{shown}?lang=en")).text
        assert ("Your certificate is being made" in text, "Certificate issued" in text) == (True, False), shown

    house.browser.cookies.clear()
    page = await house.browser.get(back)
    assert "Welcome back" in read(page).text
    assert f"/me/code?next=%2Fme%2Flaunches%2F{redeemed.learner}&amp;lang=en" in page.text
    other = await visitor(house)
    for learner in (redeemed.learner, "0" * 32, "x"):
        read(await house.browser.get(f"/me/launches/{learner}"), 404)
    assert other.case_id != one.case_id


# the request to register


@pytest.mark.parametrize("language", ["en", "es"])
async def test_b6_the_request_offers_exactly_two_roles_and_two_markets(house: House, language: str) -> None:
    person = Browser(house.browser, language)
    page = await federal_form.begin(person, language=language)
    assert {"en": "Step 1: Role and markets", "es": "Paso 1: Rol y mercados"}[language] in page.text
    reader = Reader(page.source)
    assert {field["value"] for field in reader.of("input") if field["name"] == "role"} == ROLES
    boxes = {field["name"] for field in reader.of("input") if field.get("type") == "checkbox"}
    assert boxes == {"markets.individual", "markets.shop"}
    assert hidden(reader).keys() == {"form_token"}
    assert [form.buttons.keys() for form in page.forms if "form_token" in form.fields] == [
        {translate("Continue", language)}
    ]


async def register(house: House, document: dict[str, Any], language: str = "en") -> Page:
    """A request sent by the form, its address confirmed where that is asked for; the page that thanks for it."""
    page = await federal_form.send(Browser(house.browser, language), document, house.code, language=language)
    assert (page.status, place(page)) == (200, federal_form.DONE)
    return page


async def answered(house: House) -> list[tuple[str, str]]:
    """The letters that are to be sent in answer to requests: to whom, and what."""
    rows = await house.database.read(list_rows, select(AnswerRow).order_by(col(AnswerRow.asked_at)))
    return [(row.email, row.answer) for row in rows]


@pytest.mark.parametrize("document", [documents.registration(), documents.trainee(markets=["shop", "individual"])])
async def test_a_request_opens_one_registration(house: House, document: dict[str, Any]) -> None:
    first = await register(house, document)
    assert document["email"] in first.text
    (case,) = await house.cases()
    assert case.request == parse_registration(document).model_dump(mode="json", exclude_none=True)
    again = await register(house, document)
    assert form.REFERENCE.sub("…", again.text) == form.REFERENCE.sub("…", first.text)
    assert len(await house.cases()) == 1
    assert await answered(house) == [(document["email"], "repeated")]


async def test_d1_nothing_is_done_before_the_address_of_a_registration_is_confirmed(house: House) -> None:
    document, person = documents.registration(), Browser(house.browser)
    page = await federal_form.ask(person, document)
    assert (place(page), document["email"] in page.text) == (federal_form.CONFIRM, True)
    for wrong in ("", "no code"):
        assert (await press(person, "Go on", code=wrong)).status == 422
    assert (await house.cases(), await answered(house)) == ([], [])
    reader = read(await house.browser.get("/portal/register/person?change=1"))
    assert answers(reader)["first_name"] == document["first_name"]
    token = {"form_token": page.forms[-1].fields["form_token"]}
    again = await house.post("/portal/register/check?lang=en", {"email": "somebody.else@example.com", **token})
    assert again.headers["location"] == "/portal/register/confirm"
    code = {"code": await house.code(document["email"])}
    lost = await house.post("/portal/register/confirm", code)
    assert lost.headers["location"] == "/portal/register?why=expired", "a form that isn't the draft's own"
    done = await house.post("/portal/register/confirm", {**code, **token})
    assert done.headers["location"] == "/portal/register/done"
    assert len(await house.cases()) == 1
    house.browser.cookies.clear()
    for path, start in (("/confirm", "/portal/register?why=expired"), ("/done", "/portal/register")):
        assert (await house.browser.get(f"/portal/register{path}")).headers["location"] == start


async def test_a_request_without_contacts_leaves_them_to_the_profile(house: House) -> None:
    document = documents.registration()
    await register(house, {name: value for name, value in document.items() if not name.endswith("_contact")})
    assert len(await house.cases()) == 1


async def test_faults_are_shown_at_their_fields_with_the_answers_kept(house: House) -> None:
    person = Browser(house.browser, "es")
    await federal_form.begin(person, language="es")
    page = await federal_form.answer(person, role="astronaut")
    assert (page.status, faulty(Reader(page.source))) == (422, {"role", "markets"})
    assert "Elija al menos un mercado." in page.text
    assert "Este campo es obligatorio" not in page.text
    await federal_form.answer(person, role="marketplace_agent_broker", markets__shop="true")
    page = await federal_form.answer(person, first_name="Te<b>", last_name="Prueba", email="nobody", phone="12")
    reader = Reader(page.source)
    assert faulty(reader) == {"first_name", "email", "phone"}
    assert answers(reader)["first_name"] == "Te<b>"
    assert "Hay errores: Sus datos – Solicitud de registro" in reader.text
    summary = [link for link in links(reader) if link.startswith("#")]
    assert sorted(summary) == ["#email", "#first_name", "#main", "#phone"], "the skip link, and one for each field"
    later = await house.browser.get("/portal/register/npn")
    assert later.headers["location"] == "/portal/register/person", "a step whose turn has not come"
    assert await house.cases() == []


async def test_a_contact_may_be_left_to_the_profile_and_a_part_of_it_asks_for_the_rest(house: House) -> None:
    person, document = Browser(house.browser), documents.registration()
    await federal_form.begin(person)
    page = await federal_form.fill_in(person, document, until="npn")
    assert "Step 3 of 6" in page.text
    assert faulty(Reader((await federal_form.answer(person)).source)) == {"npn"}
    await federal_form.answer(person, npn=documents.new_npn())
    long = "\n".join(["x" * 200] * 3)
    page = await federal_form.answer(
        person, business_contact__address__city="Sampletown", business_contact__languages=long
    )
    missing = {"email", "phone", *(f"address.{part}" for part in ("line1", "state", "postal_code")), "languages"}
    reader = Reader(page.source)
    assert faulty(reader) == {f"business_contact.{part}" for part in missing}
    assert len([link for link in links(reader) if link.startswith("#business_contact")]) == len(missing)
    for said in ("Enter the e-mail address of your business.", "Enter the street and number.", "Enter the ZIP code."):
        assert said in reader.text
    assert "This field is required" not in reader.text
    page = await federal_form.answer(person, business_contact__address__city="", business_contact__languages="")
    assert federal_form.step_of(page) == "professional-contact"
    page = await federal_form.answer(person)
    assert federal_form.step_of(page) == "check"
    assert page.text.count("your MLMS profile asks for it") == 2


async def test_an_answer_is_changed_from_the_list_of_all(house: House) -> None:
    document, person = documents.registration(), Browser(house.browser)
    await federal_form.begin(person)
    await federal_form.fill_in(person, document)
    await person.open("/portal/register/professional-contact?change=1")
    elsewhere = {"line1": "1 Sample Street", "city": "Sampletown", "state": "NM", "postal_code": "10001"}
    given = {f"professional_contact__address__{part}": text for part, text in elsewhere.items()}
    page = await federal_form.answer(person, **given)
    assert "The ZIP code 10001 is one of New York, and the state is New Mexico." in page.text, "asked, not refused"
    assert "professional-contact?change=1#professional_contact.address.postal_code" in page.source
    npn = document["npn"]
    await person.open("/portal/register/npn?change=1")
    page = await federal_form.answer(person, npn=f" {npn[:3]}-{npn[3:5]} {npn[5:]}")
    assert (federal_form.step_of(page), npn in page.text) == ("check", True), "as it will be kept"
    await person.open("/portal/register/role?change=1")
    page = await federal_form.answer(person, role="not_an_agent_broker")
    assert (federal_form.step_of(page), "National Producer" in page.text) == ("check", False)
    await person.open("/portal/register/person?change=1")
    assert (await federal_form.answer(person, email="x")).status == 422
    assert federal_form.step_of(await federal_form.answer(person, email="new@example.com")) == "check"
    await press(person, "Send the request")
    await press(person, "Go on", code=await house.code("new@example.com"))
    (case,) = await house.cases()
    assert (case.request["email"], case.kind, "npn" in case.request) == (
        "new@example.com",
        "not_an_agent_broker",
        False,
    )


async def test_a_form_of_another_draft_is_not_taken(house: House) -> None:
    person = Browser(house.browser)
    await federal_form.begin(person)
    for token in ("", "5a" * 32):
        form = {"role": "not_an_agent_broker", "markets.shop": "true", "form_token": token}
        answer = await house.post("/portal/register/role", form)
        assert answer.headers["location"] == "/portal/register?why=expired"
    assert "You have already begun a request" in (await person.open("/portal/register")).text
    page = await press(person, "Continue with my request")
    assert federal_form.step_of(page) == "role"


async def test_a_draft_of_the_form_on_one_page_still_opens(house: House) -> None:
    """Answers that were kept by the form of before, all at once, are gone on with where they lack something."""
    every = {"professional_contact.name": "", **form_of(documents.registration())}
    document = {**every, "npn": "", "program": "ffm", "plan_year": "2024"}
    token = await house.database.write(begin_draft, document, datetime.now(UTC))
    house.browser.cookies.set(DRAFTS.name, token)
    answer = await house.browser.get("/portal/register/check")
    assert answer.headers["location"] == "/portal/register/npn"
    person = Browser(house.browser)
    await person.open("/portal/register/npn")
    assert federal_form.step_of(await federal_form.fill_in(person, documents.registration())) == "check"


async def test_b3_d4_a_second_account_is_refused_by_mail_alone(house: House) -> None:
    one, new = await visitor(house), documents.registration()
    await house.prove((await house.cases())[0].case_id)
    told = form.REFERENCE.sub("…", (await register(house, new)).text.replace(new["email"], "…"))
    for changes in ({"email": "other@example.com"}, {"npn": documents.new_npn(), "first_name": "Other"}):
        house.browser.cookies.clear()
        document = {**one.document, **changes}
        assert form.REFERENCE.sub("…", (await register(house, document)).text.replace(document["email"], "…")) == told
        assert (await answered(house))[-1] == (document["email"], "conflict")
    assert [case.flag for case in await house.cases()] == ["second_account", None]


# the links


@pytest.mark.parametrize(
    "path",
    [
        "/profile",
        "/training",
        "/agreements/individual_general",
        "/agreements/individual_general/open",
        "/certificates/individual",
    ],
)
async def test_d6_an_unknown_another_s_or_the_other_program_s_case_leads_nowhere(house: House, path: str) -> None:
    one = await visitor(house)
    state = await house.link(await house.open(documents.broker()))
    for link in ("/me/unknown", one.link, state):
        answer = await house.browser.get(link + path, headers={"accept-language": "es"})
        assert "No hay nada suyo en esta dirección" in read(answer, 404).text
        assert HELP in answer.text
    posted = path if path.endswith("/open") else "/launches" if "certificates" in path else path
    if posted.count("/") != 2:
        read(await house.post(f"/me/unknown{posted}", {"step": "save"}), 404)


async def test_the_state_program_s_links_lead_where_they_did(house: House) -> None:
    one, state = await visitor(house), await house.link(await house.open(documents.broker()))
    assert "beWellnm Assister Certification" in read(await house.browser.get(state)).text
    await house.link(one.case_id)
    assert "Marketplace Registration" in (await one.home()).text
    for path in ("/information", "/agreement"):
        read(await house.post(f"{one.link}{path}", {"message": "Hello"}), 404)


# the home


async def test_b4_the_tab_lists_the_links_and_they_lead_on(house: House) -> None:
    one = await visitor(house)
    reader = await one.home()
    assert TAB in reader.text
    assert f"Capacitación en el Mercado: Agente/corredor ({TAB})" in (await one.home("es")).text
    for text in (
        "Testa Marketagent",
        "2024",
        "MLMS Training",
        "Registration Tracker",
        "RCL",
        "Find Local Help",
    ):
        assert text in reader.text
    ours = [link for link in links(reader) if link.startswith(one.link)]
    assert {f"{one.link}{path}?lang=en" for path in ("/profile", "/training")} <= set(ours)
    for link in ours:
        read(await house.browser.get(link))
    assert f"/registry/tracker/{one.document['npn']}?plan_year=2024" in links(reader)


async def test_b4_mlms_training_leads_to_the_mlms_once_there_is_a_place(house: House) -> None:
    one = await visitor(house)
    await one.profiled()
    await one.trained(Curriculum.SHOP)
    assert f"{one.link}/training?lang=en" in _named(await one.get(), "MLMS Training")
    now, url = datetime.now(UTC), "https://mlms.example.org/learners/1/shop"
    order = CurriculumOrder(case_id=one.case_id, at=now, curriculum="shop")
    await one.desk.database.write(intend_effect, "key", order.case_id, "mlms.enrolled.shop", {}, now)
    await one.desk.database.write(complete_effect, "key", one.case_id, EffectResult({"id": "1", "url": url}), now)
    for path in ("", "/training"):
        assert _named(await one.get(path), "MLMS Training") == [url]


async def test_the_home_follows_each_market_on_its_own(house: House) -> None:
    one = await visitor(house, documents.registration(markets=["individual", "shop"]))
    assert steps(await one.home()) == ["next", "later", "later", "later"] * 2
    assert "enter everything your role needs" in (await one.home()).text
    await one.profiled()
    assert steps(await one.home()) == ["done", "next", "later", "later"] * 2
    await one.trained(Curriculum.SHOP)
    assert steps(await one.home()) == ["done", "next", "later", "later", "done", "done", "next", "later"]
    await one.agreed(*list_agreements(Market.SHOP))
    assert steps(await one.home()) == ["done", "next", "later", "later", "done", "done", "done", "next"]
    await one.certified(Market.SHOP)
    reader = await one.home()
    assert [link for link in links(reader) if "/certificates/" in link] == [
        f"{one.link}/certificates/shop",
        "/certificates/FM24-SHOP?lang=en",
    ]


async def test_b18_b19_b20_the_state_of_each_list_is_shown(house: House) -> None:
    one = await visitor(house)
    await one.profiled()
    await one.trained(Curriculum.INDIVIDUAL_FULL)
    await one.agreed(*list_agreements(Market.INDIVIDUAL))
    await one.certified()
    due = {FederalList.TRACKER: "2024-03-08", FederalList.RCL: "2024-03-08", FederalList.FIND_LOCAL_HELP: "2024-03-11"}
    await one.record(FactKind.WATCH_OPENED, market="individual", due=due)
    await one.record(FactKind.LISTED, market="individual", list="tracker")
    await one.record(FactKind.LIST_LATE, market="individual", list="rcl", due_on="2024-03-08")
    await one.record(FactKind.HELP_DESK_TOLD)
    text = (await one.home()).text
    for word in ("seen on", "Late", "Expected by March 11, 2024", "help desk", "confirm that you appear"):
        assert word in text
    for name in ("rcl", "find_local_help"):
        await one.record(FactKind.LISTED, market="individual", list=name)
    reader = await one.home()
    assert steps(reader) == ["done"] * 4
    assert "you are listed. You may help consumers" in reader.text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FactKind.WITHDRAWN, "Your registration was withdrawn"),
        (FactKind.REVOKED, "Your registration was revoked"),
        (FactKind.CLOSED, "Registration is annual"),
    ],
)
async def test_an_ended_registration_says_so_and_takes_no_step(house: House, kind: FactKind, said: str) -> None:
    one = await visitor(house)
    await one.profiled()
    reason = "" if kind is FactKind.CLOSED else "A sample reason."
    await one.record(kind, reason=reason)
    reader = await one.home()
    assert said in reader.text
    assert reason in reader.text
    assert reader.forms == []
    assert steps(reader) == ([] if kind is FactKind.WITHDRAWN else ["done", "later", "later", "later"])
    for path in ("/profile", "/training"):
        assert (await one.get(path)).headers["location"] == f"{one.link}?lang=en"
    read(await one.get("/agreements/individual_general"))
    general = "/agreements/individual_general"
    for path in ("/profile", "/training", "/launches", f"{general}/open", f"{general}/accept"):
        answer = await one.post(path, step="save", curriculum="shop", channel="mlms", sha256="")
        assert "has ended" in read(answer, 409).text


# the profile


async def test_b5_the_fields_follow_the_role(house: House) -> None:
    one = await visitor(house)
    groups = await one.groups()
    assert list(groups) == ["role", "person", "npn", "business-contact", "professional-contact"]
    required = {name for reader in groups.values() for name in _required(reader)}
    assert {"npn", "business_contact.email", "professional_contact.email"} <= required
    await one.filled(role="not_an_agent_broker", first_name="Changed")
    switched = await one.groups()
    assert list(switched) == ["role", "person", "professional-contact"]
    assert not {name for name in await one.form() if name.startswith(AGENT_ONLY)}
    assert (await one.form())["first_name"] == "Changed", "what was typed is kept"
    assert "changes that are not saved yet" in read(await one.get("/profile")).text
    assert (await house.cases())[0].request["first_name"] == "Testa", "and nothing is saved"
    assert (await one.get("/profile/npn")).status_code == 404
    await one.filled(role="marketplace_agent_broker")
    assert {name for reader in (await one.groups()).values() for name in _required(reader)} == required


async def test_b7_a_profile_leads_from_one_thing_that_is_missing_to_the_next(house: House) -> None:
    document = documents.registration()
    kept = {name: value for name, value in document.items() if not name.endswith("_contact")}
    one = await visitor(house, kept)
    page = read(await one.get("/profile"))
    assert page.text.count("Something is missing or wrong here.") == 2
    missing = await one.submitted("save")
    fields = {f"{contact}_contact.{part}" for contact in ("business", "professional") for part in ("email", "phone")}
    assert fields <= at_fault(read(missing, 422))
    assert "Enter the phone number at which consumers can reach you." in missing.text
    assert "This field is required" not in missing.text
    contact = {"email": "office@example.com", "phone": "505-555-0101"}
    address = {"line1": "1 Sample Street", "city": "Santa Fe", "state": "NM", "postal_code": "87501"}
    given = {**contact, **{f"address.{part}": text for part, text in address.items()}}
    half = {f"business_contact.{part}": text for part, text in given.items()}
    onward = await one.post("/profile/business-contact", **half)
    assert onward.headers["location"] == f"{one.link}/profile/professional-contact?lang=en"
    back = await one.post(
        "/profile/professional-contact", **{f"professional_contact.{k}": t for k, t in contact.items()}
    )
    assert back.headers["location"] == f"{one.link}/profile?lang=en"
    assert "is missing" not in read(await one.get("/profile")).text
    assert (await one.submitted("save")).status_code == 303
    assert await one.work() == ["applied"]


async def test_b7_changes_are_forgotten_once_somebody_else_has_saved_the_profile(house: House) -> None:
    one = await visitor(house)
    await one.begun()
    await one.filled(phone="505-555-0177")
    await house.services.registrations.save_profile(one.case_id, {"phone": "505-555-0166"})
    assert (await one.form())["phone"].endswith("0166")


@pytest.mark.parametrize(("language", "labels"), [
    ("en", ("Save/Update", "Next")),
    ("es", ("Guardar/Actualizar (Save/Update)", "Siguiente (Next)")),
])  # fmt: skip
async def test_b7_the_buttons_are_named_as_in_the_guide(house: House, language: str, labels: tuple[str, str]) -> None:
    one = await visitor(house)
    text = (await one.get("/profile", language)).text
    shown = dict(re.findall(r'<button class="[^"]*" name="step" value="(\w+)">([^<]*)</button>', text))
    assert (shown["save"], shown["next"]) == labels


async def test_b7_next_is_refused_before_a_valid_save(house: House) -> None:
    one = await visitor(house)
    await one.begun()
    refused = read(await one.submitted("next"), 409)
    assert "Save a valid profile first" in refused.text
    assert "primero" in read(await one.submitted("next", "es"), 409).text
    assert (await one.submitted("save")).headers["location"] == f"{one.link}/profile?saved=1&lang=en"
    assert "waiting to be saved" in read(await one.get("/profile")).text, "no worker answers"
    assert "Save a valid profile first" in read(await one.submitted("next"), 409).text
    assert await one.work() == ["applied"]
    saved = read(await house.browser.get(f"{one.link}/profile?saved=1&lang=en"))
    assert "Your profile is saved" in saved.text
    assert "Confirmed by the license registry" in saved.text
    phone = (await one.form())["phone"]
    unsaved = await one.submitted("next", phone="505-555-0199")
    assert "Save a valid profile first" in read(unsaved, 409).text, "what was changed is not saved yet"
    assert "505-555-0199" in read(unsaved, 409).text
    done = await one.submitted("next", phone=phone)
    assert (done.status_code, done.headers["location"]) == (303, f"{one.link}?told=next&lang=en")
    assert "Your MLMS profile is complete" in read(await house.browser.get(done.headers["location"])).text


async def test_b7_what_was_sent_stays_in_view_while_it_waits(house: House) -> None:
    one = await visitor(house)
    await one.begun()
    await one.submitted("save", phone="505-555-0188", addressed_as="feminine")
    assert (await one.form())["phone"] == "505-555-0188"
    assert await one.work() == ["applied"]
    assert (await one.form())["addressed_as"] == "feminine"
    assert (await one.form())["phone"] == "505-555-0188"
    (case,) = await house.cases()
    assert case.request["phone"] == "505-555-0188"


async def test_b7_role_and_contacts_have_to_be_said_to_be_right(house: House) -> None:
    one = await visitor(house)
    reader = read(await one.submitted("save", verified=""), 422)
    assert faulty(reader) == {"verified"}
    assert await one.work() == []


async def test_b7_b9_b10_every_fault_of_a_profile_is_shown_at_its_field(house: House) -> None:
    one = await visitor(house)
    form = {"npn": "", "first_name": "", "business_contact.address.state": "XX", "professional_contact.website": "x"}
    reader = read(await one.submitted("save", **form), 422)
    assert at_fault(reader) == set(form)
    at_steps = {name for group in (await one.groups()).values() for name in faulty(group)}
    assert at_steps == set(form)
    assert await one.work() == []
    two = await visitor(house)
    copied = read(await two.submitted("save", business_npn=two.document["npn"]), 422)
    assert at_fault(copied) == {"business_npn"}
    assert "deny compensation or credit" in copied.text
    assert "do not copy your own NPN" in read(await two.get("/profile/npn"), 422).text
    assert await two.work() == []


@pytest.mark.parametrize("before", [False, True], ids=["never saved", "saved before"])
async def test_b9_a_profile_the_registry_refuses_later_says_what_is_wrong(house: House, before: bool) -> None:
    one = await visitor(house)
    await one.begun()
    if before:
        await one.submitted("save")
        await one.work()
    await one.submitted("save", npn="7654321")
    assert await one.work(NpnStatus.VERIFIED, Fault("npn", "npn_of_firm")) == ["refused"]
    reader = read(await one.get("/profile"))
    assert "needs a correction" in reader.text
    assert "is a firm's" in reader.text
    assert (await one.form())["npn"] == one.document["npn"]
    await one.submitted("save")
    await one.work()
    assert "needs a correction" not in read(await one.get("/profile")).text


async def test_b9_an_npn_that_could_not_be_looked_up_is_said_to_be_unconfirmed(house: House) -> None:
    one = await visitor(house)
    await one.profiled(NpnStatus.UNVERIFIED)
    assert "could not be asked about your NPN" in (await one.home()).text
    assert "not confirmed yet" in read(await one.get("/profile")).text
    await one.record(FactKind.NPN_REFUSED, version=1, faults=[["npn", "npn_unknown"]])
    for path in ("", "/profile"):
        assert "doesn't know this NPN" in read(await one.get(path)).text


async def test_b9_who_is_not_an_agent_broker_saves_no_npn_and_no_business(house: House) -> None:
    one = await visitor(house)
    await one.begun()
    assert (await one.submitted("save", role="not_an_agent_broker")).status_code == 303
    assert await one.work(NpnStatus.NOT_REQUIRED) == ["applied"]
    (case,) = await house.cases()
    assert case.kind == "not_an_agent_broker"
    assert [name for name in AGENT_ONLY if case.request.get(name)] == []
    reader = await one.home()
    assert "you are not listed" in reader.text
    assert not [link for link in links(reader) if "/registry/" in link]


async def test_b6_a_profile_takes_only_what_belongs_to_it(house: House) -> None:
    one = await visitor(house)
    answer = await one.submitted("save", role="astronaut")
    assert 'id="summary"' in answer.text
    assert at_fault(read(answer, 422)) == {"role"}
    await one.post("/profile/role", role="marketplace_agent_broker", commission="5", **{"npn.a.b.c": "1", "npn": "1"})
    assert await one.work() == []
    assert (await one.form())["npn"] == one.document["npn"], "each step takes its own fields alone"


# the training


async def test_b11_courses_are_added_each_on_its_own(house: House) -> None:
    one = await visitor(house)
    empty = read(await one.get("/training"))
    assert "not enrolled in a course yet" in empty.text
    offered = {field["value"] for field in empty.of("input") if field["name"] == "curriculum"}
    assert offered == {"individual_full", "shop"}, "the short course is for those who return"
    for curriculum, channel in (("shop", "mlms"), ("individual_full", "vendor-b"), ("shop", "mlms")):
        done = await one.post("/training", curriculum=curriculum, channel=channel)
        assert (done.status_code, done.headers["location"]) == (303, f"{one.link}/training?enrolled=1&lang=en")
    assert len(await one.facts(FactKind.ENROLLED)) == 2
    assert "You are enrolled" in read(await house.browser.get(done.headers["location"])).text


async def test_b11_who_returns_is_enrolled_automatically(house: House) -> None:
    kept = ("first_name", "last_name", "email", "phone", "npn", "language")
    known = documents.registration()
    person = {"kind": "marketplace_agent_broker", **{name: known[name] for name in kept}}
    year = {"plan_year": 2023, "registered": True, "trained": True, "individual_market": True}
    document = {"person": person, "program": "ffm", "years": [year]}
    case_id = await _imported(house, document)
    one = Visitor(house, case_id, await house.link(case_id), {})
    reader = read(await one.get("/training"))
    assert "enrolled automatically" in reader.text
    offered = [field["value"] for field in reader.of("input") if field["name"] == "curriculum"]
    assert offered == ["individual_returning", "individual_full", "shop"]


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ({"curriculum": ""}, {"curriculum", "channel"}),
        ({"curriculum": "astronomy", "channel": "mlms"}, {"curriculum"}),
        ({"curriculum": "shop", "channel": ""}, {"channel"}),
        ({"curriculum": "shop", "channel": "vendor-c"}, {"channel"}),
        ({"curriculum": "shop", "channel": "nobody"}, {"channel"}),
    ],
)
async def test_b13_a_course_or_vendor_that_is_not_approved_is_refused(
    house: House, form: dict[str, str], fields: set[str]
) -> None:
    one = await visitor(house)
    reader = read(await one.post("/training", **form), 422)
    assert faulty(reader) == fields
    assert "vendor-" not in reader.text, "vendors go by their names"
    assert await one.facts(FactKind.ENROLLED) == []


async def test_b1_the_short_course_is_refused_to_who_does_not_return(house: House) -> None:
    one = await visitor(house)
    answer = await one.post("/training", "es", curriculum="individual_returning", channel="mlms")
    assert "agentes y corredores que regresan" in read(answer, 409).text


async def test_b14_access_training_leads_to_the_vendor_with_a_ticket(house: House) -> None:
    one = await visitor(house)
    await one.post("/training", curriculum="shop", channel="vendor-a")
    launch = {"curriculum": "shop", "channel": "vendor-a"}
    for path in ("", "/training"):
        page = await one.get(path)
        policy = page.headers["content-security-policy"]
        assert "form-action 'self' https://vendor-a.example.org;" in policy
        assert "Access Training" in page.text
        assert launch.items() <= hidden(read(page)).items()
    answer = await one.post("/launches", **launch)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://vendor-a.example.org/training-site/training?ticket=")
    assert answer.headers["cache-control"] == "no-store"
    assert len(await one.facts(FactKind.LAUNCHED)) == 1


async def test_b14_only_what_one_is_enrolled_in_is_launched(house: House) -> None:
    one = await visitor(house)
    assert "at this vendor first" in read(await one.post("/launches", curriculum="shop", channel="vendor-a"), 409).text
    for channel in ("mlms", "vendor-z", ""):
        read(await one.post("/launches", curriculum="shop", channel=channel), 422)
    read(await one.post("/launches", curriculum="astronomy", channel="vendor-a"), 422)


# the agreements


@pytest.mark.parametrize(("language", "button"), [("en", "I Agree"), ("es", "Acepto (I Agree)")])
async def test_b16_an_agreement_is_launched_read_and_accepted(house: House, language: str, button: str) -> None:
    one, name = await visitor(house), MarketplaceAgreement.INDIVIDUAL_GENERAL
    await one.profiled()
    await one.trained(Curriculum.INDIVIDUAL_FULL)
    here, text = f"/agreements/{name}", find_marketplace_agreement(name, language)
    before = await one.get(here, language)
    assert text.text.splitlines()[0] not in before.text
    assert [form["action"] for form in read(before).forms] == [f"{one.link}{here}/open?lang={language}"]

    unopened = await one.post(f"{here}/accept", language, sha256=text.sha256)
    assert {"en": "Open the agreement", "es": "Abra el Convenio"}[language] in read(unopened, 409).text

    opened = await one.post(f"{here}/open", language)
    source = opened.text
    assert hidden(read(opened)) == {"sha256": text.sha256}
    assert source.index(text.text.splitlines()[-1].split("&")[0][:40]) < source.index(f">{button}</button>")
    assert (await one.facts(FactKind.AGREEMENT_OPENED))[0]["language"] == language

    for sha256 in ("", "00" * 32):
        read(await one.post(f"{here}/accept", language, sha256=sha256), 422)
    assert await one.facts(FactKind.AGREEMENT_ACCEPTED) == []
    done = await one.post(f"{here}/accept", language, sha256=text.sha256)
    assert (done.status_code, done.headers["location"]) == (303, f"{one.link}?told=accepted&lang={language}")
    (accepted,) = await one.facts(FactKind.AGREEMENT_ACCEPTED)
    assert accepted == {"agreement": name, "version": text.version, "language": language, "sha256": text.sha256}
    after = read(await one.get(here, "es" if language == "en" else "en"))
    assert text.text.splitlines()[0] in after.text, "the text that was accepted, in its language"
    assert after.forms == []


async def test_b16_before_the_training_an_agreement_can_be_read_but_not_accepted(house: House) -> None:
    one, here = await visitor(house), "/agreements/individual_general"
    sha256 = find_marketplace_agreement(MarketplaceAgreement.INDIVIDUAL_GENERAL, "en").sha256
    for sentence, step in (("Complete your profile first", one.profiled), ("Complete the training", None)):
        reader = read(await one.post(f"{here}/open"))
        assert sentence in reader.text
        assert reader.forms == []
        assert sentence in read(await one.post(f"{here}/accept", sha256=sha256), 409).text
        if step:
            await step()


@pytest.mark.parametrize("name", ["shop_privacy_security", "moon_treaty"])
async def test_b16_an_agreement_that_does_not_apply_is_not_there(house: House, name: str) -> None:
    one = await visitor(house)
    read(await one.get(f"/agreements/{name}"), 404)
    status = 404 if name == "moon_treaty" else 409
    read(await one.post(f"/agreements/{name}/open"), status)
    read(await one.post(f"/agreements/{name}/accept", sha256="00" * 32), status)


async def test_a_browser_that_comes_back_to_a_form_s_address_launches_anew(house: House) -> None:
    one = await visitor(house)
    for path in ("open", "accept"):
        answer = await one.get(f"/agreements/individual_general/{path}")
        assert answer.headers["location"] == f"{one.link}/agreements/individual_general?lang=en"


# the certificates


async def test_b17_the_certificate_is_there_once_every_step_is_complete(house: House) -> None:
    one = await visitor(house)
    for language, said in (("en", "once every step is complete"), ("es", "todos los pasos")):
        assert said in read(await one.get("/certificates/individual", language), 404).text
    await one.profiled()
    await one.trained(Curriculum.INDIVIDUAL_FULL)
    await one.agreed(*list_agreements(Market.INDIVIDUAL))
    read(await one.get("/certificates/individual"), 404)
    number = await one.certified()
    assert f"{one.link}/certificates/individual" in _named(await one.get(), "Print Certificate(s)")
    answer = await one.get("/certificates/individual")
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="certificate-{number}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    public = (f"/certificates/{number}?lang=es", f"/registry/tracker/{one.document['npn']}?lang=es")
    seen = [await house.browser.get(path, headers={"Accept": "text/html"}) for path in public]
    assert [_named(page, "Volver a mis páginas") for page in seen] == [["/me?lang=es"]] * 2
    assert not any(one.document["email"] in page.text for page in seen), "such a page is shown to others"
    house.browser.cookies.clear()
    seen = [await house.browser.get(path, headers={"Accept": "text/html"}) for path in public]
    assert [_named(page, "Volver a mis páginas") for page in seen] == [[]] * 2
    await house.link(one.case_id)
    for market in ("shop", "moon"):
        read(await one.get(f"/certificates/{market}"), 404)
    for file in house.services.settings.certificates_dir.iterdir():
        file.unlink()
    read(await one.get("/certificates/individual"), 503)


@pytest.mark.parametrize(
    ("today", "year", "others"),
    [("2026-11-21", "2027", {"2026", "2024"}), ("2025-01-01T04:59Z", "2025", {"2024"}), ("2030-01-01", "2024", set())],
)
async def test_the_newest_open_plan_year_is_offered_and_the_others_can_be_chosen(
    house: House, today: str, year: str, others: set[str]
) -> None:
    with time_machine.travel(today, tick=True):
        answer = await house.browser.get("/portal/register")
        read(answer)
        assert f'name="plan_year" value="{year}"' in answer.text
        assert set(re.findall(r"/portal/register\?plan_year=(\d+)&amp;lang=en\">\d+</a>", answer.text)) == others
        closed = await house.browser.get("/portal/register?plan_year=2023")
        assert "has closed" in read(closed).text


async def _imported(house: House, document: dict[str, Any]) -> str:
    _, (imported,) = await house.services.imports.import_people(parse_import([document]), "staff")
    return (await house.services.cases.begin_case(imported["assister_id"], "ffm", 2024, "staff")).case_id


def _named(answer: httpx2.Response, text: str) -> list[str]:
    """Where the links of this name lead."""
    return re.findall(rf'<a href="([^"]*)"[^>]*>{re.escape(text)}</a>', answer.text)


def _required(reader: Reader) -> set[str]:
    return {field["name"] or "" for field in reader.of("input") if "required" in field}
