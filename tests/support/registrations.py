"""Registrations with the federal marketplace, written as the doors and the worker write them; without Temporal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from db.engine import Database
from db.writes.cases import record_facts
from db.writes.federal.agreements import accept_marketplace_agreement, open_marketplace_agreement
from db.writes.federal.launch_tickets import enroll_in_course
from db.writes.federal.profiles import complete_profile, keep_profile, save_profile
from db.writes.opening import Opened
from domain.federal.markets import MLMS, Curriculum, Market, NpnStatus, list_agreements
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.claims import RegisteredOwner
from tests.support import documents
from tests.support.opening import open_case

COURSE = {Market.INDIVIDUAL: Curriculum.INDIVIDUAL_FULL, Market.SHOP: Curriculum.SHOP}
MINUTE = timedelta(minutes=1)


def profile(npn: str | None = None, **changes: Any) -> dict[str, Any]:
    """A registration request of an agent or broker with both contacts."""
    npn = npn or documents.new_npn()
    contact = {"email": f"help.{npn}@example.org", "phone": "+1 915-555-0100", "languages": ["English", "Spanish"]}
    return {
        "program": "ffm",
        "plan_year": 2024,
        "language": "en",
        "first_name": "Testa",
        "last_name": "Agent",
        "email": f"testa.agent.{npn}@example.com",
        "phone": "915-555-0101",
        "role": "marketplace_agent_broker",
        "npn": npn,
        "business_contact": {**contact, "name": "Sample Insurance, Ltd", "address": documents.address("TX")},
        "professional_contact": contact,
        "markets": ["individual"],
        **changes,
    }


class Desk:
    """Takes registrations through their steps, at the times it is told."""

    def __init__(self, database: Database, key: bytes = b"a test's key") -> None:
        self.database = database
        self.key = key

    async def opened(self, document: dict[str, Any], at: datetime) -> Opened:
        return await open_case(self.database, self.key, document, at)

    async def saved(
        self,
        opened: Opened,
        document: dict[str, Any],
        at: datetime,
        npn: NpnStatus = NpnStatus.VERIFIED,
        owner: RegisteredOwner | None = None,
    ) -> None:
        """The profile, saved; what the registry said of its NPN is given.

        Where it has confirmed it, it reaches the owner at the profile's address, if not said otherwise.
        """
        if owner is None and npn is NpnStatus.VERIFIED:
            owner = RegisteredOwner(document.get("npn"), (document["email"].lower(),))
        command = str(uuid4())
        await self.database.write(keep_profile, self.key, command, opened.case_id, document, THE_ASSISTER, at)
        assert (await self.database.write(save_profile, self.key, command, npn, (), {}, at, owner)).outcome == "applied"

    async def trained(self, opened: Opened, at: datetime, markets: Sequence[Market]) -> None:
        """Next, and the courses of these markets."""
        await self.database.write(complete_profile, opened.case_id, THE_ASSISTER, at)
        for market in markets:
            await self.database.write(enroll_in_course, opened.case_id, COURSE[market], MLMS, THE_ASSISTER, at)
            course = {"curriculum": COURSE[market].value, "channel": MLMS}
            fact = Fact(id=str(uuid4()), kind=FactKind.COURSE_COMPLETED, at=at, data=course)
            await self.database.write(record_facts, opened.case_id, [fact], at, "test")

    async def completed(
        self, document: dict[str, Any], at: datetime, *, again: Opened | None = None, **saved: Any
    ) -> Opened:
        """A registration of which everything is done by now; the last step at this time."""
        opened = again or await self.opened(document, at)
        markets = [Market(market) for market in document["markets"]]
        await self.saved(opened, document, at, **saved)
        await self.completed_markets(opened, at, markets)
        return opened

    async def completed_markets(self, opened: Opened, at: datetime, markets: Sequence[Market]) -> None:
        """Everything of these markets, of a registration whose profile is saved."""
        await self.trained(opened, at, markets)
        for market in markets:
            for name in list_agreements(market):
                await self.database.write(open_marketplace_agreement, opened.case_id, name, "en", THE_ASSISTER, at)
                await self.database.write(accept_marketplace_agreement, opened.case_id, name, None, THE_ASSISTER, at)

    async def ended(self, opened: Opened, kind: FactKind, at: datetime) -> None:
        fact = Fact(id=f"{opened.case_id}:{kind}", kind=kind, at=at, data={"reason": "a sample reason"})
        assert await self.database.write(record_facts, opened.case_id, [fact], at, "test")
