"""The verb of `certify` by which a mail server hands over what comes back."""

from typing import Annotated

from cyclopts import Parameter

from domain.shared.ids import COMMAND_LINE
from starter.cli.arguments import DEFAULTS, CommonOptions, read_file, refuse_option
from starter.cli.context import open_services
from starter.cli.output import open_console, print_json

# What counts stands at the beginning; a letter with a certificate may be given back whole behind it.
MESSAGE_BYTES = 16 * 1024 * 1024
SENTENCES = {
    "stored": "The letter is marked, and where it came back its case flagged.",
    "repeated": "This was reported before; nothing has changed.",
    "unknown": "This is about no letter of ours; nothing has changed.",
    "ignored": "This is no report of trouble; nothing has changed.",
}
Message = Annotated[
    str,
    Parameter(
        allow_leading_hyphen=True,
        validator=refuse_option,
        help="The message as a file; standard input where none is named, so that an alias of a mail server can pipe.",
    ),
]


async def take_bounce(file: Message = "-", /, *, options: CommonOptions = DEFAULTS) -> None:
    """Take a report that a letter came back or is late, as the message that it is."""
    raw = read_file(file, MESSAGE_BYTES)
    async with open_services(options.data) as services:
        taken = await services.bounces.take_report(raw, COMMAND_LINE)
    if options.json:
        print_json({"status": taken})
    else:
        open_console().print(SENTENCES[taken])
