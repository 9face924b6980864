"""What the pages about security name is there: each requirement of the standard once, each test by its name."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.attacks.guards import read_guarded_tests

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/security.md", "docs/asvs.md")
LINE = re.compile(r"\| V([\d.]+) \| ([12]) \| ([^|]+) \| (met|not met|not applicable) \| ([^|]+) \|")
NAMED = re.compile(r"`([\w./-]+/[\w./-]+|[\w.-]+\.(?:toml|txt|py|yml|md)|\.dockerignore)(?:::(test_\w+))?`")
# Of the standard's release 5.0.0.
LEVELS = {"1": 70, "2": 183}


def read_lines() -> list[tuple[str, str, str, str, str]]:
    """The lines of the standard: number, level, what is asked, how it stands, and what shows it or why."""
    rows = [row for row in (ROOT / "docs/asvs.md").read_text("utf-8").splitlines() if row.startswith("| V")]
    found = [LINE.fullmatch(row) for row in rows]
    assert [row for row, one in zip(rows, found, strict=True) if one is None] == []
    return [(one[1], one[2], one[3], one[4], one[5]) for one in found if one]


@pytest.mark.parametrize("page", PAGES)
def test_a_file_or_test_that_is_named_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = NAMED.findall(text)
    assert len(named) > 15
    missing = [path for path, _ in named if "/" in path and not path.startswith("/") and not (ROOT / path).exists()]
    missing += [
        f"{path}::{test}"
        for path, test in named
        if test and not re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_requirement_of_level_2_stands_there_once() -> None:
    lines = read_lines()
    numbers = [tuple(int(part) for part in number.split(".")) for number, *_ in lines]
    assert numbers == sorted(set(numbers))
    assert Counter(level for _, level, *_ in lines) == LEVELS
    assert {number[0] for number in numbers} == set(range(1, 18))


def test_what_is_met_is_shown_and_what_is_not_says_why() -> None:
    for number, _, asked, verdict, why in read_lines():
        assert asked.strip(), number
        assert why.strip(), number
        assert verdict != "met" or NAMED.search(why), f"{number} names nothing that shows it"


def test_the_sums_are_those_of_the_lines() -> None:
    text = (ROOT / "docs/asvs.md").read_text("utf-8")
    counted = Counter(verdict for *_, verdict, _ in read_lines())
    told = re.search(r"Of (\d+) lines (\d+) are met,\s(\d+) are not, and (\d+) are about what isn't here", text)
    assert told is not None
    wanted = [sum(counted.values()), *(counted[verdict] for verdict in ("met", "not met", "not applicable"))]
    assert [int(one) for one in told.groups()] == wanted


def test_what_was_checked_is_known_to_fail_without_its_guard() -> None:
    """`python -m tests.attacks.guards` takes them out one by one, and shows it."""
    guarded = read_guarded_tests()
    named = re.findall(r"`(tests/attacks/[\w.]+::test_\w+)`", (ROOT / "docs/security.md").read_text("utf-8"))
    assert set(named) - {one.name for one in guarded} == set()
    assert [(one.test, guard.text) for one in guarded for guard in one.guards if not guard.is_there()] == []
