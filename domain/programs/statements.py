"""What the LMS reports: xAPI statements about one case, checked against the case's policy (A17, A20–A22, C4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.federal.markets import MLMS
from domain.shared.facts import Fact, FactKind
from domain.shared.faults import Fault, Invalid
from domain.shared.parsing import canonical
from domain.shared.policy import FederalPolicy, LmsIds, Policy
from domain.state import exam

VERBS = "http://adlnet.gov/expapi/verbs/"

MEANING: dict[tuple[str, str], FactKind] = {
    ("registered", "account_id"): FactKind.LMS_REGISTERED,
    ("completed", "profile_id"): FactKind.LMS_PROFILE_COMPLETED,
    ("initialized", "course_id"): FactKind.COURSE_STARTED,
    ("completed", "course_id"): FactKind.COURSE_COMPLETED,
    ("passed", "exam_id"): FactKind.EXAM_ATTEMPTED,
    ("failed", "exam_id"): FactKind.EXAM_ATTEMPTED,
    ("scored", "exam_id"): FactKind.EXAM_ATTEMPTED,
}

# The federal program has no exam: the course's completion suffices (B12).
COURSE_MEANING = {"initialized": FactKind.COURSE_STARTED, "completed": FactKind.COURSE_COMPLETED}

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


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 2000:
        raise Invalid([Fault(field, "required" if value in (None, "") else "text")])
    return value


def _member(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid([Fault(field, "required" if value is None else "object")])
    return value


def uuid_of(value: Any, field: str) -> str:
    """A UUID in its usual spelling; raises `Invalid` naming the field."""
    try:
        return str(UUID(_text(value, field)))
    except ValueError:
        raise Invalid([Fault(field, "uuid")]) from None


def time_of(value: Any, field: str) -> datetime:
    """An instant with its zone, as UTC, of the years 2000 to 2099; raises `Invalid` naming the field."""
    try:
        found = datetime.fromisoformat(_text(value, field))
        if found.tzinfo is None or not 2000 <= found.year < 2100:
            raise ValueError("no instant of ours")
        return found.astimezone(UTC)
    except ValueError:
        raise Invalid([Fault(field, "timestamp")]) from None


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


def fact_of(statement: Statement, policy: Policy, accounts: frozenset[str], received_at: datetime) -> Fact:
    """The fact a statement reports of its case. ``accounts`` are the names the person has in the LMS.

    Raises `Invalid` naming actor, verb, object or score where it doesn't fit the case or its policy (C4, A20).
    """
    faults = _actor_faults(statement, policy.lms.home_page, accounts)
    kind = _kind(statement, policy.lms, faults)
    data: dict[str, Any] = {}
    if kind is FactKind.EXAM_ATTEMPTED:
        try:
            score = exam.score_of(statement.result)
            data = {
                "event_id": statement.id,
                "score": exam.as_text(score),
                "passed": exam.passes(score, policy.pass_mark),
            }
        except Invalid as invalid:
            faults.extend(invalid.faults)
    if faults or kind is None:
        raise Invalid(faults)
    return Fact(id=f"lms:{statement.id}", kind=kind, at=statement.timestamp or received_at, data=data)


def course_fact_of(
    statement: Statement, policy: FederalPolicy, accounts: frozenset[str], received_at: datetime
) -> Fact:
    """The fact a statement of the MLMS reports of a federal registration (B12, B13).

    Raises `Invalid` naming actor, verb or object where it doesn't fit the registration or its policy.
    """
    faults = _actor_faults(statement, policy.mlms.home_page, accounts)
    verb = statement.verb.removeprefix(VERBS)
    kind = COURSE_MEANING.get(verb) if verb != statement.verb else None
    if kind is None:
        faults.append(Fault("verb.id", "not_understood"))
    curriculum = next((one for one, course in policy.mlms.courses.items() if course == statement.object_id), None)
    if curriculum is None:
        faults.append(Fault("object.id", "mismatch"))
    if faults or kind is None or curriculum is None:
        raise Invalid(faults)
    data = {"curriculum": curriculum.value, "channel": MLMS}
    at = min(statement.timestamp or received_at, received_at)  # whose clock is fast moves no due date
    return Fact(id=f"lms:{statement.id}", kind=kind, at=at, data=data)


def _actor_faults(statement: Statement, home_page: str, accounts: frozenset[str]) -> list[Fault]:
    faults = []
    if statement.home_page.rstrip("/") != home_page:
        faults.append(Fault("actor.account.homePage", "mismatch"))
    if statement.account not in accounts:
        faults.append(Fault("actor.account.name", "mismatch"))
    return faults


def _kind(statement: Statement, ids: LmsIds, faults: list[Fault]) -> FactKind | None:
    """The fact's kind; otherwise the fault of the field that is off: an unknown verb, or another year's activity."""
    verb = statement.verb.removeprefix(VERBS)
    if not any(known == verb for known, _ in MEANING) or verb == statement.verb:
        faults.append(Fault("verb.id", "not_understood"))
        return None
    role = next(
        (name for name in LmsIds.model_fields if name != "home_page" and getattr(ids, name) == statement.object_id),
        None,
    )
    if role is None:
        faults.append(Fault("object.id", "mismatch"))
        return None
    kind = MEANING.get((verb, role))
    if kind is None:
        faults.append(Fault("object.id", "not_understood"))
    return kind
