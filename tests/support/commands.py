"""Commands as they lie in the database whatever the case says to them now, and refusals as they are audited."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.tables import CommandRow
from db.writes.facts import lock_case, record_audit
from domain.programs.commands import parse_command
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.reasons import Reason


def store_command(
    session: Session,
    command_id: str,
    case_id: str,
    kind: CommandKind,
    actor: str,
    reason: str,
    data: dict[str, Any],
    now: datetime,
) -> CommandRow:
    """A command that was kept, and is not applied yet."""
    kept = parse_command(kind, data).to_json()
    row = CommandRow(id=command_id, case_id=case_id, kind=kind, actor=actor, reason=reason, data=kept, created_at=now)
    session.add(row)
    return row


def note_refusal(
    session: Session, case_id: str, kind: CommandKind, actor: str, reason: str, why: Reason, now: datetime
) -> None:
    """What is audited of a command that was refused and not kept (C9)."""
    record_audit(session, now, actor, f"{kind}.refused", lock_case(session, case_id), reason, answer=why)
