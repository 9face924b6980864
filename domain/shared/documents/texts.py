"""What somebody writes freely: reasons, grounds, messages. By form, API and command line alike."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from domain.shared.documents.faults import Fault
from domain.shared.documents.fields import make_error

LONGEST_TEXT = 4000
LONGEST_DOCUMENT = 200  # what somebody of staff calls a document they have seen


def find_text_faults(field: str, text: str) -> list[Fault]:
    """What is wrong with a text somebody wrote: it is empty, too long, or has control characters or half a pair."""
    if not text.strip():
        return [Fault(field, "required")]
    if len(text) > LONGEST_TEXT:
        return [Fault(field, "too_long", {"limit": str(LONGEST_TEXT)})]
    return [Fault(field, "control_characters_in_text")] if _has_control_characters(text) else []


def _has_control_characters(text: str) -> bool:
    return any(
        (char < " " and char not in "\n\r\t") or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"
        for char in text
    )


def _check_characters(text: str) -> str:
    if _has_control_characters(text):
        raise make_error("control_characters_in_text")
    return text


OptionalText = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT), AfterValidator(_check_characters)
]
Text = Annotated[OptionalText, StringConstraints(min_length=1)]
