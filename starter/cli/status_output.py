"""The status document of either program as `certify` prints it for people."""

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from domain.shared.cases.reasons import read_reason
from domain.shared.staff_names import call_actor
from starter.cli.output import (
    Cell,
    Document,
    format_code,
    format_details,
    format_instant,
    format_minute,
    format_value,
    make_table,
    print_log,
    print_pairs,
    spell_code,
)

# An exam may be taken any number of times: the last attempts are what is looked for.
ATTEMPTS_SHOWN = 5


def print_status(out: Console, status: Document, names: Mapping[str, str]) -> None:
    """Where the case is, its steps, and the history where the document has it; ``names`` is what staff are called."""
    print_summary(out, status, names)
    out.print()
    if "publication" in status:
        _print_registration(out, status)
    else:
        _print_certification(out, status, names)
    if "history" in status:
        out.print()
        print_log(
            out, ((one["at"], format_value(one["kind"]), format_details(one["data"])) for one in status["history"])
        )


def print_summary(out: Console, status: Document, names: Mapping[str, str]) -> None:
    """Where a case is and what it waits for; ``names`` is what staff are called, by who the audit names."""
    kind = f"{spell_code(status['kind'])}, {status['assister_type']}"
    rows: list[tuple[str, Cell]] = [
        ("case", status["case_id"]),
        ("assister", f"{status['assister_id']} ({kind})"),
        ("program", f"{status['program']}, plan year {status['plan_year']}"),
        ("stage", format_code(status["stage"])),
    ]
    if status["waiting_for"]:
        since = format_instant(status["waiting_since"])
        rows.append(("waiting for", f"{spell_code(status['waiting_for'])}, since {since}"))
    if status["flag"]:
        rows.append(("flag", format_value(spell_code(status["flag"]), "yellow")))
    rows.append(("may assist", _format_may_assist(status)))
    rows += [("suspended", _format_suspension(one, names)) for one in status["suspensions"]]
    if termination := status["termination"]:
        by = call_actor(termination["by"], names)
        rows.append(("to be terminated", f"last day {termination['last_day']}, by {by}"))
    print_pairs(out, rows)


def _format_suspension(suspension: Document, names: Mapping[str, str]) -> str:
    until = f"until {suspension['until']}" if suspension["until"] else "without a term"
    by = call_actor(suspension["decided_by"], names)
    said = f"{spell_code(suspension['cause'])}, {until}, by {by}: {suspension['suspension_id']}"
    return f"{said}, which waits for the appeal" if suspension["stayed"] else said


def _format_may_assist(status: Document) -> Text:
    if status["may_assist"]:
        return format_code("yes")
    reasons = ", ".join(map(spell_code, status["may_assist_reasons"]))
    return Text.assemble(format_code("no"), f": {reasons}")


# the state program


def _print_certification(out: Console, status: Document, names: Mapping[str, str]) -> None:
    print_pairs(out, _describe_steps(status, names))
    findings = status["eligibility"]["findings"]
    if findings:
        out.print()
        out.print(make_table("check", "result", "source", "note", rows=map(_format_finding, findings)))


def _describe_steps(status: Document, names: Mapping[str, str]) -> list[tuple[str, Cell]]:
    training, portal, certificate = status["training"], status["portal"], status["certificate"]
    done_at = training["completed_at"]
    return [
        ("eligibility", _format_decision(status["eligibility"], names)),
        ("LMS", f"account {training['lms_account']}, profile {training['profile']}"),
        ("training", f"completed {format_instant(done_at)}" if done_at else "-"),
        *([("deadline", _format_deadline(training["deadline"]))] if training["deadline"] else []),
        ("exam", _format_attempts(status["exam"]["attempts"])),
        ("certificate", f"{certificate['number']}, {format_instant(certificate['issued_at'])}" if certificate else "-"),
        (
            f"{portal['portal']} portal",
            f"account {portal['account']}, profile {portal['profile']}, "
            f"scheduling tool {spell_code(portal['scheduling_tool'])}",
        ),
    ]


