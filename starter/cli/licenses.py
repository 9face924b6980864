"""The verbs of `certify licenses`: what the watch over licences of the certified has come to, and a round at once."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from cyclopts import App

from starter.cli.arguments import DEFAULTS, CommonOptions
from starter.cli.context import NotDone, open_database, open_services
from starter.cli.output import format_instant, open_console, print_json, print_pairs

ROUND_SECONDS = 300.0
# In the order in which they are shown.
COUNTS = {
    "watched": "cases watched",
    "due": "licenses due",
    "asked": "look-ups made",
    "unknown": "without an answer",
    "suspended": "cases suspended",
    "restored": "cases restored",
    "left": "left for the next day",
}

app = App(
    name="licenses",
    help="Watch the licenses of the certified: what the last round came to, or a round now.",
    help_format="plaintext",
    version_flags=[],
)


@app.default
async def show_last_round(*, options: CommonOptions = DEFAULTS) -> None:
    """Show what the last round over the licenses of the certified came to."""
    from db.reads.licenses.rounds import read_last_round

    async with open_database(options.data) as database:
        last = await database.read(read_last_round)
    if last is None:
        raise NotDone("There was no round over licenses yet; the schedule begins one every day.")
    _print_round(options, last.day, last.counts, last.finished_at)


@app.command(name="round")
async def run_round(*, options: CommonOptions = DEFAULTS) -> None:
    """Ask the registry now about the licenses that are due; the schedule does so every day."""
    from starter.license_rounds import run_license_round

    async with open_services(options.data) as services:
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                came_to = await run_license_round(services.temporal, services.task_queue)
        except TimeoutError:
            raise NotDone(
                "The round is not over yet; it goes on, and certify licenses shows what it comes to."
            ) from None
    _print_round(options, came_to.day, came_to.counts, None)


def _print_round(
    options: CommonOptions, day: date | None, counts: Mapping[str, int], finished_at: datetime | None
) -> None:
    if options.json:
        at = finished_at.isoformat() if finished_at is not None else None
        document: dict[str, Any] = {"day": str(day), "finished_at": at, **counts}
        print_json({name: value for name, value in document.items() if value is not None})
        return
    when = [("finished", format_instant(finished_at.isoformat()))] if finished_at is not None else []
    shown = [(label, str(counts[name])) for name, label in COUNTS.items() if name in counts]
    print_pairs(open_console(), [("day", str(day)), *when, *shown])
