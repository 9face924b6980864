"""Earlier years, brought in from what the exchange kept before: one document per person (``certify import``)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.federal.markets import Role
from domain.federal.profile import DRAFT_FIELDS, parse_draft
from domain.shared.assister import Kind
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import Email, LastName, Npn, PersonName
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.request import list_fields, parse_part


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(BaseModel):
    """Who it was; further fields of the program's form may come along and are kept, as the form takes them.

    In the federal program, the kind may also be the role.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: Literal["agent", "broker", "enrollment_counselor", "marketplace_agent_broker", "not_an_agent_broker"]
    npn: Npn | None = None
    email: Email
    first_name: PersonName
    last_name: LastName
    language: Literal["en", "es"] = "en"


class Year(_Strict):
    """What happened in one plan year."""

    plan_year: Annotated[int, Field(ge=2010, le=2100)]
    registered: bool = False
    trained: bool = False
    certified: bool = False
    individual_market: bool = False


class ImportedPerson(_Strict):
    """One person's earlier years in one program, and the accounts they left behind: a name or id, or true."""

    person: Person
    program: Literal["bewellnm", "ffm"]
    years: Annotated[tuple[Year, ...], Field(max_length=50)] = ()
    lms_account: str | bool | None = None
    portal_account: str | bool | None = None

    def describe_person(self) -> dict[str, Any]:
        """What is kept of the person, for a case without a form; a federal role given as ``kind`` becomes ``role``."""
        details = self.person.model_dump(mode="json", exclude_none=True)
        if details["kind"] in _ROLES:
            details = {"role": details["kind"], **details}
            del details["kind"]
        return details

    @staticmethod
    def find_account_name(given: str | bool | None, assister_id: str) -> str | None:
        """The account's name: as given; `true` stands for the person's own id; none otherwise."""
        if given is True:
            return assister_id
        return given or None


_KINDS, _ROLES = frozenset(map(str, Kind)), frozenset(map(str, Role))
# What every new case says for itself is not taken from earlier years.
_OF_A_CASE = frozenset({"program", "plan_year", "agreement_accepted", "background_check_consent"})
_LIST = TypeAdapter(list[ImportedPerson])


def parse_import(data: Any) -> list[ImportedPerson]:
    """The people in an import file (parsed JSON: a list). Raises `Invalid` naming every field at fault, by position."""
    if isinstance(data, Mapping) or not isinstance(data, list):
        raise Invalid([Fault("body", "list")])
    try:
        found = _LIST.validate_python(data)
    except ValidationError as error:
        raise Invalid(list_faults(error, drop=frozenset({"str", "bool"}))) from None
    faults: list[Fault] = []
    people = [_add_form_fields(number, one, faults) for number, one in enumerate(found)]
    if faults:
        raise Invalid(faults)
    return people


def _add_form_fields(number: int, one: ImportedPerson, faults: list[Fault]) -> ImportedPerson:
    """The same with the form's further fields in its spelling: a case opened from them is screened by them (A11)."""
    try:
        part = _read_form_fields(one)
    except Invalid as invalid:
        faults += [Fault(f"{number}.person.{fault.field}", fault.code, fault.details) for fault in invalid.faults]
        return one
    known = one.person.model_dump(include=set(Person.model_fields))
    return one.model_copy(update={"person": Person.model_construct(**known | part)})


def _read_form_fields(one: ImportedPerson) -> dict[str, Any]:
    """Those of the program's form; others are nothing that a case of it could use."""
    kind = one.person.kind
    if one.program != FEDERAL_PROGRAM and kind not in _KINDS:
        raise Invalid([Fault("kind", "choice", {"choices": ", ".join(Kind)})])
    fields = (DRAFT_FIELDS if one.program == FEDERAL_PROGRAM else list_fields(kind)) - _OF_A_CASE
    extra = one.person.model_extra or {}
    given = {name: value for name, value in extra.items() if name in fields and value is not None}
    return parse_draft(given) if one.program == FEDERAL_PROGRAM else parse_part(kind, given)
