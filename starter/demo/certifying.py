"""How an invented assister is certified by the state program in the demonstration: each one's steps, over HTTP."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from starter.demo.journey import PAUSE_SECONDS, Act, Document, Journey, Story

ENDS = frozenset({"active", "denied"})


@dataclass(frozen=True)
class CertificationStory(Story):
    """What staff decide, and the exam's scores in their order."""

    decision: str
    reason: str
    scores: tuple[str, ...] = ()


class Certification(Journey[CertificationStory]):
    """The state program's way."""

    def _is_over(self, status: Document) -> bool:
        return status["stage"] in ENDS

    def _place(self, status: Document) -> tuple[object, ...]:
        return status["stage"], status["waiting_for"], len(status["exam"]["attempts"])

    def _letters(self, status: Document) -> Counter[str]:
        return Counter([f"notice.{status['stage']}"])

    # what people and third parties do

    async def _decide(self, status: Document) -> None:
        checks = {one["check"]: one["result"] for one in status["eligibility"]["findings"]}
        failed = [check.replace("_", " ") for check, result in checks.items() if result != "pass"]
        self._tell(f"screened: {', '.join(failed)} did not pass" if failed else "screened: every check passed")
        if failed:
            await self._call(
                "POST", self._of_case("decision"), 409, json=self._decision("approve"), headers=self._staff
            )
            self._tell("approval refused without an override")
        await self._call("POST", self._of_case("decision"), 200, json=self._decision(), headers=self._staff)
        self._tell("staff approved" if self._story.decision == "approve" else "staff denied")

    async def _set_up_account(self, _: Document) -> None:
        await self._learn("account")
        self._tell("LMS account set up")

    async def _complete_lms_profile(self, _: Document) -> None:
        await self._learn("profile")
        self._tell("LMS profile complete")

    async def _take_course(self, _: Document) -> None:
        await self._learn("course/start")
        await self._learn("course/complete")
        self._tell("course completed")

    async def _sit_exam(self, status: Document) -> None:
        taken = len(status["exam"]["attempts"])
        score = self._story.scores[min(taken, len(self._story.scores) - 1)]
        await self._learn("exam", {"score": score})
        attempts = (await self._change(status))["exam"]["attempts"]
        self._tell(f"exam {score}: {'passed' if attempts[taken]['passed'] else 'failed'}")

    async def _register(self, status: Document) -> None:
        await self._ask_portal(status, 201)
        self._tell("registered on the Broker Portal")

    async def _activate(self, status: Document) -> None:
        """A counselor who tries to register alone is refused; the e-mailed link is the way (A27, A28)."""
        await self._ask_portal(status, 403)
        self._tell("own registration refused by the portal")
        link = await self._activation_link()
        await self._call("GET", link, 200)
        await self._call("POST", link, 200, 303)
        self._tell("portal account activated by the link")

    async def _complete_portal_profile(self, _: Document) -> None:
        await self._call("POST", f"{self._places['portal']}/accounts/{self._case}/profile", 200)
        self._tell("portal profile complete")

    async def _set_up_scheduling(self, _: Document) -> None:
        await self._call("POST", f"{self._places['portal']}/accounts/{self._case}/scheduling-tool", 200)
        self._tell("Scheduling Tool ready")

    async def _learn(self, step: str, body: Document | None = None) -> None:
        await self._call("POST", f"{self._places['lms']}/learners/{self._case}/{step}", 200, json=body)

    async def _ask_portal(self, status: Document, expected: int) -> None:
        self._tell(f"certificate {status['certificate']['number']}")
        body = {"email": self._story.request["email"], "certificate_number": status["certificate"]["number"]}
        await self._call("POST", f"{self._places['portal']}/register", expected, json=body)

    async def _activation_link(self) -> str:
        """The newest link in the mailbox."""
        pattern = re.compile(re.escape(f"{self._web}/activate/") + r"[\w-]+")
        while True:
            address = self._story.request["email"]
            messages = (await self._call("GET", f"{self._places['mailbox']}/messages?to={address}", 200)).json()
            links = [link for message in messages for link in pattern.findall(message["text"] or "")]
            if links:
                return str(links[-1])
            await asyncio.sleep(PAUSE_SECONDS)

    def _decision(self, decision: str | None = None) -> Document:
        return {"decision": decision or self._story.decision, "reason": self._story.reason}

    acts: ClassVar[Mapping[str, Act]] = {
        "decision": _decide,
        "lms_account": _set_up_account,
        "lms_profile": _complete_lms_profile,
        "course_completion": _take_course,
        "exam_pass": _sit_exam,
        "portal_registration": _register,
        "portal_activation": _activate,
        "portal_profile": _complete_portal_profile,
        "scheduling_tool": _set_up_scheduling,
    }
