"""What an LMS reports, in its dialect; whether a statement fits its case, the program's module says."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field as dataclass_field
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.shared.documents.dialects import XAPI, Dialect
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.fields import parse_instant, parse_uuid, read_text
from domain.shared.documents.parsing import write_canonical

# What tells two bodies under one id apart (C5): record stores add fields of their own, such as stored and authority.
_COMPARED = ("actor", "verb", "object", "result", "context")
_LONGEST_ADDRESS = 254


@dataclass(frozen=True)
class Statement:
    """A statement whose shape is right; whether it fits its case, the program's module says.

    The person is known by ``account`` or, where that is empty, by ``email``; ``case_id`` is None where person and
    activity say whose it is. ``verb`` is what was sent, ``meanings`` what it may mean in xAPI's verbs, without any
    where we don't act on it. ``activity_field`` says where ``object_id`` stood, for faults.
    """

    id: str
    case_id: str | None
    home_page: str
    account: str
    email: str
    verb: str
    meanings: tuple[str, ...]
    object_id: str
    activity_field: str
    result: Any
    timestamp: datetime | None
    digest: str
    dialect: Dialect = XAPI

    @property
    def person_field(self) -> str:
        """Where the person stood, for faults."""
        return self.dialect.account if self.account else self.dialect.mailbox


@dataclass(frozen=True)
class ReadStatement:
    """One report of a body: the statement it is, or the faults for which it is none; ``case_id`` is as it says."""

    document: Any
    statement: Statement | None = None
    faults: Sequence[Fault] = dataclass_field(default=())
    case_id: str | None = None


def read_statements(body: Any, dialect: Dialect = XAPI, zone: tzinfo | None = UTC) -> list[ReadStatement]:
    """Each report in a body, one or a list: one that can't be read keeps no other from being read (P4).

    Raises `Invalid` where the body is nothing of the kind.
    """
    documents = _list_documents(body, dialect)
    found = []
    for number, document in enumerate(documents):
        try:
            statement = _parse_statement(document, number, dialect, zone)
            found.append(ReadStatement(document, statement, case_id=statement.case_id))
        except Invalid as invalid:
            found.append(ReadStatement(document, faults=invalid.faults, case_id=_find_named_case(document, dialect)))
    return found


def parse_statements(body: Any, dialect: Dialect = XAPI, zone: tzinfo | None = UTC) -> list[Statement]:
    """The statements in a body, one or a list. Raises `Invalid` naming every field at fault."""
    read = read_statements(body, dialect, zone)
    faults = [fault for number, one in enumerate(read) for fault in number_faults(one.faults, number, len(read))]
    if faults:
        raise Invalid(faults)
    return [one.statement for one in read if one.statement is not None]


def number_faults(faults: Sequence[Fault], number: int, count: int) -> list[Fault]:
    """The faults of one report of several, the fields with its number before them."""
    prefix = "" if count == 1 else f"{number}."
    return [Fault(prefix + fault.field, fault.code, fault.details) for fault in faults]


def _find_named_case(document: Any, dialect: Dialect) -> str | None:
    """The case that a report names which can't be read otherwise."""
    with suppress(Invalid):
        return parse_uuid(_find_value(document, dialect.case), dialect.case) if dialect.case else None
    return None


def _list_documents(body: Any, dialect: Dialect) -> list[Any]:
    """The reports of a body; the common part of a batch is added to each."""
    if dialect.reports and isinstance(body, dict) and isinstance(body.get(dialect.reports), list):
        common = {name: value for name, value in body.items() if name != dialect.reports}
        documents = [{**common, dialect.reports.removesuffix("s"): one} for one in body[dialect.reports]]
    else:
        documents = body if isinstance(body, list) else [body]
    if not documents or not isinstance(body, dict | list):
        raise Invalid([Fault("body", "object")])
    return documents


