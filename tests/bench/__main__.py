"""The measurements, `python -m tests.bench`: a table for people, then one line of JSON; on Linux only."""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from starter.policies import load_policies
from tests.bench import brokers, burst, confirmation, latency, licenses, lists, screens, season, waiting
from tests.bench.pace import Size


class Part(NamedTuple):
    """A part of the measurements, on a stack of its own: what others left behind isn't counted."""

    measure: Callable[[Path, Size], Awaitable[dict[str, Any]]]
    list_rows: Callable[[dict[str, Any]], Iterable[tuple[str, str, str]]]


PARTS = {
    "brokers": Part(brokers.measure, brokers.list_rows),
    "postgres": Part(brokers.measure_on_postgres, brokers.list_paces),
    "latency": Part(latency.measure, latency.list_rows),
    "burst": Part(burst.measure, burst.list_rows),
    "confirmation": Part(confirmation.measure, confirmation.list_rows),
    "waiting": Part(waiting.measure, waiting.list_rows),
    "licenses": Part(licenses.measure, licenses.list_rows),
    "season": Part(season.measure, season.list_rows),
    "lists": Part(lists.measure, lists.list_rows),
    "screens": Part(screens.measure, screens.list_rows),
}


def show_table(found: dict[str, Any]) -> Table:
    """The figures, with what is wanted of them."""
    table = Table("measurement", "figure", "wanted")
    for name, figures in found.items():
        for row in PARTS[name].list_rows(figures):
            table.add_row(*row)
        table.add_section()
    return table


async def measure(folder: Path, size: Size, names: Iterable[str], report: Callable[[str], None]) -> dict[str, Any]:
    """The figures of these parts, one after the other."""
    found = {}
    for name in names:
        report(name)
        found[name] = await PARTS[name].measure(folder, size)
    return found


def split_names(text: str) -> list[str]:
    """The parts that are named, in the order in which they are measured."""
    named = text.split(",")
    if unknown := set(named) - PARTS.keys():
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return [name for name in PARTS if name in named]


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", type=split_names, default=list(PARTS), help=f"parts: {','.join(PARTS)}")
    parser.add_argument("--cases", type=int, default=80, help="brokers taken through, and bare workflows")
    parser.add_argument("--at-once", type=int, default=8, help="how many at a time")
    parser.add_argument("--cached", type=int, default=300, help="waiting cases whose memory is measured")
    parser.add_argument("--probes", type=int, default=60, help="reports and decisions timed under each load")
    parser.add_argument("--burst", type=int, default=1_000, help="requests sent as fast as they can be")
    parser.add_argument("--confirmed", type=int, default=200, help="requests sent by the form, with its code")
    parser.add_argument(
        "--waiting",
        type=int,
        default=2_000,
        help="waiting cases on one worker, then reconciled; 20,000 take half an hour",
    )
    parser.add_argument("--licensed", type=int, default=100_000, help="certified cases of a licence round")
    parser.add_argument("--season", type=int, default=10_000, help="people whose cases a season opens")
    parser.add_argument("--season-minutes", type=int, default=4, help="for how long a season goes on at the most")
    parser.add_argument("--listed", type=int, default=1_000_000, help="rows of the RCL that are read over HTTP")
    parser.add_argument("--changed", type=int, default=20_000, help="registrations published at once")
    parser.add_argument("--people", type=int, default=100_000, help="cases behind the console's pages")
    options = vars(parser.parse_args())
    names = options.pop("only")
    load_policies(trying=True)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = asyncio.run(
            measure(Path(folder), Size(**options), names, lambda name: console.print(f"measuring: {name}"))
        )
    console.print(show_table(found))
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
