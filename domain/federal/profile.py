"""The federal registration request and the MLMS profile: fields by role, whose NPNs they name, what the registry said.

The fold of a profile's facts is the last part (B5–B10).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from domain.federal.facts import ProfileSavedData, ProfileVersionData
from domain.federal.markets import Market, NpnStatus, Role
from domain.federal.policies import find_federal_policy
from domain.shared.applicant import AddressedAs, Applicant, StoredAddress, is_unsaid
from domain.shared.assister import is_alike_name
from domain.shared.cases.facts import FactKind, FactLog
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import (
    Address,
    Email,
    LastName,
    Line,
    Name,
    Npn,
    PersonName,
    Phone,
    StrictForm,
    make_error,
    parse_npn,
)
from domain.shared.documents.formulas import begins_formula
from domain.shared.licenses.watch import LicenseStanding, LicenseVerdict, find_expiry
from domain.shared.licensing import HealthLine, Producer, find_health_line, is_being_renewed, is_in_force
from domain.shared.stored import StoredData

NPN_FIELDS = ("npn", "business_npn", "web_entity_npn")
REQUIRED: dict[Role, tuple[str, ...]] = {
    Role.MARKETPLACE_AGENT_BROKER: ("npn", "business_contact", "professional_contact"),
    Role.NOT_AN_AGENT_BROKER: ("professional_contact",),
}
_ONLY_PROFILE = ("verified",)
_FIXED = ("program", "plan_year", "markets")


def _no_formula(text: str) -> str:
    """What is published in lists must not be a formula where somebody opens them in a spreadsheet."""
    if begins_formula(text):
        raise make_error("no_formula")
    return text


def _website(text: str) -> str:
    if not text.startswith(("https://", "http://")) or not text.isascii() or any(c.isspace() for c in text):
        raise make_error("website")
    return text


def _distinct(markets: tuple[Market, ...]) -> tuple[Market, ...]:
    return tuple(market for market in Market if market in markets)


def _year(value: int) -> int:
    if find_federal_policy(value) is None:
        raise make_error("no_policy")
    return value


def _verified(value: bool) -> bool:
    if not value:
        raise make_error("verify_first")
    return value


Form = TypeVar("Form", bound=BaseModel)


class ProfessionalContact(StrictForm):
    """How to reach the person in their profession; listed where consumers look for help (B8)."""

    name: Annotated[Name, AfterValidator(_no_formula)] | None = None
    email: Email
    phone: Phone
    address: Address | None = None
    website: Annotated[Line, AfterValidator(_website)] | None = None
    languages: Annotated[tuple[Annotated[Name, AfterValidator(_no_formula)], ...], Field(max_length=10)] = ()


class BusinessContact(ProfessionalContact):
    """The business they work from: its address is where consumers find them (B8)."""

    address: Address


class _Profile(StrictForm):
    language: Literal["en", "es"] = "en"
    addressed_as: AddressedAs = Field(default="", exclude_if=is_unsaid)
    first_name: PersonName
    last_name: LastName
    email: Email
    phone: Phone
    role: Role
    npn: Npn | None = None
    business_npn: Npn | None = None
    web_entity_npn: Npn | None = None
    business_contact: BusinessContact | None = None
    professional_contact: ProfessionalContact | None = None


class RegistrationRequest(_Profile):
    """A request to register; what it says of the profile is a draft until it is saved (B3, B5)."""

    program: Literal["ffm"]
    plan_year: Annotated[int, Field(strict=True), AfterValidator(_year)]
    markets: Annotated[tuple[Market, ...], Field(min_length=1, max_length=2), AfterValidator(_distinct)]


class StoredContact(StoredData):
    """A business or professional contact as it is stored; a field that was not given is empty."""

    name: str | None = None
    email: str = ""
    phone: str = ""
    address: StoredAddress | None = None
    website: str | None = None
    languages: tuple[str, ...] = ()


class StoredProfile(Applicant):
    """A profile as it is stored, or the draft before it is saved; one opened without a form may lack contacts."""

    role: Role
    markets: tuple[Market, ...]
    phone: str = ""
    business_npn: str | None = None
    web_entity_npn: str | None = None
    business_contact: StoredContact | None = None
    professional_contact: StoredContact | None = None

    @property
    def npns(self) -> dict[str, str]:
        """The NPNs it names, by field; they are looked up one by one (B9, B10)."""
        return {name: npn for name in NPN_FIELDS if (npn := getattr(self, name))}

    def has_npns_of(self, saved: "StoredProfile") -> bool:
        """Whether it names the NPNs and the person of the one before: what the registry said of that one holds."""
        same_name = (self.first_name, self.last_name) == (saved.first_name, saved.last_name)
        return same_name and self.npns == saved.npns


DRAFT_FIELDS = frozenset(RegistrationRequest.model_fields)
_Draft: type[StrictForm] = create_model(
    "_Draft",
    __base__=StrictForm,
    **{name: (field.rebuild_annotation(), None) for name, field in RegistrationRequest.model_fields.items()},  # type: ignore[call-overload]
)


class _Save(RegistrationRequest):
    verified: Annotated[bool, Field(strict=True), AfterValidator(_verified)] = True


def parse_registration(data: object) -> RegistrationRequest:
    """The request in ``data`` (parsed JSON). Raises `Invalid` with every fault named."""
    values = data if isinstance(data, Mapping) else {}
    npns = [one for one in _find_missing(values) if one.field in NPN_FIELDS]
    return _validate_with_faults(RegistrationRequest, data, [*npns, *_find_copied(values)])


def parse_draft(values: Mapping[str, Any]) -> dict[str, Any]:
    """Some fields of a request as it takes them, for somebody who registers without one.

    Raises `Invalid` naming every one at fault.
    """
    return _validate(_Draft, values).model_dump(mode="json", exclude_unset=True)


def parse_profile(draft: Mapping[str, Any], changes: object) -> dict[str, Any]:
    """The profile as it would be saved: the changes laid over what is known, every field its role needs there (B5, B7).

    ``changes`` is parsed JSON; null takes a field away. Raises `Invalid` with every fault named.
    """
    if not isinstance(changes, Mapping):
        raise Invalid([Fault("body", "object")])
    fixed = [Fault(name, "not_changeable") for name in _FIXED if name in changes and changes[name] != draft.get(name)]
    merged = {name: value for name, value in {**draft, **changes}.items() if value is not None}
    saved = _validate_with_faults(_Save, merged, [*fixed, *_find_missing(merged), *_find_copied(merged)])
    return saved.model_dump(mode="json", exclude=set(_ONLY_PROFILE))


def _validate_with_faults(model: type[Form], data: object, faults: Sequence[Fault]) -> Form:
    """The form in ``data``, unless the rules found ``faults``: all of them are named, a field's own rule first."""
    try:
        found = _validate(model, data)
    except Invalid as invalid:
        named = {fault.field for fault in faults}
        raise Invalid([*(one for one in invalid.faults if one.field not in named), *faults]) from None
    if faults:
        raise Invalid(faults)
    return found


