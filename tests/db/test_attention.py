"""What staff should look at, why and since when; and how long cases stay in a stage: true after every write."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from hypothesis import given, strategies as st

from db.case_state import list_flags, load_snapshot
from db.tables import AuditRow, Case, StageEntry
from db.writes.cases import clear_flag, flag_case, unflag_case
from db.writes.effects import EffectResult, complete_effect, intend_effect, refusal_flag
from db.writes.facts import draw_attention, lower_flag, raise_flag
from db.writes.federal.profiles import record_npn_verdict
from domain.federal.markets import MLMS, NpnStatus
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from tests.support import documents
from tests.support.office import KEY, NOW, Office, office_over
from tests.support.opening import open_case


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def case_of(office: Office, case_id: str) -> Case:
    return (await office.database.read(load_snapshot, case_id)).case


async def seen(office: Office, case_id: str) -> tuple[str | None, bool]:
    """Why a case is to be looked at, and whether it is in the queue because of that."""
    case = await case_of(office, case_id)
    return case.attention, case_id in await office.queued(attention=case.attention or "nothing")


def a_case() -> Case:
    return Case(
        case_id="case-1",
        assister_id="ast_1",
        program="bewellnm",
        plan_year=2024,
        attempt=1,
        kind="agent",
        assister_type="new",
        has_lms_account=False,
        has_portal_account=False,
        rules_hash="",
        request={},
        workflow_id="assister/bewellnm/2024/case-1",
        stage="requested",
        opened_at=NOW,
    )


# flags


async def test_a_flag_puts_a_case_into_the_queue_and_its_healing_takes_it_out(office: Office) -> None:
    opened = await office.opened()
    assert await seen(office, opened.case_id) == (None, False)
    at = office.later()
    await office.database.write(flag_case, opened.case_id, "mail_refused", at)
    case = await case_of(office, opened.case_id)
    assert (case.attention, case.attention_since, case.flagged_at) == ("mail_refused", at, at)
    await office.database.write(flag_case, opened.case_id, "mail_refused", office.later())
    assert (await case_of(office, opened.case_id)).flagged_at == at
    await office.database.write(unflag_case, opened.case_id, "mail_refused", office.later())
    assert await seen(office, opened.case_id) == (None, False)


async def test_an_effect_that_is_refused_and_then_heals(office: Office) -> None:
    opened = await office.opened()
    what, key = refusal_flag("notice.reminder"), f"{opened.case_id}:notice:reminder:0:x"
    await office.database.write(intend_effect, key, opened.case_id, "notice.reminder", {}, office.later())
    await office.database.write(flag_case, opened.case_id, what, office.later(), "550")
    assert await seen(office, opened.case_id) == (what, True)
    await office.database.write(complete_effect, key, opened.case_id, EffectResult({"subject": "x"}), office.later())
    assert await seen(office, opened.case_id) == (None, False)


async def test_a_second_flag_waits_behind_the_first_and_is_not_lost(office: Office) -> None:
    opened = await office.waiting()
    waiting_since = (await case_of(office, opened.case_id)).waiting_since
    first, second = office.later(), office.later()
    await office.database.write(flag_case, opened.case_id, "mail_refused", first)
    await office.database.write(flag_case, opened.case_id, "list_late", second)
    case = await case_of(office, opened.case_id)
    assert list_flags(case) == {"mail_refused": first, "list_late": second}
    assert (case.attention, case.attention_since) == ("mail_refused", waiting_since), "staff are awaited since before"
    await office.database.write(clear_flag, opened.case_id, "mail_refused", "riley", "called them", office.later())
    case = await case_of(office, opened.case_id)
    assert (case.flag, case.flagged_at, case.attention) == ("list_late", second, "list_late")
    await office.database.write(clear_flag, opened.case_id, "list_late", "riley", "it is there", office.later())
    assert await seen(office, opened.case_id) == ("decision", True)
    await office.decided(opened)
    assert await seen(office, opened.case_id) == (None, False)


async def test_whoever_takes_a_flag_down_says_why_and_does_it_once(office: Office) -> None:
    opened = await office.opened()
    await office.database.write(flag_case, opened.case_id, "mail_refused", office.later())
    with pytest.raises(Invalid) as caught:
        await office.database.write(clear_flag, opened.case_id, "mail_refused", "riley", "  ", office.later())
    assert caught.value.faults == (Fault("reason", "required"),)
    with pytest.raises(Refusal):
        await office.database.write(clear_flag, opened.case_id, "list_late", "riley", "why not", office.later())
    await office.database.write(clear_flag, opened.case_id, "mail_refused", "riley", " called them ", office.later())
    with pytest.raises(Refusal):
        await office.database.write(clear_flag, opened.case_id, "mail_refused", "riley", "called them", office.later())
    [row] = await office.all(AuditRow, case_id=opened.case_id, action="case.flag_cleared")
    assert (row.actor, row.reason, row.details) == ("riley", "called them", {"flag": "mail_refused"})


async def test_a_flag_taken_down_by_staff_comes_back_when_it_happens_again(office: Office) -> None:
    opened = await office.opened()
    for _ in range(2):
        await office.database.write(flag_case, opened.case_id, "mail_refused", office.later())
        await office.database.write(clear_flag, opened.case_id, "mail_refused", "riley", "called them", office.later())
    await office.database.write(flag_case, opened.case_id, "mail_refused", office.later())
    assert await seen(office, opened.case_id) == ("mail_refused", True)
    assert len(await office.all(AuditRow, case_id=opened.case_id, action="case.flagged.mail_refused")) == 3


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b", "c"])), max_size=12), st.booleans())
def test_flags_up_and_down_in_any_order(moves: list[tuple[bool, str]], decides: bool) -> None:
    case = a_case()
    if decides:
        case.waiting_for, case.waiting_since = "decision", NOW - timedelta(days=1)
    draw_attention(case)
    up: dict[str, int] = {}
    for number, (raised, what) in enumerate(moves):
        now = NOW + timedelta(minutes=number)
        if raised:
            assert raise_flag(case, what, now) == (what not in up)
            up.setdefault(what, number)
        else:
            assert lower_flag(case, what) == (up.pop(what, None) is not None)
        assert list_flags(case) == {name: NOW + timedelta(minutes=at) for name, at in up.items()}
        assert case.attention == (next(iter(up), None) or ("decision" if decides else None))
        since = NOW - timedelta(days=1) if decides else NOW + timedelta(minutes=up[case.flag]) if case.flag else None
        assert case.attention_since == since


# every write that should draw attention


async def test_a_conflict_about_who_somebody_is(office: Office) -> None:
    document = documents.broker()
    opened = await office.opened(document)
    with pytest.raises(Refusal):
        await open_case(office.database, KEY, {**document, "last_name": "Somebody-Else"}, office.later())
    assert await seen(office, opened.case_id) == ("identity_conflict", True)


async def test_a10_a_case_under_another_name_is_flagged_until_it_is_decided(office: Office) -> None:
    document = documents.broker()
    first = await office.opened(document)
    await office.command(first, CommandKind.WITHDRAW)
    again = await office.opened({**document, "last_name": "Somebody-Else"})
    assert await seen(office, again.case_id) == ("identity_conflict", True)
    await office.screened(again)
    assert (await case_of(office, again.case_id)).attention == "identity_conflict"
    assert (await office.decided(again, override="seen in person")).applied
    assert await seen(office, again.case_id) == (None, False)


async def test_a_conflict_that_somebody_else_caused_outlives_the_decision(office: Office) -> None:
    document = documents.broker()
    opened = await office.screened(await office.opened(document))
    with pytest.raises(Refusal):
        await open_case(office.database, KEY, {**document, "last_name": "Somebody-Else"}, office.later())
    assert (await office.decided(opened)).applied
    assert await seen(office, opened.case_id) == ("identity_conflict", True)


async def test_webhooks_that_are_altered_or_premature(office: Office) -> None:
    opened = await office.opened()
    await office.portal(opened, "account.registered", "msg_1")
    assert await seen(office, opened.case_id) == ("premature_report", True)
    assert (await office.portal(opened, "account.activated", "msg_1")).altered
    assert [*list_flags(await case_of(office, opened.case_id))] == ["premature_report", "altered_event"]


async def test_b9_a_wrong_npn_is_flagged_until_the_profile_is_put_right(office: Office) -> None:
    document = documents.registration()
    opened = await office.registered(**document)
    await office.desk.saved(opened, document, office.later(), NpnStatus.UNVERIFIED)
    fault = Fault("npn", "npn_unknown")
    await office.database.write(record_npn_verdict, KEY, opened.case_id, 1, [fault], {}, office.later())
    assert await seen(office, opened.case_id) == ("npn_refused", True)
    await office.desk.saved(opened, document, office.later())
    assert await seen(office, opened.case_id) == (None, False)


async def test_b3_a_second_account_asked_for(office: Office) -> None:
    document = documents.registration()
    opened = await office.registered(**document)
    with pytest.raises(Refusal):
        await office.registered(**{**document, "email": "somebody.else@example.com"})
    assert await seen(office, opened.case_id) == ("second_account", True)


async def test_staff_are_awaited_since_the_wait_began_and_not_since_it_was_noticed(office: Office) -> None:
    opened = await office.opened()
    screened = office.later()
    await office.fact(opened, FactKind.SCREENED, {"round": 0, "findings": []}, at=screened)
    case = await case_of(office, opened.case_id)
    assert (case.attention, case.attention_since) == ("decision", screened)
    await office.decided(opened, "ask")
    assert await seen(office, opened.case_id) == (None, False)


# stages over time


async def test_a_case_is_in_one_stage_at_a_time_from_its_beginning_on(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened)
    entries = sorted(await office.all(StageEntry, case_id=opened.case_id), key=lambda one: one.entered_at)
    assert [one.stage for one in entries] == ["requested", "screening", "awaiting_decision", "invited"]
    assert [one.left_at for one in entries] == [*(one.entered_at for one in entries[1:]), None]
    assert entries[0].entered_at == (await case_of(office, opened.case_id)).opened_at


async def test_a_registration_too(office: Office) -> None:
    opened = await office.registered()
    assert [(one.stage, one.left_at) for one in await office.all(StageEntry, case_id=opened.case_id)] == [
        ("requested", None)
    ]


async def test_facts_that_leave_the_stage_as_it_is_leave_its_entry_too(office: Office) -> None:
    opened = await office.registered()
    before = await office.all(StageEntry, case_id=opened.case_id)
    data = {"curriculum": "shop", "channel": MLMS, "automatic": False}
    await office.fact(opened, FactKind.ENROLLED, data)
    assert await office.all(StageEntry, case_id=opened.case_id) == before


async def test_a_clock_that_is_behind_makes_no_time_negative(office: Office) -> None:
    opened = await office.opened()
    await office.fact(opened, FactKind.SCREENED, {"round": 0, "findings": []}, at=NOW - timedelta(hours=1))
    for one in await office.all(StageEntry, case_id=opened.case_id):
        assert one.left_at is None or one.left_at >= one.entered_at
