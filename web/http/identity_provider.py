"""The identity provider of staff (OpenID Connect, code flow with PKCE): who somebody is; no session is opened here."""

import hmac
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from fastapi.responses import Response

from domain.shared.traces import locate_error
from web.http.permissions import StaffRole, parse_roles

log = structlog.get_logger(__name__)
SCOPE = "openid profile email"
CALLBACK = "/staff/sign-in/callback"
LONGEST = 200
# What a token may be signed with, whatever the provider says: a key pair's, never a secret's, and never nothing.
SIGNED_WITH = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})


class SignInFailed(Exception):
    """The provider could not be asked, refused, or said something we can't trust."""


class NothingSaid(SignInFailed):
    """The provider vouches for nobody, good or bad: it was cancelled there, or the provider could not be asked."""


@dataclass(frozen=True)
class ClaimNames:
    """Which claims name the actor and list the roles, and what stands for which role of ours."""

    actor: str
    roles: str
    role_names: Mapping[str, str]


@dataclass(frozen=True)
class StaffIdentity:
    """Somebody the provider vouches for."""

    issuer: str
    subject: str
    actor: str
    name: str
    roles: frozenset[StaffRole]


class IdentityProvider:
    """The provider at ``issuer``; it sends people back to our ``web_url``."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, web_url: str, claims: ClaimNames) -> None:
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._web_url = web_url
        self._claims = claims
        self._client: Any = build_client("staff", self._issuer, client_id, client_secret)

    async def redirect_to_sign_in(self, request: Request) -> Response:
        """To the provider's log-in; state, nonce and verifier wait in the signed cookie. Raises `SignInFailed`."""
        return await redirect_to_provider(self._client, request, f"{self._web_url}{CALLBACK}")

    async def read_identity(self, request: Request) -> StaffIdentity:
        """Who came back. Raises `SignInFailed`."""
        claims = await read_claims(self._client, self._issuer, self._client_id, request)
        subject = str(claims.get("sub") or "")
        actor = str(read_claim(claims, self._claims.actor) or "").strip()[:LONGEST]
        if not actor or not subject or len(subject) > LONGEST:
            raise SignInFailed
        name = str(claims.get("name") or actor).strip()[:LONGEST]
        return StaffIdentity(self._issuer, subject, actor, name, self.parse_claimed_roles(claims))

    def parse_claimed_roles(self, claims: Mapping[str, Any]) -> frozenset[StaffRole]:
        """The roles of ours that the claim lists. A mapping that is set is exclusive: what isn't in it is no role."""
        said = read_claim(claims, self._claims.roles)
        names = [str(one) for one in said] if isinstance(said, list) else [str(said or "")]
        if mapped := self._claims.role_names:
            return parse_roles(mapped[name] for name in names if name in mapped)
        return parse_roles(names)


def build_client(name: str, issuer: str, client_id: str, client_secret: str) -> Any:
    """A client of the provider at ``issuer``; ``name`` tells its log-ins under way from those of others."""
    return OAuth().register(
        name,
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "code_challenge_method": "S256", "timeout": 10},
    )


async def redirect_to_provider(client: Any, request: Request, callback: str, **asked: str) -> Response:
    """To the provider's log-in, with what is ``asked`` of it besides. Raises `SignInFailed`."""
    try:
        answer: Response = await client.authorize_redirect(request, callback, **asked)
    except Exception as error:
        raise _log_failure(error) from None
    return answer


async def read_claims(
    client: Any, issuer: str, client_id: str, request: Request, besides: Collection[str] = ()
) -> Mapping[str, Any]:
    """What the provider vouches for of who came back, in a token for us alone.

    Claims in ``besides`` that the token lacks are read from the user info: some providers have them there alone.

    Raises `SignInFailed`, and of those `NothingSaid` where the provider has told of an error, or can't be asked.
    """
    if request.query_params.get("error"):
        log.warning("sign-in failed", error="the provider answered with an error")
        raise NothingSaid
    try:
        metadata = await client.load_server_metadata()
        if str(metadata.get("issuer", "")).rstrip("/") != issuer:
            raise SignInFailed
        limit_algorithms(metadata)
        check_answering_issuer(metadata, request.query_params.get("iss"))
        token = await client.authorize_access_token(request)
        claims: dict[str, Any] = dict(token.get("userinfo") or {})
        check_audience(claims, client_id)
        if metadata.get("userinfo_endpoint") and not claims.keys() >= set(besides):
            claims |= _pick_missing(claims, await client.userinfo(token=token), besides)
    except httpx2.HTTPError as error:
        _log_failure(error)
        raise NothingSaid from None
    except Exception as error:  # of the transport, the protocol, the token: all of them mean nobody is signed in
        raise _log_failure(error) from None
    return claims


def _pick_missing(claims: Mapping[str, Any], told: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """What the user info adds to a token's claims: of the same subject, and nothing else. Raises `SignInFailed`."""
    if told.get("sub") != claims.get("sub"):
        raise SignInFailed
    return {name: told[name] for name in names if name in told and name not in claims}


def read_claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the names on the way to it with dots between: ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    """Refuses a token that isn't for us alone, or was given to another client. Raises `SignInFailed`."""
    audience = claims.get("aud")
    if audience not in (client_id, [client_id]) or claims.get("azp", client_id) != client_id:
        log.warning("sign-in failed", error="a token for somebody else")
        raise SignInFailed


def limit_algorithms(metadata: MutableMapping[str, Any]) -> None:
    """Leaves the library, which believes what the metadata names, no other than ours. Raises `SignInFailed`."""
    named = "id_token_signing_alg_values_supported"
    allowed = [one for one in metadata.get(named) or ["RS256"] if one in SIGNED_WITH]
    if not allowed:
        log.warning("sign-in failed", error="a provider without an algorithm we take")
        raise SignInFailed
    metadata[named] = allowed


def check_answering_issuer(metadata: Mapping[str, Any], answering: str | None) -> None:
    """Refuses an answer that another provider has sent (RFC 9207). Raises `SignInFailed`."""
    says_so = metadata.get("authorization_response_iss_parameter_supported") is True
    if (answering or says_so) and answering != metadata.get("issuer"):
        log.warning("sign-in failed", error="an answer of another issuer")
        raise SignInFailed


def _log_failure(error: Exception) -> SignInFailed:
    """The failure by its place alone: what the provider said may hold tokens."""
    log.warning("sign-in failed", error=type(error).__name__, where=locate_error(error))
    return SignInFailed()


def derive_cookie_key(key: bytes) -> str:
    """The key of the cookie that remembers a log-in under way."""
    return hmac.new(key, b"sign-in", "sha256").hexdigest()
