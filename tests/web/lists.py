"""A site that publishes the federal lists, and a reader of them written from their columns; no test."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

import httpx2

from db.engine import Database
from tests.support.publishing import publish_lists
from tests.support.registrations import Desk

NOW = datetime(2023, 10, 3, 16, tzinfo=UTC)
LATER = datetime(2024, 10, 1, 16, tzinfo=UTC)
LISTS = ("rcl", "terminations", "find-local-help", "help-on-demand")


@dataclass(frozen=True)
class Site:
    """The web over a database, and the hand that writes and publishes there."""

    http: httpx2.AsyncClient
    database: Database

    @property
    def desk(self) -> Desk:
        return Desk(self.database)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(
            f"/registry/{path}", headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    async def publish(self, at: datetime = NOW) -> None:
        await publish_lists(self.database, at)


# The reader, written from the list of the RCL's columns and nothing else.

COLUMNS = """npn, applicable_plan_year, individual_registration_completion_date, individual_marketplace_end_date,
shop_registration_completion_date, shop_end_date, npn_valid_current_plan_year_only, status""".replace("\n", " ").split(
    ", "
)


@dataclass(frozen=True)
class Registered:
    npn: str
    plan_year: int
    individual: tuple[date | None, date | None]
    shop: tuple[date | None, date | None]
    valid: bool
    status: str


def rcl(body: bytes) -> list[Registered]:
    """Every row of an RCL; ValueError or AssertionError for anything that isn't as published."""
    assert not body.startswith(b"\xef\xbb\xbf")
    assert body.endswith(b"\r\n")
    assert body.count(b"\n") == body.count(b"\r\n")
    header, *lines = csv.reader(io.StringIO(body.decode("ascii"), newline=""), strict=True)
    assert header == COLUMNS
    found = [registered(line) for line in lines]
    keys = [(one.plan_year, int(one.npn)) for one in found]
    assert keys == sorted(set(keys))
    return found


def registered(line: list[str]) -> Registered:
    npn, year, individual, individual_end, shop, shop_end, valid, status = line
    assert re.fullmatch(r"[1-9][0-9]{0,9}", npn)
    assert re.fullmatch(r"20[0-9]{2}", year)
    assert valid in ("Y", "N", "")
    assert re.fullmatch(r"([RT][1-4])?", status)
    both = (day(individual), day(individual_end)), (day(shop), day(shop_end))
    assert any(completed for completed, _ in both)
    for completed, end in both:
        assert completed or not end
        assert not (completed and end) or completed <= end
    assert not status.startswith("T") or any(end for _, end in both)
    return Registered(npn, int(year), *both, valid == "Y", status)


def day(text: str) -> date | None:
    if not text:
        return None
    assert re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", text), text
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 -- a date has no zone


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))
