"""The watch over licences, on both databases: who is asked about, how often, and what the answers do (E1–E3)."""

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest_asyncio

from db.case_state import load_case, load_snapshot
from db.license_tables import AlertReport, RegistryCall, WatchedLicense
from db.reads.licenses.rounds import list_due_letters, read_last_round
from db.tables import AuditRow, Case, EvidenceRow
from db.writes.appeals.deciding import DecisionOnAppeal, decide_appeal
from db.writes.appeals.filing import Filing, file_appeal
from db.writes.licenses.calls import DueCall, Holder, JudgedLicense, record_answers, take_calls
from db.writes.licenses.rounds import close_round
from db.writes.licenses.watched import (
    find_ended_targets,
    find_new_targets,
    forget_targets,
    keep_targets,
    list_unread_reports,
    record_alerts,
    take_in_certified,
)
from db.writes.opening import Opened
from domain.programs.licenses import judge_holder
from domain.shared.cases.appeals import AppealOutcome, FilingMethod
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.licensing import License, Producer
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from tests.support import documents
from tests.support.office import Office, office_over
from tests.support.tables import change_row

DAY = timedelta(days=1)
BOUND = 100


class Watch:
    """Rounds over the licences of an office's cases; ``licenses`` are what the registry has, by NPN."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.licenses: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[date, str]] = []

    async def certified(self, **changes: Any) -> Opened:
        """A certified broker, whose NPN is watched from the next round on."""
        opened = await self.office.waiting(**changes)
        await self.office.decided(opened)
        await self.office.certified(opened)
        return opened

    async def registered(self, opened: Opened) -> Opened:
        """The person of a case certified by the marketplace too."""
        request = (await self.office.database.read(load_case, opened.case_id)).request
        same = {name: request[name] for name in ("first_name", "last_name", "email")}
        document = documents.registration(request["npn"], **same)
        opened = await self.office.desk.completed(document, self.office.later())
        await self.office.issued(opened, "individual")
        return opened

    async def find_npn(self, opened: Opened) -> str:
        return str((await self.office.database.read(load_case, opened.case_id)).request["npn"])

    async def take_in(self, day: date) -> None:
        after = ""
        while True:
            after = (await self.office.database.write(take_in_certified, after, day)).after
            if not after:
                return

    async def take(
        self, day: date, program: str = STATE_PROGRAM, at_most: int = 10, bound: int = BOUND
    ) -> list[DueCall]:
        calls, _ = await self.office.database.write(take_calls, program, day, self.office.now, at_most, bound)
        return calls

    async def ask(self, day: date, program: str = STATE_PROGRAM, **bounds: int) -> list[str]:
        """Asks about those due, and records what the registry says; the NPNs."""
        calls = await self.take(day, program, **bounds)
        judged = [await self._judge(call, holder, day) for call in calls for holder in call.holders]
        await self.office.database.write(record_answers, judged, day, self.office.later())
        return [call.npn for call in calls]

    async def _judge(self, call: DueCall, holder: Holder, day: date) -> JudgedLicense:
        case_id, request = holder.case.case_id, holder.case.request
        producer = build_producer(request, **self.licenses.get(call.npn, {}))
        now = datetime.combine(day, self.office.now.timetz())
        verdict = judge_holder(holder.policy, request, producer, now)
        return JudgedLicense(case_id, call.npn, verdict, b"<PDB/>", f"{case_id}-{day}-{call.npn}")

    async def row(self, opened: Opened) -> WatchedLicense:
        [found] = await self.office.all(WatchedLicense, case_id=opened.case_id)
        assert isinstance(found, WatchedLicense)
        return found


def build_producer(request: Mapping[str, Any], **changes: Any) -> Producer:
    """What the registry says of who asked: one licence in force, but for these changes."""
    usual = {"residency": "resident", "active": True, "expires": date(2026, 6, 30), "lines": ("health",)}
    license_ = License(state="NM", number=request.get("license_number") or "L-1", **{**usual, **changes})
    return Producer(
        npn=request["npn"],
        entity="individual",
        first_name=request["first_name"],
        last_name=request["last_name"],
        company="",
        licenses=(license_,),
    )


@pytest_asyncio.fixture
async def watch(migrated_url: str) -> AsyncIterator[Watch]:
    async with office_over(migrated_url) as office:
        yield Watch(office)


async def test_e1_the_certified_alone_are_watched_and_asked_about_a_cadence_after_their_certificate(
    watch: Watch,
) -> None:
    opened = await watch.certified()
    ended = await watch.certified()
    await watch.office.fact(ended, FactKind.REVOKED)
    await watch.office.waiting()
    today = watch.office.now.date()
    for _ in range(2):
        await watch.take_in(today)
    [row] = await watch.office.all(WatchedLicense)
    assert (row.case_id, row.due_on) == (opened.case_id, today + 30 * DAY)
    assert await watch.ask(today + 29 * DAY) == []
    assert await watch.ask(today + 30 * DAY) == [await watch.find_npn(opened)]
    assert (await watch.row(opened)).due_on == today + 60 * DAY
    await watch.office.fact(opened, FactKind.WITHDRAWN)
    assert await watch.ask(today + 60 * DAY) == []
    assert await watch.office.all(WatchedLicense) == []


async def test_e1_a_day_s_calls_are_bounded_none_is_made_twice_and_what_is_left_comes_first(watch: Watch) -> None:
    people = [await watch.certified() for _ in range(5)]
    npns = sorted([await watch.find_npn(one) for one in people])
    today = watch.office.now.date()
    await watch.take_in(today)
    day = today + 30 * DAY
    assert await watch.ask(day, at_most=2, bound=3) == npns[:2]
    assert await watch.ask(day, at_most=2, bound=3) == npns[2:3]
    assert await watch.ask(day, at_most=2, bound=3) == []
    counts = await watch.office.database.write(close_round, day, watch.office.now, watch.office.now)
    wanted = {"asked": 3, "unknown": 0, "suspended": 0, "restored": 0, "left": 2, "due": 5, "watched": 5}
    assert counts == wanted
    missed = day + 3 * DAY  # nobody asked for two days
    assert await watch.ask(missed, bound=100) == npns[3:]
    await watch.office.database.write(close_round, missed, watch.office.now, watch.office.now)
    last = await watch.office.database.read(read_last_round)
    assert last is not None
    assert (last.day, last.counts["asked"], last.counts["left"]) == (missed, 2, 0)


async def test_e2_what_nothing_came_of_changes_nothing_and_is_asked_the_next_day(watch: Watch) -> None:
    opened = await watch.certified()
    today = watch.office.now.date()
    await watch.take_in(today)
    day = today + 30 * DAY
    assert len(await watch.take(day)) == 1
    assert await watch.take(day) == [], "the call was made, or may have been"
    row = await watch.row(opened)
    assert (row.due_on, row.answered_on, row.suspension_id) == (day + DAY, None, None)
    counts = await watch.office.database.write(close_round, day, watch.office.now, watch.office.now)
    assert (counts["asked"], counts["unknown"], counts["left"]) == (1, 1, 0)
    assert len(await watch.ask(day + DAY)) == 1
    assert (await watch.row(opened)).answered_on == day + DAY


async def test_e2_e3_a_lapse_suspends_once_and_a_return_restores(watch: Watch) -> None:
    opened = await watch.certified()
    npn = await watch.find_npn(opened)
    today = watch.office.now.date()
    await watch.take_in(today)
    day = today + 30 * DAY
    watch.licenses[npn] = {"active": False}
    await watch.ask(day)
    status = await watch.office.status(opened)
    assert (status["stage"], "license_lapsed" in status["may_assist_reasons"]) == ("suspended", True)
    row = await watch.row(opened)
    assert row.due_on == day + 7 * DAY, "of a lapse it is asked sooner"
    first = row.suspension_id
    await watch.ask(day + 7 * DAY)
    assert (await watch.row(opened)).suspension_id == first, "it is suspended already"
    watch.licenses[npn] = {"lines": ("Major Medical",)}  # neither right nor wrong
    await watch.ask(day + 14 * DAY)
    assert (await watch.office.status(opened))["stage"] == "suspended"
    watch.licenses[npn] = {}
    await watch.ask((await watch.row(opened)).due_on)
    status = await watch.office.status(opened)
    assert "license_lapsed" not in status["may_assist_reasons"]
    assert status["stage"] == "certified" or status["stage"] == "portal_setup"
    assert (await watch.row(opened)).suspension_id is None
    audited = [row.action for row in await watch.office.all(AuditRow, case_id=opened.case_id)]
    assert audited.count("authority.suspended") == audited.count("authority.restored") == 1
    kept = [row.key for row in await watch.office.all(EvidenceRow, case_id=opened.case_id)]
    assert len([key for key in kept if ":watch:" in key]) == 2, "what a change rests on is kept, and no more"
    calls = await watch.office.all(RegistryCall)
    assert (sum(one.suspended for one in calls), sum(one.restored for one in calls)) == (1, 1)


async def test_e3_a_lapse_from_before_an_end_that_an_appeal_took_back_is_restored_too(watch: Watch) -> None:
    opened, office = await watch.certified(), watch.office
    npn, today = await watch.find_npn(opened), watch.office.now.date()
    await watch.take_in(today)
    watch.licenses[npn] = {"active": False}
    await watch.ask(today + 30 * DAY)
    await office.command(opened, CommandKind.REVOKE)
    await watch.ask(today + 60 * DAY)
    assert await office.all(WatchedLicense, case_id=opened.case_id) == [], "an ended case is watched no more"
    filing = Filing(opened.case_id, actor="assister", method=FilingMethod.OWN_PAGE, grounds="It was a mistake.")
    await office.database.write(file_appeal, filing, lambda years: frozenset(), office.later())
    decision = DecisionOnAppeal(opened.case_id, "staff:anna", AppealOutcome.REVERSED, "a sample reason")
    await office.database.write(decide_appeal, decision, lambda years: frozenset(), office.later())
    assert (await office.status(opened))["stage"] == "suspended", "as it was before the end"
    await watch.take_in(today + 60 * DAY)
    watch.licenses[npn] = {}
    await watch.ask((await watch.row(opened)).due_on)
    status = await office.status(opened)
    assert (status["stage"], status["suspensions"]) == ("certified", [])


async def test_e2_e3_a_license_that_lapses_again_on_the_day_of_its_return_suspends_again_that_day(watch: Watch) -> None:
    """A day has one call about an NPN: it is another one's where the NPN was put right meanwhile."""
    opened = await watch.certified()
    await watch.take_in(watch.office.now.date())
    day = watch.office.now.date() + 30 * DAY
    suspensions = []
    for number, standing in enumerate([False, True, False]):
        request = (await watch.office.database.read(load_case, opened.case_id)).request
        npn = request["npn"] if number == 0 else documents.broker()["npn"]
        await watch.office.database.write(change_row, Case, opened.case_id, request={**request, "npn": npn})
        await watch.office.database.write(change_row, WatchedLicense, opened.case_id, npn=npn, due_on=day)
        watch.licenses[npn] = {"active": standing}
        for _ in range(2):  # no second call, and nothing twice
            await watch.ask(day)
        assert (await watch.office.status(opened))["stage"] == ("certified" if standing else "suspended")
        suspensions.append((await watch.row(opened)).suspension_id)
    first, none, second = suspensions
    assert none is None
    assert None not in (first, second)
    assert first != second
    audited = [row.action for row in await watch.office.all(AuditRow, case_id=opened.case_id)]
    assert audited.count("authority.suspended") == 2
    assert (await watch.row(opened)).due_on == day + 7 * DAY
    kept = [row.key for row in await watch.office.all(EvidenceRow, case_id=opened.case_id)]
    assert len([key for key in kept if ":watch:" in key]) == 3, "what each change rests on"


