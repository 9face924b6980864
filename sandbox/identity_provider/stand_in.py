"""Stands in for an identity provider, of staff and of assisters: OpenID Connect with demo people whom anybody may be.

It asks for no password, so it must be reached from this machine only. The sandbox's settings see to that.
"""

import re
import time
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.pages import find_origin, render_list, render_message, respond_with_page
from sandbox.identity_provider.oauth import (
    NO_STORE,
    OAuthParameters,
    OAuthProblem,
    TokenStore,
    is_verifier_of,
    read_bearer_token,
    require_client,
)
from sandbox.seeds import DEMO_ASSISTERS, DEMO_PEOPLE, PROOFED, SIGNED_IN
from sandbox.store import Document, DocumentStore

CLIENT_ID, ASSISTERS_CLIENT_ID = "certify", "certify-assisters"
CALLBACKS = {
    CLIENT_ID: ("/staff/sign-in/callback",),
    ASSISTERS_CLIENT_ID: ("/me/identity/callback", "/me/sign-in/callback"),
}
ALGORITHM = "RS256"
CODE_SECONDS = 60
TOKEN_SECONDS = 300
SIGNING_KEY = "identity:key"
SCOPES = ("openid", "profile", "email")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
# No spaces and no line breaks: an address with these could add headers to an answer.
VISIBLE_ASCII = re.compile(r"[!-~]+")
API_PATHS = ("/.well-known/", "/jwks", "/authorize", "/token", "/userinfo", "/end-session")
# Parameters that the page hands on from the request to the choice.
PAGE_PARAMETERS = (
    *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
# What is left out of /calls.
CREDENTIALS = {"client_secret", "code", "code_verifier", "id_token_hint"}

NOBODY = "nobody"
UNKNOWN_CLIENT = (
    "The request does not come from the application this provider knows: client or redirect address differs."
)


class IdentityProviderStandIn:
    """The provider of the application at `web_url`: of its staff, and by another client of the assisters there."""

    def __init__(
        self, web_url: str, client_secret: str, store: DocumentStore, clock: Callable[[], float] = time.time
    ) -> None:
        self._web_url = web_url
        self._redirect_uris = {client: [f"{web_url}{path}" for path in paths] for client, paths in CALLBACKS.items()}
        self._client_secret = client_secret
        self._key = _load_signing_key(store)
        self._clock = clock
        self._people_of = {
            client: {_build_subject(person): person for person in people}
            for client, people in ((CLIENT_ID, DEMO_PEOPLE), (ASSISTERS_CLIENT_ID, DEMO_ASSISTERS))
        }
        self._people = {sub: person for people in self._people_of.values() for sub, person in people.items()}
        self._codes = TokenStore(CODE_SECONDS, clock)
        self._tokens = TokenStore(TOKEN_SECONDS, clock)
        self.controls = _ControlsWithoutCredentials()

    def build_app(self) -> Starlette:
        """Its web application."""
        both = ["GET", "POST"]
        routes = [
            Route("/.well-known/openid-configuration", self.show_configuration),
            Route("/jwks", self.show_keys),
            Route("/authorize", self.authorize_browser, methods=both),
            Route("/token", self.issue_tokens, methods=["POST"]),
            Route("/userinfo", self.show_user_info, methods=both),
            Route("/end-session", self.end_session, methods=both),
            Route("/", self.show_front_page),
        ]
        return build_application(self.controls, routes, API_PATHS)

    async def show_configuration(self, request: Request) -> Response:
        """What it offers, and where (OpenID Connect Discovery 1.0)."""
        issuer = _find_issuer(request)
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
                "acr_values_supported": [PROOFED, SIGNED_IN],
                "claims_supported": [
                    *("sub", "name", "given_name", "family_name", "preferred_username", "email"),
                    *("email_verified", "roles", "acr", "auth_time"),
                ],
                "authorization_response_iss_parameter_supported": True,
                "request_uri_parameter_supported": False,
            }
        )

    async def show_keys(self, _request: Request) -> Response:
        """The key that signs ID tokens, its public part."""
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def authorize_browser(self, request: Request) -> Response:
        """Asks who somebody wants to be, and sends the browser back with a code for that person."""
        parameters = await OAuthParameters.read_from(request)
        client = parameters.get("client_id")
        if client not in self._redirect_uris or parameters.get("redirect_uri") not in self._redirect_uris[client]:
            return _respond_with_refusal(UNKNOWN_CLIENT)
        try:
            _check_authorization(parameters)
        except OAuthProblem as refusal:
            return self._redirect_back(request, parameters, error=refusal.error, error_description=refusal.detail)
        # In an address a person counts for nothing: a link alone must not sign anybody in.
        person = parameters.get("person") if request.method == "POST" else ""
        if not person:
            return self._respond_with_choice(parameters)
        if person not in self._people_of[client]:
            return self._redirect_back(
                request, parameters, error="access_denied", error_description="Nobody was chosen"
            )
        return self._redirect_back(
            request, parameters, code=self._codes.issue_token(self._build_grant(parameters, person))
        )

    async def issue_tokens(self, request: Request) -> Response:
        """An ID token and an access token for a code, to the client that proves itself and brings the verifier."""
        parameters = await OAuthParameters.read_from(request)
        parameters.require_well_formed()
        client = require_client(request, parameters, self._redirect_uris, self._client_secret)
        if parameters.require_value("grant_type") != "authorization_code":
            raise OAuthProblem("unsupported_grant_type", "Only authorization_code is supported")
        code, redirect_uri, verifier = map(parameters.require_value, ("code", "redirect_uri", "code_verifier"))
        grant = self._redeem_code(code)
        is_of_client = grant["client"] == client and redirect_uri == grant["redirect_uri"]
        if not is_of_client or not is_verifier_of(verifier, grant["code_challenge"]):
            raise OAuthProblem("invalid_grant", "The redirect_uri or the code_verifier is not the one of the code")
        grant["access_token"] = self._tokens.issue_token({"sub": grant["sub"]})
        answer = {
            "access_token": grant["access_token"],
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": grant["scope"],
            "id_token": self._sign_id_token(_find_issuer(request), grant),
        }
        return JSONResponse(answer, headers=NO_STORE)

    async def show_user_info(self, request: Request) -> Response:
        """Who the bearer of an access token signed in as."""
        grant = self._tokens.find_document(read_bearer_token(request))
        if grant is None:
            raise OAuthProblem(
                "invalid_token", "The token is unknown or has expired", 401, 'Bearer error="invalid_token"'
            )
        return JSONResponse(self._build_claims(grant["sub"]), headers=NO_STORE)

    async def end_session(self, request: Request) -> Response:
        """Sends the browser back to the application; there is nothing to end, since everybody is asked every time."""
        parameters = await OAuthParameters.read_from(request)
        hint, back = parameters.get("id_token_hint"), parameters.get("post_logout_redirect_uri")
        foreign = parameters.get("client_id") not in ("", *self._redirect_uris) or (
            hint and not self._has_issued(hint, _find_issuer(request))
        )
        if not parameters.well_formed or foreign or (back and not self._is_of_application(back)):
            return _respond_with_refusal("The request to sign out is not one this provider follows.")
        if not back:
            return respond_with_page("You are signed out", "<p>You can close this page.</p>")
        state = {"state": parameters.get("state")} if parameters.get("state") else {}
        return RedirectResponse(str(URL(back).include_query_params(**state)), status_code=303)

    async def show_front_page(self, _request: Request) -> Response:
        """The people, as a page."""
        items = (
            f"<strong>{escape(person['name'])}</strong><small>{_describe_roles(person)}</small>"
            for person in (*DEMO_PEOPLE, *DEMO_ASSISTERS)
        )
        return respond_with_page("Identity provider", render_list(items, "Nobody."))

    def _respond_with_choice(self, parameters: OAuthParameters) -> Response:
        handed_on = "".join(
            f'<input type="hidden" name="{name}" value="{escape(parameters.values[name])}">'
            for name in PAGE_PARAMETERS
            if name in parameters.values
        )
        people = (
            f'<button name="person" value="{subject}">{escape(person["name"])}</button> '
            f"<small>{_describe_roles(person)}</small>"
            for subject, person in self._people_of[parameters.get("client_id")].items()
        )
        nobody = f'<p><button name="person" value="{NOBODY}">Nobody: cancel</button></p>'
        buttons = render_list(people, "Nobody.")
        form = f'<form method="post" action="/authorize">{handed_on}{buttons}{nobody}</form>'
        page = respond_with_page("Who do you want to be?", form, redirects_to=find_origin(self._web_url))
        page.headers.update(NO_STORE)
        return page

    def _redirect_back(self, request: Request, parameters: OAuthParameters, **answer: str) -> Response:
        """Back to the application, with the state it gave and the issuer (RFC 9207)."""
        state = {"state": parameters.get("state")} if parameters.get("state") else {}
        address = URL(parameters.get("redirect_uri")).include_query_params(**answer, **state, iss=_find_issuer(request))
        return RedirectResponse(str(address), status_code=303, headers=NO_STORE)

    def _build_grant(self, parameters: OAuthParameters, sub: str) -> Document:
        """What a code stands for."""
        return {
            "sub": sub,
            "client": parameters.get("client_id"),
            "redirect_uri": parameters.get("redirect_uri"),
            "nonce": parameters.get("nonce"),
            "scope": " ".join(scope for scope in SCOPES if scope in parameters.get("scope").split()),
            "code_challenge": parameters.get("code_challenge"),
            "auth_time": int(self._clock()),
            "used": False,
            "access_token": "",
        }

    def _redeem_code(self, code: str) -> Document:
        """The grant of a code, the first time; bringing it a second time revokes the token that it gave.

        The second may be a thief, or the first was one: neither keeps anything (RFC 6749, 4.1.2).
        """
        grant = self._codes.find_document(code)
        if grant is None:
            raise OAuthProblem("invalid_grant", "The code is unknown or has expired")
        if grant["used"]:
            self._tokens.revoke_token(grant["access_token"])
            raise OAuthProblem("invalid_grant", "The code was used already")
        grant["used"] = True
        return grant

    def _sign_id_token(self, issuer: str, grant: Document) -> str:
        now = int(self._clock())
        claims = {
            "iss": issuer,
            "aud": grant["client"],
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": grant["auth_time"],
            **({"nonce": grant["nonce"]} if grant["nonce"] else {}),
            **self._build_claims(grant["sub"]),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, [ALGORITHM])

    def _build_claims(self, sub: str) -> Document:
        person = self._people[sub]
        return {
            "sub": sub,
            "preferred_username": sub,
            "email": f"{sub}@example.org",
            **person,
        }

    def _has_issued(self, id_token: str, issuer: str) -> bool:
        """Whether it is an ID token of ours, expired or not."""
        try:
            claims = jwt.decode(id_token, self._key, [ALGORITHM]).claims
        except (JoseError, ValueError):
            return False
        return claims.get("iss") == issuer and claims.get("aud") in self._redirect_uris

    def _is_of_application(self, address: str) -> bool:
        return VISIBLE_ASCII.fullmatch(address) is not None and f"{address}/".startswith(f"{self._web_url}/")


