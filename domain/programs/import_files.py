"""Earlier years as a spreadsheet or an LMS exports them: CSV read row by row, to the records of an import (E10)."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.federal.profile import DRAFT_FIELDS
from domain.programs.imports import ImportedPerson, Person, Year, parse_import
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.formulas import begins_formula
from domain.state.request import FORM

MOST_ROWS = 1_000_000
LONGEST_CELL = 4_000
# What the file of refused rows says of each; sent again they are passed over.
ERROR_COLUMNS = ("row", "field", "error")


class RowOutcome(StrEnum):
    """What became of a row: new is somebody not known before."""

    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"
    REFUSED = "refused"


_YEAR = tuple(Year.model_fields)
_PERSON = tuple(Person.model_fields)
_ACCOUNTS = ("lms_account", "portal_account")
_REQUIRED = ("kind", "email", "first_name", "last_name", "plan_year")
_ADDRESSES = ("business_address", "physical_address")
_PARTS = ("line1", "line2", "city", "state", "postal_code")
_LISTS = ("insurers", "markets")
_OTHER = ({*FORM, *DRAFT_FIELDS} - {*_ADDRESSES, "employer", "background_check_consent", "agreement_accepted"}) - {
    "business_contact",
    "professional_contact",
}
_KNOWN = (
    {"program", *_PERSON, *_YEAR, *_ACCOUNTS, *_OTHER, "employer.kind", "employer.name"}
    | {f"{address}.{part}" for address in _ADDRESSES for part in _PARTS}
    | set(ERROR_COLUMNS)
)
_ALIASES = {
    "e_mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "year": "plan_year",
    "given_name": "first_name",
    "surname": "last_name",
    "phone_number": "phone",
}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DELIMITERS = (",", ";", "\t")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True)
class ReadRow:
    """A row of a file: its number as a spreadsheet counts, the header's being 1; its cells; a person, or faults."""

    number: int
    cells: list[str]
    person: ImportedPerson | None = None
    faults: Sequence[Fault] = ()


@dataclass(frozen=True)
class ImportFile:
    """A file whose header was understood: ``columns`` as it has them, ``fields`` what they are here."""

    columns: list[str]
    fields: list[str]
    delimiter: str
    program: str

    def read_rows(self, lines: Iterable[str]) -> Iterator[ReadRow]:
        """Its rows, one after the other; blank ones are passed over. ``lines`` begin with the header's."""
        for number, cells in enumerate(_split_rows(lines, self.delimiter), 1):
            if number == 1 or not any(cell.strip() for cell in cells):
                continue
            yield self._read_row(number, [_unquote(cell.strip()) for cell in cells])

    def _read_row(self, number: int, cells: list[str]) -> ReadRow:
        if any("\0" in cell for cell in cells):
            shown = [cell.replace("\0", "\N{REPLACEMENT CHARACTER}") for cell in cells]
            return ReadRow(number, shown, faults=[Fault("row", "control_characters")])
        if len(cells) != len(self.fields):
            details = {"cells": str(len(cells)), "columns": str(len(self.fields))}
            return ReadRow(number, cells, faults=[Fault("row", "cell_count", details)])
        values = {name: cell for name, cell in zip(self.fields, cells, strict=True) if cell}
        if long := [name for name, cell in values.items() if len(cell) > LONGEST_CELL]:
            return ReadRow(
                number, cells, faults=[Fault(name, "too_long", {"limit": str(LONGEST_CELL)}) for name in long]
            )
        try:
            (person,) = parse_import([self._build_document(values)])
        except Invalid as invalid:
            return ReadRow(number, cells, faults=[_name_column(fault) for fault in invalid.faults])
        return ReadRow(number, cells, person)

    def _build_document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The record that a row stands for, as `parse_import` takes it."""
        year = {name: _read_value(name, values[name]) for name in _YEAR if name in values}
        accounts = {name: _BOOLEANS.get(values[name].lower(), values[name]) for name in _ACCOUNTS if name in values}
        person: dict[str, Any] = {}
        for name, value in values.items():
            if name in (*_YEAR, *_ACCOUNTS, *ERROR_COLUMNS, "program"):
                continue
            outer, _, inner = name.partition(".")
            if inner:
                person.setdefault(outer, {})[inner] = value
            else:
                person[name] = [one.strip() for one in value.split("|")] if name in _LISTS else value
        return {"program": values.get("program", self.program), "person": person, "years": [year], **accounts}


def read_header(lines: Iterable[str], program: str) -> ImportFile:
    """Understands a file by its first row; ``program`` is that of rows which name none.

    Raises `Invalid` naming columns that aren't known, are there twice, or are missing.
    """
    try:
        first = next(iter(lines), "")
    except UnicodeDecodeError:
        raise Invalid([Fault("file", "not_utf8")]) from None
    try:
        delimiter = max(_DELIMITERS, key=lambda one: len(next(_split_rows([first], one), [])))
        columns = [cell.strip() for cell in next(_split_rows([first], delimiter), [])]
    except csv.Error:  # a cell longer than any may be
        raise Invalid([Fault("file", "no_csv", {"row": "1"})]) from None
    fields = [_name_field(column) for column in columns]
    if unknown := [column for column, name in zip(columns, fields, strict=True) if name not in _KNOWN]:
        raise Invalid([Fault(column[:100] or "column", "column_unknown") for column in unknown[:50]])
    if twice := sorted(name for name, times in Counter(fields).items() if times > 1):
        raise Invalid([Fault(name, "column_twice") for name in twice])
    if missing := [name for name in _REQUIRED if name not in fields]:
        raise Invalid([Fault(name, "column_missing") for name in missing])
    return ImportFile(columns, fields, delimiter, program)


def check_lines(lines: Iterable[str], delimiter: str) -> int:
    """How many rows a file has, read through once. Raises `Invalid` for what is no CSV in UTF-8, or too large."""
    number = 0
    try:
        for number, _ in enumerate(_split_rows(lines, delimiter), 1):
            if number > MOST_ROWS:
                raise Invalid([Fault("file", "too_many_rows", {"limit": str(MOST_ROWS)})])
    except UnicodeDecodeError:
        raise Invalid([Fault("file", "not_utf8")]) from None
    except csv.Error:
        raise Invalid([Fault("file", "no_csv", {"row": str(number + 1)})]) from None
    return number


def _split_rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter)


def _name_field(column: str) -> str:
    """A column's name as fields are named: `E-mail address` is `email`, `Business_Address.City` as it stands."""
    name = _BETWEEN_WORDS.sub("_", column.strip().lower()).strip("_")
    return _ALIASES.get(name, name)


def _name_column(fault: Fault) -> Fault:
    """A fault of a record by the column that it stands in."""
    name = fault.field.removeprefix("0.").removeprefix("person.").removeprefix("years.0.")
    return Fault(name, fault.code, fault.details)


def _unquote(cell: str) -> str:
    """Without the apostrophe by which a spreadsheet, or an export of ours, keeps text from being a formula."""
    return cell[1:] if cell.startswith("'") and begins_formula(cell[1:]) else cell


def _read_value(name: str, cell: str) -> Any:
    """A year or an answer; text that is neither stays text, for the rules to name it as a fault."""
    if name == "plan_year":
        return int(cell) if cell.isascii() and cell.isdigit() and len(cell) <= 4 else cell
    return _BOOLEANS.get(cell.lower(), cell)
