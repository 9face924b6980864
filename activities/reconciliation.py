"""Cases held against their workflows: begins again what is gone, says what is stuck or wrong (decision 24)."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from temporalio import activity

from activities import contracts
from activities.heartbeats import keep_heartbeating
from adapters.http import Refused, Unavailable
from db.case_state import CaseSnapshot, list_flags, load_case, load_snapshot
from db.engine import Database
from db.reads.recovery.adverse_actions import list_denied_cases, list_followed_actions
from db.reads.recovery.reconciliation import (
    compare_case,
    is_unclosed,
    list_ended_cases,
    list_known_cases,
    list_open_cases,
    list_repeats,
    list_unclosed_cases,
    list_wanting_cases,
    read_last_reconciliation,
)
from db.tables import SYSTEM, Case
from db.writes.adverse_actions import note_restart
from db.writes.cases import flag_case, unflag_case
from db.writes.facts import WORKFLOW_STUCK
from db.writes.recovery.reconciliation import keep_reconciliation
from db.writes.recovery.restarts import (
    MAY_REPEAT,
    WORKFLOW_GONE,
    count_restarts,
    free_case,
    settle_reports,
    want_reports,
)
from domain.programs.progress import ADVERSE_ACTION, AUTHORITY
from domain.shared.assister import Kind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import BeginAdverseFollowing, Progress, RegistrationProgress, Report
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.reconciliation import (
    FOLLOWED,
    MOST_RESTARTS,
    WANTED,
    Outcome,
    SeenWorkflow,
    WorkflowStatus,
    is_report_due,
    judge_stopped,
)
from domain.shared.cases.stages import ENDED
from domain.shared.round_messages import LastReconciliation, Reconciled, ReconciliationOrder, ReportsOrder
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=5)
# After so long without one something was down, and every workflow is asked.
MISSED = 3 * EVERY
# Once a day every workflow is asked: what a restore left different may show nowhere else.
THOROUGH_EVERY = timedelta(days=1) // EVERY
PAGE = 500
ASKED_A_PAGE = 100
AT_ONCE = 10
# Who has failed so often in a row is asked about no other case of the page.
SILENT_AFTER = AT_ONCE
# What is younger may be on its way.
YOUNG = timedelta(minutes=1)
# A workflow goes on for so long after its case's end without being asked why.
ENDING = timedelta(minutes=10)
# What ended longer ago is not looked at for closing actions that aren't recorded.
CLOSING_LOOKED_FOR = timedelta(days=30)


class CaseWorkflowDirectory(Protocol):
    """What is asked of Temporal about the workflows of cases, and done there; handed in by the worker."""

    async def list_running(self, cases: Sequence[Case]) -> Mapping[str, SeenWorkflow]:
        """Of these cases' workflows those that run, by case; some seconds late."""

    async def list_running_page(self, token: str) -> tuple[Mapping[str, SeenWorkflow], str]:
        """A page of all running workflows of cases, by id, and the token of the next page, empty after the last."""

    async def describe_workflow(self, case: Case) -> SeenWorkflow:
        """How a case's workflow stands now."""

    async def read_progress(self, case: Case) -> Progress | RegistrationProgress | None:
        """What a case's workflow knows; None where it doesn't answer."""

    async def read_last_progress(self, case: Case) -> Progress | RegistrationProgress | None:
        """What a case's workflow knew when it stopped; None where nobody can tell."""

    async def start_workflow(self, case: Case) -> bool:
        """Begins it; one that runs is left alone."""

    async def begin_adverse_following(self, begin: BeginAdverseFollowing) -> bool:
        """Begins the workflow of an adverse action; False where it runs."""

    async def terminate_workflow(self, case: Case, reason: str) -> None:
        """Ends it at once; one that doesn't run is left alone."""

    async def repeat_reports(self, snapshot: CaseSnapshot, reports: Sequence[Report]) -> None:
        """Tells it of recorded facts."""


