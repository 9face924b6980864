"""Several checks of many things in one test: everything that fails is named, not only what fails first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import pytest

Subject = TypeVar("Subject")
Checks = Sequence[Callable[[Subject], None]]


def check_each(subjects: Iterable[Subject], checks: Checks[Subject]) -> None:
    """Fails unless each subject passes each check, which fails by raising, as a test does."""
    failures = [failure for subject in subjects for failure in _find_failures(subject, checks)]
    if failures:
        pytest.fail("\n".join([f"{len(failures)} checks failed:", *failures]), pytrace=False)


def _find_failures(subject: Subject, checks: Checks[Subject]) -> Iterator[str]:
    for check in checks:
        try:
            check(subject)
        except Exception as why:
            yield f"{subject}, {check.__name__}: {type(why).__name__}: {why}"
