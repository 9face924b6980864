"""Imports as wholes: rows refused and kept to be mended, contradictions within a file, and undone as a whole (E10)."""

import csv
import tracemalloc
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.import_tables import ImportBatch, ImportRow, ReceivedFile
from db.reads.seasons.imports import ImportSummary, list_imports, stream_refused
from db.season_tables import SeasonEntry
from db.tables import Assister, AuditRow, Case, EarlierYear, SearchTerm, UncountedReport
from db.writes.opening import begin_case
from db.writes.seasons.changes import open_season
from db.writes.seasons.entries import open_for_season
from db.writes.seasons.imports import begin_import, end_import, import_rows
from db.writes.webhooks.settlements import Settlement, settle_report
from domain.programs.import_files import ReadRow
from domain.programs.imports import parse_import
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.documents.spreadsheets import write_lines
from starter import imports
from starter.imports import Imports
from tests.support import documents
from tests.support.office import KEY, Office, office_over
from tests.support.tables import change_row

COLUMNS = (
    *("kind", "email", "first_name", "last_name", "npn", "plan_year", "registered", "trained", "certified"),
    *("lms_account", "portal_account"),
)
Row = dict[str, str]


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


@pytest.fixture(autouse=True)
def _clock(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "now", office.later)


def row(**changes: str) -> Row:
    """Somebody certified in 2023."""
    request = documents.broker()
    person = {name: str(request[name]) for name in ("kind", "email", "first_name", "last_name", "npn")}
    answers = dict.fromkeys(("registered", "trained", "certified"), "true")
    return {**person, "plan_year": "2023", **answers, "lms_account": "yes", "portal_account": "yes", **changes}


def write(folder: Path, *rows: Row) -> Path:
    file = folder / "years.csv"
    file.write_bytes(write_lines([COLUMNS, *([one[name] for name in COLUMNS] for one in rows)]))
    return file


async def bring_in(office: Office, folder: Path, *rows: Row) -> ImportSummary:
    return await Imports(office.database, KEY).import_file(write(folder, *rows), "bewellnm", "staff:ana")


async def undo(office: Office, summary: ImportSummary) -> ImportSummary:
    return await Imports(office.database, KEY).undo_import(summary.batch.id, "The wrong file.", "staff:olga")


async def refused(office: Office, summary: ImportSummary) -> list[dict[str, str]]:
    """The file of the refused rows."""
    text = "".join([write_lines(rows).decode() async for rows in stream_refused(office.database, summary.batch.id)])
    return list(csv.DictReader(StringIO(text)))


async def test_e10_rows_at_fault_are_refused_and_sent_again_once_mended(office: Office, tmp_path: Path) -> None:
    good, bad = row(), row(email="nobody", first_name="-")
    worse = row(plan_year="soon")
    summary = await bring_in(office, tmp_path, good, bad, worse)
    assert summary.document() | {"import": "", "started_at": "", "ended_at": ""} == {
        "import": "",
        "state": "done",
        "actor": "staff:ana",
        "started_at": "",
        "ended_at": "",
        "rows": None,
        "new": 1,
        "known": 0,
        "conflict": 0,
        "refused": 2,
    }
    assert [one.email for one in await office.all(Assister)] == [good["email"]]
    told = await refused(office, summary)
    assert [(one["row"], one["field"]) for one in told] == [("3", "email"), ("4", "plan_year")]
    assert told[0]["error"] == "email: Enter an e-mail address, such as name@example.com."
    assert told[0]["npn"] == bad["npn"]
    # Mended in the very file, and sent again with what it says of each.
    told[0]["email"], told[1]["plan_year"] = "mended@example.com", "2022"
    file = tmp_path / "years.errors.csv"
    columns = list(told[0])
    file.write_bytes(write_lines([columns, *([one[name] for name in columns] for one in told)]))
    again = await Imports(office.database, KEY).import_file(file, "bewellnm", "staff:ana")
    assert again.counts == {"new": 2}
    assert len(await office.all(EarlierYear)) == 3
    assert len(await office.all(SearchTerm)) > 3
    assert [one.batch.id for one in await office.database.read(list_imports, 5)] == [again.batch.id, summary.batch.id]


