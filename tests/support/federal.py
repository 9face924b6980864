"""The system around federal registrations, for tests in which time is skipped: real lists, published and read again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from temporalio.client import Client

from adapters.holidays import list_federal_holidays
from db.case_state import load_snapshot
from db.writes.federal.agreements import accept_marketplace_agreement, open_marketplace_agreement
from db.writes.federal.launch_tickets import enroll_in_course
from db.writes.federal.profiles import complete_profile
from db.writes.federal.steps import RecordedStep
from db.writes.opening import Opened
from db.writes.webhooks.inbox import accept_statements
from domain.federal.markets import MLMS, Curriculum, Market, MarketplaceAgreement, list_agreements
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.shared.business_days import is_business_day
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.messages import RegistrationProgress
from domain.shared.documents.statements import read_statements
from domain.shared.round_messages import Published, PublishOrder
from starter.cases import CommandOutcome
from starter.registrations import Registrations
from starter.stack.plan import Plan
from starter.stack.processes import is_answering
from tests.support import documents, inside as support, senders
from tests.support.inside import NEVER, ROOT, Document, Inside
from tests.support.patience import PATIENCE
from tests.support.tables import give_rules
from workflows import messages as names

EASTERN = ZoneInfo("America/New_York")
COURSE = {Market.INDIVIDUAL: Curriculum.INDIVIDUAL_FULL, Market.SHOP: Curriculum.SHOP}
FRIDAY = 4
A_DAY = timedelta(days=1)


class Federal(Inside):
    """Registrations, their workflows and clocks, and the lists as the web process publishes them."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        vendors = {name: vendor.url for name, vendor in self.settings.vendors.items()}
        self.registrations = Registrations(self.cases, self.database, self.settings.identity_key_bytes, vendors)

    # opening

    async def store(self, request: Document, at: datetime | None = None, know: bool = True, **policy: Any) -> Opened:
        """Stores a request whose workflow is not started yet."""
        if know and request.get("npn"):
            await self.know(documents.individual(request))
        return await super().store(request, at, know=False, **policy)

    async def _change_policy(self, case_id: str, changes: Mapping[str, Any]) -> None:
        if changes:
            policy = (await self.database.read(load_snapshot, case_id)).federal_policy.model_dump(mode="json")
            await self.database.write(give_rules, case_id, FederalPolicy.model_validate({**policy, **changes}))

    async def know(self, producer: Document) -> None:
        """The registry knows an NPN from now on."""
        await self._post("registry", "producers", producer)

    # looking

    async def progress(self, opened: Opened) -> RegistrationProgress:  # type: ignore[override]
        answer: RegistrationProgress = await self.handle(opened).query(names.PROGRESS, result_type=RegistrationProgress)
        return answer

    async def quiet(self, opened: Opened) -> RegistrationProgress:
        """Waits until the workflow knows what the facts come to, each of them counted or not; what it knows then."""
        async with asyncio.timeout(PATIENCE):
            while True:
                progress = await self.progress(opened)
                recorded = (await self.database.read(load_snapshot, opened.case_id)).take_registration_snapshot()
                assert recorded is not None
                if progress.standing == recorded.model_copy(update={"facts": progress.standing.facts}):
                    return progress
                await asyncio.sleep(0.05)
        raise AssertionError

    async def listed(self, opened: Opened) -> dict[tuple[str, str], Document]:
        """Where the registration is confirmed, by market and list."""
        status = await self.status(opened)
        return {(one["market"], one["list"]): one for one in status["publication"]["lists"]}

    async def help_desk(self, request: Document) -> list[Document]:
        """The e-mails to the help desk about this person's NPN."""
        help_desk = FEDERAL_POLICIES[request["plan_year"]].help_desk
        return [one for one in await self.letters({"email": help_desk}) if request["npn"] in one["text"]]

    # doing, at the case's time

    async def save(self, opened: Opened, **changes: Any) -> CommandOutcome:
        """Save/Update, as the portal does it."""
        return await self.registrations.save_profile(opened.case_id, changes)

    async def next(self, opened: Opened) -> None:
        await self._deliver(await self.database.write(complete_profile, opened.case_id, THE_ASSISTER, self.now(opened)))

    async def enroll(self, opened: Opened, curriculum: Curriculum, channel: str = MLMS) -> None:
        acted = await self.database.write(
            enroll_in_course, opened.case_id, curriculum, channel, THE_ASSISTER, self.now(opened)
        )
        await self._deliver(acted)

    async def course(self, opened: Opened, curriculum: Curriculum, verb: str = "completed") -> None:
        """The MLMS reports a course."""
        at = self.now(opened)
        policy = (await self.database.read(load_snapshot, opened.case_id)).federal_policy.model_dump(mode="json")
        statement = documents.course(policy, opened.document(), curriculum, verb, timestamp=at.isoformat())
        received = await self.database.write(accept_statements, senders.MLMS, read_statements([statement]), at)
        await self.cases.deliver_events(received.to_deliver)

    async def accept(self, opened: Opened, name: MarketplaceAgreement) -> None:
        """Opens an agreement and accepts it."""
        at = self.now(opened)
        await self.database.write(open_marketplace_agreement, opened.case_id, name, "en", THE_ASSISTER, at)
        await self._deliver(
            await self.database.write(accept_marketplace_agreement, opened.case_id, name, None, THE_ASSISTER, at)
        )

    async def _deliver(self, step: RecordedStep) -> None:
        await self.cases.deliver_events(step.to_deliver)

    async def profiled(self, request: Document, **policy: Any) -> Opened:
        """Somebody new up to the complete profile."""
        opened = await self.open(request, **policy)
        assert (await self.save(opened)).state == "applied"
        await self.next(opened)
        return opened

    async def trained(self, opened: Opened, market: Market = Market.INDIVIDUAL) -> None:
        await self.enroll(opened, COURSE[market])
        await self.course(opened, COURSE[market])

    async def completed(self, opened: Opened, market: Market = Market.INDIVIDUAL) -> None:
        """A market from the enrolment to its certificate."""
        await self.trained(opened, market)
        for name in list_agreements(market):
            await self.accept(opened, name)
        await self.until(opened, lambda status: market in {one["market"] for one in status["certificates"]})

    # days in the East

    def left(self, opened: Opened, day: date, hour: int, minute: int = 0) -> timedelta:
        """How long it is for a registration until this hour of a day in the East."""
        return datetime.combine(day, time(hour, minute), EASTERN) - self.now(opened)

    async def goes_to(self, opened: Opened, day: date, hour: int = 12, minute: int = 31) -> None:
        """Lets a registration's time pass until this hour of a day in the East, and waits until all is done by then."""
        assert await self.skip(opened, self.left(opened, day, hour, minute))
        async with asyncio.timeout(PATIENCE):
            while any(at <= self.now(opened) for at in (await self.quiet(opened)).look_at.values()):
                await asyncio.sleep(0.05)

    async def business_day(self, opened: Opened, day: date) -> Document:
        """A business day until half past noon: the lists are published at six, and read; the status after that."""
        await self.publish(datetime.combine(day, time(6), EASTERN))
        await self.goes_to(opened, day)
        return await self.status(opened)

    async def publish(self, at: datetime, forced: bool = True) -> Published:
        """The publication as its schedule starts it; forced, since each test comes by the same days."""
        published: Published = await self.client.execute_workflow(
            names.DAILY_PUBLICATION,
            PublishOrder(at=at, forced=forced),
            id=f"publication-{at:%Y-%m-%d}-{os.urandom(4).hex()}",
            task_queue=self.settings.task_queue,
            result_type=Published,
        )
        return published

    async def omit(self, request: Document, *lists: str) -> None:
        """From now on these lists are published without somebody's rows."""
        for one in lists:
            await self._post("lists", "alterations", {"list": one, "how": "omit", **_whose(request, one)})

    async def alter(self, request: Document, one: str, **columns: str) -> None:
        """From now on a list is published with other values in somebody's rows."""
        altered = {"list": one, "how": "alter", "set": columns, **_whose(request, one)}
        await self._post("lists", "alterations", altered)

    async def omit_nothing(self) -> None:
        answer = await self._web.delete(f"{self.plan.build_url('lists')}/alterations")
        assert answer.is_success, answer.text


