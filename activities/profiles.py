"""MLMS profiles: the licence registry is asked about each NPN, then the profile is saved or refused (B7–B10)."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from temporalio import activity

from activities import contracts
from adapters.http import Refused, Unavailable
from adapters.registry import RegistryAnswer, RegistryClient
from db.case_state import load_snapshot
from db.engine import Database
from db.writes.effects import keep_evidence
from db.writes.registrations import Registrations
from domain.federal.markets import NpnStatus
from domain.federal.profile import npn_faults, npns_of, same_npns
from domain.shared.faults import Fault, Invalid
from domain.shared.messages import CaseRef, CommandRef, ProfileSaved, RegistrationSnapshot

Faults = tuple[Fault, ...]
Answers = Mapping[str, RegistryAnswer]


class ProfilesActivities(contracts.Profiles):
    """Saves profiles once the registry has been asked."""

    def __init__(self, registry: RegistryClient, database: Database, registrations: Registrations) -> None:
        self._registry = registry
        self._database = database
        self._registrations = registrations

    @activity.defn(name="profiles.save")
    async def save_profile(self, command: CommandRef) -> ProfileSaved:
        """See the contract."""
        status = NpnStatus.NOT_REQUIRED
        faults: Faults = ()
        try:
            profile = await self._registrations.profile_to_save(command.command_id)
            if profile is not None:
                status, faults = await self._judge_profile(command, profile)
        except Invalid as invalid:
            faults = invalid.faults
        return await self._registrations.save_profile(command.command_id, status, faults, command.at)

    async def _find_known_status(self, case_id: str, profile: Mapping[str, Any]) -> NpnStatus:
        """Unverified, unless the registry has confirmed these NPNs of this person before."""
        view = await self._database.read(load_snapshot, case_id)
        known = view.registration.profile.npn is NpnStatus.VERIFIED and same_npns(profile, view.case.request)
        return NpnStatus.VERIFIED if known else NpnStatus.UNVERIFIED

    @activity.defn(name="profiles.verify")
    async def verify_npn(self, order: CaseRef) -> RegistrationSnapshot:
        """See the contract."""
        view = await self._database.read(load_snapshot, order.case_id)
        if view.registration.ended or view.registration.profile.version != order.occurrence:
            return view.registration.take_snapshot()  # a newer profile has a look-up of its own
        answers = await self._ask_registry(view.case.request)
        await self._keep_answers(order.case_id, answers, order.at)
        faults = _list_faults(view.case.request, answers)
        return await self._registrations.judge_npns(order.case_id, order.occurrence, faults, order.at)

    async def _judge_profile(self, command: CommandRef, profile: Mapping[str, Any]) -> tuple[NpnStatus, Faults]:
        """What speaks against a profile before it is saved; of one that is refused no answer is kept."""
        taken = await self._registrations.others_account(command.case_id, profile)
        if taken or not npns_of(profile):
            return NpnStatus.NOT_REQUIRED, (taken,) if taken else ()
        try:
            answers = await self._ask_registry(profile)
        except (Unavailable, Refused):  # silent, or unreadable: unknown, never wrong
            return await self._find_known_status(command.case_id, profile), ()
        faults = _list_faults(profile, answers)
        if not faults:
            await self._keep_answers(command.case_id, answers, command.at)
        return NpnStatus.VERIFIED, faults

    async def _ask_registry(self, profile: Mapping[str, Any]) -> Answers:
        """The registry's answers, by the fields of the NPNs."""
        npns = npns_of(profile)
        answers = await asyncio.gather(*map(self._registry.look_up_npn, npns.values()))
        return dict(zip(npns, answers, strict=True))

    async def _keep_answers(self, case_id: str, answers: Answers, at: datetime) -> None:
        """Keeps answers about a saved profile as evidence."""
        for answer in answers.values():
            key = f"{case_id}:registry:{answer.sha256}"
            await self._database.write(keep_evidence, key, case_id, "registry", answer.raw, answer.sha256, at)


def _list_faults(profile: Mapping[str, Any], answers: Answers) -> Faults:
    return tuple(npn_faults(profile, {field: answer.producer for field, answer in answers.items()}))
