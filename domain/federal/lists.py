"""The published federal lists: their columns, and the rows a person's registrations come to (B8, B18–B20); no files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.federal.markets import Market, NpnStatus
from domain.federal.policy import ListCodes
from domain.federal.profile import ProfileStatus, StoredContact, StoredProfile
from domain.federal.registration import RegistrationState
from domain.shared.applicant import StoredAddress
from domain.shared.cases.stages import TAKEN_BACK, Stage
from domain.shared.documents.formulas import quote_formula

EASTERN = ZoneInfo("America/New_York")
DATE_FORMAT = "%m/%d/%Y"


class PublishedList(StrEnum):
    """Every list published here."""

    RCL = "rcl"
    TERMINATIONS = "terminations"
    FIND_LOCAL_HELP = "find_local_help"
    HELP_ON_DEMAND = "help_on_demand"
    TRACKER = "tracker"


COLUMNS: dict[PublishedList, tuple[str, ...]] = {
    PublishedList.RCL: (
        "npn",
        "applicable_plan_year",
        "individual_registration_completion_date",
        "individual_marketplace_end_date",
        "shop_registration_completion_date",
        "shop_end_date",
        "npn_valid_current_plan_year_only",
        "status",
    ),
    PublishedList.TERMINATIONS: (
        "npn",
        "status",
        "marketplaces",
        "effective_plan_year",
        "registration_completion_date",
        "termination_or_suspension_date",
    ),
    PublishedList.FIND_LOCAL_HELP: (
        "first_name",
        "last_name",
        "business_name",
        "address",
        "city",
        "state",
        "zip",
        "phone",
        "email",
        "website",
        "languages",
        "markets",
        "helps",
    ),
    PublishedList.HELP_ON_DEMAND: (
        "npn",
        "applicable_plan_year",
        "first_name",
        "last_name",
        "business_name",
        "state",
        "zip",
        "phone",
        "email",
        "languages",
        "available_for",
    ),
    PublishedList.TRACKER: (
        "npn",
        "plan_year",
        "profile",
        "npn_status",
        "individual_training",
        "individual_agreements",
        "individual_completed_on",
        "shop_training",
        "shop_agreements",
        "shop_completed_on",
        "status",
    ),
}

# † How the cells are written that no published document fixes, or that we fill from less than it asks for: decision 13.
MARKETPLACES = {
    frozenset({Market.INDIVIDUAL}): "INDIVIDUAL",
    frozenset({Market.SHOP}): "SHOP",
    frozenset(Market): "BOTH",
}
HELPS = {Market.INDIVIDUAL: "consumers", Market.SHOP: "small employers and their employees"}
VALID = "Y"
BETWEEN = "; "

_TRACKED = frozenset({NpnStatus.VERIFIED, NpnStatus.UNVERIFIED})


@dataclass(frozen=True)
class ListedRegistration:
    """One registration: the fold over its facts, its profile as saved, and its window's last day, if it has one.

    ``codes`` are those of its policy.
    """

    state: RegistrationState
    profile: StoredProfile
    closes_on: date | None = None
    codes: ListCodes = field(default_factory=ListCodes)


@dataclass(frozen=True)
class ListRow:
    """One line of a list. ``key`` orders the list and begins with the plan year.

    A line that is not ``firm`` is about an NPN nobody has confirmed yet: it takes nobody's place.
    """

    list: PublishedList
    key: str
    cells: tuple[str, ...]
    firm: bool = True


@dataclass(frozen=True)
class PublicContact:
    """How consumers reach somebody, from the professional contact, else the business, else the person (B8)."""

    business_name: str
    address: str
    city: str
    state: str
    zip: str
    phone: str
    email: str
    website: str
    languages: str


@dataclass(frozen=True)
class _Completion:
    """A market that was completed: when and until when; whether that is over, and whether it is barred, by which code.

    ``ended_at`` is when a registration ended, or its authority was suspended. ``code`` is empty for who withdrew.
    """

    at: datetime
    until: date | None
    ended_at: datetime | None
    code: str

    @property
    def is_barred(self) -> bool:
        """Whether it is over, and not by who is listed."""
        return bool(self.code)


def build_rows(assister_id: str, plan_year: int, attempts: Sequence[ListedRegistration]) -> list[ListRow]:
    """Everything the lists say of a person's registrations of one plan year, the first attempt first.

    Only those with the role of an agent or broker are listed (B9), and under the NPN of the profile they saved; on
    the lists of completed registrations only once the licence registry has confirmed it. The tracker's row alone where
    `keeps_rows` holds. Of somebody whose NPN is not proven there is no row at all (D2).
    """
    listed = [one for one in attempts if one.state.is_listed_role and one.state.profile.version > 0]
    listed = [one for one in listed if not one.state.opening.npn_unproven]
    by_npn: dict[str, list[ListedRegistration]] = {}
    for one in listed:
        if one.state.profile.npn in _TRACKED and one.profile.npn:
            by_npn.setdefault(one.profile.npn, []).append(one)
    rows: list[ListRow] = []
    for npn, ours in by_npn.items():
        rows += _build_npn_rows(npn, plan_year, ours)
    if listed and listed[-1] is attempts[-1]:
        rows += _build_help_rows(assister_id, plan_year, listed[-1])
    return [row for row in rows if row.list is PublishedList.TRACKER] if keeps_rows(attempts) else rows


def keeps_rows(attempts: Sequence[ListedRegistration]) -> bool:
    """Whether what the lists say of a person's plan year stays there, whatever they should say now.

    The profile saved last names an NPN or a name about which the registry is silent, and it has confirmed the one
    before: under that one the registration stays listed until the registry has answered (B9). A suspension shows.
    """
    stand = (one.state for one in attempts if not one.state.ended and not one.state.authority.is_suspended)
    return any(state.profile.confirmed_before for state in stand)


def make_npn_key(plan_year: int, npn: str) -> str:
    """The key of the lists that go by NPN."""
    return f"{plan_year:04d}:{npn:0>10}"


def format_cell(value: object) -> str:
    """One cell, made safe in this one place: no tab, line break or other control character, and no formula."""
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return quote_formula(text)


def select_contact(profile: StoredProfile) -> PublicContact:
    """What is listed of a profile. Addresses are the business's first; phones lose the plus of their country code."""
    business = profile.business_contact or StoredContact()
    professional = profile.professional_contact or StoredContact()
    address = business.address or professional.address or StoredAddress()
    return PublicContact(
        business_name=business.name or professional.name or "",
        address=", ".join(filter(None, (address.line1, address.line2))),
        city=address.city,
        state=address.state,
        zip=address.postal_code,
        phone=(professional.phone or business.phone or profile.phone).lstrip("+"),
        email=professional.email or business.email or profile.email,
        website=professional.website or business.website or "",
        languages=BETWEEN.join(dict.fromkeys((*professional.languages, *business.languages))),
    )


