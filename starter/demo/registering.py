"""How an invented agent or broker registers with the federal marketplace in the demonstration: each one's steps."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from starter.demo.journey import PAUSE_SECONDS, Act, Document, Journey, Story, certify

MLMS = "mlms"
OVER = frozenset({"publication", "next_plan_year"})


@dataclass(frozen=True)
class RegistrationStory(Story):
    """What they fill in besides, the courses they take and where, their firm, and what is imported of last year."""

    profile: Document
    courses: tuple[tuple[str, str], ...]
    firm: str = ""
    years: tuple[Document, ...] = ()
    ends: tuple[str, ...] = field(default=("certified", "active"), kw_only=True)


class Registration(Journey[RegistrationStory]):
    """The federal program's way, in its four steps."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._of_assister = {"Authorization": f"Bearer {self._stack['secrets']['portal']}"}
        self._taken: set[str] = set()

    def _is_over(self, status: Document) -> bool:
        return status["waiting_for"] in OVER or status["waiting_for"] is None

    def _place(self, status: Document) -> tuple[object, ...]:
        accepted = [one["accepted_at"] for one in status["agreements"]]
        trained = [one["completed_at"] for one in status["enrollments"]]
        return status["stage"], status["waiting_for"], accepted, trained

    def _letters(self, status: Document) -> Counter[str]:
        letters = Counter({"notice.marketplace_welcome": 1, "notice.marketplace_certificate": len(status["markets"])})
        return letters + Counter(
            ["notice.marketplace_enrolled"] * any(MLMS in course for course in self._story.courses)
        )

    # what people and third parties do

    async def _submit(self) -> None:
        await self._become_known()
        await super()._submit()

    async def _become_known(self) -> None:
        """The licence registry knows the person and the firm; an operator loads last year."""
        request = self._story.request
        person = {"npn": request["npn"], "entity": "individual"}
        producers = [person | {name: request[name] for name in ("first_name", "last_name")}]
        if self._story.firm:
            producers.append(
                {"npn": self._story.profile["business_npn"], "entity": "firm", "company": self._story.firm}
            )
        for producer in producers:
            await self._call("POST", f"{self._places['registry']}/producers", 201, json=producer)
        if self._story.years:
            names = ("npn", "email", "first_name", "last_name", "language")
            person = {"kind": "agent", **{name: request[name] for name in names}}
            given = [{"person": person, "program": "ffm", "years": list(self._story.years)}]
            await certify(self._stack, "import", "-", given=given)
            self._tell("last year imported")

    async def _fill_in_profile(self, status: Document) -> None:
        """Save/Update, then Next; a firm's NPN is its own (B7, B10)."""
        if not status["profile"]["version"]:
            await self._act("profile/next", 409)
            self._tell("Next refused before Save/Update")
            if "business_npn" in self._story.profile:
                copied = {**self._story.profile, "business_npn": self._story.request["npn"]}
                await self._act("profile", 422, copied)
                self._tell("copied NPN refused")
        await self._act("profile", 200, self._story.profile)
        await self._act("profile/next", 200)
        self._tell("profile saved, NPN confirmed")

    async def _train(self, status: Document) -> None:
        enrolled = {(one["curriculum"], one["channel"]) for one in status["enrollments"]}
        done = {one["curriculum"] for one in status["enrollments"] if one["completed_at"]}
        for curriculum, channel in self._story.courses:
            if curriculum in done | self._taken:
                continue
            if (curriculum, channel) not in enrolled:
                await self._act("enrollments", 201, {"curriculum": curriculum, "channel": channel})
            await (self._learn(curriculum) if channel == MLMS else self._visit(channel, curriculum))
            self._taken.add(curriculum)
            self._tell(f"{curriculum.replace('_', ' ')} completed, {channel}")

    async def _learn(self, curriculum: str) -> None:
        """In the MLMS, once there is a place."""
        place = f"{self._places['mlms']}/learners/{self._case}/{curriculum}"
        while True:
            answer = await self._call("GET", place, 200, 404)
            if answer.status_code == 200:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        for step in ("start", "complete"):
            await self._call("POST", f"{place}/{step}", 200)

    async def _visit(self, vendor: str, curriculum: str) -> None:
        """At a vendor, whose own address nobody comes in by; a ticket of the portal opens it (B14)."""
        site = f"{self._places['vendors']}/{vendor}"
        if not self._taken:
            await self._call("GET", f"{site}/", 403)
            self._tell(f"{vendor}'s own address refused")
        launched = await self._act("launches", 201, {"curriculum": curriculum, "channel": vendor})
        ticket = {"ticket": launched["ticket"]}
        for step in ("redeem", "complete"):
            await self._call("POST", f"{site}/{step}", 200, json=ticket)

    async def _agree(self, status: Document) -> None:
        """Opened, read, accepted: each agreement of a market whose training is complete (B16)."""
        for one in status["agreements"]:
            if one["accepted_at"] or not status["training"][one["market"]]:
                continue
            agreement = f"agreements/{one['agreement']}"
            if not one["opened_at"]:
                await self._act(f"{agreement}/accept", 409)
            opened = await self._act(f"{agreement}/open", 200)
            await self._act(f"{agreement}/accept", 200, {"sha256": opened["sha256"], "read_to_end": True})
            self._tell(f"{one['agreement'].replace('_', ' ')}: I Agree")

    async def _act(self, step: str, expected: int, body: Document | None = None) -> Document:
        """A step of the assister, through the portal."""
        answer = await self._call("POST", self._of_case(step), expected, json=body, headers=self._of_assister)
        told: Document = answer.json()
        return told

    acts: ClassVar[Mapping[str, Act]] = {
        "marketplace_profile": _fill_in_profile,
        "marketplace_training": _train,
        "marketplace_agreements": _agree,
    }
