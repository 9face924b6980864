"""`certify` without a stack: its help, wrong calls, refusals, and which stack or settings it works with."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from cyclopts import App

from domain.federal.markets import Curriculum, MarketplaceAgreement, Role
from domain.shared.assister import Kind
from domain.shared.cases.authors import WordMethod
from starter.cli import arguments, federal, reading
from starter.cli.certify import app, read_version
from starter.cli.context import NONE_RUNS
from starter.cli.examples import EXAMPLES, show_example
from starter.policies import SHIPPED, load_policies
from tests.starter.command import FEDERAL_VERBS, ROOT, VERBS, Ran, call_certify, is_one_sentence, run_certify
from tests.support import documents

# Who takes an assister's step, how they have their word, and why.
WORD = ["--as", "ana", "--method", "paper", "--reason", "signed at the office"]


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
    ran = run_certify(tmp_path, "--help")
    assert ran.status == 0
    assert all(f" {verb} " in ran.out for verb in VERBS)
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_help_names_every_federal_verb(tmp_path: Path) -> None:
    ran = call_certify(tmp_path, "ffm", "--help")
    assert ran.status == 0
    assert all(f" {verb} " in ran.out for verb in FEDERAL_VERBS)
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert " ffm " in call_certify(tmp_path, "--help").out


@pytest.mark.parametrize("verb", [*VERBS, *(f"ffm {verb}" for verb in FEDERAL_VERBS)])
def test_each_verb_has_help_and_takes_json(tmp_path: Path, verb: str) -> None:
    ran = call_certify(tmp_path, *verb.split(), "--help")
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
        (["answer", "x", "/dev/zero", *WORD], "256 KiB"),
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
        (["ffm", "poem"], "poem"),
        (["ffm", "profile", "x"], "FILE"),
        (["ffm", "profile", "x", "-", "--as", " ", *WORD[2:]], "--as"),
        (["ffm", "profile", "x", "-", *WORD[:-1], " "], "--reason"),
        (["ffm", "enroll", "x", "poetry", *WORD], "individual_returning"),
        (["ffm", "launch", "x", "shop", *WORD], "--channel"),
        (["ffm", "agree", "x", "shop_general", "--yes", *WORD], "shop_privacy_security"),
        (["ffm", "agree", "x", "individual_general", *WORD], "--yes"),
        (["withdraw", "x", "--reason", "r", "--as", "ana", "--method", "telepathy"], "in_person"),
        (["ffm", "rcl", "--plan-year", "soon"], "--plan-year"),
    ],
)
def test_a_wrong_call_is_status_2(tmp_path: Path, arguments: list[str], word: str) -> None:
    refused(call_certify(tmp_path, *arguments), 2, word)


def list_verbs(of: App, group: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every verb and group of the command, each with its group."""
    for name in of:
        if not name.startswith("-"):
            yield (*group, name)
            yield from list_verbs(of[name], (*group, name))


def test_a_wrong_call_of_a_verb_is_shown_a_right_one(tmp_path: Path) -> None:
    assert {"", *map(" ".join, list_verbs(app))} == EXAMPLES.keys()
    for verb, example in EXAMPLES.items():
        app.parse_args(shlex.split(example)[1:], exit_on_error=False, print_error=False)
        ran = call_certify(tmp_path, *verb.split(), "--wrong-wrong")
        refused(ran, 2)
        _, shown = ran.err.split("\n", 1)
        assert shown == f"{show_example(verb.split())}\n"
        assert not verb or shown in call_certify(tmp_path, *verb.split(), "--help").out
        assert shlex.split(shown.replace("\\\n", ""))[2:] == shlex.split(example)


OWN_STEPS = {
    "answer": ["answer", "x", "-"],
    "profile": ["ffm", "profile", "x", "-"],
    "enroll": ["ffm", "enroll", "x", "shop"],
    "launch": ["ffm", "launch", "x", "shop", "--channel", "vendor-a"],
    "agree": ["ffm", "agree", "x", "shop_privacy_security", "--yes"],
}


@pytest.mark.parametrize("missing", ["--as", "--method", "--reason"])
@pytest.mark.parametrize("step", OWN_STEPS)
def test_d6_nobody_takes_an_assisters_step_without_a_name_a_method_and_a_reason(
    tmp_path: Path, step: str, missing: str
) -> None:
    at = WORD.index(missing)
    refused(call_certify(tmp_path, *OWN_STEPS[step], *WORD[:at], *WORD[at + 2 :]), 2, missing)


