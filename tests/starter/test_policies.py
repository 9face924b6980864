"""The folder of policies: read at start, put in force as a whole or not at all (E12)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.holidays import list_days_off
from domain.federal.policies import FEDERAL_POLICIES
from domain.programs.policies import find_last_day, find_policy
from domain.programs.policy_files import FaultyPolicies
from domain.shared.business_days import find_business_day
from domain.shared.policy import choose_policy, list_open_policies
from domain.state.policies import POLICIES
from settings import Settings
from starter.policies import SHIPPED, load_policies
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """The policies that other tests of this process go by, in force again afterwards."""
    yield
    load_policies(trying=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the policies shipped."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policies"))


def test_e12_a_new_year_is_a_file(folder: Path) -> None:
    (folder / "bewellnm" / "2028.toml").write_text("carried_over_from = 2024\nwindows = {}\n", "utf-8")
    load_policies(folder)
    found = find_policy("bewellnm", 2028)
    assert found is not None
    assert found.carried_over_from == 2024
    load_policies()
    assert find_policy("bewellnm", 2028) is None


def test_p26_a_day_that_is_closed_by_executive_order_is_a_line_of_a_file(folder: Path) -> None:
    """Everything that counts business days asks for it: it reaches them without a release."""
    file, day = folder / "ffm" / "2024.toml", date(2027, 1, 5)
    text = file.read_text("utf-8")
    file.write_text(text.replace("closed_days = [", "closed_days = [2027-01-05, "), "utf-8")
    assert find_business_day(date(2027, 1, 4), 1, list_days_off([2027])) == day
    load_policies(folder)
    assert find_business_day(date(2027, 1, 4), 1, list_days_off([2027])) == date(2027, 1, 6)


def test_e12_faulty_files_change_nothing_of_what_is_in_force(folder: Path) -> None:
    (folder / "bewellnm" / "2028.toml").write_text("carried_over_from = 2024\nwindows = {}\n", "utf-8")
    (folder / "ffm" / "2028.toml").write_bytes(b"# A year\nname = '\xff'\n")
    (folder / "ffm" / "2027.toml").write_text("retired = 1\ncarried_over_from = 2024\nwindows = {}\n", "utf-8")
    with pytest.raises(FaultyPolicies) as refused:
        load_policies(folder)
    assert [(Path(one.file).name, one.line) for one in refused.value.faults] == [("2027.toml", 1), ("2028.toml", 2)]
    assert find_policy("bewellnm", 2028) is None
    assert find_policy("bewellnm", 2027) is not None


def test_e12_there_has_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FaultyPolicies, match="There is no such folder of policies; name another one"):
        load_policies(tmp_path / "none")


@pytest.mark.parametrize("process", [["worker.py"], ["-m", "web"]], ids=["worker", "web"])
def test_e12_a_process_with_faulty_policies_does_not_start(process: list[str], folder: Path) -> None:
    (folder / "ffm" / "2027.toml").write_text("carried_over_from = 2024\nretired = 1\nwindows = {}\n", "utf-8")
    (folder / "bewellnm" / "2027.toml").write_text("carried_over_from = 2020\n", "utf-8")
    addresses = ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "MLMS", "PORTAL")
    settings = {f"CERTIFY_{name}_URL": "http://127.0.0.1:9" for name in addresses}
    settings |= {"CERTIFY_IDENTITY_KEY": "00" * 32, "CERTIFY_POLICIES": str(folder)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CERTIFY_")} | settings
    done = subprocess.run(
        [sys.executable, *process],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "This process does not start, since its policies have faults:",
        f"{folder}/bewellnm/2027.toml:1: carried_over_from: 2020 has no file that can be read; "
        "name a plan year whose file has all of the rules.",
        f"{folder}/ffm/2027.toml:2: retired: A policy has no such field; correct its name, or remove it.",
    ]


NOVEMBER = datetime(2026, 11, 21, 17, tzinfo=UTC)


def list_offered() -> tuple[list[int], list[int]]:
    """The plan years that the forms of both programs offer in November 2026."""
    years = [
        [one.plan_year for one in list_open_policies(policies, NOVEMBER)]
        for policies in (POLICIES.values(), FEDERAL_POLICIES.values())
    ]
    return years[0], years[1]


def test_e13_p27_years_past_are_not_offered() -> None:
    load_policies()
    assert list_offered() == ([2027, 2026], [2027, 2026])
    for policies in (POLICIES.values(), FEDERAL_POLICIES.values()):
        _, faults = choose_policy(policies, "2024", NOVEMBER)
        assert [fault.code for fault in faults] == ["window_closed"]


def test_e13_the_documents_own_year_is_for_trying_where_that_is_set() -> None:
    load_policies(trying=True)
    assert list_offered() == ([2027, 2026, 2024], [2027, 2026, 2024])
    # A year that carries it over is for real.
    assert [year for year, policy in FEDERAL_POLICIES.items() if policy.for_trying_only] == [2024]


def test_e13_a_certificate_has_a_last_day() -> None:
    load_policies()
    for program in ("bewellnm", "ffm"):
        policy = find_policy(program, 2024)
        assert policy is not None
        assert policy.windows.closes_on == date(2024, 12, 31)
        # One that was issued without, and one of a year that has no policy any more.
        assert find_last_day(program, 2024) == date(2024, 12, 31)
        assert find_last_day(program, 2019) == date(2019, 12, 31)
        assert find_last_day(program, 2024, date(2024, 6, 30)) == date(2024, 6, 30)
    load_policies(trying=True)
    assert find_last_day("bewellnm", 2024) is None
    assert find_last_day("bewellnm", 2025) == date(2025, 12, 31)


def test_e13_a_year_for_trying_is_for_this_machine_alone() -> None:
    addresses = {
        f"{name}_url": "http://127.0.0.1:9" for name in ("registry", "background_checks", "lms", "mlms", "portal")
    }
    given = {**addresses, "identity_key": "00" * 32, "trying": True}
    assert Settings.model_validate(given).trying
    with pytest.raises(ValidationError, match="CERTIFY_TRYING is for a CERTIFY_WEB_URL on this machine only"):
        Settings.model_validate({**given, "web_url": "https://certification.example.org"})


def test_e12_the_files_go_with_the_wheel_and_the_image() -> None:
    assert '"/policies"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert "!policies" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
