"""MLMS profiles: the licence registry is asked about each NPN, then the profile is saved or refused (B7–B10)."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from temporalio import activity

from activities import contracts
from adapters.http import Refused, Unavailable
from adapters.registry import Registry
from db.records import Records
from db.registrations import Registrations
from domain.faults import Fault
from domain.licensing import Producer
from domain.messages import CaseRef, CommandRef, MarketplaceStanding, ProfileSaved
from domain.profile import npn_faults, npns_of
from domain.registration import NpnStatus


class ProfilesActivities(contracts.Profiles):
    """Saves profiles once the registry has been asked."""

    def __init__(self, registry: Registry, records: Records, registrations: Registrations) -> None:
        self._registry = registry
        self._records = records
        self._registrations = registrations

    @activity.defn(name="profiles.save")
    async def save(self, command: CommandRef) -> ProfileSaved:
        """See the contract."""
        profile = await self._registrations.profile_to_save(command.command_id)
        faults: list[Fault] = []
        status = NpnStatus.NOT_REQUIRED
        if profile is not None:
            taken = await self._registrations.others_account(command.case_id, profile)
            faults = [taken] if taken else []
            if not faults and npns_of(profile):
                try:
                    faults = await self._judged(command.case_id, profile, command.at)
                    status = NpnStatus.VERIFIED
                except (Unavailable, Refused):  # silent, or unreadable: unknown, never wrong
                    status = NpnStatus.UNVERIFIED
        return await self._registrations.save_profile(command.command_id, status, faults, command.at)

    @activity.defn(name="profiles.verify")
    async def verify(self, order: CaseRef) -> MarketplaceStanding:
        """See the contract."""
        view = await self._records.view(order.case_id)
        if view.registration.ended or view.registration.profile.version != order.occurrence:
            return view.registration.standing()  # a newer profile has a look-up of its own
        faults = await self._judged(order.case_id, view.case.request, order.at)
        return await self._registrations.judge_npns(order.case_id, order.occurrence, faults, order.at)

    async def _judged(self, case_id: str, profile: Mapping[str, Any], at: datetime) -> list[Fault]:
        """What the registry's answers say against a profile; they are kept as evidence, by the NPN's field."""
        npns = npns_of(profile)
        producers = await asyncio.gather(*(self._look_up(case_id, npn, at) for npn in npns.values()))
        return npn_faults(profile, dict(zip(npns, producers, strict=True)))

    async def _look_up(self, case_id: str, npn: str, at: datetime) -> Producer | None:
        answer = await self._registry.look_up(npn)
        key = f"{case_id}:registry:{answer.sha256}"
        await self._records.keep_evidence(key, case_id, "registry", answer.raw, answer.sha256, at)
        return answer.producer
