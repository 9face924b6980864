"""The dashboard over the real database: its numbers, drawn and as tables, and what it says where there are none."""

import re
from datetime import UTC, datetime, timedelta

from db.tables import StageEntry
from db.writes.licenses.rounds import close_round
from tests.support import documents
from tests.support.crowd import fill
from tests.support.tables import add_rows
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_queue import flagged, rows, waiting

NOW = datetime.now(UTC)


def table(page: str, section: str) -> dict[str, list[str]]:
    """The table of a section: its rows by their heads."""
    (part,) = re.findall(rf'<section aria-labelledby="{section}">(.*?)</section>', page, re.S)
    (body,) = re.findall(r"<tbody>(.*?)</tbody>", part, re.S)
    found = {}
    for line in re.findall(r"<tr>(.*?)</tr>", body, re.S):
        head, *cells = (re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line))
        found[head] = cells
    return found


def drawn(page: str, section: str) -> str:
    """The chart of a section."""
    (part,) = re.findall(rf'<section aria-labelledby="{section}">.*?(<svg.*?</svg>)', page, re.S)
    return str(part)


async def test_without_cases_the_page_says_so_and_draws_nothing(house: House) -> None:
    await house.sign_in()
    reader = read(await house.browser.get("/staff/dashboard"))
    assert "There are no cases yet." in reader.text
    assert not reader.of("svg")
    assert await house.list_accesses() == []


async def test_cases_are_counted_by_stage_and_by_why_they_wait(house: House) -> None:
    await house.sign_in()
    oldest = await flagged(house, "mail_refused", NOW - timedelta(days=4, hours=1), first_name="Antigua")
    for _ in range(3):
        await waiting(house)
    answer = await house.browser.get("/staff/dashboard")
    reader = read(answer)
    assert table(answer.text, "stages") == {"Request received": ["1"], "Waits for a decision": ["3"]}
    assert table(answer.text, "reasons") == {"Decision to make": ["3"], "E-mail refused by the mail server": ["1"]}
    for said in ("Waiting for staff 4", "Longest wait 4 days", "Cases in all 4", "Reminders due 0"):
        assert said in reader.text
    assert rows(answer.text)[0] == oldest
    assert {access.page for access in await house.list_accesses()} == {"dashboard"}
    assert len(await house.list_accesses()) == 4


async def test_every_chart_has_a_name_a_description_and_its_numbers_in_words(house: House) -> None:
    await house.sign_in()
    fill(house.services.settings.database_url, 1500, NOW)
    answer = await house.browser.get("/staff/dashboard")
    reader = read(answer)
    charts = reader.of("svg")
    assert len(charts) == 4
    for chart in charts:
        assert chart["role"] == "img"
        assert set((chart["aria-labelledby"] or "").split()) <= set(reader.ids)
    assert len(reader.of("title")) == len(reader.of("desc")) + 1 == 5
    assert not [attributes for _, attributes in reader.tags if "style" in attributes or "fill" in attributes]
    for section in ("stages", "reasons", "times"):
        picture = drawn(answer.text, section)
        for head, cells in table(answer.text, section).items():
            assert f">{head}</text>" in picture
            assert cells[0] in picture
    for length in re.findall(r'(?:x|width)="([\d.]+)%"', answer.text):
        assert 0 <= float(length) <= 100


async def test_the_times_of_stages_are_their_median_and_ninth_decile(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    entered = NOW - timedelta(days=2)
    stays = [
        StageEntry(case_id=case_id, stage="screening", entered_at=entered, left_at=entered + timedelta(hours=hours))
        for hours in range(1, 12)
    ]
    await house.database.write(add_rows, *stays)
    answer = await house.browser.get("/staff/dashboard")
    assert table(answer.text, "times")["Being screened"] == ["6 hr", "10 hr", "11"]
    assert "median 6 hr, nine of ten within 10 hr" in drawn(answer.text, "times")


async def test_decisions_are_counted_by_day_and_verdict(house: House) -> None:
    await house.sign_in()
    for verdict in ("approve", "approve", "deny"):
        await house.decide(await house.open(documents.broker()), verdict)
    answer = await house.browser.get("/staff/dashboard")
    days = table(answer.text, "decisions")
    assert len(days) == 30
    assert next(iter(days.values())) == ["2", "1", "0"]
    assert all(cells == ["0", "0", "0"] for cells in list(days.values())[1:])
    assert '<desc id="decisions-told">Approved: 2. Denied: 1. Information asked for: 0. </desc>' in answer.text
    assert drawn(answer.text, "decisions").count("chart__bar") == 2


async def test_e1_the_last_round_over_licenses_is_told_in_a_line_and_in_the_metrics(house: House) -> None:
    await house.sign_in()
    await waiting(house)
    assert "Licenses of the certified" not in read(await house.browser.get("/staff/dashboard")).text
    assert "certify_license_round" not in (await house.browser.get("/metrics")).text
    for day in (NOW.date() - timedelta(days=1), NOW.date()):
        await house.database.write(close_round, day, NOW, NOW)
    reader = read(await house.browser.get("/staff/dashboard"))
    assert "0 licenses were due and 0 looked up" in reader.text
    told = (await house.browser.get("/metrics")).text
    assert 'certify_license_round{count="left"} 0.0' in told
    (at,) = re.findall(r"^certify_license_round_timestamp_seconds (\S+)$", told, re.MULTILINE)
    assert float(at) == NOW.timestamp()
