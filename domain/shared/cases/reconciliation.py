"""An open case and its workflow held against each other: what is to be done about a workflow that is gone or wrong."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import WaitingFor
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM

# Begun again by itself so often within a day, and then shown to staff: what fails a fourth time fails a fifth.
MOST_RESTARTS = 3


class Outcome(StrEnum):
    """What a reconciliation found of a case, or did about it.

    `AHEAD` is a restarted one whose workflow knew what isn't recorded, `REPEATING` one of these that had done some.
    """

    RUNNING = "running"
    MISSING = "missing"
    RESTARTED = "restarted"
    AHEAD = "ahead"
    REPEATING = "may_repeat"
    STUCK = "stuck"
    TOLD = "told"
    SILENT = "silent"
    UNBEGUN = "unbegun"
    YOUNG = "young"
    ENDED = "ended"
    FAILED = "failed"


# Counted beside the outcomes: cases whose third parties are to be asked for their reports again.
WANTED = "wanted"
# And adverse actions whose own workflow was lost, and is begun again.
FOLLOWED = "adverse_actions_followed"
# What staff are shown by a flag.
FLAGGED = (Outcome.MISSING, Outcome.STUCK)


class WorkflowStatus(StrEnum):
    """How a case's workflow stands, by Temporal's own record."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"
    GONE = "gone"


# Why a workflow that isn't running is begun again, or staff are asked.
_REASONS = {
    WorkflowStatus.COMPLETED: "workflow_over",
    WorkflowStatus.FAILED: "workflow_failed",
    WorkflowStatus.TIMED_OUT: "workflow_failed",
    WorkflowStatus.GONE: "workflow_lost",
    WorkflowStatus.TERMINATED: "workflow_stopped",
    WorkflowStatus.CANCELLED: "workflow_stopped",
}
# What a person did on purpose is theirs to undo.
_STOPPED = (WorkflowStatus.TERMINATED, WorkflowStatus.CANCELLED)


# Who keeps what they reported and reports it again. Training vendors don't: they know no case, only tickets, whose
# secrets we don't keep.
ARCHIVES: Mapping[str, Sequence[EventSource]] = {
    STATE_PROGRAM: (EventSource.LMS, EventSource.BACKGROUND_CHECKS, EventSource.PORTAL),
    FEDERAL_PROGRAM: (EventSource.LMS,),
}
_PORTAL_WAITS = frozenset(
    {
        WaitingFor.PORTAL_REGISTRATION,
        WaitingFor.PORTAL_ACTIVATION,
        WaitingFor.PORTAL_PROFILE,
        WaitingFor.SCHEDULING_TOOL,
        WaitingFor.NEXT_PLAN_YEAR,
        WaitingFor.RESTORATION,
    }
)


def is_report_due(source: str, waiting_for: str | None, facts: Collection[FactKind]) -> bool:
    """Whether a third party may be asked for its reports again: before its turn they would come too early (A24)."""
    if source == EventSource.PORTAL:
        return waiting_for in _PORTAL_WAITS
    return source != EventSource.BACKGROUND_CHECKS or FactKind.BACKGROUND_ORDERED in facts


@dataclass(frozen=True)
class SeenWorkflow:
    """A case's workflow as Temporal has it: ``run_id`` is of the first run of its chain, empty where it isn't said.

    ``stage`` and ``waiting_for`` are what it last said of itself, None where it said nothing; ``fails`` says that a
    task of it fails again and again.
    """

    status: WorkflowStatus
    run_id: str = ""
    started_at: datetime | None = None
    stage: str | None = None
    waiting_for: str | None = None
    fails: bool = False


@dataclass(frozen=True)
class StoppedVerdict:
    """What is to be done about an open case whose workflow isn't running, and why."""

    restarts: bool
    reason: Reason


@dataclass(frozen=True)
class Difference:
    """How a running workflow's progress differs from what is recorded.

    ``ahead`` is what it knows and no record of it is left; ``repeats`` are those of it that it did, and that may be
    done again. ``unheard`` is what is recorded and it was not told: facts that a report brings it, or ``commands``.
    """

    ahead: frozenset[str] = field(default_factory=frozenset)
    repeats: frozenset[str] = field(default_factory=frozenset)
    unheard: frozenset[str] = field(default_factory=frozenset)
    commands: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether the workflow was not told of something."""
        return bool(self.unheard) or self.commands


def judge_stopped(status: WorkflowStatus, restarts: int) -> StoppedVerdict:
    """What failed or is gone is begun again, but not for ever; what somebody stopped is asked about."""
    reason = Reason(_REASONS[status])
    if status in _STOPPED:
        return StoppedVerdict(False, reason)
    if restarts >= MOST_RESTARTS:
        return StoppedVerdict(False, Reason("workflow_restarted_often", {"times": str(restarts)}))
    return StoppedVerdict(True, reason)
