"""What staff decide on in a certification's workflow: a request, a background check, an adverse action (A12, E8)."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Background, Licensing
    from domain.shared.assister import Kind
    from domain.shared.cases.commands import CommandKind
    from domain.shared.cases.facts import FactKind
    from domain.shared.cases.messages import (
        AdverseActionSnapshot,
        Applied,
        BeginAdverseFollowing,
        CaseRef,
        ChecksOrder,
        Command,
        Effect,
        LookUp,
        Progress,
        RebuiltProgress,
    )
    from domain.shared.cases.notices import Notice
    from domain.shared.cases.reasons import Reason
    from domain.shared.cases.stages import Stage, WaitingFor
    from domain.shared.ids import make_adverse_action_workflow_id
    from domain.state.eligibility import Verdict
    from workflows import messages as names
    from workflows.case import build_refusal
    from workflows.options import PATIENT, REPEAT_PATIENCE
    from workflows.tasks import has_failed
    from workflows.training_deadline import DeadlinedCase

# Each is applied by its update alone: the journey waits for a decision all the same.
ABOUT_ADVERSE_ACTIONS = (CommandKind.BEGIN_ADVERSE_ACTION, CommandKind.DISPUTE_CHECK, CommandKind.END_DISPUTE)


class DecidedCase(DeadlinedCase):
    """A case that staff decide on: the first two of the guide's steps, what is asked meanwhile, and adverse actions."""

    progress: Progress

    @property
    def _is_resting(self) -> bool:
        return super()._is_resting and not self.progress.pending

    def _resume_progress(self, rebuilt: RebuiltProgress) -> None:
        super()._resume_progress(rebuilt)
        self.progress.facts |= set(rebuilt.facts)
        self.progress.rounds, self.progress.asked = rebuilt.rounds, rebuilt.asked
        self.progress.take_backs = rebuilt.take_backs
        self.progress.check_round = rebuilt.check_round
        self.progress.unknown_license, self.progress.verdict = rebuilt.unknown_license, rebuilt.verdict
        self._adopt_adverse_action(rebuilt.adverse_action)
        left = [] if rebuilt.verdict else self.progress.pending
        self.progress.pending = [command for command in left if command.command_id not in rebuilt.applied]

    def _list_runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [*super()._list_runners(), self._follow_adverse_actions()]

    async def _become_eligible(self) -> bool:
        """Steps 1 and 2: the request is screened, counselors are checked, and staff decide."""
        while not self.progress.verdict:
            if self.progress.asked:
                await self._await_answer()
                continue
            if self.progress.take_backs:
                self._notify_assister(Notice.QUESTION_TAKEN_BACK, occurrence=self.progress.take_backs)
            await self._complete_step(
                f"screened {self.progress.rounds}", self._screen_request, Stage.SCREENING, WaitingFor.SCREENING
            )
            if self._kind is Kind.ENROLLMENT_COUNSELOR:
                await self._check_background()
            await self._await_decision()
        return self.progress.verdict == Verdict.APPROVE

    async def _screen_request(self) -> None:
        order = LookUp(case_id=self.case_id, at=workflow.now(), occurrence=self.progress.rounds)
        patience = timedelta(seconds=self._claimed.license_unknown_after_seconds)
        try:
            screened = await self._activities.make(
                Licensing.look_up, order, "license and NPN look-up", patience=patience
            )
        except ActivityError as error:
            if is_cancelled_exception(error):  # the case ended meanwhile
                raise
            ref = CaseRef(case_id=self.case_id, at=workflow.now(), occurrence=self.progress.rounds)
            screened = await self._activities.record(Licensing.record_unknown, ref)
        self.progress.unknown_license = screened.unknown

    async def _check_background(self) -> None:
        """A14: ordered once for who the request is of, and reported before anybody may approve."""
        here = Stage.AWAITING_BACKGROUND_CHECK, WaitingFor.BACKGROUND_CHECK
        number = self.progress.check_round
        await self._complete_step(
            f"background {number}" if number else "background",
            lambda: self._make_effect(Background.order_check, "background check ordered", occurrence=number),
            *here,
        )
        if not self._has_seen(FactKind.BACKGROUND_REPORTED):
            self._enter_stage(*here)
            await workflow.wait_condition(
                lambda: self._has_seen(FactKind.BACKGROUND_REPORTED) or bool(self.progress.pending)
            )

    async def _await_decision(self) -> None:
        """Waits for staff; meanwhile a licence that could not be looked up is looked up again."""
        if self._has_seen(FactKind.BACKGROUND_REPORTED) or self._kind is not Kind.ENROLLMENT_COUNSELOR:
            self._enter_stage(Stage.AWAITING_DECISION, WaitingFor.DECISION)
        again = asyncio.create_task(self._look_up_again())
        try:
            await workflow.wait_condition(lambda: bool(self.progress.pending) or has_failed(again))
        finally:
            again.cancel()
        if has_failed(again):
            again.result()
        await self._apply_pending(self.progress.pending[0])

    async def _look_up_again(self) -> None:
        if not self.progress.unknown_license:
            return
        order = LookUp(case_id=self.case_id, at=workflow.now(), occurrence=self.progress.rounds, patient=True)
        summary = "license look-up, again"
        with suppress(ActivityError):  # given up, since staff decided first
            await workflow.execute_activity_method(Licensing.look_up, order, summary=summary, **PATIENT)
            self.progress.unknown_license = False

    async def _await_answer(self) -> None:
        """Staff asked for information: the assister answers, or staff take the question back, or deny."""
        self._enter_stage(Stage.AWAITING_INFORMATION, WaitingFor.INFORMATION)
        questions_before = self.progress.rounds + self.progress.take_backs
        self._notify_assister(Notice.INFORMATION_NEEDED, occurrence=questions_before)
        await workflow.wait_condition(lambda: bool(self.progress.pending))
        await self._apply_pending(self.progress.pending[0])

    async def _apply_pending(self, command: Command) -> None:
        """Applies a decision, an answer or what takes a question back, once; what is recorded is what counts."""
        applied = await self._apply_command(command)
        self.progress.pending = [other for other in self.progress.pending if other.command_id != command.command_id]
        if not applied.applied:
            return
        if command.kind == CommandKind.ANSWER:
            self.progress.rounds += 1
            self.progress.asked = False
        if command.kind == CommandKind.TAKE_QUESTION_BACK:
            self.progress.take_backs += 1
            self.progress.asked = False
        if applied.renews_check:
            self._renew_check(applied)
        if command.kind in (CommandKind.ANSWER, CommandKind.TAKE_QUESTION_BACK, CommandKind.REORDER_CHECK):
            return
        if applied.verdict == Verdict.ASK:
            self.progress.asked = True
        else:
            self.progress.verdict, self.progress.pending = applied.verdict, []

    def _renew_check(self, applied: Applied) -> None:
        """A report on somebody else, or of an order of before, doesn't count any more; one of this order does (D5)."""
        self.progress.check_round = applied.check_round or self.progress.rounds
        self.progress.facts.discard(FactKind.BACKGROUND_REPORTED)
        if applied.is_checked:
            self.progress.facts.add(FactKind.BACKGROUND_REPORTED)

    # side tasks, and adverse actions beside the journey

    async def _run_side_task(self, task: Command) -> None:
        if task.kind == CommandKind.REPEAT_CHECKS:
            await self._repeat_checks(task)
        else:
            await super()._run_side_task(task)

    async def _repeat_checks(self, task: Command) -> None:
        """Staff have checks made again (A13); the case waits for its decision meanwhile, and for nothing of this."""
        order = ChecksOrder(
            case_id=self.case_id, at=workflow.now(), occurrence=self.progress.rounds, command_id=task.command_id
        )
        try:
            await self._activities.make(Licensing.repeat_checks, order, "checks made again", patience=REPEAT_PATIENCE)
        except ActivityError as error:
            if is_cancelled_exception(error):  # the case ended meanwhile
                raise
            await self._activities.record(Licensing.give_up_repeat, order)

    def _adopt_sent(self, sent: Effect) -> None:
        self._adopt_adverse_action(sent.adverse_action)

    async def _follow_adverse_actions(self) -> None:
        """Each has a workflow of its own, which is told of every change; in a run that goes on once more (E8)."""
        told = AdverseActionSnapshot()
        while True:
            await workflow.wait_condition(lambda seen=told: self.progress.adverse_action != seen)  # type: ignore[misc]
            told = self.progress.adverse_action
            await self._tell_adverse_action(told.number)

    async def _tell_adverse_action(self, number: int) -> None:
        """Starts its workflow, or tells the one that runs to look again; one that is through needs to hear nothing."""
        workflow_id = make_adverse_action_workflow_id(self.case_id, number)
        try:
            await workflow.start_child_workflow(
                names.ADVERSE_ACTION,
                BeginAdverseFollowing(case_id=self.case_id, number=number),
                id=workflow_id,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            with suppress(ApplicationError):
                await workflow.get_external_workflow_handle(workflow_id).signal(names.ADVERSE_ACTION_CHANGED)

    # small verbs

    @property
    def _kind(self) -> Kind:
        return Kind(self._claimed.kind)

    def _has_seen(self, kind: FactKind) -> bool:
        return kind in self.progress.facts

    # messages

    async def _apply_command(self, command: Command) -> Applied:
        applied = await super()._apply_command(command)
        self._adopt_adverse_action(applied.adverse_action)
        return applied

    def _adopt_adverse_action(self, snapshot: AdverseActionSnapshot | None) -> None:
        """Messages may overtake each other: of two snapshots the later one of more facts is newer."""
        known = self.progress.adverse_action
        if snapshot is not None and (snapshot.number, snapshot.version) > (known.number, known.version):
            self.progress.adverse_action = snapshot

    def _accept_own_command(self, command: Command) -> None:
        if not self.progress.verdict and command.kind not in ABOUT_ADVERSE_ACTIONS:
            self.progress.pending = [*self.progress.pending, command]

    def _check_own_command(self, command: Command) -> None:
        if command.kind == CommandKind.DECIDE:
            self._check_decision(command)
        elif command.kind == CommandKind.ANSWER:
            self._check_answer()
        elif command.kind == CommandKind.TAKE_QUESTION_BACK:
            self._check_taking_back()
        elif command.kind == CommandKind.REORDER_CHECK:
            self._check_reorder()
        elif command.kind in (*ABOUT_ADVERSE_ACTIONS, CommandKind.REPEAT_CHECKS) and self.progress.verdict:
            raise build_refusal(Reason("overtaken"))

    def _list_pending_kinds(self) -> set[str]:
        return {other.kind for other in self.progress.pending}

    def _check_answer(self) -> None:
        """Beside what takes the question back it is let in: which of the two counts, the database says."""
        if not self.progress.asked or self._list_pending_kinds() - {CommandKind.TAKE_QUESTION_BACK}:
            raise build_refusal(Reason("not_asked"))

    def _check_taking_back(self) -> None:
        pending = self._list_pending_kinds()
        if CommandKind.ANSWER in pending:
            raise build_refusal(Reason("answer_on_its_way"))
        if self.progress.verdict or CommandKind.DECIDE in pending:
            raise build_refusal(Reason("overtaken"))
        if not self.progress.asked or pending:
            raise build_refusal(Reason("no_open_question"))

    def _check_reorder(self) -> None:
        if self.progress.verdict or self.progress.pending:
            raise build_refusal(Reason("overtaken"))
        if self.progress.asked:
            raise build_refusal(Reason("awaiting_information"))

    def _check_decision(self, command: Command) -> None:
        pending = self._list_pending_kinds()
        if self.progress.verdict or CommandKind.DECIDE in pending:
            raise build_refusal(Reason("overtaken"))
        is_closing = bool(pending & {CommandKind.ANSWER, CommandKind.TAKE_QUESTION_BACK})
        if self.progress.asked and not is_closing and command.verdict != Verdict.DENY:
            raise build_refusal(Reason("awaiting_information"))

    @workflow.signal(name=names.DECIDED)
    def receive_decision(self, command: Command) -> None:
        """Staff decided; one that can't be applied is refused where it is recorded."""
        self._accept_command(command)

    @workflow.update(name=names.DECIDE)
    async def decide_eligibility(self, command: Command) -> str:
        """Staff decide, and are told at once (A12)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.ANSWER)
    async def answer_question(self, command: Command) -> str:
        """The assister answers what staff asked."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.TAKE_QUESTION_BACK)
    async def take_question_back(self, command: Command) -> str:
        """Staff take back what they asked, and are told at once (A12)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.REORDER_CHECK)
    async def reorder_check(self, command: Command) -> str:
        """Staff have a background check ordered anew of which nothing comes any more (E8)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.REPEAT_CHECKS)
    async def repeat_checks(self, command: Command) -> str:
        """Staff have checks made again that they decide on (A13)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.BEGIN_ADVERSE_ACTION)
    async def begin_adverse_action(self, command: Command) -> str:
        """Staff give notice that a background report may lead to a denial (E8)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.DISPUTE_CHECK)
    async def dispute_check(self, command: Command) -> str:
        """The assister disputes that report (E8)."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.END_DISPUTE)
    async def end_dispute(self, command: Command) -> str:
        """Staff say that the dispute is over (E8)."""
        return await self._carry_out_update(command)

    @decide_eligibility.validator
    def _may_decide(self, command: Command) -> None:
        self._check_command(command)

    @answer_question.validator
    def _may_answer(self, command: Command) -> None:
        self._check_command(command)

    @take_question_back.validator
    def _may_take_back(self, command: Command) -> None:
        self._check_command(command)

    @reorder_check.validator
    def _may_reorder(self, command: Command) -> None:
        self._check_command(command)

    @repeat_checks.validator
    def _may_repeat_checks(self, command: Command) -> None:
        self._check_command(command)

    @begin_adverse_action.validator
    def _may_begin_adverse_action(self, command: Command) -> None:
        self._check_command(command)

    @dispute_check.validator
    def _may_dispute(self, command: Command) -> None:
        self._check_command(command)

    @end_dispute.validator
    def _may_end_dispute(self, command: Command) -> None:
        self._check_command(command)
