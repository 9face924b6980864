"""A form that is asked in steps: what each step asks, and how far its answers have come; no routes, and no rule.

It stands beside the rooms because the forms of both programs are asked so. What is right the rules of the whole form
say: a step's faults are those in the step's own fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request

from domain.shared.documents.faults import Fault
from templates.catalogs import translate
from web.http.addresses import build_query
from web.http.forms import Values

# All that the longest answers add up to; what is longer has a fault and is not kept.
LONGEST = 20_000


@dataclass(frozen=True)
class FormPart:
    """One group of questions: its page, its heading on the way, and the names of its fields."""

    slug: str
    title: str
    fields: tuple[str, ...]

    def owns(self, field: str) -> bool:
        """Whether a field of the form, or a part of it, is asked here."""
        return field.partition(".")[0] in {name.partition(".")[0] for name in self.fields}

    def pick_answers(self, posted: Mapping[str, str]) -> Values:
        """The answers in what was posted: each field of the step, empty where it is missing, and nothing else."""
        return {name: posted.get(name, "") for name in self.fields}

    def count_rows(self, posted: Mapping[str, str]) -> str:
        """How many rows its page is to be opened again with, where one more or one less was asked for; else empty."""
        del posted
        return ""

    def is_answered(self, answers: Mapping[str, str]) -> bool:
        """Whether it was answered, correctly or not."""
        return self.fields[0] in answers


@dataclass(frozen=True)
class FormAddresses:
    """The addresses of a form's pages, by that of its first; none ever holds an answer."""

    start: str

    @property
    def check(self) -> str:
        """Of the list of all answers."""
        return self.build_step("check")

    @property
    def confirm(self) -> str:
        """Of the page for the code."""
        return self.build_step("confirm")

    @property
    def done(self) -> str:
        """Of the confirmation."""
        return self.build_step("done")

    def build_step(self, slug: str, **asked: str) -> str:
        """Of a step, with its query."""
        return f"{self.start}/{slug}{build_query(**asked)}"

    def build_start(self, **asked: str) -> str:
        """Of the first page, with its query."""
        return f"{self.start}{build_query(**asked)}"


Part = TypeVar("Part", bound=FormPart)


@dataclass(frozen=True)
class FormWalk(Generic[Part]):
    """The steps of a form for the answers so far, and everything that is wrong with the form as it stands."""

    steps: Sequence[Part]
    answers: Mapping[str, str]
    faults: Sequence[Fault]

    def find_faults_at(self, step: Part) -> list[Fault]:
        """What is wrong with the answers of one step."""
        return [fault for fault in self.faults if step.owns(fault.field)]

    def find_faults_to_show(self, step: Part) -> list[Fault]:
        """What to say of a step when it is opened again: what is wrong with its answers."""
        return self.find_faults_at(step) if step.is_answered(self.answers) else []

    def find_first_open(self) -> Part | None:
        """The first step that is not answered, or has a fault; None where the form is complete."""
        return next(
            (step for step in self.steps if not step.is_answered(self.answers) or self.find_faults_at(step)), None
        )

    def list_reachable(self) -> Sequence[Part]:
        """The steps that may be opened: those answered, and the first that is not."""
        first = self.find_first_open()
        return self.steps[: self.steps.index(first) + 1] if first else self.steps

    def find_reachable(self, slug: str) -> Part | None:
        """The step of this address, if its turn has come."""
        return next((step for step in self.list_reachable() if step.slug == slug), None)

    def find_next(self, step: Part) -> Part | None:
        """The step after this one; None after the last."""
        following = self.steps[self.steps.index(step) + 1 :]
        return following[0] if following else None

    def find_previous(self, step: Part) -> Part | None:
        """The step before this one; None before the first."""
        before = self.steps.index(step) - 1
        return self.steps[before] if before >= 0 else None


def find_fault_place(addresses: FormAddresses, walk: FormWalk[Part], field: str) -> str:
    """Where a fault is mended: the field in its step; the start page, where no step asks for it."""
    step = next((step for step in walk.steps if step.owns(field)), None)
    return f"{addresses.build_step(step.slug, change='1')}#{field}" if step else addresses.start


def describe_progress(
    titles: Sequence[tuple[str, str]], slug: str, language: str, *, is_known: bool = True, first: int = 1
) -> dict[str, Any]:
    """How far along a step is among all of them, [(slug, title)], as `_progress.html` wants it.

    Without ``is_known`` how far there is to go is left open: what is answered decides it. ``first`` is the number of
    the first one: 0 where it comes before the steps that are counted.
    """
    place, counted = [name for name, _ in titles].index(slug), titles[1 - first :]
    return {
        "number": place + first,
        "total": len(counted) if is_known else None,
        "title": translate(titles[place][1], language),
        "steps": [translate(title, language) for _, title in counted] if is_known else [],
    }


def read_change(request: Request) -> str:
    """Whether an answer is changed from the list of all, as the addresses say it: "1", or nothing."""
    return "1" if request.query_params.get("change") else ""


def is_too_long(answers: Mapping[str, str]) -> bool:
    """Whether answers are longer than any that are right, and too long to keep."""
    return sum(map(len, answers.values())) > LONGEST