def _validate(model: type[Form], data: object) -> Form:
    if not isinstance(data, Mapping):
        raise Invalid([Fault("body", "object")])
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise Invalid(list_faults(error)) from None


def _find_missing(profile: Mapping[str, Any]) -> list[Fault]:
    """The fields that the role asks for and the profile lacks (B5, B9)."""
    role = profile.get("role")
    required = REQUIRED[Role(role)] if role in tuple(Role) else ()
    return [
        Fault(name, "npn_required" if name == "npn" else "required_of_role")
        for name in required
        if not profile.get(name)
    ]


def _find_copied(profile: Mapping[str, Any]) -> list[Fault]:
    """Individual, business and web-based entity have NPNs of their own (B10)."""
    seen: dict[str, str] = {}
    faults = []
    for name in NPN_FIELDS:
        number = profile.get(name)
        if not isinstance(number, str):
            continue
        number = parse_npn(number)
        if number and number in seen:
            faults.append(Fault(name, "npn_copied"))
        elif number:
            seen[number] = name
    return faults


def find_account_fault(profile: Applicant, *, has_key: bool, has_email: bool) -> Fault | None:
    """The field by which a profile is another person's: by the key of an NPN or e-mail, or an account's e-mail (B3)."""
    if has_key and profile.npn:
        return Fault("npn", "second_account")
    return Fault("email", "second_account") if has_key or has_email else None


def list_changed_fields(profile: Mapping[str, Any], saved: Mapping[str, Any]) -> list[str]:
    """The names of the fields in which a profile differs from the one before."""
    return sorted(name for name in {*profile, *saved} if profile.get(name) != saved.get(name))


def find_npn_faults(profile: Applicant, producers: Mapping[str, Producer | None]) -> list[Fault]:
    """What the registry's answers, by field, say against a profile (B9, B10, E15).

    A likeness of names is for staff to look at, and keeps nobody from going on (P19).
    """
    faults = []
    for field, producer in producers.items():
        if producer is None:
            faults.append(Fault(field, "npn_unknown"))
        elif field == "npn":
            if producer.entity == "firm":
                faults.append(Fault(field, "npn_of_firm"))
            elif not is_alike_name(profile.first_name, profile.last_name, producer.first_name, producer.last_name):
                faults.append(Fault(field, "npn_other_name"))
            elif find_health_line([one for one in producer.licenses if one.active]) is HealthLine.MISSING:
                faults.append(Fault(field, "npn_no_health_line"))
        elif producer.entity == "individual":
            faults.append(Fault(field, "npn_of_individual"))
    return faults


