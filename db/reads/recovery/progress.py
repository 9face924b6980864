"""What a case's workflow has to know that is begun again: rebuilt from what is recorded; nothing is written."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import CaseSnapshot, list_rows
from db.tables import CommandRow, EffectRow
from domain.programs.commands import describe_command
from domain.programs.progress import RecordedEffect, rebuild_progress
from domain.shared.cases.commands import CommandKind, CommandState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import RebuiltProgress
from domain.state.facts import is_of_command

_SIDE_TASKS = (CommandKind.RESEND, CommandKind.ACTIVATE, CommandKind.CORRECT, CommandKind.REPEAT_CHECKS)


def read_progress(session: Session, snapshot: CaseSnapshot, facts: Sequence[Fact]) -> RebuiltProgress:
    """The progress of a case with all its facts, and with the side tasks that were asked for and are not done yet."""
    case_id = snapshot.case.case_id
    made = select(col(EffectRow.kind), col(EffectRow.key)).where(
        col(EffectRow.case_id) == case_id, col(EffectRow.result).is_not(None)
    )
    effects = [RecordedEffect(kind, key) for kind, key in session.execute(made)]
    applied = select(CommandRow).where(
        col(CommandRow.case_id) == case_id, col(CommandRow.state) == CommandState.APPLIED
    )
    commands: list[CommandRow] = list_rows(session, applied.order_by(col(CommandRow.created_at)))
    sent = {effect.key for effect in effects}
    left = [row for row in commands if row.kind in _SIDE_TASKS and not _is_carried_out(row, sent, facts)]
    side_tasks = [describe_command(row.id, row.case_id, row.kind, row.data) for row in left]
    rebuilt = rebuild_progress(snapshot.state, facts, effects, [row.id for row in commands], side_tasks)
    snapshots = {"authority": snapshot.take_authority_snapshot(), "adverse_action": snapshot.take_adverse_snapshot()}
    return rebuilt.model_copy(update=snapshots)


def _is_carried_out(row: CommandRow, sent: set[str], facts: Sequence[Fact]) -> bool:
    if row.kind == CommandKind.ACTIVATE:
        return any(fact.kind is FactKind.PORTAL_ACTIVATED for fact in facts)
    if row.kind == CommandKind.REPEAT_CHECKS:
        return any(is_of_command(fact.id, row.id) for fact in facts)
    return any(key.endswith(f":{row.id}") for key in sent)
