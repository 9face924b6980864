"""Somebody at the command line of the tests' stack; and a database without a stack."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from db.migrate import upgrade
from starter.stack.plan import SECRETS
from tests.starter.command import Clerk

# Nothing listens there: what asks a third party or Temporal fails at once.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "app.sqlite"
    upgrade(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture
def settings(tmp_path: Path, migrated: Path) -> dict[str, str]:
    """A distributed set-up's environment over a migrated database."""
    url = f"sqlite+aiosqlite:///{shutil.copy(migrated, tmp_path)}"
    third_parties = {
        f"CERTIFY_{name}_URL": NOWHERE for name in ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "PORTAL", "MLMS")
    }
    made = {name: make() for name, make in SECRETS.items()}
    vendors = json.dumps({"vendor-a": {"url": NOWHERE}})
    elsewhere = {"CERTIFY_VENDORS": vendors, "CERTIFY_DATABASE_URL": url, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
    # Samples are of the guides' own year.
    return {**made, **third_parties, **elsewhere, "CERTIFY_TRYING": "1"}


@pytest.fixture
def clerk(stack: dict[str, Any], tmp_path: Path) -> Clerk:
    return Clerk(tmp_path, stack["data"])
