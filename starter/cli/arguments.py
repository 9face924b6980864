"""What the verbs of `certify` are given: the options they share, files, texts and choices; nothing is carried out."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from domain.shared.ids import name_staff_actor
from starter.cli.context import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.shared.cases.authors import StepAuthor
    from domain.shared.cases.commands import Wording

# A request with every field at its longest has some 20 KiB; an import has years of many thousand people.
REQUEST_BYTES = 256 * 1024
IMPORT_BYTES = 50 * 1024 * 1024


def refuse_option(_: Any, file: str | None) -> None:
    """A lone hyphen is standard input; whatever else begins with one is an option typed wrong."""
    if file is not None and file.startswith("-") and file != "-":
        raise ValueError("There is no such option.")


FLAG = Parameter(negative="", show_default=False)
Json = Annotated[bool, FLAG, Parameter(name="--json", help="Answer with one JSON document.")]


@Parameter(name="*")
@dataclass(frozen=True)
class CommonOptions:
    """The options of every verb that works on a stack."""

    data: Annotated[Path | None, Parameter(help="Folder of the stack; without it the stack that runs is found.")] = None
    json: Json = False


DEFAULTS = CommonOptions()

CaseId = Annotated[str, Parameter(help="Id of the case.")]
File = Annotated[
    str, Parameter(allow_leading_hyphen=True, validator=refuse_option, help="JSON file; - for standard input.")
]
Quiet = Annotated[bool, FLAG, Parameter(name="--quiet", help="Print nothing but the id of the case.")]
Reason = Annotated[str, Parameter(help="Why; it is audited.")]
Actor = Annotated[str, Parameter(name="--as", help="Who does it; it is audited.")]
Method = Literal["paper", "in_person", "other"]
Word = Literal["paper", "in_person", "phone", "other"]


@Parameter(name="*")
@dataclass(frozen=True)
class BehalfOptions:
    """Who of staff takes a step for the assister, whose it is, how they have the assister's word, and why (D6)."""

    actor: Annotated[str, Parameter(name="--as", help="Who of staff does it for the assister; it is audited.")]
    method: Annotated[Word, Parameter(name="--method", help="How the assister gave their word; it is audited.")]
    reason: Annotated[str, Parameter(name="--reason", help="Why it is done for the assister; it is audited.")]

    def name_author(self) -> "StepAuthor":
        """Whom the audit names: never the assister, who acts in a session of their own. Raises `UsageError`."""
        from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod

        require_text(actor=self.actor, reason=self.reason)
        word = OnBehalf(method=WordMethod(self.method), reason=self.reason.strip())
        return StepAuthor(name_staff_actor(self.actor), word)


Told = Annotated[str | None, Parameter(help="The reason in the assister's language, where that isn't English.")]
CommandId = Annotated[
    str | None, Parameter(name="--id", help="Your own id of the command: the same id again is carried out once.")
]


def build_wording(told: str | None) -> "Wording":
    """How the assister is told a reason, which is written in English at the command line."""
    from domain.shared.cases.commands import Wording

    return Wording(told)


def read_file(file: str, max_bytes: int) -> bytes:
    """The bytes of a file, or of standard input. Raises `UsageError` where it can't be read or is larger."""
    try:
        if file == "-":
            body = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with Path(file).open("rb") as opened:
                body = opened.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{file} can't be read: {why}.") from None
    if len(body) > max_bytes:
        raise UsageError(f"{file} is larger than {max_bytes // 1024} KiB.")
    return body


def require_text(**given: str | None) -> None:
    """Raises `UsageError` for a text that API and pages refuse too: blank, too long, or with control characters.

    None is one that wasn't given, and needn't be.
    """
    from domain.shared.documents.texts import find_text_faults

    options = {"actor": "--as"}
    for name, value in given.items():
        if value is None:
            continue
        option = options.get(name, f"--{name}")
        if not value.strip():
            raise UsageError(f"{option} needs a text that is not blank.")
        for fault in find_text_faults(name, value):
            raise UsageError(f"{option}: {fault.sentence()}")


def require_choice(name: str, value: str | None, choices: "Sequence[str]") -> None:
    """Raises `UsageError`, naming the choices, for a value that is none of them."""
    if value is not None and value not in choices:
        raise UsageError(f"{name} is none of: {', '.join(choices)}.")
