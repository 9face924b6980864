"""The tables. Personal data lives here and nowhere else; facts and the audit are append-only."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Index, LargeBinary, String, TypeDecorator, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel


class Utc(TypeDecorator[datetime]):
    """Instants in UTC; SQLite drops the zone, this puts it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: as UTC, without the zone where the database can't keep it."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database: always with UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Compared byte by byte, so that the beginning of a word can be looked up in an index.
PLAIN = String().with_variant(String(collation="C"), "postgresql")


class Assister(SQLModel, table=True):
    """A person. Who is the same person is found by ``person_key``, a keyed hash of NPN or e-mail (A10)."""

    __tablename__ = "assister"
    __table_args__ = (Index("ix_assister_email", text("lower(email)")),)
    assister_id: str = Field(primary_key=True)
    person_key: str = Field(unique=True)
    npn: str | None = None
    email: str
    first_name: str
    last_name: str
    language: str = "en"
    lms_account: str | None = Field(default=None, description="the account's name in the LMS, once there is one")
    portal_account: str | None = Field(default=None, description="the account's id in the portal, once there is one")
    details: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON, description="the last request's or import's fields"
    )
    created_at: datetime = Field(sa_type=Utc)
    import_id: str | None = Field(default=None, index=True, description="the import by which they were first known")


class EarlierYear(SQLModel, table=True):
    """What an imported record says of one earlier year (A8, A9, B1)."""

    __tablename__ = "earlier_year"
    assister_id: str = Field(primary_key=True, foreign_key="assister.assister_id")
    program: str = Field(primary_key=True)
    plan_year: int = Field(primary_key=True)
    registered: bool = False
    trained: bool = False
    certified: bool = False
    individual_market: bool = False
    import_id: str | None = Field(default=None, index=True, description="the import that told of it first")


# The columns by which lists of cases are filtered, and the orders of the queue with the index of each.
LISTED_BY = ("attention", "program", "plan_year", "kind", "stage", "finding")
QUEUE_ORDERS = {
    "ix_case_attention": ("attention_since", "case_id"),
    "ix_case_by_name": ("sort_name", "case_id", "attention_since"),
    "ix_case_by_reason": ("attention", "attention_since", "case_id"),
    "ix_case_by_finding": ("finding", "attention_since", "case_id"),
    "ix_case_by_kind": ("kind", "attention_since", "case_id"),
    "ix_case_by_program": ("program", "attention_since", "case_id"),
}


def _index_queue(name: str, *order: str) -> Index:
    """An index of the cases that wait for staff alone, few of all: the columns of an order, then those of filters."""
    waiting = text("attention_since IS NOT NULL")
    columns = (*order, *(one for one in LISTED_BY if one not in order))
    return Index(name, *columns, sqlite_where=waiting, postgresql_where=waiting)


