"""What the workflows of cases are asked over Temporal; its errors are translated here, and nothing is stored."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from db.tables import Case
from domain.shared.cases.messages import Begin, BeginAdverseFollowing, Command, Progress, RegistrationProgress, Report
from domain.shared.cases.reasons import Reason, Refusal, read_reason
from domain.shared.cases.stages import ENDED
from domain.shared.ids import make_adverse_action_workflow_id
from domain.shared.programs import FEDERAL_PROGRAM
from starter.client import RPC_TIMEOUT
from workflows import messages as names
from workflows.search_attributes import ASSISTER_KIND, PLAN_YEAR, PROGRAM, STAGE

TRIES = 5
# A worker reads the history of one that has stopped again for its answer; where none can, its case doesn't wait for it.
LAST_ANSWER = timedelta(seconds=3)
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


class Unreachable(Exception):
    """No worker answered in time, or Temporal is down."""


class NotRunning(Exception):
    """There is no such workflow running."""


class WorkflowGone(Unreachable):
    """The case is open, and its workflow isn't running: what is to be told waits until it is begun again."""


class CutOff(Unreachable):
    """The workflow's task failed, or its run was renewed, before an update was answered: to be sent again at once."""


class RefusedByWorkflow(Refusal):
    """The workflow's validator had the last word."""


