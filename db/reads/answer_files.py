"""Documents that came with answers to questions of staff, as they are shown (A12)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.own_tables import AnswerFile
from domain.shared.cases.commands import make_fact_id
from domain.shared.cases.facts import Fact, FactKind


@dataclass(frozen=True)
class ListedFile:
    """A document without its content; ``question`` counts the case's questions from 1, ``number`` its documents."""

    question: int
    number: int
    name: str
    media_type: str
    size: int
    sha256: str
    submitted_by: str
    submitted_at: datetime


def list_answer_files(session: Session, case_id: str, question: int | None = None) -> list[ListedFile]:
    """The documents of a case, in the order they came; of one question, where one is given."""
    # Columns, since contents are megabytes.
    columns = [getattr(AnswerFile, name) for name in ListedFile.__dataclass_fields__]
    query: Any = select(*columns).where(col(AnswerFile.case_id) == case_id)
    if question is not None:
        query = query.where(col(AnswerFile.question) == question)
    found = session.execute(query.order_by(col(AnswerFile.question), col(AnswerFile.number)))
    return [ListedFile(*row) for row in found]


def find_answer_file(session: Session, case_id: str, question: int, number: int) -> AnswerFile | None:
    """A document with its content; None where there is none."""
    which = (col(AnswerFile.question) == question, col(AnswerFile.number) == number)
    found: AnswerFile | None = session.execute(
        select(AnswerFile).where(col(AnswerFile.case_id) == case_id, *which)
    ).scalar_one_or_none()
    return found


def find_answered_question(facts: Iterable[Fact], command_id: str) -> int | None:
    """Which question, counted from 1, the command of this id has answered; None where it has answered none."""
    closed = (fact for fact in facts if fact.kind in (FactKind.ANSWERED, FactKind.QUESTION_TAKEN_BACK))
    ids = [fact.id for fact in sorted(closed, key=lambda fact: (fact.at, fact.id))]
    wanted = make_fact_id(command_id)
    return ids.index(wanted) + 1 if wanted in ids else None
