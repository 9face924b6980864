"""Records the histories beside this file anew, from a real stack: `python -m tests.histories.record`, half a minute.

Run it when a change of the workflows was meant not to replay (no case of the older kind lives any more), and keep the
old files otherwise: that they still replay is what `worker.py verify` tells.
"""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client, WorkflowHistory

from starter.plan import Plan
from starter.processes import Child
from starter.schedules import DAILY_ROUND_ID
from starter.stack import children, running
from tests.support import documents
from tests.support.temporal import client_of
from tests.support.world import Document, World

HERE = Path(__file__).parent
GROWN = 40
MACHINE = re.compile(r"\d+@")
STATUS_LINK = re.compile(r"/status/([\w-]+)")
Life = Callable[[World], Awaitable[Document]]


async def broker_to_active(world: World) -> Document:
    return await world.active(documents.broker())


async def counselor_to_active(world: World) -> Document:
    return await world.active(documents.counselor())


async def denied_after_an_answer(world: World) -> Document:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "ask")
    letter = await world.letter(request["email"], lambda letter: STATUS_LINK.search(letter["text"]))
    token = STATUS_LINK.findall(letter["text"])[0]
    answer = {"message": "A sample answer", "changes": {"phone": "505-555-0199"}}
    told = await world.http.post(f"{world.web}/status/{token}/information", json=answer)
    assert told.is_success, told.text
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "deny")
    await world.until(opened, "denied")
    return opened


async def returning_broker(world: World) -> Document:
    request = documents.broker()
    await world.know(documents.producer(request))
    (assister_id,) = await world.all_imported([documents.earlier(request, 2023)])
    opened = await world.begun(assister_id, 2024)
    await world.approved(opened, override="the agreement was signed on paper")
    await world.reported(opened, "started", "course", "0.9")
    await world.until(opened, "active")
    return opened


async def withdrawn_in_training(world: World) -> Document:
    opened = await world.opened(documents.agent())
    await world.approved(opened)
    await world.reported(opened, "account", "profile")
    await world.command(opened, "withdraw", reason="a sample reason")
    return opened


async def revoked_counselor(world: World) -> Document:
    opened = await world.active(documents.counselor())
    await world.command(opened, "revoke", reason="a sample reason")
    return opened


LIVES: Sequence[Life] = (
    broker_to_active,
    counselor_to_active,
    denied_after_an_answer,
    returning_broker,
    withdrawn_in_training,
    revoked_counselor,
)


def renewing(plan: Plan) -> Sequence[Child]:
    """The stack with a server that suggests continue-as-new soon."""
    soon = ("--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={GROWN}")
    return [
        replace(child, argv=(*child.argv, *soon)) if child.name == "temporal" else child for child in children(plan)
    ]


@asynccontextmanager
async def worlds(**options: Any) -> AsyncIterator[tuple[World, Client]]:
    """A stack of its own, driven from outside."""
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        async with running(Path(folder), **options) as stack, httpx2.AsyncClient(timeout=30) as http:
            yield World(stack, http), await client_of(stack)


async def runs(client: Client, opened: Document) -> list[WorkflowHistory]:
    """The histories of a case's runs, the first one first, once it is quiet."""
    await asyncio.sleep(1)
    found, run_id = [], None
    while run_id != "":
        history = await client.get_workflow_handle(opened["workflow_id"], run_id=run_id).fetch_history()
        found.append(history)
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return found[::-1]


async def a_round(client: Client) -> WorkflowHistory:
    """The daily round's, started by its schedule."""
    handle = client.get_schedule_handle(DAILY_ROUND_ID)
    await handle.trigger()
    while not (actions := (await handle.describe()).info.recent_actions):
        await asyncio.sleep(0.1)
    started = actions[0].action
    workflow = client.get_workflow_handle(started.workflow_id, run_id=started.first_execution_run_id)  # type: ignore[attr-defined]
    await workflow.result()
    return await workflow.fetch_history()


def written(history: WorkflowHistory) -> str:
    """A history as JSON, an event on each line, without the name of the machine."""
    events = [json.dumps(_anonymous(event), ensure_ascii=False) for event in history.to_json_dict()["events"]]
    return '{"events": [\n' + ",\n".join(events) + "\n]}\n"


def _anonymous(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _anonymous(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_anonymous(item) for item in value]
    return "recorded" if isinstance(value, str) and MACHINE.match(value) else value


async def recorded() -> dict[str, str]:
    """Takes every life to its end; its histories by name."""
    found = {}
    async with worlds() as (world, client):
        for opened, life in zip(await asyncio.gather(*(life(world) for life in LIVES)), LIVES, strict=True):
            (only,) = await runs(client, opened)
            found[life.__name__] = written(only)
        found["daily_round"] = written(await a_round(client))
    async with worlds(table=renewing) as (world, client):
        for number, history in enumerate(await runs(client, await broker_to_active(world)), 1):
            found[f"renewed_broker_run_{number}"] = written(history)
    return found


if __name__ == "__main__":
    histories = asyncio.run(recorded())
    for file in HERE.glob("*.json"):
        file.unlink()
    for name, text in histories.items():
        (HERE / f"{name}.json").write_text(text, "utf-8")
    os._exit(0)
