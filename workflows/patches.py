"""The patches of the workflows: one id for each change of what a run orders, kept while a run of before may be open.

A run lasts until its plan year's window closes, or until it continues as new. An id may be removed, with the code of
before, once no run begun before its date is open; `docs/operating.md` says how one sees that. Ids are never used twice.
"""

from datetime import date

# Since 2026-11-22; written with spaces, which an id of histories keeps.
WAITS_SEARCHABLE = "waits are searchable"

# Since 2026-12-01.
LOCAL_FIRST = "local-first"
WAITS_SHOWN_ONCE = "waits-shown-once-a-task"
ONE_DEADLINE_A_ROUND = "one-deadline-a-round"
ACCOUNT_REUSED_BESIDE = "account-reused-beside"
ENDINGS_IN_TURN = "endings-in-turn"
REPORTS_ASKED_APART = "reports-asked-apart"

# A run answers these in its first task, before its first activity. Where a patch is asked after for the first time
# behind a local activity, and a query is answered while that activity ends, the SDK cuts the task there; when the run
# is read again it is handed the activity's result before it is told of the patch, and its task fails again and again.
# Registrations reuse no account, but go on answering for it: a run can't be read again without what it once answered.
ANSWERED_FIRST = (LOCAL_FIRST, WAITS_SHOWN_ONCE, ACCOUNT_REUSED_BESIDE, ENDINGS_IN_TURN)

# The day from which each may be removed: every run begun before its change has continued as new or ended by then, since
# the windows of its plan year are closed. A round of reminders lasts a day at most, a reconciliation some minutes.
REMOVABLE_ON = {
    WAITS_SEARCHABLE: date(2028, 1, 31),
    LOCAL_FIRST: date(2028, 1, 31),
    WAITS_SHOWN_ONCE: date(2028, 1, 31),
    ONE_DEADLINE_A_ROUND: date(2026, 12, 31),
    ACCOUNT_REUSED_BESIDE: date(2028, 1, 31),
    ENDINGS_IN_TURN: date(2028, 1, 31),
    REPORTS_ASKED_APART: date(2026, 12, 31),
}
