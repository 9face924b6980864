"""The authority to assist in a case's workflow: suspended, restored and terminated, beside the journey (E2–E4)."""

from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Records
    from domain.shared.cases.commands import CommandKind
    from domain.shared.cases.facts import FactKind
    from domain.shared.cases.messages import (
        Applied,
        AuthoritySnapshot,
        CaseRef,
        Command,
        RebuiltProgress,
        Report,
    )
    from domain.shared.cases.notices import Notice
    from workflows import messages as names
    from workflows.case import CaseWorkflow

# Each is applied by its update alone: nothing of the journey comes by for it. A termination at once is an ending.
ABOUT_AUTHORITY = (CommandKind.SUSPEND, CommandKind.LIFT, CommandKind.GIVE_NOTICE)


class SuspendableCase(CaseWorkflow):
    """A case whose authority can be suspended, restored and terminated while its journey stands where it stood.

    Everything is recorded first. The workflow is told by a signal or an update what it came to, makes what is due of
    it, and ends what has a term when that is over.
    """

    def _list_runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [*super()._list_runners(), self._follow_authority()]

    def _resume_progress(self, rebuilt: RebuiltProgress) -> None:
        super()._resume_progress(rebuilt)
        self._adopt_authority(rebuilt.authority)

    async def _follow_authority(self) -> str:
        """Makes what each change comes with, and waits for the next one or for the next term; answers a termination."""
        while True:
            authority = self.progress.authority
            self._make_changes(authority)
            left = authority.due_at - workflow.now() if authority.due_at else None
            if left is not None and left.total_seconds() <= 0:
                order = CaseRef(case_id=self.case_id, at=workflow.now())
                changed = await self._activities.record(Records.end_terms, order)
                self._adopt_authority(changed.authority)
                self._adopt_snapshot(changed.standing)
                if changed.ended:
                    return FactKind.TERMINATED.value
                continue
            try:
                await workflow.wait_condition(
                    lambda seen=authority: self.progress.authority is not seen,  # type: ignore[misc]
                    timeout=left,
                )
            except TimeoutError:
                continue

    def _make_changes(self, authority: AuthoritySnapshot) -> None:
        """Each change has its notice, once; and what the program makes of where things stand now."""
        for letter in authority.letters:
            step = f"notice {letter.notice} {letter.about}"
            self._start_step(step, lambda it=letter: self._send_notice(Notice(it.notice), about=it.about))  # type: ignore[misc]
        if authority.facts:
            self._align_outside(authority)

    def _align_outside(self, authority: AuthoritySnapshot) -> None:
        """What the program changes outside, beside the journey; nothing unless it says so."""

    async def _await_authority(self) -> None:
        """Waits while the authority is suspended."""
        if self.progress.authority.suspended_since is not None:
            await workflow.wait_condition(lambda: self.progress.authority.suspended_since is None)

    # messages

    def _adopt_authority(self, authority: AuthoritySnapshot | None) -> None:
        """Messages may overtake each other: of two snapshots the one with more facts is newer."""
        known = self.progress.authority
        if authority is None or authority == known or authority.facts < known.facts:
            return
        self._is_wait_unshown = self._is_wait_unshown or authority.suspended_since != known.suspended_since
        self.progress.authority = authority

    def _take_report(self, report: Report) -> bool:
        """Whether a report is this case's and new; what it says of the authority is taken on."""
        is_new = self._remember_message(report.fact_id, report.case_id)
        if is_new:
            self._adopt_authority(report.authority)
        return is_new

    def _record_report(self, report: Report) -> None:
        """Takes a report of a recorded fact."""
        raise NotImplementedError

    async def _apply_command(self, command: Command) -> Applied:
        applied = await super()._apply_command(command)
        self._adopt_authority(applied.authority)
        self._adopt_snapshot(applied.standing)
        return applied

    def _accept_command(self, command: Command) -> None:
        if command.kind in ABOUT_AUTHORITY:
            self._remember_message(command.command_id, command.case_id)
        else:
            super()._accept_command(command)

    @workflow.signal(name=names.AUTHORITY_CHANGED)
    def authority_changed(self, report: Report) -> None:
        """The authority was suspended or restored by a cause that nobody commands."""
        self._record_report(report)

    @workflow.update(name=names.SUSPEND)
    async def suspend_authority(self, command: Command) -> str:
        """Staff suspend the authority to assist."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.LIFT)
    async def lift_suspension(self, command: Command) -> str:
        """Staff lift a suspension, or take back a termination."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.GIVE_NOTICE)
    async def give_notice(self, command: Command) -> str:
        """Staff give notice of a termination."""
        return await self._carry_out_update(command)

    @workflow.update(name=names.TERMINATE)
    async def terminate_authority(self, command: Command) -> str:
        """Staff terminate at once."""
        return await self._carry_out_update(command)

    @suspend_authority.validator
    def _may_suspend(self, command: Command) -> None:
        self._check_command(command)

    @lift_suspension.validator
    def _may_lift(self, command: Command) -> None:
        self._check_command(command)

    @give_notice.validator
    def _may_give_notice(self, command: Command) -> None:
        self._check_command(command)

    @terminate_authority.validator
    def _may_terminate(self, command: Command) -> None:
        self._check_command(command)
