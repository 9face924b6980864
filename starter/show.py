"""What `certify` prints for people, in 80 columns; scripts get JSON instead."""

import json
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

Document = dict[str, Any]

GOOD = frozenset({"pass", "complete", "ready", "active", "registered", "approved", "certified", "yes"})
BAD = frozenset({"fail", "denied", "revoked", "withdrawn", "closed", "no"})


def console(error: bool = False) -> Console:
    """Where people read: what assisters wrote is text there, never markup."""
    return Console(stderr=error, highlight=False, markup=False, emoji=False)


def as_json(document: object) -> None:
    """One JSON document, in characters every terminal and script takes."""
    print(json.dumps(document, indent=2), flush=True)


def text(value: object, style: str = "") -> Text:
    """A value in words; control characters, which could steer a terminal, are replaced."""
    words = "-" if value is None else str(value)
    visible = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in words)
    return Text(visible, style=style, overflow="fold")


def words(code: str | None) -> Text:
    """A value of an enumeration, in its colour."""
    style = "green" if code in GOOD else "red" if code in BAD else ""
    return text(code.replace("_", " ") if code else None, style)


def instant(at: str | None) -> str:
    """An instant to the second, in UTC."""
    return f"{at[:10]} {at[11:19]} UTC" if at else "-"


def pairs(out: Console, rows: Iterable[tuple[str, Text | str]]) -> None:
    """Names and their values, one under the other."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else text(value))
    out.print(grid)


def table(*columns: str) -> Table:
    """An empty table; its last column takes the room that is left."""
    made = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def opened(out: Console, document: Document) -> None:
    """What became of a request."""
    out.print("The case is open." if document["created"] else "There is a case already; nothing was changed.")
    pairs(out, [(name.replace("_", " "), document[name]) for name in ("case_id", "assister_id", "workflow_id")])


def essentials(out: Console, status: Document) -> None:
    """Where a case is and what it waits for."""
    kind = f"{status['kind'].replace('_', ' ')}, {status['assister_type']}"
    rows: list[tuple[str, Text | str]] = [
        ("case", status["case_id"]),
        ("assister", f"{status['assister_id']} ({kind})"),
        ("program", f"{status['program']}, plan year {status['plan_year']}"),
        ("stage", words(status["stage"])),
    ]
    if status["waiting_for"]:
        rows.append(
            ("waiting for", f"{status['waiting_for'].replace('_', ' ')}, since {instant(status['waiting_since'])}")
        )
    if status["flag"]:
        rows.append(("flag", text(status["flag"].replace("_", " "), "yellow")))
    rows.append(("may assist", _may_assist(status)))
    pairs(out, rows)


def _may_assist(status: Document) -> Text:
    if status["may_assist"]:
        return words("yes")
    reasons = ", ".join(reason.replace("_", " ") for reason in status["may_assist_reasons"])
    return Text.assemble(words("no"), f": {reasons}")


def status(out: Console, document: Document) -> None:
    """The status document, and the history where it was asked for."""
    essentials(out, document)
    out.print()
    pairs(out, _steps(document))
    findings = document["eligibility"]["findings"]
    if findings:
        out.print()
        out.print(_rows(table("check", "result", "source"), map(_finding, findings)))
    if "history" in document:
        out.print()
        _log(out, ((one["at"], text(one["kind"]), _details(one["data"])) for one in document["history"]))


def _steps(document: Document) -> list[tuple[str, Text | str]]:
    training, exam, portal = document["training"], document["exam"], document["portal"]
    certificate = document["certificate"]
    attempts = ", ".join(one["score"] + (" passed" if one["passed"] else " failed") for one in exam["attempts"][-5:])
    return [
        ("eligibility", _decision(document["eligibility"])),
        ("LMS", f"account {training['lms_account']}, profile {training['profile']}"),
        ("training", f"completed {instant(training['completed_at'])}" if training["completed_at"] else "-"),
        ("exam", f"attempts: {len(exam['attempts'])}, the last: {attempts}" if attempts else "-"),
        ("certificate", f"{certificate['number']}, {instant(certificate['issued_at'])}" if certificate else "-"),
        (
            f"{portal['portal']} portal",
            f"account {portal['account']}, profile {portal['profile']}, "
            f"scheduling tool {portal['scheduling_tool'].replace('_', ' ')}",
        ),
    ]


def _decision(eligibility: Document) -> Text:
    found = words(eligibility["status"])
    if eligibility["decided_by"]:
        found.append(f" by {eligibility['decided_by']}, {instant(eligibility['decided_at'])}: ")
        found.append_text(text(eligibility["reason"]))
    return found


def _finding(one: Document) -> tuple[Text, Text, Text]:
    return words(one["check"]), words(one["result"]), text(one["source"])


def cases(out: Console, found: list[Document]) -> None:
    """Cases, one a line."""
    lines = (
        (
            text(one["case_id"]),
            words(one["kind"]),
            text(one["plan_year"]),
            words(one["stage"]),
            words(one["waiting_for"]),
        )
        for one in found
    )
    made = _rows(table("case", "kind", "year", "stage", "waiting for"), lines)
    made.columns[0].no_wrap = True
    out.print(made if found else "There are no such cases.")


def audit(out: Console, entries: list[Document]) -> None:
    """Every write: when, who, what, why."""
    _log(out, ((one["at"], _deed(one), _why(one)) for one in entries))


def _log(out: Console, entries: Iterable[tuple[str, Text, str]]) -> None:
    """What happened, each with its details beneath it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for at, what, details in entries:
        grid.add_row(instant(at), Text("\n").join([what, *([text(details, "dim")] if details else [])]))
    out.print(grid)


def _deed(entry: Document) -> Text:
    return Text.assemble(text(entry["action"]), " by ", text(entry["actor"]))


def _why(entry: Document) -> str:
    return "\n".join(part for part in (entry["reason"], _details(entry["details"])) if part)


def _details(data: Document) -> str:
    return ", ".join(f"{name}: {_short(value)}" for name, value in data.items() if value not in (None, "", [], {}))


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(made: Table, lines: Iterable[tuple[Text | str, ...]]) -> Table:
    for line in lines:
        made.add_row(*line)
    return made


def addresses(out: Console, document: Document) -> None:
    """Where a stack that is ready listens."""
    rows = [("web", document["web"]), ("Temporal UI", document["temporal_ui"]), ("Temporal", document["temporal"])]
    if document["mailbox"]:
        rows.append(("mailbox", document["mailbox"]))
    rows += [(name.replace("_", " "), url) for name, url in document["sandbox"].items()]
    rows += [("folder", document["data"]), ("secrets", f"{document['data']}/stack.json")]
    out.print("The stack is ready; Ctrl-C ends it.")
    pairs(out, rows)
