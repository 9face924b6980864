"""What the verbs of `certify` take: options they share, files, texts that say something; it carries nothing out."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from starter.cli.context import WrongCall

if TYPE_CHECKING:
    from collections.abc import Sequence

FORM_BYTES = 256 * 1024
IMPORT_BYTES = 50 * 1024 * 1024


def _no_option(_: Any, file: str) -> None:
    """A lone hyphen is standard input; what else begins with one is a mistyped option."""
    if file.startswith("-") and file != "-":
        raise ValueError("There is no such option.")


FLAG = Parameter(negative="", show_default=False)
Json = Annotated[bool, FLAG, Parameter(name="--json", help="Answer with one JSON document.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Way:
    """What every verb takes that talks to a stack."""

    data: Annotated[Path | None, Parameter(help="Folder of the stack; without it the stack that runs is found.")] = None
    json: Json = False


USUAL = Way()

CaseId = Annotated[str, Parameter(help="Id of the case.")]
File = Annotated[
    str, Parameter(allow_leading_hyphen=True, validator=_no_option, help="JSON file; - for standard input.")
]
Reason = Annotated[str, Parameter(help="Why; it is audited.")]
Actor = Annotated[str, Parameter(name="--as", help="Who does it; it is audited.")]
CommandId = Annotated[
    str | None, Parameter(name="--id", help="Your own id of the command: the same id again is carried out once.")
]


def read(file: str, most: int) -> bytes:
    """The file's bytes, no more than is allowed."""
    try:
        if file == "-":
            body = sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as opened:
                body = opened.read(most + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WrongCall(f"{file} can't be read: {why}.") from None
    if len(body) > most:
        raise WrongCall(f"{file} is larger than {most // 1024} KiB.")
    return body


def demand(**given: str) -> None:
    """What is audited says something."""
    names = {"actor": "--as", "reason": "--reason"}
    for name, value in given.items():
        if not value.strip():
            raise WrongCall(f"{names[name]} needs a text that is not blank.")


def demand_one_of(name: str, value: str | None, choices: "Sequence[str]") -> None:
    """A word that is one of those there are."""
    if value is not None and value not in choices:
        raise WrongCall(f"{name} is none of: {', '.join(choices)}.")
