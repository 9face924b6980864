"""Earlier years, brought in from what the exchange kept before: one document per person (``certify import``)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from domain.federal.markets import Role
from domain.federal.profile import DRAFT_FIELDS, parse_draft
from domain.shared.assister import Identity, Kind, is_same_person
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import Email, LastName, Npn, PersonName
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM, ProgramName
from domain.state.request import list_fields, parse_part

_Account = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


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
    """What happened in one plan year; what is left out didn't happen, or isn't known to have."""

    plan_year: Annotated[int, Field(strict=True, ge=2010, le=2100)]
    registered: StrictBool = False
    trained: StrictBool = False
    certified: StrictBool = False
    individual_market: StrictBool = False


class ImportedPerson(_Strict):
    """One person's earlier years in one program, and the accounts they left behind: a name or id, or true."""

    person: Person
    program: ProgramName
    years: Annotated[tuple[Year, ...], Field(max_length=50)] = ()
    lms_account: _Account | StrictBool | None = None
    portal_account: _Account | StrictBool | None = None

    @property
    def identity(self) -> Identity:
        """Who it was, as people are told apart."""
        return Identity(self.person.npn, self.person.email, self.person.first_name, self.person.last_name)

    def describe_person(self) -> dict[str, Any]:
        """What is kept of the person, for a case without a form; a federal role given as ``kind`` becomes ``role``."""
        details = self.person.model_dump(mode="json", exclude_none=True)
        if details["kind"] in _ROLES:
            details = {"role": details["kind"], **details}
            del details["kind"]
        return details

    def describe(self) -> dict[str, Any]:
        """The record as it was given, in the form's spelling."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)

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
_ANSWERS = ("registered", "trained", "certified", "individual_market")
# Without these the exchange certifies nobody; the marketplace's records may have any of the four without the others.
_NEEDED_TO_CERTIFY = ("registered", "trained")


def parse_import(data: Any) -> list[ImportedPerson]:
    """The people in an import file (parsed JSON: a list).

    Raises `Invalid` naming every field at fault by its row, the first being 0, and what contradicts itself (D8).
    """
    if isinstance(data, Mapping) or not isinstance(data, list):
        raise Invalid([Fault("body", "list")])
    try:
        found = _LIST.validate_python(data)
    except ValidationError as error:
        raise Invalid(list_faults(error, drop=frozenset({"constrained-str", "bool"}))) from None
    faults: list[Fault] = []
    people = [_add_form_fields(number, one, faults) for number, one in enumerate(found)]
    if faults := [*faults, *_find_contradictions(found)]:
        raise Invalid(faults)
    return people


class _SaidBefore(NamedTuple):
    """What a row before has said of somebody: where, of whom, and its years by program, each with its place."""

    row: int
    who: Identity
    years: dict[tuple[str, int], tuple[str, Year]]


def _find_contradictions(people: Sequence[ImportedPerson]) -> Iterator[Fault]:
    """Rows that give one NPN two names or addresses, and years that can't be or are told in two ways (D8)."""
    said: dict[str, _SaidBefore] = {}
    for row, one in enumerate(people):
        who = one.identity
        before = said.setdefault(who.npn or who.email.lower(), _SaidBefore(row, who, {}))
        if not is_same_person(before.who, who):
            yield Fault(f"{row}.person.{_find_difference(before.who, who)}", "row_of_other", {"row": str(before.row)})
            continue
        for number, year in enumerate(one.years):
            place = f"{row}.years.{number}"
            if one.program == STATE_PROGRAM:
                yield from _find_impossible(place, year)
            told_at, told = before.years.setdefault((one.program, year.plan_year), (place, year))
            for answer in _ANSWERS:
                if getattr(told, answer) != getattr(year, answer):
                    yield Fault(f"{place}.{answer}", "year_contradicts", {"other": f"{told_at}.{answer}"})


def _find_impossible(place: str, year: Year) -> Iterator[Fault]:
    """A certification without what comes before it; what is left out contradicts nothing."""
    denied = [name for name in _NEEDED_TO_CERTIFY if name in year.model_fields_set and not getattr(year, name)]
    if year.certified and denied:
        yield Fault(f"{place}.certified", "year_impossible", {"needed": ", ".join(denied)})


def _find_difference(one: Identity, other: Identity) -> str:
    """The field by which two who share an NPN or an address are told apart."""
    return "last_name" if one.email.lower() == other.email.lower() else "email"


def find_import_conflict(known: Identity, imported: ImportedPerson) -> Fault | None:
    """Why a record can't be joined to the person known by its NPN or address: another name or address (D8)."""
    if is_same_person(known, imported.identity):
        return None
    return Fault(f"person.{_find_difference(known, imported.identity)}", "known_otherwise")


def find_year_conflict(known: Mapping[int, Mapping[str, Any]], imported: ImportedPerson) -> Fault | None:
    """Where a record tells a year otherwise than it is known by plan year. What is left out tells nothing."""
    for number, year in enumerate(imported.years):
        before = known.get(year.plan_year)
        for answer in _ANSWERS:
            if before is not None and answer in year.model_fields_set and getattr(year, answer) != before[answer]:
                return Fault(f"years.{number}.{answer}", "year_known_otherwise")
    return None


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
