"""The few tests that failed beside all the others are run once more, alone: a fault fails again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "alone.py"
TESTS = """
def test_overtaken():
    pass

def test_faulty():
    assert not "a fault"
"""
OVERTAKEN, FAULTY = "test_some.py::test_overtaken", "test_some.py::test_faulty"
MANY = [f"{OVERTAKEN}[{number}]" for number in range(6)]


@pytest.mark.parametrize(
    ("failed", "status", "said"),
    [
        (
            [OVERTAKEN],
            0,
            f"They passed alone, and failed beside others, which is a fault of theirs or ours:\n  {OVERTAKEN}\n",
        ),
        ([OVERTAKEN, FAULTY], 1, "1 failed, 1 passed"),
        ([FAULTY], 1, "1 failed"),
        (MANY, 1, ""),
        ([], 1, ""),
    ],
)
def test_a_few_that_failed_are_run_again_and_a_fault_fails_again(
    tmp_path: Path, failed: list[str], status: int, said: str
) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    (cache := tmp_path / ".pytest_cache" / "v" / "cache").mkdir(parents=True)
    (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(failed, True)))
    done = subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, bool(done.stdout)) == (status, bool(said)), done.stdout
    assert said in done.stdout


def test_without_a_record_of_what_failed_nothing_is_run(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, check=False).returncode == 1
