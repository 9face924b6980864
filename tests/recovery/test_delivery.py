"""What waits to be told: what is always refused holds up nothing, is tried again later and later, and is given up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.orm import Session

from db import migrate
from db.case_state import list_flags, load_case
from db.engine import Database
from db.reads.cases import read_audit
from db.reads.pending import list_pending_events
from db.recovery_tables import DeliveryFailure
from db.tables import Case, CommandRow, InboxRow
from db.writes.cases import claim_case
from db.writes.opening import Opened
from db.writes.recovery import deliveries
from db.writes.recovery.deliveries import (
    ATTEMPTS,
    DeliveryKind,
    FailedDelivery,
    UnknownDelivery,
    record_failures,
    retry_delivery,
)
from db.writes.recovery.restarts import free_case
from db.writes.webhooks.inbox import mark_delivered
from domain.shared.cases.events import EventState
from domain.shared.cases.messages import Claim
from starter import delivery
from starter.cases import CommandOutcome
from starter.delivery import deliver_pending
from starter.temporal import Unreachable
from tests.support import documents
from tests.support.opening import open_case
from tests.support.tables import change_row

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = b"a test's key"
START = datetime(2026, 11, 2, 17, tzinfo=UTC)


class Clock:
    """The delivery's clock, put forward by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(delivery, "now", lambda: self.now)
        monkeypatch.setattr(delivery, "GRACE", timedelta(seconds=5))

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Recipients:
    """The cases' workflows, of which some refuse whatever they are told, and some can't be reached."""

    def __init__(self, *, refuse: set[str] = frozenset(), silent: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.refuse, self.silent = refuse, silent
        self.asked: list[str] = []
        self.told: list[Any] = []

    async def can_reach_temporal(self) -> bool:
        return True

    async def start_workflow(self, case: Case) -> None:
        await self._take(case.case_id, case.case_id)

    async def deliver_to_case(self, case_id: str, rows: list[InboxRow]) -> list[tuple[InboxRow, Exception]]:
        failed: list[tuple[InboxRow, Exception]] = []
        for row in rows:
            try:
                await self._take(case_id, row.id)
            except ValueError as error:
                failed.append((row, error))
        return failed

    async def send_command(self, row: CommandRow) -> CommandOutcome:
        await self._take(row.case_id, row.id)
        return CommandOutcome(row.id, "applied")  # type: ignore[arg-type]

    async def _take(self, case_id: str, what: Any) -> None:
        self.asked.append(case_id)
        await asyncio.sleep(0)
        if case_id in self.silent:
            raise Unreachable
        if case_id in self.refuse:
            raise ValueError("exceeded workflow execution limit for signal events")
        self.told.append(what)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest_asyncio.fixture(loop_scope="module")
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}"
    await asyncio.to_thread(migrate.upgrade, url)
    database = Database(url)
    yield database
    await database.close()


async def opened(database: Database, begun: bool = True) -> Opened:
    case = await open_case(database, KEY, documents.broker(), START - timedelta(hours=1))
    if begun:
        await database.write(change_row, Case, case.case_id, run_id="begun")
    return case


def keep_events(session: Session, case_id: str, number: int) -> None:
    session.add_all(
        InboxRow(
            source="lms",
            event_id=uuid4().hex,
            case_id=case_id,
            kind="course_started",
            digest="d",
            fact_id=uuid4().hex,
            state=EventState.PENDING,
            received_at=START - timedelta(minutes=1),
        )
        for _ in range(number)
    )


async def test_c1_500_events_that_are_always_refused_hold_up_no_good_one(database: Database, clock: Clock) -> None:
    bad, good = await opened(database), await opened(database)
    await database.write(keep_events, bad.case_id, 500)
    await database.write(keep_events, good.case_id, 3)
    recipients = Recipients(refuse={bad.case_id})
    for _ in range(3):
        await deliver_pending(database, recipients)  # type: ignore[arg-type]
        clock.pass_time(1)
    assert recipients.told == sorted(recipients.told)
    assert len(set(recipients.told)) == 3


async def test_c1_starts_that_are_always_refused_hold_up_neither_starts_nor_events_nor_commands(
    database: Database, clock: Clock
) -> None:
    bad = [await opened(database, begun=False) for _ in range(3)]
    good, begun = await opened(database, begun=False), await opened(database)
    await database.write(keep_events, begun.case_id, 1)
    command = CommandRow(
        id="c",
        case_id=begun.case_id,
        kind="withdraw",
        actor="staff",
        reason="r",
        data={},
        created_at=START - timedelta(minutes=1),
    )
    await database.write(Session.add, command)
    recipients = Recipients(refuse={one.case_id for one in bad})
    await deliver_pending(database, recipients)  # type: ignore[arg-type]
    (event,) = await database.read(list_pending_events, clock.now, clock.now)
    assert recipients.told == [good.case_id, event.id, "c"]


async def test_what_is_refused_is_tried_later_and_later_given_up_and_tried_again_when_staff_say_so(
    database: Database, clock: Clock
) -> None:
    bad = await opened(database, begun=False)
    recipients = Recipients(refuse={bad.case_id})
    tried: list[datetime] = []
    while clock.now < START + timedelta(hours=1):
        before = len(recipients.asked)
        await deliver_pending(database, recipients)  # type: ignore[arg-type]
        tried += [clock.now] * (len(recipients.asked) - before)
        clock.pass_time(2)
    pauses = [(later - sooner).total_seconds() for sooner, later in pairwise(tried)]
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert len(tried) == ATTEMPTS
    assert list(list_flags(await database.read(load_case, bad.case_id))) == ["delivery_failed"]
    audit = [one for one in await database.read(read_audit, bad.case_id) if "delivery_failed" in one["action"]]
    assert [one["details"] for one in audit] == [{"what": "start", "item": bad.case_id, "code": "ValueError"}]

    recipients.refuse = set()
    await database.write(retry_delivery, "start", bad.case_id, "staff", "the limit was raised", clock.now)
    assert list_flags(await database.read(load_case, bad.case_id)) == {}
    await deliver_pending(database, recipients)  # type: ignore[arg-type]
    assert recipients.told == [bad.case_id]
    with pytest.raises(UnknownDelivery):
        await database.write(retry_delivery, "start", bad.case_id, "staff", "again", clock.now)


