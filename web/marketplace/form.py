"""The forms of a federal registration as the documents they stand for, and back; nothing is judged here (B5, B7)."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.federal.markets import Role
from domain.federal.profile import NPN_FIELDS
from domain.shared.faults import Fault
from web.http.forms import Values

_PERSON = ("language", "first_name", "last_name", "email", "phone", "role")
# The fields of a profile by its role (B5): who is not an agent broker has neither NPN nor business (B9).
FIELDS: dict[Role, tuple[str, ...]] = {
    Role.MARKETPLACE_AGENT_BROKER: (*_PERSON, *NPN_FIELDS, "business_contact", "professional_contact"),
    Role.NOT_AN_AGENT_BROKER: (*_PERSON, "professional_contact"),
}
# The order in which forms ask, whichever they are.
_ORDER = (
    "role",
    "markets",
    "first_name",
    "last_name",
    "email",
    "phone",
    "language",
    *FIELDS[Role.MARKETPLACE_AGENT_BROKER],
)
_OF_SOME_ROLE = frozenset(name for fields in FIELDS.values() for name in fields)
_DEEPEST = 2


def document_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The JSON document that filled fields stand for: dotted ones nested, languages by lines, markets by boxes."""
    document: dict[str, Any] = {}
    for name, text in values.items():
        if text:
            _put(document, name, text)
    if isinstance(document.get("markets"), dict):
        document["markets"] = list(document["markets"])
    return document


def values_of(document: Mapping[str, Any], path: str = "") -> Values:
    """What a form shows of a document: the inverse of `document_of`."""
    shown: Values = {}
    for name, value in document.items():
        here = f"{path}{name}"
        if isinstance(value, Mapping):
            shown |= values_of(value, f"{here}.")
        elif here == "markets":
            shown |= {f"markets.{market}": "true" for market in value}
        elif isinstance(value, list | tuple):
            shown[here] = "\n".join(value)
        elif value is not None:
            shown[here] = str(value)
    return shown


def profile_changes(values: Mapping[str, str], role: Role) -> dict[str, Any]:
    """What a profile form changes: every field of the role, those left empty taken away, and those of no other role."""
    document = document_of({**values, "verified": ""})
    of_role = {name: document.get(name) for name in FIELDS[role]}
    unknown = {name: value for name, value in document.items() if name not in _OF_SOME_ROLE}
    not_asked = dict.fromkeys(_OF_SOME_ROLE - set(of_role))
    return {**unknown, **not_asked, **of_role, "verified": values.get("verified") == "true"}


def role_of(values: Mapping[str, str], otherwise: Role) -> Role:
    """The role that is chosen in a form; one nobody knows shows the fields of the role there was."""
    return next((role for role in Role if role == values.get("role")), otherwise)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Faults in the order of their fields, those of no field last."""
    return sorted(
        faults, key=lambda fault: _ORDER.index(head) if (head := fault.field.partition(".")[0]) in _ORDER else 99
    )


def is_changed(values: Mapping[str, str], saved: Mapping[str, str], role: Role) -> bool:
    """Whether a profile form holds something else than what is saved."""
    posted = document_of({name: text for name, text in values.items() if name.partition(".")[0] in FIELDS[role]})
    known = document_of({name: text for name, text in saved.items() if name.partition(".")[0] in FIELDS[role]})
    return posted != known


def _put(document: dict[str, Any], name: str, text: str) -> None:
    """Puts a field where its dots say; under its whole name, which no form has, where something else is there."""
    *path, last = name.split(".", _DEEPEST)
    within = document
    for step in path:
        within = within.setdefault(step, {})
        if not isinstance(within, dict):
            document[name] = text
            return
    within[last] = _value(last, text)


def _value(name: str, text: str) -> Any:
    if name == "plan_year" and text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    if name == "languages":
        return [line.strip() for line in text.splitlines() if line.strip()]
    return text