async def test_d8_e10_contradictions_within_a_file_are_refused_by_row(office: Office, tmp_path: Path) -> None:
    one = row()
    summary = await bring_in(
        office,
        tmp_path,
        one,
        one | {"plan_year": "2022"},
        one | {"trained": "false", "certified": "false"},
        one | {"plan_year": "2021", "last_name": "Anotherone"},
        one,
    )
    assert summary.counts == {"new": 1, "known": 2, "refused": 2}
    told = await refused(office, summary)
    assert [(one["row"], one["field"]) for one in told] == [("4", "trained"), ("5", "last_name")]
    assert "Row 2 of the same file" in told[0]["error"]
    assert await office.all(UncountedReport) == []


async def test_d8_e10_what_contradicts_what_is_known_is_kept_for_staff_and_dismissed_when_undone(
    office: Office, tmp_path: Path
) -> None:
    known = row()
    await bring_in(office, tmp_path, known)
    summary = await bring_in(office, tmp_path, known | {"last_name": "Anotherone"}, row())
    assert summary.counts == {"conflict": 1, "new": 1}
    (kept,) = await office.all(UncountedReport)
    assert kept.settled_at is None
    await undo(office, summary)
    (kept,) = await office.all(UncountedReport)
    assert kept.outcome == "dismissed"


async def test_e10_an_import_is_undone_as_a_whole(office: Office, tmp_path: Path) -> None:
    before = row(lms_account="", portal_account="")
    first = await bring_in(office, tmp_path, before)
    state = await everything(office)
    summary = await bring_in(
        office,
        tmp_path,
        row(),
        before | {"lms_account": "lms-7"},
        before | {"plan_year": "2022", "portal_account": "p"},
    )
    assert summary.counts == {"new": 1, "known": 2}
    undone = await undo(office, summary)
    assert undone.batch.state == "undone"
    assert await everything(office) == state
    audited = await office.all(AuditRow, action="import.undone")
    assert [(one.actor, one.reason, one.details["new"]) for one in audited] == [("staff:olga", "The wrong file.", 1)]
    with pytest.raises(Refusal, match="was undone before"):
        await undo(office, summary)
    with pytest.raises(Refusal, match="no import with this id"):
        await Imports(office.database, KEY).undo_import("imp_none", None, "staff:olga")
    await undo(office, first)
    assert await office.all(Assister) == []
    assert await office.all(EarlierYear) == []


async def everything(office: Office) -> list[Any]:
    rows: list[Any] = [one.model_dump() for table in (Assister, EarlierYear) for one in await office.all(table)]
    return rows + sorted(one.term for one in await office.all(SearchTerm))


async def test_e10_an_import_on_which_something_was_built_is_not_undone(office: Office, tmp_path: Path) -> None:
    one, other = row(), row()
    summary = await bring_in(office, tmp_path, one, other)
    later = await bring_in(office, tmp_path, one | {"plan_year": "2022"})
    with pytest.raises(Refusal, match=later.batch.id):
        await undo(office, summary)
    await undo(office, later)
    people = {person.email: person.assister_id for person in await office.all(Assister)}
    season = ("bewellnm", 2024)
    await office.database.write(open_season, *season, None, "staff:ana", office.later())
    await office.database.write(open_for_season, *season, [people[other["email"]]], office.later())
    with pytest.raises(Refusal, match=r"1 cases were opened since, the first one is"):
        await undo(office, summary)
    assert len(await office.all(EarlierYear)) == 2
    assert [batch.state for batch in await office.all(ImportBatch) if batch.id == summary.batch.id] == ["done"]
    assert len(await office.all(Case)) == len(await office.all(SeasonEntry)) == 1


async def test_e10_people_who_have_more_than_an_import_told_are_not_taken_back(office: Office, tmp_path: Path) -> None:
    known, other = row(), row()
    summary = await bring_in(office, tmp_path, known, other)
    contradicting = await bring_in(office, tmp_path, known | {"last_name": "Anotherone", "plan_year": "2022"})
    (kept,) = await office.all(UncountedReport)
    settlement = Settlement(True, "staff:olga", "Looked at both.")
    await office.database.write(settle_report, kept.id, settlement, {}, office.later())
    await undo(office, contradicting)
    with pytest.raises(Refusal, match="staff have joined another record"):
        await undo(office, summary)
    assert len(await office.all(Assister)) == 2


