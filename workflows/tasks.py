"""What is asked of a workflow's tasks, and done with them."""

import asyncio
from collections.abc import Sequence
from typing import Any


def has_failed(task: asyncio.Task[Any]) -> bool:
    """Whether a task raised something, and wasn't cancelled."""
    return task.done() and not task.cancelled() and task.exception() is not None


def has_succeeded(task: asyncio.Task[Any]) -> bool:
    """Whether a task came to its end without raising anything."""
    return task.done() and not task.cancelled() and task.exception() is None


async def cancel_tasks(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancels tasks, and waits until they are over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
