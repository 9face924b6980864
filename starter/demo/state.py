"""The state program in the demonstration: what an invented assister, staff and third parties do, over HTTP."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from domain.shared.links import ACTIVATION_PATH
from starter.demo.browser import OwnBrowser
from starter.demo.walkthrough import PAUSE_SECONDS, Document, Scenario, Step, Walkthrough

END_STAGES = frozenset({"active", "denied"})


@dataclass(frozen=True)
class CertificationScenario(Scenario):
    """What staff decide and why, and the scores of the exam in the order of its attempts."""

    decision: str
    reason: str
    scores: tuple[str, ...] = ()


class CertificationWalkthrough(Walkthrough[CertificationScenario]):
    """The way from the request to active, or to the denial."""

    def _is_over(self, status: Document) -> bool:
        return status["stage"] in END_STAGES

    def _measure_progress(self, status: Document) -> tuple[object, ...]:
        return status["stage"], status["waiting_for"], len(status["exam"]["attempts"])

    def _count_notices(self, status: Document) -> Counter[str]:
        return Counter([f"notice.{status['stage']}"])

    async def _fill_in_form(self, browser: OwnBrowser) -> None:
        await browser.send_state_request(self._scenario.request)

    async def _decide_request(self, status: Document) -> None:
        checks = {one["check"]: one["result"] for one in status["eligibility"]["findings"]}
        failed = [check.replace("_", " ") for check, result in checks.items() if result != "pass"]
        self._note_step(f"screened: {', '.join(failed)} did not pass" if failed else "screened: every check passed")
        if failed:
            await self._call(
                "POST", self._build_case_url("decision"), 409, json=self._build_decision("approve"), headers=self._staff
            )
            self._note_step("approval refused without an override")
        await self._call(
            "POST", self._build_case_url("decision"), 200, json=self._build_decision(), headers=self._staff
        )
        self._note_step("staff approved" if self._scenario.decision == "approve" else "staff denied")

    async def _set_up_account(self, _: Document) -> None:
        await self._report_to_lms("account")
        self._note_step("LMS account set up")

    async def _complete_lms_profile(self, _: Document) -> None:
        await self._report_to_lms("profile")
        self._note_step("LMS profile complete")

    async def _take_course(self, _: Document) -> None:
        await self._report_to_lms("course/start")
        await self._report_to_lms("course/complete")
        self._note_step("course completed")

    async def _sit_exam(self, status: Document) -> None:
        taken = len(status["exam"]["attempts"])
        score = self._scenario.scores[min(taken, len(self._scenario.scores) - 1)]
        await self._report_to_lms("exam", {"score": score})
        attempts = (await self._wait_for_change(status))["exam"]["attempts"]
        self._note_step(f"exam {score}: {'passed' if attempts[taken]['passed'] else 'failed'}")

    async def _register_as_broker(self, status: Document) -> None:
        await self._register_at_portal(status, 201)
        self._note_step("registered on the Broker Portal")

    async def _activate_account(self, status: Document) -> None:
        """A counselor who tries to register alone is refused; the e-mailed link is the way (A27, A28)."""
        await self._register_at_portal(status, 403)
        self._note_step("own registration refused by the portal")
        link = await self._find_activation_link()
        await self._call("GET", link, 200)
        await self._call("POST", link, 200, 303)
        self._note_step("portal account activated by the link")

    async def _complete_portal_profile(self, _: Document) -> None:
        await self._call("POST", f"{self._stand_ins['portal']}/accounts/{self._case}/profile", 200)
        self._note_step("portal profile complete")

    async def _set_up_scheduling(self, _: Document) -> None:
        await self._call("POST", f"{self._stand_ins['portal']}/accounts/{self._case}/scheduling-tool", 200)
        self._note_step("Scheduling Tool ready")

    async def _report_to_lms(self, step: str, body: Document | None = None) -> None:
        await self._call("POST", f"{self._stand_ins['lms']}/learners/{self._case}/{step}", 200, json=body)

    async def _register_at_portal(self, status: Document, expected: int) -> None:
        self._note_step(f"certificate {status['certificate']['number']}")
        body = {"email": self._scenario.request["email"], "certificate_number": status["certificate"]["number"]}
        await self._call("POST", f"{self._stand_ins['portal']}/register", expected, json=body)

    async def _find_activation_link(self) -> str:
        """The newest activation link among the e-mails to the assister."""
        pattern = re.compile(re.escape(f"{self._web}{ACTIVATION_PATH.format(token='')}") + r"[\w-]+")
        while True:
            address = self._scenario.request["email"]
            messages = (await self._call("GET", f"{self._stand_ins['mailbox']}/messages?to={address}", 200)).json()
            links = [link for message in messages for link in pattern.findall(message["text"] or "")]
            if links:
                return str(links[-1])
            await asyncio.sleep(PAUSE_SECONDS)

    def _build_decision(self, decision: str | None = None) -> Document:
        return {"decision": decision or self._scenario.decision, "reason": self._scenario.reason}

    steps: ClassVar[Mapping[str, Step]] = {
        "decision": _decide_request,
        "lms_account": _set_up_account,
        "lms_profile": _complete_lms_profile,
        "course_completion": _take_course,
        "exam_pass": _sit_exam,
        "portal_registration": _register_as_broker,
        "portal_activation": _activate_account,
        "portal_profile": _complete_portal_profile,
        "scheduling_tool": _set_up_scheduling,
    }