class ReportsArchive(Protocol):
    """A third party that keeps what it reported and reports it again."""

    async def request_reports(self, case_id: str) -> None:
        """Asks for everything it reported of a case. Raises `Unavailable` and `Refused`."""


class ReconciliationsActivities(contracts.Reconciliations):
    """Compares, begins again, flags and asks again; ``archives`` are the third parties, by program and source."""

    def __init__(
        self, workflows: CaseWorkflowDirectory, database: Database, archives: Mapping[str, Mapping[str, ReportsArchive]]
    ) -> None:
        self._workflows = workflows
        self._database = database
        self._archives = archives

    @activity.defn(name="reconciliation.open")
    async def open_reconciliation(self, last: LastReconciliation) -> ReconciliationOrder:
        """See the contract.

        Each store remembers the last one. Where they don't agree, one of them was restored from a backup, and perhaps
        both were. So it was where workflows knew what isn't recorded, though the database lost no reconciliation by it.
        Where the last one is merely long ago, nothing is lost: nobody compared.
        """
        kept = await self._database.read(read_last_reconciliation)
        known = kept.number if kept else 0
        number = max(last.number, known) + 1
        restored = known != last.number or (kept is not None and kept.counts.get(Outcome.AHEAD, 0) > 0)
        is_late = kept is not None and _now() - kept.finished_at > MISSED
        thorough = restored or is_late or number % THOROUGH_EVERY == 0
        return ReconciliationOrder(number=number, restored=restored, thorough=thorough)

    @activity.defn(name="reconciliation.compare")
    async def compare_page(self, order: ReconciliationOrder) -> Reconciled:
        """See the contract."""
        now = _now()
        open_ones = await self._database.read(list_open_cases, order.after, PAGE)
        unclosed = await self._database.read(
            list_unclosed_cases, order.after, now - CLOSING_LOOKED_FOR, now - YOUNG, PAGE
        )
        cases = sorted([*open_ones, *unclosed], key=lambda case: case.case_id)[:PAGE]
        running = await self._workflows.list_running(cases) if cases else {}
        outcomes = await self._look_at_each(cases, running, thorough=order.thorough)
        counts = _count_outcomes(outcomes)
        after = cases[-1].case_id if len(cases) == PAGE else ""
        counts[FOLLOWED] = await self._follow_adverse_actions(order.after, after, cases)
        still_open = [case for case in cases if case.stage not in ENDED]
        if order.restored:
            await self._database.write(want_reports, [case.case_id for case in still_open])
        wanted = [case.case_id for case in still_open if order.restored or case.reports_wanted]
        counts[WANTED] = len(wanted)
        return Reconciled(counts=counts, after=after, ask_again=wanted)

    async def _follow_adverse_actions(self, after: str, last: str, cases: Sequence[Case]) -> int:
        """Begins the workflows of adverse actions again that alone are lost; how many (E8).

        ``after`` and ``last`` bound the page: of those denied meanwhile the final notice may be due.
        """
        denied = await self._database.read(list_denied_cases, after, last, _now() - CLOSING_LOOKED_FOR)
        checked = [case.case_id for case in cases if case.kind == Kind.ENROLLMENT_COUNSELOR]
        begun = 0
        for followed in await self._database.read(list_followed_actions, [*checked, *denied], _now() - YOUNG):
            try:
                if await self._workflows.begin_adverse_following(followed):
                    await self._database.write(note_restart, followed.case_id, SYSTEM, Reason("workflow_lost"), _now())
                    begun += 1
            except Exception as error:  # it is the next reconciliation's
                log.warning("adverse action not followed", case=followed.case_id, error=type(error).__name__)
        return begun

    async def _look_at_each(
        self, cases: Sequence[Case], running: Mapping[str, SeenWorkflow], *, thorough: bool
    ) -> Sequence[Outcome]:
        turns = asyncio.Semaphore(AT_ONCE)

        async def look_at(case: Case) -> Outcome:
            async with turns:
                return await self._look_after(case, running.get(case.case_id), thorough=thorough)

        async with keep_heartbeating():
            return await asyncio.gather(*map(look_at, cases))

    async def _look_after(self, case: Case, running: SeenWorkflow | None, *, thorough: bool) -> Outcome:
        """What was found or done; a case that can't be looked after now is the next reconciliation's."""
        try:
            if not thorough and running is not None and _is_healthy(case, running):
                return Outcome.RUNNING
            return await self._look_closely(case)
        except Refusal as refusal:  # it has ended meanwhile, or somebody else has begun it again
            return Outcome.ENDED if refusal.reason.code == "case_ended" else Outcome.RUNNING
        except Exception as error:
            where = locate_error(error)
            log.warning("case not looked after", case=case.case_id, error=type(error).__name__, where=where)
            return Outcome.FAILED

    async def _look_closely(self, listed: Case) -> Outcome:
        case = await self._database.read(load_case, listed.case_id)
        if case.stage != listed.stage and case.stage in ENDED:  # just now
            return Outcome.ENDED
        if _now() - (case.restarted_at or case.opened_at) < YOUNG:
            return Outcome.YOUNG
        seen = await self._workflows.describe_workflow(case)
        if seen.status is WorkflowStatus.RUNNING:
            return await self._look_at_running(case, seen)
        return await self._look_at_stopped(case, seen.status)

    async def _look_at_stopped(self, case: Case, status: WorkflowStatus) -> Outcome:
        has_ended = (await self._database.read(load_case, case.case_id)).stage in ENDED
        if has_ended and not (case.stage in ENDED and await self._database.read(is_unclosed, case.case_id)):
            return Outcome.ENDED
        is_new = status is WorkflowStatus.GONE and not has_ended
        if case.run_id is None and (is_new or case.restarted_at is not None):
            await self._workflows.start_workflow(case)  # the delivery may have done so before it was lost
            return Outcome.UNBEGUN
        verdict = judge_stopped(status, count_restarts(case, _now()))
        if not verdict.restarts:
            await self._database.write(flag_case, case.case_id, WORKFLOW_GONE, _now(), verdict.reason, explains=True)
            return Outcome.MISSING
        repeats = await self._list_repeats(case, status)
        freed = await self._database.write(free_case, case, SYSTEM, verdict.reason, _now(), repeats)
        if status is WorkflowStatus.COMPLETED:  # who ended the case is to be asked, though nothing is named
            await self._database.write(flag_case, case.case_id, MAY_REPEAT, _now(), verdict.reason)
        await self._workflows.start_workflow(freed)
        return Outcome.REPEATING if repeats else Outcome.RESTARTED

    async def _list_repeats(self, case: Case, status: WorkflowStatus) -> list[str]:
        """What a workflow that isn't running had done and no record of it is left."""
        progress = None if status is WorkflowStatus.GONE else await self._workflows.read_last_progress(case)
        return await self._database.read(list_repeats, case.case_id, progress) if progress else []

    async def _look_at_running(self, case: Case, seen: SeenWorkflow) -> Outcome:
        if seen.fails:
            await self._database.write(flag_case, case.case_id, WORKFLOW_STUCK, _now(), Reason("workflow_task_fails"))
            return Outcome.STUCK
        if case.run_id is None and seen.waiting_for is None and not _is_left_over(case, seen):
            return Outcome.UNBEGUN  # among many that were opened at once its first task may take its time
        # Another run's is asked too what it did: it was begun again since the backup that the database is from.
        claimed = not seen.run_id or case.run_id == seen.run_id
        progress = await self._workflows.read_progress(case)
        if progress is None:
            return Outcome.SILENT if claimed else await self._replace_workflow(case, "workflow_behind")
        found = await self._database.read(compare_case, case.case_id, progress, _now() - YOUNG)
        if found.snapshot.case.stage in ENDED:
            if case.stage not in ENDED:
                return Outcome.ENDED
            knows = progress.stage in ENDED or progress.ending is not None
            return Outcome.RUNNING if knows else await self._replace_workflow(case, "workflow_behind")
        difference = found.difference
        if difference.ahead:
            replaced = await self._replace_workflow(case, "workflow_ahead", difference.repeats)
            return Outcome.AHEAD if replaced is Outcome.RESTARTED else replaced
        if not claimed or (difference.commands and found.is_settled):
            return await self._replace_workflow(case, "workflow_behind")
        for flag in {WORKFLOW_GONE, WORKFLOW_STUCK} & set(list_flags(case)):
            await self._database.write(unflag_case, case.case_id, flag, _now())
        if not difference.is_behind or not found.is_settled:
            return Outcome.RUNNING
        await self._workflows.repeat_reports(found.snapshot, _build_reports(found.snapshot, difference.unheard))
        return Outcome.TOLD

    async def _replace_workflow(self, case: Case, why: str, repeats: Collection[str] = ()) -> Outcome:
        """Ends a workflow that goes by other facts than those recorded, and begins it again from these."""
        if count_restarts(case, _now()) >= MOST_RESTARTS:
            reason = Reason("workflow_restarted_often", {"times": str(case.restarts)})
            await self._database.write(flag_case, case.case_id, WORKFLOW_STUCK, _now(), reason)
            return Outcome.STUCK
        freed = await self._database.write(free_case, case, SYSTEM, Reason(why), _now(), sorted(repeats))
        await self._workflows.terminate_workflow(case, "begun again from what is recorded")
        await self._workflows.start_workflow(freed)
        return Outcome.REPEATING if repeats else Outcome.RESTARTED

    @activity.defn(name="reconciliation.find_unknown")
    async def find_unknown_workflows(self, order: ReconciliationOrder) -> Reconciled:
        """See the contract."""
        found, token = await self._workflows.list_running_page(order.token)
        ids = {workflow_id.rpartition("/")[2]: workflow_id for workflow_id in found}
        unknown = sorted(set(ids) - await self._database.read(list_known_cases, ids))
        for case_id in unknown:
            log.warning("a workflow runs for which there is no case", workflow_id=ids[case_id])
        ended = await self._database.read(list_ended_cases, ids, _now() - ENDING)
        outliving = [case for case in ended if found[ids[case.case_id]].stage != case.stage]
        counts = _count_outcomes(await self._look_at_each(outliving, {}, thorough=True))
        counts["unknown"] = len(unknown)
        return Reconciled(counts=counts, token=token, unknown=[ids[one] for one in unknown])

    @activity.defn(name="reconciliation.ask_again")
    async def request_reports(self, order: ReportsOrder) -> Reconciled:
        """See the contract. A third party that knows nothing of a case says so, and that is an answer."""
        turns = asyncio.Semaphore(AT_ONCE)
        failures: Counter[tuple[str, str]] = Counter()

        async def ask(case_id: str) -> int:
            async with turns:
                return await self._request_reports(case_id, failures)

        async with keep_heartbeating():
            due, after = (order.case_ids, "") if order.case_ids else await self._list_due(order.after)
            asked = await asyncio.gather(*map(ask, due))
        return Reconciled(counts={"asked": sum(asked)}, after=after)

    async def _list_due(self, after: str) -> tuple[list[str], str]:
        """Cases one of whose third parties may be asked now, and after which one the next page begins."""
        due: list[str] = []
        while len(due) < ASKED_A_PAGE:
            cases = await self._database.read(list_wanting_cases, after, ASKED_A_PAGE)
            due += [case.case_id for case in cases if _may_be_asked(case)]
            if len(cases) < ASKED_A_PAGE:
                return due, ""
            after = cases[-1].case_id
        return due, after

    async def _request_reports(self, case_id: str, failures: Counter[tuple[str, str]]) -> int:
        """How many third parties were asked; who can't be reached, or whose turn it isn't, is asked another time.

        ``failures`` are those in a row, by program and source: who hangs would else hold up the others for each case.
        """
        snapshot = await self._database.read(load_snapshot, case_id)
        case, kinds = snapshot.case, {fact.kind for fact in snapshot.facts}
        due = [one for one in case.reports_wanted or () if is_report_due(one, case.waiting_for, kinds)]
        asked = []
        for source in due:
            whose = case.program, source
            if failures[whose] >= SILENT_AFTER:
                continue
            try:
                await self._archives[case.program][source].request_reports(case_id)
            except (Unavailable, Refused) as error:
                failures[whose] += 1
                log.warning("reports not asked for", case=case_id, source=source, code=error.code)
            else:
                failures[whose] = 0
                asked.append(source)
        if asked:
            await self._database.write(settle_reports, case_id, asked)
        return len(asked)

    @activity.defn(name="reconciliation.close")
    async def close_reconciliation(self, order: ReconciliationOrder) -> LastReconciliation:
        """See the contract."""
        await self._database.write(keep_reconciliation, order, _now())
        return LastReconciliation(number=order.number)


