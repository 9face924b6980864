"""Starts a Temporal server of a test's own, without our stack."""

from typing import Any

from temporalio.testing import WorkflowEnvironment
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from starter.stack.temporal_server import find_program

TRIES = 12


async def start_temporal(**options: Any) -> WorkflowEnvironment:
    """A development server; the SDK gives it five seconds to come up, and a busy machine needs more at times."""
    tries = AsyncRetrying(retry=retry_if_exception_type(RuntimeError), stop=stop_after_attempt(TRIES), reraise=True)
    started: WorkflowEnvironment = await tries(
        WorkflowEnvironment.start_local, dev_server_existing_path=find_program(), **options
    )
    return started