def format_list_date(at: datetime | None) -> str:
    """The date of an instant in the federal marketplace, as the lists write it; empty for none."""
    return at.astimezone(EASTERN).strftime(DATE_FORMAT) if at else ""


def _build_row(name: PublishedList, key: str, values: Iterable[object], firm: bool = True) -> ListRow:
    cells = tuple(map(format_cell, values))
    assert len(cells) == len(COLUMNS[name]), f"{name} has {len(COLUMNS[name])} columns"
    return ListRow(name, key, cells, firm)


def _build_npn_rows(npn: str, plan_year: int, attempts: Sequence[ListedRegistration]) -> Iterator[ListRow]:
    key = make_npn_key(plan_year, npn)
    confirmed = [one for one in attempts if one.state.profile.npn is NpnStatus.VERIFIED]
    yield _build_row(
        PublishedList.TRACKER, key, _list_tracked_cells(npn, plan_year, attempts[-1].state), firm=bool(confirmed)
    )
    completed = {market: found for market in Market if (found := _find_completions(market, confirmed))}
    if completed:
        yield _build_row(PublishedList.RCL, key, _list_registered_cells(npn, plan_year, confirmed[-1], completed))
    if over := {market: one for market, found in completed.items() if (one := _find_termination(found))}:
        yield _build_row(PublishedList.TERMINATIONS, key, _list_terminated_cells(npn, plan_year, completed, over))


def _find_completions(market: Market, attempts: Iterable[ListedRegistration]) -> list[_Completion]:
    """Every time a market was completed, the first time first."""
    found = []
    for one in attempts:
        state = one.state
        if market in state.completed_at:
            ended_at = state.ended_at if state.stage in TAKEN_BACK else state.authority.suspended_since
            until = ended_at.astimezone(EASTERN).date() if ended_at else one.closes_on
            found.append(_Completion(state.completed_at[market], until, ended_at, _find_code(one)))
    return found


