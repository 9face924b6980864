"""An adverse action's own workflow: it gives notice, keeps the days, and tells how it ended (E8)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import AdverseActions, Notices
    from domain.shared.cases.messages import AdverseActionStanding, BeginAdverseFollowing, CaseRef, Letter
    from workflows import messages as names
    from workflows.activity_runner import ActivityRunner
    from workflows.options import LETTER_AT_ONCE

# As its days have not begun.
NOTICING = "noticing"


@workflow.defn(name=names.ADVERSE_ACTION)
class AdverseActionFollowing:
    """Follows one adverse action of a case until it has ended; a child of the case's workflow that outlives its runs.

    What people and the vendor do is recorded where it arrives, and judged there; here it is heard that something was.
    """

    @workflow.init
    def __init__(self, begin: BeginAdverseFollowing) -> None:
        self._begin = begin
        self._activities = ActivityRunner()
        self._has_heard = False
        self._written: set[str] = set()

    @workflow.run
    async def run(self, begin: BeginAdverseFollowing) -> str:
        """Answers how it ended."""
        while True:
            self._has_heard = False
            standing = await self._look()
            written = [await self._write_once(letter) for letter in standing.letters]
            if not standing.is_open:
                return standing.status
            # Its days run from when its notice was sent; runs of before were never told that it is still to be.
            if not (standing.status == NOTICING and any(written)):
                await self._sleep_until_changed(standing)

    async def _look(self) -> AdverseActionStanding:
        order = CaseRef(case_id=self._begin.case_id, occurrence=self._begin.number, at=workflow.now())
        standing = await self._activities.record(AdverseActions.follow_adverse_action, order)
        due = f", until {standing.due_at:%Y-%m-%d %H:%M} UTC" if standing.due_at else ""
        workflow.set_current_details(f"**{standing.status}**{due}")
        return standing

    async def _write_once(self, letter: Letter) -> bool:
        """A letter is sent once by its key; not ordered again, so that looking costs one activity. False for that."""
        if letter.key in self._written:
            return False
        summary = f"e-mail: {letter.notice}"
        await self._activities.make(Notices.send_notice, letter, summary, at_once=LETTER_AT_ONCE)
        self._written.add(letter.key)
        return True

    async def _sleep_until_changed(self, standing: AdverseActionStanding) -> None:
        """Until something was recorded, or the days are over."""
        left = standing.due_at - workflow.now() if standing.due_at else None
        if left is not None and left.total_seconds() <= 0:
            return
        try:
            await workflow.wait_condition(lambda: self._has_heard, timeout=left)
        except TimeoutError:
            return

    @workflow.signal(name=names.ADVERSE_ACTION_CHANGED)
    def hear_change(self) -> None:
        """Something of the adverse action was recorded."""
        self._has_heard = True
        self._activities.note_message()
