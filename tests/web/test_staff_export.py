"""The export of a list: its columns and rows, nothing a spreadsheet would compute, recorded as one access."""

import csv
import re
from datetime import UTC, datetime
from io import StringIO

import pytest

from db.reads.queue import ExportedCase
from db.tables import Assister
from domain.shared.documents.spreadsheets import format_cell
from domain.shared.words import fill_words
from tests.support import documents
from tests.support.crowd import fill
from tests.support.tables import change_row
from tests.web.house import House
from tests.web.test_staff_queue import waiting
from web.http.permissions import StaffRole
from web.staff.export import COLUMNS

Lines = list[dict[str, str]]


async def exported(house: House, query: str = "") -> Lines:
    answer = await house.browser.get(f"/staff/export.csv{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline="")))


async def test_the_columns_are_all_there_is_to_a_case_and_each_is_told_of(house: House) -> None:
    await house.sign_in()
    await waiting(house)
    (line,) = await exported(house)
    assert list(line) == list(COLUMNS)
    assert set(COLUMNS) == set(ExportedCase.__dataclass_fields__) - {"assister_id"}
    page = (await house.browser.get("/staff")).text
    for name, told in COLUMNS.items():
        assert f'<dt class="mono">{name}</dt><dd>{fill_words(told)}</dd>' in page


async def test_the_queue_and_every_case_are_exported_under_the_page_s_filters(house: House) -> None:
    await house.sign_in()
    broker = await waiting(house, first_name="Ñusta")
    agent = await house.open(documents.agent())
    assert [line["case_id"] for line in await exported(house)] == [broker]
    assert [line["case_id"] for line in await exported(house, "?view=all")] == [agent, broker]
    assert [line["case_id"] for line in await exported(house, "?view=all&kind=agent")] == [agent]
    assert await exported(house, "?view=queue&kind=agent") == []
    (line,) = await exported(house)
    assert (line["first_name"], line["stage"], line["attention"], line["flag"], line["plan_year"]) == (
        *("Ñusta", "awaiting_decision", "decision", ""),
        "2024",
    )
    assert datetime.fromisoformat(line["opened_at"]).tzinfo is not None


async def test_a_list_longer_than_what_is_read_at_once_is_whole(house: House) -> None:
    await house.sign_in()
    fill(house.services.settings.database_url, 2300)
    lines = await exported(house, "?view=all")
    assert len({line["case_id"] for line in lines}) == len(lines) == 2300
    opened = [line["opened_at"] for line in lines]
    assert opened == sorted(opened, reverse=True)


async def test_a_file_is_named_by_list_and_day(house: House) -> None:
    await house.sign_in()
    named = (await house.browser.get("/staff/export.csv?view=all")).headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="cases-20\d\d-\d\d-\d\d\.csv"', named)


async def test_an_export_is_recorded_as_one_access_to_a_whole_list(house: House) -> None:
    await house.sign_in()
    await waiting(house)
    await exported(house)
    (access,) = await house.list_accesses()
    assert (access.actor, access.page, access.case_id) == ("reviewer", "export", None)


async def test_only_who_may_export_does(house: House) -> None:
    await waiting(house)
    await house.sign_in(StaffRole.APPEALS_REVIEWER)
    answer = await house.browser.get("/staff/export.csv")
    assert answer.status_code == 403
    assert await house.list_accesses() == []


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", '=HYPERLINK("http://example.org")']
)
def test_what_a_spreadsheet_would_compute_is_marked_as_text(text: str) -> None:
    assert format_cell(text) == f"'{text}"


def test_other_cells_stay_as_they_are() -> None:
    assert [format_cell(value) for value in ("Ana-María", "a=b", None, 2024, "", "o'clock")] == [
        *("Ana-María", "a=b", "", "2024", "", "o'clock")
    ]
    assert format_cell(datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)) == "2026-03-04T05:06:07Z"


async def test_a_name_that_is_a_formula_arrives_as_text_in_its_own_cell(house: House) -> None:
    await house.sign_in()
    case_id = await waiting(house)
    case = next(one for one in await house.cases() if one.case_id == case_id)
    names = {"first_name": '=cmd|"/c calc"!A1', "last_name": 'Sample",\n"=2'}
    await house.database.write(change_row, Assister, case.assister_id, **names)
    (line,) = await exported(house)
    assert (line["first_name"], line["last_name"]) == ('\'=cmd|"/c calc"!A1', 'Sample",\n"=2')
