"""Where the browser comes from: found, installed, or missing, which is no failure unless CI is set."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FINDER = ROOT / ".ci" / "browser"
CHROMIUM = "#!/bin/sh\necho Chromium 1.0\n"
# Installs only after an update, as on a machine whose lists are empty; keeps what it was asked for.
APT_GET = """#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/asked"
case "$*" in
*update) : >"$here/updated" ;;
*) [ -e "$here/updated" ] && cp "$here/../chromium" "$here/chromium" ;;
esac
"""
SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift && echo sudo >>"${0%/*}/asked" && exec "$@"\n'


class Machine:
    """A machine by what is on its PATH: nothing but the commands put there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bin"
        self.path.mkdir()
        self.write("../chromium", CHROMIUM)

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o755)

    def has(self, *names: str) -> None:
        for name in names:
            found = shutil.which(name)
            assert found
            (self.path / name).symlink_to(found)

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("CI", "CHROMIUM")}
        surroundings = {**kept, "PATH": str(self.path), **environment}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings, cwd=ROOT)

    def asked(self) -> list[str]:
        """What it was told to do, but for the options of apt."""
        lines = (self.path / "asked").read_text().splitlines()
        return [" ".join(word for word in line.split() if word.isalpha() or word.startswith("fonts")) for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_a_browser_that_is_there_is_used_and_nothing_installed(machine: Machine, name: str) -> None:
    machine.write(name, CHROMIUM)
    machine.write("apt-get", APT_GET)
    done = machine.run(FINDER)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    assert f"use {machine.path / name};" in done.stderr
    assert not (machine.path / "asked").exists()
    assert machine.run(FINDER, "--find").stdout == f"{machine.path / name}\n"


def test_one_that_only_says_what_to_install_is_none(machine: Machine) -> None:
    machine.write("chromium-browser", "#!/bin/sh\necho please install something >&2\nexit 1\n")
    done = machine.run(FINDER, "--find")
    assert done.returncode != 0
    assert done.stdout == ""


def test_the_one_that_is_named_is_used_or_none(machine: Machine) -> None:
    machine.write("chromium", CHROMIUM)
    machine.write("my own", CHROMIUM)
    named = str(machine.path / "my own")
    assert machine.run(FINDER, "--find", CHROMIUM=named).stdout == f"{named}\n"
    assert machine.run(FINDER, "--find", CHROMIUM="/nowhere").returncode != 0


@pytest.mark.parametrize("user", ["0", "1000"], ids=["root", "not-root"])
def test_where_there_is_none_debians_is_installed(machine: Machine, user: str) -> None:
    machine.has("env", "cp")
    machine.write("apt-get", APT_GET)
    machine.write("sudo", SUDO)
    machine.write("id", f"#!/bin/sh\necho {user}\n")
    done = machine.run(FINDER)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith(f"Installed {machine.path / 'chromium'}")
    assert "apt-get install chromium" in done.stderr
    install = "install chromium fonts-liberation"
    by_apt = [line for line in machine.asked() if line != "sudo"]
    assert by_apt == [install, "update", install]
    assert machine.asked().count("sudo") == (0 if user == "0" else 3)


@pytest.mark.parametrize("apt", [None, "#!/bin/sh\nexit 100\n"], ids=["no-apt", "apt-fails"])
@pytest.mark.parametrize(("ci", "outcome"), [("", "are skipped"), ("1", "fail, since CI is set")])
def test_where_none_can_be_had_one_line_says_so(machine: Machine, apt: str | None, ci: str, outcome: str) -> None:
    machine.has("env", "id")
    if apt:
        machine.write("apt-get", apt)
        machine.write("sudo", SUDO)
    done = machine.run(FINDER, CI=ci)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert f"tests in a browser {outcome}. By hand: apt-get install chromium" in done.stderr


@pytest.mark.parametrize(("ci", "status", "told"), [("", 0, "1 skipped"), ("yes", 1, "1 error")])
def test_without_a_browser_tests_are_skipped_and_with_ci_set_they_fail(
    machine: Machine, ci: str, status: int, told: str
) -> None:
    one = "tests/browser/test_checks.py::test_a_sound_page_passes_every_check"
    done = machine.run(sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", one, CI=ci)
    assert (done.returncode, told in done.stdout) == (status, True), done.stdout
    assert "there is no Chromium to test with: .ci/browser says how to get one" in done.stdout


def test_make_test_looks_for_a_browser_first_and_the_ci_run_sets_ci() -> None:
    steps = subprocess.run(["make", "-n", "test"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert 0 <= steps.find(".ci/browser") < steps.find("-m pytest")
    assert "export CI=" in (ROOT / ".ci" / "run").read_text()
