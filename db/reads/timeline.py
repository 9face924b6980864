"""What happened to a case, in order: facts, notices, commands, flags, webhooks without effect, other audited acts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.tables import SYSTEM, AuditRow, CommandRow, EffectRow, FactRow
from domain.shared.cases.commands import OWN_REASONS, CommandKind, list_shown_data
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Reason, read_reason


class EntryKind(StrEnum):
    """What an entry of the timeline is."""

    FACT = "fact"
    NOTICE = "notice"
    COMMAND = "command"
    FLAG = "flag"
    WEBHOOK = "webhook"
    AUDIT = "audit"


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened: ``at`` is when it did, ``recorded_at`` when we wrote it down.

    ``name`` depends on the kind: a fact's kind; a notice; a command's kind; raised, lowered or cleared of a flag;
    without_effect, altered or released of a webhook; the action of what was audited. ``data`` likewise: a fact's; of a
    notice {state: sent, refused or pending, subject, mail: its number}; of a command {state, answer, verdict, …}; of a
    flag {flag}; of a webhook {event_id, note, what}. ``coded`` has those of reason, answer and note that are no words
    of a person but ours, in codes.
    """

    at: datetime
    recorded_at: datetime
    kind: EntryKind
    name: str
    actor: str
    reason: str | None
    data: dict[str, Any]
    coded: Mapping[str, Reason] = field(default_factory=dict)


def build_timeline(
    facts: Sequence[FactRow],
    effects: Iterable[EffectRow],
    commands: Sequence[CommandRow],
    audited: Sequence[AuditRow],
    mails: Mapping[str, int],
) -> list[TimelineEntry]:
    """Everything once, in the order of its times; ``mails`` are the numbers of kept mails by their effects' keys."""
    audited = sorted(audited, key=lambda row: row.id or 0)
    own = {f"command:{row.id}": row for row in commands}
    authors = _find_authors(audited)
    known, recorded = {row.id for row in facts}, {row.recorded_at for row in facts}
    entries = [
        *(_describe_fact(row, own.get(row.id), authors) for row in sorted(facts, key=lambda row: _ORDER[row.kind])),
        *(_describe_notice(row, mails) for row in effects if row.kind.startswith("notice.")),
        *(_describe_command(row) for row in commands if not _became_fact(row, known)),
        *(entry for row in audited if (entry := _describe_audited(row, recorded)) is not None),
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.recorded_at))


_ORDER = {kind.value: place for place, kind in enumerate(FactKind)}  # the order of facts of one instant
# Facts whose method is no assister's word: what was seen, or which way an appeal came.
_OTHERWISE_KNOWN = frozenset({FactKind.NPN_PROVEN, FactKind.NAME_CORRECTED, FactKind.APPEAL_FILED})


def _find_authors(audited: Iterable[AuditRow]) -> dict[datetime, AuditRow]:
    """By whose act something was written at an instant: all of one transaction has the same."""
    authors: dict[datetime, AuditRow] = {}
    for row in audited:
        if row.actor != SYSTEM:
            authors.setdefault(row.at, row)
    return authors


def _describe_fact(row: FactRow, command: CommandRow | None, authors: Mapping[datetime, AuditRow]) -> TimelineEntry:
    """Who is behind a fact says itself, or its command, or what was audited in the same transaction."""
    author = authors.get(row.recorded_at)
    actor = row.data.get("by") or (command.actor if command else author.actor if author else SYSTEM)
    data = {name: value for name, value in row.data.items() if name not in ("by", "reason")}
    if author is not None and author.details.get("method") and row.kind not in _OTHERWISE_KNOWN:
        data["on_behalf"] = {"method": author.details["method"], "reason": author.reason}
    if command is not None and command.data.get("in_bulk"):
        data["in_bulk"] = True
    if command is not None and command.data.get("changes"):
        data["changed"] = sorted(command.data["changes"])
    reason = row.data.get("reason") or (command.reason if command else None)
    ours = row.kind in (FactKind.BEGUN, FactKind.SCREENED, FactKind.MARKET_COMPLETED)
    return TimelineEntry(row.at, row.recorded_at, EntryKind.FACT, row.kind, SYSTEM if ours else actor, reason, data)


def _describe_notice(row: EffectRow, mails: Mapping[str, int]) -> TimelineEntry:
    result = row.result
    state = "pending" if result is None else next((one for one in ("refused", "overtaken") if result.get(one)), "sent")
    data = {"state": state, "subject": (result or {}).get("subject"), "mail": mails.get(row.key)}
    at = row.done_at or row.intended_at
    return TimelineEntry(at, at, EntryKind.NOTICE, row.kind.partition(".")[2], SYSTEM, None, data)


def _describe_command(row: CommandRow) -> TimelineEntry:
    data = {"state": row.state, "answer": row.answer, **list_shown_data(row.data)}
    at = row.created_at
    ours = {
        "reason": OWN_REASONS.get(CommandKind(row.kind)),
        "answer": read_reason(row.answer_code, row.answer_details),
    }
    coded = {name: reason for name, reason in ours.items() if reason}
    return TimelineEntry(at, at, EntryKind.COMMAND, row.kind, row.actor, row.reason, data, coded)


def _became_fact(row: CommandRow, facts: Collection[str]) -> bool:
    if row.kind == CommandKind.SAVE_PROFILE:
        return row.state == "applied"
    return f"command:{row.id}" in facts


def _read_codes(row: AuditRow) -> dict[str, Reason]:
    """An audited row has one code: of its answer or its note, where it has such, else of its reason."""
    reason = read_reason(row.reason_code, row.reason_details)
    said = next((name for name in ("answer", "note") if name in row.details), "reason")
    return {said: reason} if reason else {}


def _describe_audited(row: AuditRow, recorded: Collection[datetime]) -> TimelineEntry | None:
    """An entry made of an audit row alone; None where a fact, a notice or a command has made it already."""

    def entry(kind: EntryKind, name: str, /, **data: Any) -> TimelineEntry:
        return TimelineEntry(row.at, row.at, kind, name, row.actor, row.reason, data, _read_codes(row))

    first, _, rest = row.action.partition(".")
    details = row.details
    if first == "webhook" and rest in ("altered", "released", "release_refused", "uncounted", "counted", "dismissed"):
        return entry(EntryKind.WEBHOOK, rest, **details)
    if first == "webhook" and "note" in details:
        return entry(EntryKind.WEBHOOK, "without_effect", what=rest, **details)
    if row.action == "request.conflict":
        return entry(EntryKind.FLAG, "raised", flag=details.get("flag"))
    if row.action == "case.flag_cleared":
        return entry(EntryKind.FLAG, "cleared", flag=details["flag"])
    if rest.startswith(("flagged.", "unflagged.")):
        name, _, flag = rest.partition(".")
        return entry(EntryKind.FLAG, "raised" if name == "flagged" else "lowered", flag=flag)
    if "command_id" in details or row.action == "profile.refused":
        return None
    if rest == "refused" and first in list(CommandKind):  # before it was kept as a command
        return entry(EntryKind.COMMAND, first, state="refused", answer=details.get("answer"))
    if row.at in recorded or (first == "notice" and not rest.endswith(".after_end")):
        return None
    return entry(EntryKind.AUDIT, row.action, **details)
