"""`certify demo`: the stack, invented assisters of both programs at the same time, the lists, and what came of it."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from httpx2 import AsyncClient
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from starter.cli.output import format_code, format_value, make_table, open_console, print_json, print_pairs, print_rcl
from starter.demo.certifying import Certification, CertificationStory
from starter.demo.journey import Document, Outcome, Story, Unexpected, certify
from starter.demo.registering import MLMS, Registration, RegistrationStory
from starter.stack.embedded import run_stack
from starter.stack.signals import cancel_on_signals

PLAN_YEAR = 2024
SECONDS = 45.0
CALL_SECONDS = 15.0


def _address(state: str, city: str, postal_code: str) -> Document:
    return {"line1": "1 Sample Street", "city": city, "state": state, "postal_code": postal_code}


SANTA_FE = _address("NM", "Santa Fe", "87501")
EL_PASO = _address("TX", "El Paso", "79901")


def _asked(kind: str, first_name: str, last_name: str, email: str, at: Document, **other: Any) -> Document:
    common = {"program": "bewellnm", "plan_year": PLAN_YEAR, "language": "en", "phone": "505-555-0100"}
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


def _registering(
    npn: str, first_name: str, last_name: str, email: str, *markets: str, language: str = "en"
) -> Document:
    who = {"first_name": first_name, "last_name": last_name, "email": email, "npn": npn, "language": language}
    role = {"role": "marketplace_agent_broker", "markets": list(markets), "phone": "505-555-0120"}
    return {"program": "ffm", "plan_year": PLAN_YEAR, **who, **role}


def _contacts(email: str, at: Document, language: str) -> Document:
    reached = {"email": email, "phone": "505-555-0120"}
    return {
        "business_contact": {**reached, "address": at},
        "professional_contact": {**reached, "languages": [language]},
    }


IN_ORDER = "license, NPN and agreement are in order"
STORIES: tuple[Story, ...] = (
    CertificationStory(
        _asked("agent", "Testa", "Agent", "testa.agent@example.com", SANTA_FE)
        | _licensed("101", SANTA_FE, "Sample Health"),
        *("approve", IN_ORDER, ("0.7999", "0.80")),
    ),
    CertificationStory(
        _asked("broker", "Sample", "Broker", "sample.broker@example.com", EL_PASO)
        | _licensed("102", EL_PASO, "Sample Health", "Example Mutual"),
        *("approve", IN_ORDER, ("0.92",)),
    ),
    CertificationStory(
        _asked("enrollment_counselor", "Ejemplo", "Consejera", "ejemplo.consejera@example.org", SANTA_FE) | COUNSELOR,
        *("approve", "background check is clear", ("0.88",)),
    ),
    CertificationStory(
        _asked("broker", "Expired", "Broker", "expired.broker@example.com", SANTA_FE)
        | _licensed("112", SANTA_FE, "Example Mutual"),
        *("deny", "The New Mexico license has expired; renew it and ask again."),
        ends=("denied",),
    ),
    RegistrationStory(
        _registering("9000000121", "Ficticia", "Agente", "ficticia.agente@example.com", "individual", language="es"),
        _contacts("ficticia.agente@example.com", SANTA_FE, "Spanish"),
        (("individual_returning", MLMS),),
        years=({"plan_year": 2023, "registered": True, "trained": True, "individual_market": True},),
    ),
    RegistrationStory(
        _registering("9000000122", "Pretend", "Broker", "pretend.broker@example.com", "individual", "shop"),
        _contacts("pretend.broker@example.com", EL_PASO, "English") | {"business_npn": "9000000123"},
        (("individual_full", "vendor-a"), ("shop", "vendor-a")),
        firm="Pretend Coverage Agency LLC",
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
    """A line for each assister: the step they are at; once everybody's way is over, all of them."""

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
            mark = self._turning.get(name) or Text("✓", style="green")
            now = Text.assemble(("●" * len(steps), "green"), f" {steps[-1] if steps else ''}")
            grid.add_row(mark, name, now if self._turning else Text(" · ".join(steps)))
        return grid


async def demonstrate(data: Path | None, keep: bool, as_json: bool) -> int:
    """Runs the demonstration on a folder, a fresh one unless given. Returns the status; Ctrl-C ends it at any time."""
    folder = data or Path(tempfile.mkdtemp(prefix="certify-demo-"))
    out = open_console(error=as_json)
    with cancel_on_signals() as received:
        try:
            return await _on_a_stack(folder, keep, as_json, out)
        except asyncio.CancelledError:
            if not received:
                raise
            return 0 if keep else 128 + received[0]