def _now() -> datetime:
    return datetime.now(UTC)


def _count_outcomes(outcomes: Iterable[Outcome]) -> dict[str, int]:
    counts = Counter(outcome.value for outcome in outcomes)
    counts[Outcome.AHEAD] += counts[Outcome.REPEATING]
    counts[Outcome.RESTARTED] += counts[Outcome.AHEAD]
    return dict(+counts)


def _may_be_asked(case: Case) -> bool:
    """Whether it is the turn of one of its third parties, as far as the case itself says."""
    return any(is_report_due(one, case.waiting_for, {FactKind.BACKGROUND_ORDERED}) for one in case.reports_wanted or ())


def _is_left_over(case: Case, seen: SeenWorkflow) -> bool:
    """Whether a workflow is one that was to be ended when its case was freed for the next one."""
    return bool(case.restarted_at and seen.started_at and seen.started_at < case.restarted_at)


def _is_healthy(case: Case, running: SeenWorkflow) -> bool:
    """Whether a workflow runs, and says of itself what is recorded of its case; staff aren't asked to look at it.

    A case that was freed and not claimed since may have the workflow it was freed from: who freed it was killed.
    """
    if running.fails or {WORKFLOW_GONE, WORKFLOW_STUCK} & set(list_flags(case)):
        return False
    if case.run_id is None and case.restarted_at is not None:
        return False
    waits = running.waiting_for in (None, case.waiting_for or "nothing")
    return running.stage in (None, case.stage) and waits


