"""An appeal's own workflow: small, since the case's has ended; it keeps the clocks and writes to the appellant."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Appeals, Notices
    from domain.shared.cases.messages import AppealRef, AppealStanding, BeginAppeal, Letter
    from workflows import messages as names
    from workflows.activity_runner import ActivityRunner
    from workflows.options import LETTER_AT_ONCE


@workflow.defn(name=names.APPEAL)
class AppealFollowing:
    """Follows one appeal until it is over.

    What people do is recorded where it arrives, and judged there; here it is heard that something was. The history
    stays short: an appeal has ten files at most, two phases and one end.
    """

    @workflow.init
    def __init__(self, begin: BeginAppeal) -> None:
        self._begin = begin
        self._activities = ActivityRunner()
        self._heard = self._seen = 0
        self._written: set[str] = set()

    @workflow.run
    async def run(self, begin: BeginAppeal) -> str:
        """Answers what became of the appeal: "over"; what it came to is in the case's facts."""
        while True:
            standing = await self._look()
            for letter in standing.letters:
                await self._write_once(letter)
            if not standing.is_open:
                return "over"
            await self._sleep_until_changed(standing)

    async def _look(self) -> AppealStanding:
        ref = AppealRef(case_id=self._begin.case_id, number=self._begin.number, at=workflow.now())
        standing = await self._activities.record(Appeals.follow_appeal, ref)
        due = f", to be answered by {standing.due_at:%Y-%m-%d %H:%M} UTC" if standing.due_at else ""
        workflow.set_current_details(f"phase **{standing.phase}**{due}" if standing.is_open else "over")
        self._seen = standing.version
        return standing

    async def _write_once(self, letter: Letter) -> None:
        """A letter is sent once by its key; not ordered again, so that looking costs one activity."""
        if letter.key not in self._written:
            summary = f"e-mail: {letter.notice}"
            await self._activities.make(Notices.send_notice, letter, summary, at_once=LETTER_AT_ONCE)
            self._written.add(letter.key)

    async def _sleep_until_changed(self, standing: AppealStanding) -> None:
        """Until something was recorded, or the clock of this phase has run out."""
        left = standing.due_at - workflow.now() if standing.due_at else None
        if left is not None and left.total_seconds() <= 0:
            return
        try:
            await workflow.wait_condition(lambda: self._heard > self._seen, timeout=left)
        except TimeoutError:
            return

    @workflow.signal(name=names.APPEAL_CHANGED)
    def hear_change(self, version: int) -> None:
        """Something of the appeal was recorded; ``version`` counts its changes."""
        self._heard = max(self._heard, version)
        self._activities.note_message()
