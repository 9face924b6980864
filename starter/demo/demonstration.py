"""`certify demo`: a stack, invented assisters of both programs at the same time, the federal lists, and a report."""

import asyncio
import contextlib
import sys
import tempfile
from functools import partial
from pathlib import Path

from httpx2 import AsyncClient
from rich.console import Console
from rich.live import Live

from starter.cli.context import find_settings
from starter.cli.output import open_console, print_json
from starter.demo.federal import RegistrationScenario, RegistrationWalkthrough
from starter.demo.progress import LiveProgress, PlainProgress, ProgressDisplay
from starter.demo.report import DemoReport, describe_report, print_report, print_way_back
from starter.demo.scenarios import PLAN_YEAR, SCENARIOS
from starter.demo.state import CertificationScenario, CertificationWalkthrough
from starter.demo.staying import ask_to_stay, can_be_asked
from starter.demo.walkthrough import Document, Scenario, ScenarioResult, Unexpected, run_verb
from starter.stack.embedded import run_stack
from starter.stack.signals import cancel_on_signals

# Only what went wrong takes so long, also on a slow machine.
WALKTHROUGH_SECONDS = 300.0
CALL_SECONDS = 60.0


async def demonstrate(data: Path | None, keep: bool, as_json: bool) -> int:
    """Runs the demonstration on a folder, a fresh one unless given. Returns the exit status; Ctrl-C ends it.

    With ``keep`` the stack stays at the end, until Ctrl-C; without it who sits at a terminal is asked whether it does.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="certify-demo-"))
    out = open_console(error=as_json)
    stays = asyncio.Event()
    if keep:
        stays.set()
    with cancel_on_signals() as received:
        try:
            return await _demonstrate_on_stack(folder, stays, as_json, out)
        except asyncio.CancelledError:
            if not received:
                raise
            return 0 if stays.is_set() else 128 + received[0]


async def _demonstrate_on_stack(folder: Path, stays: asyncio.Event, as_json: bool, out: Console) -> int:
    out.print(f"Starting the stack on {folder} …", soft_wrap=True)
    async with run_stack(folder) as stack:
        find_settings(folder)  # puts the stack's policies and its exchange in force here too, which the report names
        results, faults = await _walk_through_all(stack, out)
        report = await _make_report(stack, results, out)
        asks = not stays.is_set() and not as_json and can_be_asked(out)
        if stays.is_set() or asks:
            await _print_outcome(report, faults, True, as_json, out)
        if asks and await ask_to_stay(out):
            out.print("Ctrl-C ends it.")
            stays.set()
        if stays.is_set():
            await asyncio.Event().wait()
    if asks:
        print_way_back(out, report)
    else:
        await _print_outcome(report, faults, False, as_json, out)
    return 1 if faults else 0


async def _walk_through_all(stack: Document, out: Console) -> tuple[list[ScenarioResult], list[Unexpected]]:
    """Every assister at the same time: how they came out, and what came out otherwise."""
    live = LiveProgress([scenario.name for scenario in SCENARIOS]) if out.is_terminal else None
    progress: ProgressDisplay = live or PlainProgress(out)
    with Live(live, console=out, refresh_per_second=10) if live else contextlib.nullcontext():
        async with AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
            walkthroughs = [_walk_through(scenario, stack, http, progress) for scenario in SCENARIOS]
            ends = await asyncio.gather(*walkthroughs, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Unexpected):
            raise end
    results = [end for end in ends if isinstance(end, ScenarioResult)]
    return results, [end for end in ends if isinstance(end, Unexpected)]


async def _walk_through(
    scenario: Scenario, stack: Document, http: AsyncClient, progress: ProgressDisplay
) -> ScenarioResult:
    note_step = partial(progress.note_step, scenario.name)
    if isinstance(scenario, RegistrationScenario):
        result = await RegistrationWalkthrough(scenario, stack, http, note_step).run(WALKTHROUGH_SECONDS)
    else:
        assert isinstance(scenario, CertificationScenario), "there are two programs"
        result = await CertificationWalkthrough(scenario, stack, http, note_step).run(WALKTHROUGH_SECONDS)
    progress.note_end(scenario.name)
    return result


async def _make_report(stack: Document, results: list[ScenarioResult], out: Console) -> DemoReport:
    """Publishes the federal lists, whatever day it is, and reads what they and the mailbox hold then."""
    published = await run_verb(stack, "ffm", "publish", "--force")
    out.print(f"Federal lists published, publication {published['number']}.")
    async with AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
        rcl = await http.get(f"{stack['web']}/registry/rcl.json", params={"plan_year": PLAN_YEAR})
        messages = await http.get(f"{stack['mailbox']}/messages")
    return DemoReport(stack, results, rcl.raise_for_status().json()["rows"], len(messages.json()))


async def _print_outcome(
    report: DemoReport, faults: list[Unexpected], is_running: bool, as_json: bool, out: Console
) -> None:
    if as_json:
        print_json(describe_report(report))
    else:
        await print_report(out, report, is_running)
    if faults:
        sentence = "; ".join(dict.fromkeys(map(str, faults)))
        print(f"{sentence}; the logs are in {report.stack['data']}/logs.", file=sys.stderr, flush=True)
