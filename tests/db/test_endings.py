"""Which ended cases have closing actions left: whose notice, or account's suspension, isn't recorded."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy.orm import Session

from db.case_state import load_snapshot
from db.reads.recovery.reconciliation import is_unclosed, list_ended_cases, list_unclosed_cases
from db.tables import EffectRow
from db.writes.appeals.deciding import DecisionOnAppeal, decide_appeal
from db.writes.appeals.filing import Filing, file_appeal
from db.writes.opening import Opened
from domain.shared.cases.appeals import AppealOutcome, FilingMethod
from domain.shared.cases.commands import CommandKind
from tests.support.office import NOW, Office, office_over


async def test_an_ended_case_is_unclosed_until_its_closing_actions_are_recorded(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        waiting, withdrawn, denied, revoked = [await office.waiting() for _ in range(4)]
        await office.decided(revoked)
        await office.certified(revoked)
        await office.command(withdrawn, CommandKind.WITHDRAW)
        await office.decided(denied, "deny")
        await office.command(revoked, CommandKind.REVOKE)
        ended = sorted([withdrawn.case_id, denied.case_id, revoked.case_id])

        assert await list_unclosed(office) == ended
        assert await list_unclosed(office, after=ended[0], limit=1) == ended[1:2]
        assert await list_unclosed(office, before=timedelta()) == [], "not before they have had the time for it"
        assert await list_unclosed(office, since=timedelta(days=1)) == [], "what ended long ago is let be"
        known = [waiting.case_id, *ended, "nobody"]
        found = await office.database.read(list_ended_cases, known, office.later(days=1))
        assert sorted(case.case_id for case in found) == ended

        for case_id, stage in (
            (withdrawn.case_id, "withdrawn"),
            (denied.case_id, "denied"),
            (revoked.case_id, "revoked"),
        ):
            assert await office.database.read(is_unclosed, case_id)
            await record(office, case_id, f"notice.{stage}", f"notice:{stage}:0:")
        assert await list_unclosed(office) == [revoked.case_id], "whose account is still open"
        await record(office, revoked.case_id, "portal.suspended", "portal.suspended:0")
        assert await list_unclosed(office) == []
        assert not await office.database.read(is_unclosed, revoked.case_id)
        assert not await office.database.read(is_unclosed, waiting.case_id)


async def test_e6_an_end_after_one_that_an_appeal_took_back_is_unclosed_again(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        await office.decided(opened)
        await office.certified(opened)
        await office.command(opened, CommandKind.REVOKE)
        await record(office, opened.case_id, "notice.revoked", "notice:revoked:0:")
        await appeal(office, opened)
        assert await list_unclosed(office) == [opened.case_id], "an account stays open while the appeal goes on"
        await record(office, opened.case_id, "portal.suspended", "portal.suspended:0")
        assert await list_unclosed(office) == []

        decision = DecisionOnAppeal(opened.case_id, "staff:anna", AppealOutcome.REVERSED, "a sample reason")
        await office.database.write(decide_appeal, decision, find_no_days_off, office.later())
        assert not await office.database.read(is_unclosed, opened.case_id), "it goes on"
        await office.command(opened, CommandKind.REVOKE)
        assert await list_unclosed(office) == [opened.case_id]
        await record(office, opened.case_id, "notice.revoked", "notice:revoked:1:")
        assert await list_unclosed(office) == [opened.case_id], "the account was opened again by the appeal"
        await record(office, opened.case_id, "portal.suspended", "portal.suspended:1")
        assert await list_unclosed(office) == []


async def test_e7_an_appeal_against_a_suspension_opens_nothing_again(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        await office.decided(opened)
        await office.certified(opened)
        assert (await office.command(opened, CommandKind.SUSPEND, suspension="agreement")).applied
        await appeal(office, opened)
        decision = DecisionOnAppeal(opened.case_id, "staff:anna", AppealOutcome.REVERSED, "a sample reason")
        await office.database.write(decide_appeal, decision, find_no_days_off, office.later())
        await office.command(opened, CommandKind.REVOKE)
        snapshot = await office.database.read(load_snapshot, opened.case_id)
        assert snapshot.state.reopened == 0, "its end is the first one"
        await record(office, opened.case_id, "notice.revoked", "notice:revoked:0:")
        await record(office, opened.case_id, "portal.suspended", "portal.suspended:0")
        assert await list_unclosed(office) == []


async def appeal(office: Office, opened: Opened) -> None:
    filing = Filing(opened.case_id, actor="assister", method=FilingMethod.OWN_PAGE, grounds="It was a mistake.")
    assert await office.database.write(file_appeal, filing, find_no_days_off, office.later()) is not None


def find_no_days_off(years: Iterable[int]) -> frozenset[date]:
    return frozenset()


async def list_unclosed(
    office: Office,
    after: str = "",
    since: timedelta = timedelta(),
    before: timedelta = timedelta(days=1),
    limit: int = 10,
) -> list[str]:
    """The ids of a page; ``since`` and ``before`` count from the office's first moment."""
    found = await office.database.read(list_unclosed_cases, after, NOW + since, NOW + before, limit)
    return [case.case_id for case in found]


async def record(office: Office, case_id: str, kind: str, step: str) -> None:
    at = office.later()
    effect = EffectRow(key=f"{case_id}:{step}", case_id=case_id, kind=kind, data={}, result={}, intended_at=at)
    await office.database.write(Session.add, effect)