def test_the_choices_of_the_federal_verbs_are_the_programs() -> None:
    assert get_args(federal.CurriculumName) == tuple(Curriculum)
    assert get_args(federal.AgreementName) == tuple(MarketplaceAgreement)
    assert get_args(reading.KindName) == (*Kind, *Role)
    assert get_args(arguments.Word) == tuple(WordMethod)


def test_an_unreadable_file_is_a_wrong_call_with_json_too(tmp_path: Path) -> None:
    refused(run_certify(tmp_path, "import", "missing.json", "--json"), 2, "missing.json")


# which stack, which settings


@pytest.mark.parametrize("verb", [["list"], ["status", "x"], ["audit", "x"], ["worker"], ["web"], ["ffm", "rcl"]])
def test_without_a_stack_or_settings_it_says_what_to_do(tmp_path: Path, verb: list[str]) -> None:
    ran = call_certify(tmp_path, *verb)
    refused(ran, 2)
    assert ran.err.strip() == NONE_RUNS


def test_a_folder_without_a_stack_is_named(tmp_path: Path) -> None:
    refused(call_certify(tmp_path, "list", "--data", "elsewhere"), 2, "elsewhere")


def test_a_stack_that_has_ended_is_none(tmp_path: Path) -> None:
    write_stack(tmp_path / "data", pid=2**22 + 1)
    refused(call_certify(tmp_path, "list"), 2, "No stack was found")


def test_missing_settings_are_all_named(tmp_path: Path) -> None:
    ran = call_certify(tmp_path, "list", CERTIFY_DATABASE_URL="sqlite+aiosqlite:///app.sqlite")
    refused(ran, 2, "CERTIFY_IDENTITY_KEY", "CERTIFY_REGISTRY_URL", "CERTIFY_PORTAL_URL")


@pytest.mark.parametrize(
    ("name", "value"),
    [("CERTIFY_IDENTITY_KEY", "xyz"), ("CERTIFY_STAFF_TOKENS", "none"), ("CERTIFY_WEB_PORT", "many")],
)
def test_settings_not_understood_are_named(tmp_path: Path, settings: dict[str, str], name: str, value: str) -> None:
    refused(call_certify(tmp_path, "list", **{**settings, name: value}), 2, name)


def test_an_environment_that_names_a_database_wins_over_a_stack(tmp_path: Path, settings: dict[str, str]) -> None:
    write_stack(tmp_path / "data", os.getpid(), **{**settings, "CERTIFY_DATABASE_URL": "sqlite+aiosqlite:///no.sqlite"})
    assert call_certify(tmp_path, "list", "--json", **settings).document == []


def test_a_folder_that_is_given_wins_over_the_environment(tmp_path: Path, settings: dict[str, str]) -> None:
    data = write_stack(tmp_path / "mine", os.getpid(), **settings)
    elsewhere = {**settings, "CERTIFY_DATABASE_URL": "sqlite+aiosqlite:///no.sqlite", "TEMPORAL_PROFILE": "none"}
    assert call_certify(tmp_path, "list", "--json", "--data", str(data), **elsewhere).document == []
    unknown = call_certify(tmp_path, "list", "--desk", "Nobody At All", "--data", str(data), **elsewhere)
    refused(unknown, 2, "give a name or id as the queue shows it, or nobody")


def test_the_stack_of_certify_data_is_found(tmp_path: Path, settings: dict[str, str]) -> None:
    data = write_stack(tmp_path / "mine", os.getpid(), **settings)
    assert call_certify(tmp_path, "list", "--json", CERTIFY_DATA=str(data)).document == []


def test_several_stacks_have_to_be_chosen_from(tmp_path: Path) -> None:
    known = tmp_path / "state" / "certify" / "stacks"
    known.mkdir(parents=True)
    for name in ("one", "two"):
        (known / name).symlink_to(write_stack(tmp_path / name, os.getpid()))
    refused(call_certify(tmp_path, "list"), 2, "--data")


def test_a_database_without_tables_is_a_sentence(tmp_path: Path, settings: dict[str, str]) -> None:
    bare = {**settings, "CERTIFY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'bare.sqlite'}"}
    refused(call_certify(tmp_path, "list", **bare), 1, "database")


# no


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "x"],
        ["audit", "x"],
        ["decide", "x", "approve", "--reason", "r", "--as", "ana"],
        ["withdraw", "x", "--reason", "r", "--as", "ana"],
        ["resend", "x", "active", "--reason", "r", "--as", "ana"],
        ["ffm", "enroll", "x", "shop", *WORD],
        ["ffm", "launch", "x", "shop", "--channel", "vendor-a", *WORD],
        ["ffm", "agree", "x", "shop_privacy_security", "--yes", *WORD],
    ],
)
def test_an_unknown_case_is_status_1(tmp_path: Path, settings: dict[str, str], arguments: list[str]) -> None:
    refused(call_certify(tmp_path, *arguments, "--json", **settings), 1, "no case")


