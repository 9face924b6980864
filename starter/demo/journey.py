"""An invented assister's way over the real interfaces, led by what the case waits for; it shows nothing."""

import asyncio
import json
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from httpx2 import AsyncClient, HTTPError, Response

Document = dict[str, Any]
Act = Callable[[Any, Document], Awaitable[None]]

ROOT = Path(__file__).resolve().parent.parent.parent
PAUSE_SECONDS = 0.1


class Unexpected(Exception):
    """Something did not come out as it should have; the message is a sentence."""


@dataclass(frozen=True)
class Story:
    """Whom it is about, by their request, and the stage it ends in: one of these."""

    request: Document
    ends: tuple[str, ...] = field(default=("active",), kw_only=True)

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
    def certificates(self) -> list[Document]:
        """Those issued; in the federal program one for each market, in the order of the markets."""
        return certificates_of(self.status)


def certificates_of(status: Document) -> list[Document]:
    """The certificates of either program's status."""
    one = status["certificate"]
    issued: list[Document] = status.get("certificates") or ([one] if one else [])
    return sorted(issued, key=lambda certificate: str(certificate.get("market")))


StoryT = TypeVar("StoryT", bound=Story)


class Journey(ABC, Generic[StoryT]):
    """One assister's way in one of the programs: one that was begun before is taken up where it was left."""

    # Whose move it is when the case waits for this; for the rest it is ours, and the demonstration waits too.
    acts: ClassVar[Mapping[str, Act]]

    def __init__(self, story: StoryT, stack: Document, http: AsyncClient, tell: Callable[[str], None]) -> None:
        self._story = story
        self._stack = stack
        self._web: str = stack["web"]
        self._places: Mapping[str, str] = {**stack["sandbox"], "mailbox": stack["mailbox"]}
        self._staff = {"Authorization": f"Bearer {stack['secrets']['staff_token']}"}
        self._http = http
        self._tell = tell
        self._case = ""
        self._seen: Document = {}

    @abstractmethod
    def _is_over(self, status: Document) -> bool:
        """Whether nobody has anything left to do."""

    @abstractmethod
    def _place(self, status: Document) -> tuple[object, ...]:
        """How far the case is: another place is a step."""

    @abstractmethod
    def _letters(self, status: Document) -> Counter[str]:
        """The e-mails that are sent until the story ends, by their kinds in the history."""

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
        while not self._is_over(status):
            act = self.acts.get(status["waiting_for"])
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
        """The end is the one the story has, its letters are sent, and the public page calls each certificate valid."""
        wanted = self._story.ends
        if status["stage"] not in wanted or status["may_assist"] == ("denied" in wanted):
            raise Unexpected(f"{self._story.name} ended as {status['stage']} instead of {' or '.join(wanted)}")
        await self._last_letters(status)
        for certificate in certificates_of(status):
            page = f"{self._web}/certificates/{certificate['number']}"
            public = (await self._call("GET", page, 200, headers={"Accept": "application/json"})).json()
            if (public["status"], public["sha256"]) != ("valid", certificate["sha256"]):
                raise Unexpected(f"The public page calls {certificate['number']} {public['status']}")
        if status["may_assist"]:
            self._tell("may begin helping consumers")

    async def _last_letters(self, status: Document) -> None:
        """Waits until the e-mails that end the story are sent."""
        while True:
            history = (await self._status(history=True))["history"]
            if self._letters(status) <= Counter(one["kind"] for one in history):
                return
            await asyncio.sleep(PAUSE_SECONDS)

    # how it is done

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
            if self._place(status) != self._place(before):
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


def _said(answer: Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, TypeError, KeyError):
        return answer.reason_phrase


async def certify(stack: Document, *arguments: str, given: object = None) -> Any:
    """Runs a verb of `certify` on a stack, as an operator does, and returns its document."""
    command = (sys.executable, "-m", "starter.cli.certify", *arguments, "--json", "--data", stack["data"])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        out, err = await process.communicate(json.dumps(given).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Unexpected(f"certify {arguments[0]} was refused: {err.decode().strip().rstrip('.')}")
    return json.loads(out)
