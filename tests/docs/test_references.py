"""Documents, docstrings and comments name no file or folder that isn't in the tree."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A path of ours: what is written at run time (stack.json, app.sqlite) and what is fetched (rcl.csv) ends otherwise.
NAMED = re.compile(r"(?<![\w/.:*<{…-])\.?[\w./-]*\w\.(?:md|py|toml|ya?ml|html|cfg|txt)\b(?![\w/(])")
FOLDER = re.compile(r"`([a-z_]+/(?:[\w-]+/)*)`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
TOP_LEVEL = {path.name for path in ROOT.iterdir() if path.is_dir()}


def is_ours(path: Path) -> bool:
    """Whether it is of the tree, and nothing that was installed or built."""
    first, *_ = parts = path.relative_to(ROOT).parts
    return first not in ("build", "dist") and not any(part.startswith(".") and part != ".ci" for part in parts[:-1])


def is_written_here(path: Path) -> bool:
    return is_ours(path) and "vendor" not in path.parts


@cache
def tree() -> frozenset[str]:
    """Every file and folder by each of the paths that end in its name; folders with a slash."""
    ends = set()
    for path in filter(is_ours, ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        ends |= {"/".join(parts[start:]) + "/" * path.is_dir() for start in range(len(parts))}
    return frozenset(ends)


def documents() -> list[Path]:
    """All but the change log, which tells of what was."""
    return [path for path in sorted(ROOT.rglob("*.md")) if is_written_here(path) and path.name != "CHANGELOG.md"]


def modules() -> Iterator[Path]:
    return (path for path in sorted(ROOT.rglob("*.py")) if is_written_here(path))


def prose(module: Path) -> Iterator[str]:
    """The docstrings and comments of a module."""
    source = module.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def missing(text: str) -> list[str]:
    # Other folders, such as `certificates/`, are the stack's.
    folders = [name for name in FOLDER.findall(text) if name.split("/")[0] in TOP_LEVEL]
    named = [*NAMED.findall(text), *folders]
    # A link leads from its document; that it leads somewhere is seen by whoever asks for it.
    return [name for name in named if name.removeprefix("../").removeprefix("./") not in tree()]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_files_that_are_there(document: Path) -> None:
    text = document.read_text("utf-8")
    dead = [link for link in LINKED.findall(text) if not (document.parent / link).exists()]
    assert not missing(text) + dead


def test_modules_name_files_that_are_there() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}" for path in modules() for text in prose(path) for name in missing(text)
    ]
    assert not found


@pytest.mark.parametrize(
    "text", ["see interface.md", "`starter/nothing.py`", "in docs/nowhere.md.", "`domain/nowhere/`"]
)
def test_what_is_missing_is_found(text: str) -> None:
    assert missing(text)


@pytest.mark.parametrize("text", ["stack.json", "https://example.org/a/b.html", "`*.html`", "starter/client.py"])
def test_what_is_no_file_of_ours_is_let_be(text: str) -> None:
    assert not missing(text)