def _whose(request: Document, one: str) -> dict[str, str]:
    """By what somebody's rows are known: Find Local Help shows no NPN."""
    if one == "find_local_help":
        return {"name": f"{request['first_name']} {request['last_name']}"}
    return {"npn": request["npn"]}


def a_friday(before_a_holiday: bool = False) -> date:
    """The next Friday before a whole week of business days; or before a Monday that is a federal holiday."""
    day = datetime.now(EASTERN).date() + A_DAY
    holidays = list_federal_holidays(range(day.year, day.year + 2))
    while True:
        week = [day + timedelta(days=3 + number) for number in range(5)]
        off = [one for one in week if not is_business_day(one, holidays)]
        wanted = off == week[:1] if before_a_holiday else off == []
        if day.weekday() == FRIDAY and is_business_day(day, holidays) and wanted:
            return day
        day += A_DAY


@asynccontextmanager
async def running(folder: Path, suggest_renewal_at: int = NEVER) -> AsyncIterator[Federal]:
    """All of it, with the web process, for the time of a block."""
    async with support.system(Federal, folder, suggest_renewal_at) as federal:
        with _web(federal.plan, federal.client):
            async with asyncio.timeout(PATIENCE):
                while not await is_answering(f"{federal.plan.build_url('web')}/readyz"):
                    await asyncio.sleep(0.1)
            yield federal


@contextmanager
def _web(plan: Plan, client: Client) -> Iterator[None]:
    environment = {**plan.environment, "TEMPORAL_ADDRESS": client.service_client.config.target_host}
    with (
        (plan.data / "web.log").open("wb") as output,
        subprocess.Popen(
            (sys.executable, "-m", "web"), cwd=ROOT, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield
        finally:
            os.kill(process.pid, signal.SIGKILL)
