"""Checks that staff have made again, over a real database: once a minute, beside what was found, never late (A13)."""

from typing import Any

from db.case_state import load_snapshot
from db.engine import Database
from db.reads.case_file import read_case_file
from db.reads.recovery.progress import read_progress
from db.tables import CommandRow
from db.writes.commands import keep_command
from db.writes.opening import Opened
from db.writes.screenings import load_repeat, record_screening
from domain.shared.cases.commands import CommandKind, CommandOrigin
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import ChecksOrder
from domain.shared.cases.reasons import Reason
from domain.state.commands import RepeatChecks
from domain.state.eligibility import Check, CheckSource, list_unknown_findings, make_finding
from tests.support import documents
from tests.support.office import KEY, Office, office_over


async def asked_again(office: Office, opened: Opened, **data: Any) -> ChecksOrder:
    """Staff have the case's checks made again; what its workflow orders then."""
    applied = await office.command(opened, CommandKind.REPEAT_CHECKS, **data)
    assert applied.applied
    file = await office.database.read(read_case_file, opened.case_id, office.now)
    return ChecksOrder(case_id=opened.case_id, at=office.later(), command_id=file.commands[-1].id)


async def read_state(database: Database, opened: Opened) -> Any:
    return (await database.read(load_snapshot, opened.case_id)).certification


async def test_what_comes_of_it_stands_beside_what_was_found_before(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        since = (await read_state(office.database, opened)).waiting_since
        order = await asked_again(office, opened)
        file = await office.database.read(read_case_file, opened.case_id, office.now)
        assert file.repeat is not None
        assert file.repeat.actor == "riley"
        found = [make_finding(Check.LICENSE_ACTIVE, False)]
        answer = {"0" * 64: b"<PDB/>"}
        for _ in range(2):  # an attempt that is made again changes nothing
            await office.database.write(record_screening, KEY, order, found, "answered", office.later(), answer)
        file = await office.database.read(read_case_file, opened.case_id, office.now)
        shown = next(one for one in file.findings if one.check == Check.LICENSE_ACTIVE)
        assert (shown.result, shown.before[0] if shown.before else None) == ("fail", "pass")
        assert shown.evidence is not None
        assert shown.evidence.sha256 == "0" * 64
        assert file.repeat is None
        state = await read_state(office.database, opened)
        assert state.waiting_since == since, "the case has become no younger"
        assert (await office.database.read(load_repeat, order)) is None, "it is made already"


async def test_a_case_is_asked_about_once_a_minute_by_anybody(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()

        async def keep(number: str, seconds: int, source: CheckSource | None = None) -> CommandRow | Reason:
            origin = CommandOrigin(number, opened.case_id, "riley", "a sample reason", office.later(seconds=seconds))
            return await office.database.write(keep_command, KEY, RepeatChecks(source=source), origin)

        assert isinstance(await keep("first", 0), CommandRow)
        assert isinstance(await keep("first", 1), CommandRow), "the same again is no other"
        assert await keep("second", 30, CheckSource.RECORDS) == Reason("asked_lately")
        assert isinstance(await keep("third", 31), CommandRow)


async def test_the_registry_s_silence_is_recorded_and_takes_nothing_back(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        order = await asked_again(office, opened)
        before = (await read_state(office.database, opened)).findings
        await office.database.write(record_screening, KEY, order, list_unknown_findings(), "unknown", office.later())
        assert (await read_state(office.database, opened)).findings == before
        assert (await office.database.read(read_case_file, opened.case_id, office.now)).repeat is None


async def test_what_comes_after_the_decision_changes_nothing_that_was_decided_by(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        order = await asked_again(office, opened)
        await office.decided(opened)
        assert await office.database.read(load_repeat, order) is None
        before = await read_state(office.database, opened)
        found = [make_finding(Check.LICENSE_ACTIVE, False)]
        await office.database.write(record_screening, KEY, order, found, "answered", office.later())
        assert await read_state(office.database, opened) == before
        assert not (await office.command(opened, CommandKind.REPEAT_CHECKS)).applied


async def test_the_vendor_is_asked_for_its_reports_of_a_counselor_and_nobody_of_a_broker(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        counselor = await office.opened(documents.counselor())
        await office.fact(counselor, FactKind.SCREENED, {"round": 0, "findings": []})
        broker = await office.waiting()

        async def list_wanted(opened: Opened) -> list[str]:
            return list((await office.database.read(load_snapshot, opened.case_id)).case.reports_wanted or [])

        await asked_again(office, counselor, source="records")
        assert await list_wanted(counselor) == []
        await asked_again(office, counselor)
        await asked_again(office, broker)
        assert await list_wanted(counselor) == ["background-checks"]
        assert await list_wanted(broker) == []


async def test_a_workflow_that_is_begun_again_makes_them_once(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        order = await asked_again(office, opened)

        async def list_left() -> list[str]:
            snapshot = await office.database.read(load_snapshot, opened.case_id)
            rebuilt = await office.database.read(read_progress, snapshot, snapshot.facts)
            return [task.command_id for task in rebuilt.side_tasks]

        assert await list_left() == [order.command_id]
        await office.database.write(record_screening, KEY, order, [], "records", office.later())
        assert await list_left() == []
