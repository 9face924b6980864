"""Which rows of a federal list are left out or altered, and how; where the list comes from is not known here."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.lists.rows import ChangeRow, Row
from sandbox.store import Document

CellValue = str | int | float | bool | None


class RowAlteration(BaseModel):
    """Which rows of a list are left out, or get other values; `npn`, `name` and `where` all have to match."""

    model_config = ConfigDict(extra="forbid")

    list: Literal["rcl", "terminations", "tracker", "find_local_help", "help_on_demand"]
    npn: str | None = Field(None, pattern=r"^\d{1,10}$")
    name: str | None = Field(None, min_length=1, max_length=200, description="first and last name")
    where: dict[str, CellValue] = Field(default_factory=dict, max_length=50)
    how: Literal["omit", "alter"]
    set: dict[str, CellValue] = Field(default_factory=dict, max_length=50)

    @model_validator(mode="after")
    def _require_rows_and_change(self) -> "RowAlteration":
        if self.npn is None and self.name is None and not self.where:
            raise ValueError("give npn, name or where")
        if (self.how == "alter") != bool(self.set):
            raise ValueError("alter needs set, omit takes none")
        return self

    def is_about(self, row: Row) -> bool:
        """Whether a row is meant; its columns are compared as words, so that a head of `NPN` is `npn` too."""
        cells = {_normalize_column(column): _normalize_cell(value) for column, value in row.items()}
        wanted = {_normalize_column(column): _normalize_cell(value) for column, value in self.where.items()}
        return (
            (self.npn is None or _normalize_npn(cells.get("npn", "")) == _normalize_npn(self.npn))
            and (self.name is None or _split_name(cells) == self.name.casefold().split())
            and all(cells.get(column) == value for column, value in wanted.items())
        )

    def change_row(self, row: Row) -> Row | None:
        """What becomes of a row that is meant."""
        if self.how == "omit":
            return None
        new_values = {_normalize_column(column): value for column, value in self.set.items()}
        return {column: new_values.get(_normalize_column(column), value) for column, value in row.items()}


def find_list_name(path: str) -> str:
    """The list that a path below /registry/ shows, as `RowAlteration.list` names it."""
    return path.partition("/")[0].partition(".")[0].replace("-", "_")


def build_row_change(path: str, documents: list[Document]) -> ChangeRow:
    """The stored alterations of a list, applied to a row one after the other."""
    alterations = [RowAlteration.model_validate(_leave_out_id(each)) for each in documents]
    shared_cells = _read_shared_cells(path)

    def change_row(row: Row) -> Row | None:
        changed: Row | None = row
        for alteration in alterations:
            if changed is not None and alteration.is_about({**shared_cells, **changed}):
                changed = alteration.change_row(changed)
        return changed

    return change_row


def compute_version(documents: list[Document]) -> str:
    """What tells one set of stored alterations from another in an ETag; empty for none."""
    if not documents:
        return ""
    described = json.dumps([_leave_out_id(each) for each in documents], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _leave_out_id(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "id"}


def _read_shared_cells(path: str) -> Row:
    """The cells that all rows of an address share: the tracker's address names the NPN, its rows do not."""
    npn = path.removeprefix("tracker/").partition(".")[0]
    return {"npn": npn} if npn != path.partition(".")[0] else {}


def _normalize_column(column: str) -> str:
    return "_".join(column.casefold().split())


def _normalize_cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _normalize_npn(npn: str) -> str:
    return npn.strip().lstrip("0")


def _split_name(cells: dict[str, str]) -> list[str]:
    return f"{cells.get('first_name', '')} {cells.get('last_name', '')}".casefold().split()
