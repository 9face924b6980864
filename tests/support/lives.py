"""People who do, over the real interfaces, whatever their case waits for; they know how far they want to go."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.patience import PATIENCE
from tests.support.world import World

Document = dict[str, Any]


@dataclass
class Life:
    """One assister with one case: what was asked for, what the case is, and what third parties said about it."""

    world: World
    request: Document
    opened: Document = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def case_id(self) -> str:
        return str(self.opened["case_id"])

    async def begin(self) -> "Life":
        if not self.opened:
            self.opened = await self.world.opened(self.request)
        return self

    async def until(self, wanted: str, seconds: float = PATIENCE) -> Document:
        """Does what the case waits for, once each, until it waits for ``wanted``."""
        await self.begin()
        done: set[str] = set()

        async def go_on() -> Document:
            status = await self.world.status(self.opened)
            waiting_for = str(status["waiting_for"])
            if waiting_for not in (wanted, *done) and await self.act(waiting_for):
                done.add(waiting_for)
            return status

        async with asyncio.timeout(seconds):
            return await self.world.changes.poll(go_on, lambda status: status["waiting_for"] == wanted)

    async def act(self, waiting_for: str) -> bool:
        """Does what the case waits for, if it is somebody's to do; whether it was done."""
        if waiting_for == "decision":
            return (await self.world.decide(self.opened, override="seen on paper")).status_code in (200, 202)
        learning = {
            "lms_account": ["account"],
            "lms_profile": ["profile"],
            "course_completion": ["course/start", "course/complete"],
        }
        for step in learning.get(waiting_for, ()):
            await self.learn(step)
        if waiting_for == "exam_pass":
            await self.learn("exam", score="0.79")
            await self.learn("exam", score="0.8")
        elif waiting_for == "portal_registration":
            return await self._register()
        elif waiting_for == "portal_activation":
            return await self._activate()
        elif waiting_for in ("portal_profile", "scheduling_tool"):
            step = {"portal_profile": "profile"}.get(waiting_for, "scheduling-tool")
            await self._post("portal", f"accounts/{self.case_id}/{step}")
        return waiting_for in learning or waiting_for in ("exam_pass", "portal_profile", "scheduling_tool")

    async def learn(self, step: str, **body: str) -> None:
        """A step at the LMS, which reports it by a signed webhook."""
        answer = await self._post("lms", f"learners/{self.case_id}/{step}", **body)
        self.told += [f"lms:{one}" for one in answer["statement_ids"]]

    async def _register(self) -> bool:
        certificate = (await self.world.status(self.opened))["certificate"]
        body = {"email": self.request["email"], "certificate_number": certificate["number"]}
        await self._post("portal", "register", **body)
        return True

    async def _activate(self) -> bool:
        letters = await self.world.letters(self.request["email"])
        links = [found[0] for one in letters if (found := re.search(r"/activate/[\w-]+", one["text"]))]
        if not links:
            return False
        return (await self.world.http.post(self.world.web + links[-1], timeout=PATIENCE)).status_code == 200

    async def _post(self, stand_in: str, path: str, **body: str) -> Document:
        answer = await self.world.http.post(f"{self.world.stack['sandbox'][stand_in]}/{path}", json=body)
        assert answer.is_success, answer.text
        found: Document = answer.json()
        return found
