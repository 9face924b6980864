"""The web process: assembles routes and their parts; HTTP only, no rule is decided here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from temporalio.client import Client

from db.engine import Database
from db.inbox import Inbox
from db.people import People
from db.publications import Publications
from db.records import Records
from db.registrations import Registrations
from db.views import Views
from settings import Settings, load
from starter.cases import Cases
from starter.client import connect
from starter.courier import Courier
from starter.marketplace import Marketplace
from starter.schedules import ensure_schedules
from web import (
    api,
    assister,
    federal,
    lists,
    portal,
    portal_agreements,
    portal_profile,
    portal_training,
    problems,
    registry,
    request_form,
    webhooks,
)
from web.auth import Parts
from web.door import STATIC, TEMPLATES, Door
from web.limits import Limits
from web.problems import problem
from web.text import environment

log = structlog.get_logger(__name__)


def build_door(settings: Settings, database: Database, client: Client) -> Door:
    """The process's parts."""
    records, inbox = Records(database, settings.key), Inbox(database)
    cases = Cases(client, People(database, settings.key), records, inbox, settings.task_queue)
    vendors = {name: vendor.url for name, vendor in settings.vendors.items()}
    marketplace = Marketplace(cases, Registrations(database, settings.key), records, vendors)
    return Door(
        settings, cases, marketplace, Views(database), Publications(database), inbox, records, environment(TEMPLATES)
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application over the settings given, or this process's own."""
    settings = settings or load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = Database(settings.database_url)
            stack.push_async_callback(database.close)
            client = await connect(lazy=True)
            parts = build_door(settings, database, client)
            app.state.door = parts
            app.state.temporal = client
            for work in (Courier(parts.cases, parts.inbox).run(), ensure_schedules(client, settings.task_queue)):
                stack.push_async_callback(_stop, asyncio.create_task(work))
            yield

    app = FastAPI(
        title="beWellnm assister certification", version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_middleware(Limits)
    problems.install(app)
    pages = (portal, portal_profile, portal_training, portal_agreements)
    for module in (api, federal, webhooks, request_form, assister, registry, lists, *pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_health(app)
    return app


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> JSONResponse:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", tags=["health"], responses={503: {"description": "Database or Temporal does not answer."}})
    async def readyz(parts: Parts) -> JSONResponse:
        """Database and Temporal answer."""
        checks = {"database": parts.views.alive(), "temporal": _temporal(app.state.temporal)}
        failed = []
        for name, check in checks.items():
            try:
                await asyncio.wait_for(check, 5)
            except Exception as error:
                log.warning("not ready", part=name, error=type(error).__name__)
                failed.append(name)
        if failed:
            return problem(503, f"Not answering: {', '.join(failed)}.")
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", tags=["health"])
    async def metrics(parts: Parts) -> PlainTextResponse:
        """Cases by stage, and webhook events waiting for delivery, for Prometheus."""
        kept = CollectorRegistry()
        stages = Gauge("certify_cases", "Cases by stage", ["stage"], registry=kept)
        pending = Gauge("certify_inbox_pending", "Webhook events not yet delivered", registry=kept)
        counts = await parts.views.counts()
        pending.set(counts.pop("inbox_pending"))
        for stage, count in counts.items():
            stages.labels(stage).set(count)
        return PlainTextResponse(generate_latest(kept), media_type=CONTENT_TYPE_LATEST)


async def _temporal(client: Client) -> None:
    if not await client.service_client.check_health():
        raise RuntimeError("not serving")
