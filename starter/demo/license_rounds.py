"""Rounds over licences in the demonstration: those of working days, since the registry tells of none of a weekend."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.federal.lists import EASTERN
from starter.cli.context import open_services
from starter.demo.walkthrough import Document
from starter.license_rounds import run_license_round

SATURDAY = 5
DAY = timedelta(days=1)


def find_working_day(later: int = 0) -> datetime:
    """This moment, or the same of the next working day of the registry; ``later`` is how many working days after it."""
    at = _skip_weekend(datetime.now(UTC))
    for _ in range(later):
        at = _skip_weekend(at + DAY)
    return at


def _skip_weekend(at: datetime) -> datetime:
    while at.astimezone(EASTERN).weekday() >= SATURDAY:
        at += DAY
    return at


async def run_round(stack: Document, at: datetime) -> None:
    """The round of a day over the licences of the certified, as `certify licenses round` begins today's."""
    async with open_services(Path(stack["data"])) as services:
        await run_license_round(services.temporal, services.task_queue, at)
