"""`certify demo`: the stack, several invented assisters certified at the same time, and what came of it."""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from httpx2 import AsyncClient
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from starter import show
from starter.journey import Document, Journey, Outcome, Story, Unexpected
from starter.stack import running

SECONDS = 45.0
CALL_SECONDS = 15.0


def _address(state: str, city: str, postal_code: str) -> Document:
    return {"line1": "1 Sample Street", "city": city, "state": state, "postal_code": postal_code}


SANTA_FE = _address("NM", "Santa Fe", "87501")
EL_PASO = _address("TX", "El Paso", "79901")


def _asked(kind: str, first_name: str, last_name: str, email: str, at: Document, **other: Any) -> Document:
    common = {"program": "bewellnm", "plan_year": 2024, "language": "en", "phone": "505-555-0100"}
    who = {"kind": kind, "first_name": first_name, "last_name": last_name, "email": email, "physical_address": at}
    return {**common, **who, **other}


def _licensed(number: str, at: Document, *insurers: str) -> Document:
    """What agents and brokers fill in besides; the stand-in registry knows these numbers from the start."""
    numbers = {"npn": f"9000000{number}", "license_number": f"NM-{number}", "license_state": "NM"}
    return {**numbers, "insurers": list(insurers), "business_address": at, "agreement_accepted": True}


COUNSELOR = {
    "language": "es",
    "employer": {"kind": "clinic", "name": "Sample Clinic"},
    "background_check_consent": True,
    "agreement_accepted": True,
}
IN_ORDER = "licence, NPN and agreement are in order"
STORIES = (
    Story(
        _asked("agent", "Testa", "Agent", "testa.agent@example.com", SANTA_FE)
        | _licensed("101", SANTA_FE, "Sample Health"),
        *("approve", IN_ORDER, ("0.7999", "0.80")),
    ),
    Story(
        _asked("broker", "Sample", "Broker", "sample.broker@example.com", EL_PASO)
        | _licensed("102", EL_PASO, "Sample Health", "Example Mutual"),
        *("approve", IN_ORDER, ("0.92",)),
    ),
    Story(
        _asked("enrollment_counselor", "Ejemplo", "Consejera", "ejemplo.consejera@example.org", SANTA_FE) | COUNSELOR,
        *("approve", "background check is clear", ("0.88",)),
    ),
    Story(
        _asked("broker", "Expired", "Broker", "expired.broker@example.com", SANTA_FE)
        | _licensed("112", SANTA_FE, "Example Mutual"),
        *("deny", "The New Mexico licence has expired; renew it and ask again."),
        ends="denied",
    ),
)


class Progress(Protocol):
    """What shows the steps as they happen."""

    def tell(self, name: str, step: str) -> None:
        """Somebody has come a step further."""

    def done(self, name: str) -> None:
        """Somebody's way is over."""


