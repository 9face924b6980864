"""The door to federal registrations: what an assister does is recorded first, and its workflow told next (B3–B16)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from db.case_state import load_snapshot
from db.engine import Database
from db.writes.opening import Opened
from db.writes.registrations import Acted, Redeemed, Registrations
from domain.federal.markets import Curriculum, MarketplaceAgreement
from domain.federal.profile import RegistrationRequest, parse_profile
from domain.federal.registration import RegistrationState
from domain.programs.commands import find_refusal
from domain.shared.agreements import Agreement
from domain.shared.commands import CommandKind
from domain.shared.faults import Fault, Invalid
from domain.shared.ids import command_id as opaque_id
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.reasons import sentence
from starter.cases import Answer, Cases, NotNow, now


@dataclass(frozen=True)
class Ticket:
    """A launch ticket: single use, for one vendor and curriculum; its secret is shown once (B14)."""

    ticket: str
    url: str
    expires_at: datetime


class Marketplace:
    """What assisters, vendors and staff can do with registrations. ``vendors`` are the addresses of their sites."""

    def __init__(
        self, cases: Cases, database: Database, registrations: Registrations, vendors: Mapping[str, str]
    ) -> None:
        self._cases = cases
        self._registrations = registrations
        self._database = database
        self._vendors = vendors

    async def submit(self, request: RegistrationRequest) -> Opened:
        """Opens a registration, or finds the one this repeats. Raises `SecondAccount` (B3) and `Invalid`."""
        return await self._begun(await self._registrations.submit(request, now()))

    async def begin(self, assister_id: str, plan_year: int, actor: str) -> Opened:
        """Opens a registration for somebody known from earlier years, without a form."""
        return await self._begun(await self._registrations.begin(assister_id, plan_year, actor, now()))

    async def _begun(self, opened: Opened) -> Opened:
        if opened.created:
            await self._cases.try_to_start(opened.case_id)
        return opened

    async def save_profile(
        self, case_id: str, changes: object, actor: str = "assister", command_id: str | None = None
    ) -> Answer:
        """Save/Update: the registry is asked about the NPNs, then the profile is saved (B7–B10).

        Raises `Invalid` naming every field at fault, with nothing saved, and `NotNow` when the case has ended.
        """
        view = await self._database.read(load_snapshot, case_id)
        if view.case.program != FEDERAL_PROGRAM:
            raise NotNow(sentence("not_in_program"))
        profile = parse_profile(view.case.request, changes)
        why = find_refusal(CommandKind.SAVE_PROFILE, view.stands)
        if why:
            raise NotNow(why)
        given, command_id = command_id, opaque_id(command_id, case_id)
        assert isinstance(changes, Mapping), "what was parsed has fields"
        row = await self._registrations.store_profile(command_id, case_id, profile, set(changes), actor, now())
        answer = await self._cases.send(row)
        return replace(answer, command_id=given or answer.command_id)

    async def next(self, case_id: str, actor: str = "assister") -> RegistrationState:
        """Next, after Save/Update (B7). Raises `Conflict` before a valid save."""
        return await self._told(await self._registrations.next(case_id, actor, now()))

    async def enroll(
        self, case_id: str, curriculum: Curriculum, channel: str, actor: str = "assister"
    ) -> RegistrationState:
        """Enrols in a course, in the MLMS or at an approved vendor (B11, B13)."""
        return await self._told(await self._registrations.enroll(case_id, curriculum, channel, actor, now()))

    async def launch(self, case_id: str, curriculum: Curriculum, channel: str, actor: str = "assister") -> Ticket:
        """A launch ticket for a vendor's site (B14). Raises `Conflict` when not enrolled, `Invalid` for the MLMS."""
        if channel not in self._vendors:
            raise Invalid([Fault("channel", "no_launch")])
        token = secrets.token_urlsafe(24)
        expires_at = await self._registrations.launch(case_id, curriculum, channel, token, actor, now())
        url = f"{self._vendors[channel].rstrip('/')}/training?{urlencode({'ticket': token})}"
        return Ticket(token, url, expires_at)

    async def redeem(self, vendor: str, token: str) -> Redeemed:
        """Uses a launch ticket up, for the vendor whose site was opened with it."""
        return await self._registrations.redeem(vendor, token, now())

    async def open_agreement(
        self, case_id: str, name: MarketplaceAgreement, language: str, actor: str = "assister"
    ) -> Agreement:
        """Opens the text of an agreement in force; that it was opened is recorded (B16)."""
        return await self._registrations.open_agreement(case_id, name, language, actor, now())

    async def accept_agreement(
        self, case_id: str, name: MarketplaceAgreement, sha256: str | None = None, actor: str = "assister"
    ) -> RegistrationState:
        """Accepts the text that was opened, by "I Agree" (B16)."""
        return await self._told(await self._registrations.accept_agreement(case_id, name, sha256, actor, now()))

    async def _told(self, acted: Acted) -> RegistrationState:
        """Tells the workflow; what can't be told now is told later."""
        await self._cases.deliver_all(list(acted.to_deliver))
        return acted.state
