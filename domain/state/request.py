"""The Certification Request Form: what an assister submits, checked at the door (A1–A7, A10)."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
    model_validator,
)

from domain.shared.applicant import AddressedAs, Applicant, StoredAddress, is_unsaid
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import (
    Address,
    Email,
    LastName,
    Name,
    Npn,
    PersonName,
    Phone,
    StrictForm,
    check_plain,
    limit_text,
    make_error,
)
from domain.shared.exchange import find_state_exchange
from domain.shared.programs import STATE_PROGRAM, StateProgramName
from domain.state.policies import find_state_policy


def _of_home_state(text: str) -> str:
    home = find_state_exchange().state_code
    if text.upper() != home:
        raise make_error("license_state")
    return home


def _accepted(value: bool) -> bool:
    if not value:
        raise make_error("agreement")
    return value


def _consented(value: bool) -> bool:
    if not value:
        raise make_error("consent")
    return value


def fold_insurers(names: Iterable[str]) -> tuple[str, ...]:
    """Insurance companies each once, as it was written first: in whatever case, and with whatever spaces."""
    found: dict[str, str] = {}
    for name in names:
        tidy = " ".join(name.split())
        found.setdefault(tidy.casefold(), tidy)
    return tuple(found.values())


def _one(insurers: tuple[str, ...]) -> tuple[str, ...]:
    if len(insurers) > 1:
        raise make_error("one_insurer")
    return insurers


def _year(value: int) -> int:
    if find_state_policy(STATE_PROGRAM, value) is None:
        raise make_error("no_policy")
    return value


_Insurers = Annotated[tuple[Name, ...], Field(min_length=1, max_length=50), AfterValidator(fold_insurers)]


class EmployerKind(StrEnum):
    """Where counselors are found (A5)."""

    EXCHANGE = "exchange"
    HOSPITAL = "hospital"
    CLINIC = "clinic"
    SCHOOL = "school"
    OTHER = "other"


class Employer(StrictForm):
    """A counselor's employer; a name is required except for the exchange itself (A5)."""

    kind: EmployerKind
    name: (
        Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(check_plain)] | None
    ) = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.kind is not EmployerKind.EXCHANGE and not self.name:
            raise make_error("employer_name")
        return self


class _Common(StrictForm):
    program: StateProgramName
    plan_year: Annotated[int, Field(strict=True), AfterValidator(_year)]
    language: Literal["en", "es"] = "en"
    # Left out where nobody has said it: what was stored before has none either.
    addressed_as: AddressedAs = Field(default="", exclude_if=is_unsaid)
    first_name: PersonName
    last_name: LastName
    email: Email
    phone: Phone
    physical_address: Address


class _Licensed(_Common):
    npn: Npn
    license_number: Annotated[str, limit_text(30), AfterValidator(check_plain)]
    license_state: Annotated[str, limit_text(20), AfterValidator(_of_home_state)]
    business_address: Address
    agreement_accepted: Annotated[bool, Field(strict=True), AfterValidator(_accepted)]


class AgentRequest(_Licensed):
    """An agent's request: one insurer (A2)."""

    kind: Literal["agent"]
    insurers: Annotated[_Insurers, AfterValidator(_one)]


class BrokerRequest(_Licensed):
    """A broker's request: one insurer or more (A2)."""

    kind: Literal["broker"]
    insurers: _Insurers


class CounselorRequest(_Common):
    """An enrollment counselor's request: an employer, no licence and no insurer (A4, A5)."""

    kind: Literal["enrollment_counselor"]
    employer: Employer
    background_check_consent: Annotated[bool, Field(strict=True), AfterValidator(_consented)]
    agreement_accepted: Annotated[bool, Field(strict=True)] = False


Request = AgentRequest | BrokerRequest | CounselorRequest


_MODELS: dict[str, type[AgentRequest | BrokerRequest | CounselorRequest]] = {
    "agent": AgentRequest,
    "broker": BrokerRequest,
    "enrollment_counselor": CounselorRequest,
}


class StoredRequest(Applicant):
    """A request of the state program as it is stored; one opened without a form may lack what only forms ask for."""

    license_number: str | None = None
    physical_address: StoredAddress = StoredAddress()
    business_address: StoredAddress = StoredAddress()
    insurers: tuple[str, ...] = ()
    agreement_accepted: bool = False
    background_check_consent: bool = False


