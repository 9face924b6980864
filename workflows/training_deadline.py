"""The training deadline in a certification's workflow: told ahead, lapsed, reactivated, closed for good (E14)."""

from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Records
    from domain.shared.cases.facts import FactKind
    from domain.shared.cases.messages import Applied, CaseRef, DeadlineStanding, Progress
    from domain.shared.cases.notices import Notice
    from domain.state.eligibility import Verdict
    from workflows.authority import SuspendableCase

# What the LMS reports on the way to a training that is complete.
_OF_TRAINING = frozenset({FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_COMPLETED})


class DeadlinedCase(SuspendableCase):
    """A case whose training has a deadline where its rules have one; its journey stands where it stood meanwhile.

    The days are the database's to judge, so that a run that was renewed, begun again or told late does the same. Runs
    of cases without a deadline order nothing, so that no patch is needed for those of before.
    """

    progress: Progress

    def __init__(self, case_id: str, progress: Progress) -> None:
        super().__init__(case_id, progress)
        self._rules_taken = 0

    def _list_runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [*super()._list_runners(), self._follow_deadline()]

    async def _follow_deadline(self) -> str:
        """Looks after the deadline whenever something may have changed about it; answers that the case was closed."""
        while True:
            await workflow.wait_condition(lambda: self._may_have_deadline)
            seen = self._see_training()
            order = CaseRef(case_id=self.case_id, at=workflow.now())
            standing = await self._activities.record(Records.follow_deadline, order)
            self._adopt_deadline(standing)
            if standing.ended:
                return FactKind.CLOSED.value
            await self._sleep_until_due(standing, seen)

    async def _sleep_until_due(self, standing: DeadlineStanding, seen: tuple[object, ...]) -> None:
        left = standing.due_at - workflow.now() if standing.due_at else None
        if left is not None and left.total_seconds() <= 0:
            return
        try:
            await workflow.wait_condition(lambda: self._see_training() != seen, timeout=left)
        except TimeoutError:
            return

    @property
    def _may_have_deadline(self) -> bool:
        """Rules of before may have had one, by which the case has lapsed."""
        return self.progress.verdict == Verdict.APPROVE and (
            self._claimed.has_training_deadline or self.progress.lapsed
        )

    def _see_training(self) -> tuple[object, ...]:
        """What the deadline depends on; of a lapsed case every message may be the one that reactivates it."""
        opened = self.progress.done & {"invited", "enrolled"}
        heard = self.progress.messages if self.progress.lapsed else 0
        reported = frozenset(self.progress.facts & _OF_TRAINING)
        return frozenset(opened), reported, self.progress.passed, self._rules_taken, heard

    def _adopt_deadline(self, standing: DeadlineStanding) -> None:
        self._is_wait_unshown = self._is_wait_unshown or standing.lapsed != self.progress.lapsed
        self.progress.lapsed = standing.lapsed
        for letter in standing.letters:
            # Not named as a notice of the journey: one that is true no more is not sent, and nothing of it recorded.
            self._start_step(
                f"told {letter.notice} {letter.about}",
                lambda it=letter: self._send_notice(Notice(it.notice), about=it.about),  # type: ignore[misc]
            )

    def _take_rules(self, applied: Applied) -> None:
        super()._take_rules(applied)
        self._rules_taken += 1
