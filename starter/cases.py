"""The only door to Temporal: cases are begun, told of facts and given commands; nothing is lost when it is down."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from db.tables import Case, CommandRow, InboxRow
from db.writes.commands import (
    check_answer,
    find_command_state,
    load_command,
    note_refusal,
    refuse_command,
    store_command,
)
from db.writes.imports import import_person
from db.writes.links import use_activation_link
from db.writes.opening import Opened, begin_case, open_requested_case
from db.writes.webhooks.inbox import mark_delivered
from domain.programs.commands import find_refusal
from domain.programs.imports import ImportedPerson
from domain.programs.opening import AnyRequest
from domain.programs.reports import describe_fact
from domain.shared.commands import CommandKind
from domain.shared.faults import Fault, Invalid, load_faults
from domain.shared.ids import make_command_id as opaque_id
from domain.shared.messages import Begin, Command, Report
from domain.shared.notices import Notice
from domain.shared.reasons import Reason, Refusal, read_reason
from domain.shared.stages import ENDED
from domain.state.eligibility import Verdict
from starter.client import RPC_TIMEOUT
from workflows import messages as names

APPLIED, PENDING = "applied", "pending"


@dataclass(frozen=True)
class Answer:
    """What became of a command: applied, or pending because no worker answered; it is sent again under the same id."""

    command_id: str
    state: str


def now() -> datetime:
    """The door's clock, in UTC."""
    return datetime.now(UTC)


class Cases:
    """What people and third parties can do with cases."""

    def __init__(self, client: Client, database: Database, identity_key: bytes, task_queue: str) -> None:
        self._client = client
        self._database = database
        self._identity_key = identity_key
        self._task_queue = task_queue

    @property
    def namespace(self) -> str:
        """The Temporal namespace in which the workflows run."""
        return self._client.namespace

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
        """Stores earlier years, a transaction per person."""
        imported = []
        for one in people:
            assister_id, created = await self._database.write(import_person, self._identity_key, one, actor, now())
            imported.append({"assister_id": assister_id, "created": created, "program": one.program})
        return imported

    async def try_to_start(self, case_id: str) -> bool:
        """Starts the case's workflow; False when Temporal can't be reached now."""
        try:
            await self.start((await self._database.read(load_snapshot, case_id)).case)
        except Unreachable:
            return False
        return True

    async def start(self, case: Case) -> None:
        """Starts the workflow of a case; one that runs, or has run, is left alone. Raises `Unreachable`."""
        with suppress(WorkflowAlreadyStartedError), _reaching():
            await self._client.start_workflow(
                names.WORKFLOW_OF_PROGRAM[case.program],
                Begin(case_id=case.case_id, program=case.program, plan_year=case.plan_year),
                id=case.workflow_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=_search_attributes(case),
                static_summary=f"{case.kind.replace('_', ' ')}, plan year {case.plan_year}, {case.assister_type}",
                rpc_timeout=RPC_TIMEOUT,
            )

    # commands

    async def decide(
        self,
        case_id: str,
        verdict: Verdict,
        reason: str,
        actor: str,
        override: str | None = None,
        command_id: str | None = None,
    ) -> Answer:
        """A staff decision, answered at once (A12). Raises `Refusal` with the reason where it can't be done."""
        data = {"verdict": verdict.value, "override": override or None}
        return await self._command(CommandKind.DECIDE, case_id, actor, reason, data, command_id)

    async def answer(
        self,
        case_id: str,
        changes: Mapping[str, Any],
        message: str,
        actor: str = "assister",
        shown: str | None = None,
    ) -> Answer:
        """The assister's answer to a question of staff. Raises `Invalid` where the changed request isn't one."""
        view = await self._database.read(load_snapshot, case_id)
        why = find_refusal(CommandKind.ANSWER, view.state)
        if why:
            raise Refusal(why)
        await self._database.read(check_answer, self._identity_key, case_id, dict(changes))
        data = {"changes": dict(changes), "language": shown}
        return await self._command(CommandKind.ANSWER, case_id, actor, message, data, None)

    async def withdraw(self, case_id: str, reason: str, actor: str, command_id: str | None = None) -> Answer:
        """The assister withdraws, or staff in their name."""
        return await self._command(CommandKind.WITHDRAW, case_id, actor, reason, {}, command_id)

    async def revoke(self, case_id: str, reason: str, actor: str, command_id: str | None = None) -> Answer:
        """Staff revoke the certification."""
        return await self._command(CommandKind.REVOKE, case_id, actor, reason, {}, command_id)

    async def resend(
        self, case_id: str, notice: Notice, reason: str, actor: str, command_id: str | None = None
    ) -> Answer:
        """Sends a notice again; a new activation link voids the old one (A28)."""
        return await self._command(CommandKind.RESEND, case_id, actor, reason, {"notice": notice.value}, command_id)

    async def activate(self, token: str) -> str | None:
        """Uses up a counselor's activation link; the case's id, or None when the link is spent, expired or void."""
        row = await self._database.write(use_activation_link, token, now())
        if row is None:
            return None
        await self.send_command(row)
        return row.case_id

    async def _command(
        self, kind: CommandKind, case_id: str, actor: str, reason: str, data: dict[str, Any], command_id: str | None
    ) -> Answer:
        """Checks, stores under the caller's id, sends as an update with that id; its workflow applies it, once."""
        reason = reason.strip()
        if not reason:
            raise Invalid([Fault("reason", "required")])
        view = await self._database.read(load_snapshot, case_id)
        given, command_id = command_id, opaque_id(command_id, case_id)
        if await self._database.read(find_command_state, command_id) is None:
            verdict = Verdict(data["verdict"]) if "verdict" in data else None
            notice = Notice(data["notice"]) if "notice" in data else None
            why = find_refusal(kind, view.state, verdict, data.get("override"), notice)
            if why:
                await self._database.write(note_refusal, case_id, kind, actor, reason, why, now())
                raise Refusal(why)
        row = await self._database.write(store_command, command_id, case_id, kind, actor, reason, data, now())
        answer = await self.send_command(row)
        return replace(answer, command_id=given or answer.command_id)

    async def send_command(self, row: CommandRow) -> Answer:
        """Sends a stored command; under the same id it is never carried out twice."""
        if row.state == "refused":
            raise _refusal(row)
        if row.state == "pending":
            view = await self._database.read(load_snapshot, row.case_id)
            try:
                await self._update(view.case, row)
            except Unreachable:
                return Answer(row.id, PENDING)
            except _RefusedByWorkflow as refused:
                await self._database.write(refuse_command, row.id, refused.reason, now())
                raise Refusal(refused.reason) from None
            row = await self._database.read(load_command, row.id)
            if row.state == "refused":
                raise _refusal(row)
        return Answer(row.id, APPLIED if row.state == APPLIED else PENDING)

    async def _update(self, case: Case, row: CommandRow) -> None:
        command = Command(
            case_id=row.case_id,
            command_id=row.id,
            kind=row.kind,
            verdict=str(row.data.get("verdict") or ""),
            notice=str(row.data.get("notice") or ""),
            answer_when_applied=True,
        )
        handle = self._client.get_workflow_handle(case.workflow_id)
        try:
            with _reaching():
                await handle.execute_update(row.kind, command, id=row.id, result_type=str, rpc_timeout=RPC_TIMEOUT)
        except WorkflowUpdateFailedError as failed:
            raise _RefusedByWorkflow(_read_refusal(failed.cause)) from None
        except _NotRunning:
            if case.run_id is None:
                await self.try_to_start(case.case_id)
                raise Unreachable from None
            raise _RefusedByWorkflow(Reason("case_ended", {"stage": case.stage})) from None

    # webhooks' facts

    async def deliver_event(self, row: InboxRow) -> bool:
        """Tells the workflow of a recorded fact, or begins the case first; False when Temporal can't be reached now."""
        if row.fact_id is None:
            return True
        snapshot = await self._database.read(load_snapshot, row.case_id)
        case, handle = snapshot.case, self._client.get_workflow_handle(snapshot.case.workflow_id)
        report = describe_event(row, snapshot)
        try:
            with _reaching():
                await handle.signal(names.SIGNAL_OF_SOURCE[row.source], report, rpc_timeout=RPC_TIMEOUT)
        except Unreachable:
            return False
        except _NotRunning:
            if case.stage not in ENDED and case.run_id is None:
                return await self.try_to_start(row.case_id)  # and told in the next round
            await self._database.write(mark_delivered, _id(row), Reason("workflow_ended"))
            return True
        await self._database.write(mark_delivered, _id(row))
        return True

    async def deliver_events(self, rows: Sequence[InboxRow]) -> None:
        """Delivers what a webhook just brought."""
        for row in rows:
            await self.deliver_event(row)


