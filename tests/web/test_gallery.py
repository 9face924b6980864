"""The gallery shows every notice and certificate in both languages, on one machine only; a mail in it does nothing."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from db.engine import Database
from domain.shared.cases.notices import Notice
from settings import Settings
from starter.client import connect_client
from templates.catalogs import LANGUAGES
from templates.letters import NoticeRenderer
from tests.templates.contexts import READERS, TEMPLATES
from tests.templates.test_pseudo import variants
from tests.web.conftest import settings_of
from web.app import build_services, create_app
from web.gallery.samples import CERTIFICATES, NOTICES, build_notice_values

LETTERS = NoticeRenderer(TEMPLATES / "notices")
LINK = re.compile(r'(?:href|src)="(/gallery/[^"?]*)"')


@pytest.fixture
async def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser on an application with a gallery; neither database nor Temporal is asked for anything."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    settings = settings_of(tmp_path).model_copy(update={"gallery": True})
    app, database = create_app(settings), Database(settings.database_url)
    app.state.services = build_services(settings, database, await connect_client(lazy=True))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://certify.example.org") as browser:
        yield browser
    await database.close()


def test_no_notice_is_missing_and_none_is_there_twice() -> None:
    assert {sample.notice for sample in NOTICES} == set(Notice)
    assert len({(sample.notice, sample.name) for sample in NOTICES}) == len(NOTICES)
    assert len({(one.program, one.name) for one in CERTIFICATES}) == len(CERTIFICATES)


@pytest.mark.parametrize("notice", Notice)
def test_every_wording_of_a_notice_is_among_its_samples_once(notice: Notice) -> None:
    """Whoever gets it, whatever it is about: what they read is in the gallery."""
    samples = [sample for sample in NOTICES if sample.notice is notice]
    for language in samples[0].languages:
        shown = [LETTERS.render_notice(notice, language, sample.build_values(language)).text for sample in samples]
        assert len(set(shown)) == len(shown)
        for kind in READERS[notice]:
            for changes in variants(notice, kind):
                if changes.get("waiting_for") == "screening" or "reason" in changes:
                    continue  # nobody is reminded of what we do; reasons are staff's own words, and looked at below
                values = build_notice_values(notice, language, kind, **changes)
                said = LETTERS.render_notice(notice, language, values).text
                named = said.replace(str(values["first_name"]), "Testa")
                assert named in [one.replace("Ejemplo", "Testa") for one in shown], (kind, changes)


@pytest.mark.parametrize(
    "notice", [notice for notice in Notice if "reason" in build_notice_values(notice, "en", "broker")]
)
def test_what_may_have_a_reason_is_shown_with_and_without(notice: Notice) -> None:
    samples = [sample for sample in NOTICES if sample.notice is notice]
    for program in {sample.program for sample in samples}:
        reasons = {bool(sample.build_values("en")["reason"]) for sample in samples if sample.program == program}
        assert reasons == {True, False}


async def test_everything_listed_can_be_looked_at(browser: httpx2.AsyncClient) -> None:
    for page_language in LANGUAGES:
        front = await browser.get("/gallery", params={"lang": page_language})
        assert front.status_code == 200
        found = set(LINK.findall(front.text))
    letters = sum(len(sample.languages) for sample in NOTICES)
    assert len([one for one in found if one.startswith("/gallery/notices/")]) == letters
    assert len([one for one in found if one.endswith(".pdf")]) == len(CERTIFICATES) * len(LANGUAGES)
    for address in found:
        answer = await browser.get(address)
        assert answer.status_code == 200, address
        if address.startswith("/gallery/notices/"):
            assert f'<iframe sandbox src="{address}/html"' in answer.text
            assert (await browser.get(f"{address}/html")).status_code == 200


async def test_a_sample_is_what_the_worker_would_send(browser: httpx2.AsyncClient) -> None:
    sample = next(one for one in NOTICES if one.notice is Notice.CERTIFICATE_ISSUED)
    letter = LETTERS.render_notice(sample.notice, "es", sample.build_values("es"))
    address = f"/gallery/notices/{sample.notice}/{sample.name}/es"
    assert (await browser.get(f"{address}/html")).text == letter.html
    page = (await browser.get(address, params={"lang": "en"})).text
    assert letter.text in page
    assert f'<dd lang="es">{letter.subject}</dd>' in page


async def test_a_mail_in_its_frame_may_style_itself_and_nothing_else(browser: httpx2.AsyncClient) -> None:
    sample = NOTICES[0]
    address = f"/gallery/notices/{sample.notice}/{sample.name}/en"
    page, mail = await browser.get(address), await browser.get(f"{address}/html")
    allowed = dict(part.strip().partition(" ")[::2] for part in mail.headers["content-security-policy"].split(";"))
    assert allowed == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "",
    }
    assert mail.headers["x-frame-options"] == "SAMEORIGIN"
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert " style=" not in page.text


async def test_certificates_are_a_file_and_a_picture(browser: httpx2.AsyncClient) -> None:
    pdf = await browser.get("/gallery/certificates/ffm/shop/es.pdf")
    png = await browser.get("/gallery/certificates/ffm/shop/es.png")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert (png.headers["content-type"], png.content[1:4]) == ("image/png", b"PNG")


@pytest.mark.parametrize(
    "path",
    [
        "notices/certificate_issued/broker/fr",
        "notices/certificate_issued/nobody/en",
        "notices/nothing/broker/en",
        "notices/help_desk/marketplace_agent_broker/es",
        "notices/nothing/broker/en/html",
        "certificates/ffm/broker/en.pdf",
        "certificates/bewellnm/broker/en.svg",
    ],
)
async def test_what_is_not_there_is_not_found(browser: httpx2.AsyncClient, path: str) -> None:
    assert (await browser.get(f"/gallery/{path}")).status_code in (404, 422)


async def test_without_the_setting_there_is_no_gallery(tmp_path: Path) -> None:
    app = create_app(settings_of(tmp_path))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://certify.example.org"
    ) as one:
        assert (await one.get("/gallery")).status_code == 404
        assert (await one.get("/gallery/certificates/ffm/shop/es.png")).status_code == 404


@pytest.mark.parametrize("web_url", ["https://certify.example.org", "http://10.0.0.1:8000"])
def test_there_is_none_on_another_address_than_this_machine_s(tmp_path: Path, web_url: str) -> None:
    given = settings_of(tmp_path).model_dump()
    database_url = given.pop("database_url")
    with pytest.raises(ValidationError, match="CERTIFY_GALLERY"):
        Settings.model_validate({**given, "CERTIFY_DATABASE_URL": database_url, "gallery": True, "web_url": web_url})