_FIXED = ("program", "plan_year", "kind")


# Each kind's fields, none of them required: what is known of somebody whose case opens without a form.
_PARTS: dict[str, type[StrictForm]] = {
    kind: create_model(
        f"PartOf{model.__name__}",
        __base__=StrictForm,
        **{name: (field.rebuild_annotation(), None) for name, field in model.model_fields.items()},  # type: ignore[call-overload]
    )
    for kind, model in _MODELS.items()
}


# The licence's state is the exchange's own; what has a default, as the language, nobody is asked about.
_ASKABLE: dict[str, tuple[str, ...]] = {
    kind: tuple(
        name
        for name, field in model.model_fields.items()
        if field.is_required() and name not in (*_FIXED, "license_state")
    )
    for kind, model in _MODELS.items()
}


FORM = frozenset(name for model in _MODELS.values() for name in model.model_fields)


def parse_request(data: object) -> Request:
    """The request in ``data`` (parsed JSON).

    Raises `Invalid` with every fault named, whatever the kind.
    """
    if not isinstance(data, Mapping):
        raise Invalid([Fault("body", "object")])
    kind = data.get("kind")
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise Invalid(_find_kind_faults(data))
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise Invalid(_rename_faults(list_faults(error))) from None


def _rename_faults(faults: list[Fault]) -> list[Fault]:
    """An employer without a name is at fault in the name; a list is not too short besides what its entries are."""
    entries = {one.field.rpartition(".")[0] for one in faults}
    named = [Fault(f"{one.field}.name", one.code) if one.code == "employer_name" else one for one in faults]
    return [one for one in named if not (one.code == "too_short" and one.field in entries)]


def _find_kind_faults(data: Mapping[Any, Any]) -> list[Fault]:
    """The kind is at fault; the fields every kind shares are checked as well."""
    first = (
        Fault("kind", "choice", {"choices": ", ".join(_MODELS)})
        if data.get("kind") is not None
        else Fault("kind", "required")
    )
    shared = {str(name): value for name, value in data.items() if name in _Common.model_fields}
    try:
        _Common.model_validate(shared)
    except ValidationError as error:
        return [first, *list_faults(error)]
    return [first]


def parse_part(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Some fields of a request as the form takes them; raises `Invalid` naming every one at fault."""
    try:
        return _PARTS[kind].model_validate(dict(values)).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        raise Invalid(_rename_faults(list_faults(error))) from None


def list_fields(kind: str) -> frozenset[str]:
    """The fields of this kind's form."""
    return frozenset(_PARTS[kind].model_fields)


def list_askable_fields(kind: str) -> tuple[str, ...]:
    """The fields of this kind's form that a question of staff may name, in the form's order (A12)."""
    return _ASKABLE[kind]


def find_question_faults(kind: str, fields: Sequence[str]) -> list[Fault]:
    """The fields that a question names and the form of this kind doesn't have, or that stay; each by its name (A12)."""
    unknown = [name for name in fields if name not in _ASKABLE[kind]]
    return [Fault("fields", "field_not_askable", {"name": name}) for name in unknown]


def list_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The fields by which two stored requests differ: what each was, and what it is."""
    names = [*after, *(name for name in before if name not in after)]
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}


def amend_request(request: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A stored request with the answer's changed fields laid over it, as the form takes them (A12).

    Raises `Invalid` for fields that stay, and for those the form would refuse. What a case opened without a form
    lacks is not held against an answer about something else.
    """
    fixed = [
        Fault(field, "not_changeable") for field in _FIXED if field in changes and changes[field] != request.get(field)
    ]
    if fixed:
        raise Invalid(fixed)
    merged = dict(request)
    for field, value in changes.items():
        old = merged.get(field)
        merged[field] = {**old, **value} if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    try:
        return parse_request(merged).model_dump(mode="json")
    except Invalid as invalid:
        faults = [one for one in invalid.faults if one.field.partition(".")[0] in changes]
        if faults:
            raise Invalid(faults) from None
    return {**merged, **parse_part(merged["kind"], {field: merged[field] for field in changes})}
