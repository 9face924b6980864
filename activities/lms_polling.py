"""An LMS that tells nothing by itself is asked what learners have done; what is new is taken as every other report."""

from datetime import timedelta

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from activities.heartbeats import keep_heartbeating
from adapters.absorb import AbsorbClient, describe_enrollment
from adapters.http import Refused
from db.engine import Database
from db.reads.third_parties import PolledLearner, list_polled_learners
from db.writes.webhooks.inbox import accept_statements
from domain.shared.documents.statements import read_statements
from domain.shared.round_messages import LmsPoll
from domain.shared.senders import Sender

# Changes reach its API late; what was seen before is a repeat and has no effect.
LOOKS_BACK = timedelta(hours=48)
PAGE = 25
THE_END = "-"


class LmsPollingActivities(contracts.LmsPolling):
    """Asks Absorb as the sender it is; without a client there is no such LMS, and nothing to ask."""

    def __init__(self, absorb: AbsorbClient | None, sender: Sender, database: Database) -> None:
        self._absorb = absorb
        self._sender = sender
        self._database = database

    @activity.defn(name="lms_polling.ask_page")
    async def ask_page(self, poll: LmsPoll) -> LmsPoll:
        """See the contract."""
        if self._absorb is None:
            return poll.model_copy(update={"after": THE_END})
        learners = await self._database.read(list_polled_learners, self._sender.program, poll.after, PAGE)
        reports = unreadable = 0
        async with keep_heartbeating():
            for learner in learners:
                try:
                    reports += await self._ask_about(self._absorb, learner, poll)
                except Refused:  # of this one alone; an LMS that is away ends the attempt instead
                    unreadable += 1
        return LmsPoll(
            at=poll.at,
            after=learners[-1].case_id if len(learners) == PAGE else THE_END,
            reports=poll.reports + reports,
            unreadable=poll.unreadable + unreadable,
        )

    async def _ask_about(self, absorb: AbsorbClient, learner: PolledLearner, poll: LmsPoll) -> int:
        """How much was new of one learner; courses that aren't of the case's plan year are somebody else's business."""
        user = learner.account if learner.account != learner.assister_id else None  # our id is no user's id there
        user = user or await absorb.find_user(learner.assister_id)
        if user is None:
            return 0
        rows = await absorb.list_enrollments(user, poll.at - LOOKS_BACK)
        ours = [row for row in rows if self._sender.activities.get(str(row.get("courseId"))) in learner.activities]
        documents = [describe_enrollment(row, learner.case_id, learner.assister_id) for row in ours]
        if not documents:
            return 0
        read = [
            one
            for one in read_statements(documents, self._sender.dialect, self._sender.zone)
            if one.statement is None or one.statement.meanings
        ]
        received = await self._database.write(accept_statements, self._sender, read, read_clock(poll.at))
        return len(received.to_deliver)
