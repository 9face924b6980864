"""Who looked at whose data, and who is signed in: read by whom that is for, and sessions ended by them alone."""

from datetime import UTC, datetime, timedelta

import pytest

from db.house_tables import StaffAccount
from db.writes.access_log import record_access
from tests.support import documents
from tests.support.tables import add_rows
from tests.web.house import House
from tests.web.test_pages import BROWSER, read
from tests.web.test_staff_queue import link, waiting
from web.http.auth import choose_session_cookie
from web.http.permissions import StaffRole

NOW = datetime.now(UTC)
AUDITOR, OPERATOR, REVIEWER = StaffRole.AUDITOR, StaffRole.OPERATOR, StaffRole.REVIEWER


async def test_an_auditor_reads_who_looked_at_whom_the_last_first(house: House) -> None:
    await house.sign_in(REVIEWER)
    case_id = await waiting(house)
    await house.browser.get("/staff")
    await house.browser.get("/staff/export.csv")
    await house.sign_in(AUDITOR)
    answer = await house.browser.get("/staff/access-log")
    reader = read(answer)
    assert reader.text.index("Export") < reader.text.index(case_id)
    assert "a whole list" in reader.text
    assert f'href="/staff/cases/{case_id}"' in answer.text
    assert "Testa" not in answer.text


async def test_who_reads_free_text_from_the_api_is_written_down_too(house: House) -> None:
    await house.sign_in(StaffRole.AUDITOR)
    case_id = await house.open(documents.broker())
    for asked in ("", "?history=true", "/audit"):
        assert (await house.browser.get(f"/api/cases/{case_id}{asked}")).is_success
    found = await house.list_accesses(case_id)
    assert all(NOW <= row.at <= datetime.now(UTC) for row in found)
    assert [(row.actor, row.page) for row in found] == [("auditor", "audit"), ("auditor", "history")]
    text = (await house.browser.get("/staff/access-log")).text
    assert "Case audit" in text
    assert "Case history" in text


@pytest.mark.parametrize("role", [REVIEWER, OPERATOR, StaffRole.APPEALS_REVIEWER])
async def test_others_do_not(house: House, role: StaffRole) -> None:
    await house.sign_in(role)
    assert (await house.browser.get("/staff/access-log", headers={"Accept": BROWSER})).status_code == 403


async def test_the_log_is_narrowed_to_an_actor_and_a_case(house: House) -> None:
    first, second = await house.open(documents.broker()), await house.open(documents.broker())
    for actor, case_id in (("ana", first), ("ana", second), ("ben", first)):
        await house.database.write(record_access, actor, "case", [case_id], NOW)
    await house.sign_in(AUDITOR)

    async def shown(query: str) -> set[tuple[str | None, ...]]:
        reader = read(await house.browser.get(f"/staff/access-log{query}"))
        cases = [one for one in reader.text.split() if one in (first, second)]
        actors = [one for one in reader.text.split() if one in ("ana", "ben")]
        return set(zip(actors, cases, strict=True))

    assert await shown("") == {("ana", first), ("ana", second), ("ben", first)}
    assert await shown("?actor=ana") == {("ana", first), ("ana", second)}
    assert await shown(f"?case_id={first}") == {("ana", first), ("ben", first)}
    assert await shown(f"?actor=ana&case_id={first}") == {("ana", first)}
    assert await shown("?actor=nobody") == set()
    assert "No entry matches." in read(await house.browser.get("/staff/access-log?case_id=x")).text


async def test_the_log_is_narrowed_to_a_person_by_name_and_to_days(house: House) -> None:
    known = {"issuer": "https://id.example", "subject": "1", "actor": "staff:ana", "name": "Ana Example"}
    await house.database.write(add_rows, StaffAccount(**known, roles=[], first_seen_at=NOW))
    first, second = await house.open(documents.broker()), await house.open(documents.broker())
    # Noon in winter, at 7 hours from UTC: no other day anywhere near.
    days = [datetime(2026, 2, day, 19, tzinfo=UTC) for day in (2, 3, 4)]
    for at in days:
        await house.database.write(record_access, "staff:ana", "queue", [first, second], at)
        await house.database.write(record_access, "ben", "case", [first], at)
    await house.sign_in(AUDITOR)

    async def shown(query: str) -> list[str]:
        reader = read(await house.browser.get(f"/staff/access-log?{query}"))
        return [moment["datetime"] or "" for moment in reader.of("time")]

    for who in ("Ana+Example", "ana+example", "ana", "staff%3Aana"):
        assert await shown(f"actor={who}") == [f"{at:%Y-%m-%dT%H:%M:%S}Z" for at in reversed(days)]
    reader = read(await house.browser.get("/staff/access-log?actor=ana"))
    assert "Feb 4, 2026, 12:00 PM MST Ana Example Work queue 2 cases" in reader.text
    assert [one["value"] for one in reader.of("option")] == ["Ana Example"]
    assert await shown("actor=ana&from=2026-02-03&until=2026-02-03") == ["2026-02-03T19:00:00Z"]
    assert len(await shown("from=2026-02-03&until=2026-02-04")) == 4
    assert len(await shown(f"case_id={second}&from=2026-02-04")) == 1
    assert await shown("from=9999-12-31") == await shown("until=0001-01-01") == []
    wrong = read(await house.browser.get("/staff/access-log?from=soon"), 422)
    assert "Enter a date" in wrong.text
    assert [one["id"] for one in wrong.of("input") if one.get("aria-invalid")] == ["from"]


