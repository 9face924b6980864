"""The federal program in a browser: log-in and recovery, the tab's links, and a whole life in Spanish (B2–B4, B14)."""

import asyncio
import re
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from babel.messages.pofile import read_po

from tests.support import documents, federal_form
from tests.support.browser import Browser, Page
from tests.support.marketplace import Marketplace
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
CATALOG = Path(__file__).parents[2] / "templates" / "locale" / "es" / "LC_MESSAGES" / "messages.po"
PLACE = re.compile(r"%\(\w+\)s|{\w*}|%%")


async def case_of(market: Marketplace, request: Document) -> Document:
    """The case somebody's browser has opened."""
    answer = await market.submit(request)
    assert answer.status_code == 200, answer.text
    found: Document = answer.json()
    return found


# log-in and recovery


async def test_b3_who_forgot_their_user_id_gets_it_by_e_mail_and_no_second_account(market: Marketplace) -> None:
    request = documents.registration()
    opened, stranger = await market.opened(request), "nobody.at.all@example.com"
    browser = Browser(market.http)
    for email in (stranger, request["email"]):
        await browser.open(f"{market.web}/portal")
        assert "Please do not open a second account" in browser.page.text
        code = await market.code_after(email, partial(browser.press, "Send me a code", email=email.upper()))
    told, unknown = browser.page, browser.seen[-3]
    assert told.text.replace(request["email"], stranger) == unknown.text
    page = await browser.press("Go on", code=code)
    assert page.url == f"{market.web}/me"
    assert opened["assister_id"] in page.text
    assert (await browser.follow("Open my registration of 2024")).status == 200


async def test_b3_d4_a_second_account_is_refused_by_mail_which_leads_to_ones_own_pages(market: Marketplace) -> None:
    request = documents.registration()
    await market.profiled(request)
    browser, second = Browser(market.http), f"second.{request['npn']}@example.com"
    await federal_form.ask(browser, {**request, "email": second}, market.web)
    assert await market.letters(second) == []
    page = await browser.press("Go on", code=await market.code(second))
    assert "We have your request" in page.text
    letter = await market.letter(second, lambda letter: "We could not take your request" in letter["text"])
    assert f"{market.web}/me" in letter["text"].split()
    assert request["first_name"] not in letter["text"]
    assert "There is nothing under this e-mail address" in (await browser.open(f"{market.web}/me")).text


# the tab's links


@pytest.mark.parametrize("language", ["en", "es"])
async def test_b4_the_tab_lists_every_link_and_each_leads_on(market: Marketplace, language: str) -> None:
    request = documents.registration(language=language, markets=["individual", "shop"])
    opened = await market.profiled(request)
    browser = Browser(market.http, language)
    home = await browser.open(await market.own_page(opened, request["email"]))
    assert "Marketplace Training – Agent Broker" in home.text
    training = {"en": "MLMS Training", "es": "Capacitación de MLMS"}[language]
    assert (await browser.open(named(home, training))).status == 200
    await market.completed(opened, "individual")
    await market.publish()
    ours = urlsplit(market.web).netloc
    mlms = urlsplit(market.stack["sandbox"]["mlms"]).netloc
    home = await browser.open(home.url)
    followed = []
    for label, url in home.links:
        if urlsplit(url).netloc not in (ours, mlms) or urlsplit(url).fragment:
            continue
        answer = await market.http.get(url, headers={"Accept": "text/html"}, follow_redirects=True)
        assert answer.status_code == 200, (label, url)
        followed.append(urlsplit(url).path)
    for part in (
        *("/profile", "/training", "/certificates/", "/registry/rcl.csv", f"/registry/tracker/{request['npn']}"),
        *(
            f"/agreements/{one}"
            for one in ("individual_general", "individual_privacy_security", "shop_privacy_security")
        ),
        f"/learners/{opened['case_id']}/individual_full",
    ):
        assert any(part in path for path in followed), part
    elsewhere = {urlsplit(url).netloc for _, url in home.links} - {ours, mlms}
    consumers = {"en": "www.healthcare.gov", "es": "www.cuidadodesalud.gov"}
    assert {consumers[language], "www.cms.gov"} <= elsewhere


def named(page: Page, label: str) -> str:
    """Where the link leads whose name holds this."""
    return next(url for name, url in page.links if label in name)


