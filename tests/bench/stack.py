"""A running stack with a load driver beside it: on SQLite, or on a PostgreSQL server of its own."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
from temporalio.client import Client

from starter.client import connect_client
from starter.stack.embedded import build_children, run_stack
from starter.stack.plan import Plan
from starter.stack.processes import Child
from tests.bench import load
from tests.fixtures import postgres
from tests.support.world import World


@dataclass(frozen=True)
class BenchStack:
    """What a part drives and watches."""

    world: World
    waits: load.Waits
    client: Client


@asynccontextmanager
async def open_stack(folder: Path, database: str = "", **settings: str) -> AsyncIterator[BenchStack]:
    """A stack for the time of a block, with these settings; on SQLite unless a database's URL is given."""
    own = {**settings, **({"CERTIFY_DATABASE_URL": database} if database else {})}

    def build(plan: Plan) -> tuple[Child, ...]:
        return tuple(_give_settings(child, own) for child in build_children(plan))

    # The web closes a connection that rests for five seconds, perhaps just as a request is sent over it.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=2)
    async with run_stack(folder, build=build) as document, httpx2.AsyncClient(timeout=120, limits=limits) as http:
        os.environ["TEMPORAL_ADDRESS"] = document["temporal"]
        async with load.watching(database or f"sqlite:///{folder / 'app.sqlite'}") as waits:
            yield BenchStack(World(document, http), waits, await connect_client())


def _give_settings(child: Child, settings: Mapping[str, str]) -> Child:
    return replace(child, environment={**child.environment, **settings}) if child.name != "temporal" else child


@contextmanager
def run_postgres() -> Iterator[str]:
    """A PostgreSQL server for the time of a block; the URL of an empty database there."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        with postgres.server(folder), postgres.database(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)
