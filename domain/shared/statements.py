"""What an LMS reports: xAPI statements about one case; whether one fits its case, the program's module says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.shared.faults import Fault, Invalid
from domain.shared.fields import _text, time_of, uuid_of
from domain.shared.parsing import canonical

VERBS = "http://adlnet.gov/expapi/verbs/"


_COMPARED = ("actor", "verb", "object", "result", "context")


@dataclass(frozen=True)
class Statement:
    """A statement whose shape is right; whether it fits its case is `fact_of`'s to say."""

    id: str
    case_id: str
    home_page: str
    account: str
    verb: str
    object_id: str
    result: Any
    timestamp: datetime | None
    digest: str


def _member(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid([Fault(field, "required" if value is None else "object")])
    return value


def parse(body: Any) -> list[Statement]:
    """The statements in a body, one or a list, all or nothing. Raises `Invalid` naming every field at fault."""
    one = isinstance(body, dict)
    documents = [body] if one else body
    if not isinstance(documents, list) or not documents:
        raise Invalid([Fault("body", "object")])
    statements, faults = [], []
    for number, document in enumerate(documents):
        prefix = "" if one else f"{number}."
        try:
            statements.append(_statement(document))
        except Invalid as invalid:
            faults += [Fault(prefix + fault.field, fault.code, fault.details) for fault in invalid.faults]
    if faults:
        raise Invalid(faults)
    return statements


def _statement(document: Any) -> Statement:
    faults: list[Fault] = []

    def take(read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except Invalid as invalid:
            faults.extend(invalid.faults)
            return None

    document = _member(document, "body")
    statement_id = take(uuid_of, document.get("id"), "id")
    account = take(_member, (take(_member, document.get("actor"), "actor") or {}).get("account"), "actor.account") or {}
    home_page = take(_text, account.get("homePage"), "actor.account.homePage")
    name = take(_text, account.get("name"), "actor.account.name")
    verb = take(_text, (take(_member, document.get("verb"), "verb") or {}).get("id"), "verb.id")
    object_id = take(_text, (take(_member, document.get("object"), "object") or {}).get("id"), "object.id")
    context = take(_member, document.get("context"), "context") or {}
    case_id = take(uuid_of, context.get("registration"), "context.registration")
    timestamp = take(time_of, document["timestamp"], "timestamp") if document.get("timestamp") is not None else None
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
        digest=canonical(
            {field: document.get(field) for field in _COMPARED}
            | {"timestamp": timestamp.isoformat() if timestamp else None}
        ),
    )


def _actor_faults(statement: Statement, home_page: str, accounts: frozenset[str]) -> list[Fault]:
    faults = []
    if statement.home_page.rstrip("/") != home_page:
        faults.append(Fault("actor.account.homePage", "mismatch"))
    if statement.account not in accounts:
        faults.append(Fault("actor.account.name", "mismatch"))
    return faults
