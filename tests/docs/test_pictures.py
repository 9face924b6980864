"""The pictures of the docs are those one command takes, are small, and say from when they are."""

import re
from datetime import date
from pathlib import Path

import pytest

from tests import screenshots

TAKEN = {*screenshots.SHOWN, *screenshots.OF_TEMPORAL}
LARGEST_BYTES = 250_000


def test_every_picture_is_taken_and_shown() -> None:
    there = {path.name for path in screenshots.PICTURES.iterdir()}
    assert there == {f"{name}.webp" for name in TAKEN} | {"taken.json"}
    shown = set()
    for document in (screenshots.ROOT / "README.md", *(screenshots.ROOT / "docs").glob("*.md")):
        for name in re.findall(r"pictures/([\w-]+\.webp)", document.read_text()):
            shown.add(name)
    assert shown == there - {"taken.json"}


def test_a_picture_is_small() -> None:
    for path in screenshots.PICTURES.glob("*.webp"):
        assert path.read_bytes()[8:12] == b"WEBP"
        assert path.stat().st_size < LARGEST_BYTES, path.name


def test_pictures_that_pages_have_left_behind_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(screenshots, "PICTURES", tmp_path)
    screenshots.note_taken()
    assert screenshots.find_staleness() is None
    monkeypatch.setattr(screenshots, "digest_looks", lambda: "changed")
    said = screenshots.find_staleness()
    assert said
    assert "make screenshots" in said
    date.fromisoformat(said.split(", ")[1].split(":")[0])