async def test_e10_of_an_import_that_was_undone_while_it_ran_nothing_more_is_taken(office: Office) -> None:
    import_id = "imp_sample"
    people = parse_import([documents.earlier(documents.broker(), 2023) for _ in range(2)])
    one, another = ([ReadRow(number, [], person)] for number, person in enumerate(people, 2))
    await office.database.write(begin_import, import_id, "staff:ana", None, office.later())
    await office.database.write(import_rows, KEY, import_id, "staff:ana", one, office.later())
    await Imports(office.database, KEY).undo_import(import_id, "The wrong file.", "staff:olga")
    with pytest.raises(Refusal, match="was undone before"):
        await office.database.write(import_rows, KEY, import_id, "staff:ana", another, office.later())
    with pytest.raises(Refusal, match="was undone before"):
        await office.database.write(end_import, import_id, office.later())
    assert await office.all(Assister) == []
    assert [batch.state for batch in await office.all(ImportBatch)] == ["undone"]


async def test_e10_people_left_out_by_a_season_are_not_taken_back(office: Office, tmp_path: Path) -> None:
    lapsed = row(portal_account="")
    summary = await bring_in(office, tmp_path, lapsed)
    (person,) = await office.all(Assister)
    entry = SeasonEntry(
        program="bewellnm", plan_year=2024, assister_id=person.assister_id, outcome="left_out", at=office.later()
    )
    await office.database.write(open_season, "bewellnm", 2024, None, "staff:ana", office.now)
    await office.database.write(lambda session: session.add(entry))
    with pytest.raises(Refusal, match="the season of bewellnm, 2024, has gone through"):
        await undo(office, summary)


async def test_e10_a_case_of_before_the_import_is_nothing_built_on_it(office: Office, tmp_path: Path) -> None:
    request = documents.broker()
    opened = await office.opened(request)
    same = row(**{name: str(request[name]) for name in ("kind", "email", "first_name", "last_name", "npn")})
    summary = await bring_in(office, tmp_path, same)
    assert summary.counts == {"known": 1}
    await undo(office, summary)
    (person,) = await office.all(Assister)
    assert (person.assister_id, person.lms_account) == (opened.assister_id, None)
    assert await office.all(EarlierYear) == []


async def test_e10_an_account_with_which_a_case_went_on_stays_when_the_import_is_undone(
    office: Office, tmp_path: Path
) -> None:
    """Else the case's reports would be nobody's, and next year's case would set up another account."""
    requests = [documents.broker() for _ in range(3)]
    learning, registered, resting = [await office.opened(request) for request in requests]
    same = [
        row(**{name: str(request[name]) for name in ("kind", "email", "first_name", "last_name", "npn")})
        for request in requests
    ]
    summary = await bring_in(office, tmp_path, *(one | {"lms_account": "lms-7", "portal_account": "p"} for one in same))
    assert summary.counts == {"known": 3}
    await office.fact(learning, FactKind.COURSE_COMPLETED)
    await office.fact(registered, FactKind.PORTAL_REGISTERED)
    await undo(office, summary)
    accounts = {one.assister_id: (one.lms_account, one.portal_account) for one in await office.all(Assister)}
    assert accounts == {
        learning.assister_id: ("lms-7", None),
        registered.assister_id: (None, registered.case_id),
        resting.assister_id: (None, None),
    }
    assert await office.all(EarlierYear) == []


