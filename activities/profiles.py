"""MLMS profiles: the licence registry is asked about each NPN, then the profile is saved or refused (B7–B10)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from adapters.http import Refused, Unavailable
from adapters.registry import RegistryAnswer, RegistryClient
from db.case_state import load_snapshot, profile_of
from db.engine import Database
from db.writes.federal.profiles import ProfileToSave, load_profile_to_save, record_npn_verdict, save_profile
from domain.federal.markets import NpnStatus
from domain.federal.profile import StoredProfile, find_npn_faults
from domain.shared.cases.messages import CaseRef, CommandRef, ProfileSaved, RegistrationSnapshot
from domain.shared.claims import RegisteredOwner, read_owner
from domain.shared.documents.faults import Fault, Invalid

Faults = tuple[Fault, ...]
Answers = Mapping[str, RegistryAnswer]


@dataclass(frozen=True)
class NpnVerdict:
    """What a profile is saved with: what is known of its NPNs, the fields at fault, the answers it rests on.

    ``owner`` is whom the registry has for its own NPN; None where it was silent.
    """

    npn: NpnStatus
    faults: Faults = ()
    answers: Sequence[RegistryAnswer] = ()
    owner: RegisteredOwner | None = None


class ProfilesActivities(contracts.Profiles):
    """Saves profiles once the registry has been asked."""

    def __init__(self, registry: RegistryClient, database: Database, identity_key: bytes) -> None:
        self._registry = registry
        self._database = database
        self._identity_key = identity_key

    @activity.defn(name="profiles.save")
    async def save_profile(self, command: CommandRef) -> ProfileSaved:
        """See the contract."""
        verdict = NpnVerdict(NpnStatus.NOT_REQUIRED)
        try:
            waiting = await self._database.read(load_profile_to_save, self._identity_key, command.command_id)
            if waiting is not None:
                verdict = await self._judge_profile(waiting)
        except Invalid as invalid:
            verdict = NpnVerdict(NpnStatus.NOT_REQUIRED, invalid.faults)
        evidence = {answer.sha256: answer.raw for answer in verdict.answers}
        at = read_clock(command.at)
        return await self._database.write(
            save_profile,
            self._identity_key,
            command.command_id,
            verdict.npn,
            verdict.faults,
            evidence,
            at,
            verdict.owner,
        )

    @activity.defn(name="profiles.verify")
    async def verify_npn(self, order: CaseRef) -> RegistrationSnapshot:
        """See the contract."""
        view = await self._database.read(load_snapshot, order.case_id)
        if view.registration.ended or view.registration.profile.version != order.occurrence:
            return view.registration.take_snapshot()  # a newer profile has a look-up of its own
        profile = profile_of(view.case)
        answers = await self._ask_registry(profile)
        evidence = {answer.sha256: answer.raw for answer in answers.values()}
        faults = _find_npn_faults(profile, answers)
        at = read_clock(order.at)
        return await self._database.write(
            record_npn_verdict,
            self._identity_key,
            order.case_id,
            order.occurrence,
            faults,
            evidence,
            at,
            _read_own(profile, answers),
        )

    async def _judge_profile(self, waiting: ProfileToSave) -> NpnVerdict:
        """What speaks against a profile before it is saved."""
        if waiting.fault:
            return NpnVerdict(NpnStatus.NOT_REQUIRED, (waiting.fault,))
        if not waiting.profile.npns:
            return NpnVerdict(NpnStatus.NOT_REQUIRED)
        try:
            answers = await self._ask_registry(waiting.profile)
        except (Unavailable, Refused):  # silent, or unreadable: unknown, never wrong
            return NpnVerdict(NpnStatus.VERIFIED if waiting.is_verified else NpnStatus.UNVERIFIED)
        faults = _find_npn_faults(waiting.profile, answers)
        return NpnVerdict(NpnStatus.VERIFIED, faults, tuple(answers.values()), _read_own(waiting.profile, answers))

    async def _ask_registry(self, profile: StoredProfile) -> Answers:
        """The registry's answers, by the fields of the NPNs."""
        answers = await asyncio.gather(*map(self._registry.look_up_npn, profile.npns.values()))
        return dict(zip(profile.npns, answers, strict=True))


def _read_own(profile: StoredProfile, answers: Answers) -> RegisteredOwner:
    own = answers.get("npn")
    return read_owner(profile.npn, own.producer if own is not None else None)


def _find_npn_faults(profile: StoredProfile, answers: Answers) -> Faults:
    return tuple(find_npn_faults(profile, {field: answer.producer for field, answer in answers.items()}))
