"""Sends the letters with one-time codes: their words are fixed, but for the code, and nobody else's stand in them.

They are about no case, so no workflow sends them; the background work of the worker does, which has the mail server's
password, where the web has not (docs/decisions/0032).
"""

import asyncio
from hashlib import sha256

import structlog

from adapters.http import Refused, Unavailable
from adapters.mail import Email, Mailer
from db.engine import Database
from db.writes.own.codes import CodeLetter, finish_code_letters, list_unsent_codes, make_code_letters
from domain.shared.cases.notices import Topic
from domain.shared.codes import LIFE
from domain.shared.policy import describe_contact, find_current_policy
from domain.shared.programs import STATE_PROGRAM
from domain.shared.traces import locate_error
from domain.state.policies import POLICIES
from starter.cases import now
from templates.letters import NoticeRenderer

log = structlog.get_logger(__name__)

TEMPLATE = "one_time_code"
# Somebody waits before their screen for it.
EVERY = 0.25


class CodeSender:
    """Makes the codes that were asked for, and sends each to its address."""

    def __init__(self, database: Database, mailer: Mailer, letters: NoticeRenderer, key: bytes) -> None:
        self._database = database
        self._mailer = mailer
        self._letters = letters
        self._key = key

    async def keep_sending(self, every: float = EVERY) -> None:
        """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
        while True:
            try:
                await self.send_due_codes()
            except Exception as error:  # the next round tries again
                log.warning("codes not sent", error=type(error).__name__, where=locate_error(error))
            await asyncio.sleep(every)

    async def send_due_codes(self) -> int:
        """Sends what is due; how many letters left. One that can't be sent now is due again in a few seconds."""
        due = await self._database.read(list_unsent_codes, now())
        if not due:
            return 0
        made = await self._database.write(make_code_letters, self._key, due, now())
        outcomes = await asyncio.gather(*(self._send_letter(letter) for letter in made))
        over = [letter.code_id for letter, is_over in zip(made, outcomes, strict=True) if is_over]
        await self._database.write(finish_code_letters, over)
        return len(over)

    async def _send_letter(self, letter: CodeLetter) -> bool:
        """Whether the letter is done with: the server took it, or refuses its address for good."""
        try:
            await self._mailer.send_email(self._compose_letter(letter))
        except Refused:
            log.info("code refused", id=letter.code_id)
        except Unavailable as error:
            log.warning("code not sent", id=letter.code_id, error=error.code)
            return False
        return True

    def _compose_letter(self, letter: CodeLetter) -> Email:
        policy = find_current_policy(POLICIES.values(), now())
        values = {
            "program": STATE_PROGRAM,
            "code": letter.code,
            "minutes": int(LIFE.total_seconds() // 60),
            "contact": describe_contact(policy, Topic.GENERAL, letter.language),
        }
        rendered = self._letters.render_notice(TEMPLATE, letter.language, values)
        digest = sha256(f"{letter.code_id}:{letter.attempt}".encode()).hexdigest()[:40]
        return Email(
            to=letter.email,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            language=letter.language,
            message_id=f"<{digest}@certification.bewellnm.example>",
        )
