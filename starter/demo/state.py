"""The state program in the demonstration: what an invented assister, staff and third parties do, over HTTP."""

import asyncio
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import segno
from httpx2 import AsyncClient

from domain.shared.links import ACTIVATION_PATH
from starter.demo.browser import OwnBrowser
from starter.demo.license_rounds import find_working_day, run_round
from starter.demo.walkthrough import PAUSE_SECONDS, Document, Scenario, Step, Unexpected, Walkthrough, run_verb

END_STAGES = frozenset({"active", "denied"})
APPEALS_REVIEWER = "Demo Appeals Reviewer"


def make_evidence() -> bytes:
    """A picture to send as evidence: a PNG with a QR code."""
    picture = io.BytesIO()
    segno.make("Sample evidence: the license is renewed.").save(picture, kind="png", scale=4)
    return picture.getvalue()


@dataclass(frozen=True)
class CertificationScenario(Scenario):
    """What staff decide and why, and the scores of the exam in the order of its attempts.

    The grounds of an appeal against a denial, which is reversed; whether the licence lapses and comes back.
    """

    decision: str
    reason: str
    scores: tuple[str, ...] = ()
    appeal: str = field(default="", kw_only=True)
    lapses: bool = field(default=False, kw_only=True)


def _read_findings(status: Document) -> dict[str, str]:
    """The results by their checks."""
    return {one["check"]: one["result"] for one in status["eligibility"]["findings"]}


class CertificationWalkthrough(Walkthrough[CertificationScenario]):
    """The way from the request to active, or to the denial."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._is_lapse_due = False

    def _is_over(self, status: Document) -> bool:
        return status["stage"] in END_STAGES and self._find_step(status) is None

    def _find_step(self, status: Document) -> Step | None:
        if status["stage"] == "denied" and self._scenario.appeal:
            return CertificationWalkthrough._file_appeal
        if status["stage"] == "under_appeal":
            return CertificationWalkthrough._reverse_denial
        if status["stage"] == "active" and self._is_lapse_due:
            return CertificationWalkthrough._let_license_lapse
        return super()._find_step(status)

    def _measure_progress(self, status: Document) -> tuple[object, ...]:
        return status["stage"], status["waiting_for"], len(status["exam"]["attempts"]), _read_findings(status)

    def _count_notices(self, status: Document) -> Counter[str]:
        notices = Counter([f"notice.{status['stage']}"])
        appeal = ["notice.denied", "notice.appeal_filed", "notice.appeal_decided"]
        lapse = ["notice.authority_suspended", "notice.authority_restored"]
        return notices + Counter(appeal * bool(self._scenario.appeal)) + Counter(lapse * self._scenario.lapses)

    async def _submit_request(self, browser: AsyncClient) -> None:
        if self._scenario.appeal:
            # Whose the NPN is, is proven by the address: a reversal approves over what staff may override alone.
            await self._change_producer(contact_email=self._scenario.request["email"])
        await super()._submit_request(browser)
        history = (await self._read_status(history=True))["history"]
        self._is_lapse_due = self._scenario.lapses and all(one["kind"] != "authority_suspended" for one in history)

    async def _fill_in_form(self, browser: OwnBrowser) -> None:
        await browser.send_state_request(self._scenario.request)

    async def _decide_request(self, status: Document) -> None:
        checks = _read_findings(status)
        if "unknown" in checks.values():
            return  # a registry that was slow to answer is asked again, and the status changes
        failed = [check.replace("_", " ") for check, result in checks.items() if result != "pass"]
        self._note_step(f"screened: {', '.join(failed)} did not pass" if failed else "screened: every check passed")
        if failed:
            await self._give_command("decision", 409, self._build_decision("approve"), self._staff)
            self._note_step("approval refused without an override")
        await self._give_command("decision", 200, self._build_decision(), self._staff)
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

    async def _file_appeal(self, _: Document) -> None:
        assert self._browser is not None, "the request was sent by it"
        await self._browser.file_appeal(self._case, self._scenario.appeal, make_evidence())
        self._note_step("appeal filed on their own page, with a file")

    async def _reverse_denial(self, _: Document) -> None:
        """Decided by somebody else than who denied."""
        decided = ("--outcome", "reversed", "--reason", "The license was renewed in time.", "--as", APPEALS_REVIEWER)
        await run_verb(self._stack, "appeal", self._case, "decide", *decided)
        self._note_step("somebody else reversed the denial")

    async def _let_license_lapse(self, status: Document) -> None:
        """At the registry, of which the day's round over licences hears (E1, E2)."""
        self._is_lapse_due = False
        await self._change_licenses(active=False)
        await run_round(self._stack, find_working_day())
        suspended = await self._wait_for_change(status)
        page = f"{self._web}/certificates/{status['certificate']['number']}"
        public = (await self._call("GET", page, 200, headers={"Accept": "application/json"})).json()
        if suspended["may_assist"] or public["may_assist"]:
            raise Unexpected(f"{self._scenario.name} may assist though the license has lapsed")
        self._note_step("license lapsed at the registry: suspended, may not assist")

    async def _renew_license(self, _: Document) -> None:
        """The round of another day, since one asks about nobody twice a day (E3)."""
        await self._change_licenses(active=True)
        await run_round(self._stack, find_working_day(later=1))
        self._note_step("license back at the registry: restored")

    async def _change_licenses(self, active: bool) -> None:
        producer = await self._find_producer()
        await self._change_producer(licenses=[{**one, "active": active} for one in producer["licenses"]])

    async def _change_producer(self, **changes: object) -> None:
        producer = await self._find_producer()
        await self._call("POST", f"{self._stand_ins['registry']}/producers", 201, json={**producer, **changes})

    async def _find_producer(self) -> Document:
        """The assister as the licence registry has them."""
        producers: list[Document] = (await self._call("GET", f"{self._stand_ins['registry']}/producers", 200)).json()
        return next(one for one in producers if one["npn"] == self._scenario.request["npn"])

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
        "restoration": _renew_license,
    }
