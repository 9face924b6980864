"""Takes one invented assister through a program over the real interfaces, led by what the case waits for."""

import asyncio
import json
import re
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

from httpx2 import AsyncClient, HTTPError, Response

from starter.demo.browser import OwnBrowser

Document = dict[str, Any]
Step = Callable[[Any, Document], Awaitable[None]]

ROOT = Path(__file__).resolve().parent.parent.parent
PAUSE_SECONDS = 0.1
KEPT = 202


class Unexpected(Exception):
    """Something did not come out as it should have; the message is a sentence."""


@dataclass(frozen=True)
class Scenario:
    """An invented assister, by their request, and the stages of which one is the end that is expected."""

    request: Document
    ends: tuple[str, ...] = field(default=("active",), kw_only=True)

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.request['first_name']} {self.request['last_name']}"


@dataclass(frozen=True)
class ScenarioResult:
    """How it came out: the status document at the end with its history, and how long it took."""

    scenario: Scenario
    status: Document
    seconds: float

    @property
    def certificates(self) -> list[Document]:
        """Those issued; in the federal program one for each market, in the order of the markets."""
        return list_certificates(self.status)


def list_certificates(status: Document) -> list[Document]:
    """The certificates in the status document of either program."""
    one = status["certificate"]
    issued: list[Document] = status.get("certificates") or ([one] if one else [])
    return sorted(issued, key=lambda certificate: str(certificate.get("market")))


# A letter's line that is a one-time code.
_CODE = re.compile(r"^(\d{6})\r?$", re.MULTILINE)

ScenarioT = TypeVar("ScenarioT", bound=Scenario)


