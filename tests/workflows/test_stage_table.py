"""The table of stages is true of the running system: a model that knows the table alone comes to the same (C3, C4)."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from temporalio.service import RPCError

from db.tables import InboxRow
from db.writes.commands import keep_command
from db.writes.opening import Opened
from db.writes.suspensions import NewSuspension, restore_authority, suspend_authority
from db.writes.webhooks.inbox import (
    Received,
    accept_background_report,
    accept_portal_report,
    accept_statements,
)
from domain.programs.stage_table.state_rows import list_certifications
from domain.shared.cases.authority import SuspensionCause, SuspensionKind
from domain.shared.cases.commands import (
    CommandData,
    CommandOrigin,
    CommandState,
    GiveNotice,
    Lift,
    ResendNotice,
    Revoke,
    Suspend,
    Terminate,
    Withdraw,
)
from domain.shared.cases.facts import FactKind
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.state.background_reports import BackgroundReport
from domain.state.commands import AnswerQuestion, Decide, ReorderCheck
from domain.state.eligibility import Verdict
from domain.state.policies import find_state_policy
from domain.state.portal_reports import PORTAL_FACT, parse_portal_report
from tests.support import documents, inside as support
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from tests.support.senders import CHECKS, LMS, PORTAL
from tests.support.table_model import TableModel

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

# At so many events the server suggests that a run continue as new: after every few messages.
GROWN = 25
FEW_LIVES, STEPS, BEFORE_THE_END = 4, 25, 14
Answer = TypeVar("Answer")
BROKER, COUNSELOR = list_certifications()[:2]
REQUESTS = {BROKER.holder: documents.broker, COUNSELOR.holder: documents.counselor}
LAPSED = SuspensionCause.LICENSE_LAPSED
STAFF = "staff:sample"

LEARNED = {
    "lms_registered": ("registered", "account"),
    "lms_profile_completed": ("completed", "profile"),
    "course_started": ("initialized", "course"),
    "course_completed": ("completed", "course"),
}
SCORES = {"exam_attempted (passed)": 0.8, "exam_attempted (failed)": 0.79}
CHECKED = {"background_reported (clear)": "clear", "background_reported (consider)": "consider"}
PORTAL_EVENTS = {kind.value: event.value for event, kind in PORTAL_FACT.items()}
LICENSED = ("authority_suspended (license_lapsed)", "authority_restored (license_lapsed)")
REPORTS = [*LEARNED, *SCORES, *CHECKED, *PORTAL_EVENTS, *LICENSED]
NOTICES = (Notice.REQUEST_RECEIVED, Notice.LMS_INVITATION, Notice.CERTIFICATE_ISSUED, Notice.AUTHORITY_SUSPENDED)
COMMANDS: dict[str, CommandData] = {
    "decide (approve)": Decide(verdict=Verdict.APPROVE),
    "decide (approve, override)": Decide(verdict=Verdict.APPROVE, override="seen on paper"),
    "decide (ask)": Decide(verdict=Verdict.ASK),
    "answer": AnswerQuestion(changes={}),
    "reorder_check": ReorderCheck(),
    "suspend (agreement)": Suspend(suspension=SuspensionKind.AGREEMENT),
    "suspend (system)": Suspend(suspension=SuspensionKind.SYSTEM),
    "lift (every suspension)": Lift(),
    "lift (notice of a termination)": Lift(termination=True),
    "give_notice": GiveNotice(),
    **{f"resend ({notice})": ResendNotice(notice=notice) for notice in NOTICES},
}
ENDS: dict[str, CommandData] = {
    "decide (deny)": Decide(verdict=Verdict.DENY),
    "withdraw": Withdraw(),
    "revoke": Revoke(),
    "terminate (at once)": Terminate(),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    """A server that suggests continue-as-new all the time."""
    async with support.running(tmp_path_factory.mktemp("inside"), suggest_renewal_at=GROWN) as running:
        yield running


class TriedCase:
    """A case in the running system, to which arrivals of the table are sent, each twice under one id."""

    def __init__(self, inside: Inside, opened: Opened) -> None:
        self.inside = inside
        self.opened = opened
        self.lapse = ""

    async def receive(self, name: str) -> str | None:
        """Sends this twice; the code of why it was refused, the same both times, else None."""
        at, unique = datetime.now(UTC), str(uuid4())
        if name == LICENSED[0]:
            self.lapse = self.lapse or unique
        found = [await self._send(name, unique, at) for _ in range(2)]
        if name in LICENSED:  # what changes nothing is not written, and nobody is told why
            return found[0]
        assert found[0] == found[1], f"{name} sent again was answered otherwise"
        return found[0]

    async def _send(self, name: str, unique: str, at: datetime) -> str | None:
        if command := (COMMANDS | ENDS).get(name):
            return await self._command(command, unique, at)
        if name in LICENSED:
            return await self._change_license(name, at)
        try:
            received = await self._report(name, unique, at)
        except Invalid as invalid:
            return invalid.faults[0].code
        await self.inside.cases.deliver_events(received.to_deliver)
        return await self._find_note(unique)

    async def _command(self, command: CommandData, unique: str, at: datetime) -> str | None:
        key = self.inside.settings.identity_key_bytes
        origin = CommandOrigin(unique, self.opened.case_id, STAFF, "a sample reason", at)
        kept = await self.inside.database.write(keep_command, key, command, origin)
        if isinstance(kept, Reason):
            return kept.code
        try:
            async with asyncio.timeout(PATIENCE):
                while (await self.inside.cases.send_command(kept)).state is CommandState.PENDING:
                    await asyncio.sleep(0.05)
        except Refusal as refused:
            return refused.reason.code
        return None

    async def _change_license(self, name: str, at: datetime) -> str | None:
        """The watch writes nothing where nothing changes, so that there is no code."""
        case_id, write = self.opened.case_id, self.inside.database.write
        if name == LICENSED[0]:
            told = await write(suspend_authority, case_id, NewSuspension(self.lapse, LAPSED), at)
        else:
            told = await write(restore_authority, case_id, self.lapse, LAPSED, at)
            self.lapse = "" if told else self.lapse
        await self.inside.cases.deliver_events(told)
        return None if told else "nothing"

    async def _report(self, name: str, unique: str, at: datetime) -> Received:
        write = self.inside.database.write
        if name in CHECKED:
            report = BackgroundReport(
                unique, "report.completed", None, self.opened.case_id, "complete", CHECKED[name], unique
            )
            return await write(accept_background_report, CHECKS, report, at)
        if name in PORTAL_EVENTS:
            body = {"type": PORTAL_EVENTS[name], "case_id": self.opened.case_id, "occurred_at": at.isoformat()}
            return await write(accept_portal_report, PORTAL, unique, *parse_portal_report(body), body, at)
        policy = find_state_policy("bewellnm", 2024)
        assert policy is not None
        ids, who = policy.model_dump(mode="json"), self.opened.document()
        told: dict[str, Any] = {"id": unique, "timestamp": at.isoformat()}
        said = (
            documents.exam(ids, who, SCORES[name], **told)
            if name in SCORES
            else documents.statement(ids, who, *LEARNED[name], **told)
        )
        statements = read_statements(read_json(json.dumps([said]).encode()))
        return await write(accept_statements, LMS, statements, at)

    async def _find_note(self, unique: str) -> str | None:
        """Why a report that is stored has no effect."""
        return await self.inside.database.read(_find_note, unique)

    async def agree(self, model: TableModel, told: str) -> None:
        """Waits until database and workflow are where the model is."""
        place = model.place
        shown = (place.shown_stage, place.shown_wait)
        journey = (place.stage, place.waiting_for)
        seen: list[Any] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while seen != [shown, journey, model.may_assist]:
                    await asyncio.sleep(0.02)
                    seen = await self._look()
        except TimeoutError:
            raise AssertionError(f"after {told}: the table says {place}, the system {seen}") from None

    async def _look(self) -> list[Any]:
        status = await self.inside.status(self.opened)
        try:
            progress = await self.inside.progress(self.opened)
        except RPCError:  # between two tasks, or two runs
            return []
        said = progress.stage, progress.waiting_for or None
        return [(status["stage"], status["waiting_for"]), said, status["may_assist"]]


def _find_note(session: Any, event_id: str) -> str | None:
    found = session.query(InboxRow).filter(InboxRow.event_id == event_id).one()
    code: str | None = found.note_code if found.fact_id is None else None
    return code


def build_machine(inside: Inside, loop: asyncio.AbstractEventLoop, runs: list[int]) -> type[RuleBasedStateMachine]:
    """A machine that drives the system from another thread; ``runs`` takes in how many runs each case had."""

    def wait_for(work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, loop).result(2 * PATIENCE)

    class Lives(RuleBasedStateMachine):
        @initialize(journey=st.sampled_from([BROKER, COUNSELOR]))
        def open_case(self, journey: Any) -> None:
            self.model, self.steps = TableModel.begin(journey), 0
            opened = wait_for(inside.open(REQUESTS[journey.holder]()))
            self.case = TriedCase(inside, opened)
            if journey is COUNSELOR:
                ordered = FactKind.BACKGROUND_ORDERED
                wait_for(inside.until(opened, lambda status: any(one["kind"] == ordered for one in status["history"])))
            wait_for(self.case.agree(self.model, "the request"))

        @rule(name=st.sampled_from(REPORTS))
        def report(self, name: str) -> None:
            self.receive(name)

        @rule(name=st.sampled_from(list(COMMANDS)))
        def command(self, name: str) -> None:
            self.receive(name)

        @rule(data=st.data())
        def go_on(self, data: st.DataObject) -> None:
            self.go_further(data)

        @rule(data=st.data())
        def go_on_again(self, data: st.DataObject) -> None:
            self.go_further(data)

        @precondition(lambda self: self.steps >= BEFORE_THE_END)
        @rule(name=st.sampled_from(list(ENDS)))
        def end(self, name: str) -> None:
            self.receive(name)

        def go_further(self, data: st.DataObject) -> None:
            names = [one for one in self.model.list_next() if one in (*REPORTS, *COMMANDS)]
            if names:
                self.receive(data.draw(st.sampled_from(names)))

        def receive(self, name: str) -> None:
            self.steps += 1
            found, expected = wait_for(self.case.receive(name)), self.model.receive(name)
            if name in LICENSED:
                assert (found is None) == (expected is None), (name, self.model.place)
            else:
                assert found == expected, (name, self.model.place)
            wait_for(self.case.agree(self.model, name))

        def teardown(self) -> None:
            if hasattr(self, "case"):
                runs.append(len(wait_for(inside.runs(self.case.opened))))

    return Lives


async def test_c3_c4_the_table_is_true_of_the_running_system(inside: Inside, request: pytest.FixtureRequest) -> None:
    lives = int(request.config.getoption("--lives"))
    runs: list[int] = []
    machine = build_machine(inside, asyncio.get_running_loop(), runs)
    bounds = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=lives == FEW_LIVES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=bounds)
    assert max(runs) > 1, "runs continue as new meanwhile"
