"""What `certify` prints for people, in 80 columns; scripts get JSON instead."""

import json
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

Document = dict[str, Any]
Pages = AsyncIterator[list[dict[str, str]]]

GOOD = frozenset({"pass", "complete", "ready", "active", "registered", "approved", "certified", "verified", "yes"})
BAD = frozenset({"fail", "denied", "revoked", "withdrawn", "closed", "refused", "late", "no"})
# The Registration Completion List's columns, as they fit into 80.
RCL = {
    "npn": ("NPN", 10),
    "applicable_plan_year": ("year", 4),
    "individual_registration_completion_date": ("individual", 10),
    "individual_marketplace_end_date": ("until", 10),
    "shop_registration_completion_date": ("SHOP", 10),
    "shop_end_date": ("until", 10),
    "npn_valid_current_plan_year_only": ("valid", 5),
    "status": ("status", 6),
}
WIDTH = 79


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


def minute(at: str | None) -> str:
    """An instant to the minute, in UTC, where a column says so."""
    return f"{at[:10]} {at[11:16]}" if at else "-"


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
    made = Table(box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False, show_edge=False)
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
    """The status document of either program, and the history where it was asked for."""
    essentials(out, document)
    out.print()
    (_registration if "publication" in document else _certification)(out, document)
    if "history" in document:
        out.print()
        _log(out, ((one["at"], text(one["kind"]), _details(one["data"])) for one in document["history"]))


def _certification(out: Console, document: Document) -> None:
    pairs(out, _steps(document))
    findings = document["eligibility"]["findings"]
    if findings:
        out.print()
        out.print(_rows(table("check", "result", "source"), map(_finding, findings)))


def _registration(out: Console, document: Document) -> None:
    """A registration with the federal marketplace: its markets, then its steps as tables, times in UTC."""
    told = document["publication"]["help_desk_told_at"]
    markets = [(one["market"], _market(document, one)) for one in document["markets"]]
    pairs(
        out, [("profile", _profile(document["profile"])), *markets, *([("help desk", instant(told))] if told else [])]
    )
    for made in (
        _rows(table("course", "where", "enrolled", "started", "completed"), map(_course, document["enrollments"])),
        _rows(table("agreement", "text", "opened", "accepted"), map(_agreement, document["agreements"])),
        _rows(table("certificate", "market", "issued", "until"), map(_certificate, document["certificates"])),
        _rows(table("list", "market", "due", "seen"), map(_listed, document["publication"]["lists"])),
    ):
        if made.row_count:
            out.print()
            out.print(made)


def _profile(profile: Document) -> Text:
    if not profile["version"]:
        needed = ", ".join(name.replace("_", " ") for name in profile["required"])
        return Text.assemble(words(profile["status"]), f", needs {needed}" if needed else "")
    npn = Text.assemble(", NPN ", words(profile["npn"]))
    return Text.assemble(words(profile["status"]), npn, f", version {profile['version']}")


def _market(document: Document, one: Document) -> Text | str:
    """Whether a market is complete, or else which of its steps are not."""
    if one["completed_at"]:
        return Text.assemble(words("complete"), f", {instant(one['completed_at'])}")
    agreements = [each for each in document["agreements"] if each["market"] == one["market"]]
    steps = {
        "profile": document["profile"]["status"] == "complete",
        "training": bool(document["training"][one["market"]]),
        "agreements": all(each["accepted_at"] for each in agreements),
    }
    return f"needs {', '.join(step for step, done in steps.items() if not done) or 'nothing more'}"


def _course(one: Document) -> tuple[Text | str, ...]:
    day, times = one["enrolled_at"][:10], (minute(one[name]) for name in ("started_at", "completed_at"))
    return words(one["curriculum"]), text(one["channel"]), day, *times


def _agreement(one: Document) -> tuple[Text | str, ...]:
    shown = " ".join(filter(None, (one["version"], one["language"])))
    return words(one["agreement"]), shown, minute(one["opened_at"]), minute(one["accepted_at"])


def _certificate(one: Document) -> tuple[Text | str, ...]:
    return one["number"], words(one["market"]), minute(one["issued_at"]), text(one["valid_until"])


def _listed(one: Document) -> tuple[Text | str, ...]:
    seen = words("late") if one["late"] else minute(one["listed_at"])
    return words(one["list"]), words(one["market"]), one["due_on"], seen


def agreement(out: Console, wording: str, title: str) -> None:
    """The text of an agreement, between two lines."""
    out.rule(title)
    out.print(text(wording.strip()))
    out.rule()


async def registered(pages: Pages) -> None:
    """The Registration Completion List, a line each; it streams."""
    empty = True
    async for page in pages:
        if empty:
            heads = {name: head for name, (head, _) in RCL.items()}
            print(_line(heads), "─" * WIDTH, sep="\n")
        empty = False
        print("\n".join(map(_line, page)))
    if empty:
        print("The Registration Completion List is empty.")


def _line(row: dict[str, str]) -> str:
    return "  ".join(f"{row[name]:<{width}}" for name, (_, width) in RCL.items()).rstrip()


async def rows_as_json(pages: Pages) -> None:
    """One JSON list, a row a line; it streams."""
    before = "["
    async for page in pages:
        sys.stdout.write("".join(f"{before if not at else ','}\n{json.dumps(row)}" for at, row in enumerate(page)))
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


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
