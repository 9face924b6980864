"""The federal program in the demonstration: what an invented agent or broker and third parties do, over HTTP."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from httpx2 import AsyncClient

from starter.demo.browser import OwnBrowser
from starter.demo.walkthrough import PAUSE_SECONDS, Document, Scenario, Step, Walkthrough, run_verb

MLMS = "mlms"
WAITS_AT_THE_END = frozenset({"publication", "next_plan_year"})


@dataclass(frozen=True)
class RegistrationScenario(Scenario):
    """Their profile, the courses they take and where, the name of their firm, and their earlier years."""

    profile: Document
    courses: tuple[tuple[str, str], ...]
    firm: str = ""
    years: tuple[Document, ...] = ()
    ends: tuple[str, ...] = field(default=("certified", "active"), kw_only=True)


class RegistrationWalkthrough(Walkthrough[RegistrationScenario]):
    """The way from the request to a certificate for each market."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._of_assister = {"Authorization": f"Bearer {self._stack['secrets']['portal']}"}
        self._taken: set[str] = set()

    def _is_over(self, status: Document) -> bool:
        return status["waiting_for"] in WAITS_AT_THE_END or status["waiting_for"] is None

    def _measure_progress(self, status: Document) -> tuple[object, ...]:
        accepted = [one["accepted_at"] for one in status["agreements"]]
        trained = [one["completed_at"] for one in status["enrollments"]]
        return status["stage"], status["waiting_for"], accepted, trained

    def _count_notices(self, status: Document) -> Counter[str]:
        notices = Counter({"notice.marketplace_welcome": 1, "notice.marketplace_certificate": len(status["markets"])})
        is_in_mlms = any(channel == MLMS for _, channel in self._scenario.courses)
        return notices + Counter(["notice.marketplace_enrolled"] * is_in_mlms)

    async def _fill_in_form(self, browser: OwnBrowser) -> None:
        await browser.send_federal_request(self._scenario.request)

    async def _use_own_pages(self, browser: OwnBrowser) -> None:
        self._of_assister["Portal-Pass"] = await browser.make_portal_pass(self._case)
        self._note_step("portal given a pass for an hour")

    async def _submit_request(self, browser: AsyncClient) -> None:
        await self._prepare_third_parties()
        await super()._submit_request(browser)

    async def _prepare_third_parties(self) -> None:
        """Enters person and firm into the licence registry; an operator loads the earlier years."""
        request = self._scenario.request
        person = {"npn": request["npn"], "entity": "individual"}
        known = {"contact_email": request["email"], **{name: request[name] for name in ("first_name", "last_name")}}
        producers = [person | known]
        if self._scenario.firm:
            producers.append(
                {"npn": self._scenario.profile["business_npn"], "entity": "firm", "company": self._scenario.firm}
            )
        for producer in producers:
            await self._call("POST", f"{self._stand_ins['registry']}/producers", 201, json=producer)
        if self._scenario.years:
            names = ("npn", "email", "first_name", "last_name", "language")
            person = {"kind": "agent", **{name: request[name] for name in names}}
            given = [{"person": person, "program": "ffm", "years": list(self._scenario.years)}]
            await run_verb(self._stack, "import", "-", given=given)
            self._note_step("last year imported")

    async def _fill_in_profile(self, status: Document) -> None:
        """Save/Update, then Next; a firm's NPN is its own (B7, B10)."""
        if not status["profile"]["version"]:
            await self._post_step("profile/next", 409)
            self._note_step("Next refused before Save/Update")
            if "business_npn" in self._scenario.profile:
                copied = {**self._scenario.profile, "business_npn": self._scenario.request["npn"]}
                await self._post_step("profile", 422, copied)
                self._note_step("copied NPN refused")
        await self._post_step("profile", 200, self._scenario.profile)
        await self._post_step("profile/next", 200)
        self._note_step("profile saved, NPN confirmed")

    async def _take_courses(self, status: Document) -> None:
        enrolled = {(one["curriculum"], one["channel"]) for one in status["enrollments"]}
        done = {one["curriculum"] for one in status["enrollments"] if one["completed_at"]}
        for curriculum, channel in self._scenario.courses:
            if curriculum in done | self._taken:
                continue
            if (curriculum, channel) not in enrolled:
                await self._post_step("enrollments", 201, {"curriculum": curriculum, "channel": channel})
            await (self._learn_in_mlms(curriculum) if channel == MLMS else self._learn_at_vendor(channel, curriculum))
            self._taken.add(curriculum)
            self._note_step(f"{curriculum.replace('_', ' ')} completed, {channel}")

    async def _learn_in_mlms(self, curriculum: str) -> None:
        """Takes a course in the MLMS, as soon as it has a place there."""
        place = f"{self._stand_ins['mlms']}/learners/{self._case}/{curriculum}"
        while True:
            answer = await self._call("GET", place, 200, 404)
            if answer.status_code == 200:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        for step in ("start", "complete"):
            await self._call("POST", f"{place}/{step}", 200)

    async def _learn_at_vendor(self, vendor: str, curriculum: str) -> None:
        """Takes a course at a vendor: its own address lets nobody in, a ticket of the portal does (B14)."""
        site = f"{self._stand_ins['vendors']}/{vendor}"
        if not self._taken:
            await self._call("GET", f"{site}/", 403)
            self._note_step(f"{vendor}'s own address refused")
        launched = await self._post_step("launches", 201, {"curriculum": curriculum, "channel": vendor})
        ticket = {"ticket": launched["ticket"]}
        for step in ("redeem", "complete"):
            await self._call("POST", f"{site}/{step}", 200, json=ticket)

    async def _accept_agreements(self, status: Document) -> None:
        """Opens, reads and accepts each agreement of a market whose training is complete (B16)."""
        for one in status["agreements"]:
            if one["accepted_at"] or not status["training"][one["market"]]:
                continue
            agreement = f"agreements/{one['agreement']}"
            if not one["opened_at"]:
                await self._post_step(f"{agreement}/accept", 409)
            opened = await self._post_step(f"{agreement}/open", 200)
            await self._post_step(f"{agreement}/accept", 200, {"sha256": opened["sha256"], "read_to_end": True})
            self._note_step(f"{one['agreement'].replace('_', ' ')}: I Agree")

    async def _post_step(self, step: str, expected: int, body: Document | None = None) -> Document:
        """Posts a step of the assister: by the portal for them, or for an agreement by staff on their behalf (D6)."""
        headers = self._staff if step.startswith("agreements/") else self._of_assister
        word = {"method": "in_person", "reason": "demonstration"} if headers == self._staff else {}
        given = {**word, **(body or {})}
        answer = await self._give_command(step, expected, given, headers)
        document: Document = answer.json()
        return document

    steps: ClassVar[Mapping[str, Step]] = {
        "marketplace_profile": _fill_in_profile,
        "marketplace_training": _take_courses,
        "marketplace_agreements": _accept_agreements,
    }
