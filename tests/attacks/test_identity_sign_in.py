"""Signing in to one's own pages by the sandbox's identity provider: what is refused, whose pages open, what is told.

The application asks the provider by HTTP, as it does any other.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import structlog
import uvicorn
from fastapi import FastAPI
from sqlmodel import select

from db.case_state import list_rows, load_case
from db.own_tables import OwnIdentity
from db.reads.cases import read_audit
from db.tables import Assister
from db.writes.own.sessions import find_own_session
from domain.shared.ids import make_identity_digest
from sandbox.identity_provider.stand_in import IdentityProviderStandIn
from sandbox.seeds import PROOFED, SIGNED_IN
from sandbox.store import DocumentStore
from tests.attacks.test_identity_proof import screened
from tests.support import documents
from tests.web.house import House
from web.http.proofing import ProofingProvider

WEB, SECRET = "http://certify.example.org", "a-secret-of-assisters"
HTML = {"accept": "text/html"}
REFUSED = {"en": "The identity provider did not sign you in", "es": "El proveedor de identidad no inició su sesión"}
AGENT = "testa-agent@example.org"


@dataclass(frozen=True)
class Provider:
    """The sandbox's identity provider, and a browser that meets it."""

    issuer: str
    stand_in: IdentityProviderStandIn
    http: httpx2.AsyncClient
    house: House

    def change(self, person: str, **claims: Any) -> None:
        """What it says of somebody from now on."""
        self.stand_in._people[person] = {**self.stand_in._people[person], **claims}

    async def choose(self, location: str, person: str) -> str:
        """Somebody signs in there; the address of ours that they are sent back to, by its path."""
        page = (await self.http.get(location)).text
        form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
        hidden = {name: unescape(value) for name, value in form.items()}
        back = await self.http.post(f"{self.issuer}/authorize", data={**hidden, "person": person})
        return back.headers["location"].removeprefix(WEB)

    async def begin(self, query: str = "") -> str:
        """The address at the provider that the button leads to."""
        answer = await self.house.browser.get(f"/me/sign-in/identity{query}")
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def sign_in(self, person: str, query: str = "") -> httpx2.Response:
        """All of it, from the button on our page to our answer."""
        return await self.house.browser.get(await self.choose(await self.begin(query), person), headers=HTML)


@pytest_asyncio.fixture
async def provider(house: House, app: FastAPI) -> AsyncIterator[Provider]:
    """The sandbox's identity provider on a port of this machine, known to the application."""
    stand_in = IdentityProviderStandIn(WEB, SECRET, DocumentStore())
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(stand_in.build_app(), log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    know(house, app, issuer, SIGNED_IN)
    async with httpx2.AsyncClient(trust_env=False) as http:
        yield Provider(issuer, stand_in, http, house)
    server.should_exit = True
    await serving


def know(house: House, app: FastAPI, issuer: str, sign_in_acr: str) -> None:
    known = ProofingProvider(issuer, "certify-assisters", SECRET, WEB, PROOFED, sign_in_acr)
    app.state.services = replace(house.services, proofing=known)  # until the house is taken down


async def owner(house: House) -> str | None:
    """Whose pages are open on this browser."""
    token = house.browser.cookies.get("own", "")
    found = await house.database.read(find_own_session, token, datetime.now(UTC)) if token else None
    return found.email if found else None


async def move(house: House, case_id: str, email: str) -> None:
    """Somebody goes by another address from now on."""

    def write(session: Any) -> None:
        case = load_case(session, case_id)
        case.request = {**case.request, "email": email}
        person = session.get_one(Assister, case.assister_id)
        person.email = email
        session.add_all([case, person])

    await house.database.write(write)


@pytest.mark.parametrize(("language", "button"), [("en", "Sign in with the identity provider"), ("es", "identidad")])
async def test_d6_the_verified_address_opens_the_session_and_the_former_one_is_ended(
    house: House, provider: Provider, language: str, button: str
) -> None:
    case_id = await house.open({**documents.broker(), "email": AGENT.upper()})
    former = await house.own_session("somebody.else@example.net")
    assert button not in (await house.browser.get("/me", headers=HTML)).text, "who is signed in needs no button"
    house.browser.cookies.delete("own")
    page = await house.browser.get(f"/me?lang={language}", headers=HTML)
    assert button in page.text
    assert "/me/sign-in/identity" in page.text
    house.browser.cookies.set("own", former)
    with structlog.testing.capture_logs() as logs:
        answer = await provider.sign_in("testa-agent", f"?next=/me/{case_id}&lang={language}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/me/{case_id}")
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("own=")]
    assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
    token = re.match(r"own=([^;]+)", cookie)[1]  # type: ignore[index]
    now = datetime.now(UTC)
    assert await house.database.read(find_own_session, former, now) is None
    opened = await house.database.read(find_own_session, token, now)
    assert opened is not None
    assert opened.email == AGENT
    (signed_in,) = [line for line in logs if line.get("log") == "security" and line["event"] == "own_signed_in"]
    assert signed_in["by"] == "identity_provider"
    assert not [line for line in logs if AGENT in str(line).lower() or "testa-agent" in str(line)]


