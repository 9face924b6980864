"""The only door to Temporal: begins cases, delivers facts, gives commands; what it can't deliver now waits stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from temporalio.client import Client

from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from db.tables import Case, CommandRow, InboxRow
from db.writes.commands import keep_command, load_command, refuse_command
from db.writes.imports import import_person
from db.writes.links import use_activation_link
from db.writes.opening import Opened, begin_case, open_requested_case
from db.writes.webhooks.inbox import mark_delivered
from domain.programs.imports import ImportedPerson
from domain.programs.opening import AnyRequest
from domain.programs.reports import describe_fact
from domain.shared.cases.commands import CommandData, CommandOrigin, CommandState, ResendNotice, Revoke, Withdraw
from domain.shared.cases.messages import Command, Report
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal, read_reason
from domain.shared.cases.stages import ENDED
from domain.shared.documents.faults import Fault, Invalid, load_faults
from domain.shared.ids import make_command_id as opaque_id
from domain.state.commands import AnswerQuestion, Decide
from domain.state.eligibility import Verdict
from starter.temporal import CaseWorkflows, NotRunning, RefusedByWorkflow, Unreachable
from workflows import messages as names


@dataclass(frozen=True)
class CommandOutcome:
    """What became of a command: applied, or pending because no worker answered; it is sent again under the same id."""

    command_id: str
    state: CommandState

    def document(self) -> dict[str, str]:
        """The command as JSON: its id and its state."""
        return {"command_id": self.command_id, "state": self.state}


def now() -> datetime:
    """The door's clock, in UTC."""
    return datetime.now(UTC)


