"""Seasons in the console and over HTTP: rehearsed, opened, paused, resumed, cancelled; who was left out (E9)."""

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from db.tables import Assister, AuditRow, Case, EarlierYear
from db.writes.seasons.changes import advance_season
from db.writes.seasons.entries import enter_judged, open_for_season
from domain.programs.imports import parse_import
from domain.programs.seasons import Judgement, LeftOutReason, SeasonOutcome
from tests.support import documents
from tests.support.tables import change_row
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole

PAGE, YEAR = "/staff/season", 2026
SEASON = ("bewellnm", YEAR)
HOME = f"{PAGE}/bewellnm/{YEAR}"


async def known(house: House, **changes: Any) -> str:
    """Somebody who was certified the year before; their id."""
    (person,) = parse_import([documents.earlier(documents.broker(**changes), YEAR - 1)])
    _, (imported,) = await house.services.imports.import_people([person], "staff:ana")
    return str(imported["assister_id"])


async def go_through(house: House, people: list[str], left_out: list[str] | None = None) -> None:
    """What a worker does with a page of people."""
    now = datetime.now(UTC)
    judged = [Judgement(one, SeasonOutcome.LEFT_OUT, LeftOutReason.NOT_RETURNING) for one in left_out or ()]
    await house.database.write(enter_judged, *SEASON, judged, now)
    for one in people:
        await house.database.write(open_for_season, *SEASON, [one], now)


async def open_it(house: House, csrf: str) -> Any:
    form = {"csrf_token": csrf, "season": f"bewellnm/{YEAR}", "reason": "It is time.", "do": "open"}
    return await house.post(PAGE, form)


async def test_e9_a_season_is_rehearsed_opened_paused_resumed_and_cancelled(house: House) -> None:
    people = [await known(house), await known(house, last_name="Leftout")]
    csrf = await house.sign_in(StaffRole.OPERATOR)
    rehearsed = read(await house.post(PAGE, {"csrf_token": csrf, "season": f"bewellnm/{YEAR}", "do": "rehearse"}))
    assert "Nothing was changed" in rehearsed.text
    assert await house.database.read(count_rows) == 0
    answer = await open_it(house, csrf)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HOME}?done=open")
    await go_through(house, people[:1], people[1:])
    page = read(await house.browser.get(HOME))
    assert "2 of 2 people, 99 %" in page.text
    assert "Leftout" in page.text
    assert page.of("progress")[0]["value"] == "99"
    for change, state in (("pause", "Paused"), ("resume", "Running"), ("cancel", "Cancelled")):
        faulty = await house.post(f"{HOME}/{change}", {"csrf_token": csrf, "reason": " "})
        assert "Give a reason." in read(faulty, 422).text
        done = await house.post(f"{HOME}/{change}", {"csrf_token": csrf, "reason": "A reason."})
        assert (done.status_code, done.headers["location"]) == (303, f"{HOME}?done={change}")
        assert state in read(await house.browser.get(HOME)).text
    again = await house.post(f"{HOME}/pause", {"csrf_token": csrf, "reason": "A reason."})
    assert "what it had opened stays" in read(again, 409).text
    assert "Cases opened 1" in " ".join(read(again, 409).text.split())


def count_rows(session: Any) -> int:
    opened = session.query(AuditRow).filter(AuditRow.action == "season.opened")
    return int(session.query(Case).count() + opened.count())


async def test_e9_what_cannot_be_opened_is_refused_in_one_sentence(house: House) -> None:
    csrf = await house.sign_in(StaffRole.OPERATOR)
    for season, status, said in (
        ("", 422, "Choose a program and a plan year."),
        ("bewellnm/2099", 422, "There is no certification policy"),
        ("elsewhere/2026", 422, "There is no certification policy"),
        ("ffm/2025", 422, "Certification for this plan year has closed."),
    ):
        form = {"csrf_token": csrf, "season": season, "reason": "It is time.", "do": "open"}
        answer = await house.post(PAGE, form)
        assert said in read(answer, status).text, season
    assert (await open_it(house, csrf)).status_code == 303
    twice = await open_it(house, csrf)
    assert "is opened once" in read(twice, 409).text
    assert (await house.browser.get(f"{PAGE}/ffm/{YEAR}")).status_code == 404


async def test_e9_the_list_of_who_was_left_out_is_a_file_without_formulas(house: House) -> None:
    people = [await known(house), await known(house)]
    await house.database.write(change_row, Assister, people[0], last_name="=Ejemplo")
    csrf = await house.sign_in(StaffRole.OPERATOR)
    await open_it(house, csrf)
    await go_through(house, [], people)
    answer = await house.browser.get(f"{HOME}/left-out.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert sorted(row["assister_id"] for row in rows) == sorted(people)
    assert {row["reason"] for row in rows} == {"not_returning"}
    assert "'=Ejemplo" in {row["last_name"] for row in rows}
    assert {"season"} <= {row.page for row in await house.list_accesses()}


@pytest.mark.parametrize("role", [StaffRole.REVIEWER, StaffRole.AUDITOR, StaffRole.APPEALS_REVIEWER])
async def test_e9_seasons_are_the_operators(house: House, role: StaffRole) -> None:
    csrf = await house.sign_in(role)
    assert (await house.browser.get(PAGE)).status_code == 403
    assert (await open_it(house, csrf)).status_code == 403
    assert "Seasons" not in read(await house.browser.get("/staff")).text


async def test_e9_over_http_as_by_the_command_line(house: House) -> None:
    people = [await known(house), await known(house)]
    api = f"/api/seasons/bewellnm/{YEAR}"
    assert (await house.browser.get(f"{api}/status")).status_code == 401
    house.browser.headers["X-CSRF-Token"] = await house.sign_in(StaffRole.OPERATOR)
    assert (await house.browser.get(f"{api}/status")).status_code == 409
    rehearsed = (await house.browser.post(f"{api}/rehearse")).json()
    assert (rehearsed["people"], rehearsed["opened"]) == (2, 2)
    closed = await house.browser.post("/api/seasons/bewellnm/2025/open")
    assert closed.status_code == 422
    assert closed.json()["errors"][0]["field"] == "plan_year"
    opened = await house.browser.post(f"{api}/open", json={"reason": "It is time."})
    assert (opened.status_code, opened.json()["state"]) == (201, "running")
    assert (await house.browser.post(f"{api}/open")).status_code == 409
    await go_through(house, people[:1], people[1:])
    assert (await house.browser.post(f"{api}/pause", json={"reason": 1})).status_code == 422
    for change, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        answer = await house.browser.post(f"{api}/{change}", json={"reason": "A reason."})
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert answer.json()["opened"] == 1
    assert (await house.browser.post(f"{api}/resume")).status_code == 409
    left_out = (await house.browser.get(f"{api}/left-out")).json()
    assert [(one["assister_id"], one["reason"]) for one in left_out] == [(people[1], "not_returning")]
    assert (await house.browser.get(f"{api}/left-out.csv")).text.count("\r\n") == 2
    assert await house.database.read(lambda session: session.query(EarlierYear).count()) == 2
    await house.database.write(advance_season, *SEASON, "", None, datetime.now(UTC))
    assert (await house.browser.get(f"{api}/status")).json()["state"] == "cancelled"