class Case(SQLModel, table=True):
    """One assister, program, plan year and attempt; ``stage`` and ``waiting_*`` are the fold over its facts."""

    __tablename__ = "assister_case"
    __table_args__ = (
        UniqueConstraint("assister_id", "program", "plan_year", "attempt"),
        # Reminders, counts, the queue and the list of all cases are read from these alone, however they are filtered.
        # None begins with a column that lists are filtered by: SQLite, which knows no frequencies, would gather half
        # of the cases by it and sort them.
        Index("ix_case_queue", "waiting_for", "waiting_since", "program", "plan_year", "case_id"),
        Index("ix_case_counts", "assister_type", "program", "plan_year", "stage", "kind", "attention", "finding"),
        *(_index_queue(name, *order) for name, order in QUEUE_ORDERS.items()),
        Index("ix_case_opened", "opened_at", "case_id", *LISTED_BY),
        # What the delivery looks for every other second; most often there is nothing.
        Index(
            "ix_case_unbegun",
            "opened_at",
            sqlite_where=text("run_id IS NULL"),
            postgresql_where=text("run_id IS NULL"),
        ),
    )
    case_id: str = Field(primary_key=True)
    assister_id: str = Field(foreign_key="assister.assister_id", index=True)
    program: str
    plan_year: int
    attempt: int
    kind: str
    assister_type: str
    has_lms_account: bool
    has_portal_account: bool
    has_portal_profile: bool = Field(
        default=False, description="completed in an earlier year, or counted as done (A11)"
    )
    has_scheduling_tool: bool = Field(default=False, description="ready in an earlier year, or counted as done (A11)")
    rules_hash: str = Field(
        sa_column_kwargs={"server_default": text("''")}, description="of the rules it began with, in kept_rules (E12)"
    )
    request: dict[str, Any] = Field(sa_type=JSON, description="the request as it stands, after answers")
    identity_matches: bool = True
    npn_unproven: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="whether it is still to be proven whose its NPN is (D2)",
    )
    npn_legacy: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="whether that is to be proven before a further market is completed; what was before then stays",
    )
    first_email: str | None = Field(
        default=None,
        description="the address it was asked for with, to which every letter goes; none of cases from before claims",
    )
    workflow_id: str
    run_id: str | None = Field(default=None, description="first execution run id of the workflow that owns the case")
    restarts: int = Field(
        default=0,
        sa_column_kwargs={"server_default": text("0")},
        description="how often it was begun again by itself, of late",
    )
    restarted_at: datetime | None = Field(
        default=None, sa_type=Utc, description="when its workflow was last to be begun again"
    )
    reports_wanted: list[str] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="third parties to be asked for their reports again"
    )
    stage: str
    waiting_for: str | None = None
    waiting_since: datetime | None = Field(default=None, sa_type=Utc)
    flag: str | None = Field(default=None, description="what staff should look at")
    flagged_at: datetime | None = Field(default=None, sa_type=Utc)
    further_flags: list[list[str]] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="raised while that one is up: what and when, each"
    )
    attention: str | None = Field(default=None, description="why staff should look at it: the flag, or decision")
    attention_since: datetime | None = Field(default=None, sa_type=Utc)
    finding: str = Field(
        default="without",
        sa_column_kwargs={"server_default": text("'without'")},
        description="what its checks come to while it waits for a decision",
    )
    checks: dict[str, Any] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="the same in a line: number, and open by check"
    )
    sort_name: str = Field(
        default="",
        sa_type=PLAIN,
        sa_column_kwargs={"server_default": text("''")},
        description="its person's last name, then the first one, in plain small letters",
    )
    opened_at: datetime = Field(sa_type=Utc)
    unpublished: bool = Field(
        default=False,
        index=True,
        sa_column_kwargs={"server_default": false()},
        description="changed since the federal lists were staged; the state program has none",
    )


class FactRow(SQLModel, table=True):
    """A fact about a case; never changed, never deleted."""

    __tablename__ = "fact"
    # The dashboard counts the decisions of thirty days: of all facts it reads these alone.
    __table_args__ = (
        Index(
            "ix_fact_decided", "at", sqlite_where=text("kind = 'decided'"), postgresql_where=text("kind = 'decided'")
        ),
    )
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    kind: str
    at: datetime = Field(sa_type=Utc)
    data: dict[str, Any] = Field(sa_type=JSON)
    recorded_at: datetime = Field(sa_type=Utc)


class CondensedRow(SQLModel, table=True):
    """The facts of a case that its fold still needs; a fact takes its row away, and who writes it makes a new one."""

    __tablename__ = "condensed_facts"
    case_id: str = Field(primary_key=True, foreign_key="assister_case.case_id")
    rule: int = Field(description="by which rule they were chosen: those of another one are chosen anew")
    total: int = Field(description="how many facts the case has")
    facts: list[dict[str, Any]] = Field(sa_type=JSON)


# Who the audit names for what nobody asked for.
SYSTEM = "system"


class AuditRow(SQLModel, table=True):
    """Who did what, when and why (C9); never changed, never deleted."""

    __tablename__ = "audit"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Utc)
    actor: str
    action: str
    case_id: str | None = Field(default=None, index=True)
    assister_id: str | None = Field(default=None, index=True)
    reason: str | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    reason_code: str | None = Field(
        default=None, description="of what we say ourselves in it: the reason, or the details' answer or note"
    )
    reason_details: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class CommandRow(SQLModel, table=True):
    """What somebody told the case to do, kept under the caller's id before it is sent: pending, applied or refused."""

    __tablename__ = "command"
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    kind: str
    actor: str
    reason: str
    data: dict[str, Any] = Field(sa_type=JSON)
    state: str = Field(default="pending", index=True)
    answer: str | None = None
    answer_code: str | None = Field(default=None, description="of the answer; none where it is no sentence of ours")
    answer_details: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    created_at: datetime = Field(sa_type=Utc)