class _ControlsWithoutCredentials(Controls):
    """Records calls without what somebody proved themselves with: /calls is open to everybody on this machine."""

    def record_call(self, method: str, path: str, query: dict[str, str], body: Any, key: str | None) -> dict[str, Any]:
        fields = dict(parse_qsl(body)) if isinstance(body, str) else {}
        return super().record_call(
            method, path, _leave_out_credentials(query), _leave_out_credentials(fields) or None, key
        )


def _leave_out_credentials(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in CREDENTIALS}


def _check_authorization(parameters: OAuthParameters) -> None:
    """Refused unless it asks for the code flow with PKCE, and allows a person to be asked."""
    parameters.require_well_formed()
    for name in ("request", "request_uri"):
        if name in parameters.values:
            raise OAuthProblem(f"{name}_not_supported", f"The parameter {name} is not supported")
    if parameters.require_value("response_type") != "code":
        raise OAuthProblem("unsupported_response_type", "Only the response type code is supported")
    if parameters.get("response_mode") not in ("", "query"):
        raise OAuthProblem("invalid_request", "Only the response mode query is supported")
    if "openid" not in parameters.get("scope").split():
        raise OAuthProblem("invalid_scope", "The scope openid is missing")
    if parameters.require_value("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(
        parameters.require_value("code_challenge")
    ):
        raise OAuthProblem("invalid_request", "A code_challenge of the method S256 is required")
    if "none" in parameters.get("prompt").split():
        raise OAuthProblem("login_required", "Everybody is asked every time")


def _find_issuer(request: Request) -> str:
    """The address it was reached at, from the socket: a caller could write anything into the Host header."""
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _load_signing_key(store: DocumentStore) -> RSAKey:
    """The signing key, made at the first start and kept, so that ID tokens stay valid over a restart."""
    kept = store.find_document(SIGNING_KEY, ALGORITHM)
    if kept is None:
        made = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        kept = dict(made.as_dict(private=True))
        store.save_document(SIGNING_KEY, ALGORITHM, kept)
    return RSAKey.import_key(kept)


def _respond_with_refusal(why: str) -> Response:
    return respond_with_page("It can't go on here", render_message(why), 400)


def _build_subject(person: Document) -> str:
    return str(person["name"]).lower().replace(" ", "-")


def _describe_roles(person: Document) -> str:
    if "acr" in person:
        return "identity proofed" if person["acr"] == PROOFED else "not proofed"
    return escape(", ".join(person["roles"]).replace("_", " ") or "no role")
