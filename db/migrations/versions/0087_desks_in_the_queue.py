"""Until when somebody has a case on their desk, by which the queue is filtered and put in order."""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0090"


def upgrade() -> None:
    """Adds a column and an index; what is there is nobody's from then on, since it lasts minutes.

    It may be empty, so that a process of the release before can still write its rows, which are nobody's too.
    """
    op.add_column("case_assignment", sa.Column("until", sa.DateTime(timezone=True)))
    op.create_index("ix_case_assignment_actor", "case_assignment", ["actor", "until", "case_id"])
