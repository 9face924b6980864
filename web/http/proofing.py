"""The identity provider that proofs assisters (OpenID Connect, code flow with PKCE): whose name it vouches for (D2)."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from web.http.identity_provider import LONGEST, build_client, read_claims, redirect_to_provider

CALLBACK = "/me/identity/callback"


class NotProofed(Exception):
    """The provider has signed somebody in, and vouches for less than is asked for."""


@dataclass(frozen=True, repr=False)
class ProofedName:
    """The name that the provider vouches for."""

    first: str
    last: str


class ProofingProvider:
    """The provider at ``issuer``; ``acr`` is how surely it has to know who somebody is, as it writes that itself."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, web_url: str, acr: str) -> None:
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._web_url = web_url
        self._acr = acr
        self._client: Any = build_client("assisters", self._issuer, client_id, client_secret)

    async def redirect_to_proofing(self, request: Request) -> Response:
        """To the provider's log-in, which is asked for that surety. Raises `SignInFailed`."""
        return await redirect_to_provider(self._client, request, f"{self._web_url}{CALLBACK}", acr_values=self._acr)

    async def read_proofed_name(self, request: Request) -> ProofedName:
        """Who came back. Raises `SignInFailed`, and `NotProofed` where the provider is less sure, or names nobody."""
        claims = await read_claims(self._client, self._issuer, self._client_id, request)
        if claims.get("acr") != self._acr:
            raise NotProofed
        first, last = (str(claims.get(name) or "").strip() for name in ("given_name", "family_name"))
        if not first or not last or len(first) > LONGEST or len(last) > LONGEST:
            raise NotProofed
        return ProofedName(first, last)