async def test_b4_b14_b15_b17_access_training_leads_to_the_vendor_and_back_to_the_portal(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.profiled(request)
    browser = Browser(market.http)
    home = await browser.open(await market.own_page(opened, request["email"]))
    await browser.open(named(home, "MLMS Training"))
    page = await browser.press("Enroll in this course", curriculum="individual_full", channel="vendor-c")
    assert (page.status, "HHS has not approved this vendor" in page.text) == (422, True)
    await browser.press("Enroll in this course", curriculum="individual_full", channel="vendor-a")
    site = await browser.press("Access Training")
    assert (site.status, urlsplit(site.url).path) == (200, "/vendor-a/training")
    back = await browser.press("Complete the course")
    assert (back.status, "Welcome back" in back.text or "Your course is complete" in back.text) == (200, True)
    await market.until(opened, "awaiting_agreements")
    there = site.forms[-1].fields["ticket"]
    assert there not in back.url
    home = await browser.open(home.url)
    assert "Training alone is not yet a registration." in home.text
    assert not [name for name, _ in home.links if name == "Print Certificate(s)"]
    early = await browser.open(f"{home.url.partition('?')[0]}/certificates/individual")
    assert (early.status, "once every step is complete" in early.text) == (404, True)


# a whole life in Spanish


def said_in_english() -> list[str]:
    """What the templates say in English and say otherwise in Spanish: whole runs of words between two values."""
    with CATALOG.open("rb") as source:
        catalog = [message for message in read_po(source) if message.id]
    kept = " ".join(" ".join(str(message.string).split()) for message in catalog)
    runs = {
        " ".join(part.split()).strip(" .,:;")
        for message in catalog
        for part in PLACE.split(message.id if isinstance(message.id, str) else message.id[0])
    }
    # Single words are too often somebody's data; what the Spanish text keeps in English is so meant.
    return sorted(run for run in runs if run.count(" ") >= 2 and run not in kept)


ENGLISH = said_in_english()


def english_in(text: str) -> list[str]:
    """The templates' English sentences in a text."""
    read = " ".join(text.split())
    return [run for run in ENGLISH if re.search(rf"(?<!\w){re.escape(run)}(?!\w)", read)]


async def test_b2_an_english_sentence_in_a_text_is_found() -> None:
    assert len(ENGLISH) > 300
    assert english_in("Hola. Thank you. We have\nyour request. Adiós.") == ["Thank you. We have your request"]
    assert english_in("Hola. Gracias. Tenemos su solicitud. Adiós.") == []


async def test_b2_a_whole_life_in_spanish_has_no_english_sentence(market: Marketplace) -> None:
    request = documents.registration(language="es", first_name="Muestra", last_name="Agentedeprueba")
    browser = Browser(market.http, "es")
    await browser.open(f"{market.web}/portal")
    await browser.press("Enviarme un código", email="testa")
    await register(market, browser, request)
    opened = await case_of(market, request)
    await browser.open(f"{market.web}/portal")
    code = await market.code_after(
        request["email"], lambda: browser.press("Enviarme un código", email=request["email"])
    )
    await browser.press("Continuar", code="no code")
    page = await browser.press("Continuar", code=code)
    assert opened["assister_id"] in page.text
    home = await browser.open(await market.own_page(opened, request["email"]))
    await update_profile(market, browser, request, home.url)
    await train(market, browser, home.url)
    await agree(market, browser, opened, home.url)
    await certify(market, browser, opened, home.url)
    await market.command(opened, "revoke", reason="una razón de muestra")
    await market.letter(request["email"], lambda letter: "una razón de muestra" in letter["text"])
    ended = await browser.open(home.url)
    assert "una razón de muestra" in ended.text
    await browser.open(f"{home.url.partition('?')[0]}/profile")
    await browser.open(f"{market.web}/me/unknown")
    await browser.open(f"{market.web}/me")
    await browser.press("Cerrar sesión")
    await browser.open(f"{market.web}/status/an-unknown-link")
    ours = [page for page in browser.seen if page.url.startswith(market.web)]
    assert len(ours) > 25
    assert {page.language for page in ours} == {"es"}
    found = {page.url: english for page in ours if (english := english_in(page.text))}
    assert found == {}
    letters = await market.letters(request["email"])
    assert len(letters) >= 4
    assert {letter["language"] for letter in letters} == {"es"}
    told = {letter["subject"]: english_in(words_of(letter)) for letter in letters}
    assert {subject: english for subject, english in told.items() if english} == {}


def words_of(letter: Document) -> str:
    """Everything a letter says, in both of its forms."""
    return f"{letter['subject']} {letter['text']} {unescape(re.sub('<[^>]+>', ' ', letter['html']))}"


async def register(market: Marketplace, browser: Browser, request: Document) -> None:
    """The request, each of its steps first with faults in it, or without answers."""
    await federal_form.begin(browser, market.web)
    assert (await browser.press("Continuar")).status == 422
    answers = {name.replace(".", "__"): value for name, value in federal_form.form_of(request).items()}
    wrong = {"npn": "0", "email": "x", "business_contact__address__state": "ZZ", "professional_contact__website": "x"}
    while federal_form.step_of(browser.page) != "check":
        slug = federal_form.step_of(browser.page)
        if slug != "role":
            assert (await browser.press("Continuar", **{**answers, **wrong})).status == 422
        await browser.press("Continuar", **answers, professional_contact__website="")
    await browser.press("Enviar la solicitud")
    await browser.press("Continuar", code="no code")
    page = await browser.press("Continuar", code=await market.code(request["email"]))
    assert (page.status, page.url) == (200, f"{market.web}/portal/register/done")
    page = await federal_form.ask(browser, request, market.web)
    assert (page.status, page.url) == (200, f"{market.web}/portal/register/done")
    await market.letter(request["email"], lambda letter: "Ya nos había enviado una solicitud" in letter["text"])


async def update_profile(market: Marketplace, browser: Browser, request: Document, home: str) -> None:
    """Next too early, an NPN nobody knows, a copied one; then the right ones."""
    here = f"{home.partition('?')[0]}/profile"
    await browser.open(here)
    assert (await browser.press("Siguiente")).status == 409
    await browser.press("Guardar/Actualizar")
    await browser.open(f"{here}/npn")
    assert (await browser.press("Continuar", business_npn=request["npn"])).status == 422
    await browser.press("Continuar", business_npn="")
    for whose in (documents.individual(request, last_name="Otrapersona"), documents.firm(request["npn"])):
        await market.know(whose)
        page = await browser.press("Guardar/Actualizar", verified="true")
        assert page.status == 422
    await market.know(documents.individual(request))
    for role in ("not_an_agent_broker", "marketplace_agent_broker"):
        await browser.open(f"{here}/role")
        await browser.press("Continuar", role=role)
    for slug in ("business-contact", "professional-contact"):
        await browser.open(f"{here}/{slug}")
        await browser.press("Continuar", **contacts(request))
    saved = await browser.press("Guardar/Actualizar", verified="true")
    assert saved.status == 200
    assert (await browser.press("Siguiente")).status == 200


def contacts(request: Document) -> dict[str, str]:
    return {
        name.replace(".", "__"): value for name, value in federal_form.form_of(request).items() if "contact" in name
    }


async def train(market: Marketplace, browser: Browser, home: str) -> None:
    """A course nobody may take, one at a vendor; each page in between."""
    await browser.open(f"{home.partition('?')[0]}/training")
    await browser.press("Inscribirme en este curso")
    await browser.press("Inscribirme en este curso", curriculum="individual_full", channel="vendor-c")
    await browser.press("Inscribirme en este curso", curriculum="individual_full", channel="vendor-a")
    await browser.press("Acceder a capacitación")
    await browser.press("Completar el curso")
    await browser.open(f"{home.partition('?')[0]}/training")
    await browser.press("Inscribirme en este curso", curriculum="shop", channel="mlms")
    await browser.open(home)


async def agree(market: Marketplace, browser: Browser, opened: Document, home: str) -> None:
    """Every agreement launched, read and accepted; one too early."""
    await market.until(opened, lambda status: status["training"]["individual"])
    for agreement in ("shop_privacy_security", "individual_general", "individual_privacy_security"):
        await browser.open(f"{home.partition('?')[0]}/agreements/{agreement}")
        await browser.press("Abrir (Launch)")
        if agreement != "shop_privacy_security":
            assert (await browser.press("Acepto")).status == 200


async def certify(market: Marketplace, browser: Browser, opened: Document, home: str) -> None:
    """The certificate, its public page, and the lists after the next publication."""
    await market.until(opened, lambda status: status["certificates"] and status["publication"]["lists"])
    (certificate,) = (await market.status(opened))["certificates"]
    page = await browser.open(home)
    file = await market.http.get(named(page, "Imprimir certificados"))
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    await browser.open(f"{market.web}/certificates/{certificate['number']}")
    await market.publish()
    await browser.open(home)
    async with asyncio.timeout(PATIENCE):
        while "notice.marketplace_certificate" not in await market.history(opened):
            await asyncio.sleep(0.05)