def _format_deadline(deadline: Document) -> str:
    if deadline["last_day"] is None:
        return "runs once the training is open"
    said = f"last day {deadline['last_day']}, reactivation until {deadline['reactivate_until']}"
    events = (("lapsed", deadline["lapsed_at"]), ("reactivated", deadline["reactivated_at"]))
    return ", ".join([said, *(f"{name} {format_instant(at)}" for name, at in events if at)])


def _format_attempts(attempts: list[Document]) -> str:
    if not attempts:
        return "-"
    last = (f"{one['score']} {'passed' if one['passed'] else 'failed'}" for one in attempts[-ATTEMPTS_SHOWN:])
    return f"attempts: {len(attempts)}, the last: {', '.join(last)}"


def _format_decision(eligibility: Document, names: Mapping[str, str]) -> Text:
    decision = format_code(eligibility["status"])
    if eligibility["decided_by"]:
        by = call_actor(eligibility["decided_by"], names)
        decision.append(f" by {by}, {format_instant(eligibility['decided_at'])}: ")
        decision.append_text(format_value(eligibility["reason"]))
    return decision


def _say_note(finding: Document) -> str:
    note = read_reason(finding.get("note"), None)
    return note.sentence() if note else ""


def _format_finding(one: Document) -> tuple[Cell, ...]:
    return format_code(one["check"]), format_code(one["result"]), format_value(one["source"]), _say_note(one)


# the federal program


def _print_registration(out: Console, status: Document) -> None:
    """The profile and the markets, then the steps as tables, with times in UTC."""
    help_desk_told_at = status["publication"]["help_desk_told_at"]
    rows: list[tuple[str, Cell]] = [
        ("profile", _format_profile(status["profile"])),
        *((one["market"], _format_market(status, one)) for one in status["markets"]),
    ]
    if help_desk_told_at:
        rows.append(("help desk", format_instant(help_desk_told_at)))
    print_pairs(out, rows)
    courses = map(_format_course, status["enrollments"])
    agreements = map(_format_agreement, status["agreements"])
    certificates = map(_format_certificate, status["certificates"])
    listings = map(_format_listing, status["publication"]["lists"])
    for table in (
        make_table("course", "where", "enrolled", "started", "completed", rows=courses),
        make_table("agreement", "text", "opened", "accepted", rows=agreements),
        make_table("certificate", "market", "issued", "until", rows=certificates),
        make_table("list", "market", "due", "seen", rows=listings),
    ):
        if table.row_count:
            out.print()
            out.print(table)


def _format_profile(profile: Document) -> Text:
    saved = format_code(profile["status"])
    if not profile["version"]:
        needed = ", ".join(map(spell_code, profile["required"]))
        return Text.assemble(saved, f", needs {needed}" if needed else "")
    return Text.assemble(saved, ", NPN ", format_code(profile["npn"]), f", version {profile['version']}")


def _format_market(status: Document, market: Document) -> Cell:
    """That a market is complete, or which of its steps are not."""
    if market["completed_at"]:
        return Text.assemble(format_code("complete"), f", {format_instant(market['completed_at'])}")
    agreements = [each for each in status["agreements"] if each["market"] == market["market"]]
    steps = {
        "profile": status["profile"]["status"] == "complete",
        "training": bool(status["training"][market["market"]]),
        "agreements": all(each["accepted_at"] for each in agreements),
    }
    return f"needs {', '.join(step for step, is_done in steps.items() if not is_done) or 'nothing more'}"


def _format_course(one: Document) -> tuple[Cell, ...]:
    times = (format_minute(one[name]) for name in ("started_at", "completed_at"))
    return format_code(one["curriculum"]), format_value(one["channel"]), one["enrolled_at"][:10], *times


def _format_agreement(one: Document) -> tuple[Cell, ...]:
    text = " ".join(filter(None, (one["version"], one["language"])))
    return format_code(one["agreement"]), text, format_minute(one["opened_at"]), format_minute(one["accepted_at"])


def _format_certificate(one: Document) -> tuple[Cell, ...]:
    return one["number"], format_code(one["market"]), format_minute(one["issued_at"]), format_value(one["valid_until"])


def _format_listing(one: Document) -> tuple[Cell, ...]:
    seen = format_code("late") if one["late"] else format_minute(one["listed_at"])
    return format_code(one["list"]), format_code(one["market"]), one["due_on"], seen