class InboxRow(SQLModel, table=True):
    """A webhook's event, stored before it is acknowledged; delivered to the workflow once it can be."""

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("source", "event_id"), Index("ix_inbox_state", "state", "id"))
    id: int | None = Field(default=None, primary_key=True)
    source: str
    event_id: str
    case_id: str = Field(index=True)
    kind: str
    digest: str
    fact_id: str | None = None
    message: dict[str, Any] | None = Field(
        default=None, sa_type=JSON, description="the signal to send, of events from before it was made when sent"
    )
    note: str | None = Field(default=None, description="why it has no effect, for staff")
    note_code: str | None = Field(default=None, description="of the note; none where it is no sentence of ours")
    note_details: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    state: str = Field(description="pending, delivered, without_effect or expected")
    received_at: datetime = Field(sa_type=Utc)


class AlteredEvent(SQLModel, table=True):
    """The same event id with another body, kept aside for staff (C5)."""

    __tablename__ = "altered_event"
    id: int | None = Field(default=None, primary_key=True)
    source: str
    event_id: str
    case_id: str = Field(index=True)
    body: dict[str, Any] = Field(sa_type=JSON)
    received_at: datetime = Field(sa_type=Utc)
    released_at: datetime | None = Field(default=None, sa_type=Utc, description="when staff had it taken all the same")
    sender: str | None = Field(default=None, description="who sent it, by its id; not known of those from before")


class UncountedReport(SQLModel, table=True):
    """A report of a known sender that can't be counted as it stands, kept for staff; the same again is counted up."""

    __tablename__ = "uncounted_report"
    __table_args__ = (
        UniqueConstraint("sender", "digest"),
        Index("ix_uncounted_report_open", "settled_at", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    sender: str
    digest: str = Field(description="of the report's content")
    case_id: str | None = Field(default=None, index=True, description="the case it names, where there is one")
    body: dict[str, Any] = Field(sa_type=JSON)
    faults: list[Any] = Field(sa_type=JSON, description="field, code and details of each")
    times: int = Field(default=1, description="how often it came")
    received_at: datetime = Field(sa_type=Utc)
    settled_at: datetime | None = Field(default=None, sa_type=Utc, description="when staff were done with it")
    outcome: str | None = Field(default=None, description="what they did: counted or dismissed")


class EffectRow(SQLModel, table=True):
    """An effect on the outside: intended first, then made from this row; the first result stands."""

    __tablename__ = "effect"
    __table_args__ = (
        # What waits for a third party; most often there is next to nothing.
        Index(
            "ix_effect_undone",
            *("kind", "intended_at", "case_id"),
            sqlite_where=text("result IS NULL"),
            postgresql_where=text("result IS NULL"),
        ),
    )
    key: str = Field(primary_key=True, description="case, step and occurrence")
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    kind: str
    external_id: str | None = Field(default=None, index=True, description="the third party's id, by which it reports")
    data: dict[str, Any] = Field(sa_type=JSON)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    intended_at: datetime = Field(sa_type=Utc)
    done_at: datetime | None = Field(default=None, sa_type=Utc)


class EvidenceRow(SQLModel, table=True):
    """A third party's raw answer with its hash (A13)."""

    __tablename__ = "evidence"
    key: str = Field(primary_key=True, description="case, source and round")
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    source: str
    sha256: str
    raw: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=Utc)


class CertificateRow(SQLModel, table=True):
    """A certificate issued; the file is kept by its content hash (A23). In the federal program one a market (B12)."""

    __tablename__ = "certificate"
    __table_args__ = (
        # A case has one first certificate a market, and each is superseded once.
        Index(
            "ix_certificate_first",
            "case_id",
            "market",
            unique=True,
            sqlite_where=text("supersedes IS NULL"),
            postgresql_where=text("supersedes IS NULL"),
        ),
        UniqueConstraint("supersedes", name="uq_certificate_supersedes"),
    )
    number: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    market: str = Field(default="", description="individual or shop; empty in the state program")
    holder: str | None = Field(default=None, description="the name on it; none on those issued before it was kept")
    kind: str | None = Field(default=None, description="agent, broker, … or a federal role: what its holder was then")
    supersedes: str | None = Field(default=None, description="the number of the one in whose place it is; E11")
    issued_at: datetime = Field(sa_type=Utc)
    valid_until: date | None = None
    sha256: str
    uri: str


class BadgeEntryRow(SQLModel, table=True):
    """The place of a certificate in the status lists of badges; it never has another one (E16)."""

    __tablename__ = "badge_entry"
    __table_args__ = (UniqueConstraint("number", name="uq_badge_entry_number"),)
    entry: int | None = Field(default=None, primary_key=True, description="1 is at index 0 of the first list")
    number: str = Field(foreign_key="certificate.number")


class LinkRow(SQLModel, table=True):
    """An e-mailed link, by the hash of its token: to the status page, or a counselor's single-use activation (A28)."""

    __tablename__ = "link"
    token_hash: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    purpose: str
    letter: str | None = Field(default=None, description="key of the letter it stands in")
    created_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc)
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    voided_at: datetime | None = Field(default=None, sa_type=Utc)