def _refusal(row: CommandRow) -> Exception:
    """Why a command was refused: the fields at fault, or the reason; one of another release isn't known here."""
    faults = load_faults(row.data.get("faults", ()))
    return Invalid(faults) if faults else Refusal(read_reason(row.answer_code, row.answer_details) or Reason("not_now"))


def _read_refusal(cause: BaseException | None) -> Reason:
    """Why the workflow refused a command; a worker of a release before codes says it in a sentence alone."""
    if isinstance(cause, ApplicationError) and len(cause.details) == 2:
        code, details = cause.details
        return read_reason(code, details) or Reason("not_now")
    return Reason("not_now")


class Unreachable(Exception):
    """No worker answered in time, or Temporal is down."""


class _NotRunning(Exception):
    """There is no such workflow running."""


@contextmanager
def _reaching() -> Iterator[None]:
    """Translates what a call to Temporal may end in: `Unreachable`, to be tried again, or `_NotRunning`."""
    try:
        yield
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unreachable from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise _NotRunning from None
        if error.status in _UNREACHABLE:
            raise Unreachable from None
        raise
    except RuntimeError as error:
        if "client connect" not in str(error):
            raise
        raise Unreachable from None  # a lazy client that has never reached the server


class _RefusedByWorkflow(Refusal):
    """The workflow's validator had the last word."""


_UNREACHABLE = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)


def describe_event(row: InboxRow, snapshot: CaseSnapshot) -> Report:
    """What the workflow is told of an event; of one stored by an earlier release, what was to be told then."""
    if row.message is not None:
        return Report.model_validate(row.message)
    fact = next(fact for fact in snapshot.facts if fact.id == row.fact_id)
    return describe_fact(row.case_id, fact, snapshot.state)


def _id(row: InboxRow) -> int:
    assert row.id is not None, "a stored row has a number"
    return row.id


def _search_attributes(case: Case) -> TypedSearchAttributes:
    """Four, none of them personal; lists come from the database."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword("Program"), case.program),
            SearchAttributePair(SearchAttributeKey.for_int("PlanYear"), case.plan_year),
            SearchAttributePair(SearchAttributeKey.for_keyword("AssisterKind"), case.kind),
            SearchAttributePair(SearchAttributeKey.for_keyword("Stage"), case.stage),
        ]
    )
