"""The identity provider's stand-in: Authlib's client signs in, a client without the right proof does not."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import uvicorn
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from pytest_httpserver import HTTPServer

from sandbox.identity_provider.oauth import MOST_TOKENS, TokenStore
from sandbox.identity_provider.stand_in import CODE_SECONDS, IdentityProviderStandIn
from sandbox.store import DocumentStore
from tests.support.patience import PATIENCE
from tests.support.sandbox_process import (
    IDENTITY_SECRET,
    RunningSandbox,
    build_environment,
    launch_sandbox,
    start_sandbox,
)

VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CALLBACK = "/staff/sign-in/callback"


class ChoiceForm(HTMLParser):
    """What a browser would send of the page's form: its hidden fields, and one of its buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.buttons: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "input":
            self.hidden[given["name"]] = given["value"]
        if tag == "button":
            self.buttons.append(given["value"])


@dataclass
class ClientApplication:
    """The application's part, played by Authlib's client and a browser."""

    issuer: str
    web: str
    http: httpx2.AsyncClient
    method: str = "client_secret_basic"
    secret: str = IDENTITY_SECRET
    clients: list[Any] = field(default_factory=list)

    @property
    def callback(self) -> str:
        return f"{self.web}{CALLBACK}"

    async def read_metadata(self) -> dict[str, Any]:
        document: dict[str, Any] = (await self.http.get(f"{self.issuer}/.well-known/openid-configuration")).json()
        return document

    def open_client(self) -> Any:
        client = AsyncOAuth2Client(
            "certify",
            self.secret,
            redirect_uri=self.callback,
            scope="openid profile email",
            code_challenge_method="S256",
            token_endpoint_auth_method=self.method,
            trust_env=False,
        )
        self.clients.append(client)
        return client

    async def build_sign_in_address(self, **other: Any) -> tuple[str, str]:
        """Where a browser is sent to sign in, and the state."""
        url, state = self.open_client().create_authorization_url(
            (await self.read_metadata())["authorization_endpoint"],
            code_verifier=VERIFIER,
            **{"nonce": "a-nonce", **other},
        )
        return url, state

    async def choose_person(self, person: str = "demo-reviewer", **other: Any) -> str:
        """The address a browser is sent back to by the one who chose a person."""
        url, _ = await self.build_sign_in_address(**other)
        page = await self.http.get(url)
        assert page.status_code == 200, page.text
        form = ChoiceForm(page.text)
        assert person in form.buttons
        back = await self.http.post(f"{self.issuer}/authorize", data={**form.hidden, "person": person})
        assert back.status_code == 303, back.text
        return back.headers["location"]

    async def obtain_code(self, **other: Any) -> str:
        return parse_answer(await self.choose_person(**other))["code"]

    async def redeem_code(self, location: str, verifier: str = VERIFIER) -> dict[str, Any]:
        token: dict[str, Any] = await self.open_client().fetch_token(
            (await self.read_metadata())["token_endpoint"], authorization_response=location, code_verifier=verifier
        )
        return token

    async def redeem_by_hand(self, auth: tuple[str, str] | None = None, **fields: Any) -> httpx2.Response:
        """What an Authlib client would not send."""
        usual = {"grant_type": "authorization_code", "redirect_uri": self.callback, "code_verifier": VERIFIER}
        body = {name: value for name, value in {**usual, **fields}.items() if value is not None}
        return await self.http.post(f"{self.issuer}/token", data=body, auth=auth or ("certify", self.secret))

    async def verify_claims(self, token: dict[str, Any], nonce: str = "a-nonce") -> dict[str, Any]:
        """The ID token's claims, once its signature, issuer, audience and nonce are right."""
        metadata = await self.read_metadata()
        keys = KeySet.import_key_set((await self.http.get(metadata["jwks_uri"])).json())
        read = jwt.decode(token["id_token"], keys, metadata["id_token_signing_alg_values_supported"])
        options = {"iss": {"value": self.issuer}, "aud": {"value": "certify"}, "nonce": {"essential": True}}
        CodeIDToken(read.claims, read.header, options, {"nonce": nonce, "client_id": "certify"}).validate()
        return read.claims


