"""What a webhook brought is told from what its own transaction knows, and noted as told together with others."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest_asyncio

from db.engine import Database
from db.tables import InboxRow
from domain.shared.cases.messages import Report
from starter.cases import Cases
from starter.temporal import Unreachable
from starter.told_events import ToldEvents
from tests.support import documents
from tests.support.office import KEY, Office, office_over
from tests.support.patience import PATIENCE


class Workflows:
    """The workflows, as far as they are told."""

    def __init__(self) -> None:
        self.told: list[Report] = []
        self.reachable = True

    async def send_report(self, _case: object, _signal: str, report: Report) -> None:
        if not self.reachable:
            raise Unreachable
        self.told.append(report)


class Counted(Database):
    """A database that counts its units."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.units: list[str] = []

    async def write(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.units.append(work.__name__)
        return await super().write(work, *args, **kwargs)

    async def read(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.units.append(work.__name__)
        return await super().read(work, *args, **kwargs)


@pytest_asyncio.fixture
async def counted(migrated_url: str) -> AsyncIterator[tuple[Office, Counted, Cases, Workflows]]:
    async with office_over(migrated_url) as office:
        database, workflows = Counted(migrated_url), Workflows()
        cases = Cases(SimpleNamespace(), database, KEY, "queue")  # type: ignore[arg-type]
        cases._workflows = workflows  # type: ignore[assignment]
        cases._told = ToldEvents(database, every=0.05)
        yield office, database, cases, workflows
        await database.close()


async def states(office: Office) -> set[str]:
    return {row.state for row in await office.all(InboxRow)}


async def test_twenty_webhooks_are_told_without_a_look_and_noted_in_one_transaction(
    counted: tuple[Office, Counted, Cases, Workflows],
) -> None:
    office, database, cases, workflows = counted
    opened = await office.opened()
    brought = [
        await office.lms(office.statement(opened, "initialized", "course", id=make_id(number))) for number in range(20)
    ]
    for received in brought:
        await cases.deliver_received(received)
    assert [report.kind for report in workflows.told] == ["course_started"] * 20
    async with asyncio.timeout(PATIENCE):
        while await states(office) != {"delivered"}:
            await asyncio.sleep(0.02)
    assert set(database.units) == {"mark_delivered"}
    assert len(database.units) < 5


async def test_the_last_notes_are_made_before_the_process_ends(
    counted: tuple[Office, Counted, Cases, Workflows],
) -> None:
    office, _, cases, _ = counted
    opened = await office.opened()
    await cases.deliver_received(await office.lms(office.statement(opened, "initialized", "course")))
    await cases.close()
    assert await states(office) == {"delivered"}


async def test_what_could_not_be_told_stays_pending_and_a_repeat_of_it_is_told(
    counted: tuple[Office, Counted, Cases, Workflows],
) -> None:
    """A repeat comes with a fresh event, whose transaction knows nothing of the repeated one's fact."""
    office, _, cases, workflows = counted
    opened = await office.opened(documents.broker())
    statements = [office.statement(opened, "initialized", "course", id=make_id(number)) for number in range(3)]
    workflows.reachable = False
    await cases.deliver_received(await office.lms(*statements[:2]))
    await cases.close()
    assert (await states(office), workflows.told) == ({"pending"}, [])
    workflows.reachable = True
    await cases.deliver_received(await office.lms(*statements))
    await cases.close()
    assert (await states(office), len(workflows.told)) == ({"delivered"}, 3)


def make_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"
