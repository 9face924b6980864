"""Whether each test of an attack fails once the guard that it is about is taken out; no test.

``python -m tests.attacks.guards [WORD…]`` takes out the guards of `guards.toml` one by one, those of tests with all of
the words in their name, each in a copy of the tree, and runs the test, which has to fail.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__")
# By what a test fails that has found nothing out: the change broke more than the guard.
BROKEN = re.compile(
    r"^E +(NameError|ImportError|ModuleNotFoundError|SyntaxError|TypeError|AttributeError)", re.MULTILINE
)


@dataclass(frozen=True)
class Guard:
    """A piece of a file that keeps an attack out, and what stands there without it."""

    file: str
    text: str
    gone: str = ""

    def is_there(self, root: Path = ROOT) -> bool:
        """Whether the guard stands in the file, once."""
        return (root / self.file).read_text("utf-8").count(self.text) == 1

    def take_out(self, root: Path) -> None:
        """Takes the guard out of a copy of the tree."""
        path = root / self.file
        path.write_text(path.read_text("utf-8").replace(self.text, self.gone), "utf-8")


@dataclass(frozen=True)
class GuardedTest:
    """A test, and what it fails without; where a second guard stands behind the first, both are taken out."""

    test: str
    guards: tuple[Guard, ...]

    @property
    def name(self) -> str:
        """The test without what it is given."""
        return self.test.partition("[")[0]


def read_guarded_tests() -> list[GuardedTest]:
    """What `guards.toml` says."""
    rows = tomllib.loads((ROOT / "tests/attacks/guards.toml").read_text("utf-8"))["attack"]
    return [GuardedTest(row["test"], tuple(Guard(**one) for one in row["without"])) for row in rows]


def find_fault(attack: GuardedTest) -> str:
    """What is wrong with a test: it passes without its guard, or fails by something else; empty where it does fail."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for guard in attack.guards:
            if not guard.is_there(copy):
                return f"the guard isn't in {guard.file}, or more than once"
            guard.take_out(copy)
        which = ["-k", "not postgres"] if "[" not in attack.test and "applications_role" not in attack.test else []
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *which, attack.test]
        ran = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    if ran.returncode == 0:
        return "it passes without its guard"
    if ran.returncode != 1 or BROKEN.search(ran.stdout):
        return f"it fails by something else:\n{ran.stdout[-2000:]}{ran.stderr[-500:]}"
    return ""


def main(words: list[str]) -> int:
    """Tries the tests, and tells of each; the number of those that are at fault."""
    faults = 0
    for attack in read_guarded_tests():
        if all(word in attack.test for word in words):
            fault = find_fault(attack)
            faults += bool(fault)
            print(f"{attack.test}: {fault or 'fails without its guard'}", flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
