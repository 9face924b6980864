"""The identity provider that proofs assisters (OpenID Connect, code flow with PKCE): whose name it vouches for (D2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from domain.shared.documents.fields import Email
from web.http.identity_provider import LONGEST, SignInFailed, build_client, read_claims, redirect_to_provider

CALLBACK, SIGN_IN_CALLBACK = "/me/identity/callback", "/me/sign-in/callback"

# What a provider may tell by its user info alone; how sure it is stands in the signed token.
NAME, ADDRESS = ("given_name", "family_name"), ("email", "email_verified")


class _Verified(BaseModel):
    email: Email


class NotProofed(Exception):
    """The provider has signed somebody in, and vouches for less than is asked for."""


@dataclass(frozen=True, repr=False)
class ProofedName:
    """The name that the provider vouches for, and by which subject it knows who has it."""

    first: str
    last: str
    issuer: str
    subject: str


@dataclass(frozen=True, repr=False)
class SignedInIdentity:
    """Somebody whom the provider has signed in; ``email`` is None unless it says that it has verified it."""

    issuer: str
    subject: str
    email: str | None


class ProofingProvider:
    """The provider at ``issuer``; ``acr`` is how surely it has to know who somebody is, as it writes that itself.

    ``sign_in_acr`` is what is enough to sign in; who is known more surely is let in, too.
    """

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, web_url: str, acr: str, sign_in_acr: str
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._web_url = web_url
        self._acr, self._sign_in_acr = acr, sign_in_acr
        self._client: Any = build_client("assisters", self._issuer, client_id, client_secret)
        # Of another name, so that what was begun as one of both is never finished as the other.
        self._sign_in_client: Any = build_client("own-sign-in", self._issuer, client_id, client_secret)

    async def redirect_to_proofing(self, request: Request) -> Response:
        """To the provider's log-in, which is asked for that surety. Raises `SignInFailed`."""
        return await redirect_to_provider(self._client, request, f"{self._web_url}{CALLBACK}", acr_values=self._acr)

    async def read_proofed_name(self, request: Request) -> ProofedName:
        """Who came back. Raises `SignInFailed`, and `NotProofed` where the provider is less sure, or names nobody."""
        claims = await read_claims(self._client, self._issuer, self._client_id, request, NAME)
        if claims.get("acr") != self._acr:
            raise NotProofed
        first, last = (str(claims.get(name) or "").strip() for name in NAME)
        if not first or not last or len(first) > LONGEST or len(last) > LONGEST:
            raise NotProofed
        return ProofedName(first, last, self._issuer, _read_subject(claims))

    async def redirect_to_sign_in(self, request: Request) -> Response:
        """To the provider's log-in, where nothing is to be proven. Raises `SignInFailed`."""
        callback = f"{self._web_url}{SIGN_IN_CALLBACK}"
        return await redirect_to_provider(self._sign_in_client, request, callback, acr_values=self._sign_in_acr)

    async def read_signed_in(self, request: Request) -> SignedInIdentity:
        """Who came back. Raises `SignInFailed`, and `NotProofed` where the provider is less sure than is asked for."""
        claims = await read_claims(self._sign_in_client, self._issuer, self._client_id, request, ADDRESS)
        if claims.get("acr") not in (self._acr, self._sign_in_acr):
            raise NotProofed
        return SignedInIdentity(self._issuer, _read_subject(claims), _read_verified_email(claims))


def _read_subject(claims: Mapping[str, Any]) -> str:
    """By what the provider knows somebody, for good. Raises `SignInFailed`."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST:
        raise SignInFailed
    return subject


def _read_verified_email(claims: Mapping[str, Any]) -> str | None:
    """The address that is somebody's by the provider's own word; None where it doesn't say so, or it is no address."""
    if claims.get("email_verified") is not True:
        return None
    try:
        return _Verified.model_validate({"email": claims.get("email")}).email
    except ValidationError:
        return None
