"""The web process: assembles routes and their services; HTTP only, no rule is decided here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.middleware.sessions import SessionMiddleware
from temporalio.client import Client

from db.engine import Database
from db.reads.counts import check_tables
from db.reads.numbers import StaffNumbers
from domain.shared.documents.dialects import DIALECTS
from domain.shared.senders import ABSORB_SENDER, build_sender
from settings import Settings, load_settings
from starter.client import connect_client
from starter.composition import build_absorb_sender, build_case_services
from starter.mail_route import keep_adopting
from starter.memory import spare_loaded_objects
from starter.policies import load_policies
from starter.previews import LetterPreviews
from templates.certificates import Typesetter
from templates.letters import NoticeRenderer
from web import metrics, own_appeal, own_identity, own_page, own_proof
from web.api import (
    adverse_actions as api_adverse_actions,
    appeals as api_appeals,
    cases as api,
    federal,
    imports as imports_api,
    mail,
    rebuttals,
    seasons as seasons_api,
    webhooks,
)
from web.assister import activation, answer, certificate, contacts, dispute, links as assister_links
from web.gallery.gallery import Gallery
from web.http import error_handlers
from web.http.auth import PUBLIC, find_undeclared_routes
from web.http.defence.senders import KnownSenders, SenderCredential
from web.http.environments import build_environments
from web.http.identity_provider import ClaimNames, IdentityProvider, derive_cookie_key
from web.http.limits import Limits
from web.http.problems import build_problem
from web.http.proofing import ProofingProvider
from web.http.rate_limits import CODE_SHARE, RateLimiter
from web.http.static_files import PREFIX, StaticFiles, load_files
from web.marketplace import (
    agreements,
    certificates,
    next_step,
    portal_pass,
    profile,
    request as marketplace_request,
    sign_in as marketplace_sign_in,
    training,
    visit,
)
from web.own import address, identity_sign_in, kept_form, sign_in
from web.public import badges, home, listed, lists
from web.public.request import form as request_form
from web.services import TEMPLATES, Services, ServicesDep
from web.staff import (
    access_log,
    appeals as staff_appeals,
    case,
    claims as staff_claims,
    dashboard,
    decisions,
    export,
    imports as staff_imports,
    operations,
    queue,
    season as staff_season,
    sessions,
    webhooks as staff_webhooks,
)
from web.staff.desk import addresses, answers, assignments, bulk, kept_form as staff_kept_form, notes, views

log = structlog.get_logger(__name__)


def build_services(settings: Settings, database: Database, client: Client) -> Services:
    """What the process is built of."""
    acting = build_case_services(settings, database, client)
    return Services(
        settings=settings,
        senders=_build_senders(settings),
        database=database,
        cases=acting.cases,
        claims=acting.claims,
        registrations=acting.registrations,
        seasons=acting.seasons,
        appeals=acting.appeals,
        imports=acting.imports,
        bounces=acting.bounces,
        previews=_build_previews(settings, database),
        numbers=StaffNumbers(database),
        rate_limiter=_build_rate_limiter(settings, database),
        identity_provider=_build_identity_provider(settings),
        proofing=_build_proofing_provider(settings),
        pages=build_environments(TEMPLATES),
    )


def _build_previews(settings: Settings, database: Database) -> LetterPreviews:
    """Letters as the worker would write them."""
    places = settings.web_url, settings.portal_url, settings.lms_url, settings.mlms_url
    return LetterPreviews(database, settings.identity_key_bytes, NoticeRenderer(TEMPLATES / "notices"), *places)


def _build_senders(settings: Settings) -> KnownSenders:
    """Who may report. Raises ValueError naming an entry whose kinds its program doesn't have."""
    senders = {
        name: build_sender(
            name,
            one.program,
            one.kinds,
            DIALECTS[one.dialect],
            ZoneInfo(one.zone),
            home_page=one.home_page,
            activities=one.activities,
        )
        for name, one in settings.senders.items()
    }
    credentials = {
        name: SenderCredential(
            secret=_reveal(one.secret),
            check_key=_reveal(one.check_key),
            token=_reveal(one.token),
            user=one.user,
            password=_reveal(one.password),
        )
        for name, one in settings.senders.items()
    }
    # What was asked of Absorb and kept aside is settled here; without a credential it reports nothing itself.
    return KnownSenders(senders | {ABSORB_SENDER: build_absorb_sender(settings)}, credentials)


def _reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _build_rate_limiter(settings: Settings, database: Database) -> RateLimiter:
    return RateLimiter(
        database,
        settings.identity_key_bytes,
        {
            "request": settings.rate_request,
            "look_up": settings.rate_look_up,
            "sign_in": settings.rate_sign_in,
            "code": settings.rate_code,
            "code_letter": settings.rate_code_letter,
            "code_share": f"{max(1, settings.codes_an_hour // CODE_SHARE)}/hour",
            "api": settings.rate_api,
            "wrong_credential": settings.rate_wrong_credential,
        },
    )


