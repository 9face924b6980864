"""Takes an invented assister through certification over HTTP, as people and third parties do; it shows nothing."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from httpx2 import AsyncClient, HTTPError, Response

Document = dict[str, Any]

PAUSE_SECONDS = 0.1
ENDS = frozenset({"active", "denied"})


class Unexpected(Exception):
    """Something did not come out as it should have; the message is a sentence."""


@dataclass(frozen=True)
class Story:
    """Whom it is about, what staff decide, the exam's scores in their order, and the stage it ends in."""

    request: Document
    decision: str
    reason: str
    scores: tuple[str, ...] = ()
    ends: str = "active"

    @property
    def name(self) -> str:
        return f"{self.request['first_name']} {self.request['last_name']}"


@dataclass(frozen=True)
class Outcome:
    """How a story came out."""

    story: Story
    status: Document
    seconds: float

    @property
    def number(self) -> str | None:
        """The certificate's, if one was issued."""
        certificate = self.status["certificate"]
        return str(certificate["number"]) if certificate else None


class Journey:
    """One assister's way, led by what the case waits for: a way that was begun before is taken up where it was left."""

    def __init__(self, story: Story, stack: Document, http: AsyncClient, tell: Callable[[str], None]) -> None:
        self._story = story
        self._web: str = stack["web"]
        self._places: Mapping[str, str] = {**stack["sandbox"], "mailbox": stack["mailbox"]}
        self._staff = {"Authorization": f"Bearer {stack['secrets']['staff_token']}"}
        self._http = http
        self._tell = tell
        self._case = ""
        self._seen: Document = {}

    async def run(self, seconds: float) -> Outcome:
        """Goes all the way. Raises `Unexpected` where it comes out otherwise, or takes longer than `seconds`."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                status = await self._go()
        except TimeoutError:
            where = f"in stage {self._seen['stage']}, waiting for {self._seen['waiting_for']}" if self._seen else "new"
            raise Unexpected(f"{self._story.name} was still {where} after {seconds:.0f} seconds") from None
        return Outcome(self._story, status, time.monotonic() - began)

    async def _go(self) -> Document:
        await self._submit()
        status = await self._status()
        while status["stage"] not in ENDS:
            act = _ACTS.get(status["waiting_for"])
            if act:
                await act(self, status)
            status = await self._change(status)
        await self._check(status)
        return status

    async def _submit(self) -> None:
        answer = await self._call("POST", f"{self._web}/api/requests", 200, 201, json=self._story.request)
        opened = answer.json()
        self._case = opened["case_id"]
        self._tell("request sent" if opened["created"] else "had asked before")

    async def _check(self, status: Document) -> None:
        """The end is the one the story has, its letter is sent, and the public page calls the certificate valid."""
        if (status["stage"], status["may_assist"]) != (self._story.ends, self._story.ends == "active"):
            raise Unexpected(f"{self._story.name} ended as {status['stage']} instead of {self._story.ends}")
        await self._last_letter()
        if certificate := status["certificate"]:
            page = f"{self._web}/certificates/{certificate['number']}"
            public = (await self._call("GET", page, 200, headers={"Accept": "application/json"})).json()
            if (public["status"], public["sha256"]) != ("valid", certificate["sha256"]):
                raise Unexpected(f"The public page calls {certificate['number']} {public['status']}")
            self._tell("may begin helping consumers")

    async def _last_letter(self) -> None:
        """Waits until the e-mail that ends the story is sent."""
        while True:
            history = (await self._status(history=True))["history"]
            if any(one["kind"] == f"notice.{self._story.ends}" for one in history):
                return
            await asyncio.sleep(PAUSE_SECONDS)

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

    # how it is done

    def _decision(self, decision: str | None = None) -> Document:
        return {"decision": decision or self._story.decision, "reason": self._story.reason}

    def _of_case(self, what: str) -> str:
        return f"{self._web}/api/cases/{self._case}/{what}"

    async def _status(self, history: bool = False) -> Document:
        url = f"{self._web}/api/cases/{self._case}?history={str(history).lower()}"
        self._seen = (await self._call("GET", url, 200, headers=self._staff)).json()
        return self._seen

    async def _change(self, before: Document) -> Document:
        """The status once the case has moved on; a bound on the whole way bounds this too."""
        while True:
            status = await self._status()
            if _place(status) != _place(before):
                return status
            await asyncio.sleep(PAUSE_SECONDS)

    async def _call(self, method: str, url: str, *expected: int, **options: Any) -> Response:
        try:
            answer = await self._http.request(method, url, **options)
        except HTTPError as error:
            raise Unexpected(f"{method} {url} was not answered ({type(error).__name__})") from None
        if answer.status_code not in expected:
            raise Unexpected(f"{method} {url} was answered with {answer.status_code}: {_said(answer)}")
        return answer


def _place(status: Document) -> tuple[object, ...]:
    return status["stage"], status["waiting_for"], len(status["exam"]["attempts"])


def _said(answer: Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, TypeError, KeyError):
        return answer.reason_phrase


# Whose move it is when the case waits for this; for the rest it is ours, and the demonstration waits too.
_ACTS: dict[str, Callable[[Journey, Document], Awaitable[None]]] = {
    "decision": Journey._decide,
    "lms_account": Journey._set_up_account,
    "lms_profile": Journey._complete_lms_profile,
    "course_completion": Journey._take_course,
    "exam_pass": Journey._sit_exam,
    "portal_registration": Journey._register,
    "portal_activation": Journey._activate,
    "portal_profile": Journey._complete_portal_profile,
    "scheduling_tool": Journey._set_up_scheduling,
}
