"""Somebody at the command line of the tests' stack."""

from pathlib import Path
from typing import Any

import pytest

from tests.starter.command import Clerk


@pytest.fixture
def clerk(stack: dict[str, Any], tmp_path: Path) -> Clerk:
    return Clerk(tmp_path, stack["data"])