def _build_identity_provider(settings: Settings) -> IdentityProvider | None:
    if not settings.oidc_issuer:
        return None
    return IdentityProvider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        settings.web_url,
        ClaimNames(settings.oidc_actor_claim, settings.oidc_roles_claim, settings.oidc_role_names),
    )


def _build_proofing_provider(settings: Settings) -> ProofingProvider | None:
    if not settings.proofing_issuer:
        return None
    return ProofingProvider(
        settings.proofing_issuer,
        settings.proofing_client_id,
        settings.proofing_client_secret.get_secret_value(),
        settings.web_url,
        settings.proofing_acr,
        settings.proofing_sign_in_acr or settings.proofing_acr,
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application over the settings given, or this process's own."""
    if settings is None:
        settings = load_settings()
        load_policies(settings.policies, trying=settings.trying)
    _build_senders(settings)  # a fault in an entry is told before anybody is served

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = Database(settings.database_url)
            stack.push_async_callback(database.close)
            # It connects with its first call: requests and webhooks are stored while Temporal is down.
            client = await connect_client(lazy=True)
            services = build_services(settings, database, client)
            stack.push_async_callback(services.cases.close)
            app.state.services = services
            app.state.temporal = client
            following = asyncio.create_task(keep_adopting(database))
            stack.callback(following.cancel)
            spare_loaded_objects()
            yield

    app = FastAPI(
        title="Assister certification",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.public_openapi else None,
    )
    # Remembers a log-in under way, and nothing else.
    app.add_middleware(
        SessionMiddleware,
        secret_key=derive_cookie_key(settings.identity_key_bytes),
        # Under the whole site's path: staff and assisters sign in, and a browser sees to it that no other host sets it.
        session_cookie="__Host-sign-in" if settings.is_secure else "sign-in",
        path="/",
        max_age=600,
        https_only=settings.is_secure,
    )
    app.add_middleware(Limits, own_url=settings.web_url, key=settings.identity_key_bytes)
    error_handlers.install_handlers(app)
    federal.install_handlers(app)
    assister_links.install_handlers(app)
    visit.install_handlers(app)
    sign_in.install_handlers(app)
    staff_kept_form.install_handlers(app)
    assister = (answer, contacts, dispute, certificate, activation)
    marketplace = (
        marketplace_sign_in,
        marketplace_request,
        profile,
        training,
        agreements,
        certificates,
        portal_pass,
        next_step,
    )
    staff = (
        views,
        queue,
        export,
        case,
        decisions,
        answers,
        addresses,
        notes,
        assignments,
        bulk,
        staff_appeals,
        staff_claims,
        staff_season,
        staff_imports,
        staff_webhooks,
        dashboard,
        operations,
        access_log,
        staff_kept_form,
    )
    for module in (
        api,
        api_adverse_actions,
        rebuttals,
        api_appeals,
        federal,
        imports_api,
        seasons_api,
        webhooks,
        mail,
        request_form,
        sign_in,
        identity_sign_in,
        kept_form,
        address,
        own_page,
        own_appeal,
        own_proof,
        own_identity,
        *assister,
        badges,
        home,
        listed,
        lists,
        sessions,
        *staff,
        *marketplace,
    ):
        app.include_router(module.router)
    if settings.gallery:
        app.include_router(Gallery(NoticeRenderer(TEMPLATES / "notices"), Typesetter()).router)
    app.mount(PREFIX, StaticFiles(load_files()), name="static")
    _add_health_routes(app)
    if settings.public_metrics:
        app.include_router(metrics.router)
    if paths := find_undeclared_routes(app.routes):
        raise RuntimeError(f"These routes don't declare who may call them: {', '.join(paths)}.")
    return app


def _add_health_routes(app: FastAPI) -> None:
    @app.get("/healthz", dependencies=[PUBLIC], tags=["health"])
    async def healthz() -> JSONResponse:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    @app.get(
        "/readyz",
        dependencies=[PUBLIC],
        tags=["health"],
        responses={503: {"description": "Database or Temporal does not answer."}},
    )
    async def readyz(services: ServicesDep) -> JSONResponse:
        """Database and Temporal answer."""
        checks = {"database": services.database.read(check_tables), "temporal": _check_temporal(app.state.temporal)}
        failed = []
        for name, check in checks.items():
            try:
                await asyncio.wait_for(check, 5)
            except Exception as error:
                log.warning("not ready", part=name, error=type(error).__name__)
                failed.append(name)
        if failed:
            return build_problem(503, f"Not answering: {', '.join(failed)}.")
        return JSONResponse({"status": "ready"})


async def _check_temporal(client: Client) -> None:
    if not await client.service_client.check_health():
        raise RuntimeError("not serving")
