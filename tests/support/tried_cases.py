"""A case in the running system, to which arrivals of the table of stages are sent."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from temporalio.service import RPCError

from db.case_state import any_policy_of, load_case
from db.tables import InboxRow
from db.writes.appeals.deciding import DecisionOnAppeal
from db.writes.appeals.filing import Filing
from db.writes.commands import keep_command
from db.writes.kept_rules import keep_rules
from db.writes.opening import Opened
from db.writes.suspensions import NewSuspension, file_rebuttal, restore_authority, suspend_authority
from db.writes.webhooks.inbox import (
    Received,
    accept_background_report,
    accept_portal_report,
    accept_statements,
)
from domain.programs.stage_table.table import Place
from domain.shared.cases.appeals import AppealOutcome, FilingMethod
from domain.shared.cases.authority import SuspensionCause, SuspensionKind
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.commands import (
    CommandData,
    CommandOrigin,
    CommandState,
    GiveNotice,
    Lift,
    MoveRules,
    ResendNotice,
    Revoke,
    Suspend,
    Terminate,
    Withdraw,
)
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.state.background_reports import BackgroundReport
from domain.state.commands import AnswerQuestion, Decide, ReorderCheck
from domain.state.eligibility import Verdict
from domain.state.policies import find_state_policy
from domain.state.portal_reports import PORTAL_FACT, parse_portal_report
from starter.appeals import Appeals
from tests.support import documents
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from tests.support.senders import CHECKS, LMS, PORTAL
from tests.support.table_model import TableModel

LAPSED = SuspensionCause.LICENSE_LAPSED
STAFF = "staff:sample"

LEARNED = {
    "lms_registered": ("registered", "account"),
    "lms_profile_completed": ("completed", "profile"),
    "course_started": ("initialized", "course"),
    "course_completed": ("completed", "course"),
}
SCORES = {"exam_attempted (passed)": 0.8, "exam_attempted (failed)": 0.79}
CHECKED = {"background_reported (clear)": "clear", "background_reported (consider)": "consider"}
PORTAL_EVENTS = {kind.value: event.value for event, kind in PORTAL_FACT.items()}
LICENSED = ("authority_suspended (license_lapsed)", "authority_restored (license_lapsed)")
REPORTS = [*LEARNED, *SCORES, *CHECKED, *PORTAL_EVENTS, *LICENSED]
NOTICES = (Notice.REQUEST_RECEIVED, Notice.LMS_INVITATION, Notice.CERTIFICATE_ISSUED, Notice.AUTHORITY_SUSPENDED)
COMMANDS: dict[str, CommandData] = {
    "decide (approve)": Decide(verdict=Verdict.APPROVE),
    "decide (approve, override)": Decide(verdict=Verdict.APPROVE, override="seen on paper"),
    "decide (ask)": Decide(verdict=Verdict.ASK),
    "answer": AnswerQuestion(changes={}),
    "reorder_check": ReorderCheck(),
    "suspend (agreement)": Suspend(suspension=SuspensionKind.AGREEMENT),
    "suspend (system)": Suspend(suspension=SuspensionKind.SYSTEM),
    "lift (every suspension ordered)": Lift(),
    "lift (notice of a termination)": Lift(termination=True),
    "give_notice": GiveNotice(),
    "move_rules": MoveRules(rules_hash="", former_hash=""),
    **{f"resend ({notice})": ResendNotice(notice=notice) for notice in NOTICES},
}
PROVEN, REBUTTED = "npn_proven", "rebuttal_filed"
FILED, TAKEN_BACK = "appeal_filed (in time)", "appeal_withdrawn"
DECIDED = {f"appeal_decided ({outcome})": outcome for outcome in AppealOutcome}
ON_APPEAL = (FILED, TAKEN_BACK, *DECIDED)
REVIEWERS = ("staff:first", "staff:second")
# Sent once: they have no id by which a repeat would be known.
ONCE = (PROVEN, *ON_APPEAL)
ENDS: dict[str, CommandData] = {
    "decide (deny)": Decide(verdict=Verdict.DENY),
    "withdraw": Withdraw(),
    "revoke": Revoke(),
    "terminate (at once)": Terminate(),
}


class TriedCase:
    """A case in the running system, to which arrivals of the table are sent, each twice under one id."""

    once: tuple[str, ...] = ONCE

    def __init__(self, inside: Inside, opened: Opened) -> None:
        self.inside = inside
        self.opened = opened
        self.lapse = ""
        self._rules: list[str] = []
        self._given: dict[str, CommandData] = {}

    async def receive(self, name: str) -> str | None:
        """Sends this twice, where it has an id; the code of why it was refused, the same both times, else None."""
        at, unique = datetime.now(UTC), str(uuid4())
        if name == LICENSED[0]:
            self.lapse = self.lapse or unique
        found = [await self._send(name, unique, at) for _ in range(1 if name in self.once else 2)]
        if name in LICENSED:  # what changes nothing is not written, and nobody is told why
            return found[0]
        assert len(set(found)) == 1, f"{name} sent again was answered otherwise"
        return found[0]

    async def _send(self, name: str, unique: str, at: datetime) -> str | None:
        if command := (COMMANDS | ENDS).get(name):
            return await self._command(self._given.setdefault(unique, await self._complete(command)), unique, at)
        if name in LICENSED:
            return await self._change_license(name, at)
        try:
            if await self._act(name, unique, at):
                return None
        except Refusal as refused:
            return refused.reason.code
        try:
            received = await self._report(name, unique, at)
        except Invalid as invalid:
            return invalid.faults[0].code
        await self.inside.cases.deliver_events(received.to_deliver)
        return await self._find_note(unique)

    async def _act(self, name: str, unique: str, at: datetime) -> bool:
        """Does what is neither a command nor a report, if this is such. Raises `Refusal`."""
        if name == REBUTTED:
            case_id = self.opened.case_id
            await self.inside.database.write(file_rebuttal, case_id, f"sample words {unique}", THE_ASSISTER, at)
        elif name == PROVEN:
            await self.inside.proven(self.opened)
        elif name in ON_APPEAL:
            await self._appeal(name)
        else:
            return False
        return True

    async def _appeal(self, name: str) -> None:
        """Files an appeal, takes it back or decides it; what is upheld is so in both phases."""
        inside, case_id = self.inside, self.opened.case_id
        appeals = Appeals(inside.client, inside.database, inside.cases, inside.settings.task_queue)
        if name == FILED:
            await appeals.file_appeal(Filing(case_id, "assister", FilingMethod.OWN_PAGE, "sample grounds"))
            return
        if name == TAKEN_BACK:
            await appeals.withdraw_appeal(case_id, "a sample reason", "assister")
            return
        for reviewer in REVIEWERS[: 2 if DECIDED[name] is AppealOutcome.UPHELD else 1]:
            await appeals.decide_appeal(DecisionOnAppeal(case_id, reviewer, DECIDED[name], "a sample reason"))

    async def _complete(self, command: CommandData) -> CommandData:
        return await self._find_rules() if isinstance(command, MoveRules) else command

    async def _find_rules(self) -> MoveRules:
        """Other rules than those the case goes by now, and back: what differs is nothing that a place depends on."""
        read, case_id = self.inside.database.read, self.opened.case_id
        case = await read(load_case, case_id)
        self._rules = self._rules or [case.rules_hash]
        if len(self._rules) == 1:
            policy = await read(lambda session: any_policy_of(session, case))
            suspension = policy.suspension.model_copy(update={"rebuttal_answer_days": 99})
            other = policy.model_copy(update={"suspension": suspension})
            self._rules.append(await self.inside.database.write(keep_rules, other, datetime.now(UTC)))
        (wanted,) = (one for one in self._rules if one != case.rules_hash)
        return MoveRules(rules_hash=wanted, former_hash=case.rules_hash)

    async def _command(self, command: CommandData, unique: str, at: datetime) -> str | None:
        key = self.inside.settings.identity_key_bytes
        origin = CommandOrigin(unique, self.opened.case_id, STAFF, "a sample reason", at)
        kept = await self.inside.database.write(keep_command, key, command, origin)
        if isinstance(kept, Reason):
            return kept.code
        try:
            async with asyncio.timeout(PATIENCE):
                while (await self.inside.cases.send_command(kept)).state is CommandState.PENDING:
                    await asyncio.sleep(0.05)
        except Refusal as refused:
            return refused.reason.code
        return None

    async def _change_license(self, name: str, at: datetime) -> str | None:
        """The watch writes nothing where nothing changes, so that there is no code."""
        case_id, write = self.opened.case_id, self.inside.database.write
        if name == LICENSED[0]:
            told = await write(suspend_authority, case_id, NewSuspension(self.lapse, LAPSED), at)
        else:
            told = await write(restore_authority, case_id, self.lapse, LAPSED, at)
            self.lapse = "" if told else self.lapse
        await self.inside.cases.deliver_events(told)
        return None if told else "nothing"

    async def _report(self, name: str, unique: str, at: datetime) -> Received:
        write = self.inside.database.write
        if name in CHECKED:
            report = BackgroundReport(
                unique, "report.completed", None, self.opened.case_id, "complete", CHECKED[name], unique
            )
            return await write(accept_background_report, CHECKS, report, at)
        if name in PORTAL_EVENTS:
            body = {"type": PORTAL_EVENTS[name], "case_id": self.opened.case_id, "occurred_at": at.isoformat()}
            return await write(accept_portal_report, PORTAL, unique, *parse_portal_report(body), body, at)
        policy = find_state_policy("bewellnm", 2024)
        assert policy is not None
        ids, who = policy.model_dump(mode="json"), self.opened.document()
        told: dict[str, Any] = {"id": unique, "timestamp": at.isoformat()}
        said = (
            documents.exam(ids, who, SCORES[name], **told)
            if name in SCORES
            else documents.statement(ids, who, *LEARNED[name], **told)
        )
        statements = read_statements(read_json(json.dumps([said]).encode()))
        return await write(accept_statements, LMS, statements, at)

    async def _find_note(self, unique: str) -> str | None:
        """Why a report that is stored has no effect."""
        return await self.inside.database.read(_find_note, unique)

    def _find_known_place(self, place: Place) -> tuple[Stage, WaitingFor | None] | None:
        """Where the case's workflow stands, None where it has ended, as while an appeal is under way.

        That an exam was passed it is told once the NPN is proven, too (D2).
        """
        if place.stage is Stage.UNDER_APPEAL:
            return None
        is_unproven = place.stage is Stage.AWAITING_EXAM_PASS and place.waiting_for is WaitingFor.NPN_PROOF
        return place.stage, WaitingFor.EXAM_PASS if is_unproven else place.waiting_for

    async def agree(self, model: TableModel, told: str) -> None:
        """Waits until database and workflow are where the model is."""
        place = model.place
        shown = (place.shown_stage, place.shown_wait)
        journey = self._find_known_place(place)
        seen: list[Any] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while seen != [shown, journey, model.may_assist]:
                    await asyncio.sleep(0.02)
                    seen = await self._look(has_workflow=journey is not None)
        except TimeoutError:
            raise AssertionError(f"after {told}: the table says {place}, the system {seen}") from None

    async def _look(self, *, has_workflow: bool) -> list[Any]:
        status = await self.inside.status(self.opened)
        if not has_workflow:
            return [(status["stage"], status["waiting_for"]), None, status["may_assist"]]
        try:
            progress = await self.inside.progress(self.opened)
        except RPCError:  # between two tasks, or two runs
            return []
        said = progress.stage, progress.waiting_for or None
        return [(status["stage"], status["waiting_for"]), said, status["may_assist"]]


def _find_note(session: Any, event_id: str) -> str | None:
    found = session.query(InboxRow).filter(InboxRow.event_id == event_id).one()
    code: str | None = found.note_code if found.fact_id is None else None
    return code
