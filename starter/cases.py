"""The only door to Temporal: begins cases, delivers facts, gives commands; what it can't deliver now waits stored."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from db.case_state import CaseSnapshot, load_case, load_snapshot
from db.engine import Database
from db.reads.recovery.adverse_actions import find_followed_action
from db.reads.recovery.reconciliation import is_unclosed, list_repeats
from db.reads.rule_moves import RulesMove
from db.tables import Case, CommandRow, InboxRow
from db.writes.adverse_actions import note_restart
from db.writes.cases import flag_case
from db.writes.commands import keep_command, load_command, refuse_command
from db.writes.links import use_activation_link
from db.writes.opening import Opened, begin_case, open_requested_case
from db.writes.own.requests import take_request
from db.writes.recovery.restarts import WORKFLOW_GONE, free_case
from db.writes.webhooks.inbox import Received, mark_delivered
from domain.programs.commands import describe_command
from domain.programs.opening import AnyRequest
from domain.programs.reports import describe_fact
from domain.shared.cases.authority import AUTHORITY_FACTS, SuspensionKind
from domain.shared.cases.authors import THE_ASSISTER, OnBehalf, StepAuthor, WordMethod
from domain.shared.cases.commands import (
    IN_ENGLISH,
    CommandData,
    CommandOrigin,
    CommandState,
    CorrectName,
    GiveNotice,
    Lift,
    MoveRules,
    ResendNotice,
    Revoke,
    Suspend,
    Terminate,
    Withdraw,
    Wording,
)
from domain.shared.cases.events import EventSource
from domain.shared.cases.messages import Report
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal, read_reason
from domain.shared.cases.stages import ENDED
from domain.shared.documents.faults import Fault, Invalid, load_faults
from domain.shared.ids import make_command_id as opaque_id
from domain.shared.vouching import Voucher
from domain.state.commands import (
    AnswerQuestion,
    BeginAdverseAction,
    Decide,
    DisputeCheck,
    EndDispute,
    ReorderCheck,
    RepeatChecks,
    TakeQuestionBack,
)
from domain.state.eligibility import CheckSource, Verdict
from starter.client import RPC_TIMEOUT
from starter.temporal import CaseWorkflows, NotRunning, RefusedByWorkflow, Unreachable, WorkflowGone
from starter.told_events import ToldEvents
from workflows import messages as names

Row = TypeVar("Row", InboxRow, CommandRow)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CommandOutcome:
    """What became of a command: applied, or pending because no worker answered; it is sent again under the same id."""

    command_id: str
    state: CommandState

    def document(self) -> dict[str, str]:
        """The command as JSON: its id and its state."""
        return {"command_id": self.command_id, "state": self.state}


@dataclass(frozen=True)
class RestartOutcome:
    """Whether a case's workflow is begun again already, and which steps may be done twice, having left no record."""

    begun: bool
    may_repeat: list[str]


def now() -> datetime:
    """The door's clock, in UTC."""
    return datetime.now(UTC)