class TicketRow(SQLModel, table=True):
    """A launch ticket by the hash of its secret: single use, for one vendor and curriculum, expiring (B14)."""

    __tablename__ = "launch_ticket"
    token_hash: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    vendor: str
    curriculum: str
    created_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc)
    redeemed_at: datetime | None = Field(default=None, sa_type=Utc)


class PublicationRow(SQLModel, table=True):
    """One publication of the federal lists: staged under its number first, then made current at once (B18–B20)."""

    __tablename__ = "publication"
    number: int = Field(primary_key=True)
    business_day: date
    opened_at: datetime = Field(sa_type=Utc)
    published_at: datetime | None = Field(default=None, sa_type=Utc)


class PublishedRow(SQLModel, table=True):
    """One line of a published list; without cells it is one taken out. Of a key the newest published line counts."""

    __tablename__ = "published_row"
    list_name: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    publication: int = Field(primary_key=True, index=True)
    owner: str = Field(index=True, description="assister and plan year")
    cells: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    replaced_by: int | None = Field(
        default=None, index=True, description="the publication by whose next one nobody needs this line any more"
    )


class StageEntry(SQLModel, table=True):
    """When a case entered a stage, and when it left it; for how long stages take."""

    __tablename__ = "stage_entry"
    __table_args__ = (Index("ix_stage_entry_left", "stage", "left_at", "entered_at"),)
    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    stage: str
    entered_at: datetime = Field(sa_type=Utc)
    left_at: datetime | None = Field(default=None, sa_type=Utc)


class SearchTerm(SQLModel, table=True):
    """A word by which a person is found: a name, an e-mail address or an NPN, folded to plain small letters."""

    __tablename__ = "search_term"
    # Without row ids the table is its own index: a search reads nothing else.
    __table_args__ = (Index("ix_search_term_assister", "assister_id", "term"), {"sqlite_with_rowid": False})
    term: str = Field(sa_type=PLAIN, primary_key=True)
    assister_id: str = Field(primary_key=True, foreign_key="assister.assister_id")


class SentMail(SQLModel, table=True):
    """A notice as it was sent, for staff; the secrets of its links left out."""

    __tablename__ = "sent_mail"
    key: str = Field(primary_key=True, description="the effect's")
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    notice: str
    language: str
    recipient: str
    subject: str
    text: str
    html: str
    attachments: list[str] = Field(default_factory=list, sa_type=JSON, description="file names")
    message_id: str = Field(index=True)
    sent_at: datetime = Field(sa_type=Utc)


class StaffSession(SQLModel, table=True):
    """Somebody of staff signed in, by the hash of the cookie's secret; expires, and can be revoked."""

    __tablename__ = "staff_session"
    token_hash: str = Field(primary_key=True)
    id: str = Field(unique=True, description="by which it is named on pages")
    actor: str = Field(index=True)
    name: str
    roles: list[str] = Field(sa_type=JSON)
    csrf: str
    created_at: datetime = Field(sa_type=Utc)
    seen_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)
    ended_by: str | None = None


class AccessLogRow(SQLModel, table=True):
    """An access to personal data: who, when, on which page, whose case; never changed, never deleted."""

    # The first name of the access log: a table is not renamed for the sake of a word.
    __tablename__ = "look"
    __table_args__ = (
        Index("ix_look_actor", "actor", "id"),
        Index("ix_look_case", "case_id", "id"),
        Index("ix_look_at", "at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Utc)
    actor: str
    page: str
    case_id: str | None = Field(default=None, description="none where a whole list was exported")
    is_further: bool | None = Field(
        default=None, description="true of every case that one view of a page showed but of its first"
    )


class DraftRow(SQLModel, table=True):
    """The answers of a request form not yet sent, by the hash of the cookie's secret; deleted once sent or expired."""

    __tablename__ = "request_draft"
    token_hash: str = Field(primary_key=True)
    answers: dict[str, str] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc, index=True)


class LeaseRow(SQLModel, table=True):
    """Which process does what only one at a time may do, and until when if it does not renew it."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str
    expires_at: datetime = Field(sa_type=Utc)