async def test_d6_less_surety_is_asked_for_than_for_a_proof(house: House, provider: Provider) -> None:
    asked = httpx2.URL(await provider.begin()).params
    assert (asked["acr_values"], asked["code_challenge_method"]) == (SIGNED_IN, "S256")
    assert asked["redirect_uri"] == f"{WEB}/me/sign-in/callback"
    assert asked["nonce"]
    assert asked["state"]
    assert (await provider.sign_in("testa-not-proofed")).status_code == 303
    assert await owner(house) == "testa-not-proofed@example.org"


def sign_without(provider: Provider, monkeypatch: pytest.MonkeyPatch, *left_out: str) -> None:
    """Has ID tokens without these claims, which the user info has."""
    build, sign = provider.stand_in._build_claims, provider.stand_in._sign_id_token

    def sign_less(issuer: str, grant: dict[str, Any]) -> str:
        with monkeypatch.context() as less:
            said = {name: value for name, value in build(grant["sub"]).items() if name not in left_out}
            less.setattr(provider.stand_in, "_build_claims", lambda _: said)
            return sign(issuer, grant)

    monkeypatch.setattr(provider.stand_in, "_sign_id_token", sign_less)


async def test_d6_what_the_token_lacks_is_read_from_the_user_info(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_without(provider, monkeypatch, "email", "email_verified", "given_name", "family_name")
    assert (await provider.sign_in("testa-agent")).status_code == 303
    assert await owner(house) == AGENT
    case_id = await house.open(documents.broker())
    await screened(house, case_id)
    house.browser.cookies.clear()
    assert (await prove(house, provider, case_id, "testa-agent")).status_code == 303


def user_info_of_another(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_without(provider, monkeypatch, "email", "email_verified")
    build = provider.stand_in._build_claims
    monkeypatch.setattr(provider.stand_in, "_build_claims", lambda sub: {**build(sub), "sub": "another"})


def user_info_with_the_acr(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_without(provider, monkeypatch, "email", "email_verified", "acr")


Attack = Callable[[Provider, pytest.MonkeyPatch], None]


def forged(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    another = IdentityProviderStandIn(WEB, SECRET, DocumentStore())
    monkeypatch.setattr(provider.stand_in, "_sign_id_token", another._sign_id_token)


def of_another_sign_in(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    sign = provider.stand_in._sign_id_token
    monkeypatch.setattr(
        provider.stand_in, "_sign_id_token", lambda issuer, grant: sign(issuer, {**grant, "nonce": "another"})
    )


def for_another_client(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    sign = provider.stand_in._sign_id_token
    monkeypatch.setattr(
        provider.stand_in, "_sign_id_token", lambda issuer, grant: sign(issuer, {**grant, "client": "certify"})
    )


def saying(**claims: Any) -> Attack:
    def say(provider: Provider, _: pytest.MonkeyPatch) -> None:
        provider.change("testa-agent", **claims)

    return say


@pytest.mark.parametrize(
    ("attack", "fault", "language"),
    [
        pytest.param(forged, "not_trusted", "en", id="forged"),
        pytest.param(of_another_sign_in, "not_trusted", "es", id="another nonce"),
        pytest.param(for_another_client, "not_trusted", "en", id="another client"),
        pytest.param(saying(acr="urn:acr.example.org:guest"), "not_sure", "es", id="foreign acr"),
        pytest.param(saying(acr=None), "not_sure", "en", id="no acr"),
        pytest.param(saying(acr=[SIGNED_IN]), "not_sure", "en", id="acr in a list"),
        pytest.param(user_info_of_another, "not_trusted", "en", id="user info of another"),
        pytest.param(user_info_with_the_acr, "not_sure", "en", id="acr in the user info"),
        pytest.param(saying(email_verified=False), "unverified_address", "es", id="unverified"),
        pytest.param(saying(email_verified="true"), "unverified_address", "en", id="verified in words"),
        pytest.param(saying(email="testa-agent"), "unverified_address", "en", id="no address"),
    ],
)
async def test_d6_what_the_provider_does_not_vouch_for_opens_nothing(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch, attack: Attack, fault: str, language: str
) -> None:
    await house.open({**documents.broker(), "email": AGENT})
    attack(provider, monkeypatch)
    with structlog.testing.capture_logs() as logs:
        answer = await provider.sign_in("testa-agent", f"?lang={language}")
    assert (answer.status_code, REFUSED[language] in answer.text) == (403, True)
    assert await owner(house) is None
    (refused,) = [line for line in logs if line["event"] == "own_sign_in_refused"]
    assert refused["fault"] == fault
    assert await house.database.read(list_rows, select(OwnIdentity)) == []


async def test_d6_without_an_acr_of_its_own_the_sign_in_needs_the_one_of_a_proof(
    house: House, provider: Provider, app: FastAPI
) -> None:
    know(house, app, provider.issuer, PROOFED)
    assert (await provider.sign_in("testa-not-proofed")).status_code == 403
    assert await owner(house) is None
    assert (await provider.sign_in("testa-agent")).status_code == 303


async def test_d6_an_answer_counts_once_and_in_the_browser_that_asked(house: House, provider: Provider) -> None:
    back = await provider.choose(await provider.begin(), "testa-agent")
    cookie = house.browser.cookies["sign-in"]
    house.browser.cookies.clear()
    assert (await house.browser.get(back, headers=HTML)).status_code == 403, "in another browser"
    house.browser.cookies.set("sign-in", cookie)
    proof = back.replace("/me/sign-in/callback", "/me/identity/callback")
    await house.own_session("somebody.else@example.net")
    assert (await house.browser.get(proof, headers=HTML)).status_code == 404, "as a proof"
    house.browser.cookies.delete("own")
    house.browser.cookies.set("sign-in", cookie)
    assert (await house.browser.get(back, headers=HTML)).status_code == 303
    house.browser.cookies.delete("own")
    assert (await house.browser.get(back, headers=HTML)).status_code == 403, "a second time"
    assert (await house.browser.get("/me/sign-in/callback?error=access_denied", headers=HTML)).status_code == 403


async def test_d6_another_site_begins_no_sign_in(house: House, provider: Provider) -> None:
    answer = await house.browser.get("/me/sign-in/identity", headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me")


async def test_d4_who_is_known_and_who_is_not_are_answered_alike(house: House, provider: Provider) -> None:
    await house.open({**documents.broker(), "email": AGENT})
    answers = []
    for person in ("testa-agent", "another-proofed"):
        answer = await provider.sign_in(person)
        names = sorted(one.partition("=")[0] for one in answer.headers.get_list("set-cookie"))
        answers.append((answer.status_code, answer.headers["location"], answer.text, names))
        house.browser.cookies.clear()
    assert answers[0] == answers[1]
    kept = await house.database.read(list_rows, select(OwnIdentity))
    assert [one.email for one in kept] == [AGENT], "a link is kept to somebody known alone"
    digest = make_identity_digest(house.services.settings.identity_key_bytes, provider.issuer, "testa-agent")
    assert kept[0].digest == digest
    assert "testa-agent" not in kept[0].digest


async def test_d6_who_signed_in_before_is_known_though_the_provider_has_another_address_now(
    house: House, provider: Provider
) -> None:
    await house.open({**documents.broker(), "email": AGENT})
    await provider.sign_in("testa-agent")
    for change in ({"email": "new.address@example.net"}, {"email_verified": False}):
        house.browser.cookies.clear()
        provider.change("testa-agent", **change)
        assert (await provider.sign_in("testa-agent")).status_code == 303
        assert await owner(house) == AGENT


async def test_d6_who_once_had_somebodys_mailbox_is_not_let_in_when_they_have_another(
    house: House, provider: Provider
) -> None:
    case_id = await house.open({**documents.broker(), "email": AGENT})
    await provider.sign_in("testa-agent")
    await move(house, case_id, "safe.address@example.net")
    house.browser.cookies.clear()
    assert (await provider.sign_in("testa-agent")).status_code == 303
    assert await owner(house) == AGENT, "the pages of the address alone, where no case is"
    house.browser.cookies.clear()
    provider.change("testa-agent", email_verified=False)
    assert (await provider.sign_in("testa-agent")).status_code == 403


async def prove(house: House, provider: Provider, case_id: str, person: str) -> httpx2.Response:
    """Proves the NPN of a case on its owner's pages."""
    await house.link(case_id)
    begun = await house.browser.get(f"/me/{case_id}/npn/identity")
    answer = await house.browser.get(await provider.choose(begun.headers["location"], person), headers=HTML)
    house.browser.cookies.clear()
    return answer


async def test_d6_who_has_proven_an_npn_is_known_by_that_whatever_their_address(
    house: House, provider: Provider
) -> None:
    case_id = await house.open({**documents.broker(), "email": "first.address@example.net"})
    await screened(house, case_id)
    assert (await prove(house, provider, case_id, "testa-agent")).status_code == 303
    await move(house, case_id, "second.address@example.net")
    provider.change("testa-agent", email_verified=False)
    assert (await provider.sign_in("testa-agent")).status_code == 303
    assert await owner(house) == "second.address@example.net"


async def test_d2_one_identity_proves_no_second_persons_npn(house: House, provider: Provider) -> None:
    mine = await house.open({**documents.broker(), "email": "first.address@example.net"})
    namesakes = await house.open(documents.broker())
    for case_id in (mine, namesakes):
        await screened(house, case_id)
    assert (await prove(house, provider, mine, "testa-agent")).status_code == 303
    assert (await prove(house, provider, namesakes, "testa-agent")).status_code == 403
    audit = await house.database.read(read_audit, namesakes)
    (refused,) = [entry for entry in audit if entry["action"] == "npn.identity_refused"]
    assert refused["details"] == {"fault": "anothers"}
    assert (await provider.sign_in("testa-agent")).status_code == 303
    assert await owner(house) == "first.address@example.net"


async def test_d6_a_provider_that_does_not_answer_is_said_so(house: House, app: FastAPI) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
    know(house, app, gone, SIGNED_IN)
    answer = await house.browser.get("/me/sign-in/identity", headers=HTML)
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)


async def test_d6_without_a_provider_there_is_no_button(house: House) -> None:
    assert "/me/sign-in/identity" not in (await house.browser.get("/me", headers=HTML)).text
    for path in ("/me/sign-in/identity", "/me/sign-in/callback"):
        answer = await house.browser.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me")
