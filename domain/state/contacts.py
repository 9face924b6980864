"""The fields of a request that its sender corrects without anybody being asked again: how they are reached, and
spoken of in Spanish.
"""

from collections.abc import Mapping
from typing import Any

from domain.shared.documents.faults import Fault, Invalid
from domain.state.request import amend_request, list_fields

_CONTACTS = ("phone", "addressed_as", "physical_address", "business_address")
_ADDRESSES = ("physical_address", "business_address")


def list_contacts(kind: str) -> list[str]:
    """Those of a kind of assister, in the order of its form."""
    return [name for name in _CONTACTS if name in list_fields(kind)]


def amend_contacts(request: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A stored request with corrected contacts laid over it.

    Raises `Invalid` for other fields, for what the form would refuse, and for an address in another state: whom the
    exchange takes in depends on the state (A7), so that staff are to hear of it.
    """
    contacts = list_contacts(request["kind"])
    if others := [Fault(name, "not_changeable") for name in changes if name not in contacts]:
        raise Invalid(others)
    amended = amend_request(request, changes)
    moved = [
        Fault(f"{name}.state", "address_in_other_state")
        for name in _ADDRESSES
        if name in changes and (before := (request.get(name) or {}).get("state")) and amended[name]["state"] != before
    ]
    if moved:
        raise Invalid(moved)
    return amended
