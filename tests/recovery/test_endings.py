"""Cases that have ended while their workflows were lost, or go on as if they hadn't: what is left to do is done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from activities import reconciliation
from db.case_state import list_rows
from db.tables import EffectRow
from db.writes.commands import apply_command, keep_command
from db.writes.opening import Opened
from domain.shared.cases.commands import CommandOrigin, Withdraw
from domain.shared.cases.reasons import Refusal
from domain.shared.ids import make_command_id
from domain.shared.round_messages import ReconciliationOrder
from starter.delivery import deliver_pending
from tests.recovery.test_restarts import BEGUN_AGAIN, STOPPED, in_training
from tests.support import recovery
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from tests.support.recovery import audited, flags, reconcile

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_before(system: Inside) -> AsyncIterator[None]:
    yield
    for stand_in in ("mailbox", "portal"):
        await system.control(stand_in, mode="ok")


async def ended_without(system: Inside, stand_in: str = "mailbox") -> Opened:
    """A certified case that has been revoked, and whose workflow can't make one of its closing actions yet."""
    opened = await in_training(system)
    await system.reported(opened, "course", 0.9)
    await system.noticed(opened, "certificate_issued")
    await system.control(stand_in, mode="down")
    assert (await system.cases.revoke_certification(opened.case_id, "as it has to be", "staff")).state == "applied"
    await system.wait_for_retry(opened)
    return opened


async def end_in_database(system: Inside, opened: Opened) -> None:
    """Ends a case that its workflow knows nothing of, as where Temporal's database is the older one."""
    key = system.settings.identity_key_bytes
    command_id, at = make_command_id(None, opened.case_id), datetime.now(UTC)
    origin = CommandOrigin(command_id, opened.case_id, "staff", "no more", at)
    await system.database.write(keep_command, key, Withdraw(), origin)
    await system.database.write(apply_command, key, command_id, at)


def list_made(session: Session, case_id: str) -> list[str]:
    """The kinds of the effects that are recorded."""
    made = select(col(EffectRow.kind)).where(col(EffectRow.case_id) == case_id, col(EffectRow.result).is_not(None))
    return list_rows(session, made)


async def see_closing(system: Inside, opened: Opened, stage: str) -> None:
    """Waits until a workflow of the case has come to its end; its closing actions are recorded then, each once."""
    async with asyncio.timeout(PATIENCE):
        assert await system.handle(opened).result() == stage
    made = await system.database.read(list_made, opened.case_id)
    assert made.count(f"notice.{stage}") == 1
    assert made.count("portal.suspended") == (1 if "certificate.issued" in made else 0)


@pytest.mark.parametrize("how", [*BEGUN_AGAIN, *STOPPED])
async def test_the_closing_actions_of_a_case_whose_workflow_is_gone_are_made(system: Inside, how: str) -> None:
    stand_in = "portal" if how == "lost" else "mailbox"
    opened = await ended_without(system, stand_in)
    opened = await (BEGUN_AGAIN | STOPPED)[how](system, opened)
    await system.control(stand_in, mode="ok")
    counts = await reconcile(system)
    if how in STOPPED:
        assert counts["missing"] >= 1
        assert await flags(system, opened) == ["workflow_gone"], "somebody did that on purpose, or not"
        assert (await system.cases.restart_case(opened.case_id, "it was not meant", "an operator")).begun
    else:
        assert counts["restarted"] >= 1
    await see_closing(system, opened, "revoked")
    assert await flags(system, opened) == []
    assert len(await audited(system, opened, "case.restarted")) == 1
    with pytest.raises(Refusal, match="has ended: revoked"):
        await system.cases.restart_case(opened.case_id, "why not", "an operator")


async def test_a_workflow_that_still_makes_its_closing_actions_is_left_alone(system: Inside) -> None:
    opened = await ended_without(system)
    for order in (None, ReconciliationOrder(number=5 * 10**6, thorough=True)):
        await reconcile(system, order)
    assert await audited(system, opened, "case.restarted") == []
    with pytest.raises(Refusal, match="has ended: revoked"):
        await system.cases.restart_case(opened.case_id, "why not", "an operator")
    await system.control("mailbox", mode="ok")
    await system.retry_at_once(opened)
    await see_closing(system, opened, "revoked")


async def test_a_workflow_that_does_not_know_that_its_case_has_ended_is_replaced_by_one_that_closes_it(
    system: Inside,
) -> None:
    opened = await in_training(system)
    before = await system.runs(opened)
    await end_in_database(system, opened)
    await reconcile(system)
    await see_closing(system, opened, "withdrawn")
    assert await system.runs(opened) != before
    assert len(await audited(system, opened, "case.restarted")) == 1


async def test_one_that_outlives_a_case_that_is_closed_is_found_among_those_that_run(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "ENDING", timedelta())
    opened = await in_training(system)
    await end_in_database(system, opened)
    closed = EffectRow(
        key=f"{opened.case_id}:notice:withdrawn:0:",
        case_id=opened.case_id,
        kind="notice.withdrawn",
        data={},
        result={"notice": "withdrawn"},
        intended_at=datetime.now(UTC),
    )
    await system.database.write(Session.add, closed)
    async with asyncio.timeout(PATIENCE):  # the list of running workflows is some seconds late
        while not await audited(system, opened, "case.restarted"):
            await reconcile(system)
    await see_closing(system, opened, "withdrawn")


async def test_a_case_freed_for_its_closing_by_somebody_killed_half_way_is_begun_by_the_delivery(
    system: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await recovery.lose(system, await ended_without(system))
    await system.control("mailbox", mode="ok")

    async def start_nothing(*_: object) -> bool:
        return True

    with monkeypatch.context() as killed:
        killed.setattr("starter.workflow_directory.WorkflowDirectory.start_workflow", start_nothing)
        assert (await reconcile(system))["restarted"] >= 1
    await deliver_pending(system.database, system.cases)
    await see_closing(system, opened, "revoked")