def parse_answer(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def read_error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.fixture
async def application(
    sandbox: RunningSandbox, httpserver: HTTPServer, http: httpx2.AsyncClient
) -> AsyncIterator[ClientApplication]:
    opened = ClientApplication(sandbox.identity, httpserver.url_for("").rstrip("/"), http)
    yield opened
    for client in opened.clients:
        await client.aclose()


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_library_signs_somebody_in(application: ClientApplication, method: str) -> None:
    application.method = method
    location = await application.choose_person("demo-second-reviewer", state="a-state")
    assert location.startswith(f"{application.callback}?")
    assert parse_answer(location)["state"] == "a-state"
    assert parse_answer(location)["iss"] == application.issuer
    token = await application.redeem_code(location)
    assert token["token_type"] == "Bearer"
    claims = await application.verify_claims(token)
    assert claims["exp"] > claims["iat"]
    person = {
        "sub": "demo-second-reviewer",
        "name": "Demo Second Reviewer",
        "preferred_username": "demo-second-reviewer",
        "email": "demo-second-reviewer@example.org",
        "roles": ["reviewer"],
    }
    assert {name: claims[name] for name in person} == person
    signed_in = AsyncOAuth2Client(token=token, trust_env=False)
    application.clients.append(signed_in)
    assert (await signed_in.get((await application.read_metadata())["userinfo_endpoint"])).json() == person


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        ("demo-reviewer", ["reviewer"]),
        ("demo-appeals-reviewer", ["appeals_reviewer"]),
        ("demo-operator", ["operator"]),
        ("demo-auditor", ["auditor"]),
        ("demo-visitor", []),
    ],
)
async def test_each_person_has_the_roles_of_the_page(
    application: ClientApplication, person: str, roles: list[str]
) -> None:
    claims = await application.verify_claims(await application.redeem_code(await application.choose_person(person)))
    assert (claims["sub"], claims["roles"]) == (person, roles)


async def test_what_was_signed_by_another_is_not_believed(application: ClientApplication) -> None:
    token = await application.redeem_code(await application.choose_person())
    head, body, _ = token["id_token"].split(".")
    others = IdentityProviderStandIn(application.web, "another", DocumentStore())._sign_id_token(
        application.issuer, {"sub": "demo-auditor", "client": "certify", "nonce": "a-nonce", "auth_time": 0}
    )
    with pytest.raises(BadSignatureError):
        await application.verify_claims({"id_token": f"{head}.{body}.{others.split('.')[2]}"})


async def test_the_page_is_plain_and_leads_only_back_to_the_application(application: ClientApplication) -> None:
    url, _ = await application.build_sign_in_address(state='"><script>alert(1)</script>')
    page = await application.http.get(url)
    assert "Who do you want to be?" in page.text
    assert "<script" not in page.text
    assert ChoiceForm(page.text).hidden["state"] == '"><script>alert(1)</script>'
    assert f"form-action 'self' {application.web};" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


async def test_a_link_alone_signs_nobody_in(application: ClientApplication) -> None:
    url, _ = await application.build_sign_in_address(person="demo-operator")
    assert (await application.http.get(url)).status_code == 200


async def test_who_cancels_is_sent_back_as_nobody(application: ClientApplication) -> None:
    answer = parse_answer(await application.choose_person("nobody", state="a-state"))
    assert (answer["error"], answer["state"]) == ("access_denied", "a-state")
    assert "code" not in answer