def _find_value(document: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    found = document
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _find_first(document: Any, paths: Sequence[str]) -> tuple[str, Any]:
    """The first path at which something stands, and that; else the last path."""
    for path in paths:
        if (value := _find_value(document, path)) is not None:
            return path, value
    return paths[-1], None


def _parse_statement(document: Any, number: int, dialect: Dialect, zone: tzinfo | None) -> Statement:
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "required" if document is None else "object")])
    faults: list[Fault] = []

    def collect(read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except Invalid as invalid:
            faults.extend(invalid.faults)
            return None

    activity_field, activity = _find_first(document, dialect.activity)
    time_field, stated_at = _find_first(document, dialect.timestamp)
    timestamp = collect(parse_instant, stated_at, time_field, zone) if stated_at is not None else None
    account = home_page = email = ""
    is_known_by_mailbox = _has_mailbox(document, dialect)
    if is_known_by_mailbox:
        email = collect(_read_email, document, dialect)
    else:
        account = collect(_read_id, _find_value(document, dialect.account), dialect.account)
        if dialect.home_page:
            home_page = collect(read_text, _find_value(document, dialect.home_page), dialect.home_page)
    verb, meanings = collect(_read_outcome, document, dialect) or ("", ())
    object_id = collect(_read_id, activity, activity_field)
    case_id = collect(_read_case, document, dialect, is_known_by_mailbox) if dialect.case else None
    compared = _select_compared(document, dialect, timestamp)
    statement_id = collect(_read_report_id, document, number, dialect, compared)
    if faults:
        raise Invalid(faults)
    return Statement(
        id=statement_id,
        case_id=case_id,
        home_page=home_page,
        account=account,
        email=email,
        verb=verb,
        meanings=meanings,
        object_id=object_id,
        activity_field=activity_field,
        result=_find_result(document, dialect),
        timestamp=timestamp,
        digest=compared,
        dialect=dialect,
    )


def _has_mailbox(document: Mapping[str, Any], dialect: Dialect) -> bool:
    """Whether the person is known by an address, for want of an account."""
    if not dialect.mailbox or _find_value(document, dialect.account) is not None:
        return False
    return _find_value(document, dialect.mailbox) is not None


def _read_email(document: Mapping[str, Any], dialect: Dialect) -> str:
    address = read_text(_find_value(document, dialect.mailbox), dialect.mailbox).removeprefix("mailto:")
    if "@" not in address or len(address) > _LONGEST_ADDRESS:
        raise Invalid([Fault(dialect.mailbox, "email")])
    return address.lower()


def _read_id(value: Any, field: str) -> str:
    """An id, which some write as a number."""
    return read_text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value, field)


def _read_outcome(document: Mapping[str, Any], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """What happened, as it was sent, and what it may mean."""
    said = [(path, _find_value(document, path)) for path in dialect.outcome]
    found = [read_text(value, path) for path, value in said if value is not None]
    if not found:
        read_text(None, dialect.outcome[0])
    return found[0], tuple(meaning for value in found for meaning in dialect.outcomes.get(value, ()))


def _read_case(document: Mapping[str, Any], dialect: Dialect, is_known_by_person: bool) -> str | None:
    value = _find_value(document, dialect.case)
    return None if value is None and is_known_by_person else parse_uuid(value, dialect.case)


def _read_report_id(document: Mapping[str, Any], number: int, dialect: Dialect, compared: str) -> str:
    """The report's id as a UUID; what has none is known by its content."""
    if not dialect.id:
        return str(uuid5(NAMESPACE_URL, f"{dialect.name}:{sha256(compared.encode()).hexdigest()}"))
    given = _find_value(document, dialect.id)
    if not dialect.numbered:
        return parse_uuid(given, dialect.id)
    return str(uuid5(NAMESPACE_URL, f"{dialect.name}:{_read_id(given, dialect.id)}:{number}"))


def _select_compared(document: Mapping[str, Any], dialect: Dialect, timestamp: datetime | None) -> str:
    """What tells two bodies under one id apart, in one spelling."""
    is_xapi = dialect.outcome == XAPI.outcome
    compared = {field: document.get(field) for field in _COMPARED} if is_xapi else dict(document)
    return write_canonical(compared | {"timestamp": timestamp.isoformat() if timestamp else None})


def _find_result(document: Mapping[str, Any], dialect: Dialect) -> Any:
    """The part that holds the score; "@" is the report itself."""
    if dialect.result == "@":
        return document
    return _find_value(document, dialect.result) if dialect.result else None


def find_actor_faults(statement: Statement, home_page: str, accounts: frozenset[str], email: str = "") -> list[Fault]:
    """What is wrong with whom a statement is about: another site's account, or nobody's of this case."""
    if statement.email:
        is_same = bool(email) and statement.email == email.lower()
        return [] if is_same else [Fault(statement.person_field, "mismatch")]
    faults = []
    if statement.dialect.home_page and statement.home_page.rstrip("/") != home_page:
        faults.append(Fault(statement.dialect.home_page, "mismatch"))
    if statement.account not in accounts:
        faults.append(Fault(statement.person_field, "mismatch"))
    return faults


def renumber_statement(statement_id: str, seed: str) -> str:
    """Another id for a statement that is taken under its own one already."""
    return str(uuid5(UUID(statement_id), seed))
