"""What the request says beside what the licence registry says: for who decides to read; checks are made elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.shared.assister import is_alike_name, is_same_name
from domain.shared.licensing import License, Producer, is_in_force, strip_number
from domain.state.request import StoredRequest


class Likeness(StrEnum):
    """How two say the same thing; *one_sided* is what only one of them says."""

    SAME = "same"
    ALIKE = "alike"
    DIFFERENT = "different"
    ONE_SIDED = "one_sided"


@dataclass(frozen=True)
class ComparedField:
    """A field as both have it, None where one doesn't say it; ``name`` is a field of the request."""

    name: str
    said: str | None
    registered: str | None
    likeness: Likeness


@dataclass(frozen=True)
class RegisteredLicense:
    """A licence of the exchange's state in the registry; ``is_asked_for`` where the request names it."""

    license: License
    is_asked_for: bool
    is_in_force: bool


@dataclass(frozen=True)
class Comparison:
    """Who the registry has under the NPN beside who asks: field by field, with the licences of the state.

    ``fields`` is empty, as ``licenses`` is, where the registry knows nobody under the NPN.
    """

    is_known: bool
    is_person: bool
    fields: tuple[ComparedField, ...]
    licenses: tuple[RegisteredLicense, ...]


def compare_with_registry(request: StoredRequest, producer: Producer | None, today: date, state: str) -> Comparison:
    """The request beside the registry's answer; ``state`` is the exchange's, in two letters (A13)."""
    if producer is None:
        return Comparison(is_known=False, is_person=False, fields=(), licenses=())
    of_state = [one for one in producer.licenses if one.state == state]
    number = request.license_number
    wanted = strip_number(number) if number else None
    named = [one for one in of_state if wanted and strip_number(one.number) == wanted]
    fields = (
        _compare("npn", request.npn, producer.npn),
        _compare_name("first_name", request.first_name, producer.first_name),
        _compare_name("last_name", request.last_name, producer.last_name),
        _compare("license_number", number, ", ".join(one.number for one in named[:1] or of_state)),
        _compare_email(request.email, producer.contact_emails),
    )
    licenses = (RegisteredLicense(one, one in named, is_in_force(one, today)) for one in of_state)
    return Comparison(True, producer.entity == "individual", fields, tuple(licenses))


def _compare(name: str, said: str | None, registered: str) -> ComparedField:
    if not said or not registered:
        return ComparedField(name, said or None, registered or None, Likeness.ONE_SIDED)
    same = strip_number(said) == strip_number(registered)
    return ComparedField(name, said, registered, Likeness.SAME if same else Likeness.DIFFERENT)


def _compare_name(name: str, said: str, registered: str) -> ComparedField:
    """One part of a name, by the rules of the check of the whole."""
    if not said or not registered:
        return ComparedField(name, said or None, registered or None, Likeness.ONE_SIDED)
    if is_same_name(said, "", registered, ""):
        return ComparedField(name, said, registered, Likeness.SAME)
    alike = is_alike_name(said, said, registered, registered)
    return ComparedField(name, said, registered, Likeness.ALIKE if alike else Likeness.DIFFERENT)


def _compare_email(said: str, registered: Sequence[str]) -> ComparedField:
    """One of the registry's addresses is enough (D2)."""
    if not registered:
        return ComparedField("email", said, None, Likeness.ONE_SIDED)
    if said.lower() in registered:
        return ComparedField("email", said, said.lower(), Likeness.SAME)
    return ComparedField("email", said, ", ".join(registered), Likeness.DIFFERENT)
