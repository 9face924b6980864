"""A case of a running stack whose training deadline is over, past everybody; no test."""

from datetime import UTC, datetime, timedelta

from db.case_state import load_snapshot
from db.engine import Database
from db.writes.training_deadlines import follow_deadline
from domain.state.policy import TrainingDeadline
from tests.support.tables import give_rules


async def lapse_case(database_url: str, case_id: str) -> None:
    """Gives a case in training rules of its own, with a deadline of a day, and lets that pass."""
    database = Database(database_url)
    try:
        snapshot = await database.read(load_snapshot, case_id)
        deadline = TrainingDeadline(days=1, remind_days_before=())
        await database.write(give_rules, case_id, snapshot.policy.model_copy(update={"training_deadline": deadline}))
        standing = await database.write(follow_deadline, case_id, datetime.now(UTC) + timedelta(days=3))
        assert standing.lapsed
    finally:
        await database.close()
