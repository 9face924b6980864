"""`certify policy`: files of policies checked, shown and held against each other (E12)."""

import json
import shutil
from pathlib import Path

import pytest

from starter.policies import SHIPPED
from tests.starter.command import call_certify


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A copy of the policies shipped, to be changed."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "draft"))


@pytest.mark.parametrize("verb", ["check", "show", "diff"])
def test_each_verb_has_help_in_80_columns(tmp_path: Path, verb: str) -> None:
    ran = call_certify(tmp_path, "policy", verb, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"Usage: certify policy {verb}" in ran.out
    assert "--json" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert f" {verb} " in call_certify(tmp_path, "policy", "--help").out
    assert " policy " in call_certify(tmp_path, "--help").out


def test_e12_check_is_content_with_what_is_shipped(tmp_path: Path) -> None:
    first, told, *warnings = call_certify(tmp_path, "policy", "check").out.splitlines()
    assert (first, told) == ("10 policies, without a fault.", "To be looked at before others use them:")
    document = call_certify(tmp_path, "policy", "check", "--json").document
    named = [f"{one['file']}:{one['line']}: {one['sentence']}" for one in document["warnings"]]
    assert named == warnings, "samples of texts that people accept (A3)"
    assert [one.split(": ")[1] for one in named] == [
        *("agreements.participation", "agreements.background_check"),
        *("agreements.individual_general", "agreements.individual_privacy_security"),
        "agreements.shop_privacy_security",
    ]
    assert {"program": "ffm", "plan_year": 2027} in document["policies"]
    assert (document["faults"], document["left_out"]) == ([], 0)


def test_a14_check_warns_of_a_text_that_names_another_company(tmp_path: Path, draft: Path) -> None:
    for file in (draft / "bewellnm").glob("agreements/background_check.*.es.txt"):
        file.write_text(file.read_text("utf-8").replace("Checkr, Inc.", "Sample Checks"), "utf-8")
    exchange = draft / "bewellnm" / "exchange.toml"
    exchange.write_text(exchange.read_text("utf-8").replace(", sample = true", ""), "utf-8")
    ran = call_certify(tmp_path, "policy", "check", str(draft), "--json")
    assert ran.status == 0
    mine = [one for one in json.loads(ran.out)["warnings"] if one["file"].startswith("bewellnm/")]
    assert [one["file"] for one in mine] == ["bewellnm/agreements/background_check.2026-1.es.txt"]
    assert "Checkr, Inc., who makes the reports by the rules for 2027, isn't named here." in mine[0]["sentence"]


def test_e12_check_names_every_fault_by_file_and_line(tmp_path: Path, draft: Path) -> None:
    (draft / "ffm" / "2028.toml").write_text("carried_over_from = 2024\nlook_at_hour = 24\nwindows = {}\n", "utf-8")
    (draft / "bewellnm" / "2028.toml").write_text("\ncarried_over_from = 2024\n[windows]\nopens = 1\n", "utf-8")
    expected = [
        "draft/bewellnm/2028.toml:4: windows.opens: A policy has no such field; correct its name, or remove it.",
        "draft/ffm/2028.toml:2: look_at_hour: Input should be less than or equal to 23.",
    ]
    ran = call_certify(tmp_path, "policy", "check", str(draft))
    assert (ran.status, ran.err, ran.out.splitlines()) == (1, "", expected)
    # By the setting too, and for scripts.
    ran = call_certify(tmp_path, "policy", "check", "--json", CERTIFY_POLICIES=str(draft))
    assert ran.status == 1
    assert [f"{one['file']}:{one['line']}: {one['sentence']}" for one in json.loads(ran.out)["faults"]] == expected


def test_e12_show_tells_the_rules_of_a_year(tmp_path: Path) -> None:
    document = call_certify(tmp_path, "policy", "show", "ffm", "2026", "--json").document
    assert document["carried_over_from"] == 2024
    assert document["rules"]["lags.find_local_help"] == 3
    assert document["rules"]["closed_days"] == ["2024-12-24", "2025-01-09"]
    assert document["rules"]["windows.closes_on"] == "2026-12-31"
    out = call_certify(tmp_path, "policy", "show", "bewellnm", "2024").out
    assert "as published" in out
    assert "0.80" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_e12_show_says_which_years_there_are(tmp_path: Path) -> None:
    ran = call_certify(tmp_path, "policy", "show", "bewellnm", "2031")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "There is no policy of bewellnm for 2031; there are 2023, 2024, 2025, 2026, 2027.\n"


def test_e12_show_of_faulty_files_is_a_sentence(tmp_path: Path, draft: Path) -> None:
    (draft / "ffm" / "2027.toml").write_text("retired = 1\ncarried_over_from = 2024\nwindows = {}\n", "utf-8")
    ran = call_certify(tmp_path, "policy", "show", "ffm", "2027", "--folder", str(draft))
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("draft/ffm/2027.toml:1: retired: A policy has no such field")


def test_e12_diff_tells_what_differs_between_years_and_folders(tmp_path: Path, draft: Path) -> None:
    found = call_certify(tmp_path, "policy", "diff", "bewellnm", "2026", "2027", "--json").document
    assert [one["field"] for one in found] == ["windows.opens_on", "windows.closes_on", "lms.course_id", "lms.exam_id"]
    assert (found[0]["before"], found[0]["after"]) == ("2025-09-01", "2026-09-01")
    file = draft / "bewellnm" / "2027.toml"
    file.write_text('pass_mark = "0.85"\n' + file.read_text("utf-8"), "utf-8")
    found = call_certify(tmp_path, "policy", "diff", "bewellnm", "2027", "--to", str(draft), "--json").document
    assert found == [{"field": "pass_mark", "before": "0.80", "after": "0.85"}]
    out = call_certify(tmp_path, "policy", "diff", "bewellnm", "2027", "--to", str(draft)).out
    assert "pass_mark" in out
    assert "0.85" in out
    assert call_certify(tmp_path, "policy", "diff", "ffm", "2027").out == "The rules are the same.\n"


def test_e12_a_verb_that_works_on_cases_refuses_faulty_policies(tmp_path: Path, draft: Path) -> None:
    (draft / "ffm" / "2027.toml").write_text("retired = 1\ncarried_over_from = 2024\nwindows = {}\n", "utf-8")
    addresses = ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "MLMS", "PORTAL")
    settings = {f"CERTIFY_{name}_URL": "http://127.0.0.1:9" for name in addresses}
    settings |= {
        "CERTIFY_IDENTITY_KEY": "00" * 32,
        "CERTIFY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/app.sqlite",
    }
    ran = call_certify(tmp_path, "status", "x", **settings, CERTIFY_POLICIES=str(draft))
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(
        "The policies have faults; `certify policy check` names all of them. draft/ffm/2027.toml:1: "
    )
