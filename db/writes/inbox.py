"""What webhooks bring: stored, checked against its case and made a fact before it is acknowledged (C3–C5)."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import State, UnknownCase, one_or_none
from db.reads.pending import PENDING, WITHOUT_EFFECT, Outstanding
from db.tables import AlteredEvent, Case, InboxRow
from db.writes.events import (
    BACKGROUND,
    LMS,
    NOT_FINAL,
    PORTAL,
    REPORTED_BEFORE,
    VENDORS,
    Event,
    Said,
    checked_case,
    read_again,
    said_by_background,
    said_by_lms,
    said_by_portal,
    said_by_vendor,
    ticket_of,
)
from db.writes.facts import SYSTEM, again_when_overtaken, append, audit, locked, lower_flag, raise_flag
from db.writes.opening import Conflict
from domain.federal.registration import RegistrationState
from domain.federal.vendor_reports import VendorReport
from domain.shared.facts import Fact
from domain.shared.faults import Fault, Invalid
from domain.shared.ids import token_hash
from domain.shared.messages import Report
from domain.shared.parsing import exact
from domain.shared.reasons import sentence
from domain.shared.stages import ENDED
from domain.shared.statements import Statement
from domain.state.background_reports import BackgroundReport
from domain.state.portal_reports import PortalReport

ALTERED, PREMATURE = "altered_event", "premature_report"
ENDED_BEFORE = "the case had ended"


@dataclass
class Received:
    """What became of a webhook: whether its id came before with another body, and which events are to be delivered."""

    altered: bool = False
    repeated: bool = False
    to_deliver: list[InboxRow] = field(default_factory=list)


class UnknownEvent(LookupError):
    """There is no such event."""


class Inbox(Outstanding):
    """Writes about webhooks; one transaction each."""

    @again_when_overtaken
    async def lms(
        self, statements: Sequence[Statement], documents: Sequence[dict[str, Any]], now: datetime
    ) -> Received:
        """Takes a list of statements, all or none. Raises `Invalid` naming the field where one doesn't fit its case."""
        async with self._database.open_writer() as session:
            events = [
                Event(LMS, one.id, one.case_id, one.verb, one.digest, document)
                for one, document in zip(statements, documents, strict=True)
            ]
            for case_id in sorted({event.case_id for event in events}):
                with suppress(UnknownCase):
                    await session.run_sync(locked, case_id)
            fresh, received = await session.run_sync(self._sort_out, events, now)
            faults: list[Fault] = []
            facts: dict[str, tuple[Case, list[Fact]]] = {}
            for number, (statement, event) in enumerate(zip(statements, events, strict=True)):
                if received.altered or event not in fresh:
                    continue
                fresh.remove(event)
                try:
                    said = await session.run_sync(said_by_lms, statement, now)
                except Invalid as invalid:
                    prefix = "" if len(statements) == 1 else f"{number}."
                    faults += [Fault(prefix + fault.field, fault.code, fault.details) for fault in invalid.faults]
                    continue
                if self._take(session, event, said, now, received):
                    facts.setdefault(said.case.case_id, (said.case, []))[1].append(said.fact)
            if faults:
                raise Invalid(faults)
            for case, fresh_facts in facts.values():
                tell(received.to_deliver, case, await session.run_sync(append, case, fresh_facts, now))
        return received

    @again_when_overtaken
    async def portal(
        self, event_id: str, report: PortalReport, digest: str, body: dict[str, Any], now: datetime
    ) -> Received:
        """Takes the portal's report; a premature one is kept without effect and flagged to staff (A24)."""
        event = Event(PORTAL, event_id, report.case_id, report.type, digest, body)
        async with self._database.open_writer() as session:
            fresh, received = await session.run_sync(self._sort_out, [event], now)
            if fresh:
                said = await session.run_sync(said_by_portal, report, event_id)
                if self._take(session, event, said, now, received):
                    await session.run_sync(append, said.case, [said.fact], now)
        return received

    @again_when_overtaken
    async def background(self, report: BackgroundReport, now: datetime) -> Received:
        """Takes an event of the background-check vendor; only a completed report is a fact (A14)."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(checked_case, report)
            event = Event(BACKGROUND, report.event_id, case.case_id, report.type, report.digest, report.kept())
            fresh, received = await session.run_sync(self._sort_out, [event], now)
            if fresh:
                said = said_by_background(report, case, now)
                if self._take(session, event, said, now, received, flag=False):
                    await session.run_sync(append, case, [said.fact], now)
        return received

    @again_when_overtaken
    async def vendor(
        self, vendor: str, event_id: str, report: VendorReport, digest: str, body: dict[str, Any], now: datetime
    ) -> Received:
        """Takes a vendor's completion report; its ticket says whose course it was (B13–B15).

        Raises `Invalid` naming the field where the ticket is another vendor's or curriculum's, or was never used.
        """
        kept = {**body, "ticket": token_hash(report.ticket)}
        async with self._database.open_writer() as session:
            ticket = await session.run_sync(ticket_of, vendor, token_hash(report.ticket))
            case = await session.run_sync(locked, ticket.case_id)
            event = Event(VENDORS, f"{vendor}:{event_id}", case.case_id, report.type, digest, kept)
            fresh, received = await session.run_sync(self._sort_out, [event], now)
            if fresh:
                said = await session.run_sync(said_by_vendor, ticket, report, case, now)
                if self._take(session, event, said, now, received, flag=False):
                    tell(received.to_deliver, case, await session.run_sync(append, case, [said.fact], now))
        return received

    def _sort_out(self, session: Session, events: Sequence[Event], now: datetime) -> tuple[list[Event], Received]:
        """Tells new events from repeats and altered ones; those are kept aside, and then nothing else is taken."""
        fresh: list[Event] = []
        altered = []
        undelivered: list[InboxRow] = []
        seen: dict[str, str] = {}
        for event in events:
            row = one_or_none(
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
            self._keep_aside(session, event, case_id, now)
        if altered:
            return [], Received(altered=True)
        return fresh, Received(repeated=not fresh, to_deliver=undelivered)

    def _keep_aside(self, session: Session, event: Event, case_id: str, now: datetime) -> None:
        kept = {"text": exact(event.body)}
        session.add(AlteredEvent(source=event.source, event_id=event.id, case_id=case_id, body=kept, received_at=now))
        case = session.get(Case, case_id, with_for_update=True)
        if case is not None:
            raise_flag(case, ALTERED, now)
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
        session: Session | AsyncSession,
        event: Event,
        said: Said,
        now: datetime,
        received: Received,
        flag: bool = True,
    ) -> bool:
        """Stores the event; whether its fact counts. What speaks against it is kept for staff."""
        case, fact, why = said.case, said.fact, said.why
        if case.stage in ENDED:
            why, flag = f"{ENDED_BEFORE}: {case.stage}", False
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
            raise_flag(case, PREMATURE, now)
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

    # staff want an event delivered all the same (docs/decisions/0018)

    @again_when_overtaken
    async def release(self, row_id: int, kind: str, actor: str, reason: str, now: datetime) -> Received:
        """What is to be delivered now: of a "held" event itself, if it is pending; of an "altered" one a new event.

        Raises `Conflict` with a sentence where nothing may be delivered, which is audited too; `Invalid` without a
        reason, or naming the fields by which an altered event doesn't fit its case; `UnknownEvent`.
        """
        reason = reason.strip()
        if not reason:
            raise Invalid([Fault("reason", "required")])
        async with self._database.open_reader() as session:
            found: InboxRow | AlteredEvent | None = await session.get(_TABLE[kind], row_id)
        if found is None:
            raise UnknownEvent(row_id)
        told = {"source": found.source, "event_id": found.event_id}
        try:
            async with self._database.open_writer() as session:
                case = await session.run_sync(locked, found.case_id)
                row = await session.get_one(_TABLE[kind], row_id)
                received = await session.run_sync(self._released, case, row, now)
                audit(session, now, actor, "webhook.released", case, reason, **told)
                if kind == "altered" and not await session.run_sync(_more_altered, case) and lower_flag(case, ALTERED):
                    audit(session, now, SYSTEM, f"case.unflagged.{ALTERED}", case)
                return received
        except Conflict as conflict:
            async with self._database.open_writer() as session:
                case = await session.run_sync(locked, found.case_id)
                audit(session, now, actor, "webhook.release_refused", case, reason, answer=str(conflict), **told)
            raise

    def _released(self, session: Session, case: Case, row: InboxRow | AlteredEvent, now: datetime) -> Received:
        if why := _why_not(row, case):
            raise Conflict(sentence(why))
        if isinstance(row, InboxRow):
            return Received(to_deliver=[row])
        event, said = read_again(session, row)
        if why := "webhook_other_case" if event.case_id != row.case_id else _REFUSED.get(said.why, _TOO_EARLY):
            raise Conflict(sentence(why))
        received = Received()
        self._take(session, event, said, now, received)
        tell(received.to_deliver, case, append(session, case, [said.fact], now))
        row.released_at = now
        session.add(row)
        return received


_TABLE: dict[str, Any] = {"held": InboxRow, "altered": AlteredEvent}
# Why an event doesn't count, by what was noted of it; any other note is of a report that came too early (A24).
_REFUSED = {None: None, NOT_FINAL: "webhook_not_final", REPORTED_BEFORE: "webhook_repeated"}
_TOO_EARLY = "webhook_premature"


def _why_not(row: InboxRow | AlteredEvent, case: Case) -> str | None:
    """Why staff can't have an event delivered, whatever it says."""
    if isinstance(row, InboxRow):
        if row.state == WITHOUT_EFFECT:
            ended = row.note is not None and row.note.startswith(ENDED_BEFORE)
            return "webhook_ended" if ended else _REFUSED.get(row.note, _TOO_EARLY)
        return None if row.state == PENDING else "webhook_delivered"
    if row.released_at is not None:
        return "webhook_taken"
    if case.stage in ENDED:
        return "webhook_ended"
    return None if "text" in row.body else "webhook_not_kept"


def _more_altered(session: Session, case: Case) -> bool:
    left = select(AlteredEvent).where(
        col(AlteredEvent.case_id) == case.case_id, col(AlteredEvent.released_at).is_(None)
    )
    return one_or_none(session, left.limit(1)) is not None


def tell(rows: Iterable[InboxRow], case: Case, state: State) -> None:
    """Puts what a federal registration came to into the messages about it: the verdicts its workflow branches on."""
    if isinstance(state, RegistrationState):
        for row in rows:
            if row.case_id == case.case_id and row.message is not None:
                row.message = {**row.message, "standing": state.take_snapshot().model_dump(mode="json")}


def _report(case: Case, fact: Fact) -> Report:
    return Report(case_id=case.case_id, fact_id=fact.id, kind=fact.kind, passed=_good(fact))


def _good(fact: Fact) -> bool:
    return bool(fact.data.get("passed") or fact.data.get("result") == "clear")


def _audited(fact: Fact) -> dict[str, Any]:
    return {name: fact.data[name] for name in ("score", "passed", "result") if name in fact.data}
