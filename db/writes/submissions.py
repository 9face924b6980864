"""Files that somebody hands in, evidence or documents: counted, and described as the tables of both keep them."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.appeal_tables import AppealFile
from db.own_tables import AnswerFile


@dataclass(frozen=True)
class Submission:
    """A file that was checked: its name as it is shown, its media type by its content, its bytes."""

    name: str
    media_type: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of its content, in hexadecimal digits, by which the same file is known again."""
        return sha256(self.content).hexdigest()

    def describe(self, number: int, actor: str, now: datetime) -> dict[str, Any]:
        """The columns that every table of such files has."""
        return {
            "number": number,
            "name": self.name,
            "media_type": self.media_type,
            "size": len(self.content),
            "sha256": self.digest,
            "content": self.content,
            "submitted_by": actor,
            "submitted_at": now,
        }


def find_file_number(
    session: Session, table: type[AppealFile] | type[AnswerFile], digest: str, *among: ColumnElement[bool]
) -> int | None:
    """Which of the files ``among`` those given has this content; None where none has."""
    known = select(col(table.number)).where(*among, col(table.sha256) == digest)
    number: int | None = session.execute(known).scalar_one_or_none()
    return number


def find_next_number(session: Session, table: type[AppealFile] | type[AnswerFile], *among: ColumnElement[bool]) -> int:
    """The number of the next one of these files, counted from 1."""
    return int(session.execute(select(func.count()).select_from(table).where(*among)).scalar_one()) + 1
