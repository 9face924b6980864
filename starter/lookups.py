"""Asks the licence registry for its address of an NPN from before, where its claimant wants to prove it (D2)."""

import asyncio

import structlog

from adapters.http import Refused, Unavailable
from adapters.registry import RegistryClient
from db.engine import Database
from db.writes.npn.lookups import Lookup, finish_lookup, list_due_lookups
from domain.shared.claims import RegisteredOwner, read_owner
from domain.shared.traces import locate_error
from starter.cases import now

log = structlog.get_logger(__name__)

EVERY = 1.0


class RegistryLookups:
    """What is to be asked of the registry beside cases' own look-ups."""

    def __init__(self, database: Database, registry: RegistryClient) -> None:
        self._database = database
        self._registry = registry

    async def keep_asking(self, every: float = EVERY) -> None:
        """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
        while True:
            try:
                await self.ask_due()
            except Exception as error:  # the next round tries again
                log.warning("registry not asked", error=type(error).__name__, where=locate_error(error))
            await asyncio.sleep(every)

    async def ask_due(self) -> int:
        """Asks about what is due, a page at once; about how many."""
        due = await self._database.read(list_due_lookups, now())
        await asyncio.gather(*map(self._ask, due))
        return len(due)

    async def _ask(self, one: Lookup) -> None:
        """An answer that can't be read says nothing: it isn't paid for again. A silent registry is asked again."""
        owner: RegisteredOwner | None = RegisteredOwner(one.npn)
        try:
            owner = read_owner(one.npn, (await self._registry.look_up_npn(one.npn)).producer)
        except Refused:
            log.warning("registry answer not readable")
        except Unavailable as error:
            log.warning("registry silent", error=error.code)
            owner = None
        await self._database.write(finish_lookup, one.number, owner, now())
