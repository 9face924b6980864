"""What third parties answer, noted by who calls out: whether one has in the course of some work, when each last did.

The second is counted for the whole process, whoever calls, and taken from here to the database (`starter/calls.py`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.shared.third_parties import CallsSeen, add_calls, build_failure, build_success


@dataclass
class Answers:
    """What was heard so far."""

    heard: bool = False


_watched: ContextVar[Answers | None] = ContextVar("answers of third parties", default=None)


@contextmanager
def watch_answers() -> Iterator[Answers]:
    """For the time of a block: whether anybody answers in it, though it were a refusal. Work that asks nobody, since
    it finds what it was to do already done, hears nothing."""
    answers = Answers()
    token = _watched.set(answers)
    try:
        yield answers
    finally:
        _watched.reset(token)


def note_answer() -> None:
    """A third party has answered, and isn't out of order; nothing where nobody watches."""
    answers = _watched.get()
    if answers is not None:
        answers.heard = True


class CallLedger:
    """What came of this process's calls since it was last taken, by third party."""

    def __init__(self) -> None:
        self._seen: dict[str, CallsSeen] = {}

    def note_success(self, service: str) -> None:
        """A call did what was asked."""
        self.add_seen({service: build_success(datetime.now(UTC))})

    def note_failure(self, service: str, code: str, *, is_answered: bool) -> None:
        """A call failed, with or without an answer."""
        self.add_seen({service: build_failure(datetime.now(UTC), code, is_answered=is_answered)})

    def add_seen(self, seen: Mapping[str, CallsSeen]) -> None:
        """Adds what was seen, or what was taken and could not be kept."""
        for service, calls in seen.items():
            self._seen[service] = add_calls(self._seen.get(service, CallsSeen()), calls)

    def take_seen(self) -> dict[str, CallsSeen]:
        """What was seen since the last time."""
        seen, self._seen = self._seen, {}
        return seen


LEDGER = CallLedger()
