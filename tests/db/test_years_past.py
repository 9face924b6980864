"""Certificates of plan years that have ended (E13, P27)."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio

from db.reads.cases import read_certificate
from db.reads.status import read_status
from db.tables import EffectRow
from db.writes.opening import Opened
from starter.policies import load_policies
from tests.support.office import Office, office_over

YEARS_LATER = datetime(2026, 11, 21, 17, tzinfo=UTC)
WITHIN = datetime(2024, 12, 31, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """The policies that other tests of this process go by, in force again afterwards."""
    yield
    load_policies(trying=True)


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def open_approved(office: Office) -> Opened:
    opened = await office.waiting()
    assert (await office.decided(opened)).applied
    return opened


async def test_e13_p27_a_certificate_issued_without_a_last_day_ends_with_its_plan_year(office: Office) -> None:
    opened = await open_approved(office)
    number = await office.certified(opened)
    load_policies()
    for now, status, hindered in ((WITHIN, "valid", False), (YEARS_LATER, "expired", True)):
        found = await office.database.read(read_certificate, number, now)
        assert found is not None
        assert (found["status"], found["valid_until"]) == (status, "2024-12-31")
        document = await office.database.read(read_status, opened.case_id, now)
        assert ("certificate_expired" in document["may_assist_reasons"]) == hindered
    [shown] = (await office.read_case_file(opened.case_id)).certificates
    assert shown.valid_until == date(2024, 12, 31)


async def test_e13_a_year_for_trying_stays_usable_where_it_may_be_tried(office: Office) -> None:
    opened = await open_approved(office)
    number = await office.certified(opened)
    found = await office.database.read(read_certificate, number, YEARS_LATER)
    assert found is not None
    assert (found["status"], found["valid_until"]) == ("valid", None)
    document = await office.database.read(read_status, opened.case_id, YEARS_LATER)
    assert "certificate_expired" not in document["may_assist_reasons"]


async def test_e13_a_certificate_issued_now_has_the_last_day_of_its_window(office: Office) -> None:
    load_policies()
    opened = await open_approved(office)
    await office.certified(opened)
    [intent] = await office.all(EffectRow, kind="certificate.issued")
    assert intent.data["valid_until"] == "2024-12-31"
