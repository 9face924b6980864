"""Attacks on codes and sessions: guesses, another's browser, floods, finding out who is known, thieves of sessions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx2
import pytest
import structlog
import time_machine
from sqlmodel import select

from db.case_state import list_rows
from db.own_tables import AnswerRow, CodeRow
from tests.support import documents, federal_form
from tests.support.browser import Browser, Page
from tests.support.form import place
from tests.web.house import House

KNOWN, UNKNOWN = "testa.broker@example.com", "nobody.at.all@example.com"
HTML = {"Accept": "text/html", "Accept-Language": "en"}


@asynccontextmanager
async def another_browser(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser that knows no cookie."""
    transport = house.browser._transport
    async with httpx2.AsyncClient(transport=transport, base_url="http://certify.example.org") as browser:
        yield browser
        browser._transport = httpx2.MockTransport(lambda _: httpx2.Response(500))


async def ask(browser: httpx2.AsyncClient, email: str) -> httpx2.Response:
    return await browser.post("/me/code", data={"email": email}, headers=HTML)


async def type_code(browser: httpx2.AsyncClient, code: str) -> httpx2.Response:
    return await browser.post("/me/sign-in", data={"code": code}, headers=HTML)


def wrong_for(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def is_signed_in(browser: httpx2.AsyncClient) -> bool:
    return "own" in browser.cookies


@pytest.mark.parametrize("typed", ["", "0", "no code", "1234567", "１２３４５６", "'", "\u202e12345", "9" * 3000])
async def test_d1_what_is_no_code_opens_nothing(house: House, typed: str) -> None:
    await ask(house.browser, KNOWN)
    await house.code(KNOWN)
    answer = await type_code(house.browser, typed)
    assert answer.status_code == 422
    assert "This is not the code" in Page(answer).text
    assert not is_signed_in(house.browser)


async def test_d1_a_sixth_try_is_refused_even_with_the_right_code(house: House) -> None:
    await ask(house.browser, KNOWN)
    code = await house.code(KNOWN)
    for _ in range(5):
        assert "This is not the code" in Page(await type_code(house.browser, wrong_for(code))).text
    assert "have a new one sent" in Page(await type_code(house.browser, code)).text
    assert not is_signed_in(house.browser)


async def test_d1_an_old_and_a_used_code_open_nothing(house: House) -> None:
    await ask(house.browser, KNOWN)
    code = await house.code(KNOWN)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10, seconds=1), tick=True):
        assert "This code is too old" in Page(await type_code(house.browser, code)).text
    assert (await type_code(house.browser, code)).status_code == 303
    house.browser.cookies.delete("own")
    assert "can't be used any more" in Page(await type_code(house.browser, code)).text
    assert not is_signed_in(house.browser)


async def test_d1_the_code_of_another_browser_opens_nothing_there_or_here(house: House) -> None:
    """Who lures the owner into telling a code, or reads it over a shoulder, lacks the browser that asked for it."""
    await ask(house.browser, KNOWN)
    code = await house.code(KNOWN)
    async with another_browser(house) as stranger:
        answer = await type_code(stranger, code)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me?told=no_code")
        assert not is_signed_in(stranger)
        await ask(stranger, KNOWN)
        assert (await type_code(stranger, code)).status_code == 422
        for _ in range(9):
            await type_code(stranger, "000000")
            await ask(stranger, KNOWN)
        assert not is_signed_in(stranger)
    assert (await type_code(house.browser, code)).status_code == 303, "a stranger locks nobody out"


async def test_d1_a_browser_is_sent_five_codes_an_hour_for_an_address_and_everybody_so_many_together(
    house: House,
) -> None:
    for _ in range(5):
        assert (await ask(house.browser, KNOWN)).status_code == 303
    refused = await ask(house.browser, KNOWN.upper())
    assert (refused.status_code, "asked for codes too often" in refused.text) == (429, True)
    settings = house.services.settings.model_copy(update={"codes_an_hour": 7})
    house.browser._transport.app.state.services = replace(house.services, settings=settings)  # type: ignore[attr-defined]
    answers = []
    for number in range(4):
        house.browser.cookies.clear()
        answers.append((await ask(house.browser, f"victim{number}@example.com")).status_code)
    assert answers == [303, 303, 429, 429]
    assert len(await house.database.read(list_rows, select(CodeRow))) == 7


