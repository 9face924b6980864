"""What an activity makes is dated by its making: a third party may have been down for days since the order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from activities.background import BackgroundActivities
from activities.effects import read_clock
from activities.licensing import LicensingActivities
from activities.mlms import MlmsActivities
from activities.portal import PortalActivities
from activities.records import RecordsActivities
from activities.training import TrainingActivities
from adapters.http import Unavailable
from db.engine import Database
from db.tables import AuditRow, EffectRow, FactRow
from domain.shared.cases.messages import CaseRef, Claim, CurriculumOrder, Ending, LookUp
from tests.support import documents
from tests.support.office import KEY, Office, office_over
from tests.support.opening import open_case

THREE_DAYS = timedelta(days=3)


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


class ThirdParty:
    """Any of them, whatever it is asked: down at first, up from then on."""

    def __init__(self) -> None:
        self.up_at: datetime | None = None

    async def create_account(self, *_: Any) -> str:
        return str((await self.ask()).id)

    def __getattr__(self, _: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*_: Any) -> Any:
            if self.up_at is None:
                self.up_at = datetime.now(UTC)
                raise Unavailable("down")
            return SimpleNamespace(id="1", url="https://example.org", invitation_id="2", candidate_id="3")

        return ask


Make = Callable[[Any, Database, CaseRef], Awaitable[Any]]

EFFECTS: dict[str, tuple[dict[str, Any], Make]] = {
    "background_ordered": (
        documents.counselor(),
        lambda down, database, order: BackgroundActivities(down, database, KEY).order_check(order),
    ),
    "lms_invited": (
        documents.broker(),
        lambda down, database, order: TrainingActivities(down, database).invite_learner(order),
    ),
    "lms_enrolled": (
        documents.broker(),
        lambda down, database, order: TrainingActivities(down, database).enroll_learner(order),
    ),
    "portal_account_created": (
        documents.counselor(),
        lambda down, database, order: PortalActivities(down, database).create_account(order),
    ),
    "mlms_enrolled": (
        documents.registration(),
        lambda down, database, order: MlmsActivities(down, database).enroll_learner(
            CurriculumOrder(case_id=order.case_id, at=order.at, curriculum="shop")
        ),
    ),
}


@pytest.mark.parametrize("kind", EFFECTS)
async def test_an_effect_held_up_for_three_days_is_dated_by_its_making(office: Office, kind: str) -> None:
    document, make = EFFECTS[kind]
    down, opened = ThirdParty(), await office.opened(document)
    order = CaseRef(case_id=opened.case_id, at=datetime.now(UTC) - THREE_DAYS)
    with pytest.raises(Unavailable):
        await make(down, office.database, order)
    await make(down, office.database, order)
    (effect,) = await office.all(EffectRow, case_id=opened.case_id)
    (fact,) = await office.all(FactRow, case_id=opened.case_id, kind=kind)
    (audited,) = await office.all(AuditRow, case_id=opened.case_id, action=effect.kind)
    assert down.up_at is not None
    for at in (effect.done_at, fact.at, fact.recorded_at, audited.at):
        assert down.up_at <= at <= datetime.now(UTC)


async def test_a_screening_and_an_ending_are_dated_by_their_recording(office: Office) -> None:
    opened, now = await office.opened(documents.counselor()), datetime.now(UTC)
    ago = now - THREE_DAYS
    await LicensingActivities(None, office.database, KEY).look_up(LookUp(case_id=opened.case_id, at=ago))  # type: ignore[arg-type]
    await RecordsActivities(office.database, KEY).close_case(Ending(case_id=opened.case_id, kind="closed", at=ago))
    for kind in ("screened", "closed"):
        (fact,) = await office.all(FactRow, case_id=opened.case_id, kind=kind)
        assert now <= fact.at <= datetime.now(UTC), kind


async def test_a_claim_that_was_held_up_is_dated_by_its_recording(office: Office) -> None:
    opened, now = await open_case(office.database, KEY, documents.broker(), datetime.now(UTC)), datetime.now(UTC)
    claim = Claim(case_id=opened.case_id, run_id="a run", at=now - THREE_DAYS)
    await RecordsActivities(office.database, KEY).claim_case(claim)
    (fact,) = await office.all(FactRow, case_id=opened.case_id, kind="begun")
    (audited,) = await office.all(AuditRow, case_id=opened.case_id, action="case.begun")
    assert now <= fact.at == fact.recorded_at == audited.at <= datetime.now(UTC)


def test_a_workflow_whose_time_is_skipped_is_ahead_of_the_clock() -> None:
    ahead = datetime.now(UTC) + THREE_DAYS
    assert read_clock(ahead) == ahead
