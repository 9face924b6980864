"""How the worker runs workflows: in the SDK's sandbox, which is entered for their steps and not for their payloads."""

from dataclasses import dataclass
from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info


@dataclass(frozen=True)
class CaseWorkflowRunner(SandboxedWorkflowRunner):
    """The SDK's sandbox, for a converter that treats every payload alike, whichever activity or workflow it is for.

    The SDK asks the workflow in its sandbox about each payload that is read or written, and twice about each that is
    written. Entering the sandbox for that took an eighth of the worker's processor time.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A run in a sandbox of its own."""
        return _AnyPayloadInstance(super().create_instance(det))


class _AnyPayloadInstance(WorkflowInstance):
    """A run that doesn't say which of its activities a payload is for."""

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: Any) -> Any:
        """Takes the workflow a step further."""
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        """None: the converter makes no difference between payloads."""

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        """No payload is kept outside of the history."""
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        """The run's id, times and the like."""
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        """The thread in which a step is being taken, for the report of one that takes too long."""
        return self._sandboxed.get_thread_id()
