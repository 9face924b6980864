"""What staff's pages stand on, over one database: cases written as doors and worker write them, and the reads."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlmodel import SQLModel

from db.case_state import list_rows, load_snapshot
from db.cursors import Page
from db.engine import Database
from db.reads.case_file import CaseFile, read_case_file
from db.reads.counts import Counts
from db.reads.numbers import StaffNumbers
from db.reads.pending import HELD, EventKeptAside, HeldEvent, read_altered_events, read_held_events
from db.reads.queue import Filters, ListedCase, ShownCase, View, read_case_page
from db.reads.search import search_everything
from db.reads.status import read_status
from db.tables import CertificateRow
from db.writes.cases import claim_case, record_facts
from db.writes.commands import apply_command
from db.writes.effects import EffectResult, complete_effect, intend_certificate, intend_effect
from db.writes.opening import Opened
from db.writes.webhooks.inbox import (
    Received,
    accept_background_report,
    accept_portal_report,
    accept_statements,
    accept_vendor_report,
)
from domain.federal.vendor_reports import parse_vendor_report
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import Applied, Claim
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.state.background_reports import parse_background_report
from domain.state.eligibility import Check, list_unknown_findings, make_finding
from domain.state.policies import find_state_policy
from domain.state.portal_reports import parse_portal_report
from tests.support import documents
from tests.support.commands import store_command
from tests.support.opening import open_case
from tests.support.registrations import Desk
from tests.support.senders import CHECKS, LMS, PORTAL, build_vendor

KEY = b"a test's key"
NOW = datetime(2024, 11, 4, 17, tzinfo=UTC)
Document = dict[str, Any]


class Office:
    """Cases in a database, and what staff read of them; the clock moves by a minute with each thing done."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.numbers = StaffNumbers(database)
        self.desk = Desk(database, KEY)
        self.now = NOW

    def later(self, **time: float) -> datetime:
        """The time, a minute later than before, or as much later as is said."""
        self.now += timedelta(**time) if time else timedelta(minutes=1)
        return self.now

    # what people and third parties do

    async def opened(self, document: Document | None = None, *, proven: bool = True, **changes: Any) -> Opened:
        """A case of a request that its workflow has claimed."""
        request = document or documents.broker(**changes)
        opened = await open_case(self.database, KEY, request, self.later(), proven=proven)
        await self.database.write(
            claim_case, Claim(case_id=opened.case_id, run_id=f"run-{opened.case_id}", at=self.later())
        )
        return opened

    async def registered(self, **changes: Any) -> Opened:
        """A federal registration."""
        return await open_case(self.database, KEY, documents.registration(**changes), self.later())

    async def screened(self, opened: Opened, answered: bool = True, number: int = 0) -> Opened:
        """A case that was screened: every check passed, or the registry was silent."""
        found = [make_finding(check, True) for check in (Check.NPN_FOUND, Check.NAME_MATCHES, Check.LICENSE_ACTIVE)]
        view = await self.database.read(load_snapshot, opened.case_id)
        found = found if answered else list_unknown_findings()
        if not view.case.identity_matches:
            found = [*found, make_finding(Check.IDENTITY_MATCHES, False)]
        data = {"round": number, "findings": [one.model_dump(mode="json") for one in found]}
        await self.fact(opened, FactKind.SCREENED, data, action="case.screened")
        return opened

    async def waiting(self, **changes: Any) -> Opened:
        """A case that waits for a decision."""
        return await self.screened(await self.opened(**changes))

    async def fact(
        self,
        opened: Opened,
        kind: FactKind,
        data: Document | None = None,
        action: str = "test",
        at: datetime | None = None,
    ) -> None:
        at = at or self.later()
        one = Fact(id=str(uuid4()), kind=kind, at=at, data=data or {})
        assert await self.database.write(record_facts, opened.case_id, [one], at, action)

    async def decided(self, opened: Opened, verdict: str = "approve", **data: Any) -> Applied:
        return await self.command(opened, CommandKind.DECIDE, verdict=verdict, **{"override": None, **data})

    async def command(self, opened: Opened, kind: CommandKind, reason: str = "a sample reason", **data: Any) -> Applied:
        number = str(uuid4())
        await self.database.write(store_command, number, opened.case_id, kind, "riley", reason, data, self.later())
        return await self.database.write(apply_command, KEY, number, self.later())

    async def certified(self, opened: Opened) -> str:
        """Everything up to the certificate; its number."""
        for kind in (FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_COMPLETED):
            await self.fact(opened, kind)
        await self.fact(opened, FactKind.EXAM_ATTEMPTED, {"event_id": "e", "score": "0.9", "passed": True})
        return await self.issued(opened)

    async def issued(self, opened: Opened, market: str = "") -> str:
        """A certificate that is due; its number."""
        key, at = f"{opened.case_id}:certificate.issued:0:{market}".rstrip(":"), self.later()
        intent = await self.database.write(intend_certificate, key, opened.case_id, at, market)
        number = str(intent.data["number"])
        shown = {"number": number, "issued_at": at.isoformat(), "valid_until": None, "sha256": "0" * 64}
        data = {**shown, **({"market": market} if market else {})}
        issued = Fact(id=f"{opened.case_id}:certificate", kind=FactKind.CERTIFICATE_ISSUED, at=at, data=data)
        row = CertificateRow(
            number=number,
            case_id=opened.case_id,
            market=market,
            holder=intent.data["holder"],
            kind=intent.data["kind"],
            issued_at=at,
            sha256="0" * 64,
            uri="a.pdf",
        )
        await self.database.write(
            complete_effect, key, opened.case_id, EffectResult(shown, (issued,), certificate=row), at
        )
        return number

    async def mailed(self, opened: Opened, notice: str, result: Document | None = None, about: str = "") -> str:
        """A notice that went out; the key of its effect."""
        key = f"{opened.case_id}:notice:{notice}:0:{about}"
        await self.database.write(intend_effect, key, opened.case_id, f"notice.{notice}", {}, self.later())
        sent = {"subject": f"About {notice}", "message_id": f"<{sha256(key.encode()).hexdigest()}@mail.example.org>"}
        await self.database.write(complete_effect, key, opened.case_id, EffectResult(result or sent), self.later())
        return key

    def statement(self, opened: Opened, verb: str, role: str, **changes: Any) -> Document:
        policy = find_state_policy("bewellnm", 2024)
        assert policy is not None
        document = documents.statement(policy.model_dump(mode="json"), vars(opened), verb, role, **changes)
        return {**document, "timestamp": self.now.isoformat()}

    async def lms(self, *statements: Document) -> Received:
        read = [read_json(_json(one)) for one in statements]
        return await self.database.write(accept_statements, LMS, read_statements(read), self.later())

    async def portal(self, opened: Opened, kind: str, event_id: str = "", **changes: Any) -> Received:
        body = {"type": kind, "case_id": opened.case_id, "occurred_at": self.now.isoformat(), **changes}
        report, digest = parse_portal_report(body)
        return await self.database.write(
            accept_portal_report, PORTAL, event_id or str(uuid4()), report, digest, body, self.later()
        )

    async def checked(self, opened: Opened, result: str, event_id: str = "", **changes: Any) -> Received:
        subject = {"custom_id": opened.case_id, "candidate_id": None, "status": "complete", "result": result}
        body = {"id": event_id or str(uuid4()), "type": "report.completed", "data": {"object": subject}, **changes}
        return await self.database.write(accept_background_report, CHECKS, parse_background_report(body), self.later())

    async def completed_at_vendor(self, ticket: str, event_id: str, **changes: Any) -> Received:
        body = {**documents.vendor_report(ticket, "shop", occurred_at=self.now.isoformat()), **changes}
        report, digest = parse_vendor_report(body)
        return await self.database.write(
            accept_vendor_report, build_vendor("vendor-a"), event_id, report, digest, body, self.later()
        )

    # what staff see

    async def queue(self, after: str | None = None, limit: int = 25, **wanted: Any) -> Page[ListedCase]:
        return await self.database.read(read_case_page, View.QUEUE, Filters(**wanted), after, limit)

    async def queued(self, **wanted: Any) -> list[str]:
        return ids((await self.queue(limit=200, **wanted)).rows)

    async def found(self, words: str) -> list[str]:
        return ids((await self.database.read(search_everything, words, 50)).cases)

    async def counts(self, view: str = "queue", **wanted: Any) -> Counts:
        self.numbers.forget()
        return await self.numbers.count_cases(View(view), Filters(**wanted))

    async def list_held(
        self, after: str | None = None, limit: int = 25, states: Sequence[str] = HELD
    ) -> Page[HeldEvent]:
        return await self.database.read(read_held_events, after, limit, states)

    async def list_altered(self, after: str | None = None, limit: int = 25) -> Page[EventKeptAside]:
        return await self.database.read(read_altered_events, after, limit)

    async def read_case_file(self, case_id: str) -> CaseFile:
        return await self.database.read(read_case_file, case_id, self.now)

    async def status(self, opened: Opened) -> Document:
        """The status document, as others read it."""
        return await self.database.read(read_status, opened.case_id, self.now)

    async def all(self, table: type[SQLModel], **wanted: object) -> list[Any]:
        query = select(table).where(*(getattr(table, name) == value for name, value in wanted.items()))
        return await self.database.read(list_rows, query)


def ids(cases: Sequence[ShownCase]) -> list[str]:
    return [case.case_id for case in cases]


def _json(document: Document) -> bytes:
    return json.dumps(document).encode()


@asynccontextmanager
async def office_over(url: str) -> AsyncIterator[Office]:
    """The office over a migrated database."""
    database = Database(url)
    yield Office(database)
    await database.close()