async def test_d1_a_network_that_keeps_no_cookies_is_sent_ten_codes_an_hour_for_an_address(house: House) -> None:
    answers = []
    for number in range(12):
        house.browser.cookies.clear()
        answers.append((await ask(house.browser, KNOWN.upper() if number % 2 else KNOWN)).status_code)
    assert answers == [303] * 10 + [429] * 2
    assert (await ask(house.browser, UNKNOWN)).status_code == 303


async def test_d4_the_sign_in_does_not_tell_who_is_known(house: House) -> None:
    await house.open(documents.broker(email=KNOWN))
    told = []
    for email in (KNOWN, UNKNOWN):
        house.browser.cookies.clear()
        asked = await ask(house.browser, email)
        shown = await house.browser.get(asked.headers["location"], headers=HTML)
        wrong = await type_code(house.browser, "no code")
        pages = [(one.status_code, one.text.replace(email, "…")) for one in (asked, shown, wrong)]
        told.append((asked.headers["location"], pages))
        assert email not in asked.headers["location"]
        assert await house.code(email)
    assert told[0] == told[1]


async def test_d6_a_session_opens_its_own_cases_and_nobody_else_s(house: House) -> None:
    theirs = await house.open(documents.broker(email=KNOWN))
    await house.own_session(UNKNOWN)
    for path in ("", "/certificate", "/profile", "/training", "/agreements/individual_general"):
        there = await house.browser.get(f"/me/{theirs}{path}", headers=HTML)
        nowhere = await house.browser.get(f"/me/{uuid4()}{path}", headers=HTML)
        assert (there.status_code, nowhere.status_code) == (404, 404)
        assert Page(there).text == Page(nowhere).text
    for path in ("/information", "/agreement", "/profile", "/training", "/launches"):
        refused = await house.browser.post(f"/me/{theirs}{path}", data={"message": "Mine."}, headers=HTML)
        assert refused.status_code == 404
    assert await house.apply_commands() == []


async def test_d6_a_stolen_session_ends_with_its_owner_s_and_its_cookie_can_not_be_made_up(house: House) -> None:
    case_id = await house.open(documents.broker(email=KNOWN))
    secret = await house.own_session(KNOWN)
    async with another_browser(house) as thief:
        thief.cookies.set("own", secret)
        assert (await thief.get(f"/me/{case_id}", headers=HTML)).status_code == 200
        await house.browser.post("/me/sign-out", headers=HTML)
        assert (await thief.get(f"/me/{case_id}", headers=HTML)).status_code == 303
        for made_up in ("", "x", case_id, secret[:-1], "' OR 1=1 --", "\x7f"):
            thief.cookies.set("own", made_up)
            assert (await thief.get(f"/me/{case_id}", headers=HTML)).status_code == 303


async def test_d6_a_form_of_another_site_is_not_taken_from_a_session(house: House) -> None:
    case_id = await house.open(documents.broker(email=KNOWN))
    await house.decide(case_id, "ask", "Which insurers?")
    await house.own_session(KNOWN)
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await house.browser.post(f"/me/{case_id}/information", data={"message": "x"}, headers=headers)
        assert answer.status_code == 403
    assert await house.apply_commands() == []


async def test_d1_a_victim_is_written_nothing_in_an_attacker_s_words(house: House) -> None:
    """A form with a stranger's address and words of one's own sends that address a code, and nothing else."""
    words = "Pay At Evil"
    page = await federal_form.ask(Browser(house.browser), documents.registration(email=KNOWN, first_name=words))
    assert place(page) == federal_form.CONFIRM
    assert (await house.cases(), await house.database.read(list_rows, select(AnswerRow))) == ([], [])
    (row,) = await house.database.read(list_rows, select(CodeRow))
    assert (row.email, words in str(row.model_dump())) == (KNOWN, False)


async def test_d4_a_request_without_a_credential_is_not_read(house: House) -> None:
    house.browser.cookies.clear()
    for request in (documents.broker(), {"npn": "x"}):
        answer = await house.browser.post("/api/requests", json=request)
        assert answer.status_code == 401
    assert await house.cases() == []


async def test_d1_who_tries_codes_is_in_the_security_log_without_a_word_of_theirs(house: House) -> None:
    await ask(house.browser, KNOWN)
    code = await house.code(KNOWN)
    with structlog.testing.capture_logs() as lines:
        await type_code(house.browser, wrong_for(code))
        await type_code(house.browser, code)
    told = [line for line in lines if line.get("log") == "security"]
    assert [(line["event"], line["purpose"], line["answer"]) for line in told] == [
        ("code_refused", "sign_in", "wrong"),
        ("code_right", "sign_in", "right"),
    ]
    assert all(private not in str(lines) for private in (code, wrong_for(code), KNOWN))
