"""`certify` without a stack: its help, wrong calls, refusals, and which stack or settings it works with."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from db.migrate import upgrade
from starter.plan import SECRETS
from starter.surroundings import NONE_RUNS
from tests.starter.command import VERBS, Ran, certify, is_one_sentence
from tests.support import documents

# Nothing listens there: what asks a third party or Temporal fails at once.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A distributed set-up's environment over a migrated database."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}"
    upgrade(url)
    third_parties = {f"CERTIFY_{name}_URL": NOWHERE for name in ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "PORTAL")}
    made = {name: make() for name, make in SECRETS.items()}
    return {**made, **third_parties, "CERTIFY_DATABASE_URL": url, "TEMPORAL_ADDRESS": "127.0.0.1:9"}


def refused(ran: Ran, status: int, *words: str) -> None:
    """Nothing on standard output, one sentence on standard error."""
    assert (ran.status, ran.out) == (status, ""), ran
    assert is_one_sentence(ran.err), ran.err
    assert all(word in ran.err for word in words), ran.err


def write_stack(folder: Path, pid: int, **settings: str) -> Path:
    """A folder in which a stack seems to run."""
    folder.mkdir()
    (folder / "stack.json").write_text(json.dumps({"pid": pid, "settings": settings, "data": str(folder)}))
    return folder


# help


def test_help_names_every_verb_in_80_columns(tmp_path: Path) -> None:
    ran = certify(tmp_path, "--help")
    assert ran.status == 0
    assert all(f" {verb} " in ran.out for verb in VERBS)
    assert all(len(line) <= 80 for line in ran.out.splitlines())


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_and_takes_json(tmp_path: Path, verb: str) -> None:
    ran = certify(tmp_path, verb, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"Usage: certify {verb}" in ran.out
    assert "--json" in ran.out
    assert "--data" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())


# wrong calls


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonsense"], "nonsense"),
        (["status"], "CASE"),
        (["status", "x", "--nope"], "--nope"),
        (["status", "x", "y"], "y"),
        (["request"], "FILE"),
        (["request", "--nope"], "--nope"),
        (["request", "missing.json"], "missing.json"),
        (["request", "."], "can't be read"),
        (["answer", "x", "/dev/zero"], "256 KiB"),
        (["decide", "x", "maybe", "--reason", "r", "--as", "ana"], "maybe"),
        (["decide", "x", "approve", "--as", "ana"], "--reason"),
        (["decide", "x", "approve", "--reason", "r"], "--as"),
        (["decide", "x", "approve", "--reason", " ", "--as", "ana"], "--reason"),
        (["begin", "ast_x", "--plan-year", "soon", "--as", "ana"], "--plan-year"),
        (["list", "--kind", "robot"], "robot"),
        (["list", "--stage", "nowhere"], "awaiting_decision"),
        (["resend", "x", "poem", "--reason", "r", "--as", "ana"], "lms_invitation"),
        (["up", "--port", "99999"], "--port"),
        (["up", "--no-sandbox"], "CERTIFY_REGISTRY_URL"),
    ],
)
def test_a_wrong_call_is_status_2(tmp_path: Path, arguments: list[str], word: str) -> None:
    refused(certify(tmp_path, *arguments), 2, word)


def test_an_unreadable_file_is_a_wrong_call_with_json_too(tmp_path: Path) -> None:
    refused(certify(tmp_path, "import", "missing.json", "--json"), 2, "missing.json")


# which stack, which settings


@pytest.mark.parametrize("verb", [["list"], ["status", "x"], ["audit", "x"], ["worker"], ["web"]])
def test_without_a_stack_or_settings_it_says_what_to_do(tmp_path: Path, verb: list[str]) -> None:
    ran = certify(tmp_path, *verb)
    refused(ran, 2)
    assert ran.err.strip() == NONE_RUNS


def test_a_folder_without_a_stack_is_named(tmp_path: Path) -> None:
    refused(certify(tmp_path, "list", "--data", "elsewhere"), 2, "elsewhere")


def test_a_stack_that_has_ended_is_none(tmp_path: Path) -> None:
    write_stack(tmp_path / "data", pid=2**22 + 1)
    refused(certify(tmp_path, "list"), 2, "No stack was found")


def test_missing_settings_are_all_named(tmp_path: Path) -> None:
    ran = certify(tmp_path, "list", CERTIFY_DATABASE_URL="sqlite+aiosqlite:///app.sqlite")
    refused(ran, 2, "CERTIFY_IDENTITY_KEY", "CERTIFY_REGISTRY_URL", "CERTIFY_PORTAL_WEBHOOK_SECRET")


@pytest.mark.parametrize(
    ("name", "value"),
    [("CERTIFY_IDENTITY_KEY", "xyz"), ("CERTIFY_STAFF_TOKENS", "none"), ("CERTIFY_WEB_PORT", "many")],
)
def test_settings_not_understood_are_named(tmp_path: Path, settings: dict[str, str], name: str, value: str) -> None:
    refused(certify(tmp_path, "list", **{**settings, name: value}), 2, name)


def test_an_environment_that_names_a_database_wins_over_a_stack(tmp_path: Path, settings: dict[str, str]) -> None:
    write_stack(tmp_path / "data", os.getpid(), **{**settings, "CERTIFY_DATABASE_URL": "sqlite+aiosqlite:///no.sqlite"})
    assert certify(tmp_path, "list", "--json", **settings).document == []


def test_a_folder_that_is_given_wins_over_the_environment(tmp_path: Path, settings: dict[str, str]) -> None:
    data = write_stack(tmp_path / "mine", os.getpid(), **settings)
    elsewhere = {**settings, "CERTIFY_DATABASE_URL": "sqlite+aiosqlite:///no.sqlite", "TEMPORAL_PROFILE": "none"}
    assert certify(tmp_path, "list", "--json", "--data", str(data), **elsewhere).document == []


def test_the_stack_of_certify_data_is_found(tmp_path: Path, settings: dict[str, str]) -> None:
    data = write_stack(tmp_path / "mine", os.getpid(), **settings)
    assert certify(tmp_path, "list", "--json", CERTIFY_DATA=str(data)).document == []


def test_several_stacks_have_to_be_chosen_from(tmp_path: Path) -> None:
    known = tmp_path / "state" / "certify" / "stacks"
    known.mkdir(parents=True)
    for name in ("one", "two"):
        (known / name).symlink_to(write_stack(tmp_path / name, os.getpid()))
    refused(certify(tmp_path, "list"), 2, "--data")


def test_a_database_without_tables_is_a_sentence(tmp_path: Path, settings: dict[str, str]) -> None:
    bare = {**settings, "CERTIFY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'bare.sqlite'}"}
    refused(certify(tmp_path, "list", **bare), 1, "database")


# no


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "x"],
        ["audit", "x"],
        ["decide", "x", "approve", "--reason", "r", "--as", "ana"],
        ["withdraw", "x", "--reason", "r", "--as", "ana"],
        ["resend", "x", "active", "--reason", "r", "--as", "ana"],
    ],
)
def test_an_unknown_case_is_status_1(tmp_path: Path, settings: dict[str, str], arguments: list[str]) -> None:
    refused(certify(tmp_path, *arguments, "--json", **settings), 1, "no case")


def test_an_unknown_assister_is_status_1(tmp_path: Path, settings: dict[str, str]) -> None:
    refused(certify(tmp_path, "begin", "ast_x", "--plan-year", "2024", "--as", "ana", **settings), 1, "no assister")


def test_every_field_at_fault_is_named(tmp_path: Path, settings: dict[str, str]) -> None:
    request = documents.broker(email="nobody", phone="1", extra=1)
    del request["npn"]
    given = json.dumps(request)
    refused(certify(tmp_path, "request", "-", given=given, **settings), 1, "email:", "phone:", "npn:", "extra:")


@pytest.mark.parametrize("given", [b"", b"nothing", b"\xff\xfe", b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_what_is_no_json_is_status_1(tmp_path: Path, settings: dict[str, str], given: bytes) -> None:
    refused(certify(tmp_path, "request", "-", given=given, **settings), 1, "JSON")


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ([], ["body"]),
        ({"phone": "505-555-0199"}, ["message"]),
        ({"message": " "}, ["message"]),
        ({"message": 5, "changes": []}, ["message", "changes"]),
        ({"message": "here", "changes": {}, "phone": "505-555-0199"}, ["phone"]),
    ],
)
def test_an_answer_needs_a_message(tmp_path: Path, settings: dict[str, str], given: Any, fields: list[str]) -> None:
    refused(certify(tmp_path, "answer", "x", "-", given=json.dumps(given), **settings), 1, *fields)


def test_an_import_with_any_fault_stores_nothing(tmp_path: Path, settings: dict[str, str]) -> None:
    good = {
        "person": {"kind": "agent", "npn": "1000000001", "email": "a@example.com", "first_name": "A", "last_name": "B"},
        "program": "bewellnm",
        "years": [{"plan_year": 2023, "registered": True, "trained": True, "certified": True}],
        "lms_account": "a",
        "portal_account": True,
    }
    bad = {**good, "person": {**good["person"], "npn": "0"}, "program": "other"}  # type: ignore[dict-item]
    both = json.dumps([good, bad, 3])
    refused(certify(tmp_path, "import", "-", given=both, **settings), 1, "1.person.npn", "1.program", "2:")
    first = certify(tmp_path, "import", "-", "--json", given=json.dumps([good]), **settings).document
    assert (first["imported"], first["assisters"][0]["created"]) == (1, True)
    again = certify(tmp_path, "import", "-", "--json", given=json.dumps([good]), **settings).document
    assert again["assisters"] == [{**first["assisters"][0], "created": False}]


def test_with_temporal_down_everything_is_kept(tmp_path: Path, settings: dict[str, str]) -> None:
    request = json.dumps(documents.agent())
    opened = certify(tmp_path, "request", "-", "--json", given=request, **settings).document
    assert opened["created"] is True
    withdraw = ("withdraw", opened["case_id"], "--reason", "moved", "--as", "ana", "--id", "mine")
    assert certify(tmp_path, *withdraw, "--json", **settings).document == {"command_id": "mine", "state": "pending"}
    ran = certify(tmp_path, *withdraw, **settings)
    assert ran.status == 0
    assert "no worker answered yet" in ran.out


# one process each


@pytest.mark.parametrize(("verb", "word"), [("worker", "Temporal"), ("sandbox", "SANDBOX_")])
def test_a_process_begins_with_one_document(tmp_path: Path, settings: dict[str, str], verb: str, word: str) -> None:
    """Its own output goes to standard error: here it ends at once, for want of what it needs."""
    hasty = {**settings, "TEMPORAL_CONFIG_FILE": str(tmp_path), "TEMPORAL_TLS": "perhaps"}
    ran = certify(tmp_path, verb, "--json", **hasty)
    assert json.loads(ran.out)["process"] == verb
    assert ran.status != 0
    assert ran.err


def test_the_program_is_installed_as_certify() -> None:
    assert (Path(sys.executable).parent / "certify").exists()
