"""Policies: each program's rules, as versioned, dated data. A case keeps the one it began with."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from domain.federal.markets import Curriculum, FederalList
from domain.shared.assister import AssisterType, Kind
from domain.shared.faults import Fault


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LmsIds(_Data):
    """The IRIs by which the LMS reports: its home page, and one activity each (A19, A20)."""

    home_page: str
    account_id: str
    profile_id: str
    course_id: str
    exam_id: str


class Contact(_Data):
    """Whom to ask about one topic; ``label`` per language (A31)."""

    label: dict[str, str]
    phone: str | None = None
    email: str | None = None


class Contacts(_Data):
    """The exchange's contacts by topic (A31)."""

    general: Contact
    portals: Contact
    training: Contact


class Link(_Data):
    """A page worth reading; ``label`` per language (A32)."""

    label: dict[str, str]
    url: str


class Intake(_Data):
    """Whom the exchange takes in as *new* agents and brokers (A7): home state, or both addresses in these states."""

    kinds: tuple[Kind, ...]
    home_state: str
    neighbour_states: tuple[str, ...]

    def admits(self, kind: Kind, assister_type: AssisterType, physical: str | None, business: str | None) -> bool:
        """Whether these addresses (two-letter states) may come in; returning, lapsed and other kinds always may."""
        if assister_type is not AssisterType.NEW or kind not in self.kinds:
            return True
        return physical == self.home_state or {physical, business} <= set(self.neighbour_states)


class Windows(_Data):
    """When a plan year's certification is open. An absent date means there is no such limit (C6)."""

    opens_on: date | None = None
    closes_on: date | None = None

    def open_on(self, today: date) -> bool:
        """Whether a day lies in the window."""
        return (self.opens_on is None or self.opens_on <= today) and (self.closes_on is None or today <= self.closes_on)

    def closes_at(self, zone: tzinfo) -> datetime | None:
        """The first instant after the last day, in UTC."""
        if self.closes_on is None:
            return None
        return datetime.combine(self.closes_on + timedelta(days=1), time(), zone).astimezone(UTC)


class ProgramPolicy(_Data):
    """What the rules of every program say, for one plan year."""

    program: str
    plan_year: int
    version: int = 1
    carried_over_from: int | None = Field(
        default=None, description="the year whose rules these are, where none were published"
    )
    contacts: Contacts
    windows: Windows
    time_zone: str | None = Field(default=None, description="whose date it is; none means the fixed offset")
    utc_offset_hours: int = Field(default=-7, description="offset of the exchange's midnight from UTC, for dates only")
    reminder_every_days: int = Field(
        default=14, description="days between gentle reminders; they never expire a case (A18)"
    )
    reminders_at_most: int = Field(default=12, description="reminders for one wait, then silence")
    status_link_days: int = Field(default=400, description="life of an e-mailed status link")


class Policy(ProgramPolicy):
    """The exchange's rules for one plan year (A)."""

    pass_mark: Decimal = Field(description="smallest passing score, 0 to 1 (A21)")
    lms: LmsIds
    resources: dict[Kind, tuple[Link, ...]]
    referrals: dict[str, tuple[str, ...]] = Field(description="where counselors refer people to, per language (A6)")
    intake: Intake
    home_state: str = "NM"
    license_unknown_after_seconds: int = Field(
        default=3600, description="how long look-ups are retried before staff see 'unknown' (A13)"
    )
    activation_link_days: int = Field(default=7, description="life of a counselor's activation link (A28)")

    @field_serializer("pass_mark")
    def _exact(self, value: Decimal) -> str:
        return str(value)


class MlmsIds(_Data):
    """The IRIs by which the MLMS reports: its home page, and an activity for each course (B13)."""

    home_page: str
    courses: dict[Curriculum, str]


class Vendor(_Data):
    """A training vendor approved by HHS, and what it may train (B13)."""

    name: str
    curricula: tuple[Curriculum, ...]


class FederalPolicy(ProgramPolicy):
    """The federal marketplace's rules for one plan year (B)."""

    mlms: MlmsIds
    vendors: dict[str, Vendor] = Field(description="the approved ones, by their ids (B13)")
    launch_ticket_minutes: int = Field(default=30, description="life of a launch ticket (B14)")
    launch_tickets_at_once: int = Field(default=20, description="unused ones a registration may have (B14)")
    lags: dict[FederalList, int] = Field(description="business days until a registration must be listed (B18–B20)")
    look_at_hour: int = Field(default=12, description="the hour of a business day at which the lists are read")
    help_desk: str = Field(description="where a missing entry is asked about (B21)")
    links: dict[str, Link] = Field(description="the portal's links by what they are for (B3, B4, B18–B20)")
    resources: tuple[Link, ...]


def local_date(policy: ProgramPolicy, now: datetime) -> date:
    """The program's date at an instant: windows, licences, certificates and business days are measured in it."""
    return now.astimezone(zone_of(policy)).date()


def window_faults(policy: ProgramPolicy, today: date) -> list[Fault]:
    """What is wrong with a request for this plan year on a day: its window is not open yet, or closed (C6)."""
    if policy.windows.opens_on and today < policy.windows.opens_on:
        return [Fault("plan_year", "window_not_open")]
    if policy.windows.closes_on and today > policy.windows.closes_on:
        return [Fault("plan_year", "window_closed")]
    return []


def zone_of(policy: ProgramPolicy) -> tzinfo:
    """The time zone of the program's dates."""
    return ZoneInfo(policy.time_zone) if policy.time_zone else timezone(timedelta(hours=policy.utc_offset_hours))
