"""Letters that came back are kept once each, whoever reports them and however many do so at the same time (P24)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from db.house_tables import ReturnedLetter
from db.reads.house.operations import Waiting, read_operations
from db.tables import AuditRow
from db.writes.effects import EffectResult, complete_effect, intend_effect
from db.writes.house.returned_letters import record_report
from domain.shared.documents.bounces import DeliveryReport, Outcome
from domain.shared.ids import make_message_id
from tests.support.office import Office, office_over
from tests.support.tables import add_rows, make_kept_letter

BACK, LATE = DeliveryReport(Outcome.RETURNED, "5.1.1"), DeliveryReport(Outcome.DELAYED, "4.4.1")


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def send(office: Office, case_id: str, number: int = 0) -> str:
    """A letter that is kept; its Message-ID."""
    key = f"{case_id}:notice.reminder:{number}"
    await office.database.write(add_rows, make_kept_letter(case_id, key, office.later(), "reminder"))
    return make_message_id(key)


async def test_p24_of_reports_that_come_together_one_counts(office: Office) -> None:
    opened = await office.waiting()
    letter, at = await send(office, opened.case_id), office.later()
    together = [office.database.write(record_report, letter, BACK, "sender:mail", at) for _ in range(4)]
    assert sorted(await asyncio.gather(*together)) == [False, False, False, True]
    (row,) = await office.all(ReturnedLetter)
    assert (row.case_id, row.status, row.returned_at, row.delayed_at) == (opened.case_id, "5.1.1", at, None)
    assert len(await office.all(AuditRow, case_id=opened.case_id, action="mail.returned")) == 1
    assert len(await office.all(AuditRow, case_id=opened.case_id, action="case.flagged.mail_refused")) == 1


async def test_p24_a_report_may_be_faster_than_we_are(office: Office) -> None:
    opened = await office.waiting()
    key = f"{opened.case_id}:notice.reminder:0"
    assert await office.database.write(record_report, make_message_id(key), BACK, "sender:mail", office.later())
    await office.database.write(intend_effect, key, opened.case_id, "notice.reminder", {}, office.later())
    made = EffectResult({"notice": "reminder"}, mail=make_kept_letter(opened.case_id, key, office.later(), "reminder"))
    await office.database.write(complete_effect, key, opened.case_id, made, office.later())
    file = await office.read_case_file(opened.case_id)
    assert file.mails[0].returned_at
    assert len(await office.all(AuditRow, case_id=opened.case_id, action="case.flagged.mail_refused")) == 1


async def test_p24_a_day_s_letters_are_counted_late_ones_until_they_come_back(office: Office) -> None:
    opened = await office.waiting()
    letters = [await send(office, opened.case_id, number) for number in range(3)]
    first = office.later()
    for letter in letters:
        assert await office.database.write(record_report, letter, LATE, "sender:mail", first)
    then = office.later()
    assert await office.database.write(record_report, letters[0], BACK, "sender:mail", then)
    figures = await office.database.read(read_operations, office.later())
    assert (figures.returned, figures.delayed) == (Waiting(1, then), Waiting(2, first))
    later = await office.database.read(read_operations, then + timedelta(days=1, seconds=1))
    assert (later.returned, later.delayed) == (Waiting(), Waiting())
    (shown, *_) = (await office.read_case_file(opened.case_id)).mails
    assert (shown.returned_at, shown.delayed_at, shown.return_status) == (then, first, "5.1.1")