def test_an_unknown_assister_is_status_1(tmp_path: Path, settings: dict[str, str]) -> None:
    refused(
        call_certify(tmp_path, "begin", "ast_x", "--plan-year", "2024", "--as", "ana", **settings), 1, "no assister"
    )


def test_every_field_at_fault_is_named(tmp_path: Path, settings: dict[str, str]) -> None:
    request = documents.broker(email="nobody", phone="1", extra=1)
    del request["npn"]
    given = json.dumps(request)
    refused(call_certify(tmp_path, "request", "-", given=given, **settings), 1, "email:", "phone:", "npn:", "extra:")


@pytest.mark.parametrize("given", [b"", b"nothing", b"\xff\xfe", b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_what_is_no_json_is_status_1(tmp_path: Path, settings: dict[str, str], given: bytes) -> None:
    refused(call_certify(tmp_path, "request", "-", given=given, **settings), 1, "JSON")


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
    refused(call_certify(tmp_path, "answer", "x", "-", *WORD, given=json.dumps(given), **settings), 1, *fields)


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
    refused(call_certify(tmp_path, "import", "-", given=both, **settings), 1, "1.person.npn", "1.program", "2:")
    first = call_certify(tmp_path, "import", "-", "--json", given=json.dumps([good]), **settings).document
    assert (first["imported"], first["assisters"][0]["created"]) == (1, True)
    again = call_certify(tmp_path, "import", "-", "--json", given=json.dumps([good]), **settings).document
    assert again["assisters"] == [{**first["assisters"][0], "created": False}]


def test_d8_an_import_of_another_person_is_kept_for_staff_and_said(tmp_path: Path, settings: dict[str, str]) -> None:
    request, stranger = documents.broker(), documents.broker()
    first = call_certify(
        tmp_path, "import", "-", "--json", given=json.dumps([documents.earlier(request, 2023)]), **settings
    ).document["assisters"][0]["assister_id"]
    both = [documents.earlier(stranger, 2023), documents.earlier({**request, "email": "other@example.com"}, 2022)]
    ran = call_certify(tmp_path, "import", "-", "--json", given=json.dumps(both), **settings)
    assert ran.status == 1
    assert "1.person.email: The person known by this NPN or e-mail address has another name" in ran.err
    told = json.loads(ran.out)
    assert (told["imported"], [one["created"] for one in told["assisters"]]) == (1, [True])
    (conflict,) = told["conflicts"]
    assert (conflict["row"], conflict["field"], conflict["assister_id"]) == (1, "1.person.email", first)


def test_d8_a_file_that_contradicts_itself_stores_nothing(tmp_path: Path, settings: dict[str, str]) -> None:
    good, bad = documents.earlier(documents.broker(), 2023), documents.earlier(documents.broker(), 2022, 2022)
    bad["years"][1]["certified"] = False
    refused(
        call_certify(tmp_path, "import", "-", given=json.dumps([good, bad]), **settings),
        *(1, "1.years.1.certified: This contradicts 1.years.0.certified in the same file"),
    )
    again = call_certify(tmp_path, "import", "-", "--json", given=json.dumps([good]), **settings).document
    assert again["assisters"][0]["created"] is True


REGISTERED = {"plan_year": 2023, "registered": True, "trained": True, "individual_market": True}


def of_ffm(**person: Any) -> dict[str, Any]:
    """Somebody's earlier year in the federal program."""
    who = {"kind": "agent", "npn": "1000000002", "email": "c@example.com", "first_name": "C", "last_name": "D"}
    return {"person": {**who, **person}, "program": "ffm", "years": [REGISTERED]}


@pytest.mark.parametrize(
    ("person", "fields"),
    [
        ({"kind": "robot"}, ["0.person.kind"]),
        ({"role": "agent"}, ["0.person.role"]),
        ({"markets": ["individual", "moon"]}, ["0.person.markets.1"]),
        ({"business_npn": "0", "phone": "1"}, ["0.person.business_npn", "0.person.phone"]),
        ({"business_contact": {"email": "office@example.com"}}, ["0.person.business_contact.address"]),
        ({"professional_contact": "me"}, ["0.person.professional_contact"]),
        ({"professional_contact": {"email": "c@example.com", "fax": "1"}}, ["0.person.professional_contact.fax"]),
    ],
)
def test_an_import_of_ffm_is_checked_by_the_federal_form(
    tmp_path: Path, settings: dict[str, str], person: dict[str, Any], fields: list[str]
) -> None:
    refused(call_certify(tmp_path, "import", "-", given=json.dumps([of_ffm(**person)]), **settings), 1, *fields)


@pytest.mark.parametrize("person", [{"kind": "not_an_agent_broker"}, {"role": "not_an_agent_broker"}])
def test_a_role_is_imported_as_the_kind_or_beside_it(
    tmp_path: Path, settings: dict[str, str], person: dict[str, Any]
) -> None:
    given = of_ffm(**person, license_state="TX", markets=["shop", "individual"])
    imported = call_certify(tmp_path, "import", "-", "--json", given=json.dumps([given]), **settings).document
    begin = ("begin", imported["assisters"][0]["assister_id"], "--program", "ffm", "--plan-year", "2024", "--as", "ana")
    case = call_certify(tmp_path, *begin, "--json", **settings).document["case_id"]
    status = call_certify(tmp_path, "status", case, "--json", **settings).document
    assert (status["kind"], status["assister_type"]) == ("not_an_agent_broker", "returning")
    assert [one["market"] for one in status["markets"]] == ["individual", "shop"]


def test_a_role_is_no_kind_of_the_state_program(tmp_path: Path, settings: dict[str, str]) -> None:
    given = {**of_ffm(kind="marketplace_agent_broker"), "program": "bewellnm"}
    refused(call_certify(tmp_path, "import", "-", given=json.dumps([given]), **settings), 1, "0.person.kind", "broker")


def test_who_is_known_from_both_programs_begins_in_both(tmp_path: Path, settings: dict[str, str]) -> None:
    """What a case of one program says of a person leaves alone what only the other one asks."""
    request = documents.agent()
    federal_side = {"npn": request["npn"], "email": request["email"]}
    federal_side |= {"first_name": request["first_name"], "last_name": request["last_name"]}
    both = [of_ffm(kind="marketplace_agent_broker", **federal_side), documents.earlier(request, 2023)]
    imported = call_certify(tmp_path, "import", "-", "--json", given=json.dumps(both), **settings).document
    first, second = imported["assisters"]
    assert (first["assister_id"], second["created"]) == (second["assister_id"], False)
    begin = ("begin", first["assister_id"], "--plan-year", "2024", "--as", "ana", "--json", "--program")
    for program, kind in (("ffm", "marketplace_agent_broker"), ("bewellnm", "agent")):
        case = call_certify(tmp_path, *begin, program, **settings).document["case_id"]
        assert call_certify(tmp_path, "status", case, "--json", **settings).document["kind"] == kind


def test_nothing_published_is_an_empty_list(tmp_path: Path, settings: dict[str, str]) -> None:
    assert call_certify(tmp_path, "ffm", "rcl", "--json", **settings).document == []
    assert "empty" in call_certify(tmp_path, "ffm", "rcl", **settings).out
    refused(call_certify(tmp_path, "ffm", "rcl", "1000000002", "--json", **settings), 1, "not on the Registration")


def test_without_temporal_nothing_is_published(tmp_path: Path, settings: dict[str, str]) -> None:
    refused(call_certify(tmp_path, "ffm", "publish", "--json", **settings), 1, "Temporal")


def test_with_temporal_down_everything_is_kept(tmp_path: Path, settings: dict[str, str]) -> None:
    request = json.dumps(documents.agent())
    opened = call_certify(tmp_path, "request", "-", "--json", given=request, **settings).document
    assert opened["created"] is True
    assert call_certify(tmp_path, "request", "-", "--quiet", given=request, **settings).out == f"{opened['case_id']}\n"
    withdraw = ("withdraw", opened["case_id"], "--reason", "moved", "--as", "ana", "--id", "mine")
    assert call_certify(tmp_path, *withdraw, "--json", **settings).document == {
        "command_id": "mine",
        "state": "pending",
    }
    ran = call_certify(tmp_path, *withdraw, **settings)
    assert ran.status == 0
    assert "its workflow has not answered yet" in ran.out


@pytest.fixture
def put_back() -> Iterator[None]:
    """The policies that other tests of this process go by, in force again afterwards."""
    yield
    load_policies(trying=True)


def correct_policies(folder: Path) -> Path:
    """A folder of policies in which somebody has corrected the last day and the reminders of 2024."""
    draft = Path(shutil.copytree(SHIPPED, folder / "corrected"))
    file = draft / "bewellnm" / "2024.toml"
    text = file.read_text("utf-8").replace("reminder_every_days = 14", "reminder_every_days = 7")
    file.write_text(text.replace("for_trying_only = true", "").replace("2024-12-31", "2030-12-31"), "utf-8")
    return draft


@pytest.mark.usefixtures("put_back")
def test_e12_cases_move_to_other_rules_once_it_was_said_whose_outcome_changes(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    opened = call_certify(tmp_path, "request", "-", "--json", given=json.dumps(documents.agent()), **settings).document[
        "case_id"
    ]
    migrate, draft = ("policy", "migrate", "bewellnm", "2024"), correct_policies(tmp_path)
    assert call_certify(tmp_path, *migrate, "--dry-run", "--json", **settings).document == []
    (would,) = call_certify(tmp_path, *migrate, "--dry-run", "--to", str(draft), "--json", **settings).document
    assert (would["case_id"], would["stage"]) == (opened, "requested")
    assert would["changes"] == [{"what": "last_day", "before": "", "after": "2030-12-31", "by_move": True}]
    shown = call_certify(tmp_path, *migrate, "--dry-run", "--to", str(draft), **settings).out
    assert "1 open cases go by other rules; the outcome of 1 would change." in shown
    assert "last day" in shown
    corrected = {**settings, "CERTIFY_POLICIES": str(draft)}
    origin = ("--reason", "the last day was wrong", "--as", "ana")
    (moved,) = call_certify(tmp_path, *migrate, *origin, "--json", "--case", opened, **corrected).document
    assert (moved["case_id"], moved["state"]) == (opened, "pending"), "Temporal is down, so that it is kept"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--reason", "r"], 2, "--reason and --as"),
        (["--reason", " ", "--as", "ana"], 2, "--reason needs a text"),
        (["--reason", "a bell \x07", "--as", "ana"], 2, "--reason: Remove control characters; line breaks may stay."),
        (["--reason", "r" * 4001, "--as", "ana"], 2, "--reason: This is too long: at most 4000"),
        (["--to", ".", "--reason", "r", "--as", "ana"], 2, "--to goes with --dry-run"),
        (["--dry-run", "--to", "nowhere"], 1, "no such folder"),
        (["--dry-run", "--case", "x"], 1, "no case"),
    ],
)
def test_e12_a_move_that_can_t_be_made_says_why(
    tmp_path: Path, settings: dict[str, str], arguments: list[str], status: int, words: str
) -> None:
    refused(call_certify(tmp_path, "policy", "migrate", "bewellnm", "2024", *arguments, **settings), status, words)


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        (("decide", "nosuch", "approve", "--reason", "r", "--as", "ana"), "override"),
        (("check", "nosuch", "reorder", "--reason", "r", "--as", "ana"), "consent"),
        (("season", "open", "--plan-year", "2024"), "reason"),
        (("season", "pause", "--plan-year", "2024"), "reason"),
    ],
)
def test_every_free_text_is_judged_as_api_and_pages_do(
    tmp_path: Path, settings: dict[str, str], verb: tuple[str, ...], option: str
) -> None:
    for text, words in (("a bell \x07", "control characters"), ("r" * 4001, "at most 4000")):
        refused(call_certify(tmp_path, *verb, f"--{option}", text, **settings), 2, words)


