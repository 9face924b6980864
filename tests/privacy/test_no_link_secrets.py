"""The secret of an e-mailed link is in the e-mail alone: not in the database, not in Temporal's file, not in a log."""

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.lives import Life
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINK = re.compile(r"/(activate)/([\w-]{20,})")


async def test_no_secret_of_a_link_is_kept_anywhere(world: World) -> None:
    """A counselor's whole way and a broker's first steps, with notices sent again; their mails are kept for staff."""
    counselor, broker = Life(world, documents.counselor()), Life(world, documents.broker())
    await counselor.until("next_plan_year")
    await broker.until("lms_account")
    answer = await world.command(broker.opened, "resend", notice="request_received", reason="lost")
    assert answer.status_code == 200, answer.text
    async with asyncio.timeout(PATIENCE):
        while (await world.history(broker.opened)).count("notice.request_received") < 2:
            await asyncio.sleep(0.1)
    sent = [
        *await world.letters(counselor.request["email"]),
        *await world.letters(broker.request["email"]),
    ]
    found = {link for letter in sent for part in ("text", "html") for link in LINK.findall(letter[part])}
    secrets = {secret.encode() for _, secret in found}
    assert secrets

    folder = Path(world.stack["data"])
    searched = [*folder.glob("*.sqlite*"), *(folder / "logs").iterdir()]
    assert len(searched) > 5
    assert {file.name for file in searched for secret in secrets if secret in file.read_bytes()} == set()

    # The mails themselves are there, each with its links blotted out.
    with sqlite3.connect(f"file:{folder / 'app.sqlite'}?mode=ro", uri=True) as database:
        kept = database.execute(
            "SELECT message_id, text FROM sent_mail WHERE case_id IN (?, ?)", (counselor.case_id, broker.case_id)
        ).fetchall()
    assert {message_id for message_id, _ in kept} == {letter["headers"]["Message-ID"].strip() for letter in sent}
    assert sum("/activate/…" in text for _, text in kept) == len(secrets)