async def test_e1_e2_one_call_about_an_npn_is_about_its_cases_in_both_programs(watch: Watch) -> None:
    broker = await watch.certified()
    npn = await watch.find_npn(broker)
    agent = await watch.registered(broker)
    today = watch.office.now.date()
    await watch.take_in(today)
    watch.licenses[npn] = {"active": False}
    day = today + 31 * DAY
    assert await watch.ask(day) == [npn]
    assert await watch.ask(day, FEDERAL_PROGRAM) == []
    for one in (broker, agent):
        assert (await watch.office.status(one))["stage"] == "suspended"
    [call] = await watch.office.all(RegistryCall)
    assert (call.program, call.suspended) == (STATE_PROGRAM, 2)
    snapshot = await watch.office.database.read(load_snapshot, agent.case_id)
    assert snapshot.case.unpublished, "its lists are staged anew"


async def test_e1_the_alerts_name_who_is_due_at_once_and_a_missed_report_is_read_later(watch: Watch) -> None:
    one, other = await watch.certified(), await watch.certified()
    npn = await watch.find_npn(one)
    today = watch.office.now.date()  # a Monday
    await watch.take_in(today)
    database, now = watch.office.database, watch.office.now
    monday = today + 7 * DAY
    unread = await database.read(list_unread_reports, monday, 4)
    assert unread == [monday - 4 * DAY, monday - 3 * DAY, monday], "no weekend"
    assert await database.write(record_alerts, monday - 4 * DAY, [npn, "9999999999"], monday, now) == 1
    assert await database.write(record_alerts, monday, [npn], monday, now) == 1
    unread = await database.read(list_unread_reports, monday, 4)
    assert unread == [monday - 3 * DAY, monday], "today is not over"
    assert await watch.ask(monday) == [npn]
    await database.write(record_alerts, monday - 3 * DAY, [npn], monday, now)
    assert (await watch.row(one)).due_on == monday + 30 * DAY, "it was heard about since"
    assert (await watch.row(other)).due_on == today + 30 * DAY
    [first, second] = await watch.office.all(AlertReport)
    assert (first.named, second.named) == (1, 1)


