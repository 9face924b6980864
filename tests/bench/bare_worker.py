"""The worker of the bare workflow, a process of its own, polling as the product's worker does."""

import asyncio

from temporalio.worker import PollerBehaviorAutoscaling, Worker

from starter.client import connect_client
from tests.bench.bare import TASK_QUEUE, Bare, nothing
from tests.bench.bare_rows import store


async def main() -> None:
    """Works until it is killed."""
    await Worker(
        await connect_client(),
        task_queue=TASK_QUEUE,
        workflows=[Bare],
        activities=[nothing, store],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    ).run()


if __name__ == "__main__":
    asyncio.run(main())
