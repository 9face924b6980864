"""The operator's page and /metrics over the real database and a real Temporal server: the same figures in both."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from adapters.answers import CallLedger
from db.case_state import load_case
from db.house_tables import ThirdPartyRow
from db.own_tables import CodeRow
from db.tables import EffectRow
from db.writes.house.third_parties import record_calls
from domain.shared.third_parties import ThirdParty, build_failure, build_success
from templates.labels import FILTERS
from templates.staff_labels import THIRD_PARTIES
from tests.support import documents
from tests.support.tables import add_rows
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_queue import waiting
from web.http.permissions import StaffRole

NOW = datetime.now(UTC)
PAGE = "/staff/operations"


async def metrics(house: House) -> dict[str, float]:
    text = (await house.browser.get("/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def told(page: str, section: str) -> dict[str, list[str]]:
    """The rows of a section's table by their heads, in words."""
    (part,) = re.findall(rf'<section aria-labelledby="{section}">(.*?)</section>', page, re.S)
    rows = re.findall(r"<tr>\s*(<th scope=\"row\">.*?)</tr>", part, re.S)
    cells = [
        [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)]
        for row in rows
    ]
    return {head: rest for head, *rest in cells}


async def letters_wait(house: House, since: datetime) -> None:
    """A notice of a case and a code, both still to be sent."""
    case_id = await house.open(documents.broker())
    notice = EffectRow(
        key=f"{case_id}:notice.request_received:0",
        case_id=case_id,
        kind="notice.request_received",
        data={},
        intended_at=since,
    )
    code = CodeRow(
        id="a-code",
        browser_hash="hash",
        email="testa@example.com",
        purpose="sign_in",
        language="en",
        asked_at=since + timedelta(minutes=1),
        next_attempt_at=NOW,
    )
    await house.database.write(add_rows, notice, code)


async def test_an_outage_of_mail_stands_on_top_with_what_waits_and_since_when(house: House) -> None:
    await house.sign_in(StaffRole.OPERATOR)
    since = NOW - timedelta(minutes=20)
    await letters_wait(house, since)
    good, bad = build_success(since - timedelta(seconds=5)), build_failure(since, "mail_unreachable", is_answered=False)
    await house.database.write(record_calls, {"mail": good})
    await house.database.write(record_calls, {"mail": bad, "lms": build_success(NOW)})
    answer = await house.browser.get(PAGE)
    reader = read(answer)
    assert "Mail server: down. It hasn't answered since" in reader.text
    assert "2 wait for it." in reader.text
    rows = told(answer.text, "third-parties")
    assert rows["Mail server"][0] == "Down"
    assert rows["Mail server"][2].endswith("minutes ago mail_unreachable")
    assert rows["Mail server"][3].startswith("2 since")
    assert rows["LMS (training)"][0] == "Answers"
    uncalled = {name for name, cells in rows.items() if cells[0] == "Not called yet"}
    not_set_up = {"License registry's alerts", "LMS that is asked (Absorb)"}
    assert uncalled == set(THIRD_PARTIES.values()) - {"Mail server", "LMS (training)"} - not_set_up
    found = await metrics(house)
    mail = '{third_party="mail"}'
    assert found[f"certify_third_party_up{mail}"] == 0
    assert found['certify_third_party_up{third_party="lms"}'] == 1
    assert found[f"certify_third_party_silent_since_timestamp_seconds{mail}"] == since.timestamp()
    assert found[f"certify_third_party_last_success_timestamp_seconds{mail}"] == good.succeeded_at.timestamp()  # type: ignore[union-attr]
    assert found[f"certify_third_party_last_failure_timestamp_seconds{mail}"] == since.timestamp()
    assert found[f"certify_third_party_waiting{mail}"] == 2
    assert found[f"certify_third_party_waiting_since_timestamp_seconds{mail}"] == since.timestamp()
    assert found['certify_backlog{of="letters"}'] == 2

    await house.database.write(record_calls, {"mail": build_success(NOW)})
    assert "Mail server: down" not in read(await house.browser.get(PAGE)).text
    assert (await metrics(house))[f"certify_third_party_up{mail}"] == 1


async def test_without_a_worker_the_page_says_so_and_shows_what_waits_for_whom(house: House) -> None:
    await house.sign_in(StaffRole.OPERATOR)
    await waiting(house)
    answer = await house.browser.get(PAGE)
    assert "No worker does the background work." in read(answer).text
    assert told(answer.text, "owners")["Staff"][0] == "1"
    assert told(answer.text, "backlogs")["Cases to be begun"][0] == "1"
    found = await metrics(house)
    assert (found['certify_wait{owner="staff"}'], found["certify_background_working"]) == (1, 0)
    assert found["certify_temporal_up"] == 1


async def test_schedules_say_when_they_ran_and_the_temporal_ui_has_ready_made_lists(
    scheduled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = scheduled
    await house.sign_in(StaffRole.OPERATOR)
    monkeypatch.setattr(house.services.settings, "temporal_ui_url", "http://127.0.0.1:8233/")
    answer = await house.browser.get(PAGE)
    rows = told(answer.text, "schedules")
    assert rows["Reminders of the day"][0] == "–"
    assert "certify_schedule_paused" in (await house.browser.get("/metrics")).text
    listed = re.findall(r'href="(http://127.0.0.1:8233/namespaces/default/workflows[^"]*)"', answer.text)
    (late,) = [one for one in listed if "WaitingSince" in one]
    assert "WaitsOn" in late


async def test_a_workflow_leads_from_the_temporal_ui_back_to_its_case(house: House) -> None:
    case_id = await house.open(documents.broker())
    case = await house.database.read(load_case, case_id)
    handle = house.services.cases.temporal.get_workflow_handle(case.workflow_id)
    address = f"{house.services.settings.web_url.rstrip('/')}/staff/cases/{case_id}"
    assert await (await handle.describe()).static_details() == f"[The case in the console]({address})"


async def test_only_operators_and_auditors_see_it_and_no_person_is_on_it(house: House) -> None:
    await house.sign_in(StaffRole.REVIEWER)
    assert (await house.browser.get(PAGE)).status_code == 403
    await house.sign_in(StaffRole.AUDITOR)
    assert (await house.browser.get(PAGE)).status_code == 200
    assert await house.list_accesses() == []


async def test_every_third_party_has_its_name_and_calls_of_two_workers_come_to_one(house: House) -> None:
    assert set(FILTERS["third_party"]) == set(ThirdParty)
    first, second = CallLedger(), CallLedger()
    first.note_failure("lms", "lms_unreachable", is_answered=False)
    second.note_success("lms")
    for ledger in (second, first):  # told in the other order
        await house.database.write(record_calls, ledger.take_seen())
    row = await house.database.read(lambda session: session.get_one(ThirdPartyRow, "lms"))
    assert row.silent_since is None
    assert row.failure_code == "lms_unreachable"