async def test_the_former_address_leads_to_the_log_under_the_same_filter(house: House) -> None:
    await house.sign_in(AUDITOR)
    answer = await house.browser.get("/staff/looks?actor=ana")
    assert (answer.status_code, answer.headers["location"]) == (301, "/staff/access-log?actor=ana")


async def test_the_log_goes_on_page_by_page_under_its_filter(house: House) -> None:
    case_id = await house.open(documents.broker())
    for number in range(120):
        await house.database.write(record_access, "ana", "case", [case_id], NOW - timedelta(seconds=number))
    await house.database.write(record_access, "ben", "case", [case_id], NOW)
    await house.sign_in(AUDITOR)
    url: str | None = "/staff/access-log?actor=ana"
    pages = []
    while url:
        answer = await house.browser.get(url)
        pages.append(answer.text.count("<time"))
        last, url = answer.text, link(answer.text, "page-next")
    assert pages == [50, 50, 20]
    assert link(last, "page-first") == "/staff/access-log?actor=ana"
    astray = await house.browser.get("/staff/access-log?actor=ana&after=x")
    assert (astray.status_code, astray.headers["location"]) == (303, "/staff/access-log?actor=ana")


async def test_an_operator_sees_who_is_signed_in_and_ends_a_session(house: House) -> None:
    await house.sign_in(REVIEWER)
    cookie = house.browser.cookies[choose_session_cookie(house.services)]
    theirs = (await house.open_sessions(NOW))[0].id
    csrf = await house.sign_in(OPERATOR)
    answer = await house.browser.get("/staff/sessions")
    reader = read(answer)
    for said in ("Rita Example", "Reviewer", "Olga Example", "Operator", "1 minute ago", "This is yours"):
        assert said in reader.text
    assert [form["action"] for form in reader.of("form") if "sessions" in (form["action"] or "")] == [
        f"/staff/sessions/{theirs}/end"
    ]
    ended = await house.post(f"/staff/sessions/{theirs}/end", {"csrf_token": csrf})
    assert (ended.status_code, ended.headers["location"]) == (303, "/staff/sessions?told=ended")
    assert "The session has been ended." in read(await house.browser.get("/staff/sessions?told=ended")).text

    house.browser.cookies.set(choose_session_cookie(house.services), cookie)
    assert (await house.browser.get("/staff", headers={"Accept": BROWSER})).status_code == 303

    csrf = await house.sign_in(OPERATOR)
    again = await house.post(f"/staff/sessions/{theirs}/end", {"csrf_token": csrf})
    assert again.headers["location"] == "/staff/sessions?told=gone"
    assert "over already" in read(await house.browser.get("/staff/sessions?told=gone")).text


async def test_an_auditor_sees_sessions_and_ends_none(house: House) -> None:
    await house.sign_in(REVIEWER)
    theirs = (await house.open_sessions(NOW))[0].id
    csrf = await house.sign_in(AUDITOR)
    reader = read(await house.browser.get("/staff/sessions"))
    assert "Rita Example" in reader.text
    assert not [form for form in reader.of("form") if "/staff/sessions" in (form["action"] or "")]
    answer = await house.post(f"/staff/sessions/{theirs}/end", {"csrf_token": csrf})
    assert answer.status_code == 403
    assert theirs in {row.id for row in await house.open_sessions(NOW)}


async def test_a_session_is_not_ended_without_the_form_s_token_nor_by_reviewers(house: House) -> None:
    await house.sign_in(REVIEWER)
    theirs = (await house.open_sessions(NOW))[0].id
    assert (await house.browser.get("/staff/sessions")).status_code == 403
    await house.sign_in(OPERATOR)
    assert (await house.post(f"/staff/sessions/{theirs}/end", {})).status_code == 403
    assert theirs in {row.id for row in await house.open_sessions(NOW)}


async def test_a_role_of_another_release_breaks_no_page(house: House) -> None:
    await house.open_session("old", "Otto Example", ["keeper_of_keys", "auditor"], datetime.now(UTC))
    await house.sign_in(OPERATOR)
    reader = read(await house.browser.get("/staff/sessions"))
    assert "Otto Example" in reader.text
    assert "keeper_of_keys" not in reader.text
