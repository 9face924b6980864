"""The schemas of policies, for editors, take the files shipped and refuse what the system refuses (E12)."""

import json
import tomllib
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from starter.policies import SHIPPED

FILES = sorted(SHIPPED.glob("*/20*.toml"))


def find_faults(file: Path, document: dict[str, Any]) -> list[str]:
    """What the schema beside the file says of a document; its dates as editors have them."""
    schema = json.loads((file.parent / "schema.json").read_text("utf-8"))
    plain = json.loads(json.dumps(document, default=date.isoformat))
    return [one.message for one in Draft202012Validator(schema).iter_errors(plain)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_e12_every_file_shipped_fits_its_schema(file: Path) -> None:
    assert file.read_text("utf-8").startswith("#:schema schema.json\n")
    document = tomllib.loads(file.read_text("utf-8"))
    assert find_faults(file, document) == []
    wrong = deepcopy(document) | {"retired": 1}
    assert find_faults(file, wrong)


@pytest.mark.parametrize("program", ["bewellnm", "ffm"])
def test_e12_whose_program_it_is_fits_its_schema(program: str) -> None:
    file = SHIPPED / program / "exchange.toml"
    assert file.read_text("utf-8").startswith("#:schema exchange.schema.json\n")
    schema = json.loads((file.parent / "exchange.schema.json").read_text("utf-8"))
    document = tomllib.loads(file.read_text("utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    assert list(Draft202012Validator(schema).iter_errors({**document, "retired": 1}))


def test_e12_every_year_says_its_window() -> None:
    for file in FILES:
        document = tomllib.loads(file.read_text("utf-8"))
        del document["windows"]
        assert find_faults(file, document)


def test_e12_only_a_year_carried_over_may_leave_rules_out() -> None:
    for file in FILES:
        document = tomllib.loads(file.read_text("utf-8"))
        document.pop("contacts", None)
        assert bool(find_faults(file, document)) == (file.stem == "2024")
