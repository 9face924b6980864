"""What the tests of the pages share: the web application over a real database and a real Temporal server, no worker."""

import base64
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from jinja2 import Environment

from db.engine import Database
from settings import Settings
from starter import schedules
from starter.client import RPC_TIMEOUT, connect_client
from starter.stack import temporal_server
from starter.stack.processes import choose_ports, send_request
from tests.support.patience import PATIENCE
from tests.web.house import House
from web.app import build_services, create_app
from web.http.environments import build_environments
from web.services import TEMPLATES


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Temporal development server."""
    ports = choose_ports(("temporal", "ui", "http"), {})
    folder = tmp_path_factory.mktemp("temporal")
    command = temporal_server.build_command(folder / "temporal.sqlite", ports["temporal"], ports["ui"], ports["http"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment) as process:
        try:
            _wait_for(ports["http"])
            yield f"127.0.0.1:{ports['temporal']}"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """The application, whose routes take as long to build as most tests to run; it has no services yet."""
    return create_app(settings_of(Path("/nowhere")))


@pytest.fixture(scope="session")
def pages() -> Mapping[str, Environment]:
    """The pages' templates, each compiled once."""
    return build_environments(TEMPLATES)


@pytest.fixture
async def house(
    app: FastAPI,
    pages: Mapping[str, Environment],
    migrated_sqlite_url: str,
    temporal: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    """The application and a browser, a database of its own each time."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    # No worker answers here: what asks Temporal is only worth a moment's wait.
    monkeypatch.setattr("starter.temporal.RPC_TIMEOUT", RPC_TIMEOUT / 20)
    settings = settings_of(tmp_path)
    assert settings.database_url == migrated_sqlite_url
    database = Database(settings.database_url)
    services = replace(build_services(settings, database, await connect_client(lazy=True)), pages=pages)
    monkeypatch.setattr(app.state, "services", services, raising=False)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://certify.example.org") as browser:
        yield House(browser, services, database)
    await database.close()


@pytest.fixture
async def scheduled(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """The same, with the schedules that a worker would have made; a slow machine's Temporal isn't called down."""
    monkeypatch.setattr("starter.operations.SECONDS", PATIENCE)
    temporal = house.services.cases.temporal
    await schedules.ensure_schedules(temporal, "nobody's")
    yield house
    for one in [one async for one in await temporal.list_schedules()]:
        await temporal.get_schedule_handle(one.id).delete()


def build_test_secret(name: str) -> str:
    """A webhook secret of somebody's own."""
    return "whsec_" + base64.b64encode(f"a secret of {name}, for tests".encode()).decode()


_LEARNING = ["training", "exam"]
SENDERS: dict[str, dict[str, Any]] = {
    "lms": {"program": "bewellnm", "kinds": _LEARNING, "secret": build_test_secret("lms")},
    "record-store": {"program": "bewellnm", "kinds": _LEARNING, "user": "store", "password": "a-password-of-the-store"},
    "moodle": {
        "program": "bewellnm",
        "kinds": _LEARNING,
        "user": "moodle",
        "password": "a-password-of-Moodle",
        "dialect": "moodle",
        "home_page": "https://moodle.example.org",
    },
    "scorm-cloud": {
        "program": "bewellnm",
        "kinds": _LEARNING,
        "user": "scorm",
        "password": "a-password-of-SCORM-Cloud",
        "dialect": "scorm-cloud",
    },
    "docebo": {"program": "bewellnm", "kinds": ["training"], "token": "a-token-of-Docebo", "dialect": "docebo"},
    "background-checks": {"program": "bewellnm", "kinds": ["background-checks"], "check_key": "a-key-of-the-checks"},
    "portal": {"program": "bewellnm", "kinds": ["portal"], "secret": build_test_secret("portal")},
    "portal-look-up": {"program": "bewellnm", "kinds": ["applicants"], "token": "a-token-to-look-up"},
    "marketplace": {"program": "ffm", "kinds": ["registration"], "token": "a-token-of-the-marketplace"},
    "mail": {"program": "bewellnm", "kinds": ["bounces"], "token": "a-token-of-the-mail-server"},
    "mlms": {"program": "ffm", "kinds": ["training"], "secret": build_test_secret("mlms")},
    **{
        vendor: {"program": "ffm", "kinds": ["vendor"], "secret": build_test_secret(vendor)}
        for vendor in ("vendor-a", "vendor-c")
    },
}


def settings_of(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "CERTIFY_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'app.sqlite'}",
            "certificates_dir": folder / "certificates",
            "identity_key": "5a" * 32,
            "command_seconds": RPC_TIMEOUT.total_seconds() / 20,
            "registry_url": "https://registry.example.org",
            "background_checks_url": "https://checks.example.org",
            "lms_url": "https://lms.example.org",
            "mlms_url": "https://mlms.example.org",
            "vendors": {
                vendor: {"url": f"https://{vendor}.example.org/training-site"} for vendor in ("vendor-a", "vendor-c")
            },
            "portal_url": "https://portal.example.org",
            "portal_token": "a-token-that-we-send-to-the-portal",
            "senders": SENDERS,
            # Tests of wrong credentials come from one address, faster than anybody may.
            "rate_wrong_credential": "1000/minute",
        }
    )


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError):
            if send_request("GET", temporal_server.build_health_url(port))[0] == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the Temporal server did not come up")
