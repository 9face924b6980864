"""What the workflow of a case does in either program: claim, steps, side tasks and endings; no journey."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Certificates, Notices, Records
    from domain.shared.cases.commands import ENDING_FACTS, CommandKind
    from domain.shared.cases.facts import FactKind
    from domain.shared.cases.messages import (
        Applied,
        CaseProgress,
        CaseRef,
        Claim,
        Claimed,
        Command,
        CommandRef,
        Correction,
        Effect,
        Ending,
        Letter,
        RebuiltProgress,
        RegistrationSnapshot,
    )
    from domain.shared.cases.notices import Notice
    from domain.shared.cases.reasons import Reason
    from domain.shared.cases.stages import DONE_AT_ONCE, ENDED, Stage, WaitingFor
    from workflows import messages as names
    from workflows.activity_runner import ActivityRunner, Answer
    from workflows.options import LETTER_AT_ONCE
    from workflows.patches import ANSWERED_FIRST, ENDINGS_IN_TURN, LOCAL_FIRST, WAITS_SHOWN_ONCE
    from workflows.tasks import cancel_tasks, has_failed, has_succeeded
    from workflows.waits import show_wait, show_wait_as_before

REMEMBERED = 1000
MESSAGES_A_RUN = 5000
# What is done beside the journey, one after the other.
SIDE_TASKS = (
    CommandKind.RESEND,
    CommandKind.ACTIVATE,
    CommandKind.MOVE_RULES,
    CommandKind.CORRECT,
    CommandKind.REPEAT_CHECKS,
)
# Temporal suggests renewal at some 4,000 events and ends a run at some 50,000.
MOST_EVENTS_A_RUN = 10_000
MOST_MESSAGES_A_RUN = 8000


class CaseWorkflow:
    """One case of one assister: claimed once, lived until it ends. A program adds its journey and its messages."""

    def __init__(self, case_id: str, progress: CaseProgress) -> None:
        self.case_id = case_id
        self.progress = progress
        self._activities = ActivityRunner()
        self._steps: dict[str, asyncio.Task[None]] = {}
        self._resting_steps: set[str] = set()
        self._side_tasks: dict[str, Command] = {}
        self._applying: dict[str, asyncio.Task[Applied]] = {}
        self._is_wait_unshown = False
        self._is_leaving = False
        self._ends_in_turn = False

    async def _follow_journey(self) -> str:
        """The program's own steps; answers the stage they end in."""
        raise NotImplementedError

    async def _run_case(self) -> str | None:
        """Claims the case and lives it to its end; answers the stage it ended in, None to continue as new.

        Of a case that has ended already, whose workflow was lost before it was through, the closing actions are left.
        """
        answers = {patch: workflow.patched(patch) for patch in ANSWERED_FIRST}
        self._ends_in_turn = answers[ENDINGS_IN_TURN]
        if not await self._claim_case():
            await workflow.wait_condition(workflow.all_handlers_finished)
            return "claimed elsewhere"
        outcome = self._claimed.ended or await self._race_to_outcome()
        if outcome is not None:
            await self._close_case(outcome)
        else:
            self._take_back_unfinished()
        self._is_leaving = self._is_leaving or workflow.patched(LOCAL_FIRST)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.progress.stage if outcome is not None else None

    # the race

    async def _claim_case(self) -> bool:
        if self.progress.claimed is None:
            claim = Claim(case_id=self.case_id, run_id=workflow.info().first_execution_run_id, at=workflow.now())
            claimed = await self._activities.record(Records.claim_case, claim)
            self.progress.claimed = claimed.model_copy(update={"rebuilt": None})
            if claimed.rebuilt is not None:
                self._resume_progress(claimed.rebuilt)
        return self.progress.claimed.mine

    def _resume_progress(self, rebuilt: RebuiltProgress) -> None:
        """Takes on what is recorded of a case that was begun again, beside what messages have brought meanwhile."""
        self.progress.done |= set(rebuilt.done)
        self.progress.processed = [*self.progress.processed, *rebuilt.applied][-REMEMBERED:]
        asked = {task.command_id for task in self.progress.errands}
        left = [task for task in rebuilt.side_tasks if task.command_id not in asked]
        self.progress.errands = [*self.progress.errands, *left]
        if rebuilt.waiting_since is not None:  # the journey comes to the same wait, which didn't begin just now
            self.progress.waiting_for, self.progress.waiting_since = rebuilt.waiting_for, rebuilt.waiting_since

    async def _race_to_outcome(self) -> str | None:
        """Runs until the case ends, and answers how: the stage it ends in; None to continue as new."""
        tasks = [asyncio.create_task(runner) for runner in self._list_runners()]
        await workflow.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finished = [task.result() for task in tasks if task.done()]
        # Not in a finally: a workflow that leaves the worker's cache can't wait any more.
        await cancel_tasks([*tasks, *self._steps.values()])
        return next((outcome for outcome in finished if outcome), None)

    def _list_runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [
            self._follow_journey(),
            self._run_side_tasks(),
            self._wait_for_ending(),
            self._wait_for_renewal(),
            self._watch_steps(),
            self._show_waits(),
        ]

    async def _wait_for_ending(self) -> str:
        """Waits for a withdrawal, a revocation, a termination or the window's last day, which other rules may move."""
        while True:
            closes_at = self._claimed.closes_at
            left = (closes_at - workflow.now()) if closes_at else None
            if left is not None and left <= timedelta():
                return FactKind.CLOSED.value
            try:
                await workflow.wait_condition(
                    lambda: self.progress.ending is not None or self._claimed.closes_at != closes_at,  # noqa: B023
                    timeout=left,
                )
            except TimeoutError:
                return FactKind.CLOSED.value
            if self.progress.ending is None:
                continue
            if (await self._apply_command(self.progress.ending)).applied:
                return ENDING_FACTS[CommandKind(self.progress.ending.kind)].value
            # A signal may name a command that was never stored, or was refused: another counts, or the case goes on.
            self.progress.ending = next(iter(self.progress.endings), None)
            self.progress.endings = self.progress.endings[1:]

    async def _wait_for_renewal(self) -> None:
        """Waits until the history has grown, and the case waits for people rather than for an activity.

        An activity that is stuck for good doesn't keep it waiting without bound: it is ordered again by the next run.
        """
        await workflow.wait_condition(lambda: self._must_renew() or (self._history_has_grown() and self._is_resting))
        self._is_leaving = True

    def _history_has_grown(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self.progress.messages >= MESSAGES_A_RUN

    def _must_renew(self) -> bool:
        length = workflow.info().get_current_history_length()
        return length >= MOST_EVENTS_A_RUN or self.progress.messages >= MOST_MESSAGES_A_RUN

    @property
    def _is_resting(self) -> bool:
        under_way = any(not task.done() for step, task in self._steps.items() if step not in self._resting_steps)
        return not (under_way or self.progress.errands or self.progress.ending)

    def _take_back_unfinished(self) -> None:
        """Side tasks that were under way are the next run's: what they do is known by its key."""
        unfinished = [task for step, task in self._side_tasks.items() if not has_succeeded(self._steps[step])]
        self.progress.errands = [*unfinished, *self.progress.errands]

    async def _watch_steps(self) -> None:
        """Raises what a step beside the journey raised: nobody else waits for it, and it must not be lost."""
        await workflow.wait_condition(lambda: any(map(has_failed, self._steps.values())))
        for task in filter(has_failed, self._steps.values()):
            task.result()

    # side tasks beside the journey

    async def _run_side_tasks(self) -> None:
        """Notices to send again and accounts to activate, as people ask for them."""
        while True:
            await workflow.wait_condition(lambda: bool(self.progress.errands))
            task = self.progress.errands[0]
            applied = await self._apply_command(task)
            if applied.moves_rules:
                self._take_rules(applied)
            elif applied.applied:
                # Not a step of `done`, which would grow for ever: an effect is made once by its key.
                step = f"side task {task.command_id}"
                self._side_tasks[step] = task
                self._steps[step] = asyncio.create_task(self._run_side_task(task))
            self.progress.errands = self.progress.errands[1:]

    def _take_rules(self, applied: Applied) -> None:
        """From now on the case goes by other rules; what they say of its end and of look-ups is known here too."""
        named = "closes_at", "license_unknown_after_seconds", "has_training_deadline"
        self.progress.claimed = self._claimed.model_copy(update={name: getattr(applied, name) for name in named})

    async def _run_side_task(self, task: Command) -> None:
        if task.kind == CommandKind.CORRECT:
            await self._follow_correction(
                Correction(case_id=self.case_id, at=workflow.now(), command_id=task.command_id)
            )
            return
        await self._send_notice(Notice(task.notice), about=task.command_id)

    async def _follow_correction(self, correction: Correction) -> None:
        """What follows a corrected name: certificates that supersede those of before, then the notice (E11)."""
        summary = "certificates with the corrected name printed, signed and kept"
        made = await self._activities.make(Certificates.supersede_certificates, correction, summary)
        self._adopt_snapshot(made.standing)
        await self._send_notice(Notice.CERTIFICATE_CORRECTED, about=correction.command_id)

    def _adopt_snapshot(self, snapshot: RegistrationSnapshot | None) -> None:
        """Takes on what a registration came to, in the program that has such."""

    def _list_closing_actions(self, outcome: str) -> list[Coroutine[Any, Any, None]]:
        """What is done once the case has ended: a notice to the assister."""
        return [self._send_notice(Notice(outcome), self._claimed.reopened)]

    async def _close_case(self, outcome: str) -> None:
        """Tells the assister, and takes back what must not stay open; nobody has recorded yet that a window closed."""
        self._enter_stage(Stage(outcome), None)
        self._show_wait()
        if outcome == Stage.CLOSED:
            ending = Ending(case_id=self.case_id, kind=outcome, at=workflow.now())
            await self._activities.record(Records.close_case, ending)
        await asyncio.gather(*self._list_closing_actions(outcome))

    # small verbs

    async def _apply_command(self, command: Command) -> Applied:
        """What became of a command: applied here and nowhere else, by whoever asks first, its update or the journey."""
        command_id = command.command_id
        if command_id not in self._applying:
            ref = CommandRef(command_id=command_id, case_id=self.case_id, at=workflow.now())
            self._applying[command_id] = asyncio.create_task(self._activities.record(Records.apply_command, ref))
        applying = self._applying[command_id]
        applied = await self._wait_unless_left(applying)
        if not applied.is_known:  # a signal came before its command was stored: asked again, it may be there
            if self._applying.get(command_id) is applying:  # update and journey may both have waited for it
                del self._applying[command_id]
            self.progress.processed = [taken for taken in self.progress.processed if taken != command_id]
        return applied

    async def _wait_unless_left(self, task: asyncio.Task[Answer]) -> Answer:
        """What came of a task that a handler waits for; a run that is renewed or has ended waits for no stuck one.

        The task is not awaited itself: who is cancelled while waiting must not cancel it for the others.
        """
        await workflow.wait_condition(lambda: task.done() or self._is_leaving)
        if not task.done():
            raise ApplicationError("the run ended first; to be sent again", type=names.CUT_OFF)
        return task.result()

    @property
    def _claimed(self) -> Claimed:
        assert self.progress.claimed is not None
        return self.progress.claimed

    def _start_step(self, step: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Starts a step beside the journey; a step that is done, in this run or an earlier one, stays done."""
        if step not in self._steps:
            self._steps[step] = asyncio.create_task(self._finish_step(step, work))
        return self._steps[step]

    async def _finish_step(self, step: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if step not in self.progress.done:
            await work()
            self.progress.done.add(step)

    async def _complete_step(
        self, step: str, work: Callable[[], Coroutine[Any, Any, None]], stage: Stage, waiting_for: WaitingFor
    ) -> None:
        """Goes through a step in this stage, and waits until it is done."""
        if step not in self.progress.done:
            self._enter_stage(stage, waiting_for)
        await self._start_step(step, work)

    async def _make_effect(
        self, effect: Callable[[Any, CaseRef], Awaitable[Effect]], summary: str, occurrence: int = 0
    ) -> None:
        """An effect outside of the case as a whole, recorded once it has been made."""
        order = CaseRef(case_id=self.case_id, at=workflow.now(), occurrence=occurrence)
        await self._activities.make(effect, order, summary)

    def _notify_assister(self, notice: Notice, occurrence: int = 0) -> None:
        """Sends a notice of the journey, once per occurrence; the journey doesn't wait for the mail."""
        self._start_step(f"notice {notice} {occurrence}", lambda: self._send_notice(notice, occurrence))

    async def _send_notice(self, notice: Notice, occurrence: int = 0, about: str = "") -> None:
        letter = Letter(case_id=self.case_id, at=workflow.now(), notice=notice, occurrence=occurrence, about=about)
        summary = f"e-mail: {notice}"
        self._adopt_sent(await self._activities.make(Notices.send_notice, letter, summary, at_once=LETTER_AT_ONCE))

    def _adopt_sent(self, sent: Effect) -> None:
        """Takes on what a notice has begun by being sent, in the program that has such."""

    def _enter_stage(self, stage: Stage, waiting_for: WaitingFor | None) -> None:
        """Moves to a stage and a wait; operators are told of it once the workflow has nothing to do at once."""
        value = waiting_for.value if waiting_for else ""
        entered = self.progress.stage != stage
        waits = self.progress.waiting_for != value or self.progress.waiting_since is None
        self.progress.stage = stage
        since = workflow.now() if waits or self.progress.waiting_since is None else self.progress.waiting_since
        self.progress.waiting_for, self.progress.waiting_since = value, since
        if not (entered or waits):
            return
        self._is_wait_unshown = True
        if not workflow.patched(WAITS_SHOWN_ONCE):
            self._is_wait_unshown = False
            show_wait_as_before(self.progress, entered)

    async def _show_waits(self) -> None:
        """Says to the operators who waits for what since when: what we are about to do ourselves only if it fails."""
        while True:
            await workflow.wait_condition(
                lambda: (
                    self._is_wait_unshown
                    and (self._activities.has_pending or self.progress.waiting_for not in DONE_AT_ONCE)
                )
            )
            self._show_wait()

    def _show_wait(self) -> None:
        if self._is_wait_unshown:
            self._is_wait_unshown = False
            show_wait(self.progress)

    # messages

    def _remember_message(self, message_id: str, case_id: str) -> bool:
        """Whether a message is this case's and new; either way it is remembered."""
        self.progress.messages += 1
        self._activities.note_message()
        if case_id != self.case_id or message_id in self.progress.processed:
            return False
        self.progress.processed = [*self.progress.processed[-REMEMBERED:], message_id]
        return True

    def _accept_command(self, command: Command) -> None:
        """Where commands end, whether they came as a signal or as an update."""
        if not self._remember_message(command.command_id, command.case_id):
            return
        if command.kind in ENDING_FACTS:
            self._accept_ending(command)
        elif command.kind in SIDE_TASKS:
            self.progress.errands = [*self.progress.errands, command]
        else:
            self._accept_own_command(command)

    def _accept_ending(self, command: Command) -> None:
        """Of two that end the case the first one may yet be refused; runs of before the patch forget the second."""
        if self.progress.ending is None:
            self.progress.ending = command
        elif workflow.patched(ENDINGS_IN_TURN):
            self.progress.endings = [*self.progress.endings, command]

    def _accept_own_command(self, command: Command) -> None:
        """Takes a command of the program's own."""

    def _check_command(self, command: Command) -> None:
        """The last word on a command: refuses what this case can't do now.

        Findings are the database's to judge, at the door and when the command is applied: it knows them first.
        """
        if command.case_id != self.case_id:
            raise build_refusal(Reason("other_case"))
        if command.command_id in self.progress.processed:
            return
        is_ending = self.progress.ending is not None and not (self._ends_in_turn and command.kind in ENDING_FACTS)
        if is_ending or self.progress.stage in ENDED:
            raise build_refusal(Reason("case_ended", {"stage": self.progress.stage}))
        if self.progress.claimed is not None:  # before that, where the case stands is the database's alone to know
            self._check_own_command(command)

    def _check_own_command(self, command: Command) -> None:
        """What the program has to say against a command."""

    @workflow.signal(name=names.WITHDRAWN)
    def receive_withdrawal(self, command: Command) -> None:
        """The assister withdrew."""
        self._accept_command(command)

    @workflow.signal(name=names.REVOKED)
    def receive_revocation(self, command: Command) -> None:
        """Staff revoked the certification."""
        self._accept_command(command)

    @workflow.update(name=names.WITHDRAW)
    async def withdraw_request(self, command: Command) -> str:
        """The assister withdraws."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.REVOKE)
    async def revoke_certification(self, command: Command) -> str:
        """Staff revoke the certification."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.RESEND)
    async def resend_notice(self, command: Command) -> str:
        """A notice is to be sent again."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.CORRECT)
    async def correct_name(self, command: Command) -> str:
        """Staff correct the name of who is certified (E11)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.MOVE_RULES)
    async def move_rules(self, command: Command) -> str:
        """Staff have the case go by other rules (E12)."""
        return await self._carry_out_update(command)

    async def _carry_out_update(self, command: Command) -> str:
        """Takes a command and answers what became of it: applied or refused.

        It doesn't wait for the journey to come by, which a third party that is down may hold up for hours.
        """
        self._accept_command(command)
        if not command.answer_when_applied:
            return "accepted"
        return "applied" if (await self._apply_command(command)).applied else "refused"

    @withdraw_request.validator
    def _may_withdraw(self, command: Command) -> None:
        self._check_command(command)

    @revoke_certification.validator
    def _may_revoke(self, command: Command) -> None:
        self._check_command(command)

    @correct_name.validator
    def _may_correct(self, command: Command) -> None:
        self._check_command(command)

    @move_rules.validator
    def _may_move(self, command: Command) -> None:
        self._check_command(command)

    @resend_notice.validator
    def _may_resend(self, command: Command) -> None:
        self._check_command(command)


def build_refusal(reason: Reason) -> ApplicationError:
    """Its sentence for whoever looks into Temporal; the code and the details for who sent the command."""
    return ApplicationError(
        reason.sentence(), reason.code, dict(reason.details), type=names.REFUSED, non_retryable=True
    )
