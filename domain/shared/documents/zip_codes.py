"""Whose ZIP Codes begin with which three digits, as data from a file, and the addresses that differ from it.

What differs is a question to whoever typed it, and never a fault: along a border people live in one state and have a
ZIP Code of the next, some prefixes are of two states, and addresses that were taken before stay as they are.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints

from domain.shared.documents.fields import STATES
from domain.shared.policy import PolicyData

_DIGITS = 3
# Forms fill it from the business address where that is said to be the same.
_COPY = "physical_address."


def _check_range(text: str) -> str:
    first, _, last = text.partition("-")
    if last and last < first:
        raise ValueError("the first prefix comes before the last one")
    return text


def _check_states(prefixes: dict[str, Any]) -> dict[str, Any]:
    if unknown := sorted(prefixes.keys() - STATES):
        raise ValueError(f"there is no state with the letters {', '.join(unknown)}")
    return prefixes


PrefixRange = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}(-[0-9]{3})?$"), AfterValidator(_check_range)]


class ZipCodes(PolicyData):
    """The three digits with which the ZIP Codes of each state begin: one prefix, or the first and last of several."""

    prefixes: Annotated[dict[str, tuple[PrefixRange, ...]], AfterValidator(_check_states)] = Field(
        description="by the state's letters"
    )


class ZipDoubt(NamedTuple):
    """An address whose ZIP Code is of other states than the one it names; ``field`` is the path of its ZIP Code."""

    field: str
    postal_code: str
    state: str
    others: tuple[str, ...]


# In force in this process, by prefix; put there at start.
_IN_FORCE: dict[str, tuple[str, ...]] = {}


def use_zip_codes(codes: ZipCodes) -> None:
    """Puts these ZIP Codes in force for this process."""
    found: dict[str, tuple[str, ...]] = {}
    for state, ranges in sorted(codes.prefixes.items()):
        for one in ranges:
            first, _, last = one.partition("-")
            for prefix in range(int(first), int(last or first) + 1):
                name = f"{prefix:0{_DIGITS}}"
                found[name] = (*found.get(name, ()), state)
    _IN_FORCE.clear()
    _IN_FORCE.update(found)


def find_zip_doubts(document: Mapping[str, Any]) -> list[ZipDoubt]:
    """The addresses in a form's document whose ZIP Code is of another state, each combination of the two once.

    What two addresses share is told of at the business address: it is typed there, and the physical one follows it.
    """
    found: dict[tuple[str, str], ZipDoubt] = {}
    for path, address in sorted(_list_addresses(document, ""), key=lambda one: one[0].startswith(_COPY)):
        code, state = str(address["postal_code"]).strip(), str(address["state"]).strip().upper()
        others = _IN_FORCE.get(code[:_DIGITS], ())
        if others and state in STATES and state not in others:  # any other state is a fault already
            found.setdefault((code, state), ZipDoubt(f"{path}postal_code", code, state, others))
    return [*found.values()]


def _list_addresses(document: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Whatever names a state and a ZIP Code, however deep it is."""
    if document.get("state") and document.get("postal_code"):
        yield path, document
    for name, part in document.items():
        if isinstance(part, Mapping):
            yield from _list_addresses(part, f"{path}{name}.")
