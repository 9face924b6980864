"""Letters that are about no case, over a real mail server: codes, and answers to requests, sent once or tried again."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
import pytest_asyncio
import time_machine
from sqlmodel import select

from adapters.answers import LEDGER
from adapters.mail import Email, Mailer
from db.case_state import list_rows
from db.engine import Database
from db.own_tables import AnswerRow, CodeRow
from db.tables import Case
from db.writes.own.answers import GIVEN_UP_AFTER
from db.writes.own.codes import ask_code, try_code
from db.writes.own.requests import take_request
from domain.shared.codes import CodeAnswer, CodePurpose
from domain.shared.reference_numbers import make_reference_number
from domain.state.request import parse_request
from starter import letters
from starter.letters import LetterSender
from starter.stack.processes import choose_ports
from templates.letters import NoticeRenderer
from tests.support import documents
from tests.support.postbox import Postbox

KEY, EMAIL = b"a test's key", "testa.broker@example.com"
NOTICES = Path(__file__).parents[2] / "templates" / "notices"
SIGN_IN = CodePurpose.SIGN_IN


@dataclass
class Desk:
    """What sends, the mail server it sends to, and the database."""

    database: Database
    postbox: Postbox
    sender: LetterSender

    async def ask(self, language: str = "en") -> None:
        assert await self.database.write(ask_code, "browser", EMAIL, language, SIGN_IN, 100, datetime.now(UTC))

    async def codes(self) -> list[str]:
        texts = [part.get_content() for one in self.postbox.messages() if (part := one.get_body(("plain",)))]
        return [found for text in texts for found in re.findall(r"^(\d{6})\r?$", text, re.MULTILINE)]

    async def type_code(self, code: str) -> CodeAnswer:
        return (await self.database.write(try_code, KEY, "browser", SIGN_IN, code, datetime.now(UTC))).answer

    async def take(self, **changes: Any) -> None:
        await self.database.write(
            take_request, KEY, parse_request(documents.broker(**changes)), token_urlsafe(), datetime.now(UTC)
        )


@pytest_asyncio.fixture
async def desk(migrated_sqlite_url: str) -> AsyncIterator[Desk]:
    database, postbox = Database(migrated_sqlite_url), Postbox()
    async with postbox.listening() as port:
        mailer = Mailer("127.0.0.1", port, None, None, False, "certification@example.org")
        yield Desk(
            database, postbox, LetterSender(database, mailer, NoticeRenderer(NOTICES), KEY, "https://certify.example")
        )
    await database.close()


@pytest.mark.parametrize("language", ["en", "es"])
async def test_d1_the_code_that_was_asked_for_comes_once_and_is_the_right_one(desk: Desk, language: str) -> None:
    await desk.ask(language)
    assert [await desk.sender.send_due_codes() for _ in range(2)] == [1, 0]
    (message,) = desk.postbox.messages()
    assert (message["To"], message["Content-Language"], message["Auto-Submitted"]) == (
        EMAIL,
        language,
        "auto-generated",
    )
    body = message.get_body(("plain",))
    assert body is not None
    assert "https://certify.example/me" in body.get_content().split()
    (code,) = await desk.codes()
    assert await desk.type_code(code) is CodeAnswer.RIGHT


async def test_d1_a_code_held_up_by_the_mail_server_is_sent_again_and_the_newest_counts(desk: Desk) -> None:
    await desk.ask()
    desk.postbox.on_data = "451 try later"
    assert [await desk.sender.send_due_codes() for _ in range(2)] == [0, 0]
    desk.postbox.on_data = ""
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=6), tick=True):
        assert await desk.sender.send_due_codes() == 1
        (code,) = await desk.codes()
        assert await desk.type_code(code) is CodeAnswer.RIGHT


async def test_d1_a_code_that_is_refused_for_good_is_given_up(desk: Desk) -> None:
    await desk.ask()
    desk.postbox.on_data = "550 no such mailbox"
    assert await desk.sender.send_due_codes() == 1
    (row,) = await desk.database.read(list_rows, select(CodeRow))
    assert row.next_attempt_at is None


async def test_d4_what_becomes_of_a_request_is_told_once_and_then_forgotten(desk: Desk) -> None:
    far = {field: documents.address("NV") for field in ("business_address", "physical_address")}
    await desk.take(email=EMAIL, language="es", **far)
    assert [await desk.sender.send_due_answers() for _ in range(2)] == [1, 0]
    (message,) = desk.postbox.messages()
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert (message["To"], message["Content-Language"]) == (EMAIL, "es")
    assert "https://certify.example/me" in text.split()
    assert "Broker" not in text.replace("Brokers", "")
    assert await desk.database.read(list_rows, select(AnswerRow)) == []


async def test_the_answer_to_a_repeated_request_carries_the_number_of_the_case_there_is(desk: Desk) -> None:
    for _ in range(2):
        await desk.take(email=EMAIL, npn="17654321")
    assert await desk.sender.send_due_answers() == 1
    (message,) = desk.postbox.messages()
    (case_id,) = await desk.database.read(list_rows, select(Case.case_id))
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert make_reference_number(case_id) in body.get_content()


async def test_d4_an_answer_is_tried_again_for_days_and_then_given_up(desk: Desk) -> None:
    await desk.take(plan_year=2025)
    desk.postbox.on_data = "451 try later"
    assert await desk.sender.send_due_answers() == 0
    assert len(await desk.database.read(list_rows, select(AnswerRow))) == 1
    with time_machine.travel(datetime.now(UTC) + GIVEN_UP_AFTER, tick=True):
        assert await desk.sender.send_due_answers() == 0
    assert await desk.database.read(list_rows, select(AnswerRow)) == []


async def test_an_answer_that_was_sent_and_not_noted_is_not_sent_again_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    await desk.take(plan_year=2025)
    with monkeypatch.context() as full:
        full.setattr(letters, "finish_answers", fail)
        with pytest.raises(OSError, match="full"):
            await desk.sender.send_due_answers()
    assert await desk.sender.send_due_answers() == 0
    assert len(desk.postbox.messages()) == 1


async def test_a_letter_that_can_t_be_composed_keeps_no_other_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = desk.sender._compose_answer

    def compose_some(row: AnswerRow) -> Email:
        assert row.email != EMAIL, "one that can't be composed"
        return compose(row)

    monkeypatch.setattr(desk.sender, "_compose_answer", compose_some)
    await desk.take(plan_year=2025, email=EMAIL)
    await desk.take(plan_year=2025, email="testb.broker@example.com")
    assert [await desk.sender.send_due_answers() for _ in range(2)] == [1, 0]
    (message,) = desk.postbox.messages()
    assert message["To"] == "testb.broker@example.com"


async def test_the_mail_server_is_asked_while_no_letter_is_due_and_what_came_of_it_is_noted(desk: Desk) -> None:
    LEDGER.take_seen()
    await desk.sender.check_server()
    seen = LEDGER.take_seen()["mail"]
    assert (seen.succeeded_at is not None, seen.silent_since) == (True, None)
    nowhere = Mailer("127.0.0.1", choose_ports(("smtp",), {})["smtp"], None, None, False, "certification@example.org")
    await LetterSender(desk.database, nowhere, NoticeRenderer(NOTICES), KEY, "https://certify.example").check_server()
    seen = LEDGER.take_seen()["mail"]
    assert (seen.failure_code, seen.silent_since) == ("mail_unreachable", seen.failed_at)
    assert desk.postbox.messages() == []
