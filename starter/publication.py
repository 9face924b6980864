"""Publishes the federal lists at once and waits for it; on business days the schedule does so by itself (B18–B20)."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from domain.shared.round_messages import Published, PublishOrder
from starter.cases import now
from starter.client import RPC_TIMEOUT
from workflows import messages as names

PUBLICATION_ID = "publication"


async def publish_lists(client: Client, task_queue: str, *, forced: bool = False) -> Published:
    """What was published; nothing on a day off, or when the day has its publication, unless ``forced``.

    Who asks while another publication of this kind runs gets that one's answer. It takes as long as a worker takes:
    the caller bounds the wait. Raises RPCError, and RuntimeError for a lazy client that has never reached the server.
    """
    handle = await client.start_workflow(
        names.DAILY_PUBLICATION,
        PublishOrder(at=now(), forced=forced),
        id=PUBLICATION_ID,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        result_type=Published,
        static_summary="federal lists",
        rpc_timeout=RPC_TIMEOUT,
    )
    published: Published = await handle.result()
    return published