async def test_a_code_without_its_verifier_is_worth_nothing(application: ClientApplication) -> None:
    with pytest.raises(OAuthError, match="invalid_grant"):
        await application.redeem_code(
            await application.choose_person(), "another-verifier-that-is-long-enough-to-be-one-01"
        )
    code = await application.obtain_code()
    assert read_error(await application.redeem_by_hand(code=code, code_verifier=None)) == (400, "invalid_request")
    assert read_error(await application.redeem_by_hand(code=code, code_verifier="short")) == (400, "invalid_grant")
    assert read_error(await application.redeem_by_hand(code=code)) == (400, "invalid_grant"), "it was tried once"


async def test_a_code_used_twice_ends_what_came_of_it(application: ClientApplication) -> None:
    location = await application.choose_person()
    token = await application.redeem_code(location)
    userinfo = (await application.read_metadata())["userinfo_endpoint"]
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await application.http.get(userinfo, headers=bearer)).status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        await application.redeem_code(location)
    refused = await application.http.get(userinfo, headers=bearer)
    assert read_error(refused) == (401, "invalid_token")
    assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_with_another_secret_gets_nothing(application: ClientApplication, method: str) -> None:
    location = await application.choose_person()
    application.method, application.secret = method, "another-secret"
    with pytest.raises(OAuthError, match="invalid_client"):
        await application.redeem_code(location)
    application.secret = IDENTITY_SECRET
    assert await application.redeem_code(location), "the code was not spent by somebody else"


async def test_a_client_proves_itself_once(application: ClientApplication) -> None:
    code = await application.obtain_code()
    both: dict[str, Any] = {"client_id": "certify", "client_secret": IDENTITY_SECRET}
    assert read_error(await application.redeem_by_hand(code=code, **both)) == (400, "invalid_request")
    for auth in (("other", IDENTITY_SECRET), ("certify", ""), ("", "")):
        refused = await application.redeem_by_hand(auth, code=code)
        assert read_error(refused) == (401, "invalid_client")
        assert refused.headers["www-authenticate"].startswith("Basic")
    for header in ("Basic", "Basic %%%", "Basic /////w==", f"Bearer {IDENTITY_SECRET}"):
        answer = await application.http.post(
            f"{application.issuer}/token", headers={"Authorization": header}, data={"code": code}
        )
        assert read_error(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ["authorization_code", "authorization_code"]}, "invalid_request"),
        ({"code": None}, "invalid_request"),
        ({"code": "invented"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:9/staff/sign-in/callback"}, "invalid_grant"),
        ({"other": "x" * 4001}, "invalid_request"),
        ({f"other{number}": "x" for number in range(60)}, "invalid_request"),
    ],
)
async def test_a_token_request_that_is_wrong_is_refused(
    application: ClientApplication, change: dict[str, Any], error: str
) -> None:
    refused = await application.redeem_by_hand(**{"code": await application.obtain_code(), **change})
    assert read_error(refused) == (400, error)
    assert refused.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"nonce": ["one", "two"]}, "invalid_request"),
        ({"nonce": "x" * 4001}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://example.org/r"}, "request_uri_not_supported"),
    ],
)
async def test_a_request_that_is_wrong_goes_back_with_its_state(
    application: ClientApplication, change: dict[str, Any], error: str
) -> None:
    url, _ = await application.build_sign_in_address(state="a-state")
    asked = {**{name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}, **change}
    authorize = f"{application.issuer}/authorize"
    for person in ({}, {"person": "demo-operator"}):
        for back in (
            await application.http.get(authorize, params={**asked, **person}),
            await application.http.post(authorize, data={**asked, **person}),
        ):
            assert back.status_code == 303
            answer = parse_answer(back.headers["location"])
            assert back.headers["location"].startswith(f"{application.callback}?")
            assert (answer["error"], answer["state"]) == (error, "a-state")
            assert "code" not in answer


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": ["https://example.org/callback"]},
        {"redirect_uri": [""]},
        {"redirect_uri": ["{callback}/"]},
        {"redirect_uri": ["{callback}?x=1"]},
        {"redirect_uri": ["{callback}", "https://example.org/callback"]},
        {"client_id": ["other"]},
        {"client_id": [""]},
    ],
)
async def test_nobody_is_sent_anywhere_but_to_the_registered_address(
    application: ClientApplication, change: dict[str, list[str]]
) -> None:
    url, _ = await application.build_sign_in_address()
    asked: dict[str, Any] = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    for name, given in change.items():
        asked[name] = [value.format(callback=application.callback) for value in given]
    authorize = f"{application.issuer}/authorize"
    for stopped in (
        await application.http.get(authorize, params=asked),
        await application.http.post(authorize, data={**asked, "person": "demo-operator"}),
    ):
        assert stopped.status_code == 400
        assert "location" not in stopped.headers
        assert "<form" not in stopped.text


