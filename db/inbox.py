"""What webhooks bring: stored, checked against its case and made a fact before it is acknowledged (C3–C5)."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from db.core import again_when_overtaken, append, audit, locked
from db.engine import Database
from db.states import State, UnknownCase, certification_of, federal_policy_of, one_or_none, policy_of, rows
from db.tables import AlteredEvent, Assister, Case, CommandRow, EffectRow, FactRow, InboxRow, TicketRow
from domain.facts import Fact, FactKind
from domain.faults import Fault, Invalid
from domain.identity import token_hash
from domain.marketplace import PROGRAM as FFM
from domain.messages import Report
from domain.parsing import canonical
from domain.registration import RegistrationState
from domain.reports import PORTAL_FACT, BackgroundReport, PortalEvent, PortalReport, VendorReport, premature
from domain.stages import ENDED
from domain.statements import Statement, course_fact_of, fact_of

LMS, PORTAL, BACKGROUND, VENDORS, ASSISTER = "lms", "portal", "background-checks", "vendors", "assister"
PENDING, DELIVERED, WITHOUT_EFFECT = "pending", "delivered", "without_effect"


@dataclass
class Received:
    """What became of a webhook: whether its id came before with another body, and which events are to be delivered."""

    altered: bool = False
    repeated: bool = False
    to_deliver: list[InboxRow] = field(default_factory=list)


@dataclass(frozen=True)
class _Event:
    source: str
    id: str
    case_id: str
    kind: str
    digest: str
    body: dict[str, Any]


class Inbox:
    """Writes about webhooks; one transaction each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_when_overtaken
    async def lms(
        self, statements: Sequence[Statement], documents: Sequence[dict[str, Any]], now: datetime
    ) -> Received:
        """Takes a list of statements, all or none. Raises `Invalid` naming the field where one doesn't fit its case."""
        async with self._database.write() as session:
            events = [
                _Event(LMS, one.id, one.case_id, one.verb, one.digest, document)
                for one, document in zip(statements, documents, strict=True)
            ]
            for case_id in sorted({event.case_id for event in events}):
                with suppress(UnknownCase):
                    await locked(session, case_id)
            fresh, received = await self._sort_out(session, events, now)
            faults: list[Fault] = []
            facts: dict[str, tuple[Case, list[Fact]]] = {}
            for number, (statement, event) in enumerate(zip(statements, events, strict=True)):
                if received.altered or event not in fresh:
                    continue
                fresh.remove(event)
                try:
                    case, fact = await self._statement(session, statement, now)
                except Invalid as invalid:
                    prefix = "" if len(statements) == 1 else f"{number}."
                    faults += [Fault(prefix + fault.field, fault.code, fault.details) for fault in invalid.faults]
                    continue
                if self._take(session, case, event, fact, now, received):
                    facts.setdefault(case.case_id, (case, []))[1].append(fact)
            if faults:
                raise Invalid(faults)
            for case, fresh_facts in facts.values():
                tell(received.to_deliver, case, await append(session, case, fresh_facts, now))
        return received

    async def _statement(self, session: AsyncSession, statement: Statement, now: datetime) -> tuple[Case, Fact]:
        case = await _case(session, statement.case_id, "context.registration")
        person = await session.get_one(Assister, case.assister_id)
        accounts = frozenset(name for name in (person.assister_id, person.lms_account) if name)
        if case.program == FFM:
            return case, course_fact_of(statement, federal_policy_of(case), accounts, now)
        return case, fact_of(statement, policy_of(case), accounts, now)

    @again_when_overtaken
    async def portal(
        self, event_id: str, report: PortalReport, digest: str, body: dict[str, Any], now: datetime
    ) -> Received:
        """Takes the portal's report; a premature one is kept without effect and flagged to staff (A24)."""
        event = _Event(PORTAL, event_id, report.case_id, report.type, digest, body)
        async with self._database.write() as session:
            fresh, received = await self._sort_out(session, [event], now)
            if fresh:
                case = await _case(session, report.case_id, "case_id")
                if case.program == FFM:
                    raise Invalid([Fault("case_id", "mismatch")])
                why = premature(report.type, await certification_of(session, case))
                data = {"reason": report.reason} if report.type is PortalEvent.REGISTRATION_REFUSED else {}
                fact = Fact(id=f"portal:{event_id}", kind=PORTAL_FACT[report.type], at=report.occurred_at, data=data)
                if self._take(session, case, event, fact, now, received, why):
                    await append(session, case, [fact], now)
        return received

    @again_when_overtaken
    async def background(self, report: BackgroundReport, now: datetime) -> Received:
        """Takes an event of the background-check vendor; only a completed report is a fact (A14)."""
        async with self._database.write() as session:
            case = await self._checked_case(session, report)
            event = _Event(
                BACKGROUND, report.event_id, case.case_id, report.type, report.digest, {"id": report.event_id}
            )
            fresh, received = await self._sort_out(session, [event], now)
            if fresh:
                verdict = report.verdict
                why = None if verdict else "not a completed report"
                data = {"result": verdict} if verdict else {}
                fact = Fact(id=f"background:{report.event_id}", kind=FactKind.BACKGROUND_REPORTED, at=now, data=data)
                if self._take(session, case, event, fact, now, received, why, flag=False):
                    await append(session, case, [fact], now)
        return received

    @again_when_overtaken
    async def vendor(
        self, vendor: str, event_id: str, report: VendorReport, digest: str, body: dict[str, Any], now: datetime
    ) -> Received:
        """Takes a vendor's completion report; its ticket says whose course it was (B13–B15).

        Raises `Invalid` naming the field where the ticket is another vendor's or curriculum's, or was never used.
        """
        kept = {**body, "ticket": token_hash(report.ticket)}
        async with self._database.write() as session:
            ticket = await session.get(TicketRow, token_hash(report.ticket))
            if ticket is None or ticket.vendor != vendor:
                raise Invalid([Fault("ticket", "ticket_unknown")])
            case = await locked(session, ticket.case_id)
            event = _Event(VENDORS, f"{vendor}:{event_id}", case.case_id, report.type, digest, kept)
            fresh, received = await self._sort_out(session, [event], now)
            if fresh:
                if ticket.curriculum != report.curriculum:
                    raise Invalid([Fault("curriculum", "mismatch")])
                if ticket.redeemed_at is None:
                    raise Invalid([Fault("ticket", "ticket_not_redeemed")])
                data = {"curriculum": ticket.curriculum, "channel": vendor}
                fact_id = f"vendor:{ticket.token_hash}"
                again = await session.get(FactRow, fact_id) is not None
                at = min(report.occurred_at, now)  # whose clock is fast moves no due date
                fact = Fact(id=fact_id, kind=FactKind.COURSE_COMPLETED, at=at, data=data)
                why = "reported before under this ticket" if again else None
                if self._take(session, case, event, fact, now, received, why, flag=False):
                    tell(received.to_deliver, case, await append(session, case, [fact], now))
        return received

    async def _checked_case(self, session: AsyncSession, report: BackgroundReport) -> Case:
        """The case whose check was ordered under the vendor's candidate, or is just being ordered under its own id."""
        orders = select(EffectRow).where(col(EffectRow.kind) == "background.ordered")
        order = None
        if report.candidate_id:
            order = await one_or_none(session, orders.where(col(EffectRow.external_id) == report.candidate_id))
        if order is None and report.case_id:
            # The report may overtake the answer to our order, which names the candidate.
            any_or_unanswered = [col(EffectRow.external_id).is_(None)] if report.candidate_id else []
            of_case = orders.where(col(EffectRow.case_id) == report.case_id, *any_or_unanswered)
            order = await one_or_none(session, of_case)
        if order is None or report.case_id not in (None, order.case_id):
            raise Invalid([Fault("data.object.candidate_id", "mismatch")])
        return await locked(session, order.case_id)

    async def _sort_out(
        self, session: AsyncSession, events: Sequence[_Event], now: datetime
    ) -> tuple[list[_Event], Received]:
        """Tells new events from repeats and altered ones; those are kept aside, and then nothing else is taken."""
        fresh: list[_Event] = []
        altered = []
        undelivered: list[InboxRow] = []
        seen: dict[str, str] = {}
        for event in events:
            row = await one_or_none(
                session,
                select(InboxRow).where(col(InboxRow.source) == event.source, col(InboxRow.event_id) == event.id),
            )
            before = row.digest if row else seen.get(event.id)
            if before is None:
                fresh.append(event)
                seen[event.id] = event.digest
            elif before != event.digest:
                altered.append((event, row.case_id if row else event.case_id))
            elif row is not None and row.state == PENDING:
                undelivered.append(row)
        for event, case_id in altered:
            await self._keep_aside(session, event, case_id, now)
        if altered:
            return [], Received(altered=True)
        return fresh, Received(repeated=not fresh, to_deliver=undelivered)

    async def _keep_aside(self, session: AsyncSession, event: _Event, case_id: str, now: datetime) -> None:
        kept = {"body": canonical(event.body)}
        session.add(AlteredEvent(source=event.source, event_id=event.id, case_id=case_id, body=kept, received_at=now))
        case = await session.get(Case, case_id, with_for_update=True)
        if case is not None:
            case.flag = case.flag or "altered_event"
            session.add(case)
            audit(
                session,
                now,
                event.source,
                "webhook.altered",
                case,
                "same event id with another body",
                event_id=event.id,
            )

    def _take(
        self,
        session: AsyncSession,
        case: Case,
        event: _Event,
        fact: Fact,
        now: datetime,
        received: Received,
        why: str | None = None,
        flag: bool = True,
    ) -> bool:
        """Stores the event; whether its fact counts, unless something speaks against it: ``why`` is kept for staff."""
        if case.stage in ENDED:
            why, flag = f"the case had ended: {case.stage}", False
        row = InboxRow(
            source=event.source,
            event_id=event.id,
            case_id=case.case_id,
            kind=fact.kind,
            digest=event.digest,
            note=why,
            state=WITHOUT_EFFECT if why else PENDING,
            received_at=now,
        )
        if why is None:
            row.fact_id = fact.id
            row.message = _report(case, fact).model_dump(mode="json")
            received.to_deliver.append(row)
        elif flag:
            case.flag = case.flag or "premature_report"
            session.add(case)
        session.add(row)
        details = {"event_id": event.id, **({"note": why} if why else {}), **_audited(fact)}
        audit(
            session,
            now,
            event.source,
            f"webhook.{event.kind.rsplit('/', 1)[-1]}",
            case,
            fact.data.get("reason"),
            **details,
        )
        return why is None

    # delivery

    async def pending(self, limit: int = 500) -> list[InboxRow]:
        """Events not yet told to their workflows, oldest first."""
        async with self._database.read() as session:
            return await rows(
                session, select(InboxRow).where(col(InboxRow.state) == PENDING).order_by(col(InboxRow.id)).limit(limit)
            )

    async def addressee(self, row: InboxRow) -> Case:
        """The case an event is about."""
        async with self._database.read() as session:
            return await session.get_one(Case, row.case_id)

    async def delivered(self, row_id: int, note: str | None = None) -> None:
        """The workflow has been told, or there is none any more (then with a note)."""
        async with self._database.write() as session:
            await session.execute(update(InboxRow).where(col(InboxRow.id) == row_id).values(state=DELIVERED, note=note))

    async def pending_commands(self, before: datetime) -> list[CommandRow]:
        """Commands kept and not yet answered, given before this instant."""
        async with self._database.read() as session:
            query = select(CommandRow).where(col(CommandRow.state) == "pending", col(CommandRow.created_at) < before)
            return await rows(session, query.order_by(col(CommandRow.created_at)).limit(500))

    async def not_begun(self, before: datetime) -> list[Case]:
        """Cases whose workflow has not claimed them, opened before this instant."""
        async with self._database.read() as session:
            query = select(Case).where(
                col(Case.run_id).is_(None), col(Case.opened_at) < before, col(Case.stage) == "requested"
            )
            return await rows(session, query.order_by(col(Case.opened_at)).limit(500))


async def _case(session: AsyncSession, case_id: str, name: str) -> Case:
    try:
        return await locked(session, case_id)
    except UnknownCase:
        raise Invalid([Fault(name, "mismatch")]) from None


def tell(rows: Iterable[InboxRow], case: Case, state: State) -> None:
    """Puts what a federal registration came to into the messages about it: the verdicts its workflow branches on."""
    if isinstance(state, RegistrationState):
        for row in rows:
            if row.case_id == case.case_id and row.message is not None:
                row.message = {**row.message, "standing": state.standing().model_dump(mode="json")}


def _report(case: Case, fact: Fact) -> Report:
    return Report(case_id=case.case_id, fact_id=fact.id, kind=fact.kind, passed=_good(fact))


def _good(fact: Fact) -> bool:
    return bool(fact.data.get("passed") or fact.data.get("result") == "clear")


def _audited(fact: Fact) -> dict[str, Any]:
    return {name: fact.data[name] for name in ("score", "passed", "result") if name in fact.data}
