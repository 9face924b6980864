"""The tables of people before and beside their cases: codes sent to their addresses, sessions, answers to requests."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.tables import Utc

_UNSENT = text("next_attempt_at IS NOT NULL")


class CodeRow(SQLModel, table=True):
    """A one-time code that a browser asked for; deleted the day after.

    The code itself is made where its letter is sent, and only its keyed hash is ever stored.
    """

    __tablename__ = "one_time_code"
    __table_args__ = (
        Index("ix_one_time_code_browser", "browser_hash", "asked_at"),
        Index("ix_one_time_code_unsent", "next_attempt_at", sqlite_where=_UNSENT, postgresql_where=_UNSENT),
    )
    id: str = Field(primary_key=True)
    browser_hash: str = Field(description="hash of the secret in the cookie of the browser that asked")
    email: str = Field(description="where its letter goes; the user ID once more, where nobody has it")
    purpose: str
    user_id: str | None = Field(default=None, description="what was typed in place of the address")
    language: str
    asked_at: datetime = Field(sa_type=Utc, index=True)
    code_hash: str | None = None
    expires_at: datetime | None = Field(default=None, sa_type=Utc)
    tries: int = 0
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    next_attempt_at: datetime | None = Field(
        default=None,
        sa_type=Utc,
        description="when its letter is sent or tried again; none once it is sent or given up",
    )


class OwnSession(SQLModel, table=True):
    """Somebody signed in to their own pages by the code sent to their address, by the hash of the cookie's secret."""

    __tablename__ = "own_session"
    token_hash: str = Field(primary_key=True)
    id: str = Field(unique=True, description="by which the audit names it")
    email: str = Field(description="the confirmed address")
    former_email: str | None = Field(
        default=None, description="the one before, which was confirmed too; some cases may go on under it"
    )
    created_at: datetime = Field(sa_type=Utc)
    seen_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)


class OwnIdentity(SQLModel, table=True):
    """Who signs in by an identity provider as somebody known here, by a keyed digest of its issuer and subject."""

    __tablename__ = "own_identity"
    digest: str = Field(primary_key=True)
    assister_id: str = Field(foreign_key="assister.assister_id", index=True)
    email: str | None = Field(
        default=None, description="the address that made them known, while it is theirs; none where they proved an NPN"
    )
    linked_at: datetime = Field(sa_type=Utc)


class PortalPass(SQLModel, table=True):
    """What an assister gives a portal that is to act for them in one registration, by the hash of its secret (D6)."""

    __tablename__ = "portal_pass"
    pass_hash: str = Field(primary_key=True)
    id: str = Field(unique=True, description="by which the audit names it")
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    portal: str = Field(description="the sender it is for")
    session_hash: str = Field(description="the session on one's own pages in which it was given; it ends with that one")
    given_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)


class AnswerFile(SQLModel, table=True):
    """A document that came with the answer to a question of staff, by the hash of its content; never changed."""

    __tablename__ = "answer_file"
    __table_args__ = (
        UniqueConstraint("case_id", "question", "number"),
        UniqueConstraint("case_id", "question", "sha256"),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id")
    question: int = Field(description="which of the case's questions, counted from 1")
    number: int = Field(description="which of the question's documents, counted from 1")
    name: str = Field(description="what its sender calls it; no path, never a name of a file of ours")
    media_type: str = Field(description="by its content")
    size: int
    sha256: str
    content: bytes = Field(sa_type=LargeBinary)
    submitted_by: str
    submitted_at: datetime = Field(sa_type=Utc)


class AnswerRow(SQLModel, table=True):
    """A letter to be sent in answer to a request that opened no case; deleted once it is sent or given up."""

    __tablename__ = "request_answer"
    id: str = Field(primary_key=True)
    email: str
    language: str
    program: str
    plan_year: int
    answer: str
    faults: list[Any] = Field(sa_type=JSON, description="what keeps it out, as faults are stored")
    asked_at: datetime = Field(sa_type=Utc)
    next_attempt_at: datetime = Field(sa_type=Utc, index=True)
    reference: str | None = Field(default=None, description="the number of the case it is about; none where none is")


class ReferenceAlias(SQLModel, table=True):
    """A reference number that a confirmation showed of a request sent again, whose case has another number.

    ``alias_id`` is the case's id that the number was made of.
    """

    __tablename__ = "reference_alias"
    alias_id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    at: datetime = Field(sa_type=Utc)
