"""The patches of the workflows: one id for each change of what a run orders, kept while a run of before may be open.

A run lasts until its plan year's window closes, or until it continues as new. An id may be removed, with the code of
before, once no run begun before its date is open; `docs/operating.md` says how one sees that. Ids are never used twice.
"""

# Since the first release of the waits; written with spaces, which ids of histories keep. Removed with the runs of 2024.
WAITS_SEARCHABLE = "waits are searchable"

# Since 2026-12-01; removed on 2028-01-31 at the earliest, when every run begun before has continued as new or ended.
LOCAL_FIRST = "local-first"

# Since 2026-12-01; removed on 2028-01-31 at the earliest, as above.
WAITS_SHOWN_ONCE = "waits-shown-once-a-task"

# Since 2026-12-01; removed on 2026-12-31: a round of reminders lasts a day at most.
ONE_DEADLINE_A_ROUND = "one-deadline-a-round"

# Since 2026-12-01; removed on 2028-01-31 at the earliest, as above.
ACCOUNT_REUSED_BESIDE = "account-reused-beside"