def judge_marketplace_license(
    producer: Producer | None, first_name: str, last_name: str, today: date
) -> LicenseVerdict:
    """How the licences of somebody registered stand by the registry's answer of today: one of any state will do (E2).

    One that was taken at registration though its lines weren't known, or its name was longer, stays good by that.
    """
    if producer is None:
        return LicenseVerdict(LicenseStanding.LAPSED, "npn_gone")
    if producer.entity == "firm" or not is_alike_name(first_name, last_name, producer.first_name, producer.last_name):
        return LicenseVerdict(LicenseStanding.LAPSED, "license_of_another")
    if not producer.licenses:
        return LicenseVerdict(LicenseStanding.UNCLEAR)  # the registry's silence, as at registration
    active = [one for one in producer.licenses if one.active]
    if not active:
        return LicenseVerdict(LicenseStanding.LAPSED, "license_inactive")
    expires_on = find_expiry(active)
    current = [one for one in active if is_in_force(one, today)]
    usable = current or [one for one in active if is_being_renewed(one, today)]
    if not usable:
        return LicenseVerdict(LicenseStanding.LAPSED, "license_run_out", expires_on)
    line = find_health_line(usable)
    if line is HealthLine.MISSING:
        return LicenseVerdict(LicenseStanding.LAPSED, "health_line_gone", expires_on)
    is_clear = bool(current) and line is HealthLine.HELD
    return LicenseVerdict(LicenseStanding.GOOD if is_clear else LicenseStanding.UNCLEAR, None, expires_on)


class ProfileStatus(StrEnum):
    """Where the MLMS profile stands (B7)."""

    INCOMPLETE = "incomplete"
    SAVED = "saved"
    COMPLETE = "complete"


class Profile(BaseModel):
    """The profile as saved last: its version, counted from 1 (0: never saved), role and NPNs."""

    model_config = ConfigDict(frozen=True)

    status: ProfileStatus
    version: int
    role: Role
    npn: NpnStatus | None
    saved_at: datetime | None
    completed_at: datetime | None
    confirmed_before: bool = Field(
        default=False,
        description="the registry is silent about this profile, and has confirmed the one it answered about last",
    )


_COUNTS = (NpnStatus.VERIFIED, NpnStatus.NOT_REQUIRED)  # with which a profile can be complete
Verdicts = Mapping[int, tuple[NpnStatus, datetime]]


def fold_profile(role: Role, log: FactLog) -> Profile:
    """The profile the facts come to; the role is the one asked for, until a profile is saved."""
    saves = [(fact.read_as(ProfileSavedData), fact.at) for fact in log.find_all(FactKind.PROFILE_SAVED)]
    if not saves:
        return Profile(
            status=ProfileStatus.INCOMPLETE, version=0, role=role, npn=None, saved_at=None, completed_at=None
        )
    saves.sort(key=lambda save: save[0].version)
    (_, first_at), (last, last_at) = saves[0], saves[-1]
    verdicts = _fold_verdicts(log)
    npn, _ = _find_npn_status(last, last_at, verdicts)
    next_at = log.find_time(FactKind.PROFILE_COMPLETED)
    done = next_at is not None and npn in _COUNTS
    # A profile that was complete stays so when it is saved anew: its first complete moment counts.
    was = [time for save, at in saves if (time := _find_completion(save, at, verdicts, next_at)) is not None]
    return Profile(
        status=ProfileStatus.COMPLETE if done else ProfileStatus.SAVED,
        version=last.version,
        role=last.role,
        npn=npn,
        saved_at=last_at,
        completed_at=max(min(was), first_at) if done and was else None,
        confirmed_before=npn is NpnStatus.UNVERIFIED and _find_last_answer(saves, verdicts) is NpnStatus.VERIFIED,
    )


def _fold_verdicts(log: FactLog) -> Verdicts:
    """What the registry said later of each saved profile: its first answer, though a confirmation beats a refusal."""
    kinds = ((FactKind.NPN_REFUSED, NpnStatus.REFUSED), (FactKind.NPN_VERIFIED, NpnStatus.VERIFIED))
    return {
        fact.read_as(ProfileVersionData).version: (status, fact.at)
        for kind, status in kinds
        for fact in reversed(log.find_all(kind))
    }


def _find_npn_status(saved: ProfileSavedData, saved_at: datetime, verdicts: Verdicts) -> tuple[NpnStatus, datetime]:
    """What the registry said of one saved profile, and when that was known."""
    later = verdicts.get(saved.version) if saved.npn is NpnStatus.UNVERIFIED else None
    return later or (saved.npn, saved_at)


def _find_last_answer(saves: Sequence[tuple[ProfileSavedData, datetime]], verdicts: Verdicts) -> NpnStatus | None:
    """What is known of the newest profile about which something is known; the oldest of them comes first."""
    known = (_find_npn_status(saved, at, verdicts)[0] for saved, at in reversed(saves))
    return next((npn for npn in known if npn is not NpnStatus.UNVERIFIED), None)


def _find_completion(
    saved: ProfileSavedData, saved_at: datetime, verdicts: Verdicts, next_at: datetime | None
) -> datetime | None:
    """Since when a saved profile is complete: its NPNs known to be right, and Next (B7, B9)."""
    npn, at = _find_npn_status(saved, saved_at, verdicts)
    return max(at, next_at) if next_at is not None and npn in _COUNTS else None
