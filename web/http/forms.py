"""Form posts as the documents they stand for, and documents as what a form shows; nothing is judged here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.exceptions import HTTPException

from domain.shared.documents.faults import Fault
from templates.catalogs import translate
from web.http.sentences import explain_reason

MEDIA_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 200
# A name has as many dots at most: "business_contact.address.city".
_DEEPEST = 2

Values = dict[str, str]


@dataclass(frozen=True)
class FormShape:
    """How the fields of a form, all of them text, stand for a JSON document.

    Dots in a name nest; empty fields are left out. ``boxes`` are lists with a ticked box for each entry. The others are
    names wherever they are nested: ``lines`` are lists with an entry each line, ``ticks`` are true where ticked.
    """

    lines: frozenset[str] = frozenset()
    boxes: frozenset[str] = frozenset()
    ticks: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset({"plan_year"})

    def read_document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The document that the filled fields stand for."""
        document: dict[str, Any] = {}
        for name, text in values.items():
            if text:
                self._put_field(document, name, text)
        for name in self.boxes:
            if isinstance(document.get(name), dict):
                document[name] = list(document[name])
        return document

    def list_values(self, document: Mapping[str, Any], within: str = "") -> Values:
        """What a form shows of a document: the inverse of `read_document`."""
        shown: Values = {}
        for name, value in document.items():
            path = f"{within}{name}"
            if isinstance(value, Mapping):
                shown |= self.list_values(value, f"{path}.")
            elif path in self.boxes:
                shown |= {f"{path}.{entry}": "true" for entry in value}
            elif isinstance(value, list | tuple):
                shown[path] = "\n".join(str(line) for line in value)
            elif isinstance(value, bool):
                shown[path] = "true" if value else ""
            elif value is not None:
                shown[path] = str(value)
        return shown

    def _put_field(self, document: dict[str, Any], name: str, text: str) -> None:
        """Puts a field where its dots say; under its whole name, which no form has, where something else is there."""
        *path, last = name.split(".", _DEEPEST)
        within = document
        for step in path:
            within = within.setdefault(step, {})
            if not isinstance(within, dict):
                document[name] = text
                return
        within[last] = self._convert_value(last, text)

    def _convert_value(self, name: str, text: str) -> Any:
        """A field's value; text that can't be what its name says stays text, for the rules to name it as a fault."""
        if name in self.ticks and text == "true":
            return True
        if name in self.numbers and (number := parse_number(text)) is not None:
            return number
        if name in self.lines:
            return [line.strip() for line in text.splitlines() if line.strip()]
        return text


async def read_form(request: Request) -> Values:
    """The fields of a form post by their names, trimmed; 415 for another kind of body, 400 for an unreadable one.

    Starlette's `Request.form` is no help: its parser reads bytes that aren't escaped as Latin-1 and puts U+FFFD for
    what isn't UTF-8, so that a name would be kept misspelt, and another kind of body is an empty form to it.
    """
    if read_media_type(request) != MEDIA_TYPE:
        raise HTTPException(415, f"Send the form as {MEDIA_TYPE}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise HTTPException(400, "The form can't be read.") from None
    return {name: "\n".join(value.strip().splitlines()) for name, value in pairs}


def read_media_type(request: Request) -> str:
    """What the body says it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_number(text: str, digits: int = 9) -> int | None:
    """What was typed as a whole number, in ASCII digits and not too many of them; None for anything else.

    `int` alone takes signs, spaces and the digits of every script, and its time grows with the length of the text.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def describe_faults(
    faults: Iterable[Fault], language: str, missing: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, str]]:
    """Faults as pages of staff show them: {field, message}. ``missing`` has what to do about fields left empty."""
    return [
        {
            "field": fault.field,
            "message": translate(missing[fault.field], language)
            if fault.code == "required" and fault.field in missing
            else explain_reason(fault, language),
        }
        for fault in faults
    ]
