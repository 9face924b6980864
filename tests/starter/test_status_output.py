"""What people are shown of a case at the command line; for what no stack can wait."""

import io
from typing import Any

from rich.console import Console

from starter.cli.status_output import print_status


def status(**changes: Any) -> dict[str, Any]:
    """The status document of a registration that waits to be listed."""
    at = "2024-03-01T17:00:00Z"
    listed = {"market": "individual", "due_on": "2024-03-05", "listed_at": None, "late": False}
    return {
        "case_id": "c8a9d1f6-0000-4000-8000-000000000001",
        "assister_id": "ast_000000000000000000000001",
        "program": "ffm",
        "plan_year": 2024,
        "kind": "marketplace_agent_broker",
        "assister_type": "returning",
        "stage": "certified",
        "waiting_for": "publication",
        "waiting_since": at,
        "flag": "list_late",
        "may_assist": True,
        "may_assist_reasons": [],
        "suspensions": [],
        "termination": None,
        "markets": [{"market": "individual", "completed_at": at}],
        "profile": {"status": "complete", "version": 2, "npn": "verified", "required": ["npn"]},
        "training": {"individual": at},
        "enrollments": [],
        "agreements": [],
        "certificates": [],
        "publication": {
            "lists": [
                {**listed, "list": "tracker", "listed_at": "2024-03-04T17:00:00Z"},
                {**listed, "list": "rcl", "late": True},
                {**listed, "list": "find_local_help", "due_on": "2024-03-06"},
            ],
            "help_desk_told_at": "2024-03-06T17:00:01Z",
        },
        **changes,
    }


def printed(document: dict[str, Any]) -> list[str]:
    """The lines of a status, with one space where there are several."""
    text = io.StringIO()
    print_status(Console(file=text, width=80, highlight=False), document, {"staff:ana": "Ana Example"})
    lines = text.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    return [" ".join(line.split()) for line in lines]


def test_e4_what_is_suspended_is_said_until_when_and_by_whom() -> None:
    one = {
        "cause": "system_suspension",
        "until": None,
        "decided_by": "staff:ana",
        "suspension_id": "s1",
        "stayed": False,
    }
    term = {**one, "cause": "suspended_by_staff", "until": "2024-06-03"}
    stayed = {**term, "suspension_id": "s2", "stayed": True}
    notice = {"last_day": "2024-04-04", "by": "staff:ana"}
    lines = printed(status(suspensions=[one, term, stayed], termination=notice))
    assert "suspended system suspension, without a term, by Ana Example: s1" in lines
    assert "suspended suspended by staff, until 2024-06-03, by Ana Example: s1" in lines
    assert "by Ana Example: s2, which waits for the appeal" in " ".join(lines)
    assert "to be terminated last day 2024-04-04, by Ana Example" in lines


def test_lists_are_due_seen_or_late() -> None:
    lines = printed(status())
    assert "help desk 2024-03-06 17:00:01 UTC" in lines
    assert "tracker individual 2024-03-05 2024-03-04 17:00" in lines
    assert "rcl individual 2024-03-05 late" in lines
    assert "find local help individual 2024-03-06 -" in lines


def test_what_a_market_needs_is_named() -> None:
    agreement = {"agreement": "individual_general", "market": "individual", "version": "2024-1", "language": None}
    agreement |= {"opened_at": None, "accepted_at": None}
    incomplete = {"status": "saved", "version": 1, "npn": "unverified", "required": ["npn"]}
    lines = printed(
        status(
            markets=[{"market": "individual", "completed_at": None}],
            profile=incomplete,
            training={"individual": None},
            agreements=[agreement],
            publication={"lists": [], "help_desk_told_at": None},
        )
    )
    assert "profile saved, NPN unverified, version 1" in lines
    assert "individual needs profile, training, agreements" in lines
    assert not any(line.startswith("help desk") for line in lines)


def certification(deadline: dict[str, Any] | None) -> dict[str, Any]:
    """The status document of a broker in training."""
    document = {name: value for name, value in status().items() if name != "publication"}
    return {
        **document,
        "kind": "broker",
        "eligibility": {"status": "approved", "decided_by": None, "findings": []},
        "training": {"lms_account": "ready", "profile": "complete", "completed_at": None, "deadline": deadline},
        "exam": {"attempts": []},
        "certificate": None,
        "portal": {"portal": "broker", "account": "none", "profile": "incomplete", "scheduling_tool": "not_ready"},
    }


def test_e14_a_training_deadline_is_said_and_what_became_of_it() -> None:
    days: dict[str, Any] = {"last_day": "2024-11-24", "reactivate_until": "2026-11-24"}
    to_come = {**days, "lapsed_at": None, "reactivated_at": None}
    said = " ".join(printed(certification(to_come)))
    assert "deadline last day 2024-11-24, reactivation until 2026-11-24" in said
    assert "lapsed" not in said
    over = {**days, "lapsed_at": "2024-11-25T07:10:00Z", "reactivated_at": "2025-02-01T17:00:00Z"}
    assert "lapsed 2024-11-25 07:10" in " ".join(printed(certification(over)))
    nothing = dict.fromkeys(to_come)
    assert "deadline runs once the training is open" in " ".join(printed(certification(nothing)))
    assert "deadline" not in " ".join(printed(certification(None)))
