"""Sends the letters that are about no case: one-time codes, and answers to requests that opened none.

Their words are fixed, and nothing of the applicant's stands in them. No workflow sends them, since there is none; the
background work of the worker does, which has the mail server's password, where the web has not (docs/decisions/0032).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import structlog

from adapters.http import Refused, Unavailable
from adapters.mail import Email, Mailer
from db.engine import Database
from db.own_tables import AnswerRow
from db.writes.own.answers import claim_answers, finish_answers, list_due_answers
from db.writes.own.codes import CodeLetter, finish_code_letters, list_unsent_codes, make_code_letters
from domain.programs.policies import find_policy
from domain.shared.cases.notices import Topic
from domain.shared.codes import LIFE
from domain.shared.documents.faults import load_faults
from domain.shared.ids import make_message_id
from domain.shared.links import OWN_PATH
from domain.shared.policy import describe_contact, find_current_policy
from domain.shared.programs import STATE_PROGRAM
from domain.shared.request_answers import RequestAnswer
from domain.shared.traces import locate_error
from domain.state.policies import POLICIES
from starter.cases import now
from templates.catalogs import translate
from templates.letters import NoticeRenderer

log = structlog.get_logger(__name__)

Row = TypeVar("Row")
CODE, ANSWER, ADDRESS_CHANGED = "one_time_code", "request_answer", "address_changed"
# Somebody waits before their screen for it.
EVERY = 0.25
# Whether the mail server answers is found out while no letter is due, too.
CHECKED_EVERY = 5.0


class LetterSender:
    """Makes the codes that were asked for, and sends each to its address; sends what is kept of answers."""

    def __init__(self, database: Database, mailer: Mailer, letters: NoticeRenderer, key: bytes, web_url: str) -> None:
        self._database = database
        self._mailer = mailer
        self._letters = letters
        self._key = key
        self._web_url = web_url

    async def keep_sending(self, every: float = EVERY) -> None:
        """Codes and answers until cancelled, beside each other: nobody waits for a code while answers are slow.

        Beside them the mail server is asked whether it is there.
        """
        await asyncio.gather(
            self._keep_sending(self.send_due_codes, every),
            self._keep_sending(self.send_due_answers, every),
            self._keep_sending(self.check_server, CHECKED_EVERY),
        )

    async def check_server(self) -> None:
        """Asks the mail server whether it answers; the ledger of calls notes what came of it."""
        with suppress(Unavailable):
            await self._mailer.check_server()

    async def _keep_sending(self, send: Callable[[], Awaitable[object]], every: float) -> None:
        """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
        while True:
            try:
                await send()
            except Exception as error:  # the next round tries again
                log.warning("letters not sent", error=type(error).__name__, where=locate_error(error))
            await asyncio.sleep(every)

    async def send_due_codes(self) -> int:
        """Sends what is due; how many letters left. One that can't be sent now is due again in a few seconds."""
        due = await self._database.read(list_unsent_codes, now())
        if not due:
            return 0
        made = await self._database.write(make_code_letters, self._key, due, now())
        outcomes = await asyncio.gather(*(self._send_letter(self._compose_code, one, one.code_id) for one in made))
        over = [letter.code_id for letter, is_over in zip(made, outcomes, strict=True) if is_over]
        await self._database.write(finish_code_letters, over)
        return len(over)

    async def send_due_answers(self) -> int:
        """Sends the answers that are due; how many letters left."""
        ids = await self._database.read(list_due_answers, now())
        if not ids:
            return 0
        due = await self._database.write(claim_answers, ids, now())
        outcomes = await asyncio.gather(*(self._send_letter(self._compose_answer, row, row.id) for row in due))
        by_outcome = {
            wanted: [row.id for row, is_over in zip(due, outcomes, strict=True) if is_over is wanted]
            for wanted in (True, False)
        }
        await self._database.write(finish_answers, by_outcome[True], by_outcome[False], now())
        return len(by_outcome[True])

    async def _send_letter(self, compose: Callable[[Row], Email], row: Row, about: str) -> bool:
        """Whether the letter is done with: the server took it, or refuses its address for good."""
        try:
            await self._mailer.send_email(compose(row))
        except Refused:
            log.info("letter refused", id=about)
        except Unavailable as error:
            log.warning("letter not sent", id=about, error=error.code)
            return False
        except Exception as error:  # one that can't be composed keeps no other back
            log.warning("letter not sent", id=about, error=type(error).__name__, where=locate_error(error))
            return False
        return True

    def _compose_code(self, letter: CodeLetter) -> Email:
        policy = find_current_policy(POLICIES.values(), now())
        values = {
            "program": STATE_PROGRAM,
            "code": letter.code,
            "purpose": letter.purpose,
            "minutes": int(LIFE.total_seconds() // 60),
            "contact": describe_contact(policy, Topic.GENERAL, letter.language),
            "own_url": f"{self._web_url}{OWN_PATH}",
        }
        return self._compose(CODE, values, letter.email, letter.language, f"{letter.code_id}:{letter.attempt}")

    def _compose_answer(self, row: AnswerRow) -> Email:
        policy = find_policy(row.program, row.plan_year)
        assert policy is not None, "a request that was parsed has a policy"
        values = {
            "program": row.program,
            "plan_year": row.plan_year,
            "answer": row.answer,
            "problems": [translate(one.template, row.language, **one.details) for one in load_faults(row.faults)],
            "contact": describe_contact(policy, Topic.GENERAL, row.language),
            "own_url": f"{self._web_url}{OWN_PATH}",
            "reference": row.reference,
        }
        template = ADDRESS_CHANGED if row.answer == RequestAnswer.ADDRESS_CHANGED else ANSWER
        return self._compose(template, values, row.email, row.language, row.id)

    def _compose(self, template: str, values: Mapping[str, object], to: str, language: str, key: str) -> Email:
        rendered = self._letters.render_notice(template, language, values)
        return Email(
            to=to,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            language=language,
            message_id=make_message_id(key),
        )