class Cases:
    """What people and third parties can do with cases."""

    def __init__(self, client: Client, database: Database, identity_key: bytes, task_queue: str) -> None:
        self._workflows = CaseWorkflows(client, task_queue)
        self._database = database
        self._identity_key = identity_key

    @property
    def namespace(self) -> str:
        """The Temporal namespace in which the workflows run."""
        return self._workflows.namespace

    # beginning

    async def submit_request(self, request: AnyRequest, language: str | None = None) -> Opened:
        """Stores a request first and starts its workflow next; what is left between the two is reconciled.

        ``language`` is the one in which the agreement was shown, where it isn't the request's. Raises `Invalid` for
        what keeps it out, `SecondAccount` (B3) or another `Refusal` for another person's NPN or e-mail.
        """
        opened = await self._database.write(open_requested_case, self._identity_key, request, now(), language)
        if isinstance(opened, Refusal):
            raise opened
        return await self._start_opened(opened)

    async def begin_case(self, assister_id: str, program: str, plan_year: int, actor: str) -> Opened:
        """Opens the case of somebody known from earlier years without a form (A11)."""
        opened = await self._database.write(begin_case, assister_id, program, plan_year, actor, now())
        return await self._start_opened(opened)

    async def _start_opened(self, opened: Opened) -> Opened:
        if opened.created:
            await self.try_to_start(opened.case_id)
        return opened

    async def import_people(self, people: list[ImportedPerson], actor: str) -> list[dict[str, Any]]:
        """Stores earlier years, a transaction per person: one for all would keep everybody else from writing."""
        imported = []
        for one in people:
            assister_id, created = await self._database.write(import_person, self._identity_key, one, actor, now())
            imported.append({"assister_id": assister_id, "created": created, "program": one.program})
        return imported

    async def try_to_start(self, case_id: str) -> bool:
        """Starts the case's workflow; False when Temporal can't be reached now."""
        try:
            await self.start_workflow((await self._database.read(load_snapshot, case_id)).case)
        except Unreachable:
            return False
        return True

    async def start_workflow(self, case: Case) -> None:
        """Starts the workflow of a case; one that runs, or has run, is left alone. Raises `Unreachable`."""
        await self._workflows.start_workflow(case)

    # commands; each raises `Refusal` with the reason where it can't be done

    async def decide_eligibility(
        self,
        case_id: str,
        verdict: Verdict,
        reason: str,
        actor: str,
        override: str | None = None,
        command_id: str | None = None,
    ) -> CommandOutcome:
        """A staff decision, answered at once (A12)."""
        decision = Decide(verdict=verdict, override=override or None)
        return await self._give_command(decision, case_id, actor, reason, command_id)

    async def answer_question(
        self, case_id: str, changes: Mapping[str, Any], message: str, actor: str = "assister", shown: str | None = None
    ) -> CommandOutcome:
        """The assister's answer to a question of staff. Raises `Invalid` where the changed request isn't one.

        ``shown`` is the language in which the agreement was shown, where it is accepted along with the answer.
        """
        answer = AnswerQuestion(changes=dict(changes), language=shown)
        return await self._give_command(answer, case_id, actor, message)

    async def withdraw_request(
        self, case_id: str, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """The assister withdraws, or staff in their name."""
        return await self._give_command(Withdraw(), case_id, actor, reason, command_id)

    async def revoke_certification(
        self, case_id: str, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Staff revoke the certification."""
        return await self._give_command(Revoke(), case_id, actor, reason, command_id)

    async def resend_notice(
        self, case_id: str, notice: Notice, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Sends a notice again; a new activation link voids the old one (A28)."""
        return await self._give_command(ResendNotice(notice=notice), case_id, actor, reason, command_id)

    async def activate_account(self, token: str) -> str | None:
        """Uses up a counselor's activation link; the case's id, or None when the link is spent, expired or void."""
        row = await self._database.write(use_activation_link, token, now())
        if row is None:
            return None
        await self.send_command(row)
        return row.case_id

    async def _give_command(
        self, command: CommandData, case_id: str, actor: str, reason: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Keeps a command under the caller's id, unless it is refused, and has its workflow apply it."""
        reason = reason.strip()
        if not reason:
            raise Invalid([Fault("reason", "required")])
        origin = CommandOrigin(opaque_id(command_id, case_id), case_id, actor, reason, now())
        kept = await self._database.write(keep_command, self._identity_key, command, origin)
        if isinstance(kept, Reason):
            raise Refusal(kept)
        outcome = await self.send_command(kept)
        return replace(outcome, command_id=command_id or outcome.command_id)

    async def send_command(self, row: CommandRow) -> CommandOutcome:
        """Sends a stored command; under the same id it is never carried out twice."""
        if row.state == CommandState.PENDING:
            try:
                row = await self._have_applied(row)
            except Unreachable:
                return CommandOutcome(row.id, CommandState.PENDING)
        if row.state == CommandState.REFUSED:
            raise _read_refusal(row)
        return CommandOutcome(row.id, CommandState(row.state))

    async def _have_applied(self, row: CommandRow) -> CommandRow:
        """The command as its workflow has left it. Raises `Unreachable`, and `Refusal` where it was refused."""
        case = (await self._database.read(load_snapshot, row.case_id)).case
        try:
            await self._workflows.send_command(case, describe_command(row))
        except NotRunning:
            if case.run_id is None:
                await self.try_to_start(case.case_id)
                raise Unreachable from None
            await self._refuse_command(row, Reason("case_ended", {"stage": case.stage}))
        except RefusedByWorkflow as refused:
            await self._refuse_command(row, refused.reason)
        return await self._database.read(load_command, row.id)

    async def _refuse_command(self, row: CommandRow, why: Reason) -> NoReturn:
        await self._database.write(refuse_command, row.id, why, now())
        raise Refusal(why)

    # events

    async def deliver_event(self, row: InboxRow) -> bool:
        """Tells the workflow of a recorded fact, or begins the case first; False when Temporal can't be reached now."""
        if row.fact_id is None:
            return True
        snapshot = await self._database.read(load_snapshot, row.case_id, [row.fact_id])
        case = snapshot.case
        try:
            await self._workflows.send_report(case, names.SIGNAL_OF_SOURCE[row.source], describe_event(row, snapshot))
        except Unreachable:
            return False
        except NotRunning:
            if case.stage not in ENDED and case.run_id is None:
                return await self.try_to_start(row.case_id)  # and told in the next round
            await self._database.write(mark_delivered, _number_of(row), Reason("workflow_ended"))
            return True
        await self._database.write(mark_delivered, _number_of(row))
        return True

    async def deliver_events(self, rows: Sequence[InboxRow]) -> None:
        """Delivers what a webhook just brought."""
        for row in rows:
            await self.deliver_event(row)


def describe_command(row: CommandRow) -> Command:
    """What the workflow is told of a command: no personal data, and no reason."""
    return Command(
        case_id=row.case_id,
        command_id=row.id,
        kind=row.kind,
        verdict=str(row.data.get("verdict") or ""),
        notice=str(row.data.get("notice") or ""),
        answer_when_applied=True,
    )


def _read_refusal(row: CommandRow) -> Exception:
    """Why a command was refused: the fields at fault, or the reason; one of another release isn't known here."""
    faults = load_faults(row.data.get("faults", ()))
    return Invalid(faults) if faults else Refusal(read_reason(row.answer_code, row.answer_details) or Reason("not_now"))


def describe_event(row: InboxRow, snapshot: CaseSnapshot) -> Report:
    """The signal of an event; of one stored by an earlier release, which kept signals, the one it kept."""
    if row.message is not None:
        return Report.model_validate(row.message)
    fact = next(fact for fact in snapshot.facts if fact.id == row.fact_id)
    return describe_fact(row.case_id, fact, snapshot.state)


def _number_of(row: InboxRow) -> int:
    assert row.id is not None, "a stored row has a number"
    return row.id
