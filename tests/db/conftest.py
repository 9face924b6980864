"""What database tests share: an empty database of each kind."""

from pathlib import Path

import pytest


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a database that is not there yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}"


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def url(request: pytest.FixtureRequest) -> str:
    """Both, one after the other."""
    return str(request.getfixturevalue(request.param))
