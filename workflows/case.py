"""What the workflow of a case does in either program: its frame, its endings, its errands and its steps; no journey."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Notices, Records
    from domain.shared.commands import CommandKind
    from domain.shared.facts import FactKind
    from domain.shared.messages import (
        Applied,
        CaseProgress,
        CaseRef,
        Claim,
        Claimed,
        Command,
        CommandRef,
        Effect,
        Ending,
        Letter,
    )
    from domain.shared.notices import Notice
    from domain.shared.reasons import sentence
    from domain.shared.stages import OWNER, Stage, WaitingFor
    from workflows import messages as names
    from workflows.options import DATABASE, THIRD_PARTY

STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_FOR = SearchAttributeKey.for_keyword("WaitingFor")
WAITS_ON = SearchAttributeKey.for_keyword("WaitsOn")
WAITING_SINCE = SearchAttributeKey.for_datetime("WaitingSince")
REMEMBERED = 1000
MESSAGES_A_RUN = 5000
ENDINGS = {CommandKind.WITHDRAW: FactKind.WITHDRAWN, CommandKind.REVOKE: FactKind.REVOKED}


class CaseWorkflow:
    """One case of one assister: claimed once, lived until it ends. A program adds its journey and its messages."""

    def __init__(self, case_id: str, progress: CaseProgress) -> None:
        self.case_id = case_id
        self.p = progress
        self._steps: dict[str, asyncio.Task[None]] = {}

    async def _journey(self) -> str:
        """The program's own steps; answers the stage they end in."""
        raise NotImplementedError

    async def _live(self) -> str | None:
        """Claims the case and lives it to its end; answers the stage it ended in, None to continue as new."""
        if not await self._claim():
            return "claimed elsewhere"
        outcome = await self._race()
        if outcome is not None:
            await self._say_goodbye(outcome)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.p.stage if outcome is not None else None

    # the race

    async def _claim(self) -> bool:
        if self.p.claimed is None:
            claim = Claim(case_id=self.case_id, run_id=workflow.info().first_execution_run_id, at=workflow.now())
            self.p.claimed = await workflow.execute_local_activity_method(Records.claim, claim, **DATABASE)
        return self.p.claimed.mine

    async def _race(self) -> str | None:
        """Runs until the case ends, and answers how: denied, withdrawn, revoked or closed; None to continue as new."""
        tasks = [asyncio.create_task(runner) for runner in self._runners()]
        await workflow.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finished = [task.result() for task in tasks if task.done()]
        # Not in a finally: a workflow that leaves the worker's cache can't wait any more.
        await _cancel([*tasks, *self._steps.values()])
        return next((outcome for outcome in finished if outcome), None)

    def _runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [self._journey(), self._errands(), self._ending(), self._renewal()]

    async def _ending(self) -> str:
        """Waits for a withdrawal, a revocation or the closing of the plan year's window."""
        closes_at = self._claimed.closes_at
        while True:
            left = (closes_at - workflow.now()) if closes_at else None
            if left is not None and left <= timedelta():
                return FactKind.CLOSED.value
            try:
                await workflow.wait_condition(lambda: self.p.ending is not None, timeout=left)
            except TimeoutError:
                return FactKind.CLOSED.value
            assert self.p.ending is not None
            if (await self._applied(self.p.ending)).applied:
                return ENDINGS[CommandKind(self.p.ending.kind)].value
            # A signal may name a command that was never stored, or was refused: the case goes on.
            self.p.ending = None

    async def _renewal(self) -> None:
        """Waits until the history has grown, and the case waits for people rather than for an activity."""
        await workflow.wait_condition(lambda: self._resting and self._history_has_grown())

    def _history_has_grown(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self.p.messages >= MESSAGES_A_RUN

    @property
    def _resting(self) -> bool:
        under_way = any(not task.done() for task in self._steps.values())
        return not (under_way or self.p.errands or self.p.ending)

    # errands beside the journey

    async def _errands(self) -> None:
        """Notices to send again and accounts to activate, as people ask for them."""
        while True:
            await workflow.wait_condition(lambda: bool(self.p.errands))
            errand = self.p.errands[0]
            applied = await self._applied(errand)
            if applied.applied:
                # Not a step of `done`, which would grow for ever: an effect is made once by its key.
                self._steps[f"errand {errand.command_id}"] = asyncio.create_task(self._run_errand(errand))
            self.p.errands = self.p.errands[1:]

    async def _run_errand(self, errand: Command) -> None:
        await self._send(Notice(errand.notice), about=errand.command_id)

    def _farewell(self, outcome: str) -> list[Coroutine[Any, Any, None]]:
        """What is done when the case has ended: the assister is told."""
        return [self._send(Notice(outcome))]

    async def _say_goodbye(self, outcome: str) -> None:
        """Tells the assister, and takes back what must not stay open; nobody has recorded yet that a window closed."""
        self._enter(Stage(outcome), None)
        if outcome == Stage.CLOSED:
            ending = Ending(case_id=self.case_id, kind=outcome, at=workflow.now())
            await workflow.execute_local_activity_method(Records.end, ending, **DATABASE)
        await asyncio.gather(*self._farewell(outcome))

    # small verbs

    async def _applied(self, command: Command) -> Applied:
        ref = CommandRef(command_id=command.command_id, case_id=self.case_id, at=workflow.now())
        return await workflow.execute_local_activity_method(Records.apply, ref, **DATABASE)

    @property
    def _claimed(self) -> Claimed:
        assert self.p.claimed is not None
        return self.p.claimed

    def _start(self, step: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Starts a step beside the journey; a step that is done, in this run or an earlier one, stays done."""
        if step not in self._steps:
            self._steps[step] = asyncio.create_task(self._finish(step, work))
        return self._steps[step]

    async def _finish(self, step: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if step not in self.p.done:
            await work()
            self.p.done.add(step)

    async def _once(
        self, step: str, work: Callable[[], Coroutine[Any, Any, None]], stage: Stage, waiting_for: WaitingFor
    ) -> None:
        """Goes through a step in this stage, and waits until it is done."""
        if step not in self.p.done:
            self._enter(stage, waiting_for)
        await self._start(step, work)

    async def _effect(self, effect: Callable[[Any, CaseRef], Awaitable[Effect]], summary: str) -> None:
        """An effect outside, retried until its result is recorded."""
        case = CaseRef(case_id=self.case_id, at=workflow.now())
        await workflow.execute_activity_method(effect, case, summary=summary, **THIRD_PARTY)

    def _notify(self, notice: Notice, occurrence: int = 0) -> None:
        """Sends a notice of the journey, once per occurrence; the journey doesn't wait for the mail."""
        self._start(f"notice {notice} {occurrence}", lambda: self._send(notice, occurrence))

    async def _send(self, notice: Notice, occurrence: int = 0, about: str = "") -> None:
        letter = Letter(case_id=self.case_id, at=workflow.now(), notice=notice, occurrence=occurrence, about=about)
        await workflow.execute_activity_method(Notices.send, letter, summary=f"e-mail: {notice}", **THIRD_PARTY)

    def _enter(self, stage: Stage, waiting_for: WaitingFor | None) -> None:
        """Moves to a stage and a wait, and says so to the operators: who waits for what since when."""
        value, owner = (waiting_for.value, OWNER[waiting_for]) if waiting_for else ("", "nobody")
        entered = self.p.stage != stage
        waits = self.p.waiting_for != value or self.p.waiting_since is None
        self.p.stage = stage
        since = workflow.now() if waits or self.p.waiting_since is None else self.p.waiting_since
        self.p.waiting_for, self.p.waiting_since = value, since
        if not (entered or waits):
            return
        if workflow.patched("waits are searchable"):
            workflow.upsert_search_attributes(
                [
                    STAGE.value_set(stage.value),
                    WAITING_FOR.value_set(value or "nothing"),
                    WAITS_ON.value_set(owner),
                    WAITING_SINCE.value_set(since),
                ]
            )
        elif entered:
            workflow.upsert_search_attributes([STAGE.value_set(stage.value)])
        workflow.set_current_details(
            f"**{stage}**, waiting for **{value or 'nothing'}** ({owner}) since {since:%Y-%m-%d %H:%M} UTC"
        )

    # messages

    def _take(self, message_id: str, case_id: str) -> bool:
        """Whether a message is this case's and new; either way it is remembered."""
        self.p.messages += 1
        if case_id != self.case_id or message_id in self.p.processed:
            return False
        self.p.processed = [*self.p.processed[-REMEMBERED:], message_id]
        return True

    def _accept(self, command: Command) -> None:
        """Where commands end, whether they came as a signal or as an update."""
        if not self._take(command.command_id, command.case_id):
            return
        if command.kind in (CommandKind.WITHDRAW, CommandKind.REVOKE):
            self.p.ending = self.p.ending or command
        elif command.kind in (CommandKind.RESEND, CommandKind.ACTIVATE):
            self.p.errands = [*self.p.errands, command]
        else:
            self._consider(command)

    def _consider(self, command: Command) -> None:
        """Takes a command of the program's own."""

    def _check(self, command: Command) -> None:
        """The last word on a command: refuses, with a sentence, what this case can't do now.

        Findings are the database's to judge, at the door and when the command is applied: it knows them first.
        """
        if command.case_id != self.case_id:
            raise refused("This command is for another case.")
        if command.command_id in self.p.processed:
            return
        if self.p.ending is not None or self.p.stage in (Stage.DENIED, Stage.CLOSED):
            raise refused(sentence("case_ended", stage=self.p.stage))
        self._check_own(command)

    def _check_own(self, command: Command) -> None:
        """What the program has to say against a command."""

    @workflow.signal(name=names.WITHDRAWN)
    def withdrawn(self, command: Command) -> None:
        """The assister withdrew."""
        self._accept(command)

    @workflow.signal(name=names.REVOKED)
    def revoked(self, command: Command) -> None:
        """Staff revoked the certification."""
        self._accept(command)

    @workflow.update(name=names.WITHDRAW)
    def withdraw(self, command: Command) -> str:
        """The assister withdraws."""
        return self._accepted(command)

    @workflow.update(name=names.REVOKE)
    def revoke(self, command: Command) -> str:
        """Staff revoke the certification."""
        return self._accepted(command)

    @workflow.update(name=names.RESEND)
    def resend(self, command: Command) -> str:
        """A notice is to be sent again."""
        return self._accepted(command)

    def _accepted(self, command: Command) -> str:
        self._accept(command)
        return "accepted"

    @withdraw.validator
    def _may_withdraw(self, command: Command) -> None:
        self._check(command)

    @revoke.validator
    def _may_revoke(self, command: Command) -> None:
        self._check(command)

    @resend.validator
    def _may_resend(self, command: Command) -> None:
        self._check(command)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def refused(why: str) -> ApplicationError:
    return ApplicationError(why, type="refused", non_retryable=True)
