"""One system a module: a real Temporal server, worker and door in the test's process."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from activities import reconciliation
from starter import delivery
from tests.support import inside as support
from tests.support.federal import Federal
from tests.support.inside import NEVER, Inside


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def federal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Federal]:
    """The system, driven as the federal program is."""
    async with support.system(Federal, tmp_path_factory.mktemp("recovery"), NEVER) as running:
        yield running


@pytest.fixture(scope="module")
def system(federal: Federal) -> Inside:
    """The same, driven as the state's program is."""
    return federal.drive_as(Inside)


@pytest.fixture(autouse=True)
def _nothing_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has just stored is looked after, and delivered, like what is a minute old."""
    monkeypatch.setattr(reconciliation, "YOUNG", timedelta())
    monkeypatch.setattr(delivery, "GRACE", timedelta())