class Walkthrough(ABC, Generic[ScenarioT]):
    """One assister's way through one of the programs; a case that was opened before goes on where it was left."""

    # What assisters, staff and third parties do when the case waits for this; for the rest the demonstration waits too.
    steps: ClassVar[Mapping[str, Step]]

    def __init__(
        self, scenario: ScenarioT, stack: Document, http: AsyncClient, note_step: Callable[[str], None]
    ) -> None:
        self._scenario = scenario
        self._stack = stack
        self._web: str = stack["web"]
        self._stand_ins: Mapping[str, str] = {**stack["sandbox"], "mailbox": stack["mailbox"]}
        self._staff = {"Authorization": f"Bearer {stack['secrets']['staff_token']}"}
        self._http = http
        self._note_step = note_step
        self._case = ""
        self._browser: OwnBrowser | None = None
        self._last_status: Document = {}

    @abstractmethod
    def _is_over(self, status: Document) -> bool:
        """Whether nobody has anything left to do."""

    @abstractmethod
    def _measure_progress(self, status: Document) -> tuple[object, ...]:
        """How far the case is: it has moved on when this changes."""

    @abstractmethod
    def _count_notices(self, status: Document) -> Counter[str]:
        """The e-mails that have to be sent by the end, by their kinds in the history."""

    async def run(self, seconds: float) -> ScenarioResult:
        """Goes all the way. Raises `Unexpected` where it comes out otherwise, or takes longer than `seconds`."""
        began = time.monotonic()
        try:
            # The assister's own browser stays open: what they do later on their pages needs no second code.
            async with (
                asyncio.timeout(seconds),
                AsyncClient(timeout=self._http.timeout, trust_env=False) as browser,
            ):
                status = await self._go_to_the_end(browser)
        except TimeoutError:
            last = self._last_status
            where = f"in stage {last['stage']}, waiting for {last['waiting_for']}" if last else "new"
            raise Unexpected(f"{self._scenario.name} was still {where} after {seconds:.0f} seconds") from None
        return ScenarioResult(self._scenario, status, time.monotonic() - began)

    async def _go_to_the_end(self, browser: AsyncClient) -> Document:
        await self._submit_request(browser)
        status = await self._read_status()
        while not self._is_over(status):
            if step := self._find_step(status):
                await step(self, status)
            status = await self._wait_for_change(status)
        await self._check_end(status)
        return await self._read_status(history=True)

    def _find_step(self, status: Document) -> Step | None:
        """What is done now; None where the demonstration waits as well."""
        return self.steps.get(status["waiting_for"])

    @abstractmethod
    async def _fill_in_form(self, browser: OwnBrowser) -> None:
        """Sends the program's form, and the code that comes to its address."""

    async def _submit_request(self, browser: AsyncClient) -> None:
        """By the form, in a browser of the assister's own, which is signed in to their own pages by the code."""
        email = self._scenario.request["email"]
        known = {one["case_id"] for one in await self._list_cases()}
        before = len(await self._read_codes(email))
        own = OwnBrowser(self._web, partial(self._call, http=browser), partial(self._wait_for_code, email, before))
        await self._fill_in_form(own)
        self._note_step("address confirmed by a code")
        self._case = await own.find_own_case()
        await self._use_own_pages(own)
        self._browser = own
        self._note_step("had asked before" if self._case in known else "request sent")

    async def _use_own_pages(self, browser: OwnBrowser) -> None:
        """What the assister does on their own pages right after signing in: nothing, where the program asks nothing."""

    async def _list_cases(self) -> list[Document]:
        found: list[Document] = (await self._call("GET", f"{self._web}/api/cases", 200, headers=self._staff)).json()
        return found

    async def _wait_for_code(self, email: str, before: int) -> str:
        while True:
            codes = await self._read_codes(email)
            if len(codes) > before:
                return codes[-1]
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read_codes(self, email: str) -> list[str]:
        """The one-time codes that were sent to an address, in the order of their letters."""
        letters = (await self._call("GET", f"{self._stand_ins['mailbox']}/messages", 200, params={"to": email})).json()
        return [code for letter in letters for code in _CODE.findall(letter["text"])]

    async def _check_end(self, status: Document) -> None:
        """The end is the expected one, its notices are sent, and the public page calls each certificate valid."""
        name, wanted = self._scenario.name, self._scenario.ends
        if status["stage"] not in wanted or not status["may_assist"]:
            raise Unexpected(f"{name} ended as {status['stage']} instead of {' or '.join(wanted)}")
        await self._wait_for_notices(status)
        for certificate in list_certificates(status):
            page = f"{self._web}/certificates/{certificate['number']}"
            public = (await self._call("GET", page, 200, headers={"Accept": "application/json"})).json()
            if (public["status"], public["sha256"]) != ("valid", certificate["sha256"]):
                raise Unexpected(f"The public page calls {certificate['number']} {public['status']}")
        self._note_step("may begin helping consumers")

    async def _wait_for_notices(self, status: Document) -> None:
        while True:
            history = (await self._read_status(history=True))["history"]
            if self._count_notices(status) <= Counter(one["kind"] for one in history):
                return
            await asyncio.sleep(PAUSE_SECONDS)

    # calls

    def _build_case_url(self, path: str) -> str:
        return f"{self._web}/api/cases/{self._case}/{path}"

    async def _read_status(self, history: bool = False) -> Document:
        url = f"{self._web}/api/cases/{self._case}?history={str(history).lower()}"
        self._last_status = (await self._call("GET", url, 200, headers=self._staff)).json()
        return self._last_status

    async def _wait_for_change(self, before: Document) -> Document:
        """The status once the case has moved on; the time given for the whole way bounds this too."""
        while True:
            status = await self._read_status()
            if self._measure_progress(status) != self._measure_progress(before):
                return status
            await asyncio.sleep(PAUSE_SECONDS)

    async def _call(
        self, method: str, url: str, *expected: int, http: AsyncClient | None = None, **options: Any
    ) -> Response:
        """The answer of one of the statuses expected. Raises `Unexpected` for any other, or for none."""
        try:
            answer = await (http or self._http).request(method, url, **options)
        except HTTPError as error:
            raise Unexpected(f"{method} {url} was not answered ({type(error).__name__})") from None
        if answer.status_code not in expected:
            raise Unexpected(f"{method} {url} was answered with {answer.status_code}: {_read_detail(answer)}")
        return answer

    async def _give_command(self, step: str, expected: int, given: object, headers: Mapping[str, str]) -> Response:
        """A command's answer: one that is kept, since its workflow took long, is sent again under its id."""
        once = {**headers, "Idempotency-Key": uuid4().hex}
        while True:
            answer = await self._call("POST", self._build_case_url(step), expected, KEPT, json=given, headers=once)
            if answer.status_code == expected:
                return answer
            await asyncio.sleep(PAUSE_SECONDS)


def _read_detail(answer: Response) -> str:
    """The sentence of a problem document."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, TypeError, KeyError):
        return answer.reason_phrase


async def run_verb(stack: Document, *arguments: str, given: object = None) -> Any:
    """Runs a verb of `certify` on a stack, as an operator does; returns the document it answers with."""
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
