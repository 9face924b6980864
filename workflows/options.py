"""Named timeouts and retry policies of the activities; when which one is used stands in the workflows."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy


class Options(TypedDict):
    """Options of a regular activity."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


# A third party that is down may heal: retry for ever, calmly.
THIRD_PARTY: Options = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
    ),
}

# Who of staff had a registry asked again waits at their desk; while it stays silent they are told so, and may ask anew.
REPEAT_PATIENCE = timedelta(minutes=10)

# A registry that could not be asked for an hour is asked now and then.
PATIENT: Options = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=15), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
    ),
}


class LongOptions(Options):
    """Options of a regular activity that says while it works that it is alive."""

    heartbeat_timeout: timedelta


# A list of a million lines is read, and the next reading finds it read.
READING: LongOptions = {
    "start_to_close_timeout": timedelta(minutes=10),
    "heartbeat_timeout": timedelta(seconds=20),
    "retry_policy": THIRD_PARTY["retry_policy"],
}


# A page of cases is held against Temporal; one that can't be is the next reconciliation's.
COMPARING: LongOptions = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=30),
        maximum_attempts=10,
    ),
}

# A page of a season: its cases are opened in the database, which may be away for long.
OPENING_CASES: LongOptions = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=20),
    "retry_policy": THIRD_PARTY["retry_policy"],
}

# What the daily reminders could not send by then is due again the next day.
UNTIL_THE_NEXT_DAY = timedelta(hours=20)
# And so long the pages after one wait for it.
UNTIL_THE_NEXT_PAGE = timedelta(hours=1)


# A registry that did not answer in a licence round is asked again after so long, at first and in the end.
UNTIL_IT_ANSWERS = timedelta(minutes=1)
LONGEST_UNTIL_IT_ANSWERS = timedelta(minutes=20)


class LocalOptions(TypedDict):
    """Options of a local activity."""

    start_to_close_timeout: timedelta
    local_retry_threshold: timedelta
    retry_policy: RetryPolicy


# Short work in our own database, inside the workflow task: six attempts, some six seconds when each fails at once and
# a minute when each hangs. No time between two is long enough to be written down as a timer. (A limit on the whole
# would say it better, but does not end an activity that waits for its next attempt.)
DATABASE: LocalOptions = {
    "start_to_close_timeout": timedelta(seconds=10),
    "local_retry_threshold": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_attempts=6
    ),
}

# A third party that answers at all does so within a second or two; the messages that come meanwhile wait as long.
AT_ONCE: LocalOptions = {
    "start_to_close_timeout": timedelta(seconds=2.5),
    "local_retry_threshold": timedelta(seconds=1),
    "retry_policy": RetryPolicy(maximum_attempts=1),
}

# A mail server knows no keys of ours: a letter that it has taken, and whose attempt is cut off before that is recorded,
# is sent again. So the attempt is given longer than the mail server itself is (`MAIL_SECONDS`).
LETTER_AT_ONCE: LocalOptions = {**AT_ONCE, "start_to_close_timeout": timedelta(seconds=9)}
