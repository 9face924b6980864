"""A workflow that does nothing, as often as a broker's does something: what Temporal itself costs."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from tests.bench.bare_rows import store

TASK_QUEUE = "bench-bare"
SECONDS = timedelta(seconds=10)


@dataclass
class Shape:
    """How many activities, local activities and messages (signals and updates) a path has.

    ``rows`` is how many rows each local activity stores, ``patches`` how many patches the workflow asks for.
    """

    regular: int
    local: int
    messages: int
    rows: int = 0
    patches: int = 0


@activity.defn
async def nothing() -> None:
    """Does nothing."""


@workflow.defn
class Bare:
    """Hears the messages one by one, and calls the activities in between, spread evenly."""

    def __init__(self) -> None:
        self._heard = 0

    @workflow.run
    async def run(self, shape: Shape) -> None:
        """Ends after the last message and the last activity."""
        for patch in range(shape.patches):
            workflow.patched(f"patch {patch}")
        regular = local = 0
        for stop in range(shape.messages + 1):
            await workflow.wait_condition(lambda stop=stop: self._heard >= stop)  # type: ignore[misc]
            while local * shape.messages < shape.local * stop:
                await self._run_local(shape.rows)
                local += 1
            while regular * shape.messages < shape.regular * stop:
                await workflow.execute_activity(nothing, start_to_close_timeout=SECONDS)
                regular += 1

    async def _run_local(self, rows: int) -> None:
        if rows:
            await workflow.execute_local_activity(store, rows, start_to_close_timeout=SECONDS)
        else:
            await workflow.execute_local_activity(nothing, start_to_close_timeout=SECONDS)

    @workflow.signal
    def reported(self) -> None:
        """A message."""
        self._heard += 1

    @workflow.update
    def decide(self) -> None:
        """A message that is answered."""
        self._heard += 1
