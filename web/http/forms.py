"""Form posts as the documents they stand for, and documents as what a form shows; nothing is judged here."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.exceptions import HTTPException

from domain.shared.faults import Fault
from domain.shared.programs import STATE_PROGRAM
from domain.state.agreements import AGREEMENTS
from web.http.text import told

MEDIA_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 200
LONGEST_TEXT = 4000

_PARTS = ("business_address", "physical_address", "employer")
_TICKED = ("agreement_accepted", "background_check_consent")
_SHOWN_TEXT = ("agreement_version", "agreement_language")
_UNSAID: dict[str, dict[str, Any]] = {
    "agent": {"license_state": "NM", "agreement_accepted": False},
    "broker": {"license_state": "NM", "agreement_accepted": False},
    "enrollment_counselor": {"background_check_consent": False},
}
_MAY_BE_EMPTIED = ("business_address.line2", "physical_address.line2", "employer.name")

Values = dict[str, str]


async def posted(request: Request) -> Values:
    """The fields of a form post by their names, trimmed; 415 for another kind of body, 400 for an unreadable one."""
    if media_type(request) != MEDIA_TYPE:
        raise HTTPException(415, f"Send the form as {MEDIA_TYPE}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise HTTPException(400, "The form can't be read.") from None
    return {name: "\n".join(value.strip().splitlines()) for name, value in pairs}


def media_type(request: Request) -> str:
    """What the body says it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def document_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The JSON document that filled fields stand for: empty ones dropped, dotted ones nested, insurers by lines."""
    filled = {name: text for name, text in values.items() if text and name not in _SHOWN_TEXT}
    document: dict[str, Any] = {}
    for name, text in filled.items():
        head, dot, rest = name.partition(".")
        if dot and head in _PARTS:
            document[head] = {**document.get(head, {}), rest: text}
        elif head not in _PARTS:
            document[name] = _value(name, text)
    if document.get("agreement_accepted") is True and not shows_agreement_in_force(values):
        del document["agreement_accepted"]
    return document


def request_document(values: Mapping[str, str]) -> dict[str, Any]:
    """The certification request a form stands for, with what it leaves unsaid: unticked boxes, the licence's state."""
    document = document_of(values)
    return {**_UNSAID.get(values.get("kind", ""), {}), **document}


def values_of(document: Mapping[str, Any]) -> Values:
    """What a form shows of a document: the inverse of `document_of`."""
    shown: Values = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            shown |= {f"{name}.{part}": str(text) for part, text in value.items() if text is not None}
        elif isinstance(value, list | tuple):
            shown[name] = "\n".join(str(line) for line in value)
        elif isinstance(value, bool):
            shown[name] = "true" if value else ""
        elif value is not None:
            shown[name] = str(value)
    return shown


def changes_of(values: Mapping[str, str], before: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """What a form changes in a document, and the fields that were emptied but may not be."""
    old = values_of(before)
    changed = {name: text for name, text in values.items() if text != old.get(name, "").strip()}
    emptied = [name for name, text in changed.items() if not text]
    changes = document_of(changed)
    for name in emptied:
        head, _, rest = name.partition(".")
        if name in _MAY_BE_EMPTIED:
            changes[head] = {**changes.get(head, {}), rest: None}
    return changes, [Fault(name, "required") for name in emptied if name not in _MAY_BE_EMPTIED]


def shows_agreement_in_force(values: Mapping[str, str]) -> bool:
    """Whether the text the reader had before them is the one in force."""
    text = AGREEMENTS.get((STATE_PROGRAM, values.get("agreement_language", "")))
    return text is not None and text.version == values.get("agreement_version")


def text_faults(field: str, text: str) -> list[Fault]:
    """What is wrong with words that somebody wrote: none at all, too many, or what no keyboard writes."""
    if not text.strip():
        return [Fault(field, "required")]
    if len(text) > LONGEST_TEXT:
        return [Fault(field, "too_long", (("limit", str(LONGEST_TEXT)),))]
    if any(
        (char < " " and char not in "\n\r\t") or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"
        for char in text
    ):
        return [Fault(field, "control_characters")]
    return []


def errors_of(faults: Iterable[Fault], language: str) -> list[dict[str, str]]:
    """Faults as the pages show them."""
    return [{"field": fault.field, "message": told(fault, language)} for fault in faults]


def _value(name: str, text: str) -> Any:
    if name in _TICKED and text == "true":
        return True
    if name == "plan_year" and text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    if name == "insurers":
        return [line.strip() for line in text.splitlines() if line.strip()]
    return text
