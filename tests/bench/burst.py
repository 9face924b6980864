"""Requests as fast as they can be sent: how many are accepted a second, and when the last one waits for staff."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import load, usage
from tests.bench.pace import Size, measure_pace, show_cpu
from tests.bench.stack import open_stack
from tests.support.world import Document

AT_ONCE = 32


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Sends them, and waits until each of them is screened: with one lost this would not end."""
    async with open_stack(folder / "burst") as stack:
        requests = await load.known_brokers(stack.world, size.burst)
        began = time.perf_counter()
        accepted = 0.0

        async def send_all() -> None:
            nonlocal accepted

            async def send(request: Document) -> None:
                answer = await stack.world.submit(request)
                assert answer.status_code == 201, answer.text

            await load.each(requests, AT_ONCE, send)
            accepted = time.perf_counter() - began
            while stack.waits.count("decision") < size.burst:
                await asyncio.sleep(0.05)

        pace = await measure_pace(send_all(), size.burst, usage.stack_processes())
        return {
            "requests": size.burst,
            "at_once": AT_ONCE,
            "accepted_per_second": size.burst / accepted,
            "seconds": pace.seconds,
            "awaiting_decision": stack.waits.count("decision"),
            **pace.document(),
        }


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures."""
    title = f"{found['requests']:,} requests, {found['at_once']} at once: accepted per second"
    yield title, f"{found['accepted_per_second']:.1f}", ""
    yield "  awaiting decision in the end", f"{found['awaiting_decision']:,}", "all"
    yield "  when the last one did", f"{found['seconds']:.1f} s", ""
    yield "  CPU seconds a request", show_cpu(found), ""
