"""The folder of policies: read at start, put in force as a whole or not at all (E12)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.programs.policies import find_policy
from domain.programs.policy_files import FaultyPolicies
from starter.policies import SHIPPED, load_policies

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the policies shipped."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policies"))


def test_e12_a_new_year_is_a_file(folder: Path) -> None:
    (folder / "bewellnm" / "2028.toml").write_text("carried_over_from = 2024\n", "utf-8")
    load_policies(folder)
    try:
        found = find_policy("bewellnm", 2028)
        assert found is not None
        assert found.carried_over_from == 2024
    finally:
        load_policies()
    assert find_policy("bewellnm", 2028) is None


def test_e12_faulty_files_change_nothing_of_what_is_in_force(folder: Path) -> None:
    (folder / "bewellnm" / "2028.toml").write_text("carried_over_from = 2024\n", "utf-8")
    (folder / "ffm" / "2028.toml").write_bytes(b"# A year\nname = '\xff'\n")
    (folder / "ffm" / "2027.toml").write_text("retired = 1\ncarried_over_from = 2024\n", "utf-8")
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
    (folder / "ffm" / "2027.toml").write_text("carried_over_from = 2024\nretired = 1\n", "utf-8")
    (folder / "bewellnm" / "2027.toml").write_text("carried_over_from = 2020\n", "utf-8")
    addresses = ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "MLMS", "PORTAL")
    settings = {f"CERTIFY_{name}_URL": "http://127.0.0.1:9" for name in addresses}
    settings |= {"CERTIFY_IDENTITY_KEY": "00" * 32, "CERTIFY_POLICIES": str(folder)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CERTIFY_")} | settings
    done = subprocess.run(
        [sys.executable, *process], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "This process does not start, since its policies have faults:",
        f"{folder}/bewellnm/2027.toml:1: carried_over_from: 2020 has no file that can be read; "
        "name a plan year whose file has all of the rules.",
        f"{folder}/ffm/2027.toml:2: retired: A policy has no such field; correct its name, or remove it.",
    ]
