"""Begins a round over licences at once and waits for it; every day the schedule does so by itself (E1)."""

from datetime import datetime

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from domain.shared.round_messages import LicenseRoundCounts, LicenseRoundOrder
from starter.cases import now
from starter.client import RPC_TIMEOUT
from workflows import messages as names

LICENSE_ROUND_NOW_ID = "license-round-now"


async def run_license_round(client: Client, task_queue: str, at: datetime | None = None) -> LicenseRoundCounts:
    """What the day has come to by then: rounds of one day count together, and ask about nobody twice.

    ``at`` is a moment of the day whose round it is; now, if left out. Who asks while another one of this kind runs gets
    that one's answer. It takes as long as a worker and the registry take: the caller bounds the wait. Raises RPCError,
    and RuntimeError for a lazy client that never reached the server.
    """
    handle = await client.start_workflow(
        names.LICENSE_ROUND,
        LicenseRoundOrder(at=at or now()),
        id=LICENSE_ROUND_NOW_ID,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        result_type=LicenseRoundCounts,
        static_summary="licenses of the certified",
        rpc_timeout=RPC_TIMEOUT,
    )
    counts: LicenseRoundCounts = await handle.result()
    return counts
