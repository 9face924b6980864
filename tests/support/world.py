"""Drives a running stack from outside, as staff, assisters, the LMS and the portal do; nothing of ours is imported."""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from standardwebhooks.webhooks import Webhook

from tests.support import documents, idle
from tests.support.findings import is_everything_known
from tests.support.kept import Changes
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of

Document = dict[str, Any]
# A letter with a one-time code, and the code in it.
CODE = re.compile(r"^(\d{6})\r?$", re.MULTILINE)
FORM = {"Accept": "text/html"}


def fields(answer: httpx2.Response) -> list[str]:
    """The fields a problem document names."""
    return [fault["field"] for fault in answer.json().get("errors", [])]


class World:
    """A stack by its stack.json document."""

    def __init__(self, stack: Document, client: httpx2.AsyncClient) -> None:
        self.stack = stack
        self.http = client
        self.web: str = stack["web"]
        self.staff = {"Authorization": f"Bearer {stack['secrets']['staff_token']}"}
        self.intake = {"Authorization": f"Bearer {stack['secrets']['intake_token']}"}
        self._policies: dict[int, Document] = {}
        self._codes_read: Counter[str] = Counter()
        self.changes = Changes(Path(stack["data"]) / "app.sqlite")

    # reading

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.http.get(self.web + path, headers=self.staff, **options)

    async def status(self, opened: Document) -> Document:
        answer = await self.get(f"/api/cases/{opened['case_id']}")
        assert answer.status_code == 200, answer.text
        found: Document = answer.json()
        return found

    async def policy(self, plan_year: int = 2024) -> Document:
        if plan_year not in self._policies:
            self._policies[plan_year] = (await self.get(f"/api/policies/bewellnm/{plan_year}")).json()
        return self._policies[plan_year]

    async def later_year(self) -> int:
        """A plan year after 2024 whose window is open today."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        for year in range(2025, 2040):
            windows = (await self.get(f"/api/policies/bewellnm/{year}")).json().get("windows")
            if windows and windows["opens_on"] <= today <= windows["closes_on"]:
                return year
        raise AssertionError("no later plan year is open: a policy is due")

    async def until(
        self, opened: Document, wanted: str | Callable[[Document], Any], seconds: float = PATIENCE
    ) -> Document:
        """Waits until the case is in a stage, or until ``wanted`` holds for its status."""
        holds = (lambda status: status["stage"] == wanted) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(seconds):
            return await self.changes.poll(lambda: self.status(opened), holds)

    async def wait_until_idle(self, *cases: Document) -> None:
        """Waits until all that follows from what was done so far is done: what hasn't happened by then doesn't."""
        for opened in cases:
            await idle.wait_until_idle(self.stack, opened)

    async def wait_for_retry(self, opened: Document) -> timedelta:
        """Waits until something the case needs has failed; how long after that it is tried again."""
        return await idle.wait_for_retry(await client_of(self.stack), opened["workflow_id"])

    async def retry_at_once(self, opened: Document) -> None:
        """Has what failed tried again now."""
        await idle.retry_at_once(await client_of(self.stack), opened["workflow_id"])

    async def audit(self, opened: Document) -> list[Document]:
        found: list[Document] = (await self.get(f"/api/cases/{opened['case_id']}/audit")).json()
        return found

    async def history(self, opened: Document) -> list[str]:
        """The kinds of everything that happened to a case, in order."""
        document = (await self.get(f"/api/cases/{opened['case_id']}?history=true")).json()
        return [entry["kind"] for entry in document["history"]]

    async def letters(self, email: str) -> list[Document]:
        """The letters to an address, but for those with a one-time code."""
        return [letter for letter in await self._mails(email) if not CODE.search(letter["text"])]

    async def codes(self, email: str) -> list[str]:
        """The one-time codes that were sent to an address, in the order of their letters."""
        return [found[0] for letter in await self._mails(email) if (found := CODE.findall(letter["text"]))]

    async def code_after(self, email: str, ask: Callable[[], Awaitable[object]]) -> str:
        """The code that comes to an address once it is asked for."""
        self._codes_read[email] = len(await self.codes(email))
        await ask()
        return await self.code(email)

    async def code(self, email: str) -> str:
        """Waits for a code to an address that was not read yet."""
        before = self._codes_read[email]
        async with asyncio.timeout(PATIENCE):
            codes = await self.changes.poll(lambda: self.codes(email), lambda codes: len(codes) > before)
        self._codes_read[email] = len(codes)
        return codes[-1]

    async def _mails(self, email: str) -> list[Document]:
        found: list[Document] = (await self.http.get(f"{self.stack['mailbox']}/messages", params={"to": email})).json()
        return found

    async def letter(self, email: str, wanted: Callable[[Document], Any], seconds: float = PATIENCE) -> Document:
        """Waits for an e-mail to this address for which ``wanted`` holds."""
        async with asyncio.timeout(seconds):
            found = await self.changes.poll(lambda: self.letters(email), lambda letters: any(map(wanted, letters)))
        return [letter for letter in found if wanted(letter)][-1]

    async def calls(self, stand_in: str) -> list[Document]:
        found: list[Document] = (await self.http.get(f"{self.stack['sandbox'][stand_in]}/calls")).json()
        return found

    async def portal_account(self, email: str) -> Document:
        """The one account the portal has for this address, whichever case it belongs to now."""
        (found,) = [
            one
            for one in (await self.http.get(f"{self.stack['sandbox']['portal']}/accounts")).json()
            if one["email"] == email
        ]
        return dict(found)

    # people

    async def sign_in(self, email: str, http: httpx2.AsyncClient | None = None) -> None:
        """Somebody signs in to their own pages in a browser, by the code in their mailbox."""
        browser = http or self.http
        asked = {"email": email.lower()}
        code = await self.code_after(
            email.lower(), lambda: browser.post(f"{self.web}/me/code", data=asked, headers=FORM, timeout=PATIENCE)
        )
        answer = await browser.post(f"{self.web}/me/sign-in", data={"code": code}, headers=FORM)
        assert answer.status_code == 303, answer.text

    async def own_page(self, opened: Document, email: str, http: httpx2.AsyncClient | None = None) -> str:
        """The address of somebody's own page of a case, after they have signed in."""
        await self.sign_in(email, http)
        return f"{self.web}/me/{opened['case_id']}"

    async def change_address(self, email: str) -> None:
        """Whoever is signed in to their own pages shows by a code that they read an address's mail, and goes by it."""
        form, asked = f"{self.web}/me/email", {"email": email.lower()}
        code = await self.code_after(
            email.lower(), lambda: self.http.post(form, data=asked, headers=FORM, timeout=PATIENCE)
        )
        answer = await self.http.post(f"{form}/confirm", data={"code": code}, headers=FORM)
        assert answer.status_code == 303, answer.text

    async def submit(self, request: Document) -> httpx2.Response:
        return await self.http.post(f"{self.web}/api/requests", json=request, headers=self.intake)

    async def opened(self, request: Document, known: bool = True, **producer: Any) -> Document:
        """A case opened by a request; the registry knows its NPN unless told otherwise."""
        if known and "npn" in request:
            await self.know(documents.producer(request, **producer))
        answer = await self.submit(request)
        assert answer.status_code == 201, answer.text
        found: Document = answer.json()
        return found

    async def imported(self, earlier: Document) -> str:
        """Somebody's earlier years, loaded as an operator does it; the person's id."""
        return (await self.all_imported([earlier]))[0]

    async def all_imported(self, earlier: list[Document]) -> list[str]:
        """Several people's earlier years, from one file; their ids in its order."""
        command = (sys.executable, "-m", "starter.cli.certify", "import", "-", "--json", "--data", self.stack["data"])
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        out, err = await process.communicate(json.dumps(earlier).encode())
        assert process.returncode == 0, err.decode()
        return [str(one["assister_id"]) for one in json.loads(out)["assisters"]]

    async def begun(self, assister_id: str, plan_year: int) -> Document:
        """A returning assister's case, opened by staff without a form."""
        path = f"/api/assisters/{assister_id}/cases"
        answer = await self.http.post(self.web + path, json={"plan_year": plan_year}, headers=self.staff)
        assert answer.status_code == 201, answer.text
        found: Document = answer.json()
        return found

    async def prove(self, opened: Document) -> None:
        """Staff have seen whose the NPN of a case is."""
        proof = {"method": "in_person", "document": "a licence card", "reason": "came to the office"}
        answer = await self.command(opened, "identity", **proof)
        assert answer.status_code == 200, answer.text

    async def know(self, producer: Document) -> None:
        answer = await self.http.post(f"{self.stack['sandbox']['registry']}/producers", json=producer)
        assert answer.status_code == 201, answer.text

    async def control(self, stand_in: str, **control: Any) -> None:
        url = self.stack["mailbox"] if stand_in == "mailbox" else self.stack["sandbox"][stand_in]
        answer = await self.http.post(f"{url}/controls", json=control)
        assert answer.is_success, answer.text

    async def decide(self, opened: Document, decision: str = "approve", **body: Any) -> httpx2.Response:
        return await self.command(opened, "decision", decision=decision, **{"reason": "checked", **body})

    async def command(self, opened: Document, what: str, **body: Any) -> httpx2.Response:
        return await self.http.post(
            f"{self.web}/api/cases/{opened['case_id']}/{what}", json=body, headers=self.staff, timeout=PATIENCE
        )

    async def approved(self, opened: Document, **body: Any) -> None:
        is_settled = body.get("override") or body.get("decision", "approve") != "approve"
        await self.until(
            opened,
            lambda status: status["stage"] == "awaiting_decision" and (is_settled or is_everything_known(status)),
        )
        answer = await self.decide(opened, **body)
        assert answer.status_code == 200, answer.text

    # webhooks

    async def signed(
        self, path: str, secret: str, body: Any, webhook_id: str | None = None, at: datetime | None = None
    ) -> httpx2.Response:
        """Sends a body signed by the Standard Webhooks scheme."""
        webhook_id = webhook_id or str(uuid4())
        at = at or datetime.now(UTC)
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(webhook_id, at, text),
            "content-type": "application/json",
        }
        return await self.http.post(self.web + path, content=text.encode(), headers=headers)

    async def lms(self, body: Any, **options: Any) -> httpx2.Response:
        return await self.signed("/webhooks/lms", self.stack["secrets"]["lms_webhook"], body, **options)

    async def portal(self, opened: Document, event: str, **options: Any) -> httpx2.Response:
        body = {"type": event, "case_id": opened["case_id"], "occurred_at": datetime.now(UTC).isoformat()}
        body |= options.pop("body", {})
        return await self.signed("/webhooks/portal", self.stack["secrets"]["portal_webhook"], body, **options)

    async def reported(self, opened: Document, *steps: str, plan_year: int = 2024) -> None:
        """The LMS reports these steps, in this order: account, profile, started, course, or a score."""
        policy = await self.policy(plan_year)
        meanings = {
            "account": ("registered", "account"),
            "profile": ("completed", "profile"),
            "started": ("initialized", "course"),
            "course": ("completed", "course"),
        }
        for step in steps:
            if step in meanings:
                document = documents.statement(policy, opened, *meanings[step])
            else:
                document = documents.exam(policy, opened, float(step))
            answer = await self.lms(document)
            assert answer.status_code == 202, answer.text

    async def reported_by_portal(self, opened: Document, *events: str) -> None:
        for event in events:
            answer = await self.portal(opened, event)
            assert answer.status_code == 202, answer.text

    # whole stretches

    async def certified(self, request: Document, **producer: Any) -> Document:
        """A new assister up to the certificate."""
        return await self.approved_and_trained(await self.opened(request, **producer))

    async def approved_and_trained(self, opened: Document) -> Document:
        """Whose case waits for a decision, up to the certificate."""
        await self.approved(opened)
        await self.reported(opened, "account", "profile", "started", "course", "0.9")
        await self.until(opened, lambda status: status["certificate"])
        return opened

    async def active(self, request: Document) -> Document:
        """A new assister up to the first day of helping."""
        opened = await self.certified(request)
        if request["kind"] == "enrollment_counselor":
            await self.until(opened, lambda status: status["portal"]["account"] == "created")
            first = "account.activated"
        else:
            first = "account.registered"
        await self.reported_by_portal(opened, first, "profile.completed", "scheduling_tool.ready")
        await self.until(opened, "active")
        return opened
