"""Lists and logs as people see them, in 80 columns."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from starter.cli.output import format_details, print_addresses, print_cases


def printed(show: Callable[[Console, Any], None], document: Any) -> list[str]:
    """The lines of what is shown, with one space where there are several."""
    text = io.StringIO()
    show(Console(file=text, width=80, highlight=False), document)
    lines = text.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize(
    ("stage", "waiting_for", "shown"),
    [
        ("awaiting_decision", "decision", ["awaiting decision", "since 2026-11-02"]),
        ("in_training", "course_completion", ["in training", "course completion", "since 2026-11-02"]),
        ("withdrawn", None, ["withdrawn", ""]),
    ],
)
def test_a_case_is_listed_by_who_it_is_and_what_it_waits_for(
    stage: str, waiting_for: str | None, shown: list[str]
) -> None:
    case_id = "c8a9d1f6-0000-4000-8000-000000000001"
    case = {"case_id": case_id, "program": "bewellnm", "plan_year": 2024, "kind": "agent", "name": "Made Up \x1b[31m"}
    case |= {"stage": stage, "waiting_for": waiting_for, "waiting_since": "2026-11-02T17:00:00Z", "desk_name": None}
    _, _, *lines = printed(print_cases, [case])
    before = [f"{case_id} Made Up \N{REPLACEMENT CHARACTER}[31m", "bewellnm 2024 agent", ""]
    assert lines == [f"{left} {right}".strip() for left, right in zip(before, shown, strict=False)]
    printed(print_cases, [{**case, "kind": "marketplace_agent_broker", "name": "Longer " * 12}])
    held = {**case, "waiting_for": "decision", "desk_name": "Ana Example"}
    assert "on the desk of Ana Example" in " ".join(printed(print_cases, [held]))


def test_details_are_words_rather_than_json() -> None:
    findings = [{"check": "npn_found", "result": "pass"}, {"check": "license_active", "result": "fail"}]
    details = {"round": 0, "findings": findings, "due": {"rcl": "2024-03-05"}, "reason": "", "changed": ["phone"]}
    assert (
        format_details(details)
        == "round: 0, findings: npn_found pass; license_active fail, due: rcl 2024-03-05, changed: phone"
    )


def test_addresses_name_what_people_open_before_the_stand_ins() -> None:
    stack = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(("web", "temporal_ui", "mailbox"), 8000)}
    stack |= {"temporal": "127.0.0.1:7233", "data": "data"}
    lines = printed(print_addresses, {**stack, "sandbox": {"lms": "http://127.0.0.1:8103", "other_one": "there"}})
    assert lines.index("staff console http://127.0.0.1:8000/staff") < lines.index("LMS http://127.0.0.1:8103")
    assert "other one there" in lines, "a stand-in nobody named yet is shown too"
    without = printed(print_addresses, {**stack, "mailbox": None, "sandbox": {}})
    assert not [line for line in without if "mailbox" in line or "Stand-ins" in line]
