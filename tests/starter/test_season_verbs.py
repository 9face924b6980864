"""`certify season`, `certify import` with a CSV, and `certify begin --file`, over a database alone (E9, E10)."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.starter.command import SEASON_VERBS, call_certify, is_one_sentence, run_certify
from tests.support import documents

SEASON = ("--program", "ffm", "--plan-year", "2026")
HEADER = "kind;email;first_name;last_name;npn;plan_year;registered;trained;certified;lms_account;portal_account"
Settings = dict[str, str]


def certify(folder: Path, settings: Settings, *arguments: str, given: str | bytes = "", status: int = 0) -> Any:
    ran = call_certify(folder, *arguments, "--json", given=given, **settings)
    assert ran.status == status, ran
    assert not ran.err or is_one_sentence(ran.err), ran.err
    return json.loads(ran.out) if ran.out else ran.err


@pytest.mark.parametrize("verb", SEASON_VERBS)
def test_every_verb_of_a_season_has_help(tmp_path: Path, verb: str) -> None:
    assert "--plan-year" in run_certify(tmp_path, "season", verb, "--help").out


def test_e9_a_season_by_the_command_line_while_nobody_works(tmp_path: Path, settings: Settings) -> None:
    """Temporal isn't there: what is changed is stored, and said."""
    earlier = [
        documents.registered(documents.registration(), 2025),
        documents.registered(documents.registration(), 2021),
    ]
    certify(tmp_path, settings, "import", "-", given=json.dumps(earlier))
    rehearsed = certify(tmp_path, settings, "season", "rehearse", *SEASON)
    assert (rehearsed["people"], rehearsed["opened"], rehearsed["left_out"]) == (2, 2, 0)
    assert "open it first" in certify(tmp_path, settings, "season", "status", *SEASON, status=1)
    opened = certify(tmp_path, settings, "season", "open", *SEASON, "--as", "ana", "--reason", "It is time.")
    assert (opened["state"], opened["opened_by"], opened["people"], opened["handled"]) == ("running", "staff:ana", 2, 0)
    assert "is opened once" in certify(tmp_path, settings, "season", "open", *SEASON, status=1)
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert certify(tmp_path, settings, "season", verb, *SEASON, "--as", "ana", "--reason", "Why.")["state"] == state
    assert "which is its end" in certify(tmp_path, settings, "season", "resume", *SEASON, status=1)
    assert "no certification policy" in certify(
        tmp_path, settings, "season", "open", "--program", "ffm", "--plan-year", "2099", status=1
    )
    shown = call_certify(tmp_path, "season", "status", *SEASON, "--left-out", "left-out.csv", **settings)
    assert "0 of 2 people, 0 %" in shown.out
    assert (tmp_path / "left-out.csv").read_text("utf-8-sig").startswith("assister_id,reason,first_name")
    again = call_certify(tmp_path, "season", "status", *SEASON, "--left-out", "left-out.csv", **settings)
    assert (again.status, is_one_sentence(again.err)) == (2, True)


def test_e10_a_csv_is_imported_mended_and_undone(tmp_path: Path, settings: Settings) -> None:
    rows = [f"broker;{name}@example.com;Ana;Example;{npn};2023;1;1;1;yes;yes" for name, npn in (("a", 71), ("b@", 72))]
    (tmp_path / "years.csv").write_text("\n".join([HEADER, *rows]), "utf-8")
    ran = call_certify(tmp_path, "import", "years.csv", "--json", "--as", "ana", **settings)
    assert ran.status == 1
    assert ran.err.strip() == "1 rows were refused; mend them in years.errors.csv and import that file."
    told = json.loads(ran.out)
    assert (told["new"], told["refused"], told["actor"]) == (1, 1, "staff:ana")
    errors = tmp_path / "years.errors.csv"
    (refused,) = csv.DictReader(errors.read_text("utf-8-sig").splitlines())
    assert (refused["row"], refused["field"]) == ("3", "email")
    errors.write_text(errors.read_text("utf-8-sig").replace("b@@", "b@"), "utf-8")
    mended = certify(tmp_path, settings, "import", "years.errors.csv")
    assert (mended["new"], mended["refused"]) == (1, 0)
    why = ("--as", "ana", "--reason", "The wrong file.")
    assert certify(tmp_path, settings, "import", "--undo", told["import"], *why)["state"] == "undone"
    assert "was undone before" in certify(tmp_path, settings, "import", "--undo", told["import"], *why, status=1)
    assert "no import" in certify(tmp_path, settings, "import", "--undo", "imp_0", *why, status=1)
    assert "--reason" in certify(tmp_path, settings, "import", "--undo", told["import"], status=2)
    assert "not both" in certify(tmp_path, settings, "import", "years.csv", "--undo", "imp_0", status=2)
    assert "not in UTF-8" in certify(tmp_path, settings, "import", "-", given=HEADER.encode() + b"\n\xf1", status=1)


def test_a11_many_cases_are_begun_by_a_file(tmp_path: Path, settings: Settings) -> None:
    earlier = [
        documents.earlier(documents.broker(), 2023),
        documents.earlier(documents.broker(), 2023, portal_account=None),
    ]
    imported = certify(tmp_path, settings, "import", "-", given=json.dumps(earlier))["assisters"]
    returning, lapsed = (one["assister_id"] for one in imported)
    (tmp_path / "ids.csv").write_text(
        f"assister_id,reason\n{returning},x\n{lapsed},y\nast_none,z\n{returning}\n", "utf-8"
    )
    begin = ("begin", "--file", "ids.csv", "--plan-year", "2024", "--as", "ana")
    ran = call_certify(tmp_path, *begin, "--json", **settings)
    assert ran.status == 1
    told = json.loads(ran.out)
    assert (told["opened"], told["already_open"]) == (1, 0)
    assert [one["assister_id"] for one in told["refused"]] == [lapsed, "ast_none"]
    assert "There is no assister with this id." in ran.err
    assert "0 cases opened, 1 open before, 2 not opened." in call_certify(tmp_path, *begin, **settings).out
    assert call_certify(tmp_path, "begin", "--plan-year", "2024", "--as", "ana", **settings).status == 2
