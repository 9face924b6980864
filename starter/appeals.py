"""The door to appeals: filed, backed by evidence, taken back and decided; their workflows are told (E5, E6)."""

import asyncio
from datetime import timedelta
from typing import TypeVar

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from adapters.holidays import list_days_off
from db.case_state import load_case
from db.engine import Database
from db.reads.appeals import (
    AppealOffer,
    ShownAppeal,
    find_appeal_offer,
    find_appeal_version,
    list_untold_appeals,
    list_untold_facts,
    read_appeals,
)
from db.writes.appeals.deciding import DecisionOnAppeal, decide_appeal, note_told
from db.writes.appeals.filing import Filing, add_evidence, file_appeal, withdraw_appeal
from db.writes.submissions import Submission
from domain.shared.cases.appeals import Appeal, AppealOutcome, find_current_appeal
from domain.shared.cases.messages import BeginAppeal
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.documents.evidence import check_evidence, clean_file_name
from domain.shared.documents.faults import Invalid
from domain.shared.documents.texts import find_text_faults
from domain.shared.ids import make_appeal_workflow_id
from domain.shared.traces import locate_error
from starter.cases import Cases, now
from starter.client import RPC_TIMEOUT
from starter.temporal import NotRunning, Unreachable, translate_errors
from workflows import messages as names

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
# Who records something tells it at once, and is left the time to.
GRACE = timedelta(seconds=5)
TOLD_EVERY = 5.0


class Appeals:
    """What appellants and staff do about appeals. What is recorded and can't be told now, is told later."""

    def __init__(self, client: Client, database: Database, cases: Cases, task_queue: str) -> None:
        self._client = client
        self._database = database
        self._cases = cases
        self._task_queue = task_queue

    async def find_offer(self, case_id: str) -> AppealOffer | None:
        """Whether what staff decided can be appealed, and until when; None where they decided nothing of the kind."""
        return await self._database.read(find_appeal_offer, case_id, list_days_off, now())

    async def read_appeals(self, case_id: str) -> list[ShownAppeal]:
        """The appeals of a case, the first one first. Raises `UnknownCase`."""
        return await self._database.read(read_appeals, case_id)

    async def file_appeal(self, filing: Filing) -> int:
        """Files an appeal and begins its workflow; its number. Raises `Refusal`, `Invalid` and `UnknownCase`."""
        _check_text("grounds", filing.grounds)
        number = _unwrap(await self._database.write(file_appeal, filing, list_days_off, now()))
        await self.try_to_tell(filing.case_id, number)
        await self._tell_case(filing.case_id)
        return number

    async def add_evidence(self, case_id: str, name: str, content: bytes, actor: str) -> int:
        """Keeps a file of evidence; which of the appeal's it is. Raises `Invalid` for what is none, and `Refusal`."""
        media_type = await asyncio.to_thread(check_evidence, content, name)  # it looks at each byte
        submission = Submission(clean_file_name(name, media_type), media_type, content)
        number = _unwrap(await self._database.write(add_evidence, case_id, submission, actor, list_days_off, now()))
        await self._tell_current(case_id, await self._find_current(case_id))
        return number

    async def withdraw_appeal(self, case_id: str, reason: str, actor: str) -> None:
        """The appellant doesn't go on. Raises `Refusal` where no appeal is open, or for who has decided before."""
        _check_text("reason", reason)
        current = await self._find_current(case_id)
        _unwrap(await self._database.write(withdraw_appeal, case_id, actor, reason, list_days_off, now()))
        await self._tell_current(case_id, current)
        await self._tell_case(case_id)

    async def decide_appeal(self, decision: DecisionOnAppeal) -> AppealOutcome:
        """Decides an appeal; a case that it opens again has its workflow begun anew. Raises as `file_appeal`."""
        _check_text("reason", decision.reason)
        current = await self._find_current(decision.case_id)
        outcome = _unwrap(await self._database.write(decide_appeal, decision, list_days_off, now()))
        await self._tell_current(decision.case_id, current)
        if current is not None and current.filed.suspensions:
            await self._tell_case(decision.case_id)
        elif (await self._database.read(load_case, decision.case_id)).stage not in ENDED:
            await self._cases.try_to_start(decision.case_id)
        return outcome

    async def _tell_case(self, case_id: str) -> None:
        """Tells a case's workflow what an appeal against suspensions came to; what can't be told now, is told later."""
        await self._cases.deliver_events(await self._database.read(list_untold_facts, case_id))

    async def _find_current(self, case_id: str) -> Appeal | None:
        return find_current_appeal([one.appeal for one in await self.read_appeals(case_id)])

    async def _tell_current(self, case_id: str, current: Appeal | None) -> None:
        """Tells the appeal's workflow of a change; one of another appeal, which came between, is told later."""
        if current is not None:
            await self.try_to_tell(case_id, current.number)

    async def try_to_tell(self, case_id: str, number: int, *, has_changed: bool = True) -> bool:
        """Tells an appeal's workflow to look, and begins it where it doesn't run; False where that can't be done.

        One of an appeal that hasn't changed is begun where it doesn't run, and not told: what is told again and again
        while no worker is there fills its history.
        """
        version = await self._database.read(find_appeal_version, case_id, number)
        try:
            with translate_errors():
                await self._client.start_workflow(
                    names.APPEAL,
                    BeginAppeal(case_id=case_id, number=number),
                    id=make_appeal_workflow_id(case_id, number),
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    start_signal=names.APPEAL_CHANGED if has_changed else None,
                    start_signal_args=[version] if has_changed else [],
                    static_summary="appeal",
                    rpc_timeout=RPC_TIMEOUT,
                )
        except (Unreachable, NotRunning, RPCError) as error:
            log.warning("appeal not told", case=case_id, error=type(error).__name__)
            return False
        await self._database.write(note_told, case_id, number, version)
        return True

    async def tell_pending(self) -> None:
        """Tells what wasn't told at once, and begins the workflows again of clocks that nobody minds."""
        at = now()
        for row in await self._database.read(list_untold_appeals, at, at - GRACE):
            if not await self.try_to_tell(row.case_id, row.number, has_changed=row.told < row.version):
                return

    async def keep_telling(self, every: float = TOLD_EVERY) -> None:
        """Rounds until cancelled; a failed one is logged by its kind, and tried again."""
        while True:
            try:
                await self.tell_pending()
            except Exception as error:  # the next round tries again
                log.warning("appeals not told", error=type(error).__name__, where=locate_error(error))
            await asyncio.sleep(every)


def _unwrap(answer: Answer | Reason) -> Answer:
    """What was done. Raises `Refusal` with the reason why it wasn't."""
    if isinstance(answer, Reason):
        raise Refusal(answer)
    return answer


def _check_text(field: str, text: str) -> None:
    if faults := find_text_faults(field, text):
        raise Invalid(faults)