async def test_a_workflow_that_can_t_be_reached_is_tried_for_ever_and_its_events_wait_together(
    database: Database, clock: Clock
) -> None:
    silent, good = await opened(database), await opened(database)
    await database.write(keep_events, silent.case_id, 600)
    recipients = Recipients(silent={silent.case_id})
    for _ in range(100):
        await deliver_pending(database, recipients)  # type: ignore[arg-type]
        clock.pass_time(deliveries.LONGEST_WORKFLOW_PAUSE.total_seconds())
    assert list_flags(await database.read(load_case, silent.case_id)) == {}
    assert len(recipients.asked) == 100, "one of its events is tried, and the others wait for it"
    await database.write(keep_events, good.case_id, 1)
    recipients.silent = set()
    await deliver_pending(database, recipients)  # type: ignore[arg-type]
    await database.write(Session.execute, update(InboxRow).values(state=EventState.DELIVERED))
    assert await database.read(Session.get, DeliveryFailure, ("workflow", silent.case_id)) is None
    assert len(recipients.told) == 500


async def test_a_command_alone_whose_workflow_can_t_be_reached_is_tried_later_and_later_until_it_is(
    database: Database, clock: Clock
) -> None:
    case = await opened(database)
    command = CommandRow(
        id="alone",
        case_id=case.case_id,
        kind="withdraw",
        actor="staff",
        reason="r",
        data={},
        created_at=START - timedelta(minutes=1),
    )
    await database.write(Session.add, command)
    recipients = Recipients(silent={case.case_id})
    tried: list[datetime] = []
    while clock.now < START + timedelta(minutes=3):
        before = len(recipients.asked)
        await deliver_pending(database, recipients)  # type: ignore[arg-type]
        tried += [clock.now] * (len(recipients.asked) - before)
        clock.pass_time(2)
    pauses = [(later - sooner).total_seconds() for sooner, later in pairwise(tried)]
    assert pauses[:6] == [2, 4, 8, 16, 30, 30]

    recipients.silent = set()
    clock.pass_time(deliveries.LONGEST_WORKFLOW_PAUSE.total_seconds())
    await deliver_pending(database, recipients)  # type: ignore[arg-type]
    assert recipients.told == ["alone"]
    assert await database.read(Session.get, DeliveryFailure, ("workflow", case.case_id)) is None


async def test_an_event_that_is_told_after_all_is_given_up_no_longer(database: Database) -> None:
    case = await opened(database)
    await database.write(keep_events, case.case_id, 1)
    (event,) = await database.read(list_pending_events, START, START)
    assert event.id is not None
    failed = [FailedDelivery(DeliveryKind.EVENT, str(event.id), case.case_id, "E")]
    for _ in range(ATTEMPTS):
        await database.write(record_failures, failed, START)
    assert list(list_flags(await database.read(load_case, case.case_id))) == ["delivery_failed"]
    await database.write(mark_delivered, [event.id], START)
    assert list_flags(await database.read(load_case, case.case_id)) == {}
    assert await database.read(Session.get, DeliveryFailure, ("event", str(event.id))) is None


async def test_a_start_is_not_given_up_while_temporal_can_t_be_reached(database: Database, clock: Clock) -> None:
    case = await opened(database, begun=False)
    recipients = Recipients(silent={case.case_id})
    for _ in range(2 * ATTEMPTS):
        await deliver_pending(database, recipients)  # type: ignore[arg-type]
        clock.pass_time(deliveries.LONGEST_PAUSE.total_seconds())
    assert len(recipients.asked) == 2 * ATTEMPTS
    assert list_flags(await database.read(load_case, case.case_id)) == {}


async def test_a_case_whose_start_temporal_has_taken_is_started_again_only_much_later_and_not_once_it_is_claimed(
    database: Database, clock: Clock
) -> None:
    """In a burst the last cases wait for minutes for their workflow's first task; a lost one is begun all the same."""
    waiting, claimed = await opened(database, begun=False), await opened(database, begun=False)
    recipients = Recipients()
    tried: list[datetime] = []
    while clock.now < START + timedelta(minutes=20):
        before = recipients.asked.count(waiting.case_id)
        await deliver_pending(database, recipients)  # type: ignore[arg-type]
        tried += [clock.now] * (recipients.asked.count(waiting.case_id) - before)
        if clock.now == START:
            await database.write(claim_case, Claim(case_id=claimed.case_id, run_id="run", at=clock.now))
        clock.pass_time(2)
    pauses = [(later - sooner).total_seconds() for sooner, later in pairwise(tried)]
    assert pauses == [60, 120, 240, 300, 300]
    assert recipients.asked.count(claimed.case_id) == 1
    assert await database.read(Session.get, DeliveryFailure, ("claim", claimed.case_id)) is None

    case = await database.read(load_case, waiting.case_id)
    await database.write(free_case, case, "staff", "begun again", clock.now)
    await deliver_pending(database, recipients)  # type: ignore[arg-type]
    assert recipients.asked.count(waiting.case_id) == len(tried) + 1, "one that is begun again is not kept waiting"
