"""The door to federal registrations: what an assister does is recorded first, and its workflow told next (B3–B16)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from db.engine import Database
from db.writes.federal.agreements import accept_marketplace_agreement, open_marketplace_agreement
from db.writes.federal.launch_tickets import RedeemedTicket, enroll_in_course, keep_launch_ticket, redeem_launch_ticket
from db.writes.federal.profiles import complete_profile, keep_profile
from db.writes.federal.steps import RecordedStep
from domain.federal.markets import Curriculum, MarketplaceAgreement
from domain.federal.registration import RegistrationState
from domain.shared.agreements import Agreement
from domain.shared.cases.authors import THE_ASSISTER, StepAuthor
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import make_command_id as opaque_id
from starter.cases import Cases, CommandOutcome, now


@dataclass(frozen=True)
class LaunchTicket:
    """A launch ticket: single use, for one vendor and curriculum; its secret is shown once (B14)."""

    ticket: str
    url: str
    expires_at: datetime


class Registrations:
    """What assisters, vendors and staff can do with registrations; each step is audited under its author.

    ``identity_key`` is the key under which people are known, ``vendors`` are the addresses of their sites.
    """

    def __init__(self, cases: Cases, database: Database, identity_key: bytes, vendors: Mapping[str, str]) -> None:
        self._cases = cases
        self._database = database
        self._identity_key = identity_key
        self._vendors = vendors

    async def save_profile(
        self, case_id: str, changes: object, author: StepAuthor = THE_ASSISTER, command_id: str | None = None
    ) -> CommandOutcome:
        """Save/Update: the registry is asked about the NPNs, then the profile is saved (B7–B10).

        ``changes`` is parsed JSON. Raises `Invalid` naming every field at fault, with nothing saved, and `Refusal` when
        the case has ended.
        """
        given, command_id = command_id, opaque_id(command_id, case_id)
        row = await self._database.write(keep_profile, self._identity_key, command_id, case_id, changes, author, now())
        answer = await self._cases.send_command(row)
        return replace(answer, command_id=given or answer.command_id)

    async def complete_profile(self, case_id: str, author: StepAuthor = THE_ASSISTER) -> RegistrationState:
        """Next, after Save/Update (B7). Raises `Refusal` before a valid save."""
        return await self._deliver_report(await self._database.write(complete_profile, case_id, author, now()))

    async def enroll_in_course(
        self, case_id: str, curriculum: Curriculum, channel: str, author: StepAuthor = THE_ASSISTER
    ) -> RegistrationState:
        """Enrols in a course, in the MLMS or at an approved vendor (B11, B13)."""
        step = await self._database.write(enroll_in_course, case_id, curriculum, channel, author, now())
        return await self._deliver_report(step)

    async def issue_launch_ticket(
        self, case_id: str, curriculum: Curriculum, channel: str, author: StepAuthor = THE_ASSISTER
    ) -> LaunchTicket:
        """A launch ticket for a vendor's site (B14). Raises `Refusal` when not enrolled, `Invalid` for the MLMS."""
        if channel not in self._vendors:
            raise Invalid([Fault("channel", "no_launch")])
        token = secrets.token_urlsafe(24)
        expires_at = await self._database.write(keep_launch_ticket, case_id, curriculum, channel, token, author, now())
        url = f"{self._vendors[channel].rstrip('/')}/training?{urlencode({'ticket': token})}"
        return LaunchTicket(token, url, expires_at)

    async def redeem_launch_ticket(self, vendor: str, token: str) -> RedeemedTicket:
        """Uses a launch ticket up, for the vendor whose site was opened with it. Raises `UnusableTicket`."""
        return await self._database.write(redeem_launch_ticket, vendor, token, now())

    async def open_agreement(
        self, case_id: str, name: MarketplaceAgreement, language: str, author: StepAuthor = THE_ASSISTER
    ) -> Agreement:
        """Opens the text of an agreement in force; that it was opened is recorded (B16)."""
        return await self._database.write(open_marketplace_agreement, case_id, name, language, author, now())

    async def accept_agreement(
        self,
        case_id: str,
        name: MarketplaceAgreement,
        sha256: str | None = None,
        author: StepAuthor = THE_ASSISTER,
    ) -> RegistrationState:
        """Accepts the text that was opened, by "I Agree" (B16)."""
        step = await self._database.write(accept_marketplace_agreement, case_id, name, sha256, author, now())
        return await self._deliver_report(step)

    async def _deliver_report(self, step: RecordedStep) -> RegistrationState:
        """Tells the workflow; what can't be told now is told later."""
        await self._cases.deliver_events(step.to_deliver)
        return step.state
