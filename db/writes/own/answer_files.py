"""Documents that an assister sends with the answer to a question of staff: kept at once, before the answer (A12)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import state_of
from db.own_tables import AnswerFile
from db.writes.facts import lock_case, record_audit
from db.writes.submissions import Submission, find_file_number, find_next_number
from domain.programs.commands import find_refusal
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.evidence import MOST_FILES
from domain.shared.documents.faults import Fault, Invalid
from domain.state.certification import CertificationState
from domain.state.commands import AnswerQuestion
from domain.state.questions import count_questions


def add_answer_file(session: Session, case_id: str, submission: Submission, actor: str, now: datetime) -> int:
    """Keeps a document for the question that is open; which of its documents it is. The same one again is that one.

    Raises `Refusal` where nothing is asked any more, and `Invalid` where there are as many as may be.
    """
    case = lock_case(session, case_id)
    state = state_of(session, case)
    if why := find_refusal(AnswerQuestion(changes={}), state):
        raise Refusal(why)
    assert isinstance(state, CertificationState), "nobody else is asked anything"
    question, digest = count_questions(state), submission.digest
    of_question = (col(AnswerFile.case_id) == case_id, col(AnswerFile.question) == question)
    if (known := find_file_number(session, AnswerFile, digest, *of_question)) is not None:
        return known
    number = find_next_number(session, AnswerFile, *of_question)
    if number > MOST_FILES:
        raise Invalid([Fault("file", "files_full", {"name": submission.name, "most": str(MOST_FILES)})])
    session.add(AnswerFile(case_id=case_id, question=question, **submission.describe(number, actor, now)))
    record_audit(session, now, actor, "answer.file", case, question=question, file=number, sha256=digest)
    return number
