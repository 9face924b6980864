"""Which ended cases have closing actions left: whose notice, or account's suspension, isn't recorded."""

from datetime import timedelta

from sqlalchemy.orm import Session

from db.reads.recovery.reconciliation import is_unclosed, list_ended_cases, list_unclosed_cases
from db.tables import EffectRow
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
            await record(office, case_id, f"notice.{stage}")
        assert await list_unclosed(office) == [revoked.case_id], "whose account is still open"
        await record(office, revoked.case_id, "portal.suspended")
        assert await list_unclosed(office) == []
        assert not await office.database.read(is_unclosed, revoked.case_id)
        assert not await office.database.read(is_unclosed, waiting.case_id)


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


async def record(office: Office, case_id: str, kind: str) -> None:
    at = office.later()
    effect = EffectRow(key=f"{case_id}:{kind}", case_id=case_id, kind=kind, data={}, result={}, intended_at=at)
    await office.database.write(Session.add, effect)
