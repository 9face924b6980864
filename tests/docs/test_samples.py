"""The samples are what the forms take, of people the stand-ins know; commands in the docs name what is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from domain.federal.profile import RegistrationRequest, parse_profile, parse_registration
from domain.programs.imports import parse_import
from domain.state.request import Request, parse_request
from starter.cli.certify import app

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "docs" / "samples"
REQUESTS = {"agent": "agent", "broker": "broker", "enrollment-counselor": "enrollment_counselor"}
OTHERS = {"federal-registration", "federal-profile", "answer", "earlier-years"}
SANDBOX = (ROOT / "docs" / "sandbox.md").read_text()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def test_every_sample_is_tested() -> None:
    assert {path.stem for path in SAMPLES.iterdir()} == {*REQUESTS, *OTHERS}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_taken_by_the_form(name: str) -> None:
    request = parse_request(sample(name))
    assert isinstance(request, Request)
    assert request.kind == REQUESTS[name]


def test_the_federal_samples_are_taken_by_the_federal_forms() -> None:
    registration, profile = sample("federal-registration"), sample("federal-profile")
    assert isinstance(parse_registration(registration), RegistrationRequest)
    complete = parse_profile(registration, profile)
    assert (complete["npn"], complete["business_npn"]) == (registration["npn"], profile["business_npn"])


def test_the_answer_changes_a_request() -> None:
    message, *fields = (answer := sample("answer"))
    assert message == "message"
    changed = parse_request({**sample("agent"), **{name: answer[name] for name in fields}})
    assert changed.physical_address.city == "Santa Fe"
    assert changed != parse_request(sample("agent"))


def test_the_earlier_years_are_taken_by_the_import() -> None:
    (person,) = parse_import(sample("earlier-years"))
    assert person.years


@pytest.mark.parametrize("document", ["agent", "broker", "federal-registration", "earlier-years"])
def test_the_registry_knows_the_people(document: str) -> None:
    given = sample(document)
    person = given[0]["person"] if isinstance(given, list) else given
    (row,) = [line for line in SANDBOX.splitlines() if line.startswith(f"| {person['npn']} |")]
    assert f" {person['first_name']} {person['last_name']}" in row
    if "license_number" in person:
        assert f" {person['license_number']}, resident, active" in row


def test_the_registry_knows_the_firm_and_the_vendor_the_counselor() -> None:
    assert f"| {sample('federal-profile')['business_npn']} | **firm**" in SANDBOX
    assert f"| {sample('enrollment-counselor')['email']} | clear |" in SANDBOX


# README and the tour


def commands() -> list[str]:
    text = "".join((ROOT / name).read_text() for name in ("README.md", "docs/tour.md"))
    return "".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)).splitlines()


@pytest.mark.parametrize("command", commands())
def test_a_command_for_newcomers_names_what_is_there(command: str) -> None:
    """A comment behind it is none in every shell."""
    words = command.removeprefix("CASE=$(").removesuffix(")").split()
    assert "#" not in command
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
    else:
        assert words[0] == ".venv/bin/certify"
        verbs = app["ffm"] if words[1] == "ffm" else app
        assert words[2 if words[1] == "ffm" else 1] in verbs
        assert all((ROOT / word).is_file() for word in words if word.endswith(".json"))