class Cases:
    """What people and third parties can do with cases."""

    def __init__(
        self,
        client: Client,
        database: Database,
        identity_key: bytes,
        task_queue: str,
        web_url: str = "",
        answer_within: timedelta = RPC_TIMEOUT,
    ) -> None:
        self._workflows = CaseWorkflows(client, task_queue, web_url, answer_within)
        self._database = database
        self._identity_key = identity_key
        self._told = ToldEvents(database)

    @property
    def temporal(self) -> Client:
        """The client of Temporal, for what is asked of the server itself."""
        return self._workflows.client

    @property
    def namespace(self) -> str:
        """The Temporal namespace in which the workflows run."""
        return self._workflows.namespace

    # beginning

    async def submit_request(
        self, request: AnyRequest, voucher: Voucher | None = None, shown: Mapping[str, str] | None = None
    ) -> Opened:
        """Stores a request first and starts its workflow next; what is left between the two is reconciled.

        ``voucher`` and ``shown`` as in `open_requested_case`. Raises `Invalid` for what keeps it out,
        `SecondAccount` (B3) or another `Refusal` for another person's NPN or e-mail.
        """
        opened = await self._database.write(open_requested_case, self._identity_key, request, now(), shown, voucher)
        if isinstance(opened, Refusal):
            raise opened
        return await self._start_opened(opened)

    async def take_request(self, request: AnyRequest, draft: str, shown: Mapping[str, str] | None = None) -> str | None:
        """Takes a request of the public's form, by somebody who has confirmed its e-mail address.

        Who sent it is answered alike whatever becomes of it; what isn't a new case is told by mail (D4). Answers the
        case to be begun by `try_to_start`, once they are answered: that it takes longer would tell. ``draft`` is the
        secret of the form's draft.
        """
        opened = await self._database.write(take_request, self._identity_key, request, draft, now(), shown)
        return opened.case_id if opened is not None and opened.created else None

    async def begin_case(self, assister_id: str, program: str, plan_year: int, actor: str) -> Opened:
        """Opens the case of somebody known from earlier years without a form (A11)."""
        opened = await self._database.write(begin_case, assister_id, program, plan_year, actor, now())
        return await self._start_opened(opened)

    async def _start_opened(self, opened: Opened) -> Opened:
        if opened.created:
            await self.try_to_start(opened.case_id)
        return opened

    async def try_to_start(self, case_id: str) -> bool:
        """Starts the case's workflow; False when Temporal can't be reached now, or won't have it: it is stored."""
        try:
            await self.start_workflow(await self._database.read(load_case, case_id))
        except (Unreachable, RPCError) as error:
            log.warning("workflow not started", case=case_id, error=type(error).__name__)
            return False
        return True

    async def start_workflow(self, case: Case) -> None:
        """Starts the workflow of a case; one that runs is left alone.

        Raises `Unreachable`, and `WorkflowGone` with the case flagged where its workflow has run and ended.
        """
        if not await self._workflows.start_workflow(case):
            raise await self._flag_gone(case.case_id)

    async def restart_case(self, case_id: str, reason: str, actor: str) -> RestartOutcome:
        """Begins the workflow of a case again from what is recorded, at once or a little later.

        Where it runs, and the workflow of its adverse action alone is lost, that is begun again. Raises `Refusal` for a
        case that has ended with all its closing actions, or whose workflow runs, `UnknownCase`, and `Unreachable`.
        """
        if not reason.strip():
            raise Invalid([Fault("reason", "required")])
        case = await self._database.read(load_case, case_id)
        is_running = await self._workflows.is_running(case)
        is_over = case.stage in ENDED and (is_running or not await self._database.read(is_unclosed, case_id))
        if (is_over or is_running) and await self._restart_following(case_id, reason.strip(), actor):
            return RestartOutcome(True, [])
        if is_over:
            raise Refusal(Reason("case_ended", {"stage": case.stage}))
        if is_running:
            raise Refusal(Reason("workflow_runs"))
        known = await self._workflows.read_last_progress(case)
        repeats = await self._database.read(list_repeats, case_id, known) if known else []
        await self._database.write(free_case, case, actor, reason.strip(), now(), repeats)
        return RestartOutcome(await self.try_to_start(case_id), repeats)

    async def _restart_following(self, case_id: str, reason: str, actor: str) -> bool:
        """Begins the workflow of a case's adverse action again; False where none has to run, or it runs (E8)."""
        followed = await self._database.read(find_followed_action, case_id)
        if followed is None or not await self._workflows.begin_adverse_following(followed):
            return False
        await self._database.write(note_restart, case_id, actor, reason, now())
        return True

    async def _flag_gone(self, case_id: str) -> WorkflowGone:
        """Flags an open case whose workflow isn't running; what is to be raised then."""
        await self._database.write(flag_case, case_id, WORKFLOW_GONE, now(), Reason("workflow_not_running"))
        return WorkflowGone()

    # commands; each raises `Refusal` with the reason where it can't be done; `wording` is how the assister is told why

    async def decide_eligibility(
        self,
        case_id: str,
        verdict: Verdict,
        reason: str,
        actor: str,
        override: str | None = None,
        command_id: str | None = None,
        *,
        in_bulk: bool = False,
        fields: Sequence[str] = (),
        wording: Wording = IN_ENGLISH,
    ) -> CommandOutcome:
        """A staff decision, answered at once (A12); ``in_bulk`` where it comes from a list, of cases unopened.

        A question may name the ``fields`` of the request it is about. Raises `Invalid` for those that the form of this
        kind doesn't have.
        """
        named, said = tuple(dict.fromkeys(fields)), wording.list_given()
        decision = Decide(verdict=verdict, override=override or None, in_bulk=in_bulk, fields=named, **said)
        return await self._give_command(decision, case_id, actor, reason, command_id)

    async def answer_question(
        self,
        case_id: str,
        changes: Mapping[str, Any],
        message: str,
        author: StepAuthor = THE_ASSISTER,
        shown: str | None = None,
        command_id: str | None = None,
    ) -> CommandOutcome:
        """The assister's answer to a question of staff. Raises `Invalid` where the changed request isn't one.

        ``shown`` is the language of the agreement, or of the text about the background check, that is accepted or
        consented to along with the answer.
        """
        answer = AnswerQuestion(changes=dict(changes), language=shown, on_behalf=author.on_behalf)
        return await self._give_command(answer, case_id, author.actor, message, command_id)

    async def take_question_back(
        self, case_id: str, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Staff take the open question back: the case goes on where it was, and the assister is told (A12).

        It is refused where the assister has answered, though nobody has carried that out yet.
        """
        return await self._give_command(TakeQuestionBack(), case_id, actor, reason, command_id)

    async def withdraw_request(
        self,
        case_id: str,
        reason: str,
        actor: str,
        command_id: str | None = None,
        method: WordMethod | None = None,
        *,
        wording: Wording = IN_ENGLISH,
    ) -> CommandOutcome:
        """The assister withdraws, or staff: of their own, or where ``method`` says how they have it, at their wish."""
        on_behalf = OnBehalf(method=method, reason=reason) if method else None
        command = Withdraw(on_behalf=on_behalf, **wording.list_given())
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def revoke_certification(
        self, case_id: str, reason: str, actor: str, command_id: str | None = None, *, wording: Wording = IN_ENGLISH
    ) -> CommandOutcome:
        """Staff revoke the certification."""
        return await self._give_command(Revoke(**wording.list_given()), case_id, actor, reason, command_id)

    async def suspend_authority(
        self,
        case_id: str,
        kind: SuspensionKind,
        reason: str,
        actor: str,
        until: date | None = None,
        command_id: str | None = None,
        *,
        at_once: bool = False,
        wording: Wording = IN_ENGLISH,
    ) -> CommandOutcome:
        """Staff suspend the authority to assist; ``until`` is the last day, None for the policy's last (E4).

        One that is ordered ``at_once`` counts while it is appealed, too (E7).
        Raises `Invalid` for a day that the policy doesn't allow.
        """
        command = Suspend(suspension=kind, until=until, at_once=at_once, **wording.list_given())
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def lift_suspension(
        self,
        case_id: str,
        reason: str,
        actor: str,
        suspension_id: str | None = None,
        command_id: str | None = None,
        *,
        termination: bool = False,
        wording: Wording = IN_ENGLISH,
    ) -> CommandOutcome:
        """Staff lift a suspension, or every one that they ordered; or take back a termination (E4)."""
        command = Lift(suspension_id=suspension_id or None, termination=termination, **wording.list_given())
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def terminate_authority(
        self,
        case_id: str,
        reason: str,
        actor: str,
        command_id: str | None = None,
        *,
        at_once: bool = False,
        wording: Wording = IN_ENGLISH,
    ) -> CommandOutcome:
        """Staff terminate: after the policy's days of notice, or at once, which ends the case (E4)."""
        command = (Terminate if at_once else GiveNotice)(**wording.list_given())
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def resend_notice(
        self, case_id: str, notice: Notice, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Sends a notice again; a new activation link voids the old one (A28)."""
        return await self._give_command(ResendNotice(notice=notice), case_id, actor, reason, command_id)

    async def reorder_check(
        self, case_id: str, reason: str, actor: str, consent: str | None = None, command_id: str | None = None
    ) -> CommandOutcome:
        """Has a background check ordered anew of which nothing comes any more (E8).

        ``consent`` says how the assister agreed, where they have not by their request.
        """
        command = ReorderCheck(consent=(consent or "").strip() or None)
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def repeat_checks(
        self,
        case_id: str,
        reason: str,
        actor: str,
        source: CheckSource | None = None,
        command_id: str | None = None,
    ) -> CommandOutcome:
        """Has checks made again that staff decide on, of one source or of every one (A13)."""
        return await self._give_command(RepeatChecks(source=source), case_id, actor, reason, command_id)

    async def begin_adverse_action(
        self, case_id: str, reason: str, actor: str, command_id: str | None = None, *, wording: Wording = IN_ENGLISH
    ) -> CommandOutcome:
        """Staff give notice that the background report may lead to a denial (E8)."""
        command = BeginAdverseAction(**wording.list_given())
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def dispute_check(
        self, case_id: str, reason: str, author: StepAuthor = THE_ASSISTER, command_id: str | None = None
    ) -> CommandOutcome:
        """The assister disputes the background report, or staff for them; ``reason`` is what is wrong with it (E8)."""
        command = DisputeCheck(on_behalf=author.on_behalf)
        return await self._give_command(command, case_id, author.actor, reason, command_id)

    async def end_dispute(self, case_id: str, reason: str, actor: str, command_id: str | None = None) -> CommandOutcome:
        """Staff say that a dispute is over, where the vendor doesn't report it (E8)."""
        return await self._give_command(EndDispute(), case_id, actor, reason, command_id)

    async def correct_name(
        self, case_id: str, command: CorrectName, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Corrects the name of who is certified: a new certificate supersedes the one before (E11)."""
        return await self._give_command(command, case_id, actor, reason, command_id)

    async def move_rules(
        self, move: RulesMove, rules_hash: str, reason: str, actor: str, command_id: str | None = None
    ) -> CommandOutcome:
        """Has a case go by other rules, which are kept under their hash already (E12)."""
        command = MoveRules(rules_hash=rules_hash, former_hash=move.rules_hash)
        return await self._give_command(command, move.case_id, actor, reason, command_id)

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
        """The command as its workflow has left it. Raises `Unreachable`."""
        case = await self._database.read(load_case, row.case_id)
        await self._await_claim(case)
        try:
            await self._workflows.send_command(case, describe_command(row.id, row.case_id, row.kind, row.data))
        except NotRunning:
            ended = Reason("case_ended", {"stage": await self._find_ended_stage(case)})
            await self._database.write(refuse_command, row.id, ended, now())
        except RefusedByWorkflow as refused:
            await self._database.write(refuse_command, row.id, refused.reason, now())
        return await self._database.read(load_command, row.id)

    async def _await_claim(self, case: Case) -> None:
        """Raises `Unreachable` while a workflow that is begun again has not taken on what is recorded."""
        if case.restarted_at is not None and case.run_id is None:
            await self.start_workflow(case)
            raise Unreachable

    async def _find_ended_stage(self, case: Case) -> str:
        """Of a case whose workflow isn't running: the stage it has ended in.

        Raises `Unreachable` for one that is still to be begun, `WorkflowGone` for any other open one.
        """
        case = await self._database.read(load_case, case.case_id)  # it may have ended just now
        if case.stage in ENDED:
            return case.stage
        if case.run_id is None:
            await self.start_workflow(case)
            raise Unreachable
        if await self._workflows.is_running(case):  # its run has just ended, and its next one has begun
            raise Unreachable
        raise await self._flag_gone(case.case_id)

    # events

    async def deliver_received(self, received: Received) -> None:
        """Delivers what a webhook just brought, from what is known of its cases; the rest is told later.

        That it was told is noted in a moment, together with what else was told by then.
        """
        for case_id, of_case in group_by_case(received.to_deliver).items():
            with suppress(Unreachable):
                await self.deliver_to_case(case_id, of_case, received.snapshots.get(case_id), note_together=True)

    async def deliver_events(self, rows: Sequence[InboxRow]) -> bool:
        """Delivers what staff or an assister just brought; whether all was told. The rest is told later."""
        told = True
        for case_id, of_case in group_by_case(rows).items():
            try:
                told = not await self.deliver_to_case(case_id, of_case) and told
            except Unreachable:
                told = False
        return told

    async def deliver_to_case(
        self,
        case_id: str,
        rows: Sequence[InboxRow],
        snapshot: CaseSnapshot | None = None,
        *,
        note_together: bool = False,
    ) -> list[tuple[InboxRow, Exception]]:
        """Tells a case's workflow of recorded facts, in their order; answers which it could not be told, and why.

        ``snapshot`` is the case with these facts, where it is known. Raises `Unreachable` where nothing can be told
        now; what was told by then is marked, or with ``note_together`` in a moment.
        """
        fact_ids = {row.fact_id for row in rows if row.fact_id is not None}
        if snapshot is None or not fact_ids <= {fact.id for fact in snapshot.facts}:
            snapshot = await self._database.read(load_snapshot, case_id, fact_ids)
        told: list[int] = []
        failed: list[tuple[InboxRow, Exception]] = []
        try:
            for row in rows:
                try:
                    await self._send_report(snapshot, row)
                    told.append(_number_of(row))
                except (Unreachable, NotRunning):
                    raise
                except Exception as error:
                    failed.append((row, error))
        except NotRunning:
            await self._find_ended_stage(snapshot.case)
            await self._database.write(
                mark_delivered, [_number_of(row) for row in rows], now(), Reason("workflow_ended")
            )
            return []
        finally:
            if told and note_together:
                self._told.add_told(told)
            elif told:
                await self._database.write(mark_delivered, told, now())
        return failed

    async def _send_report(self, snapshot: CaseSnapshot, row: InboxRow) -> None:
        if row.fact_id is not None:
            report = describe_event(row, snapshot)
            await self._workflows.send_report(snapshot.case, names.SIGNAL_OF_SOURCE[row.source], report)

    async def close(self) -> None:
        """Notes what was told and isn't noted yet."""
        await self._told.close()

    async def can_reach_temporal(self) -> bool:
        """Whether the Temporal server answers."""
        return await self._workflows.can_reach_server()


def group_by_case(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Events or commands by their case, each in the order given."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.case_id, []).append(row)
    return found


def _read_refusal(row: CommandRow) -> Exception:
    """Why a command was refused: the fields at fault, or the reason; one of another release isn't known here."""
    faults = load_faults(row.data.get("faults", ()))
    return Invalid(faults) if faults else Refusal(read_reason(row.answer_code, row.answer_details) or Reason("not_now"))


def describe_event(row: InboxRow, snapshot: CaseSnapshot) -> Report:
    """The signal of an event; of one stored by an earlier release, which kept signals, the one it kept."""
    if row.message is not None:
        return Report.model_validate(row.message)
    fact = next(fact for fact in snapshot.facts if fact.id == row.fact_id)
    report = describe_fact(row.case_id, fact, snapshot.take_registration_snapshot(), snapshot.state)
    if row.source == EventSource.AUTHORITY or fact.kind in AUTHORITY_FACTS:
        return report.model_copy(update={"authority": snapshot.take_authority_snapshot()})
    adverse_action = snapshot.take_adverse_snapshot()
    return report.model_copy(update={"adverse_action": adverse_action}) if adverse_action.number else report


def _number_of(row: InboxRow) -> int:
    assert row.id is not None, "a stored row has a number"
    return row.id
