"""The search attributes of a case's workflow, none of them personal; `starter/stack/temporal_server.py` makes them."""

from temporalio.common import SearchAttributeKey

# Set when it is started.
PROGRAM = SearchAttributeKey.for_keyword("Program")
PLAN_YEAR = SearchAttributeKey.for_int("PlanYear")
ASSISTER_KIND = SearchAttributeKey.for_keyword("AssisterKind")
# What it says of itself.
STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_FOR = SearchAttributeKey.for_keyword("WaitingFor")
WAITS_ON = SearchAttributeKey.for_keyword("WaitsOn")
WAITING_SINCE = SearchAttributeKey.for_datetime("WaitingSince")
# Set by the server once several tasks in a row have failed.
PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
