"""Reads the policies from their folder, one file a program and plan year, and puts them in force for this process."""

from pathlib import Path

from domain.programs.policies import use_policies
from domain.programs.policy_files import LONGEST, FaultyPolicies, PolicyFault, PolicyFile, read_policies
from domain.shared.policy import ProgramPolicy

SHIPPED = Path(__file__).resolve().parent.parent / "policies"
MOST_FILES = 200


def load_policies(folder: Path | None = None, *, trying: bool = False) -> None:
    """Puts the policies of a folder in force, those shipped without one; `trying` opens those that are for it alone.

    Raises `FaultyPolicies`: then none changes.
    """
    use_policies(read_policy_folder(folder or SHIPPED), trying=trying)


def read_policy_folder(folder: Path) -> list[ProgramPolicy]:
    """The policies in a folder, `{program}/{year}.toml`. Raises `FaultyPolicies` with everything that is wrong."""
    faults: list[PolicyFault] = []
    files: list[PolicyFile] = []
    paths = sorted(folder.glob("*/*.toml"))
    if not folder.is_dir():
        raise FaultyPolicies([PolicyFault(str(folder), 1, "There is no such folder of policies; name another one.")])
    if len(paths) > MOST_FILES:
        sentence = f"The folder has more than {MOST_FILES} files of policies; take some out."
        raise FaultyPolicies([PolicyFault(str(folder), 1, sentence)])
    for path in paths:
        try:
            files.append(PolicyFile(_name(path), path.parent.name, path.stem, _read(path)))
        except OSError:
            faults.append(PolicyFault(_name(path), 1, "The file can't be read; look at who may."))
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            faults.append(PolicyFault(_name(path), line, "This is not UTF-8; save the file as UTF-8."))
    try:
        policies = read_policies(files)
    except FaultyPolicies as error:
        raise FaultyPolicies([*faults, *error.faults]) from None
    if faults:
        raise FaultyPolicies(faults)
    return policies


def _read(path: Path) -> str:
    # No more than tells that it is too long.
    with path.open("rb") as file:
        return file.read(4 * LONGEST + 1).decode("utf-8-sig")


def _name(path: Path) -> str:
    """As people find it: from where they are, where that is above it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
