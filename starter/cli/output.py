"""How `certify` prints: JSON for scripts; for people values, pairs and tables in 80 columns."""

import json
import sys
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from starter.cli.examples import fit_screen

if TYPE_CHECKING:
    from domain.shared.cases.commands import Wording

Document = dict[str, Any]
Cell = Text | str
Pages = AsyncIterator[list[dict[str, str]]]

GOOD = frozenset({"pass", "complete", "ready", "active", "registered", "approved", "certified", "verified", "yes"})
BAD = frozenset(
    {"fail", "denied", "revoked", "withdrawn", "terminated", "suspended", "closed", "refused", "late", "no"}
)
# The Registration Completion List's columns with their heads, as wide as 80 columns allow.
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
RULE_WIDTH = 79
LANGUAGES = {"es": "Spanish"}
STAND_INS = {
    "registry": "licence registry",
    "background_checks": "background checks",
    "lms": "LMS",
    "portal": "Broker and Assister Portal",
    "mlms": "MLMS",
    "lists": "federal lists",
    "vendors": "training vendors",
    "identity": "identity provider",
}


def note_language(language: str, wording: "Wording") -> None:
    """Says how to give a reason in the assister's language, a code, where it was given in English alone."""
    if not wording.told and language != "en":
        sentence = f"The assister reads {LANGUAGES[language]}, and is told that your reason is in English; "
        sentence += "--told gives it in their language."
        print(fit_screen(sentence) if sys.stderr.isatty() else sentence, file=sys.stderr)


def open_console(error: bool = False) -> Console:
    """Where people read. Markup and emoji are off: what assisters wrote has to stay the text it is."""
    return Console(stderr=error, highlight=False, markup=False, emoji=False)


# values


def spell_code(code: str) -> str:
    """A value of an enumeration in words."""
    return code.replace("_", " ")


def format_code(code: str | None) -> Text:
    """A value of an enumeration in words, green where it is good and red where it is not."""
    style = "green" if code in GOOD else "red" if code in BAD else ""
    return format_value(spell_code(code) if code else None, style)


def format_value(value: object, style: str = "") -> Text:
    """A value as text, a hyphen for None. Control characters, which could steer a terminal, are replaced."""
    text = "-" if value is None else str(value)
    visible = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return Text(visible, style=style, overflow="fold")


def format_instant(at: str | None) -> str:
    """An instant to the second, in UTC."""
    return f"{at[:10]} {at[11:19]} UTC" if at else "-"


def format_minute(at: str | None) -> str:
    """An instant to the minute; that it is UTC stands elsewhere."""
    return f"{at[:10]} {at[11:16]}" if at else "-"


# shapes


def print_json(document: object) -> None:
    """One JSON document in ASCII, which every terminal and script can take."""
    print(json.dumps(document, indent=2), flush=True)


def print_pairs(out: Console, rows: Iterable[tuple[str, Cell]]) -> None:
    """Names with their values, one below the other."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else format_value(value))
    out.print(grid)


def print_log(out: Console, entries: Iterable[tuple[str, Text, str]]) -> None:
    """What happened: an instant, what it was, and its details on the line below."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for at, what, details in entries:
        grid.add_row(format_instant(at), Text("\n").join([what, *([format_value(details, "dim")] if details else [])]))
    out.print(grid)


def print_diagnosis(out: Console, faults: Iterable[tuple[str, str, str]], verdict: str) -> None:
    """What is wrong with a setting and how to mend it, one below the other, and what follows from all of it."""
    for setting, fault, mend in faults:
        out.print(format_value(setting, "bold"))
        out.print(Padding(Text(f"{fault}\n{mend}"), (0, 0, 1, 2)))
    out.print(verdict)