async def test_signing_out_leads_back_to_the_application_and_nowhere_else(application: ClientApplication) -> None:
    token = await application.redeem_code(await application.choose_person())
    end = (await application.read_metadata())["end_session_endpoint"]

    async def sign_out(**asked: str) -> httpx2.Response:
        return await application.http.get(end, params=asked)

    home = f"{application.web}/staff/sign-in?told=out"
    back = await sign_out(
        post_logout_redirect_uri=home, state="s", id_token_hint=token["id_token"], client_id="certify"
    )
    assert (back.status_code, back.headers["location"]) == (303, f"{home}&state=s")
    assert (await sign_out(post_logout_redirect_uri=application.web)).headers["location"] == application.web
    assert (await sign_out()).status_code == 200
    posted = await application.http.post(end, data={"post_logout_redirect_uri": home})
    assert posted.headers["location"] == home
    for wrong in (
        {"post_logout_redirect_uri": "https://example.org/"},
        {"post_logout_redirect_uri": f"{application.web}.example.org/"},
        {"post_logout_redirect_uri": f"{application.web}@example.org/"},
        {"post_logout_redirect_uri": f"{application.web}/\r\nX: y"},
        {"post_logout_redirect_uri": home, "id_token_hint": token["id_token"][:-20]},
        {"post_logout_redirect_uri": home, "id_token_hint": "none"},
        {"post_logout_redirect_uri": home, "client_id": "other"},
    ):
        stopped = await sign_out(**wrong)
        assert (stopped.status_code, "location" in stopped.headers) == (400, False), wrong


async def test_who_asks_without_a_token_is_told_nothing(application: ClientApplication) -> None:
    for headers in ({}, {"Authorization": "Bearer invented"}, {"Authorization": "Basic x"}):
        assert read_error(await application.http.get(f"{application.issuer}/userinfo", headers=headers)) == (
            401,
            "invalid_token",
        )


async def test_its_address_does_not_follow_from_what_the_caller_says(application: ClientApplication) -> None:
    answer = await application.http.get(
        f"{application.issuer}/.well-known/openid-configuration", headers={"Host": "example.org"}
    )
    assert answer.json()["issuer"] == application.issuer


async def test_calls_are_noted_without_what_proves_anything(application: ClientApplication) -> None:
    application.method = "client_secret_post"
    location = await application.choose_person(state="a-state")
    token = await application.redeem_code(location)
    await application.http.get(f"{application.issuer}/end-session", params={"id_token_hint": token["id_token"]})
    noted = await application.http.get(f"{application.issuer}/calls")
    calls = [(call["method"], call["path"], call["status"]) for call in noted.json()]
    assert ("POST", "/token", 200) in calls
    assert ("POST", "/authorize", 303) in calls
    (redeemed,) = [call["body"] for call in noted.json() if call["path"] == "/token"]
    assert redeemed["grant_type"] == "authorization_code"
    secrets = (IDENTITY_SECRET, VERIFIER, parse_answer(location)["code"], token["id_token"], token["access_token"])
    assert [secret for secret in secrets if secret in noted.text] == []