class CaseWorkflows:
    """The workflows of cases: started, told of facts, given commands. Every method raises `Unreachable`.

    With ``web_url``, the web's public address, each workflow's details lead from the Temporal UI to its case. A command
    is waited for as long as ``answer_within``.
    """

    def __init__(
        self, client: Client, task_queue: str, web_url: str = "", answer_within: timedelta = RPC_TIMEOUT
    ) -> None:
        self.client = client
        self._answer_within = answer_within
        self._task_queue = task_queue
        self._web_url = web_url.rstrip("/")

    @property
    def namespace(self) -> str:
        """The Temporal namespace in which they run."""
        return self.client.namespace

    async def start_workflow(self, case: Case) -> bool:
        """Starts the workflow of a case; one that runs is left alone. False where it has run and ended.

        Only a case that was freed for it (`db.writes.recovery.restarts`) may have another one after that.
        """
        reuse = WorkflowIDReusePolicy
        try:
            with translate_errors():
                await self.client.start_workflow(
                    names.WORKFLOW_OF_PROGRAM[case.program],
                    Begin(case_id=case.case_id, program=case.program, plan_year=case.plan_year),
                    id=case.workflow_id,
                    task_queue=self._task_queue,
                    # A request sent again finds it running; of a case that has ended it never runs a second time.
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=reuse.ALLOW_DUPLICATE if case.restarted_at else reuse.REJECT_DUPLICATE,
                    search_attributes=_build_search_attributes(case),
                    static_summary=f"{case.kind.replace('_', ' ')}, plan year {case.plan_year}, {case.assister_type}",
                    static_details=self._build_details(case),
                    rpc_timeout=RPC_TIMEOUT,
                )
        except WorkflowAlreadyStartedError:
            return False
        except NotRunning:  # it is the namespace that isn't there
            raise Unreachable from None
        return True

    def _build_details(self, case: Case) -> str | None:
        """What the Temporal UI shows beside Current Details, as Markdown."""
        return f"[The case in the console]({self._web_url}/staff/cases/{case.case_id})" if self._web_url else None

    async def begin_adverse_following(self, begin: BeginAdverseFollowing) -> bool:
        """Begins the workflow of an adverse action, as its case's does; False where it runs."""
        try:
            with translate_errors():
                await self.client.start_workflow(
                    names.ADVERSE_ACTION,
                    begin,
                    id=make_adverse_action_workflow_id(begin.case_id, begin.number),
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    rpc_timeout=RPC_TIMEOUT,
                )
        except WorkflowAlreadyStartedError:
            return False
        except NotRunning:  # it is the namespace that isn't there
            raise Unreachable from None
        return True

    async def is_running(self, case: Case) -> bool:
        """Whether the case's workflow runs, by the server's own record, which is never late."""
        found = await self._find_description(case)
        return found is not None and found.status is WorkflowExecutionStatus.RUNNING

    async def _find_description(self, case: Case) -> WorkflowExecutionDescription | None:
        """How the case's workflow, or the last of them, stands; None where there is none."""
        try:
            with translate_errors():
                return await self.client.get_workflow_handle(case.workflow_id).describe(rpc_timeout=RPC_TIMEOUT)
        except NotRunning:
            return None

    async def read_progress(
        self, case: Case, within: timedelta = RPC_TIMEOUT
    ) -> Progress | RegistrationProgress | None:
        """What a case's workflow knows; None where it doesn't answer. Raises `NotRunning` where it isn't known."""
        shape = RegistrationProgress if case.program == FEDERAL_PROGRAM else Progress
        handle = self.client.get_workflow_handle(case.workflow_id)
        try:
            with translate_errors():
                known: Progress | RegistrationProgress = await handle.query(
                    names.PROGRESS, result_type=shape, rpc_timeout=within
                )
        except (WorkflowQueryFailedError, WorkflowQueryRejectedError):
            return None
        return known

    async def read_last_progress(self, case: Case) -> Progress | RegistrationProgress | None:
        """What a case's workflow knew when it stopped; None where nobody can tell.

        One that has completed has sent the letter about the ending, which is no step of its journey.
        """
        with suppress(Unreachable, NotRunning, RPCError):
            found = await self._find_description(case)
            known = await self.read_progress(case, LAST_ANSWER)
            has_completed = found is not None and found.status is WorkflowExecutionStatus.COMPLETED
            if known is not None and has_completed and known.stage in ENDED:
                known.done.add(f"notice {known.stage} 0")
            return known
        return None

    async def can_reach_server(self) -> bool:
        """Whether the Temporal server answers at all."""
        try:
            with translate_errors():
                return await self.client.service_client.check_health(timeout=RPC_TIMEOUT)
        except (Unreachable, NotRunning):
            return False

    async def send_command(self, case: Case, command: Command) -> None:
        """Has a command applied. Raises `RefusedByWorkflow` with the reason, `Unreachable` and `NotRunning`.

        An update that was cut off is sent again under its id: the database may have applied it, and the workflow not
        know of it. A task that ends a case fails when an event comes meanwhile, and its updates with it.
        """
        tries = AsyncRetrying(
            retry=retry_if_exception_type(CutOff),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(0.1),
            reraise=True,
        )
        await tries(self._send_update, case, command)

    async def _send_update(self, case: Case, command: Command) -> None:
        handle = self.client.get_workflow_handle(case.workflow_id)
        try:
            # The server answers a call itself where the workflow takes longer than that, and the client asks again.
            with translate_errors():
                async with asyncio.timeout(self._answer_within.total_seconds()):
                    await handle.execute_update(
                        command.kind, command, id=command.command_id, result_type=str, rpc_timeout=self._answer_within
                    )
        except WorkflowUpdateFailedError as failed:
            # A handler that was cut off has refused nothing: its command stays pending, and is sent again.
            if not (isinstance(failed.cause, ApplicationError) and failed.cause.type == names.REFUSED):
                raise CutOff from None
            raise RefusedByWorkflow(_read_refusal(failed.cause)) from None

    async def send_report(self, case: Case, signal: str, report: Report) -> None:
        """Tells a workflow of a recorded fact. Raises `NotRunning`."""
        handle = self.client.get_workflow_handle(case.workflow_id)
        with translate_errors():
            await handle.signal(signal, report, rpc_timeout=RPC_TIMEOUT)


@contextmanager
def translate_errors() -> Iterator[None]:
    """What a call to Temporal may end in: `Unreachable`, to be tried again, or `NotRunning`."""
    try:
        yield
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
        raise Unreachable from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotRunning from None
        if error.status is RPCStatusCode.FAILED_PRECONDITION:  # of an update whose workflow task failed
            raise CutOff from None
        if error.status in _UNREACHABLE:
            raise Unreachable from None
        raise
    except RuntimeError as error:
        if "client connect" not in str(error):
            raise
        raise Unreachable from None  # a lazy client that has never reached the server


def _read_refusal(cause: ApplicationError) -> Reason:
    """Why the workflow refused a command; a worker of a release before codes says it in a sentence alone."""
    if len(cause.details) == 2:
        code, details = cause.details
        return read_reason(code, details) or Reason("not_now")
    return Reason("not_now")


def _build_search_attributes(case: Case) -> TypedSearchAttributes:
    """Four, none of them personal; lists come from the database."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(PROGRAM, case.program),
            SearchAttributePair(PLAN_YEAR, case.plan_year),
            SearchAttributePair(ASSISTER_KIND, case.kind),
            SearchAttributePair(STAGE, case.stage),
        ]
    )
