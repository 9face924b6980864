"""Stands in for the staff's identity provider: OpenID Connect with demo people anybody may be, on one machine alone.

It asks for no password: that it is reached from this machine only is for the sandbox's settings to see to.
"""

import re
import time
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import respond
from sandbox.identity_provider.oauth import NO_STORE, Handles, Parameters, Refused, bearer, demand_client, verifies
from sandbox.seeds import PEOPLE
from sandbox.store import Document, Shelf

CLIENT_ID = "certify"
CALLBACK = "/staff/sign-in/callback"
ALGORITHM = "RS256"
CODE_SECONDS = 60
TOKEN_SECONDS = 300
KEY = "identity:key"
SCOPES = ("openid", "profile", "email")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VISIBLE = re.compile(r"[!-~]+")
API = ("/.well-known/", "/jwks", "/authorize", "/token", "/userinfo", "/end-session")
# What the page carries on from the request to the choice.
CARRIED = (
    *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
# What is left out of /calls.
CREDENTIALS = {"client_secret", "code", "code_verifier", "id_token_hint"}

NOBODY = "nobody"
NOT_OURS = "The request does not come from the application this provider knows: client or redirect address is another."


class Identity:
    """The provider of one client, the application at `web_url`."""

    def __init__(self, web_url: str, client_secret: str, shelf: Shelf, clock: Callable[[], float] = time.time) -> None:
        self._web_url = web_url
        self._redirect_uri = f"{web_url}{CALLBACK}"
        self._client_secret = client_secret
        self._key = _kept_key(shelf)
        self._clock = clock
        self._people = {_sub(person): person for person in PEOPLE}
        self._codes = Handles(CODE_SECONDS, clock)
        self._tokens = Handles(TOKEN_SECONDS, clock)
        self.controls = _Discreet()

    def app(self) -> Starlette:
        """Its web application."""
        both = ["GET", "POST"]
        routes = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks", self.jwks),
            Route("/authorize", self.authorize, methods=both),
            Route("/token", self.token, methods=["POST"]),
            Route("/userinfo", self.userinfo, methods=both),
            Route("/end-session", self.end_session, methods=both),
            Route("/", self.front),
        ]
        return application(self.controls, routes, API)

    async def discovery(self, request: Request) -> Response:
        """What it offers, and where (OpenID Connect Discovery 1.0)."""
        issuer = _issuer(request)
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "end_session_endpoint": f"{issuer}/end-session",
                "jwks_uri": f"{issuer}/jwks",
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "claims_supported": ["sub", "name", "preferred_username", "email", "roles", "auth_time"],
                "authorization_response_iss_parameter_supported": True,
                "request_uri_parameter_supported": False,
            }
        )

    async def jwks(self, _request: Request) -> Response:
        """The key that signs ID tokens, its public part."""
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """Asks who somebody wants to be; sends the browser back with a code once they said so."""
        asked = await Parameters.of(request)
        if (asked.get("client_id"), asked.get("redirect_uri")) != (CLIENT_ID, self._redirect_uri):
            return _stopped(NOT_OURS)
        try:
            _check(asked)
        except Refused as refusal:
            return self._back(request, asked, error=refusal.error, error_description=refusal.detail)
        chosen = asked.get("person") if request.method == "POST" else ""
        if not chosen:
            return self._page(asked)
        if chosen not in self._people:
            return self._back(request, asked, error="access_denied", error_description="Nobody was chosen")
        return self._back(request, asked, code=self._codes.give(self._grant(asked, chosen)))

    async def token(self, request: Request) -> Response:
        """An ID token and an access token for a code, to the client that proves itself and brings the verifier."""
        asked = await Parameters.of(request)
        asked.demand_unspoiled()
        demand_client(request, asked, CLIENT_ID, self._client_secret)
        if asked.demand("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "Only authorization_code is supported")
        code, redirect_uri, verifier = map(asked.demand, ("code", "redirect_uri", "code_verifier"))
        grant = self._redeemed(code)
        if redirect_uri != self._redirect_uri or not verifies(verifier, grant["code_challenge"]):
            raise Refused("invalid_grant", "The redirect_uri or the code_verifier is not the one of the code")
        grant["access_token"] = self._tokens.give({"sub": grant["sub"]})
        answer = {
            "access_token": grant["access_token"],
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": grant["scope"],
            "id_token": self._id_token(_issuer(request), grant),
        }
        return JSONResponse(answer, headers=NO_STORE)

    async def userinfo(self, request: Request) -> Response:
        """Who the bearer of an access token signed in as."""
        known = self._tokens.find(bearer(request))
        if known is None:
            raise Refused("invalid_token", "The token is unknown or has expired", 401, 'Bearer error="invalid_token"')
        return JSONResponse(self._claims(known["sub"]), headers=NO_STORE)

    async def end_session(self, request: Request) -> Response:
        """Sends the browser back to the application; there is nothing to end, since everybody is asked every time."""
        asked = await Parameters.of(request)
        hint, back = asked.get("id_token_hint"), asked.get("post_logout_redirect_uri")
        foreign = asked.get("client_id") not in ("", CLIENT_ID) or (hint and not self._issued(hint, _issuer(request)))
        if asked.spoiled or foreign or (back and not self._is_of_the_web(back)):
            return _stopped("The request to sign out is not one this provider follows.")
        if not back:
            return respond("You are signed out", "<p>You can close this page.</p>")
        state = {"state": asked.get("state")} if asked.get("state") else {}
        return RedirectResponse(str(URL(back).include_query_params(**state)), status_code=303)

    async def front(self, _request: Request) -> Response:
        """The people, as a page."""
        items = "".join(f"<li>{_described(person)}</li>" for person in PEOPLE)
        return respond("Identity provider", f'<ul class="plain">{items}</ul>')

    def _page(self, asked: Parameters) -> Response:
        carried = "".join(
            f'<input type="hidden" name="{name}" value="{escape(asked.values[name])}">'
            for name in CARRIED
            if name in asked.values
        )
        items = "".join(
            f'<li><button name="person" value="{sub}">{escape(person["name"])}</button> '
            f"<small>{_roles(person)}</small></li>"
            for sub, person in self._people.items()
        )
        nobody = f'<p><button name="person" value="{NOBODY}">Nobody: cancel</button></p>'
        form = f'<form method="post" action="/authorize">{carried}<ul class="plain">{items}</ul>{nobody}</form>'
        address = urlsplit(self._web_url)
        # Choosing leads back to the application, which the page's policy has to allow.
        page = respond("Who do you want to be?", form, leads_to=f"{address.scheme}://{address.netloc}")
        page.headers.update(NO_STORE)
        return page

    def _back(self, request: Request, asked: Parameters, **answer: str) -> Response:
        """Back to the application, with the state it gave and the issuer (RFC 9207)."""
        state = {"state": asked.get("state")} if asked.get("state") else {}
        address = URL(self._redirect_uri).include_query_params(**answer, **state, iss=_issuer(request))
        return RedirectResponse(str(address), status_code=303, headers=NO_STORE)

    def _grant(self, asked: Parameters, sub: str) -> Document:
        """What a code stands for."""
        return {
            "sub": sub,
            "nonce": asked.get("nonce"),
            "scope": " ".join(scope for scope in SCOPES if scope in asked.get("scope").split()),
            "code_challenge": asked.get("code_challenge"),
            "auth_time": int(self._clock()),
            "used": False,
            "access_token": "",
        }

    def _redeemed(self, code: str) -> Document:
        """The grant of a code, the first time; the second time what came of the first is ended too."""
        grant = self._codes.find(code)
        if grant is None:
            raise Refused("invalid_grant", "The code is unknown or has expired")
        if grant["used"]:
            self._tokens.drop(grant["access_token"])
            raise Refused("invalid_grant", "The code was used already")
        grant["used"] = True
        return grant

    def _id_token(self, issuer: str, grant: Document) -> str:
        now = int(self._clock())
        claims = {
            "iss": issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": grant["auth_time"],
            **({"nonce": grant["nonce"]} if grant["nonce"] else {}),
            **self._claims(grant["sub"]),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, [ALGORITHM])

    def _claims(self, sub: str) -> Document:
        person = self._people[sub]
        return {
            "sub": sub,
            "name": person["name"],
            "preferred_username": sub,
            "email": f"{sub}@example.org",
            "roles": person["roles"],
        }

    def _issued(self, id_token: str, issuer: str) -> bool:
        """Whether it is an ID token of ours, expired or not."""
        try:
            claims = jwt.decode(id_token, self._key, [ALGORITHM]).claims
        except (JoseError, ValueError):
            return False
        return (claims.get("iss"), claims.get("aud")) == (issuer, CLIENT_ID)

    def _is_of_the_web(self, address: str) -> bool:
        return VISIBLE.fullmatch(address) is not None and f"{address}/".startswith(f"{self._web_url}/")


class _Discreet(Controls):
    """Notes calls without what somebody proved themselves with."""

    def record(self, method: str, path: str, query: dict[str, str], body: Any, key: str | None) -> dict[str, Any]:
        fields = dict(parse_qsl(body)) if isinstance(body, str) else {}
        return super().record(method, path, _without_credentials(query), _without_credentials(fields) or None, key)


def _without_credentials(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in CREDENTIALS}


def _check(asked: Parameters) -> None:
    """Refused unless it is a code flow with PKCE that a person may be asked about."""
    asked.demand_unspoiled()
    for name in ("request", "request_uri"):
        if name in asked.values:
            raise Refused(f"{name}_not_supported", f"The parameter {name} is not supported")
    if asked.demand("response_type") != "code":
        raise Refused("unsupported_response_type", "Only the response type code is supported")
    if asked.get("response_mode") not in ("", "query"):
        raise Refused("invalid_request", "Only the response mode query is supported")
    if "openid" not in asked.get("scope").split():
        raise Refused("invalid_scope", "The scope openid is missing")
    if asked.demand("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(asked.demand("code_challenge")):
        raise Refused("invalid_request", "A code_challenge of the method S256 is required")
    if "none" in asked.get("prompt").split():
        raise Refused("login_required", "Everybody is asked every time")


def _issuer(request: Request) -> str:
    """The address it was reached at, from the socket; what the caller's Host header says counts for nothing."""
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _kept_key(shelf: Shelf) -> RSAKey:
    """The signing key, made at the first start."""
    kept = shelf.get(KEY, ALGORITHM)
    if kept is None:
        made = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        kept = dict(made.as_dict(private=True))
        shelf.put(KEY, ALGORITHM, kept)
    return RSAKey.import_key(kept)


def _stopped(why: str) -> Response:
    return respond("It can't go on here", f'<p class="message" role="alert">{escape(why)}</p>', 400)


def _sub(person: Document) -> str:
    return str(person["name"]).lower().replace(" ", "-")


def _described(person: Document) -> str:
    return f"<strong>{escape(person['name'])}</strong><small>{_roles(person)}</small>"


def _roles(person: Document) -> str:
    return escape(", ".join(person["roles"]).replace("_", " ") or "no role")