class Lines:
    """A plain line for each step, where there is no terminal."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def tell(self, name: str, step: str) -> None:
        self._out.print(f"{name}: {step}", soft_wrap=True)

    def done(self, name: str) -> None:
        """Its last step has said so."""


class Board:
    """A line for each assister: the step they are at; once their way is over, all of them."""

    def __init__(self, names: list[str]) -> None:
        self._steps: dict[str, list[str]] = {name: [] for name in names}
        self._turning = {name: Spinner("dots") for name in names}

    def tell(self, name: str, step: str) -> None:
        self._steps[name].append(step)

    def done(self, name: str) -> None:
        del self._turning[name]

    def __rich__(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, steps in self._steps.items():
            spinner = self._turning.get(name)
            now = Text.assemble(("●" * len(steps), "green"), f" {steps[-1] if steps else ''}")
            grid.add_row(spinner or Text("✓", style="green"), name, now if spinner else Text(" · ".join(steps)))
        return grid


async def demonstrate(data: Path | None, keep: bool, as_json: bool) -> int:
    """Runs the demonstration on a folder, a fresh one unless given. Returns the status; Ctrl-C ends it at any time."""
    folder = data or Path(tempfile.mkdtemp(prefix="certify-demo-"))
    out = show.console(error=as_json)
    with _ended_by_signals() as asked:
        try:
            return await _on_a_stack(folder, keep, as_json, out)
        except asyncio.CancelledError:
            if not asked:
                raise
            return 0 if keep else 128 + asked[0]


async def _on_a_stack(folder: Path, keep: bool, as_json: bool, out: Console) -> int:
    out.print(f"Starting the stack on {folder} …", soft_wrap=True)
    async with running(folder) as stack:
        outcomes, faults = await _certify(stack, out)
        letters = await _letters(stack)
        if as_json:
            show.as_json(_document(stack, outcomes, letters))
        else:
            _result(out, stack, outcomes, letters, keep)
        if faults:
            said = "; ".join(dict.fromkeys(map(str, faults)))
            print(f"{said}; the logs are in {stack['data']}/logs.", file=sys.stderr, flush=True)
        if keep:
            await asyncio.Event().wait()
    return 1 if faults else 0


async def _certify(stack: Document, out: Console) -> tuple[list[Outcome], list[Unexpected]]:
    """Everybody at the same time: how they came out, and what came out otherwise."""
    names = [story.name for story in STORIES]
    board = Board(names) if out.is_terminal else None
    progress: Progress = board or Lines(out)
    with Live(board, console=out, refresh_per_second=10) if board else contextlib.nullcontext():
        async with AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
            ways = [_way(story, stack, http, progress) for story in STORIES]
            ends = await asyncio.gather(*ways, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Unexpected):
            raise end
    return [end for end in ends if isinstance(end, Outcome)], [end for end in ends if isinstance(end, Unexpected)]


async def _way(story: Story, stack: Document, http: AsyncClient, progress: Progress) -> Outcome:
    outcome = await Journey(story, stack, http, partial(progress.tell, story.name)).run(SECONDS)
    progress.done(story.name)
    return outcome


async def _letters(stack: Document) -> int:
    async with AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
        return len((await http.get(f"{stack['mailbox']}/messages")).json())


def _result(out: Console, stack: Document, outcomes: list[Outcome], letters: int, keep: bool) -> None:
    table = show.table("who", "kind", "stage", "certificate", "seconds")
    table.columns[3].no_wrap = True
    table.columns[4].justify = "right"
    for one in outcomes:
        status = one.status
        kind, stage = show.words(status["kind"]), show.words(status["stage"])
        table.add_row(one.story.name, kind, stage, show.text(one.number), f"{one.seconds:.1f}")
    out.print()
    out.print(table)
    out.print()
    show.pairs(out, _places(stack, outcomes, letters, keep))


def _places(stack: Document, outcomes: list[Outcome], letters: int, keep: bool) -> list[tuple[str, Text | str]]:
    """Where everything is to be seen."""
    certified = [(one.number, one.story.name, one.status["certificate"]) for one in outcomes if one.number]
    files = [f"{certificate['sha256'][:12]}….pdf is {name}'s" for _, name, certificate in certified]
    number = certified[0][0] if certified else "NUMBER"
    going_on = "the stack is running; Ctrl-C ends it" if keep else f"certify up --data {stack['data']}"
    return [
        ("certificates", "\n".join([f"{stack['data']}/certificates", *files])),
        ("verify", f"{stack['web']}/certificates/{number}"),
        ("mailbox", f"{stack['mailbox']} ({letters} messages)"),
        ("go on", going_on),
    ]


def _document(stack: Document, outcomes: list[Outcome], letters: int) -> Document:
    return {
        "data": stack["data"],
        "web": stack["web"],
        "mailbox": {"url": stack["mailbox"], "messages": letters},
        "assisters": [_told(stack, one) for one in outcomes],
    }


def _told(stack: Document, one: Outcome) -> Document:
    certificate = one.status["certificate"]
    return {
        "name": one.story.name,
        "case_id": one.status["case_id"],
        "kind": one.status["kind"],
        "stage": one.status["stage"],
        "certificate": certificate
        and {
            "number": certificate["number"],
            "file": f"{stack['data']}/certificates/{certificate['sha256']}.pdf",
            "verify": f"{stack['web']}/certificates/{certificate['number']}",
        },
        "seconds": round(one.seconds, 1),
    }


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM cancel this task, once: the stopping of the stack is bounded and isn't interrupted."""
    task = asyncio.current_task()
    assert task is not None
    asked: list[int] = []

    def ask(number: int) -> None:
        if not asked:
            task.cancel()
        asked.append(number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    try:
        yield asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
