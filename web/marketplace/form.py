"""The forms of a federal registration as the documents they stand for, and back; nothing is judged here (B5, B7)."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.federal.markets import Role
from domain.federal.profile import NPN_FIELDS
from domain.shared.documents.faults import Fault
from web.http.forms import FormShape

SHAPE = FormShape(lines=frozenset({"languages"}), boxes=frozenset({"markets"}))
_PERSON = ("language", "addressed_as", "first_name", "last_name", "email", "phone", "role")
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
    "addressed_as",
    *FIELDS[Role.MARKETPLACE_AGENT_BROKER],
)
_OF_SOME_ROLE = frozenset(name for fields in FIELDS.values() for name in fields)


def collect_changes(values: Mapping[str, str], role: Role) -> dict[str, Any]:
    """What a profile form changes: every field of its role. Empty ones, and the other role's, are null: taken away."""
    document = SHAPE.read_document({**values, "verified": ""})
    of_role = {name: document.get(name) for name in FIELDS[role]}
    unknown = {name: value for name, value in document.items() if name not in _OF_SOME_ROLE}
    not_asked = dict.fromkeys(_OF_SOME_ROLE - set(of_role))
    return {**unknown, **not_asked, **of_role, "verified": values.get("verified") == "true"}


def read_role(values: Mapping[str, str], otherwise: Role) -> Role:
    """The role that is chosen in a form; one nobody knows shows the fields of the role there was."""
    return next((role for role in Role if role == values.get("role")), otherwise)


def sort_faults(faults: Iterable[Fault]) -> list[Fault]:
    """Faults in the order of their fields, those of no field last."""
    return sorted(
        faults, key=lambda fault: _ORDER.index(head) if (head := fault.field.partition(".")[0]) in _ORDER else 99
    )