def _find_code(one: ListedRegistration) -> str:
    """The code of what bars a registration: of a suspension that of its first cause; an appeal leaves it as it is."""
    appeal = one.state.open_appeal
    match appeal.filed.appealed if appeal else one.state.stage:
        case Stage.REVOKED:
            return one.codes.revoked
        case Stage.TERMINATED:
            return one.codes.terminated
    cause = next(iter(one.state.authority.causes), None)
    code: str = getattr(one.codes, cause) if cause else ""
    return code


def _find_termination(completed: Sequence[_Completion]) -> _Completion | None:
    """What the termination list says of a market: its end or suspension; what barred it once it is reinstated."""
    last = completed[-1]
    return last if last.ended_at else next((one for one in reversed(completed) if one.is_barred), None)


def _format_status(completed: Mapping[Market, Sequence[_Completion]]) -> str:
    """R where a later registration completed a market again that was barred, else T where one is barred."""
    again = (one for found in completed.values() if not found[-1].ended_at for one in reversed(found[:-1]))
    reinstated = next((one.code for one in again if one.is_barred), "")
    barred = next((found[-1].code for found in completed.values() if found[-1].is_barred), "")
    return f"R{reinstated}" if reinstated else f"T{barred}" if barred else ""


def _list_registered_cells(
    npn: str, plan_year: int, last: ListedRegistration, completed: Mapping[Market, Sequence[_Completion]]
) -> Iterator[object]:
    yield from (npn, plan_year)
    for market in Market:
        newest = completed[market][-1] if market in completed else None
        yield format_list_date(newest.at if newest else None)
        yield newest.until.strftime(DATE_FORMAT) if newest and newest.until else ""
    yield VALID if last.state.stage not in (Stage.CLOSED, Stage.SUSPENDED) else ""
    yield _format_status(completed)


def _list_terminated_cells(
    npn: str,
    plan_year: int,
    completed: Mapping[Market, Sequence[_Completion]],
    over: Mapping[Market, _Completion],
) -> tuple[object, ...]:
    return (
        npn,
        _format_status(completed),
        MARKETPLACES[frozenset(over)],
        plan_year,
        format_list_date(min(one.at for one in over.values())),
        format_list_date(max(one.ended_at for one in over.values() if one.ended_at)),
    )


def _list_tracked_cells(npn: str, plan_year: int, state: RegistrationState) -> Iterator[object]:
    yield from (npn, plan_year, _format_done(state.profile.status is ProfileStatus.COMPLETE), state.profile.npn)
    for market in Market:
        applies = market in state.markets
        yield _format_done(market in state.trained_at) if applies else "not_applicable"
        yield _format_done(market in state.agreed_at) if applies else "not_applicable"
        yield format_list_date(state.completed_at.get(market))
    if state.ended or state.authority.is_suspended:
        yield state.stage
    else:
        yield "complete" if set(state.markets) <= set(state.completed_at) else "in_progress"


def _format_done(is_done: bool) -> str:
    return "complete" if is_done else "incomplete"


def _build_help_rows(assister_id: str, plan_year: int, attempt: ListedRegistration) -> Iterator[ListRow]:
    """Where consumers look for help: who is registered now, and whom they help (B8)."""
    state, profile = attempt.state, attempt.profile
    markets = [market for market in Market if market in state.completed_at]
    if state.ended or state.authority.is_suspended or not markets or state.profile.npn is not NpnStatus.VERIFIED:
        return
    contact, names = select_contact(profile), (profile.first_name, profile.last_name)
    helps = BETWEEN.join(HELPS[market] for market in markets)
    key = f"{plan_year:04d}:{assister_id}"
    yield _build_row(
        PublishedList.FIND_LOCAL_HELP,
        key,
        (
            *names,
            contact.business_name,
            contact.address,
            contact.city,
            contact.state,
            contact.zip,
            contact.phone,
            contact.email,
            contact.website,
            contact.languages,
            BETWEEN.join(markets),
            helps,
        ),
    )
    yield _build_row(
        PublishedList.HELP_ON_DEMAND,
        key,
        (
            profile.npn,
            plan_year,
            *names,
            contact.business_name,
            contact.state,
            contact.zip,
            contact.phone,
            contact.email,
            contact.languages,
            helps,
        ),
    )