def _build_reports(snapshot: CaseSnapshot, unheard: frozenset[str]) -> list[Report]:
    """What a workflow is told that was not told; of a federal registration what all of it came to."""
    case_id, standing, authority = (
        snapshot.case.case_id,
        snapshot.take_registration_snapshot(),
        snapshot.take_authority_snapshot(),
    )
    if standing is not None:
        fact_id = f"reconciled:{standing.facts}"
        return [Report(case_id=case_id, fact_id=fact_id, kind="reconciled", standing=standing, authority=authority)]
    passed = snapshot.certification.has_earned_certificate
    reports = [
        Report(case_id=case_id, fact_id=f"reconciled:{kind}", kind=kind, passed=passed)
        for kind in sorted(unheard - {AUTHORITY, ADVERSE_ACTION})
    ]
    if ADVERSE_ACTION in unheard:
        told = snapshot.take_adverse_snapshot()
        fact_id = f"reconciled:{ADVERSE_ACTION}:{told.number}:{told.version}"
        reports.append(Report(case_id=case_id, fact_id=fact_id, kind=ADVERSE_ACTION, adverse_action=told))
    if AUTHORITY in unheard:
        fact_id = f"reconciled:{AUTHORITY}:{authority.facts}"
        reports.append(Report(case_id=case_id, fact_id=fact_id, kind=AUTHORITY, authority=authority))
    return reports
