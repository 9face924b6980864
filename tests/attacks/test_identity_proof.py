"""An identity provider's word: forged, less sure than asked for, or of another name it proves no NPN (D2)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from db.case_state import applicant_of, list_flags, load_case
from db.reads.cases import read_audit
from db.writes.npn.claims import take_registry_answer
from domain.shared.claims import RegisteredOwner
from tests.support import documents
from tests.web.house import House
from tests.web.test_npn_proof import state_of
from web.http.proofing import ProofingProvider

ISSUER, CLIENT, ACR = (
    "https://login.example.org",
    "certify-assisters",
    "urn:acr.login.gov:verified-facial-match-required",
)
CLAIMS = {"sub": "f:1", "aud": CLIENT, "acr": ACR, "given_name": "Testa", "family_name": "Agent"}
REFUSED = "This did not show that the NPN is yours"


class Provider:
    """What the library has verified of an answer; ``claims`` None is one that it could not verify."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] | None = CLAIMS
        self.asked: dict[str, str] = {}

    async def load_server_metadata(self) -> dict[str, Any]:
        return {"issuer": ISSUER}

    async def authorize_redirect(self, _: object, callback: str, **asked: str) -> RedirectResponse:
        self.asked = {"callback": callback, **asked}
        return RedirectResponse(f"{ISSUER}/authorize", 302)

    async def authorize_access_token(self, _: object) -> dict[str, Any]:
        if self.claims is None:
            raise ValueError("bad signature")
        return {"userinfo": self.claims}


@pytest_asyncio.fixture
async def provider(house: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """An identity provider that the application knows."""
    fake = Provider()
    known = ProofingProvider(ISSUER, CLIENT, "secret", "http://certify.example.org", ACR, ACR)
    monkeypatch.setattr(known, "_client", fake)
    app.state.services = replace(house.services, proofing=known)  # until the house is taken down
    return fake


async def screened(house: House, case_id: str, first: str = "Testa", last: str = "Agent") -> None:
    key = house.services.settings.identity_key_bytes

    def take(session: Session) -> None:
        case = load_case(session, case_id)
        owner = RegisteredOwner(applicant_of(case).npn, (), first, last)
        take_registry_answer(session, key, case, owner, datetime.now(UTC))

    await house.database.write(take)


async def come_back(house: House, case_id: str) -> Any:
    """Goes to the provider from one's own page, and comes back."""
    assert (await house.browser.get(f"/me/{case_id}/npn/identity")).status_code == 302
    return await house.browser.get("/me/identity/callback?code=c&state=s", headers={"accept": "text/html"})


@pytest.mark.parametrize("document", [documents.broker, documents.registration])
async def test_d2_who_is_proofed_under_the_registrys_name_proves_the_npn(
    house: House, provider: Provider, document: Any
) -> None:
    case_id = await house.open(document())
    await screened(house, case_id, "TESTA", "Agent Jr.")
    page = await house.browser.get(await house.link(case_id))
    assert f"/me/{case_id}/npn/identity" in page.text
    answer = await come_back(house, case_id)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, f"/me/{case_id}")
    assert provider.asked == {"callback": "http://certify.example.org/me/identity/callback", "acr_values": ACR}
    assert await state_of(house, case_id) == "proven"


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        (None, "not_trusted"),
        ({"aud": "certify"}, "not_trusted"),
        ({"azp": "another"}, "not_trusted"),
        ({"acr": "urn:acr.login.gov:auth-only"}, "not_proofed"),
        ({"acr": None}, "not_proofed"),
        ({"acr": [ACR]}, "not_proofed"),
        ({"family_name": ""}, "not_proofed"),
        ({"given_name": "Another"}, "other_name"),
    ],
)
async def test_d2_what_proves_nothing_is_refused_and_kept_for_staff(
    house: House, provider: Provider, claims: dict[str, Any] | None, fault: str
) -> None:
    case_id = await house.open(documents.broker())
    await screened(house, case_id)
    await house.link(case_id)
    provider.claims = None if claims is None else CLAIMS | claims
    answer = await come_back(house, case_id)
    assert (answer.status_code, REFUSED in answer.text) == (403, True)
    assert await state_of(house, case_id) == "claimed"
    assert "identity_refused" in list_flags(await house.database.read(load_case, case_id))
    audit = await house.database.read(read_audit, case_id)
    (refused,) = [entry for entry in audit if entry["action"] == "npn.identity_refused"]
    assert refused["details"] == {"fault": fault}
    again = await house.browser.get("/me/identity/callback?code=c&state=s")
    assert again.status_code == 404, "an answer nobody waits for"


async def test_a_proof_that_was_cancelled_or_could_not_be_asked_for_is_no_work_for_staff(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await house.open(documents.broker())
    await screened(house, case_id)
    await house.link(case_id)

    async def fail(_: object) -> None:
        raise httpx2.ConnectError("no route to it")

    for query, how in (("error=access_denied&state=s", None), ("code=c&state=s", fail)):
        assert (await house.browser.get(f"/me/{case_id}/npn/identity")).status_code == 302
        if how is not None:
            monkeypatch.setattr(provider, "authorize_access_token", how)
        answer = await house.browser.get(f"/me/identity/callback?{query}", headers={"accept": "text/html"})
        assert (answer.status_code, "did not say who you are" in answer.text) == (409, True)
    assert "identity_refused" not in list_flags(await house.database.read(load_case, case_id))


async def test_d2_nobody_proves_anothers_case(house: House, provider: Provider) -> None:
    case_id = await house.open(documents.broker())
    await screened(house, case_id)
    await house.own_session("stranger@example.net")
    assert (await house.browser.get(f"/me/{case_id}/npn/identity")).status_code == 404
    assert (await house.browser.get("/me/identity/callback?code=c&state=s")).status_code == 404
    assert provider.asked == {}


async def test_d2_without_the_registrys_name_there_is_nothing_to_hold_it_against(
    house: House, provider: Provider
) -> None:
    case_id = await house.open(documents.broker())
    await house.link(case_id)
    assert (await house.browser.get(f"/me/{case_id}/npn/identity")).status_code == 409
    assert provider.asked == {}