def make_table(*columns: str, rows: Iterable[tuple[Cell, ...]] = ()) -> Table:
    """A table; its cells wrap where the room doesn't suffice."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


# answers


def print_addresses(out: Console, document: Document) -> None:
    """Where a stack listens, by the document of its stack.json: what people open first, then the stand-ins."""
    web, data = document["web"], document["data"]
    rows = [
        ("web", web),
        ("request form", f"{web}/request"),
        ("staff console", f"{web}/staff"),
        ("federal portal", f"{web}/portal"),
        *([("mailbox", document["mailbox"])] if document["mailbox"] else []),
        ("Temporal UI", document["temporal_ui"]),
        ("Temporal", document["temporal"]),
        ("folder", data),
        ("secrets", f"{data}/stack.json"),
    ]
    out.print("The stack is ready; Ctrl-C ends it.\n")
    print_pairs(out, rows)
    if document["sandbox"]:
        out.print("\nStand-ins for the third parties:\n")
        print_pairs(out, [(STAND_INS.get(name, spell_code(name)), url) for name, url in document["sandbox"].items()])


def print_opened_case(out: Console, document: Document) -> None:
    """What became of a request: its case, new or open before."""
    out.print("The case is open." if document["created"] else "There is a case already; nothing was changed.")
    print_pairs(out, [(spell_code(name), document[name]) for name in ("case_id", "assister_id", "workflow_id")])


def print_cases(out: Console, found: list[Document]) -> None:
    """Cases: below the id program and year, below the name the kind, below the stage what it waits for and where."""
    if not found:
        out.print("There are no such cases.")
        return
    rows = (
        (
            _stack_lines(format_value(one["case_id"]), f"{one['program']} {one['plan_year']}"),
            _stack_lines(format_value(one["name"]), spell_code(one["kind"])),
            _stack_lines(format_code(one["stage"]), *_list_wait(one)),
        )
        for one in found
    )
    table = make_table("case", "who", "stage, waiting for", rows=rows)
    table.columns[0].no_wrap = True
    out.print(table)


def _stack_lines(first: Text, *below: str) -> Text:
    return Text("\n").join([first, *(format_value(line, "dim") for line in below)])


def _list_wait(one: Document) -> list[str]:
    """What a case waits for, where its stage doesn't say that itself, the day since when, in UTC, and on whose desk."""
    waiting_for, since = one["waiting_for"], one["waiting_since"]
    if not waiting_for:
        return []
    # Stages such as awaiting_decision say it themselves.
    what = [] if one["stage"].endswith(waiting_for) else [spell_code(waiting_for)]
    desk = [f"on the desk of {one['desk_name']}"] if one["desk_name"] else []
    return [*what, *([f"since {since[:10]}"] if since else []), *desk]


def print_audit(out: Console, entries: list[Document]) -> None:
    """Every write about a case: when, what, by whom and why."""
    print_log(out, ((one["at"], _format_action(one), _format_reason(one)) for one in entries))


def _format_action(entry: Document) -> Text:
    return Text.assemble(format_value(entry["action"]), " by ", format_value(entry["actor"]))


def _format_reason(entry: Document) -> str:
    return "\n".join(part for part in (entry["reason"], format_details(entry["details"])) if part)


def format_details(data: Document) -> str:
    """The details of a fact or of an audited write; those without a value are left out."""
    return ", ".join(
        f"{name}: {_format_detail(value)}" for name, value in data.items() if value not in (None, "", [], {})
    )


def _format_detail(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(map(_format_item, value))
    if isinstance(value, dict):
        return "; ".join(f"{name} {_format_detail(each)}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)


def _format_item(item: object) -> str:
    """An item of a list, such as a finding: without its names, which would stand in every one."""
    if isinstance(item, dict):
        return " ".join(map(_format_detail, item.values()))
    return _format_detail(item)


def print_agreement(out: Console, wording: str, title: str) -> None:
    """The text of an agreement, between two lines."""
    out.rule(title)
    out.print(format_value(wording.strip()))
    out.rule()


# the Registration Completion List: it may be long, so it is printed as its pages come


async def print_rcl(pages: Pages) -> None:
    """The list for people, a row a line."""
    empty = True
    async for page in pages:
        if empty:
            heads = {name: head for name, (head, _) in RCL.items()}
            print(_format_rcl_row(heads), "─" * RULE_WIDTH, sep="\n")
        empty = False
        print("\n".join(map(_format_rcl_row, page)))
    if empty:
        print("The Registration Completion List is empty.")


def _format_rcl_row(row: dict[str, str]) -> str:
    return "  ".join(f"{row[name]:<{width}}" for name, (_, width) in RCL.items()).rstrip()


async def print_json_rows(pages: Pages) -> None:
    """The list for scripts: one JSON list, a row a line."""
    before = "["
    async for page in pages:
        sys.stdout.write("".join(f"{before if not at else ','}\n{json.dumps(row)}" for at, row in enumerate(page)))
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")
