"""What an LMS reports: xAPI statements about one case; whether one fits its case, the program's module says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.fields import parse_instant, parse_uuid, read_text
from domain.shared.documents.parsing import write_canonical

VERBS = "http://adlnet.gov/expapi/verbs/"


# What tells two bodies under one id apart (C5): record stores add fields of their own, such as stored and authority.
_COMPARED = ("actor", "verb", "object", "result", "context")


@dataclass(frozen=True)
class Statement:
    """A statement whose shape is right; whether it fits its case, the program's module says."""

    id: str
    case_id: str
    home_page: str
    account: str
    verb: str
    object_id: str
    result: Any
    timestamp: datetime | None
    digest: str


def _read_member(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid([Fault(field, "required" if value is None else "object")])
    return value


def parse_statements(body: Any) -> list[Statement]:
    """The statements in a body, one or a list, all or nothing. Raises `Invalid` naming every field at fault."""
    one = isinstance(body, dict)
    documents = [body] if one else body
    if not isinstance(documents, list) or not documents:
        raise Invalid([Fault("body", "object")])
    statements, faults = [], []
    for number, document in enumerate(documents):
        prefix = "" if one else f"{number}."
        try:
            statements.append(_parse_statement(document))
        except Invalid as invalid:
            faults += [Fault(prefix + fault.field, fault.code, fault.details) for fault in invalid.faults]
    if faults:
        raise Invalid(faults)
    return statements


def _parse_statement(document: Any) -> Statement:
    faults: list[Fault] = []

    def collect(read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except Invalid as invalid:
            faults.extend(invalid.faults)
            return None

    def read_part(whole: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
        return collect(_read_member, whole.get(name), path) or {}

    document = _read_member(document, "body")
    statement_id = collect(parse_uuid, document.get("id"), "id")
    account = read_part(read_part(document, "actor", "actor"), "account", "actor.account")
    home_page = collect(read_text, account.get("homePage"), "actor.account.homePage")
    name = collect(read_text, account.get("name"), "actor.account.name")
    verb = collect(read_text, read_part(document, "verb", "verb").get("id"), "verb.id")
    object_id = collect(read_text, read_part(document, "object", "object").get("id"), "object.id")
    case_id = collect(parse_uuid, read_part(document, "context", "context").get("registration"), "context.registration")
    stated_at = document.get("timestamp")
    timestamp = collect(parse_instant, stated_at, "timestamp") if stated_at is not None else None
    if faults:
        raise Invalid(faults)
    return Statement(
        id=statement_id,
        case_id=case_id,
        home_page=home_page,
        account=name,
        verb=verb,
        object_id=object_id,
        result=document.get("result"),
        timestamp=timestamp,
        digest=write_canonical(
            {field: document.get(field) for field in _COMPARED}
            | {"timestamp": timestamp.isoformat() if timestamp else None}
        ),
    )


def find_actor_faults(statement: Statement, home_page: str, accounts: frozenset[str]) -> list[Fault]:
    faults = []
    if statement.home_page.rstrip("/") != home_page:
        faults.append(Fault("actor.account.homePage", "mismatch"))
    if statement.account not in accounts:
        faults.append(Fault("actor.account.name", "mismatch"))
    return faults
