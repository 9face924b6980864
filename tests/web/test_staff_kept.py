"""Sessions of staff that end while somebody writes: told in time, made longer, and nothing typed is lost."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from db.case_state import load_snapshot
from domain.shared.reference_numbers import make_reference_number
from domain.state.eligibility import Result
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_decisions import Desk, desk
from web.http.auth import choose_session_cookie
from web.http.permissions import StaffRole

HTML = {"Accept": "text/html"}
KEPT = "/staff/sign-in?next=%2Fstaff%2Fkept&told=ended"
TYPED = "The <b>second</b> license & the first."


async def send_too_late(reviewer: Desk, **changes: str) -> str:
    """A denial that is sent half an hour after the page was opened; where its sender is led."""
    form = {**await reviewer.form("decision"), "verdict": "deny", "reason": TYPED, **changes}
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        answer = await reviewer.house.post(f"{reviewer.path}/decision", form, **HTML)
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_what_was_typed_is_sent_after_the_next_log_in(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    assert await send_too_late(reviewer) == KEPT
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        assert "What you have typed is kept" in read(await house.browser.get(KEPT, headers=HTML)).text
    csrf = await house.sign_in()
    for _ in range(2):  # who looks at the case meanwhile comes back to it
        reader = read(await house.browser.get("/staff/kept", headers=HTML))
        assert TYPED in reader.text
        assert "Decision Denied" in reader.text
        assert make_reference_number(reviewer.case_id) in reader.text
        assert reviewer.path in {link.get("href") for link in reader.of("a")}
    fields = {one["name"] or "": one["value"] or "" for one in reader.of("input") if one.get("type") == "hidden"}
    assert fields["csrf_token"] == csrf != reviewer.csrf
    assert f"{reviewer.path}/decision" in {form["action"] for form in reader.of("form")}
    assert (await house.post(f"{reviewer.path}/decision", fields, **HTML)).status_code == 303
    (command,) = await house.apply_commands()
    assert (command.kind, command.reason, command.actor) == ("decide", TYPED, "reviewer")
    decision = (await house.database.read(load_snapshot, reviewer.case_id)).certification.decision
    assert decision is not None
    assert decision.verdict == "deny"


async def test_what_one_of_staff_typed_is_shown_to_nobody_else(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    await send_too_late(reviewer)
    await house.sign_in(StaffRole.OPERATOR)
    answer = await house.browser.get("/staff/kept", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff")
    csrf = await house.sign_in()
    assert TYPED in read(await house.browser.get("/staff/kept", headers=HTML)).text
    await house.post("/staff/sign-out", {"csrf_token": csrf})
    await house.sign_in()
    assert (await house.browser.get("/staff/kept", headers=HTML)).status_code == 303, "who signs out leaves nothing"


@pytest.mark.parametrize("token", ["", "made up", "its session's"])
async def test_a_form_without_its_session_s_token_is_not_kept(house: House, token: str) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    if token == "its session's":
        token = reviewer.csrf.replace(reviewer.csrf[-10:], "x" * 10)
    assert await send_too_late(reviewer, csrf_token=token) == "/staff/sign-in?next=%2Fstaff&told=ended"
    await house.sign_in()
    assert (await house.browser.get("/staff/kept", headers=HTML)).status_code == 303


async def test_what_was_typed_is_kept_by_its_own_token_where_the_cookie_is_lost(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    form = {**await reviewer.form("decision"), "verdict": "deny", "reason": TYPED}
    house.browser.cookies.clear()
    answer = await house.post(f"{reviewer.path}/decision", form, **HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, KEPT)
    await house.sign_in()
    assert TYPED in read(await house.browser.get("/staff/kept", headers=HTML)).text


async def test_what_was_typed_is_offered_at_once_to_who_has_logged_in_anew_in_another_tab(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    form = {**await reviewer.form("decision"), "verdict": "deny", "reason": TYPED}
    csrf = await house.sign_in()
    answer = await house.post(f"{reviewer.path}/decision", form, **HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/kept")
    reader = read(await house.browser.get("/staff/kept", headers=HTML))
    assert TYPED in reader.text
    fields = {one["name"] or "": one["value"] or "" for one in reader.of("input") if one.get("type") == "hidden"}
    assert fields["csrf_token"] == csrf
    swapped = await house.post(f"{reviewer.path}/decision", form, **HTML, **{"HX-Request": "true"})
    assert (swapped.status_code, swapped.headers["hx-redirect"]) == (403, "/staff/kept")
    assert await house.apply_commands() == []


async def test_a_form_of_another_s_session_is_refused(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    form = {**await reviewer.form("decision"), "verdict": "deny", "reason": TYPED}
    other = await house.open_session("vera", "Vera Visitor-Sample", [StaffRole.REVIEWER], datetime.now(UTC))
    house.browser.cookies.set(choose_session_cookie(house.services), other)
    answer = await house.post(f"{reviewer.path}/decision", form, **HTML)
    assert (answer.status_code, "out of date" in answer.text) == (403, True)


async def test_a_search_sent_by_htmx_too_late_leads_to_the_log_in_without_its_words(house: House) -> None:
    csrf = await house.sign_in()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        words = {"words": "Testa", "csrf_token": csrf}
        answer = await house.post("/staff/search", words, **HTML, **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, KEPT)
    assert "Testa" not in str(answer.headers)
    await house.sign_in()
    assert "Testa" in read(await house.browser.get("/staff/kept", headers=HTML)).text


async def test_staying_begins_the_half_hour_anew_up_to_the_tenth_hour(house: House) -> None:
    csrf = await house.sign_in()
    at, seconds = datetime.now(UTC), []
    for minutes in (*range(25, 600, 25), 599):
        with time_machine.travel(at + timedelta(minutes=minutes), tick=True):
            answer = await house.browser.post("/staff/stay", headers={"x-csrf-token": csrf})
            seconds.append(answer.json()["seconds"])
    assert all(1680 <= one <= 1800 for one in seconds[:-2])
    assert seconds[-1] <= 60, "after ten hours it ends in any case"
    with time_machine.travel(at + timedelta(minutes=601), tick=True):
        answer = await house.browser.post("/staff/stay", headers={"x-csrf-token": csrf})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_staying_needs_the_page_s_token_which_every_page_has(house: House) -> None:
    csrf = await house.sign_in()
    assert (await house.browser.post("/staff/stay")).status_code == 403
    reader = read(await house.browser.get("/staff", headers=HTML))
    (bar,) = [one for one in reader.of("div") if "data-stay" in one]
    assert 1680 <= int(bar["data-seconds"] or 0) <= 1800
    assert (bar["data-again"], bar["data-csrf"], bar["data-stay"]) == ("1740", csrf, "/staff/stay")
    assert int(bar["data-latest"] or 0) > 35_000
