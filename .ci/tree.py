"""Checks the tree itself: locks that fit pyproject.toml, and no name of a machine or of a package index."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-conformance.txt")
SIGNATURE = "# Locks what pyproject.toml declared as sha256:"

# Written so that they don't find themselves.
FORBIDDEN = {
    "a package index": r"py(?:pi|thonhosted)\.(?:org|io)|npmj[s]\.(?:com|org)|(?:deb|security)\.debia[n]\.org",
    "an index option": r"--(?:extra-)?inde[x]-url\s*[= ]\s*\S|--find-link[s]\s*[= ]\s*\S|--trusted-hos[t]",
    "a path of one machine": r"(?<![\w.:/}-])/(?:root|home|Users|work)/[A-Za-z]",
}


def declared(pyproject: str) -> str:
    """The digest of everything in `pyproject.toml` that the locks follow from."""
    document = tomllib.loads(pyproject)
    project, groups = document["project"], document["dependency-groups"]
    inputs = [project["requires-python"], project["dependencies"], project["optional-dependencies"], groups]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def sign_locks() -> None:
    line = SIGNATURE + declared((ROOT / "pyproject.toml").read_text())
    for name in LOCKS:
        lock = ROOT / name
        kept = [each for each in lock.read_text().splitlines() if not each.startswith(SIGNATURE)]
        lock.write_text("\n".join([line, *kept]) + "\n")


def stale_locks() -> Iterator[str]:
    line = SIGNATURE + declared((ROOT / "pyproject.toml").read_text())
    for name in LOCKS:
        if (ROOT / name).read_text().split("\n", 1)[0] != line:
            yield f"{name}: does not follow from pyproject.toml, run `make lock`"


def forbidden_words() -> Iterator[str]:
    for name in files():
        try:
            text = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for what, pattern in FORBIDDEN.items():
                if found := re.search(pattern, line):
                    yield f"{name}:{number}: names {what}: {found[0]}"


def files() -> list[str]:
    """The files git tracks or would; without git, all but hidden ones."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode == 0:
        return [name for name in listing.stdout.split("\0") if name]
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(path) for path in paths if path.parts[0] == ".ci" or not path.parts[0].startswith(".")]


def main(arguments: list[str]) -> int:
    if arguments == ["--sign-locks"]:
        sign_locks()
        return 0
    faults = [*stale_locks(), *forbidden_words()]
    print("\n".join(faults) or "The locks fit, and the tree names no machine and no index.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
