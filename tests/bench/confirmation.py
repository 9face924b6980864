"""What the confirmation of an e-mail address costs: requests by who vouches for it, and by the form with its code."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2

from tests.bench import load, usage
from tests.bench.pace import Size, find_percentiles, measure_pace, show_cpu
from tests.bench.stack import BenchStack, open_stack
from tests.support import form
from tests.support.browser import Browser
from tests.support.world import Document

AT_ONCE = 16
# All of them come from one address.
UNLIMITED = {
    **{f"CERTIFY_RATE_{what}": "1000000/minute" for what in ("REQUEST", "CODE", "API")},
    "CERTIFY_CODES_AN_HOUR": "1000000",
}
Send = Callable[[Document], Awaitable[None]]


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """So many requests by a credential, as all of them came before, and then as many by the form, each to its end."""
    async with open_stack(folder / "confirmation", **UNLIMITED) as stack:
        waits: list[float] = []

        async def vouch(request: Document) -> None:
            answer = await stack.world.submit(request)
            assert answer.status_code == 201, answer.text

        async def confirm(request: Document) -> None:
            async with httpx2.AsyncClient(timeout=120, verify=False) as http:
                browser = Browser(http)
                await form.begin(browser, stack.world.web)
                await form.fill_in(browser, request)
                began = time.perf_counter()
                page = await form.hand_in(browser, stack.world.code)
                waits.append(time.perf_counter() - began)
                assert form.place(page) == form.DONE, page.text

        vouched = await _measure_pace(stack, size.confirmed, vouch, 0)
        confirmed = await _measure_pace(stack, size.confirmed, confirm, size.confirmed)
        return {"requests": size.confirmed, "at_once": AT_ONCE, "vouched": vouched, "confirmed": confirmed} | {
            "from_sending_to_acceptance": find_percentiles(waits)
        }


async def _measure_pace(stack: BenchStack, number: int, send: Send, before: int) -> dict[str, Any]:
    """How many are accepted a second; then each is screened, so that none of them is in the way of what comes next."""
    requests = await load.known_brokers(stack.world, number)
    began = time.perf_counter()
    accepted = 0.0

    async def send_all() -> None:
        nonlocal accepted
        await load.each(requests, AT_ONCE, send)
        accepted = time.perf_counter() - began
        while stack.waits.count("decision") < before + number:
            await asyncio.sleep(0.05)

    pace = await measure_pace(send_all(), number, usage.stack_processes())
    return {**pace.document(), "accepted_per_second": number / accepted}


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures."""
    told = f"{found['requests']:,} requests, {found['at_once']} at once"
    for name, how in (("vouched", "by a credential"), ("confirmed", "by the form, with the code from the mailbox")):
        yield f"{told}, {how}: accepted per second", f"{found[name]['accepted_per_second']:.1f}", ""
        yield "  CPU seconds a request", show_cpu(found[name]), ""
    waited = found["from_sending_to_acceptance"]
    yield "  from sending the form to its acceptance: p50, p99", f"{waited['p50']:.0f} ms, {waited['p99']:.0f} ms", ""
