"""Replays recorded histories with the workflows about to ship; it asks no server and needs no settings."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer

from starter.client import make_plugin

_MESSAGE = re.compile(r'message: "(.+?)(?<!\\)"')


def verify_histories(folder: Path, workflows: Sequence[type]) -> int:
    """Replays every ``*.json`` in the folder and the folders in it, and says a line for each.

    0 if all do, 1 if one doesn't, 2 without any.
    """
    files = sorted(folder.rglob("*.json"))
    histories = {str(file.relative_to(folder)): file.read_text("utf-8", "replace") for file in files}
    if not histories:
        print(f"There are no histories in {folder}.")
        return 2
    return 0 if asyncio.run(_all_replay(histories, replayer_of(workflows))) else 1


def replayer_of(workflows: Sequence[type]) -> Replayer:
    """A replayer of these workflows that leaves the telling to us: the SDK's core would log to standard output."""
    quiet = Runtime(telemetry=TelemetryConfig(logging=None))
    return Replayer(workflows=workflows, plugins=[make_plugin()], runtime=quiet)


async def find_failure(replayer: Replayer, history: str) -> str | None:
    """Why this history doesn't replay, as a sentence; None when it does."""
    try:
        parsed = WorkflowHistory.from_json("replayed", history)
    except Exception as error:  # whatever is wrong with a file
        return f"can't be read as a history: {_describe_error(error)}."
    result = await replayer.replay_workflow(parsed, raise_on_replay_failure=False)
    return None if result.replay_failure is None else f"does not replay: {_describe_error(result.replay_failure)}."


async def find_failure_half_way(replayer: Replayer, history: WorkflowHistory) -> str | None:
    """Why a run doesn't replay as it was before one of its tasks, as a sentence; None when it does before each.

    That is where a release finds the runs that are open.
    """
    for number, event in enumerate(history.events):
        if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
            continue
        begun = WorkflowHistory(history.workflow_id, history.events[: number + 1])
        failure = (await replayer.replay_workflow(begun, raise_on_replay_failure=False)).replay_failure
        if failure is not None:
            return f"does not replay up to event {event.event_id}: {_describe_error(failure)}."
    return None


async def _all_replay(histories: Mapping[str, str], replayer: Replayer) -> bool:
    failures = []
    for name, history in histories.items():
        why = await find_failure(replayer, history)
        print(f"{name}: {why or 'replays'}", flush=True)
        failures += [why] if why else []
    return not failures


def _describe_error(error: Exception) -> str:
    """What an error says; of the core's, which is a printed structure, the message alone."""
    text = str(error)
    said = _MESSAGE.search(text)
    return " ".join((said[1] if said else text).split()).rstrip(".") or type(error).__name__