async def test_e1_the_registry_is_told_of_the_certified_by_the_subscription_and_of_who_is_no_more(watch: Watch) -> None:
    people = [await watch.certified() for _ in range(3)]
    npns = tuple(sorted([await watch.find_npn(one) for one in people]))
    today = watch.office.now.date()
    await watch.take_in(today)
    database = watch.office.database
    targets = await database.read(find_new_targets)
    assert targets is not None
    assert (targets.subscription, targets.npns, targets.is_new) == (1, npns, True)
    await database.write(keep_targets, targets)
    assert await database.read(find_new_targets) is None
    await watch.certified()
    await watch.take_in(today)
    targets = await database.read(find_new_targets)
    assert targets is not None
    assert (targets.subscription, len(targets.npns), targets.is_new) == (1, 1, False)
    assert await database.read(find_ended_targets) is None
    await watch.office.fact(people[0], FactKind.REVOKED)
    await watch.ask(today + 30 * DAY)
    gone = await database.read(find_ended_targets)
    assert gone is not None
    assert (gone.subscription, gone.npns) == (1, (await watch.find_npn(people[0]),))
    await database.write(forget_targets, gone)
    assert await database.read(find_ended_targets) is None
    assert len(await watch.office.all(WatchedLicense)) == 3


async def test_e1_a_reminder_is_sent_once_of_each_last_day(watch: Watch) -> None:
    opened = await watch.certified()
    npn = await watch.find_npn(opened)
    today = watch.office.now.date()
    await watch.take_in(today)
    day = today + 30 * DAY
    watch.licenses[npn] = {"expires": day + 45 * DAY}
    await watch.ask(day)
    database, now = watch.office.database, watch.office.now

    async def due(on: date) -> list[str]:
        letters, after = await database.read(list_due_letters, on, now, "")
        assert after == ""
        return [letter.about for letter in letters]

    first = f"{day + 45 * DAY}:60"
    assert await due(day) == [first]
    await watch.office.mailed(opened, "license_expiring", about=first)
    assert await due(day) == await due(day + 14 * DAY) == []
    assert await due(day + 15 * DAY) == [f"{day + 45 * DAY}:30"]
    assert await due(day + 45 * DAY) == [f"{day + 45 * DAY}:7"]
    assert await due(day + 46 * DAY) == []
    watch.licenses[npn] = {"expires": day + 410 * DAY}
    await watch.ask((await watch.row(opened)).due_on)
    assert await due(day + 400 * DAY) == [f"{day + 410 * DAY}:30"]
