"""What differs between the rules of two policies, field by field (E12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from domain.shared.policy import ProgramPolicy

# What says whose rules these are is no rule of them.
NO_RULES = frozenset({"program", "plan_year", "carried_over_from"})


@dataclass(frozen=True)
class PolicyDifference:
    """A field by its name with dots, and its value in each policy; None where a policy has none."""

    field: str
    before: Any
    after: Any


def list_rules(policy: ProgramPolicy) -> dict[str, Any]:
    """Every rule by its field's name with dots, as a plain value of JSON; lists of plain values are one rule."""
    # Field by field: calendars are no part of what a case keeps, and of a policy as a whole they are left out.
    document = {name: getattr(policy, name) for name in type(policy).model_fields if name not in NO_RULES}
    return dict(_flatten(to_jsonable_python(document), ""))


def compare_policies(before: ProgramPolicy, after: ProgramPolicy) -> list[PolicyDifference]:
    """The rules that differ, in the order of their fields."""
    left, right = list_rules(before), list_rules(after)
    return [
        PolicyDifference(field, left.get(field), right.get(field))
        for field in dict.fromkeys([*left, *right])
        if left.get(field) != right.get(field)
    ]


def _flatten(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _flatten(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for number, one in enumerate(value):
            yield from _flatten(one, f"{path}.{number}")
    else:
        yield path, value