async def _on_a_stack(folder: Path, keep: bool, as_json: bool, out: Console) -> int:
    out.print(f"Starting the stack on {folder} …", soft_wrap=True)
    async with run_stack(folder) as stack:
        outcomes, faults = await _certify(stack, out)
        listed = await _publish(stack, out)
        letters = await _letters(stack)
        if as_json:
            print_json(_document(stack, outcomes, listed, letters))
        else:
            await _result(out, stack, outcomes, listed, letters, keep)
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
    tell = partial(progress.tell, story.name)
    if isinstance(story, RegistrationStory):
        journey: Registration | Certification = Registration(story, stack, http, tell)
    else:
        assert isinstance(story, CertificationStory), "there are two programs"
        journey = Certification(story, stack, http, tell)
    outcome = await journey.run(SECONDS)
    progress.done(story.name)
    return outcome


async def _publish(stack: Document, out: Console) -> list[Document]:
    """Publishes the federal lists, whatever day it is; what the Registration Completion List says then."""
    done = await certify(stack, "ffm", "publish", "--force")
    out.print(f"Federal lists published, publication {done['number']}.")
    async with AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
        answer = await http.get(f"{stack['web']}/registry/rcl.json", params={"plan_year": PLAN_YEAR})
        listed: list[Document] = answer.raise_for_status().json()["rows"]
        return listed


async def _letters(stack: Document) -> int:
    async with AsyncClient(timeout=CALL_SECONDS, trust_env=False) as http:
        return len((await http.get(f"{stack['mailbox']}/messages")).json())


async def _result(
    out: Console, stack: Document, outcomes: list[Outcome], listed: list[Document], letters: int, keep: bool
) -> None:
    table = make_table("who", "kind", "stage", "certificates", "time")
    table.columns[0].no_wrap = table.columns[3].no_wrap = True
    table.columns[4].justify = "right"
    for one in outcomes:
        kind, stage = format_code(one.status["kind"]), format_code(one.status["stage"])
        numbers = "\n".join(certificate["number"] for certificate in one.certificates) or None
        table.add_row(one.story.name, kind, stage, format_value(numbers), f"{one.seconds:.1f} s")
    out.print()
    out.print(table)
    out.print("\nRegistration Completion List")
    await print_rcl(_page(listed))
    out.print()
    print_pairs(out, _places(stack, outcomes, letters, keep))


async def _page(rows: list[Document]) -> AsyncIterator[list[Document]]:
    if rows:
        yield rows


def _places(stack: Document, outcomes: list[Outcome], letters: int, keep: bool) -> list[tuple[str, Text | str]]:
    """Where everything is to be seen."""
    certified = [(one.story.name, certificate) for one in outcomes for certificate in one.certificates]
    files = [f"{certificate['sha256'][:12]}….pdf is {_whose(name, certificate)}" for name, certificate in certified]
    number = certified[0][1]["number"] if certified else "NUMBER"
    going_on = "the stack is running; Ctrl-C ends it" if keep else f"certify up --data {stack['data']}"
    return [
        ("certificates", "\n".join([f"{stack['data']}/certificates", *files])),
        ("verify", f"{stack['web']}/certificates/{number}"),
        ("federal lists", f"{stack['web']}/registry/rcl.csv"),
        ("mailbox", f"{stack['mailbox']} ({letters} messages)"),
        ("go on", going_on),
    ]


def _whose(name: str, certificate: Document) -> str:
    return f"{name}'s, {certificate['market']}" if "market" in certificate else f"{name}'s"


def _document(stack: Document, outcomes: list[Outcome], listed: list[Document], letters: int) -> Document:
    return {
        "data": stack["data"],
        "web": stack["web"],
        "mailbox": {"url": stack["mailbox"], "messages": letters},
        "assisters": [_told(stack, one) for one in outcomes],
        "rcl": {"url": f"{stack['web']}/registry/rcl.csv", "rows": listed},
    }


def _told(stack: Document, one: Outcome) -> Document:
    certificates = [_certificate(stack, certificate) for certificate in one.certificates]
    return {
        "name": one.story.name,
        "case_id": one.status["case_id"],
        "program": one.status["program"],
        "kind": one.status["kind"],
        "stage": one.status["stage"],
        "certificate": next(iter(certificates), None),
        "certificates": certificates,
        "seconds": round(one.seconds, 1),
    }


def _certificate(stack: Document, certificate: Document) -> Document:
    return {
        "number": certificate["number"],
        **({"market": certificate["market"]} if "market" in certificate else {}),
        "file": f"{stack['data']}/certificates/{certificate['sha256']}.pdf",
        "verify": f"{stack['web']}/certificates/{certificate['number']}",
    }