def test_a_message_is_judged_as_on_the_page(tmp_path: Path, settings: dict[str, str]) -> None:
    answer = ("answer", "nosuch", "-", "--as", "ana", "--method", "paper", "--reason", "r")
    for message, words in (("a bell \x07", "control characters"), ("m" * 4001, "at most 4000")):
        given = json.dumps({"message": message, "changes": {}}).encode()
        refused(call_certify(tmp_path, *answer, given=given, **settings), 1, words)


# one process each


@pytest.mark.parametrize(("verb", "word"), [("worker", "Temporal"), ("sandbox", "SANDBOX_")])
def test_a_process_begins_with_one_document(tmp_path: Path, settings: dict[str, str], verb: str, word: str) -> None:
    """Its own output goes to standard error: here it ends at once, for want of what it needs."""
    hasty = {**settings, "TEMPORAL_CONFIG_FILE": str(tmp_path), "TEMPORAL_TLS": "perhaps"}
    ran = run_certify(tmp_path, verb, "--json", **hasty)
    assert json.loads(ran.out)["process"] == verb
    assert ran.status != 0
    assert ran.err


def test_the_program_is_installed_as_certify_and_says_its_version() -> None:
    said = subprocess.run(
        [Path(sys.executable).parent / "certify", "--version"], capture_output=True, text=True, check=True
    )
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert said.stdout == f"certify {declared}\n"


def test_the_version_is_known_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = read_version()
    monkeypatch.setattr("starter.cli.certify.DISTRIBUTION", "nothing-of-this-name")
    assert read_version() == installed
