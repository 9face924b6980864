"""What came of the demonstration: tables, files and addresses for people, one JSON document for scripts."""

import shlex
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from domain.shared.exchange import find_state_exchange
from starter.cli.output import (
    Cell,
    format_code,
    format_instant,
    format_value,
    make_table,
    print_pairs,
    print_rcl,
    spell_code,
)
from starter.demo.walkthrough import ROOT, Document, ScenarioResult

SAMPLE = ROOT / "docs" / "samples" / "broker.json"
# Of a file's name, a hash of 64 digits, what tells it from the others and fits into 80 columns.
HASH_SHOWN = 12
# Kinds of facts that turn a case off its straight way, each with the field of it that says why or what.
TURNS = {
    "appeal_filed": "appealed",
    "appeal_decided": "outcome",
    "authority_suspended": "cause",
    "authority_restored": "cause",
}


@dataclass(frozen=True)
class DemoReport:
    """The results of the assisters, the rows published in the Registration Completion List, the e-mails sent."""

    stack: Document
    results: list[ScenarioResult]
    rcl: list[Document]
    messages: int


# for people


async def print_report(out: Console, report: DemoReport, is_running: bool) -> None:
    """Tables of both programs, the published list, the certificates' files, and where all of it is to be seen."""
    state = [one for one in report.results if one.status["program"] != "ffm"]
    federal = [one for one in report.results if one.status["program"] == "ffm"]
    out.print(f"\n{find_state_exchange().name}")
    rows = (
        (one.scenario.name, format_code(one.status["kind"]), format_code(one.status["stage"]), _format_number(one))
        for one in state
    )
    out.print(make_table("who", "kind", "stage", "certificate", rows=rows))
    out.print("\nOn the way")
    out.print(make_table("who", "what happened", "at", rows=_list_turns(state)))
    out.print("\nFederal marketplace")
    out.print(make_table("who", "market", "stage", "certificate", rows=_list_markets(federal)))
    out.print("\nRegistration Completion List")
    await print_rcl(_iterate_pages(report.rcl))
    data = report.stack["data"]
    out.print(f"\nCertificates, in {data}/certificates", soft_wrap=True)
    print_pairs(out, _list_files(report.results))
    out.print()
    _print_addresses(out, report, is_running)


def _format_number(one: ScenarioResult) -> Cell:
    return format_value(next((certificate["number"] for certificate in one.certificates), None))


def _list_turns(results: list[ScenarioResult]) -> Iterable[tuple[Cell, ...]]:
    """A row for each turn that somebody's case took."""
    for one in results:
        for turn in _find_turns(one):
            what = f"{spell_code(turn['kind'])}: {spell_code(turn['detail'])}"
            yield one.scenario.name, what, format_instant(turn["at"])


def _find_turns(one: ScenarioResult) -> list[Document]:
    return [
        {"kind": fact["kind"], "detail": fact["data"][TURNS[fact["kind"]]], "at": fact["at"]}
        for fact in one.status["history"]
        if fact["kind"] in TURNS
    ]


def _list_markets(results: list[ScenarioResult]) -> Iterable[tuple[Cell, ...]]:
    """A row for each market somebody registers in."""
    for one in results:
        numbers = {certificate["market"]: certificate["number"] for certificate in one.certificates}
        for market in sorted(one.status["markets"], key=lambda market: str(market["market"])):
            name = market["market"]
            yield one.scenario.name, spell_code(name), format_code(one.status["stage"]), format_value(numbers.get(name))


async def _iterate_pages(rows: list[Document]) -> AsyncIterator[list[Document]]:
    if rows:
        yield rows


def _list_files(results: list[ScenarioResult]) -> list[tuple[str, Cell]]:
    return [
        (f"  {certificate['sha256'][:HASH_SHOWN]}….pdf", _describe_holder(one.scenario.name, certificate))
        for one in results
        for certificate in one.certificates
    ]


def _describe_holder(name: str, certificate: Document) -> str:
    return f"{name}, {spell_code(certificate['market'])}" if "market" in certificate else name


def print_way_back(out: Console, report: DemoReport) -> None:
    """The command that starts the stack again where it was left."""
    out.print("The stack has ended. To look at these, start it again where it was left:\n")
    out.print(f"  {name_command()} up --data {shlex.quote(report.stack['data'])}\n", soft_wrap=True)


def _print_addresses(out: Console, report: DemoReport, is_running: bool) -> None:
    stack = report.stack
    if is_running:
        out.print("The stack is running. To look at:\n")
    else:
        print_way_back(out, report)
    number = next((each["number"] for one in report.results for each in one.certificates), "")
    rows = [
        ("certificate", f"{stack['web']}/certificates/{number}"),
        ("federal list", f"{stack['web']}/registry/rcl.csv"),
        ("staff console", f"{stack['web']}/staff"),
        ("mailbox", f"{stack['mailbox']} ({report.messages} messages)"),
    ]
    print_pairs(out, rows)
    if is_running and SAMPLE.exists():
        out.print("\nNobody waits for a decision now; in another terminal, somebody asks for one:\n")
        out.print(f"  {name_command()} request {_shorten_path(SAMPLE)}\n", soft_wrap=True)


def _shorten_path(path: Path) -> Path:
    """The path as it is typed in the folder where the command was called."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def name_command() -> str:
    """`certify` as it was called, so that what is printed can be typed."""
    return sys.argv[0] if Path(sys.argv[0]).name == "certify" else "certify"


# for scripts


def describe_report(report: DemoReport) -> Document:
    """The document of `certify demo --json`."""
    stack = report.stack
    return {
        "data": stack["data"],
        "web": stack["web"],
        "mailbox": {"url": stack["mailbox"], "messages": report.messages},
        "assisters": [_describe_result(stack, one) for one in report.results],
        "rcl": {"url": f"{stack['web']}/registry/rcl.csv", "rows": report.rcl},
    }


def _describe_result(stack: Document, one: ScenarioResult) -> Document:
    certificates = [_describe_certificate(stack, certificate) for certificate in one.certificates]
    return {
        "name": one.scenario.name,
        "case_id": one.status["case_id"],
        "program": one.status["program"],
        "kind": one.status["kind"],
        "stage": one.status["stage"],
        "certificate": next(iter(certificates), None),
        "certificates": certificates,
        "turns": _find_turns(one),
        "seconds": round(one.seconds, 1),
    }


def _describe_certificate(stack: Document, certificate: Document) -> Document:
    return {
        "number": certificate["number"],
        **({"market": certificate["market"]} if "market" in certificate else {}),
        "file": f"{stack['data']}/certificates/{certificate['sha256']}.pdf",
        "verify": f"{stack['web']}/certificates/{certificate['number']}",
    }