async def test_it_fails_as_ordered(application: ClientApplication, sandbox: RunningSandbox) -> None:
    await application.http.post(f"{sandbox.identity}/controls", json={"mode": "down", "times": 1})
    assert (await application.http.get(f"{sandbox.identity}/")).status_code == 200
    assert (await application.http.get(f"{sandbox.identity}/jwks")).status_code == 503
    assert (await application.http.get(f"{sandbox.identity}/jwks")).status_code == 200


@dataclass
class MovableClock:
    """A clock that a test moves."""

    at: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def serve_provider(identity: IdentityProviderStandIn) -> AsyncIterator[str]:
    """The provider on a port of its own, in this process: its clock is the test's."""
    server = uvicorn.Server(
        uvicorn.Config(identity.build_app(), port=0, lifespan="off", log_config=None, access_log=False)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield "http://{}:{}".format(*server.servers[0].sockets[0].getsockname())
    server.should_exit = True
    await running


async def test_codes_and_tokens_end_in_time(http: httpx2.AsyncClient) -> None:
    clock, web = MovableClock(), "http://127.0.0.1:9"
    async with serve_provider(IdentityProviderStandIn(web, IDENTITY_SECRET, DocumentStore(), clock)) as issuer:
        application = ClientApplication(issuer, web, http)
        code = await application.obtain_code()
        clock.at += CODE_SECONDS - 1
        answer = await application.redeem_by_hand(code=code)
        assert answer.status_code == 200
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        code = await application.obtain_code()
        clock.at += CODE_SECONDS
        assert read_error(await application.redeem_by_hand(code=code)) == (400, "invalid_grant")
        assert (await http.get(f"{issuer}/userinfo", headers=bearer)).status_code == 200
        clock.at += answer.json()["expires_in"]
        assert (await http.get(f"{issuer}/userinfo", headers=bearer)).status_code == 401
        for client in application.clients:
            await client.aclose()


def test_only_so_many_codes_are_kept() -> None:
    tokens = TokenStore(60, MovableClock())
    given = [tokens.issue_token({"number": number}) for number in range(MOST_TOKENS + 2)]
    assert [tokens.find_document(token) for token in given[:3]] == [None, None, {"number": 2}]
    assert tokens.find_document(given[-1]) == {"number": MOST_TOKENS + 1}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_keeps_the_key(tmp_path: Path, http: httpx2.AsyncClient, how: signal.Signals) -> None:
    async def read_keys() -> Any:
        running = start_sandbox(tmp_path, "http://127.0.0.1:9")
        answer = await http.get(f"{running.identity}/jwks")
        running.stop_process(how)
        return answer.json()

    first = await read_keys()
    assert await read_keys() == first
    assert "d" not in first["keys"][0]


REACHABLE_BY_OTHERS = [
    {"SANDBOX_HOST": "0.0.0.0"},
    {"SANDBOX_HOST": "192.0.2.1"},
    {"SANDBOX_HOST": "::"},
    {"SANDBOX_WEB_URL": "https://certification.example.org"},
    {"SANDBOX_WEB_URL": "http://127.0.0.1@example.org"},
    {"SANDBOX_WEB_URL": "http://[127.0.0.1"},
]


@pytest.mark.parametrize("elsewhere", REACHABLE_BY_OTHERS, ids=str)
def test_it_does_not_start_where_others_could_reach_it(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    process = launch_sandbox({**build_environment(tmp_path, "http://127.0.0.1:9"), **elsewhere})
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert (
        errors == "sandbox: SANDBOX_IDENTITY_CLIENT_SECRET needs loopback addresses: SANDBOX_HOST and SANDBOX_WEB_URL\n"
    )


def test_without_its_secret_there_is_none(tmp_path: Path) -> None:
    settings = build_environment(tmp_path, "http://127.0.0.1:9")
    process = launch_sandbox({**settings, "SANDBOX_IDENTITY_CLIENT_SECRET": ""})
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert "registry on port" in line
    assert "identity" not in line
