"""Every code that is used has a plain sentence, and no enumeration has a value nobody explains."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.federal import may_assist as federal
from domain.shared.cases import reasons
from domain.shared.cases.facts import FactKind
from domain.shared.cases.notices import TOPIC, Notice
from domain.shared.cases.stages import ENDED
from domain.shared.documents import faults
from domain.shared.staff_names import name_people
from domain.state.eligibility import SOURCE, Check
from domain.state.may_assist import MAY_ASSIST_REASONS

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("activities", "adapters", "db", "domain", "starter", "web", "workflows")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in our code, with the name of what is called."""
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    yield name, node


def literals(name: str, place: int) -> set[str]:
    """The texts given in a place of the calls of this name."""
    given = (call.args[place] for called, call in calls() if called == name and len(call.args) > place)
    return {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_reason_used_has_its_sentence() -> None:
    used = literals("Reason", 0) | {*MAY_ASSIST_REASONS, *Check} | {stage.value for stage in ENDED}
    used |= {*federal.MAY_ASSIST_REASONS}
    assert len(used) > 20
    assert used <= set(reasons.SENTENCES)


def test_every_fault_used_has_its_sentence() -> None:
    used = literals("Fault", 1) | literals("fault", 0)
    assert len(used) > 15
    assert used <= set(faults.SENTENCES)
    assert set(faults._FROM_PYDANTIC.values()) <= set(faults.SENTENCES)


@pytest.mark.parametrize("sentences", [reasons.SENTENCES, faults.SENTENCES], ids=["reasons", "faults"])
def test_every_sentence_is_whole_and_stands_once(sentences: dict[str, str]) -> None:
    assert all(text[-1] in ".:" and text == text.strip() for text in sentences.values())
    assert len(set(sentences.values())) == len(sentences)


def test_sentences_are_filled_in() -> None:
    assert reasons.Reason("case_ended", {"stage": "closed"}).sentence() == "The case has ended: closed."
    assert faults.Fault("kind", "choice", {"choices": "a, b"}).sentence() == "Choose one of: a, b."


def test_who_a_reason_tells_of_is_called_by_name_and_recorded_by_id() -> None:
    why = reasons.Reason("already_decided", {"by": "staff:ana"})
    said = name_people(why, {"staff:ana": "Ana Example"})
    assert said.sentence() == "Eligibility was decided already, by Ana Example."
    assert name_people(why, {}).sentence() == "Eligibility was decided already, by ana."
    assert why.details == {"by": "staff:ana"}


def test_every_check_names_its_requirement() -> None:
    assert set(SOURCE) == set(Check)
    assert all(re.fullmatch(r"[A-E]\d+", source) for source in SOURCE.values())


def test_every_notice_has_a_topic_and_its_templates() -> None:
    assert set(TOPIC) == set(Notice) - {Notice.REMINDER}
    for notice in Notice:
        for ending in ("subject.txt", "txt", "html"):
            assert (ROOT / "templates" / "notices" / f"{notice}.{ending}").is_file()


def test_every_kind_of_fact_is_written_somewhere() -> None:
    written = "".join(file.read_text() for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    assert {kind for kind in FactKind if f"FactKind.{kind.name}" not in written} == set()
