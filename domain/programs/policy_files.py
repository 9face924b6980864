"""Policies as they stand in files: TOML read to the rules of a program, every fault with its file and line (E12).

A file is a plan year of a program. One of a year for which no rules were published names the year whose rules it
carries over, and says only what differs.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from domain.federal.policy import FederalPolicy
from domain.shared.documents.faults import list_faults
from domain.shared.policy import ProgramPolicy
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.state.policy import Policy

POLICY_MODELS: Mapping[str, type[ProgramPolicy]] = {STATE_PROGRAM: Policy, FEDERAL_PROGRAM: FederalPolicy}
# What the file's folder and name say already.
NAMED_BY_FILE = ("program", "plan_year")
CARRIED_OVER = "carried_over_from"
# What each year says for itself.
NOT_CARRIED_OVER = ("windows", "for_trying_only")
LONGEST, MOST_FAULTS = 32_768, 50
YEAR = re.compile(r"20\d\d", re.ASCII)
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class PolicyFile:
    """A file of policies: its name as people are told it, its program, its plan year as its name has it, its text."""

    name: str
    program: str
    plan_year: str
    text: str


@dataclass(frozen=True)
class PolicyFault:
    """One thing wrong with a file of policies: where, and a sentence that says what and what to do."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class FaultyPolicies(Exception):
    """Policies that can't be used; carries every fault, in the order of files and lines, `MOST_FAULTS` at most."""

    def __init__(self, faults: Iterable[PolicyFault]) -> None:
        ordered = sorted(set(faults), key=lambda one: (one.file, one.line, one.sentence))
        self.faults = tuple(ordered[:MOST_FAULTS])
        self.left_out = len(ordered) - len(self.faults)
        super().__init__("\n".join(self.list_lines()))

    def list_lines(self) -> list[str]:
        """FILE:LINE: SENTENCE for each fault; a line more where some were left out."""
        more = [f"and {self.left_out} more"] * bool(self.left_out)
        return [*map(str, self.faults), *more]


def read_policies(files: Sequence[PolicyFile]) -> list[ProgramPolicy]:
    """The policies that these files hold, by program and year. Raises `FaultyPolicies` naming everything wrong."""
    faults: list[PolicyFault] = []
    documents: dict[tuple[str, int], _Document] = {}
    for file in files:
        try:
            document = _parse(file)
        except FaultyPolicies as error:
            faults += error.faults
        else:
            documents[file.program, document.plan_year] = document
    policies = []
    for _, document in sorted(documents.items()):
        policy = _build_policy(document, documents)
        if isinstance(policy, ProgramPolicy):
            policies.append(policy)
        else:
            faults += policy
    faults += _find_missing_programs(files)
    if faults:
        raise FaultyPolicies(faults)
    return policies


@dataclass(frozen=True)
class _Document:
    file: PolicyFile
    plan_year: int
    data: dict[str, Any]

    @property
    def year_followed(self) -> object:
        return self.data.get(CARRIED_OVER)


def _find_missing_programs(files: Sequence[PolicyFile]) -> Iterator[PolicyFault]:
    given = {file.program for file in files}
    for program in POLICY_MODELS:
        if program not in given:
            yield PolicyFault(
                program, 1, f"The program {program} has no policy; add a file such as {program}/2024.toml."
            )


def _parse(file: PolicyFile) -> _Document:
    """The file's data. Raises `FaultyPolicies` where it can't be read as a policy at all."""

    def refuse(sentence: str, line: int = 1) -> FaultyPolicies:
        return FaultyPolicies([PolicyFault(file.name, line, sentence)])

    if file.program not in POLICY_MODELS:
        raise refuse(f"There is no program {file.program!r}; the folders are called {' and '.join(POLICY_MODELS)}.")
    if not YEAR.fullmatch(file.plan_year):
        raise refuse("A policy's file is called by its plan year, such as 2024.toml; rename it.")
    return _Document(file, int(file.plan_year), parse_toml(file.name, file.text))


