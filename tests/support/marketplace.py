"""Drives the federal program from outside, as staff for assisters, the MLMS and vendors do."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any

import httpx2

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of
from tests.support.world import Document, World

COURSE = {"individual": "individual_full", "shop": "shop"}
# How staff have an assister's word, and why they act on it.
WORD = {"method": "paper", "reason": "signed at the office"}
AGREEMENTS = {
    "individual": ("individual_general", "individual_privacy_security"),
    "shop": ("shop_privacy_security",),
}


class Marketplace(World):
    """The stack's federal program."""

    async def lms(self, body: Any, **options: Any) -> httpx2.Response:
        """The MLMS reports, which arrives where the LMS's reports do, under a secret of its own."""
        return await self.signed("/webhooks/lms", self.stack["secrets"]["mlms_webhook"], body, **options)

    # reading

    async def policy(self, plan_year: int = 2024) -> Document:
        if plan_year not in self._policies:
            self._policies[plan_year] = (await self.get(f"/api/policies/ffm/{plan_year}")).json()
        return self._policies[plan_year]

    async def facts(self, opened: Document, kind: str) -> list[Document]:
        """What is recorded of a case under one kind of fact."""
        document = (await self.get(f"/api/cases/{opened['case_id']}?history=true")).json()
        return [entry["data"] for entry in document["history"] if entry["kind"] == kind]

    async def recorded(self, opened: Document) -> tuple[Document, list[str]]:
        """What a case is: its status, and the kinds of its facts; e-mails, which go beside them, left out."""
        kinds = [kind for kind in await self.history(opened) if not kind.startswith("notice.")]
        return await self.status(opened), kinds

    async def settled(self, opened: Document) -> tuple[Document, list[str]]:
        """The same once its workflow has begun, after which nothing happens to a new case by itself."""
        await self.until(opened, lambda status: status["stage"] != "requested")
        return await self.recorded(opened)

    async def rows(self, name: str, **columns: str) -> list[dict[str, str]]:
        """The rows of a published list in which these columns say this."""
        answer = await self.http.get(f"{self.web}/registry/{name}.json")
        assert answer.status_code == 200, answer.text
        return [row for row in answer.json()["rows"] if columns.items() <= row.items()]

    async def tracked(self, npn: str) -> list[dict[str, str]]:
        """What the Registration Tracker says of an NPN; nothing where it doesn't know it."""
        answer = await self.http.get(f"{self.web}/registry/tracker/{npn}")
        if answer.status_code == 404:
            return []
        found: list[dict[str, str]] = answer.json()["rows"]
        return found

    # people

    async def opened(self, request: Document, known: bool = True, **producer: Any) -> Document:
        """A registration that was asked for; the registry knows its NPN unless told otherwise."""
        if known and request.get("npn"):
            await self.know(documents.individual(request, **producer))
        answer = await self.submit(request)
        assert answer.status_code == 201, answer.text
        found: Document = answer.json()
        return found

    async def act(self, opened: Document, step: str, body: Any = None) -> httpx2.Response:
        """A step of the assister's, by staff who have their word for it."""
        url = f"{self.web}/api/cases/{opened['case_id']}/{step}"
        given = {**WORD, **(body or {})} if isinstance(body, dict | None) else body
        return await self.http.post(url, json=given, headers=self.staff, timeout=PATIENCE)

    async def save(self, opened: Document, **changes: Any) -> httpx2.Response:
        return await self.act(opened, "profile", changes)

    async def enroll(self, opened: Document, curriculum: str, channel: str = "mlms") -> httpx2.Response:
        return await self.act(opened, "enrollments", {"curriculum": curriculum, "channel": channel})

    async def launch(self, opened: Document, curriculum: str, channel: str) -> httpx2.Response:
        return await self.act(opened, "launches", {"curriculum": curriculum, "channel": channel})

    async def accept(self, opened: Document, agreement: str, **body: Any) -> httpx2.Response:
        return await self.act(opened, f"agreements/{agreement}/accept", body)

    async def done(self, opened: Document, step: str, body: Any = None) -> Document:
        """A step that must succeed."""
        answer = await self.act(opened, step, body)
        assert answer.status_code in (200, 201), answer.text
        found: Document = answer.json()
        return found

    # vendors

    async def at_vendor(self, vendor: str, step: str, ticket: str) -> httpx2.Response:
        """What a learner does on a vendor's site: redeem, complete."""
        url = f"{self.stack['sandbox']['vendors']}/{vendor}/{step}"
        return await self.http.post(url, json={"ticket": ticket})

    async def vendor(self, vendor: str, body: Any, **options: Any) -> httpx2.Response:
        """A webhook of a vendor, signed by it."""
        secret = self.stack["secrets"]["vendors"][vendor]
        return await self.signed(f"/webhooks/vendors/{vendor}", secret, body, **options)

    async def launched(self, opened: Document, curriculum: str, vendor: str) -> str:
        """A fresh ticket to a vendor's site, for somebody who enrolled there."""
        await self.done(opened, "enrollments", {"curriculum": curriculum, "channel": vendor})
        launched = await self.done(opened, "launches", {"curriculum": curriculum, "channel": vendor})
        return str(launched["ticket"])

    # whole stretches

    async def profiled(self, request: Document, **producer: Any) -> Document:
        """Somebody new up to the complete profile."""
        opened = await self.opened(request, **producer)
        answer = await self.act(opened, "profile", {})
        assert answer.status_code in (200, 202), answer.text
        await self.until(opened, lambda status: status["profile"]["saved_at"])
        await self.done(opened, "profile/next")
        return opened

    async def trained(self, opened: Document, curriculum: str, channel: str = "mlms") -> None:
        """Enrols in a course and completes it where it is taken."""
        if channel == "mlms":
            await self.done(opened, "enrollments", {"curriculum": curriculum, "channel": channel})
            await self._completed_in_mlms(opened, curriculum)
        else:
            ticket = await self.launched(opened, curriculum, channel)
            for step in ("redeem", "complete"):
                answer = await self.at_vendor(channel, step, ticket)
                assert answer.is_success, answer.text

        def completed(status: Document) -> bool:
            wanted = {"curriculum": curriculum, "channel": channel}.items()
            return any(wanted <= one.items() and one["completed_at"] for one in status["enrollments"])

        await self.until(opened, completed)

    async def _completed_in_mlms(self, opened: Document, curriculum: str) -> None:
        """The learner's steps in the MLMS, once it knows of the place."""
        place = f"{self.stack['sandbox']['mlms']}/learners/{opened['case_id']}/{curriculum}"
        async with asyncio.timeout(PATIENCE):
            while (await self.http.get(place)).status_code == 404:
                await asyncio.sleep(0.05)
        for step in ("start", "complete"):
            answer = await self.http.post(f"{place}/{step}")
            assert answer.is_success, answer.text

    async def agreed(self, opened: Document, market: str) -> None:
        """Opens, reads and accepts every agreement of a market."""
        for agreement in AGREEMENTS[market]:
            shown = await self.done(opened, f"agreements/{agreement}/open")
            await self.done(opened, f"agreements/{agreement}/accept", {"sha256": shown["sha256"]})

    async def completed(self, opened: Document, market: str, channel: str = "mlms") -> Document:
        """One market, from a complete profile to its certificate; the status then."""
        await self.trained(opened, COURSE[market], channel)
        await self.agreed(opened, market)
        return await self.until(opened, lambda status: market in markets_of(status))

    async def certified(self, request: Document, **producer: Any) -> Document:
        """Somebody new up to the certificates of all their markets."""
        opened = await self.profiled(request, **producer)
        for market in request["markets"]:
            await self.completed(opened, market)
        return opened

    async def publish(self) -> Document:
        """Publishes the lists at once, whatever day it is, as ``certify ffm publish --force`` does."""
        client = await client_of(self.stack)
        order = {"at": datetime.now(UTC).isoformat(), "forced": True}
        queue = self.stack["settings"].get("CERTIFY_TASK_QUEUE", "certification")
        published: Document = await client.execute_workflow(
            "DailyPublication", order, id="publication", task_queue=queue
        )
        return published

    async def certify(self, *arguments: str) -> tuple[int, Any]:
        """A verb of `certify`, as an operator runs it: its status, and what it answers."""
        command = (sys.executable, "-m", "starter.cli.certify", *arguments, "--json", "--data", self.stack["data"])
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        out, _ = await process.communicate()
        return process.returncode or 0, json.loads(out) if process.returncode == 0 else None


def markets_of(status: Document) -> dict[str, Document]:
    """A registration's certificates by market."""
    return {one["market"]: one for one in status["certificates"]}