async def test_d8_e10_a_conflict_is_kept_however_many_wait(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.writes.webhooks.uncounted.MOST_KEPT", 1)
    known = [row() for _ in range(3)]
    await bring_in(office, tmp_path, *known)
    summary = await bring_in(office, tmp_path, *(one | {"last_name": "Anotherone"} for one in known))
    assert summary.counts == {"conflict": 3}
    kept = await office.all(UncountedReport)
    assert {known_one["npn"] in one.body["text"] for known_one, one in zip(known, kept, strict=True)} == {True}
    assert len(await office.all(AuditRow, action="assister.conflict")) == 3


async def test_e10_json_is_an_import_too_and_can_be_undone(office: Office) -> None:
    found = Imports(office.database, KEY)
    people = parse_import([documents.earlier(documents.broker(), 2022, 2023)])
    import_id, (done,) = await found.import_people(people, "staff:ana")
    assert done == {"assister_id": done["assister_id"], "created": True, "program": "bewellnm"}
    assert (await found.undo_import(import_id, "The wrong file.", "staff:olga")).batch.state == "undone"
    assert await office.all(Assister) == []


async def test_e10_a_file_that_is_none_leaves_no_trace(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "years.csv"
    for content in (b"", b"kind;email\n", b"\xff\xfe", ",".join(COLUMNS).encode() + b"\nbroker,\xf1\n"):
        file.write_bytes(content)
        with pytest.raises(Invalid):
            await Imports(office.database, KEY).import_file(file, "bewellnm", "staff:ana")
    assert await office.all(ImportBatch) == []


async def test_e10_a_file_that_was_sent_is_taken_from_where_it_was_cut_off(office: Office) -> None:
    rows = [row() for _ in range(60)]
    content = write_lines([COLUMNS, *([one[name] for name in COLUMNS] for one in rows)])
    found = Imports(office.database, KEY)
    summary = await found.receive_file(content, "bewellnm", "staff:ana")
    assert (summary.batch.state, summary.rows, summary.taken) == ("running", 60, 0)
    units, left = office.database.write, 2

    async def cut_off(work: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError("the worker is gone")
        return await units(work, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.database, "write", cut_off)
        await found.take_received()
    (begun,) = await office.database.read(list_imports, 5)
    assert (begun.batch.state, begun.rows, begun.taken) == ("running", 60, 50)
    # Another worker goes on, and one that was stopped for a while takes nothing a second time.
    await Imports(office.database, KEY).take_received()
    (done,) = await office.database.read(list_imports, 5)
    assert (done.batch.state, done.rows, done.counts) == ("done", None, {"new": 60})
    again = [ReadRow(number, []) for number in range(2, 62)]
    await office.database.write(change_row, ImportBatch, done.batch.id, state="running")
    assert await office.database.write(import_rows, KEY, done.batch.id, "staff:ana", again, office.later()) == []
    assert len(await office.all(Assister)) == len(await office.all(EarlierYear)) == 60
    assert await office.all(ReceivedFile) == []  # nothing is kept of it
    assert len(await office.all(AuditRow, action="import.done")) == 1


async def test_e10_as_many_rows_are_received_as_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("starter.imports.MOST_RECEIVED", 3)
    found, lines = Imports(office.database, KEY), [COLUMNS, *([row()[name] for name in COLUMNS] for _ in range(4))]
    summary = await found.receive_file(write_lines(lines[:4]), "bewellnm", "staff:ana")
    assert summary.rows == 3, "the header is no row"
    for content in (write_lines(lines), write_lines(lines).rstrip()):
        with pytest.raises(Invalid) as refused:
            await found.receive_file(content, "bewellnm", "staff:ana")
        assert [fault.code for fault in refused.value.faults] == ["too_many_rows"]


async def test_e10_a_file_whose_import_is_undone_is_taken_no_further_and_one_that_fails_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = [write_lines([COLUMNS, [row()[name] for name in COLUMNS]]) for _ in range(3)]
    found = Imports(office.database, KEY)
    undone, failing, other = [await found.receive_file(one, "bewellnm", "staff:ana") for one in content]
    await found.undo_import(undone.batch.id, "The wrong file.", "staff:olga")
    taking = found._take

    async def fail(import_id: str, *rest: Any) -> Any:
        if import_id == failing.batch.id:
            raise OSError("the database is away")
        return await taking(import_id, *rest)

    monkeypatch.setattr(found, "_take", fail)
    await found.take_received()
    states = {one.batch.id: one.batch.state for one in await office.database.read(list_imports, 5)}
    assert states == {undone.batch.id: "undone", failing.batch.id: "running", other.batch.id: "done"}
    assert [one.import_id for one in await office.all(ReceivedFile)] == [failing.batch.id]


async def test_e10_memory_does_not_grow_with_the_file(office: Office, tmp_path: Path) -> None:
    """Ten times the rows at fault, which are all kept, take no more of it at a time."""
    peaks = []
    for number in (200, 2_000):
        file = write(tmp_path, *(row(plan_year="soon", lms_account="x" * 3_000) for _ in range(number)))
        tracemalloc.start()
        summary = await Imports(office.database, KEY).import_file(file, "bewellnm", "staff:ana")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert summary.counts == {"refused": number}
    assert peaks[1] < peaks[0] + 1024 * 1024, peaks  # of six
    assert len(await office.all(ImportRow)) == 2_200


async def test_e10_somebody_of_an_import_can_be_begun(office: Office, tmp_path: Path) -> None:
    await bring_in(office, tmp_path, row())
    (person,) = await office.all(Assister)
    opened = await office.database.write(begin_case, person.assister_id, "bewellnm", 2024, "staff", office.later())
    assert opened.created
