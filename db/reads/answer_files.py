"""Answers to questions of staff as their assister reads them again, and the documents that came with them (A12)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import list_rows
from db.own_tables import AnswerFile
from db.tables import CommandRow, FactRow
from domain.shared.cases.commands import COMPARED, CommandKind, CommandState, make_fact_id
from domain.shared.cases.facts import Fact, FactKind, ToldReason
from domain.shared.ids import ASSISTER
from domain.state.eligibility import Verdict
from domain.state.facts import DecidedData

_OF_QUESTIONS = (FactKind.DECIDED, FactKind.ANSWERED, FactKind.QUESTION_TAKEN_BACK)


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


@dataclass(frozen=True)
class AnsweredQuestion:
    """What staff asked and what the answer was: its message, the names of the fields it changed, its documents.

    ``by_staff`` where staff wrote the answer down for the assister.
    """

    asked: ToldReason
    asked_at: datetime
    message: str
    answered_at: datetime
    by_staff: bool
    changed: list[str]
    files: list[ListedFile]


def list_answered_questions(session: Session, case_id: str) -> list[AnsweredQuestion]:
    """The questions of a case whose answers were taken, the last first."""
    taken = (col(CommandRow.kind) == CommandKind.ANSWER, col(CommandRow.state) == CommandState.APPLIED)
    commands: list[CommandRow] = list_rows(
        session,
        select(CommandRow).where(col(CommandRow.case_id) == case_id, *taken).order_by(col(CommandRow.created_at)),
    )
    if not commands:
        return []
    of_questions = (col(FactRow.case_id) == case_id, col(FactRow.kind).in_(_OF_QUESTIONS))
    rows: list[FactRow] = list_rows(session, select(FactRow).where(*of_questions))
    facts = sorted(
        (Fact(id=row.id, kind=FactKind(row.kind), at=row.at, data=row.data) for row in rows),
        key=lambda fact: (fact.at, fact.id),
    )
    files = list_answer_files(session, case_id)
    found = (_find_answered(command, facts, files) for command in reversed(commands))
    return [one for one in found if one is not None]


def _find_answered(command: CommandRow, facts: Sequence[Fact], files: Sequence[ListedFile]) -> AnsweredQuestion | None:
    """The question that a command has answered, which is the last one asked before; None where it has answered none."""
    number = find_answered_question(facts, command.id)
    if number is None:
        return None
    answer = next(fact for fact in facts if fact.id == make_fact_id(command.id))
    before = [one for one in facts if one.kind is FactKind.DECIDED and one.at <= answer.at]
    asked = [(one, data) for one in before if (data := one.read_as(DecidedData)).verdict is Verdict.ASK]
    if not asked:
        return None
    fact, question = asked[-1]
    return AnsweredQuestion(
        asked=question.told_reason,
        asked_at=fact.at,
        message=command.reason,
        answered_at=answer.at,
        by_staff=command.actor != ASSISTER,
        changed=[*command.data.get(COMPARED, {})],
        files=[one for one in files if one.question == number],
    )


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
