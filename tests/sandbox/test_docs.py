"""The tables of docs/sandbox.md say what the stand-ins know at the start."""

from typing import Any

import pytest

from sandbox.seeds import CHECK_OUTCOMES, DEMO_PEOPLE, PRODUCERS, UNASSIGNED_NPN
from tests.support.sandbox_process import ROOT

ROWS = [
    [cell.strip().replace("**", "") for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
]


def find_row(key: str) -> list[str]:
    found = [cells for cells in ROWS if cells[0] == key]
    assert len(found) == 1, key
    return found[0]


@pytest.mark.parametrize("producer", PRODUCERS, ids=lambda producer: producer["npn"])
def test_every_producer_is_listed(producer: dict[str, Any]) -> None:
    _, name, licenses, _ = find_row(producer["npn"])
    names = [producer.get("first_name"), producer.get("last_name"), producer.get("company"), producer.get("suffix")]
    assert all(part in name for part in names if part)
    assert name.startswith("firm: ") is (producer["entity"] == "firm")
    for held in producer["licenses"]:
        assert held["number"] in licenses
        assert held["residency"] in licenses
        assert ("inactive" in licenses) >= (held.get("active") is False)
        assert held["expires"] == "2034-12-31" or held["expires"] in licenses


def test_no_other_number_is_listed() -> None:
    listed = {cells[0] for cells in ROWS if cells[0].startswith("9")}
    assert listed == {producer["npn"] for producer in PRODUCERS} | {UNASSIGNED_NPN}


def test_every_outcome_is_listed() -> None:
    listed = [cells for cells in ROWS if "@" in cells[0]]
    assert listed == [[each["email"], each["result"], str(each["after_seconds"])] for each in CHECK_OUTCOMES]


def test_every_demo_person_is_listed() -> None:
    listed = [cells for cells in ROWS if cells[0].startswith("Demo ")]
    assert listed == [
        [each["name"], f"`{each['name'].lower().replace(' ', '-')}`", ", ".join(each["roles"]) or "none"]
        for each in DEMO_PEOPLE
    ]
