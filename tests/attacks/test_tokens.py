"""What a provider didn't sign, for us, now, for this very sign-in, signs nobody in; the provider is a real server."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pytest_httpserver import HTTPServer
from starlette.requests import Request

from tests.web.house import House
from web.http.identity_provider import ClaimNames, IdentityProvider, SignInFailed
from web.http.permissions import StaffRole

CLIENT = "certify"
KEY, ANOTHER = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}) for kid in ("one", "another"))


class Conversation:
    """A sign-in under way: what the browser was sent away with, and what the provider answers."""

    def __init__(self, server: HTTPServer, metadata: dict[str, Any]) -> None:
        self.issuer = server.url_for("").rstrip("/")
        self.session: dict[str, Any] = {}
        self._server = server
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        server.expect_request("/.well-known/openid-configuration").respond_with_json(told | metadata)
        server.expect_request("/keys").respond_with_json({"keys": [KEY.as_dict(private=False)]})
        names = ClaimNames("preferred_username", "roles", {})
        self.provider = IdentityProvider(self.issuer, CLIENT, "secret", "https://certification.example.org", names)

    def _build_request(self, query: str) -> Request:
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/staff/sign-in/callback", "scheme": "https"}
        scope |= {"server": ("example.org", 443), "query_string": query.encode(), "headers": []}
        return Request(scope | {"session": self.session})

    async def begin(self) -> dict[str, str]:
        """Leads to the provider; what the browser brings it."""
        answer = await self.provider.redirect_to_sign_in(self._build_request(""))
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        return {name: values[0] for name, values in asked.items()}

    def build_claims(self, asked: dict[str, str], **changes: Any) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "f:1", "nonce": asked["nonce"], "iat": now, "exp": now + 60}
        return claims | {"preferred_username": "rita", "roles": ["reviewer"]} | changes

    async def come_back(self, id_token: str, state: str) -> Any:
        told = {"access_token": "x", "token_type": "Bearer", "id_token": id_token}
        self._server.expect_request("/token", method="POST").respond_with_json(told)
        return await self.provider.read_identity(self._build_request(f"code=a-code&state={state}"))


def sign(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"} | header, claims, key, algorithms=["RS256", "HS256"])


def write_unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = [{"alg": algorithm, "typ": "JWT"}, claims]
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}."


def build_forgeries(begun: Conversation, asked: dict[str, str]) -> dict[str, str]:
    claims = begun.build_claims(asked)
    hour = 3600
    published = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
    return {
        "another key": sign(claims, ANOTHER),
        "another key by its id": sign(claims, ANOTHER, kid="another"),
        "a key it brings along": sign(claims, ANOTHER, kid="another", jwk=ANOTHER.as_dict(private=False)),
        "no algorithm": write_unsigned(claims, "none"),
        "no signature": write_unsigned(claims, "RS256"),
        "the public key as a secret": sign(claims, published, alg="HS256"),
        "altered": ".".join((*sign(claims).split(".")[:1], *sign(claims | {"sub": "f:2"}).split(".")[1:2], "AAAA")),
        "over": sign(begun.build_claims(asked, exp=claims["exp"] - hour, iat=claims["iat"] - hour)),
        "of another sign-in": sign(begun.build_claims(asked, nonce="another")),
        "of another issuer": sign(begun.build_claims(asked, iss="https://evil.example.org")),
        "for another": sign(begun.build_claims(asked, aud="another")),
        "none": "",
    }


FORGERIES = (
    *("another key", "another key by its id", "a key it brings along", "no algorithm", "no signature"),
    *(
        "the public key as a secret",
        "altered",
        "over",
        "of another sign-in",
        "of another issuer",
        "for another",
        "none",
    ),
)


@pytest.mark.parametrize("what", FORGERIES)
@pytest.mark.parametrize("algorithms", [["RS256"], ["RS256", "HS256", "none"]], ids=["strict", "lenient"])
async def test_a_forged_token_signs_nobody_in(httpserver: HTTPServer, what: str, algorithms: list[str]) -> None:
    """Whatever algorithms the provider's metadata names."""
    begun = Conversation(httpserver, {"id_token_signing_alg_values_supported": algorithms})
    asked = await begun.begin()
    with pytest.raises(SignInFailed):
        await begun.come_back(build_forgeries(begun, asked)[what], asked["state"])


async def test_a_provider_that_signs_with_secrets_alone_signs_nobody_in(httpserver: HTTPServer) -> None:
    begun = Conversation(httpserver, {"id_token_signing_alg_values_supported": ["HS256", "none"]})
    asked = await begun.begin()
    token = sign(begun.build_claims(asked), OctKey.import_key("secret" * 6), alg="HS256")
    with pytest.raises(SignInFailed):
        await begun.come_back(token, asked["state"])


async def test_another_site_begins_no_sign_in(house: House) -> None:
    """Whoever is known to the provider would come back signed in, without having wanted to."""
    for site in ("cross-site", "same-site"):
        answer = await house.browser.get("/staff/sign-in/start", headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in")
    for site in ("same-origin", "none"):
        answer = await house.browser.get("/staff/sign-in/start", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 503  # there is no provider here


async def test_the_true_one_does_in_the_browser_that_asked_once(httpserver: HTTPServer) -> None:
    begun = Conversation(httpserver, {})
    asked = await begun.begin()
    token = sign(begun.build_claims(asked))
    with pytest.raises(SignInFailed):
        await begun.come_back(token, "made-up")
    found = await begun.come_back(token, asked["state"])
    assert (found.issuer, found.subject, found.roles) == (begun.issuer, "f:1", {StaffRole.REVIEWER})
    with pytest.raises(SignInFailed):
        await begun.come_back(token, asked["state"])


async def test_metadata_of_another_issuer_signs_nobody_in(httpserver: HTTPServer) -> None:
    begun = Conversation(httpserver, {"issuer": "https://evil.example.org"})
    asked = await begun.begin()
    with pytest.raises(SignInFailed):
        await begun.come_back(sign(begun.build_claims(asked, iss="https://evil.example.org")), asked["state"])
