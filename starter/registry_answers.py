"""What third parties have answered, read for people: who the registry has, and an answer as rows of a table."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.http import Refused
from adapters.registry import parse_answer
from domain.shared.licensing import Producer

MOST_BYTES = 256 * 1024
MOST_ROWS = 400
DEEPEST = 20


@dataclass(frozen=True)
class AnswerRow:
    """A value in an answer: the names that lead to where it stands, its own name, and what it says."""

    place: tuple[str, ...]
    name: str
    value: str


@dataclass(frozen=True)
class RegisteredPerson:
    """What the registry has said of an NPN; ``producer`` is None where it knows nobody under it."""

    producer: Producer | None


def read_registered(raw: bytes, npn: str) -> RegisteredPerson | None:
    """Who the registry has under an NPN, from an answer that is kept; None where it can't be read any more."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        return RegisteredPerson(parse_answer(raw, npn))
    except Refused:
        return None


def list_answer_rows(raw: bytes) -> list[AnswerRow]:
    """An answer in XML or JSON as rows, in its order; none for one that is neither, or too long to be read as a table.

    At most 400 rows, and what lies deeper than 20 levels is left out: the answer itself stands beside the table.
    """
    if len(raw) > MOST_BYTES:
        return []
    rows = _list_xml_rows(raw) if raw.lstrip()[:1] == b"<" else _list_json_rows(raw)
    return list(islice(rows, MOST_ROWS))


def _list_xml_rows(raw: bytes) -> Iterator[AnswerRow]:
    try:
        # A document may name files or addresses, or unfold into gigabytes, by its type and entities alone.
        root = fromstring(raw, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return iter(())
    return _walk_element(root, ())


def _walk_element(element: Element, place: tuple[str, ...]) -> Iterator[AnswerRow]:
    if len(place) == DEEPEST:
        return
    said = (element.text or "").strip()
    if said:
        yield AnswerRow(place, element.tag, said)
    within = (*place, element.tag)
    for name, value in element.attrib.items():
        yield AnswerRow(within, name, value)
    for child in element:
        yield from _walk_element(child, within)


def _list_json_rows(raw: bytes) -> Iterator[AnswerRow]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return iter(())
    return _walk_value(document, (), "")


def _walk_value(value: Any, place: tuple[str, ...], name: str) -> Iterator[AnswerRow]:
    if len(place) == DEEPEST:
        return
    within = (*place, name) if name else place
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _walk_value(one, within, str(key))
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from _walk_value(one, within, str(number))
    elif value is not None and value != "":
        yield AnswerRow(place, name, str(value))
