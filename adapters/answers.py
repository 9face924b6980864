"""Whether a third party has answered in the course of some work: noted by who calls out, read by who watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


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