def parse_toml(name: str, text: str) -> dict[str, Any]:
    """The data of a file. Raises `FaultyPolicies` with the one fault for which it can't be read."""

    def refuse(sentence: str, line: int = 1) -> FaultyPolicies:
        return FaultyPolicies([PolicyFault(name, line, sentence)])

    if len(text) > LONGEST:
        raise refuse(f"The file is longer than {LONGEST} characters; shorten it.")
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        at = _AT_LINE.search(said)
        line = int(at[1]) if at and at[1] else text.count("\n") + 1
        raise refuse(f"This is not TOML: {_AT_LINE.sub('', said)}; correct the line.", line) from None
    except RecursionError:
        raise refuse("The file is nested too deeply; write it flatter.") from None


def _build_policy(
    document: _Document, documents: Mapping[tuple[str, int], _Document]
) -> ProgramPolicy | list[PolicyFault]:
    """The policy of a document, or its faults."""
    lines = TomlLines(document.file.text)
    name = document.file.name
    told = [
        PolicyFault(name, lines.find((field,)), f"{field}: The file's folder and name say this; remove it.")
        for field in NAMED_BY_FILE
        if field in document.data
    ]
    data, followed = document.data, document.year_followed
    base = None
    if followed is not None:
        base = documents.get((document.file.program, followed)) if isinstance(followed, int) else None
        if base is None or base.year_followed is not None:
            why = "has no file that can be read" if base is None else "is carried over itself"
            sentence = f"{CARRIED_OVER}: {followed} {why}; name a plan year whose file has all of the rules."
            return [*told, PolicyFault(name, lines.find((CARRIED_OVER,)), sentence)]
        kept = {name: value for name, value in base.data.items() if name not in NOT_CARRIED_OVER}
        data = _merge(kept, document.data)
    named = {"program": document.file.program, "plan_year": document.plan_year}
    try:
        policy = POLICY_MODELS[document.file.program].model_validate({**data, **named})
    except ValidationError as error:
        # What the year that is carried over has wrong is told of its own file.
        found = [one for one in describe_faults(error) if base is None or _is_own(one[0], lines)]
        return [*told, *(PolicyFault(name, lines.find(path), sentence) for path, sentence in found)]
    return told or policy


def _is_own(path: Path, lines: "TomlLines") -> bool:
    """Whether a fault is of a file itself, and not of the one that it carries over."""
    return lines.has(path) or path[:1] in [(name,) for name in NOT_CARRIED_OVER]


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the changes in it: tables are merged, anything else takes the place of what was there."""
    merged = dict(base)
    for name, value in changes.items():
        there = merged.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            value = _merge(there, value)
        merged[name] = value
    return merged


def describe_faults(error: ValidationError) -> Iterator[tuple[Path, str]]:
    """Where in the document, and the sentence that begins with the field's name."""
    for fault, one in zip(list_faults(error), error.errors(include_url=False, include_input=False), strict=True):
        path = tuple(step for step in one["loc"] if step != "[key]")
        if fault.code == "unknown_field":
            sentence = "A policy has no such field; correct its name, or remove it."
        elif fault.code == "invalid":
            sentence = f"{one['msg'].removeprefix('Value error, ').rstrip('.')}."
        else:
            sentence = fault.sentence()
        yield path, f"{'.'.join(map(str, path)) or 'policy'}: {sentence}"


class TomlLines:
    """The line on which each key of a TOML document begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[Path, int] | None = None

    def has(self, path: Path) -> bool:
        """Whether the document says something at this path, or of the innermost table that it is to stand in."""
        return path in self._known or (len(path) > 1 and path[:-1] in self._known)

    def find(self, path: Path) -> int:
        """The line of the key; of the innermost table or list around it where it isn't there; else the first."""
        return next((self._known[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._known), 1)

    @property
    def _known(self) -> dict[Path, int]:
        # Asked for a faulty document alone: the parser tells no lines, so that it is shown one more at a time.
        if self._found is None:
            self._found = {}
            lines = self._text.split("\n")
            start = 1
            for number in range(1, len(lines) + 1):
                try:
                    so_far = tomllib.loads("\n".join(lines[:number]))
                except tomllib.TOMLDecodeError:
                    continue  # amid a value of several lines
                for path in _walk(so_far, ()):
                    self._found.setdefault(path, start)
                start = number + 1
        return self._found


def _walk(value: object, path: Path) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _walk(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _walk(one, (*path, number))
